"""Makes of a picture what goes along with an edit or variation: upright, a PNG, and small and square enough.

A mask is cut, filled up and scaled exactly as its picture is. Plain Python; one picture at a time in a process, and
within the machine's budget for decoding, so that however many people upload at once, memory is enough.
"""

from dataclasses import dataclass
from enum import StrEnum
from io import BytesIO
from typing import IO

from PIL import Image

from gallery.images.concurrency import DECODING, ConcurrencyLimit
from gallery.images.decode import decode, in_srgb, plain, turn, turned
from gallery.images.parse import DAMAGED, NotAPicture, Parts, parse_image
from lemonstudio.marking import gettext_noop

# Where uploads, and what is prepared of pictures, are kept in storage: in a folder for each person.
UPLOADS = "uploads"
# The vendor takes no larger ones.
MAX_UPLOAD_BYTES = 20 * 2**20
# Of what is kept of an upload, and of what is sent: models work on less.
MAX_SIDE = 2048
# A picture is read in bands of about so many pixels.
_BAND = 2_000_000
# A web process has eight threads; three of them at the most wait here.
EDITS = ConcurrencyLimit(at_once=1, waiting=2)
EDIT_SECONDS = 15.0


class WrongMask(Exception):
    """Why a mask does not go with its picture, in a sentence."""


class Fit(StrEnum):
    """Which square of a picture is sent to a model that takes squares only."""

    START = "start"
    CENTRE = "centre"
    END = "end"
    PAD = "pad"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a model takes: `max_bytes` are one too many, `max_side` is in pixels."""

    square: bool = False
    max_bytes: int = 20_000_000
    max_side: int = MAX_SIDE


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload as it is kept: PNG or JPEG, without metadata."""

    data: bytes
    extension: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Prepared:
    """Two PNG files of the same size, the mask transparent where to paint anew; `is_marked` if either is, anywhere."""

    image: bytes
    mask: bytes | None
    width: int
    height: int
    is_marked: bool

    @property
    def size(self) -> tuple[int, int]:
        return self.width, self.height


def keep(file: IO[bytes]) -> Upload:
    """Verify an upload by decoding it whole, and return it upright, in sRGB, MAX_SIDE a side at most.

    Raises NotAPicture, Busy, and what `file.read` raises.
    """
    with EDITS.turn(EDIT_SECONDS):
        parts = parse_image(file)
        with DECODING.turn(parts.pixels, EDIT_SECONDS):
            return _kept_upload(parts)


def _kept_upload(parts: Parts) -> Upload:
    image = _upright(parts, _scaled(turned(parts.size, parts.orientation), MAX_SIDE))
    buffer = BytesIO()
    if parts.format == "JPEG":
        image.save(buffer, "JPEG", quality=92, subsampling=0)
    else:
        image.save(buffer, "PNG", compress_level=4)
    return Upload(buffer.getvalue(), "jpg" if parts.format == "JPEG" else "png", *image.size)


def prepare(file: IO[bytes], limits: Limits, fit: Fit = Fit.CENTRE, mask: IO[bytes] | None = None) -> Prepared:
    """Return what to send of a picture to a model with these limits.

    A mask is transparent, or where nothing is transparent white, where the model paints the picture anew. Filled up
    to a square (Fit.PAD), a picture gets a mask in any case: the model paints what was missing.

    Raises NotAPicture (of the picture), WrongMask, Busy, and what reading raises.
    """
    with EDITS.turn(EDIT_SECONDS):
        parts = parse_image(file)
        mask_parts = None if mask is None else _mask_parts(mask)
        with DECODING.turn(max(parts.pixels, mask_parts.pixels if mask_parts else 0), EDIT_SECONDS):
            return _prepared(parts, limits, fit, mask_parts)


def _prepared(parts: Parts, limits: Limits, fit: Fit, mask: Parts | None) -> Prepared:
    shown = turned(parts.size, parts.orientation)
    cut = limits.square and fit is not Fit.PAD
    image = _upright(parts, _scaled(shown, limits.max_side, by_shorter=cut)).convert("RGBA")
    kept = None if mask is None else _kept(mask, shown, image.size)
    if limits.square and image.width != image.height:
        image, kept = _filled_up(image, kept) if fit is Fit.PAD else _cut(image, kept, fit)
    return _encoded(image, kept, limits.max_bytes)


