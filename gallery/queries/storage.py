"""What takes how much room."""

import shutil
from dataclasses import dataclass

from django.conf import settings
from django.db.models import Count, Q, Sum

from gallery.models import MediaCheck, Person, Picture

# How many people the page lists, those with the most first.
LISTED = 20


@dataclass(frozen=True, slots=True)
class Disk:
    """In bytes."""

    free: int
    total: int

    @property
    def used_percent(self) -> int:
        return 100 - round(100 * self.free / self.total) if self.total else 0

    @property
    def is_short(self) -> bool:
        """Less than a tenth and less than 10 GB are left."""
        return self.free < self.total / 10 and self.free < 10 * 10**9


def disk() -> Disk | None:
    """The disk with the media; None for a bucket, and if it is away or nothing was stored yet."""
    if settings.LEMONSTUDIO_S3_BUCKET:
        return None
    try:
        found = shutil.disk_usage(settings.MEDIA_ROOT)
    except OSError:
        return None
    return Disk(found.free, found.total)


@dataclass(frozen=True, slots=True)
class Share:
    """What one person's originals take, in bytes."""

    person: Person
    pictures: int
    byte_size: int


@dataclass(frozen=True, slots=True)
class Storage:
    pictures: int
    byte_size: int
    uploads: int
    upload_size: int
    trashed: int
    trash_size: int
    shares: list[Share]
    disk: Disk | None
    last_check: MediaCheck | None


def storage() -> Storage:
    """A fixed number of queries. Thumbnails, uploads for one request and downloads are not counted."""
    brought, trashed = ~Q(kind=Picture.Kind.MADE), Q(trashed_at__isnull=False)
    sums = Picture.objects.aggregate(
        number=Count("pk"),
        size=Sum("byte_size"),
        uploads=Count("pk", filter=brought),
        upload_size=Sum("byte_size", filter=brought),
        trashed=Count("pk", filter=trashed),
        trash_size=Sum("byte_size", filter=trashed),
    )
    by_person = Picture.objects.order_by().values_list("author").annotate(number=Count("pk"), size=Sum("byte_size"))
    most = list(by_person.order_by("-size", "author")[:LISTED])
    people = Person.objects.in_bulk([pk for pk, _number, _size in most])
    return Storage(
        pictures=sums["number"],
        byte_size=sums["size"] or 0,
        uploads=sums["uploads"],
        upload_size=sums["upload_size"] or 0,
        trashed=sums["trashed"],
        trash_size=sums["trash_size"] or 0,
        shares=[Share(people[pk], number, size or 0) for pk, number, size in most],
        disk=disk(),
        last_check=MediaCheck.objects.order_by("-pk").first(),
    )
