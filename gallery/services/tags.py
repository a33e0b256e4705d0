"""Tags on one picture, or on many at once."""

import unicodedata
from collections.abc import Collection, Sequence

from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from gallery.models import Gallery, GalleryEntry, Person, Picture, Tag
from gallery.models.picture import PictureQuerySet
from gallery.queries.roles import Action, roles_for
from gallery.services.errors import InvalidInput

MOST_TAGS = 30
LONGEST_TAG = 60

TaggedPicture = Tag.pictures.through


def taggable(person: Person) -> PictureQuerySet:
    """The pictures that a person may tag: their own, and those in galleries to which they may add pictures."""
    galleries = Gallery.objects.open_to(person, roles_for(Action.ADD))
    entries = GalleryEntry.objects.filter(picture=OuterRef("pk"), gallery__in=galleries)
    return Picture.objects.kept().filter(Q(author=person) | Exists(entries))


def tag_names(text: str) -> list[str]:
    """The names in a text with commas between them. Names that differ only in case count once. Raises InvalidInput."""
    names: dict[str, str] = {}
    for piece in unicodedata.normalize("NFC", text).split(","):
        name = " ".join(piece.split())
        if len(name) > LONGEST_TAG:
            raise InvalidInput(
                _("“%(name)s…” is too long: a tag has %(most)d characters at most.")
                % {"name": name[:20], "most": LONGEST_TAG},
                "tags",
            )
        if any(unicodedata.category(letter).startswith("C") for letter in name):
            raise InvalidInput(_("A tag has letters, digits and signs only. Type it again."), "tags")
        if name:
            names.setdefault(name.casefold(), name)
        if len(names) > MOST_TAGS:
            raise InvalidInput(_("A picture has %(most)d tags at most. Type fewer.") % {"most": MOST_TAGS}, "tags")
    if not names:
        raise InvalidInput(_("Type a tag, or several with commas between."), "tags")
    return list(names.values())


def tag(pictures: Collection[int], names: Sequence[str]) -> None:
    """Add tags to pictures, all of them or none. Raises InvalidInput if a picture would have too many."""
    with transaction.atomic():
        tags = _tags(names)
        # The lock makes two people who tag the same picture go in turn: together they could pass the limit.
        list(Picture.objects.select_for_update().filter(pk__in=pictures).order_by("pk").values_list("pk"))
        others = TaggedPicture._default_manager.filter(picture__in=pictures).exclude(tag__in=tags)
        most = others.values("picture").annotate(total=Count("pk")).order_by("-total").values_list("total").first()
        if (most[0] if most else 0) + len(tags) > MOST_TAGS:
            words = ngettext(
                "This picture would have more than %(most)d tags. Take some off first.",
                "One of these pictures would have more than %(most)d tags. Take some off first.",
                len(pictures),
            )
            raise InvalidInput(words % {"most": MOST_TAGS}, "tags")
        TaggedPicture._default_manager.bulk_create(
            [TaggedPicture(tag=row, picture_id=pk) for pk in pictures for row in tags], ignore_conflicts=True
        )
        Picture.refresh_search_text(pictures)


def untag(picture: Picture, tag_pk: int) -> None:
    with transaction.atomic():
        TaggedPicture._default_manager.filter(picture=picture, tag=tag_pk).delete()
        Picture.refresh_search_text([picture.pk])


def _tags(names: Sequence[str]) -> list[Tag]:
    """The tags with these names, in any case. Missing ones are created."""
    found = _named(names)
    missing = [name for name in names if name.casefold() not in found]
    if missing:
        Tag.objects.bulk_create([Tag(name=name) for name in missing], ignore_conflicts=True)
        found = _named(names)
    return [found[name.casefold()] for name in names]


def _named(names: Sequence[str]) -> dict[str, Tag]:
    """The existing tags with these names, by casefolded name.

    SQLite compares without case for ASCII letters only, so the usual forms of other letters are searched for too.
    """
    condition = Q()
    for name in names:
        condition |= Q(name__iexact=name) | Q(name__in={name.casefold(), name.lower(), name.upper(), name.title()})
        condition |= Q(name=name.capitalize())
    return {row.name.casefold(): row for row in Tag.objects.filter(condition).order_by("-pk")}
