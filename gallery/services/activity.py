"""The log of what happened in a gallery, and notices to the people whom it concerns."""

from collections.abc import Iterable
from datetime import timedelta

from django.db import connection
from django.db.models import F
from django.utils import timezone

from gallery.models import Activity, Gallery, Notice, Person, Picture
from gallery.queries.roles import Action, people_who_may

# A person's repeated action within this time extends the same line: twelve added pictures are one line, not twelve.
SAME = timedelta(minutes=10)
_COUNTED = (Activity.Verb.ADDED, Activity.Verb.REMOVED)


def record(
    gallery: Gallery | int,
    actor: Person | int | None,
    verb: Activity.Verb,
    *,
    picture: Picture | int | None = None,
    count: int = 1,
    detail: str = "",
    guest: str = "",
) -> None:
    """Write a line into a gallery's log. Call it in the transaction of the action, so that both commit or neither.

    `count` is the number of pictures, and `picture` is the latest of them. `guest` is the name that a guest gave. A
    guest has no account, so `actor` is None then.
    """
    assert connection.in_atomic_block, "the action and its line belong in one transaction"
    if not count:
        return
    gallery_id = gallery if isinstance(gallery, int) else gallery.pk
    actor_id, picture_id = _pk(actor), _pk(picture)
    if verb in _COUNTED:
        latest = Activity.objects.filter(gallery=gallery_id).order_by("-pk").first()
        same = latest is not None and (latest.verb, latest.actor_id) == (verb, actor_id)
        if latest is not None and same and latest.created_at > timezone.now() - SAME:
            changes = {"count": F("count") + count, "picture": picture_id, "created_at": timezone.now()}
            Activity.objects.filter(pk=latest.pk).update(**changes)
            return
    Activity.objects.create(
        gallery_id=gallery_id,
        actor_id=actor_id,
        verb=verb,
        picture_id=picture_id,
        count=count,
        detail=detail[:300],
        guest=guest[:80],
    )


def notify(
    people: Iterable[Person | int | None],
    kind: Notice.Kind,
    *,
    actor: Person | None = None,
    guest: str = "",
    gallery: Gallery | None = None,
    picture: Picture | None = None,
    detail: str = "",
) -> None:
    """Send each of these people one notice, except the actor. The page hides what its reader may not see.

    A new notice replaces unread ones of the same kind, from the same person, about the same picture.
    """
    recipients = {_pk(person) for person in people} - {None, _pk(actor)}
    if not recipients:
        return
    same = {"kind": kind, "actor": actor, "guest": guest[:80], "gallery": gallery, "picture": picture}
    if picture is not None:
        Notice.objects.filter(person__in=recipients, read_at=None, **same).delete()
    Notice.objects.bulk_create(
        Notice(person_id=pk, detail=detail[:300], **same) for pk in sorted(pk for pk in recipients if pk is not None)
    )


def tell_of_comment(
    gallery: Gallery, picture: Picture, *, by: Person | None = None, guest: str = "", earlier: Iterable[int] = ()
) -> None:
    """Log a new comment and send notices about it.

    The notices go to the picture's author and to earlier commenters in this gallery (`earlier`, ids of people). For a
    guest's comment they also go to the people who may share the gallery.
    """
    record(gallery, by, Activity.Verb.COMMENTED, picture=picture, guest=guest)
    concerned = {picture.author_id, *earlier}
    if by is None:
        concerned |= set(people_who_may(Action.SHARE, gallery).values_list("pk", flat=True))
    notify(concerned, Notice.Kind.COMMENTED, actor=by, guest=guest, gallery=gallery, picture=picture)


def tell_of_guest_decision(gallery: Gallery, picture: Picture, guest: str, decision: str) -> None:
    """Log it, and send notices to the picture's author and to the people who may share the gallery."""
    record(gallery, None, Activity.Verb.DECIDED, picture=picture, guest=guest, detail=decision)
    concerned = {picture.author_id, *people_who_may(Action.SHARE, gallery).values_list("pk", flat=True)}
    notify(concerned, Notice.Kind.DECIDED, guest=guest, gallery=gallery, picture=picture, detail=decision)


def read_all(person: Person) -> int:
    """Mark a person's notices as read; return how many were unread."""
    return Notice.objects.filter(person=person, read_at=None).update(read_at=timezone.now())


def _pk(row: Person | Picture | int | None) -> int | None:
    return row if row is None or isinstance(row, int) else row.pk
