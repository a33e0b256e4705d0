"""Keeping order among pictures: marks, tags, the trash; of one picture or of many at once."""

import unicodedata
from collections.abc import Collection, Iterable, Sequence

from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q
from django.utils import timezone

from gallery.models import Activity, Gallery, GalleryEntry, Generation, Mark, Person, Picture, State, Tag
from gallery.models.picture import PictureQuerySet
from gallery.queries.roles import Action, roles_for
from gallery.services.activity import record
from gallery.services.edits import Unfit

# Of what is done to many pictures, to so many at once.
MOST_AT_ONCE = 500
MOST_TAGS = 30
LONGEST_TAG = 60
RATINGS = range(1, 6)

TaggedPicture = Tag.pictures.through


# -- marks


def favourite(person: Person, pictures: Iterable[int], wanted: bool = True) -> None:
    """Make pictures favourites of this person's, or no longer. Whoever calls this knows that they may be seen."""
    _mark(person, pictures, favourite=wanted)


def rate(person: Person, picture: Picture, rating: int | None) -> None:
    """From 1 to 5; None takes the rating away."""
    if rating is not None and rating not in RATINGS:
        raise Unfit("A rating goes from 1 to 5.", "rating")
    _mark(person, [picture.pk], rating=rating)


def _mark(person: Person, pictures: Iterable[int], **values: object) -> None:
    rows = [Mark(person=person, picture_id=pk, **values) for pk in pictures]
    Mark.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["person", "picture"], update_fields=list(values)
    )


# -- tags


def taggable(person: Person) -> PictureQuerySet:
    """A person's own, and those in galleries to which this person may add pictures."""
    galleries = Gallery.objects.open_to(person, roles_for(Action.ADD))
    there = GalleryEntry.objects.filter(picture=OuterRef("pk"), gallery__in=galleries)
    return Picture.objects.kept().filter(Q(author=person) | Exists(there))


def tag_names(text: str) -> list[str]:
    """The names in what somebody has typed, between commas, each once in any case. Raises Unfit."""
    names: dict[str, str] = {}
    for piece in unicodedata.normalize("NFC", text).split(","):
        name = " ".join(piece.split())
        if len(name) > LONGEST_TAG:
            raise Unfit(f"“{name[:20]}…” is too long: a tag has {LONGEST_TAG} characters at most.", "tags")
        if any(unicodedata.category(letter).startswith("C") for letter in name):
            raise Unfit("A tag has letters, digits and signs only. Type it again.", "tags")
        if name:
            names.setdefault(name.casefold(), name)
    if not names:
        raise Unfit("Type a tag, or several with commas between.", "tags")
    return list(names.values())


def tag(pictures: Collection[int], names: Sequence[str]) -> None:
    """Add tags to pictures, all of them or none. Raises Unfit where a picture would have too many."""
    with transaction.atomic():
        tags = _tags(names)
        # Two who tag the same picture go one after the other, or both could stay below the limit.
        list(Picture.objects.select_for_update().filter(pk__in=pictures).order_by("pk").values_list("pk"))
        others = TaggedPicture._default_manager.filter(picture__in=pictures).exclude(tag__in=tags)
        most = others.values("picture").annotate(total=Count("pk")).order_by("-total").values_list("total").first()
        if (most[0] if most else 0) + len(tags) > MOST_TAGS:
            whose = "This picture" if len(pictures) == 1 else "One of these pictures"
            raise Unfit(f"{whose} would have more than {MOST_TAGS} tags. Take some off first.", "tags")
        TaggedPicture._default_manager.bulk_create(
            [TaggedPicture(tag=one, picture_id=pk) for pk in pictures for one in tags], ignore_conflicts=True
        )
        Picture.refresh_search_text(pictures)


def untag(picture: Picture, tag_pk: int) -> None:
    with transaction.atomic():
        TaggedPicture._default_manager.filter(picture=picture, tag=tag_pk).delete()
        Picture.refresh_search_text([picture.pk])


def _tags(names: Sequence[str]) -> list[Tag]:
    """The tags of these names, in whatever case they are there already; those that are not there are made."""
    found = _named(names)
    missing = [name for name in names if name.casefold() not in found]
    if missing:
        Tag.objects.bulk_create([Tag(name=name) for name in missing], ignore_conflicts=True)
        found = _named(names)
    return [found[name.casefold()] for name in names]


def _named(names: Sequence[str]) -> dict[str, Tag]:
    """SQLite knows upper and lower case of plain letters only, so the others' usual forms are asked for, too."""
    asked = Q()
    for name in names:
        asked |= Q(name__iexact=name) | Q(name__in={name.casefold(), name.lower(), name.upper(), name.title()})
        asked |= Q(name=name.capitalize())
    return {one.name.casefold(): one for one in Tag.objects.filter(asked).order_by("-pk")}


# -- galleries


def save_pictures(person: Person, pictures: Iterable[int], gallery: Gallery) -> tuple[int, int]:
    """Put those of these that are this person's own into a gallery: how many they are, and how many were not there."""
    with transaction.atomic():
        own = Picture.objects.kept().filter(author=person, pk__in=list(pictures)).order_by("pk")
        # The newest last: the gallery shows its latest entry first.
        pks = list(own.values_list("pk", flat=True))
        there = set(gallery.entries.filter(picture__in=pks).values_list("picture", flat=True))
        missing = [GalleryEntry(gallery=gallery, picture_id=pk, added_by=person) for pk in pks if pk not in there]
        GalleryEntry.objects.bulk_create(missing, ignore_conflicts=True)
        if missing:
            record(gallery, person, Activity.Verb.ADDED, picture=missing[-1].picture_id, count=len(missing))
    return len(pks), len(missing)


# -- the trash


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
    over = [row.pk for row in rows if not row.is_missing_pictures]
    Generation.objects.filter(pk__in=over).update(dismissed=True)
