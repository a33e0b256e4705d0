"""Share links, which show a gallery to people without an account: the links, their passwords, guests' choices."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import DatabaseError, transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac

from gallery.models import Activity, Gallery, GuestAct, GuestVote, PasswordTry, Person, Picture, ShareLink
from gallery.models.share_link import hashed
from gallery.services.activity import record, tell_of_guest_decision
from gallery.services.secrets import Unreadable, decrypt, encrypt

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
    gallery: Gallery, person: Person, settings: Mapping[str, Any], password: str = "", *, keep: bool = False
) -> tuple[ShareLink, str]:
    """Open a gallery to people who have the token. Return the link and the token.

    `settings` has the fields of the link that a person chooses. With `keep` the token is stored, encrypted, so that
    the link can be copied again; without, it is stored nowhere.
    """
    link, token = ShareLink.begin()
    link.gallery, link.created_by = gallery, person
    for name, value in settings.items():
        setattr(link, name, value)
    link.set_password(password)
    if keep:
        link.sealed_token = encrypt(token)
    with transaction.atomic():
        link.save()
        # Without the link's label: all members read the log, but the label is only for those who may share.
        record(gallery, person, Activity.Verb.LINK_MADE)
    return link, token


def token_of(link: ShareLink) -> str | None:
    """The token of a link that was kept; None if it was not, or if the secret key is another one now."""
    try:
        token = decrypt(link.sealed_token) if link.sealed_token else ""
    except Unreadable:
        return None
    return token if hashed(token) == link.token_hash else None


def change_link(
    link: ShareLink, settings: Mapping[str, Any], password: str | None = None, *, forget: bool = False
) -> None:
    """Change what a link shows and allows.

    A password of None keeps the present one; "" removes it. Both a new and a removed password end the sessions that
    the old one opened. With `forget` the link can never be copied again.
    """
    changed = list(settings)
    for name, value in settings.items():
        setattr(link, name, value)
    if password is not None:
        link.set_password(password)
        changed.append("password")
    if forget:
        link.sealed_token = ""
        changed.append("sealed_token")
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
    """Count what a guest does by the address that it came from, within `alone_with(link)`. Raises TooMany.

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


def guest_like(link: ShareLink, picture: Picture, guest: Guest, wanted: bool = True) -> None:
    """Add a guest's like to a picture, or take it away. Raises TooMany."""
    likes = GuestVote.objects.likes().filter(link=link)
    mine = likes.filter(picture=picture, guest_key=guest.key)
    if not wanted:
        mine.delete()
        return
    with transaction.atomic():
        alone_with(link)
        refuse_more_than(MOST_VOTES, likes)
        count_act(link, GuestAct.Kind.LIKE, guest.address)
        # A guest who presses twice likes it once.
        if not mine.update(guest=guest.name):
            GuestVote.objects.create(link=link, picture=picture, guest_key=guest.key, guest=guest.name)


def guest_decide(link: ShareLink, picture: Picture, guest: Guest, kind: str, note: str = "") -> None:
    """Set a guest's decision on a picture, or take it back with an empty `kind`. Raises TooMany.

    The picture's author and the people who may share the gallery get a notice.
    """
    decisions = GuestVote.objects.decisions().filter(link=link)
    mine = decisions.filter(picture=picture, guest_key=guest.key)
    if not kind:
        mine.delete()
        return
    with transaction.atomic():
        alone_with(link)
        refuse_more_than(MOST_VOTES, decisions)
        count_act(link, GuestAct.Kind.DECIDE, guest.address)
        if mine.filter(kind=kind, note=note).exists():
            return
        mine.delete()
        GuestVote.objects.create(
            link=link, picture=picture, guest_key=guest.key, guest=guest.name, kind=kind, note=note
        )
        if link.gallery is not None:
            tell_of_guest_decision(link.gallery, picture, guest.name, kind)


def remove_guest_votes(gallery: Gallery, picture: Picture) -> None:
    """Remove all likes and decisions that a picture got through the gallery's links."""
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
