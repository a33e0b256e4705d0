"""Put pictures into the trash, restore them, and delete them for good."""

from collections.abc import Collection, Iterable

from django.db import transaction
from django.db.models import Count, Exists, OuterRef
from django.utils import timezone

from gallery.models import Generation, Person, Picture, State


def trash(person: Person, pictures: Iterable[int]) -> list[int]:
    """Put a person's own pictures into the trash, and ignore other people's; return the ids of those moved."""
    with transaction.atomic():
        own = Picture.objects.kept().filter(author=person, pk__in=list(pictures))
        rows = list(own.select_for_update().order_by("pk").values_list("pk", "generation"))
        trashed = [pk for pk, _ in rows]
        Picture.objects.filter(pk__in=trashed).update(trashed_at=timezone.now())
        _leave_feed({generation for _, generation in rows})
    return trashed


def restore(person: Person, pictures: Iterable[int]) -> list[int]:
    """Take a person's pictures out of the trash again; return the ids of those restored."""
    with transaction.atomic():
        trashed = Picture.objects.in_trash_of(person).filter(pk__in=list(pictures))
        rows = list(trashed.select_for_update().order_by("pk").values_list("pk", "generation"))
        restored = [pk for pk, _ in rows]
        Picture.objects.filter(pk__in=restored).update(trashed_at=None)
        Generation.objects.filter(pk__in={generation for _, generation in rows}).update(dismissed=False)
    return restored


def delete_for_good(person: Person, pictures: Iterable[int]) -> int:
    """Delete a person's pictures from the trash, one at a time; return how many. The ledger keeps what was paid."""
    trashed = Picture.objects.in_trash_of(person).filter(pk__in=list(pictures))
    return sum(picture.delete_for_good() for picture in trashed)


def _leave_feed(generations: Collection[int]) -> None:
    """Take generations without a visible picture out of the feed, unless a picture can still be fetched."""
    kept = Picture.objects.kept().filter(generation=OuterRef("pk"))
    empty = Generation.objects.filter(~Exists(kept), pk__in=generations, state=State.COMPLETED)
    rows = empty.annotate(arrived=Count("pictures")).only("results", "deleted_results")
    finished = [row.pk for row in rows if not (row.is_missing_pictures or row.kept_files)]
    Generation.objects.filter(pk__in=finished).update(dismissed=True)
