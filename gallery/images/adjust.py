"""Turns, crops and fits a picture, and puts a logo on it. Plain Python; no model is asked.

One picture at a time in a process, as for edits, and within the machine's budget for decoding.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from io import BytesIO
from typing import IO

from PIL import Image, ImageColor

from gallery.images.concurrency import DECODING
from gallery.images.decode import decode, in_srgb, plain, turn
from gallery.images.edit import EDIT_SECONDS, EDITS, Upload
from gallery.images.parse import DAMAGED, MAX_PIXELS, MAX_SIDE, NotAPicture, Parts, parse_image
from gallery.images.verify import Placeholder, placeholder

# Width and height, as a proportion. None keeps the picture's own.
Ratio = tuple[int, int] | None
LARGEST_ZOOM = 4.0
# The space between a logo and the edge, as a share of the shorter side.
_MARGIN = 0.03
_TURNS = {
    1: Image.Transpose.ROTATE_270,
    2: Image.Transpose.ROTATE_180,
    3: Image.Transpose.ROTATE_90,
}


class Fit(StrEnum):
    CROP = "crop"
    PAD = "pad"


class Place(StrEnum):
    """Where a logo goes. The values are its place across and down, as shares of the room that is left."""

    TOP_LEFT = "top-left"
    TOP_RIGHT = "top-right"
    BOTTOM_LEFT = "bottom-left"
    BOTTOM_RIGHT = "bottom-right"
    CENTRE = "centre"

    @property
    def shares(self) -> tuple[float, float]:
        if self is Place.CENTRE:
            return 0.5, 0.5
        return (1.0 if self.endswith("right") else 0.0), (1.0 if self.startswith("bottom") else 0.0)


@dataclass(frozen=True, slots=True)
class Logo:
    """A picture to put on top: `share` of the result's width, and how opaque, from 0 to 1."""

    file: IO[bytes]
    place: Place = Place.BOTTOM_RIGHT
    share: float = 0.2
    opacity: float = 1.0


@dataclass(frozen=True, slots=True)
class Adjustment:
    """What to do, in this order.

    `turns`: quarter turns clockwise. `focus`: which part stays when it is cropped, or where it lies when it is padded,
    across and down, from 0 to 1. `zoom`: 2.0 crops to half the width and height; not when padded. `background`:
    "#rrggbb" below what is transparent and beside what is padded; "" leaves that transparent.
    """

    turns: int = 0
    is_mirrored: bool = False
    fit: Fit = Fit.CROP
    focus: tuple[float, float] = (0.5, 0.5)
    zoom: float = 1.0
    background: str = ""


@dataclass(frozen=True, slots=True)
class Adjusted:
    file: Upload
    format: str
    placeholder: Placeholder


def adjusted(
    file: IO[bytes], adjustment: Adjustment, ratios: Sequence[Ratio], logo: Logo | None = None
) -> Iterator[Adjusted]:
    """Make one picture for each ratio, one by one as they are asked for: a JPEG of a JPEG, otherwise a PNG.

    Raises NotAPicture, Busy, and what reading raises. The places of `EDITS` and `DECODING` are held until the last.
    """
    with EDITS.turn(EDIT_SECONDS):
        parts = parse_image(file)
        mark = None if logo is None else parse_image(logo.file)
        with DECODING.turn(max(parts.pixels, mark.pixels if mark else 0), EDIT_SECONDS):
            image = _turned(_upright(parts), adjustment)
            stamp = None if mark is None else _upright(mark).convert("RGBA")
            for ratio in ratios:
                fitted = _flat(_fitted(image, ratio, adjustment), adjustment.background)
                if logo is not None and stamp is not None:
                    fitted = _stamped(fitted, stamp, logo)
                yield _written(fitted, parts.format)


