"""Makes the thumbnails of a picture: which sizes, in which formats."""

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import IO

from PIL import Image, features

from gallery.images.concurrency import DECODING
from gallery.images.decode import TURN_SECONDS, decode, in_srgb, plain, turn, turned
from gallery.images.parse import DAMAGED, NotAPicture, Parts, parse_image

THUMBNAIL_WIDTHS = (320, 480, 960)
# For very tall pictures; WebP itself ends at 16,383.
MAX_THUMBNAIL_HEIGHT = 4096

# What WebP can hold.
MAX_WEBP_SIDE = 16_383
# Measured on a noisy 960 × 960 photo, one core of a small server: WebP 43 ms (method 4: 86 ms and 3 % smaller);
# AVIF 62 ms, and 39 % smaller than the WebP (speed 8: 281 ms and 13 % smaller still).
_ENCODERS: dict[str, dict[str, int]] = {
    "webp": {"quality": 80, "method": 2},
    "avif": {"quality": 60, "speed": 9, "max_threads": 1},
}


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A smaller copy: its size in pixels, "webp" or "avif", and the file's bytes."""

    width: int
    height: int
    format: str
    data: bytes


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
