"""The addresses and the box of a picture, as pages need them, for people and for guests alike."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.urls import reverse

from gallery.models import Picture

LARGEST_THUMBNAIL = 960
# How many pictures a list surely shows without scrolling, on a laptop.
FIRST_ROW = 4


@dataclass(frozen=True, slots=True)
class PictureFiles:
    """The addresses of one picture's files. `base` is what all of them begin with."""

    base: str
    thumbnails: Mapping[str, Sequence[int]]
    # Shown until there are thumbnails; empty for guests, who do not see it.
    original: str = ""

    def url(self, width: int, format: str) -> str:
        return f"{self.base}{width}.{format}"

    def srcset(self, format: str) -> str:
        return ", ".join(f"{self.url(width, format)} {width}w" for width in self.thumbnails.get(format, ()))

    @property
    def src(self) -> str:
        """A large thumbnail, for browsers that do not know srcset; the original until there is one."""
        widths = self.thumbnails.get("webp", ())
        # Not the still of full size, if there is one.
        largest = max((width for width in widths if width <= LARGEST_THUMBNAIL), default=max(widths, default=0))
        return self.url(largest, "webp") if widths else self.original

    @property
    def small_src(self) -> str:
        """The smallest thumbnail; the original until there is one."""
        widths = self.thumbnails.get("webp", ())
        return self.url(min(widths), "webp") if widths else self.original


def begin_with(pictures: Iterable[Any]) -> None:
    """Have browsers load the first of these at once, and the others when a person scrolls to them."""
    for picture in islice(pictures, FIRST_ROW):
        picture.is_in_first_row = True


def is_in_first_row(picture: object) -> bool:
    return getattr(picture, "is_in_first_row", False)


def original_url(picture: Picture) -> str:
    return reverse("picture_original", args=[picture.pk, picture.digest])


def full_url(picture: Picture) -> str:
    """The picture at its full size, for looking closely: the original, or the still that was made of it."""
    widths = picture.thumbnails.get("webp", ())
    if picture.is_as_delivered or not widths:
        return original_url(picture)
    return files_of(picture).url(max(widths), "webp")


def files_of(picture: Picture) -> PictureFiles:
    original = original_url(picture)
    # One `reverse` for all of them: a page of pictures has hundreds.
    return PictureFiles(original.removesuffix("original/"), picture.thumbnails, original)


def ratio_class(width: int, height: int) -> str:
    """The CSS class of a box of this shape: .ar-040 … .ar-300, width over height in hundredths, in steps of 5."""
    ratio = round(100 * width / height / 5) * 5 if height else 100
    return f"ar-{min(300, max(40, ratio)):03d}"