def crop_box(size: tuple[int, int], ratio: Ratio, focus: tuple[float, float], zoom: float) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of the part that stays, in pixels: at least one each way."""
    width, height = size
    if ratio is None:
        across, down = width / zoom, height / zoom
    else:
        scale = min(width / ratio[0], height / ratio[1]) / zoom
        across, down = ratio[0] * scale, ratio[1] * scale
    across, down = max(1, round(across)), max(1, round(down))
    left, top = round((width - across) * focus[0]), round((height - down) * focus[1])
    return left, top, left + across, top + down


def padded_size(size: tuple[int, int], ratio: Ratio) -> tuple[int, int]:
    """The smallest size of that ratio in which all of the picture has room."""
    width, height = size
    if ratio is None:
        return size
    return max(width, round(height * ratio[0] / ratio[1])), max(height, round(width * ratio[1] / ratio[0]))


def _upright(parts: Parts) -> Image.Image:
    try:
        image = turn(in_srgb(plain(decode(parts, parts.size))), parts.orientation)
    except (OSError, ValueError) as error:
        raise NotAPicture(DAMAGED) from error
    image.info = {}
    return image


def _turned(image: Image.Image, adjustment: Adjustment) -> Image.Image:
    if adjustment.turns % 4:
        image = image.transpose(_TURNS[adjustment.turns % 4])
    return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if adjustment.is_mirrored else image


def _fitted(image: Image.Image, ratio: Ratio, adjustment: Adjustment) -> Image.Image:
    if adjustment.fit is Fit.CROP:
        return image.crop(crop_box(image.size, ratio, adjustment.focus, adjustment.zoom))
    width, height = padded_size(image.size, ratio)
    # A long strip in an upright shape would have pixels by the billion.
    scale = min(1.0, (MAX_PIXELS / (width * height)) ** 0.5, MAX_SIDE / max(width, height))
    if scale < 1:
        width, height = max(1, int(width * scale)), max(1, int(height * scale))
        smaller = max(1, int(image.width * scale)), max(1, int(image.height * scale))
        image = image.resize(smaller, Image.Resampling.LANCZOS)
    if (width, height) == image.size:
        return image
    canvas = Image.new("RGBA", (width, height), (0, 0, 0, 0))
    across, down = adjustment.focus
    canvas.paste(image, (round((width - image.width) * across), round((height - image.height) * down)))
    return canvas


def _flat(image: Image.Image, background: str) -> Image.Image:
    if not background or image.mode != "RGBA":
        return image
    canvas = Image.new("RGB", image.size, ImageColor.getrgb(background))
    canvas.paste(image, mask=image.getchannel("A"))
    return canvas


def _stamped(image: Image.Image, stamp: Image.Image, logo: Logo) -> Image.Image:
    """The logo, whole, even where a tall one would be higher than the picture."""
    margin = round(min(image.size) * _MARGIN)
    room = max(1, image.width - 2 * margin), max(1, image.height - 2 * margin)
    scale = min(image.width * logo.share / stamp.width, room[0] / stamp.width, room[1] / stamp.height)
    size = max(1, round(stamp.width * scale)), max(1, round(stamp.height * scale))
    mark = stamp.resize(size, Image.Resampling.LANCZOS)
    mark.putalpha(mark.getchannel("A").point(lambda value: round(value * logo.opacity)))
    across, down = logo.place.shares
    left, top = round(margin + (room[0] - size[0]) * across), round(margin + (room[1] - size[1]) * down)
    below = image.convert("RGBA")
    below.alpha_composite(mark, (max(0, left), max(0, top)))
    return below if image.mode == "RGBA" else below.convert("RGB")


def _written(image: Image.Image, source: str) -> Adjusted:
    buffer = BytesIO()
    is_jpeg = source == "JPEG" and image.mode == "RGB"
    if is_jpeg:
        image.save(buffer, "JPEG", quality=92, subsampling=0)
    else:
        image.save(buffer, "PNG", compress_level=4)
    upload = Upload(buffer.getvalue(), "jpg" if is_jpeg else "png", *image.size)
    return Adjusted(upload, "JPEG" if is_jpeg else "PNG", placeholder(image))
