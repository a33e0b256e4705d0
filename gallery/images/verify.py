"""Tells whether a file is a picture, and makes its thumbnails.

A file counts by its content, and not by its name or a header. Before Pillow sees it, its structure is walked
here: that takes a few milliseconds, and finds what a decoder forgives or chokes on (a missing end, wrong
checksums, pixels by the billion, thousands of scans). Pillow is then given only the parts that make the picture, and
of an animation the first frame: texts, EXIF and vendors' blocks, where bombs hide best, never reach its parsers.
"""

import struct
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import IO, Any

from PIL import Image, ImageCms, ImageMath, features

from gallery.images import avif_process
from gallery.images.concurrency import DECODING
from gallery.images.parse import CUT_OFF, DAMAGED, MAX_ICC_BYTES, NotAPicture, Parts, parse_image, png_is_full
from lemonstudio.marking import gettext_noop

THUMBNAIL_WIDTHS = (320, 480, 960)
# For very tall pictures; WebP itself ends at 16,383.
MAX_THUMBNAIL_HEIGHT = 4096

# How long a background task waits until the machine has memory for decoding.
TURN_SECONDS = 60.0

# What WebP can hold.
MAX_WEBP_SIDE = 16_383
# Measured on a noisy 960 × 960 photo, one core of a small server: WebP 43 ms (method 4: 86 ms and 3 % smaller);
# AVIF 62 ms, and 39 % smaller than the WebP (speed 8: 281 ms and 13 % smaller still).
_ENCODERS: dict[str, dict[str, int]] = {
    "webp": {"quality": 80, "method": 2},
    "avif": {"quality": 60, "speed": 9, "max_threads": 1},
}


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


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A smaller copy: its size in pixels, "webp" or "avif", and the file's bytes."""

    width: int
    height: int
    format: str
    data: bytes


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


def thumbnail_sizes(width: int, height: int) -> list[tuple[int, int]]:
    """Return (width, height) of each thumbnail of a picture displayed at width × height, smallest first.

    One for each of THUMBNAIL_WIDTHS below its width; those at or above it collapse into one of its own width:
    1024 gives 320, 480, 960; 700 gives 320, 480, 700; 256 gives 256. What would be taller than
    MAX_THUMBNAIL_HEIGHT is narrowed to that height (and collapses likewise). No width occurs twice.
    """
    sizes = {}
    for wanted in THUMBNAIL_WIDTHS:
        scale = min(wanted / width, MAX_THUMBNAIL_HEIGHT / height, 1.0)
        size = max(1, round(width * scale)), max(1, round(height * scale))
        sizes[size[0]] = size
    return [sizes[width] for width in sorted(sizes)]


def thumbnails(file: IO[bytes]) -> Iterator[Thumbnail]:
    """Decode `file` now, and encode its thumbnails one by one as they are asked for.

    Their sizes are those of `thumbnail_sizes`, each in WebP and, where Pillow can, AVIF. Turned as EXIF says, in
    sRGB, with transparency, without metadata. Of what browsers do not show as a still, a WebP of its full size comes
    last. Raises NotAPicture (at once), Busy, and what `file.read` raises.
    """
    parts = parse_image(file)
    full = turned(parts.size, parts.orientation)
    sizes = thumbnail_sizes(*full)
    if not parts.is_as_delivered:
        scale = min(1.0, MAX_WEBP_SIDE / max(full))
        still = max(1, round(full[0] * scale)), max(1, round(full[1] * scale))
        if still != sizes[-1]:
            return _encoded(_in_size(parts, still), sizes, still)
    return _encoded(_in_size(parts, sizes[-1]), sizes)


def _in_size(parts: Parts, size: tuple[int, int]) -> Image.Image:
    stored_size = turned(size, parts.orientation)
    with DECODING.turn(parts.pixels, TURN_SECONDS):
        image = decode(parts, stored_size)
        try:
            image = plain(image).resize(stored_size, Image.Resampling.LANCZOS, reducing_gap=2.0)
            image = turn(in_srgb(image), parts.orientation)
        except (OSError, ValueError) as error:
            raise NotAPicture(DAMAGED) from error
    # Some encoders write an ICC profile that they find here.
    image.info = {}
    return image


def _encoded(
    image: Image.Image, sizes: list[tuple[int, int]], still: tuple[int, int] | None = None
) -> Iterator[Thumbnail]:
    for size in sizes:
        smaller = image.resize(size, Image.Resampling.LANCZOS)
        for name, options in _ENCODERS.items():
            if features.check(name):
                buffer = BytesIO()
                smaller.save(buffer, name.upper(), **options)
                yield Thumbnail(*size, name, buffer.getvalue())
    if still:
        buffer = BytesIO()
        image.save(buffer, "WEBP", quality=90, method=2)
        yield Thumbnail(*still, "webp", buffer.getvalue())


# --- Decoding ------------------------------------------------------------------------------------------------

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def _info(parts: Parts) -> PictureInfo:
    return PictureInfo(parts.format, *turned(parts.size, parts.orientation), parts.is_as_delivered)


