"""The months of a list of pictures, read from indexes, however many pictures there are.

So about as many are counted: what is in the trash counts along, and an own picture once more for each gallery.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time

from django.db import models
from django.utils import timezone

from gallery.models import GalleryEntry, Picture
from gallery.queries.search import PictureSearch

# Months that a list tells; more than a studio will have for long.
MOST_MONTHS = 240


@dataclass(frozen=True, slots=True)
class Month:
    """The first day of a month, about how many pictures it has, and the ids of its pictures: first, and last."""

    day: date
    count: int
    first: int
    last: int


def months_of(search: PictureSearch) -> list[Month]:
    """The months that have pictures of this list, without its filters, newest first."""
    months = []
    for day, first, last in _all_months():
        count = sum(rows.filter(**{f"{key}__gte": first, f"{key}__lte": last}).count() for rows, key in _ids(search))
        if count:
            months.append(Month(day, count, first, last))
    return months


def _ids(search: PictureSearch) -> "list[tuple[models.QuerySet[Picture] | models.QuerySet[GalleryEntry], str]]":
    """What an index knows of the list: rows, and the name of the column with the picture's id."""
    if search.gallery:
        return [(GalleryEntry.objects.filter(gallery=search.gallery), "picture")]
    own = Picture.objects.filter(author=search.person)
    return [(own, "pk"), (GalleryEntry.objects.filter(gallery__in=search.visible), "picture")]


def _all_months() -> Iterator[tuple[date, int, int]]:
    """Each month in which pictures were made, newest first, with the ids of its first and last picture."""
    by_date = Picture.objects.order_by("-created_at", "-pk").values_list("created_at", "pk")
    newest = by_date.first()
    for _ in range(MOST_MONTHS):
        if newest is None:
            return
        created_at, last = newest
        day = timezone.localtime(created_at).date().replace(day=1)
        begin = timezone.make_aware(datetime.combine(day, time.min))
        within = Picture.objects.filter(created_at__gte=begin).order_by("created_at", "pk")
        yield day, within.values_list("pk", flat=True)[0], last
        newest = by_date.filter(created_at__lt=begin).first()
