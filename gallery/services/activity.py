"""What happened in a gallery, written down with the deed itself, and those told whom it concerns."""

from collections.abc import Iterable
from datetime import timedelta

from django.db import connection
from django.db.models import F
from django.utils import timezone

from gallery.models import Activity, Gallery, Notice, Person, Picture
from gallery.queries.roles import Action, people_who_may

# What one person does again within this time goes on with the same line: twelve pictures are one line, not twelve.
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
    """Write a line into a gallery's log. To be called in the transaction of the deed: both are there, or neither.

    `count` is that of the pictures, of which `picture` is the latest; `guest` is the name that a guest gave, who has
    no account and is no actor.
    """
    assert connection.in_atomic_block, "the deed and its line belong into one transaction"
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
    """Tell these people something, each once, and never who did it. What they may not see stays hidden from them.

    Of the same person about the same picture, only the latest word stays unread.
    """
    told = {_pk(one) for one in people} - {None, _pk(actor)}
    if not told:
        return
    same = {"kind": kind, "actor": actor, "guest": guest[:80], "gallery": gallery, "picture": picture}
    if picture is not None:
        Notice.objects.filter(person__in=told, read_at=None, **same).delete()
    Notice.objects.bulk_create(
        Notice(person_id=pk, detail=detail[:300], **same) for pk in sorted(pk for pk in told if pk is not None)
    )


def tell_of_comment(
    gallery: Gallery, picture: Picture, *, by: Person | None = None, guest: str = "", earlier: Iterable[int] = ()
) -> None:
    """After a comment was written: a line in the log, and notices.

    They go to the picture's author and to who had commented on it there before (`earlier`, ids of people); after a
    guest's comment to those, too, who run the gallery.
    """
    record(gallery, by, Activity.Verb.COMMENTED, picture=picture, guest=guest)
    concerned = {picture.author_id, *earlier}
    if by is None:
        concerned |= set(people_who_may(Action.SHARE, gallery).values_list("pk", flat=True))
    notify(concerned, Notice.Kind.COMMENTED, actor=by, guest=guest, gallery=gallery, picture=picture)


def read_all(person: Person) -> int:
    return Notice.objects.filter(person=person, read_at=None).update(read_at=timezone.now())


def _pk(one: Person | Picture | int | None) -> int | None:
    return one if one is None or isinstance(one, int) else one.pk