def turned(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    return (size[1], size[0]) if orientation >= 5 else size


def turn(image: Image.Image, orientation: int) -> Image.Image:
    return image.transpose(_TURNS[orientation]) if orientation in _TURNS else image


def decode(parts: Parts, at_least: tuple[int, int]) -> Image.Image:
    """Decode all of it. A JPEG may come out at 1/2, 1/4 or 1/8 of its size, but not below `at_least`.

    One that is oversized comes out at half its size at the most.
    """
    try:
        image = _decode_avif(parts) if parts.format == "AVIF" else _decode_here(parts, at_least)
    except (NotAPicture, MemoryError):
        # Sizes were checked: memory that lacks is this machine's trouble, and not the file's.
        raise
    except Exception as error:
        # Decoders raise what they like: OSError, SyntaxError, ValueError, struct.error, EOFError, zlib.error, …
        raise NotAPicture(DAMAGED) from error
    if parts.profile and not image.info.get("icc_profile"):
        image.info |= {"icc_profile": parts.profile, _BY_NUMBERS: True}
    return image


# In `Image.info`: the profile stands for numbers, which are about grey pixels, too.
_BY_NUMBERS = "colours_by_numbers"


def _decode_here(parts: Parts, at_least: tuple[int, int]) -> Image.Image:
    image = Image.open(BytesIO(parts.payload), formats=[parts.format])
    if parts.format == "PNG" and not png_is_full(parts.payload):
        raise NotAPicture(CUT_OFF)
    if image.size != parts.size or getattr(image, "n_frames", 1) != 1:
        raise NotAPicture(DAMAGED)
    if parts.is_oversized:
        at_least = min(at_least[0], parts.size[0] // 2), min(at_least[1], parts.size[1] // 2)
    image.draft(None, at_least)
    image.load()
    return image


def _decode_avif(parts: Parts) -> Image.Image:
    # -P: the script's folder is no place to import from.
    command = [sys.executable, "-P", avif_process.__file__]
    try:
        done = subprocess.run(  # noqa: S603 our own script
            command, input=parts.payload, capture_output=True, timeout=2 * avif_process.MAX_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise NotAPicture(gettext_noop("it takes too long to decode")) from None
    if done.returncode == avif_process.NO_MEMORY:
        raise NotAPicture(gettext_noop("it takes too much memory to decode"))
    start = struct.calcsize(avif_process.HEAD)
    if done.returncode or len(done.stdout) < start:
        raise NotAPicture(DAMAGED)
    name, width, height, length = struct.unpack_from(avif_process.HEAD, done.stdout)
    if (width, height) != parts.size:
        raise NotAPicture(DAMAGED)
    mode = name.rstrip(b"\0").decode()
    # Not copied: these may be 160 MB.
    pixels: Any = memoryview(done.stdout)[start + length :]
    image = Image.frombuffer(mode, parts.size, pixels, "raw", mode, 0, 1)
    if length:
        image.info["icc_profile"] = done.stdout[start : start + length]
    return image


def plain(image: Image.Image) -> Image.Image:
    """Convert to a mode whose pixels can be averaged: RGB, RGBA, L or CMYK; without alpha if all is opaque."""
    if image.mode.startswith("I"):
        # Pillow clips 16 bits a pixel to 8, instead of scaling them.
        wide = image.convert("I")
        grey = wide.point(lambda value: value * (1 / 257)).convert("L")
        transparent = grey.info.pop("transparency", None)
        if not isinstance(transparent, int):
            return grey
        alpha = ImageMath.lambda_eval(
            lambda images: images["convert"]((images["wide"] != transparent) * 255, "L"), wide=wide
        )
        both = Image.merge("LA", (grey, alpha)).convert("RGBA")
        both.info = grey.info
        return both
    if image.has_transparency_data:
        # Not a copy of what is RGBA already: it may take 160 MB.
        image = image if image.mode == "RGBA" else image.convert("RGBA")
        return image.convert("RGB") if image.getchannel("A").getextrema()[0] == 255 else image
    return image if image.mode in ("RGB", "L", "CMYK") else image.convert("RGB")


def in_srgb(image: Image.Image) -> Image.Image:
    """Convert a plain image to RGB or RGBA, by its ICC profile if it has a usable one."""
    mode = "RGBA" if image.mode == "RGBA" else "RGB"
    profile = image.info.get("icc_profile")
    if image.mode == "L" and image.info.get(_BY_NUMBERS):
        image = image.convert("RGB")
    if profile and len(profile) <= MAX_ICC_BYTES:
        try:
            source = ImageCms.ImageCmsProfile(BytesIO(profile))
            target = ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(image, source, target, outputMode=mode)
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            # A broken profile, or one for other kinds of pixels: browsers pass over it as well.
            converted = None
        if converted is not None:
            return converted
    return image if image.mode == mode else image.convert(mode)


def _corners(image: Image.Image, orientation: int) -> Placeholder:
    small = plain(image).resize((2, 2), Image.Resampling.BOX)
    small = turn(in_srgb(small), orientation).convert("RGBA")
    flat = Image.alpha_composite(Image.new("RGBA", (2, 2), "white"), small).convert("RGB")
    pixels = flat.tobytes().hex()
    return f"#{pixels[:6]}", f"#{pixels[6:12]}", f"#{pixels[12:18]}", f"#{pixels[18:]}"
