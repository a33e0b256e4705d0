"""Showing a gallery to people without an account: links, their passwords, and what guests like."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import DatabaseError, IntegrityError, transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac

from gallery.models import Activity, Gallery, GuestVote, PasswordTry, Person, Picture, ShareLink
from gallery.services.activity import record

if TYPE_CHECKING:
    from django.db.models import QuerySet

# So many wrong passwords from one address in this time, and so many from all of them.
MOST_TRIES = 10
MOST_TRIES_OF_ALL = 200
TRIES_WITHIN = timedelta(minutes=15)
# So much may come through one link in an hour, however many guests there are.
MOST_COMMENTS = 60
MOST_VOTES = 600
HOUR = timedelta(hours=1)


class TooMany(Exception):
    """No more of this for now; `until` is when there may be."""

    def __init__(self, until: datetime) -> None:
        super().__init__(f"not before {until}")
        self.until = until


@dataclass(frozen=True, slots=True)
class Guest:
    """Somebody without an account: the name that they gave, and the key of their browser."""

    name: str
    key: str


# -- links


def make_link(
    gallery: Gallery, person: Person, settings: Mapping[str, Any], password: str = ""
) -> tuple[ShareLink, str]:
    """Open a gallery to whoever has the token, which is returned with the link and kept nowhere.

    `settings`: the fields of the link that a person chooses.
    """
    link, token = ShareLink.begin()
    link.gallery, link.created_by = gallery, person
    for name, value in settings.items():
        setattr(link, name, value)
    link.set_password(password)
    with transaction.atomic():
        link.save()
        # Without its label, which is for those who run the gallery: everybody in it reads the log.
        record(gallery, person, Activity.Verb.LINK_MADE)
    return link, token


def change_link(link: ShareLink, settings: Mapping[str, Any], password: str | None = None) -> None:
    """Change what a link shows and allows; with a password of None, that stays.

    A new password, or none (""), ends what the old one has opened.
    """
    changed = list(settings)
    for name, value in settings.items():
        setattr(link, name, value)
    if password is not None:
        link.set_password(password)
        changed.append("password")
    # Not the others: meanwhile it may have been visited, or revoked.
    link.save(update_fields=changed)


def revoke_link(link: ShareLink, by: Person) -> bool:
    """Close a link; tell whether it was open until now."""
    with transaction.atomic():
        if not link.revoke():
            return False
        if link.gallery is not None:
            record(link.gallery, by, Activity.Verb.LINK_ENDED)
    return True


def revoke_links(gallery: Gallery, by: Person) -> int:
    """Close all of a gallery's that are open; return how many they were."""
    return sum(revoke_link(link, by) for link in ShareLink.objects.alive().filter(gallery=gallery))


# -- passwords


def try_password(link: ShareLink, raw: str, address: str) -> bool:
    """Tell whether this is the link's password. Raises TooMany where too many from this address were not.

    A try counts before it is looked at, so that many at the same moment are no way around it.
    """
    now, place = timezone.now(), salted_hmac("gallery.links.place", address, algorithm="sha256").hexdigest()
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


# -- guests


def count_visit(link: ShareLink) -> bool:
    """Tell whether it could be counted: nobody is to wait, or to see nothing, for a number."""
    try:
        with transaction.atomic():
            link.count_visit()
    except DatabaseError:
        return False
    return True


def guest_vote(link: ShareLink, picture: Picture, guest: Guest, wanted: bool = True) -> None:
    """Like a picture, or no longer; raises TooMany."""
    votes = GuestVote.objects.filter(link=link)
    if not wanted:
        votes.filter(picture=picture, guest_key=guest.key).delete()
        return
    with transaction.atomic():
        alone_with(link)
        refuse_more_than(MOST_VOTES, votes)
        try:
            with transaction.atomic():
                GuestVote.objects.create(link=link, picture=picture, guest_key=guest.key, guest=guest.name)
        except IntegrityError:
            # The same press twice.
            votes.filter(picture=picture, guest_key=guest.key).update(guest=guest.name)


def remove_guest_likes(gallery: Gallery, picture: Picture) -> None:
    """All that came through any of the gallery's links."""
    GuestVote.objects.filter(link__gallery=gallery, picture=picture).delete()


def alone_with(link: ShareLink) -> None:
    """In a transaction: whoever wants to leave something through the same link waits, so that none slips by a limit."""
    ShareLink.objects.select_for_update().only("pk").get(pk=link.pk)


def refuse_more_than(most: int, rows: "QuerySet[Any]") -> None:
    """Raises TooMany where so many of these rows, or more, were made within the last hour."""
    _refuse_more_than(most, rows.order_by("-created_at").values_list("created_at", flat=True), HOUR)


def _refuse_more_than(most: int, moments: "QuerySet[Any, datetime]", within: timedelta) -> None:
    """`moments`: the latest first."""
    latest = list(moments[:most])
    if len(latest) == most and latest[-1] > timezone.now() - within:
        raise TooMany(latest[-1] + within)
