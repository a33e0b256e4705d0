"""Share links, which show a gallery to people without an account: the links, their passwords, guests' likes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import DatabaseError, IntegrityError, transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac

from gallery.models import Activity, Gallery, GuestAct, GuestVote, PasswordTry, Person, Picture, ShareLink
from gallery.services.activity import record

if TYPE_CHECKING:
    from django.db.models import QuerySet

# Wrong passwords within TRIES_WITHIN: from one address, and from all addresses together.
MOST_TRIES = 10
MOST_TRIES_OF_ALL = 200
TRIES_WITHIN = timedelta(minutes=15)
# Limits of one link for an hour: for all its guests together, and of each kind for those from one address. So one guest
# cannot use up what is there for the others.
MOST_COMMENTS = 300
MOST_VOTES = 600
MOST_OF_PLACE = 60
HOUR = timedelta(hours=1)


class TooMany(Exception):
    """A limit is reached. `until` is the time from which the next attempt is allowed."""

    def __init__(self, until: datetime) -> None:
        super().__init__(f"not before {until}")
        self.until = until


@dataclass(frozen=True, slots=True)
class Guest:
    """A person without an account: the name that they gave, the key of their browser, and their address."""

    name: str
    key: str
    address: str = ""


# -- links


def make_link(
    gallery: Gallery, person: Person, settings: Mapping[str, Any], password: str = ""
) -> tuple[ShareLink, str]:
    """Open a gallery to people who have the token. Return the link and the token, which is stored nowhere.

    `settings` has the fields of the link that a person chooses.
    """
    link, token = ShareLink.begin()
    link.gallery, link.created_by = gallery, person
    for name, value in settings.items():
        setattr(link, name, value)
    link.set_password(password)
    with transaction.atomic():
        link.save()
        # Without the link's label: all members read the log, but the label is only for those who may share.
        record(gallery, person, Activity.Verb.LINK_MADE)
    return link, token


def change_link(link: ShareLink, settings: Mapping[str, Any], password: str | None = None) -> None:
    """Change what a link shows and allows.

    A password of None keeps the present one; "" removes it. Both a new and a removed password end the sessions that
    the old one opened.
    """
    changed = list(settings)
    for name, value in settings.items():
        setattr(link, name, value)
    if password is not None:
        link.set_password(password)
        changed.append("password")
    # Only these fields: the link may have been visited or revoked meanwhile.
    link.save(update_fields=changed)


def revoke_link(link: ShareLink, by: Person) -> bool:
    """Close a link; return whether it was open until now."""
    with transaction.atomic():
        if not link.revoke():
            return False
        if link.gallery is not None:
            record(link.gallery, by, Activity.Verb.LINK_ENDED)
    return True


def revoke_links(gallery: Gallery, by: Person) -> int:
    """Close all open links of a gallery; return how many there were."""
    return sum(revoke_link(link, by) for link in ShareLink.objects.alive().filter(gallery=gallery))


# -- passwords


def try_password(link: ShareLink, raw: str, address: str) -> bool:
    """Return whether this is the link's password. Raises TooMany after too many wrong ones.

    A try is counted before it is checked, so that many tries at the same moment do not get around the limit.
    """
    now, place = timezone.now(), _place(address)
    tries = PasswordTry.objects.filter(link=link)
    here = tries.filter(place=place)
    with transaction.atomic():
        alone_with(link)
        for rows, most in ((here, MOST_TRIES), (tries, MOST_TRIES_OF_ALL)):
            _refuse_more_than(most, rows.order_by("-at").values_list("at", flat=True), TRIES_WITHIN)
        PasswordTry.objects.create(link=link, place=place, at=now)
    if not link.is_password(raw):
        return False
    here.delete()
    return True


def _place(address: str) -> str:
    return salted_hmac("gallery.links.place", address, algorithm="sha256").hexdigest()


# -- guests


def count_act(link: ShareLink, kind: GuestAct.Kind, address: str) -> None:
    """Count a like or a comment by the address that it came from, within `alone_with(link)`. Raises TooMany.

    What was taken back counts, too.
    """
    GuestAct.objects.filter(link=link, created_at__lt=timezone.now() - HOUR).delete()
    refuse_more_than(MOST_OF_PLACE, GuestAct.objects.filter(link=link, kind=kind, place=_place(address)))
    GuestAct.objects.create(link=link, kind=kind, place=_place(address))


def count_visit(link: ShareLink) -> bool:
    """Count a visit; return whether that worked. A guest sees the page even when the database is busy."""
    try:
        with transaction.atomic():
            link.count_visit()
    except DatabaseError:
        return False
    return True


def guest_vote(link: ShareLink, picture: Picture, guest: Guest, wanted: bool = True) -> None:
    """Add a guest's like to a picture, or take it away. Raises TooMany."""
    votes = GuestVote.objects.filter(link=link)
    if not wanted:
        votes.filter(picture=picture, guest_key=guest.key).delete()
        return
    with transaction.atomic():
        alone_with(link)
        refuse_more_than(MOST_VOTES, votes)
        count_act(link, GuestAct.Kind.LIKE, guest.address)
        try:
            with transaction.atomic():
                GuestVote.objects.create(link=link, picture=picture, guest_key=guest.key, guest=guest.name)
        except IntegrityError:
            # The guest pressed twice.
            votes.filter(picture=picture, guest_key=guest.key).update(guest=guest.name)


def remove_guest_likes(gallery: Gallery, picture: Picture) -> None:
    """Remove all likes that a picture got through the gallery's links."""
    GuestVote.objects.filter(link__gallery=gallery, picture=picture).delete()


def alone_with(link: ShareLink) -> None:
    """Lock the link's row within a transaction, so that guests of one link go in turn and none slips past a limit."""
    ShareLink.objects.select_for_update().only("pk").get(pk=link.pk)


def refuse_more_than(most: int, rows: "QuerySet[Any]") -> None:
    """Raise TooMany if `most` or more of these rows were created within the last hour."""
    _refuse_more_than(most, rows.order_by("-created_at").values_list("created_at", flat=True), HOUR)


def _refuse_more_than(most: int, moments: "QuerySet[Any, datetime]", within: timedelta) -> None:
    """Raise TooMany if `most` or more of `moments`, latest first, lie within this time."""
    latest = list(moments[:most])
    if len(latest) == most and latest[-1] > timezone.now() - within:
        raise TooMany(latest[-1] + within)
