"""The addresses and the box of a picture, as pages need them, for people and for guests alike."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.urls import reverse

from gallery.models import Picture


@dataclass(frozen=True, slots=True)
class PictureFiles:
    """The addresses of one picture's files. `base` is what all of them begin with."""

    base: str
    thumbnails: Mapping[str, Sequence[int]]
    # Shown until there are thumbnails; empty for guests, who do not see it.
    original: str = ""

    def _url(self, width: int, format: str) -> str:
        return f"{self.base}{width}.{format}"

    def srcset(self, format: str) -> str:
        return ", ".join(f"{self._url(width, format)} {width}w" for width in self.thumbnails.get(format, ()))

    @property
    def src(self) -> str:
        """The largest thumbnail, for browsers that do not know srcset; the original until there is one."""
        widths = self.thumbnails.get("webp", ())
        return self._url(max(widths), "webp") if widths else self.original

    @property
    def small_src(self) -> str:
        """The smallest thumbnail; the original until there is one."""
        widths = self.thumbnails.get("webp", ())
        return self._url(min(widths), "webp") if widths else self.original


def original_url(picture: Picture) -> str:
    return reverse("picture_original", args=[picture.pk, picture.digest])


def files_of(picture: Picture) -> PictureFiles:
    original = original_url(picture)
    # One `reverse` for all of them: a page of pictures has hundreds.
    return PictureFiles(original.removesuffix("original/"), picture.thumbnails, original)


def ratio_class(width: int, height: int) -> str:
    """The CSS class of a box of this shape: .ar-040 … .ar-300, width over height in hundredths, in steps of 5."""
    ratio = round(100 * width / height / 5) * 5 if height else 100
    return f"ar-{min(300, max(40, ratio)):03d}"
