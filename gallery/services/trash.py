"""The trash: pictures go into it, come out of it again, or are deleted for good."""

from collections.abc import Collection, Iterable

from django.db import transaction
from django.db.models import Count, Exists, OuterRef
from django.utils import timezone

from gallery.models import Generation, Person, Picture, State


def trash(person: Person, pictures: Iterable[int]) -> list[int]:
    """Put those of these that are this person's own into the trash; return which they were."""
    with transaction.atomic():
        own = Picture.objects.kept().filter(author=person, pk__in=list(pictures))
        rows = list(own.select_for_update().order_by("pk").values_list("pk", "generation"))
        trashed = [pk for pk, _ in rows]
        Picture.objects.filter(pk__in=trashed).update(trashed_at=timezone.now())
        _leave_feed({generation for _, generation in rows})
    return trashed


def restore(person: Person, pictures: Iterable[int]) -> list[int]:
    """Take this person's pictures out of the trash again; return which they were."""
    with transaction.atomic():
        trashed = Picture.objects.in_trash_of(person).filter(pk__in=list(pictures))
        rows = list(trashed.select_for_update().order_by("pk").values_list("pk", "generation"))
        back = [pk for pk, _ in rows]
        Picture.objects.filter(pk__in=back).update(trashed_at=None)
        Generation.objects.filter(pk__in={generation for _, generation in rows}).update(dismissed=False)
    return back


def delete_for_good(person: Person, pictures: Iterable[int]) -> int:
    """Delete what this person has in the trash, each by itself; return how many. What was paid stays in the ledger."""
    trashed = Picture.objects.in_trash_of(person).filter(pk__in=list(pictures))
    return sum(picture.delete_for_good() for picture in trashed)


def _leave_feed(generations: Collection[int]) -> None:
    """Take those out of the feed of which nothing is left to see, unless there is still something to fetch."""
    kept = Picture.objects.kept().filter(generation=OuterRef("pk"))
    empty = Generation.objects.filter(~Exists(kept), pk__in=generations, state=State.COMPLETED)
    rows = empty.annotate(arrived=Count("pictures")).only("results", "deleted_results")
    over = [row.pk for row in rows if not (row.is_missing_pictures or row.kept_files)]
    Generation.objects.filter(pk__in=over).update(dismissed=True)
