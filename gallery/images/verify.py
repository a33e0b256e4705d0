"""Tells whether a file is a picture.

A file counts by its content, and not by its name or a header. Before Pillow sees it, its structure is walked
here: that takes a few milliseconds, and finds what a decoder forgives or chokes on (a missing end, wrong
checksums, pixels by the billion, thousands of scans). Pillow is then given only the parts that make the picture, and
of an animation the first frame: texts, EXIF and vendors' blocks, where bombs hide best, never reach its parsers.
"""

from dataclasses import dataclass
from typing import IO

from PIL import Image

from gallery.images.concurrency import DECODING
from gallery.images.decode import TURN_SECONDS, decode, in_srgb, plain, turn, turned
from gallery.images.parse import DAMAGED, NotAPicture, Parts, parse_image


@dataclass(frozen=True, slots=True)
class PictureInfo:
    """What a file is ("PNG", "JPEG", "WEBP", "GIF" or "AVIF"), and its size in pixels as displayed, turned upright.

    `is_as_delivered`: browsers show the file itself as the still picture that it is.
    """

    format: str
    width: int
    height: int
    is_as_delivered: bool = True

    @property
    def content_type(self) -> str:
        return f"image/{self.format.lower()}"

    @property
    def extension(self) -> str:
        """As in a file's name, without the dot."""
        return {"JPEG": "jpg"}.get(self.format, self.format.lower())


Placeholder = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class Examined:
    """A verified picture, and its placeholder: "#rrggbb" of top left, top right, bottom left, bottom right."""

    info: PictureInfo
    placeholder: Placeholder


def inspect(file: IO[bytes]) -> PictureInfo:
    """Read `file` from where it stands to its end, decode it whole, and tell what it is.

    Raises NotAPicture for all that `parse_image` refuses, and for what cannot be decoded; Busy; and what `file.read`
    raises.
    """
    parts = parse_image(file)
    with DECODING.turn(parts.pixels, TURN_SECONDS):
        decode(parts, (1, 1))
    return _info(parts)


def placeholder(picture: Image.Image | IO[bytes]) -> Placeholder:
    """Return the average colours of the picture's quarters, as Examined has them; transparent counts as white.

    Raises NotAPicture, as `inspect` does, if it is given a file.
    """
    return _corners(picture, 1) if isinstance(picture, Image.Image) else examine(picture).placeholder


def examine(file: IO[bytes]) -> Examined:
    """Do what `inspect` and `placeholder` do, in one decoding (about 40 ms for a PNG of 1024 × 1024)."""
    parts = parse_image(file)
    with DECODING.turn(parts.pixels, TURN_SECONDS):
        # An eighth of a JPEG's size is enough for four colours, and still reads all of its data.
        image = decode(parts, (128, 128))
        try:
            return Examined(_info(parts), _corners(image, parts.orientation))
        except (OSError, ValueError) as error:
            raise NotAPicture(DAMAGED) from error


def _info(parts: Parts) -> PictureInfo:
    return PictureInfo(parts.format, *turned(parts.size, parts.orientation), parts.is_as_delivered)


def _corners(image: Image.Image, orientation: int) -> Placeholder:
    small = plain(image).resize((2, 2), Image.Resampling.BOX)
    small = turn(in_srgb(small), orientation).convert("RGBA")
    flat = Image.alpha_composite(Image.new("RGBA", (2, 2), "white"), small).convert("RGB")
    pixels = flat.tobytes().hex()
    return f"#{pixels[:6]}", f"#{pixels[6:12]}", f"#{pixels[12:18]}", f"#{pixels[18:]}"