def _scaled(size: tuple[int, int], side: int, by_shorter: bool = False) -> tuple[int, int]:
    """The size with its longer side (or its shorter one) down to `side`."""
    scale = min(1.0, side / (min(size) if by_shorter else max(size)))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _upright(parts: Parts, size: tuple[int, int]) -> Image.Image:
    """Decode all of it, turned as EXIF says, at this size, in sRGB, RGB or RGBA, without metadata."""
    stored = turned(size, parts.orientation)
    try:
        image = _reduced(decode(parts, stored), stored)
        if image.size != stored:
            image = image.resize(stored, Image.Resampling.LANCZOS)
        image = turn(in_srgb(image), parts.orientation)
    except (OSError, ValueError) as error:
        raise NotAPicture(DAMAGED) from error
    image.info = {}
    return image


def _reduced(image: Image.Image, at_least: tuple[int, int]) -> Image.Image:
    """A plain image of a whole part of the size, band by band: converting all at once would take its memory thrice."""
    factor = min(image.width // at_least[0], image.height // at_least[1])
    if factor < 2:
        return plain(image)
    info, transparent = image.info, image.has_transparency_data
    rows = factor * max(1, _BAND // (image.width * factor))
    small: Image.Image | None = None
    for top in range(0, image.height, rows):
        band = plain(image.crop((0, top, image.width, min(top + rows, image.height))))
        band = (band.convert("RGBA") if transparent else band).reduce(factor)
        if small is None:
            small = Image.new(band.mode, (band.width, -(-image.height // factor)))
        small.paste(band, (0, top // factor))
    assert small is not None
    small.info = {name: value for name, value in info.items() if name != "transparency"}
    return plain(small)


def _mask_parts(file: IO[bytes]) -> Parts:
    try:
        return parse_image(file)
    except NotAPicture as problem:
        raise WrongMask(gettext_noop("The mask cannot be used: %(problem)s.") % {"problem": problem}) from None


def _kept(parts: Parts, shown: tuple[int, int], size: tuple[int, int]) -> Image.Image:
    """A mask as one channel of this size: 255 where the picture stays, 0 where it is painted anew."""
    try:
        width, height = turned(parts.size, parts.orientation)
        # One pixel more or less is rounding, and one in a hundred is not seen.
        if abs(height - width * shown[1] / shown[0]) > 1 + height / 100:
            raise WrongMask(
                gettext_noop(
                    "The mask has %(width)s × %(height)s pixels; it needs the proportions of the picture, %(shown)s."
                )
                % {"width": width, "height": height, "shown": f"{shown[0]} × {shown[1]}"}
            )
        image = _upright(parts, _scaled((width, height), MAX_SIDE))
    except NotAPicture as problem:
        raise WrongMask(gettext_noop("The mask cannot be used: %(problem)s.") % {"problem": problem}) from None
    has_holes = image.mode == "RGBA"
    kept = image.getchannel("A") if has_holes else image.convert("L").point(lambda value: 255 - value)
    return kept.resize(size, Image.Resampling.BILINEAR).point(lambda value: 255 if value >= 128 else 0)


def _cut(image: Image.Image, kept: Image.Image | None, fit: Fit) -> tuple[Image.Image, Image.Image | None]:
    side = min(image.size)
    share = {Fit.START: 0.0, Fit.END: 1.0}.get(fit, 0.5)
    left, top = round((image.width - side) * share), round((image.height - side) * share)
    box = left, top, left + side, top + side
    return image.crop(box), kept and kept.crop(box)


def _filled_up(image: Image.Image, kept: Image.Image | None) -> tuple[Image.Image, Image.Image]:
    side = max(image.size)
    corner = (side - image.width) // 2, (side - image.height) // 2
    square = Image.new("RGBA", (side, side), (0, 0, 0, 0))
    square.paste(image, corner)
    shape = Image.new("L", (side, side), 0)
    shape.paste(kept or Image.new("L", image.size, 255), corner)
    return square, shape


def _encoded(image: Image.Image, kept: Image.Image | None, max_bytes: int) -> Prepared:
    data = _png(image)
    while len(data) >= max_bytes:
        scale = min(0.9, (max_bytes / len(data)) ** 0.5 * 0.95)
        size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
        image = image.resize(size, Image.Resampling.LANCZOS)
        kept = kept and kept.resize(size, Image.Resampling.NEAREST)
        data = _png(image)
    is_marked = image.getchannel("A").getextrema()[0] == 0
    mask = None
    if kept is not None:
        is_marked = is_marked or kept.getextrema()[0] == 0
        nothing = Image.new("L", kept.size, 0)
        mask = _png(Image.merge("RGBA", (nothing, nothing, nothing, kept)))
    return Prepared(data, mask, *image.size, is_marked=is_marked)


def _png(image: Image.Image) -> bytes:
    buffer = BytesIO()
    image.save(buffer, "PNG", compress_level=4)
    return buffer.getvalue()
