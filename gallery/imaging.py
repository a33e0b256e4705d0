"""Tells whether a file is a picture, and makes its thumbnails.

A file counts by its content, whatever its name or header says. Before Pillow sees it, its structure is walked
here: that takes a few milliseconds, and finds what a decoder forgives or chokes on (a missing end, wrong
checksums, animation, pixels by the billion, thousands of scans). Of a PNG or JPEG, Pillow is then given only the
parts that make the picture: texts, EXIF and vendors' blocks, where bombs hide best, never reach its parsers.
"""

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import IO

from PIL import Image, ImageCms, features

MAX_BYTES = 40 * 2**20
MAX_PIXELS = 40_000_000
MAX_SIDE = 16384
THUMBNAIL_WIDTHS = (320, 480, 960)
# For very tall pictures; WebP itself ends at 16,383.
MAX_THUMBNAIL_HEIGHT = 4096

# Far more than encoders write. Each part costs time, however small it is.
_MAX_CHUNKS = 100_000
_MAX_SEGMENTS = 2_000
# Each scan of a progressive JPEG is another pass over all its pixels. Encoders write about ten.
_MAX_SCANS = 40
_MAX_ICC_BYTES = 2**20
_MAX_EXIF_BYTES = 2**16

# Measured on a noisy 960 × 960 photo, one core of a small server: WebP 43 ms (method 4: 86 ms and 3 % smaller);
# AVIF 62 ms, and 39 % smaller than the WebP (speed 8: 281 ms and 13 % smaller still).
_ENCODERS: dict[str, dict[str, int]] = {
    "webp": {"quality": 80, "method": 2},
    "avif": {"quality": 60, "speed": 9, "max_threads": 1},
}


class NotAPicture(Exception):
    """Why a file is not taken for a picture, in words that can follow “it could not be kept:”."""


@dataclass(frozen=True, slots=True)
class PictureInfo:
    """What a file is ("PNG", "JPEG" or "WEBP"), and its size in pixels as displayed: EXIF orientation applied."""

    format: str
    width: int
    height: int

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


@dataclass(frozen=True, slots=True)
class _Parts:
    """A file taken apart: what it is, the bytes that the decoder needs, and how to turn the picture (EXIF, 1 to 8).

    The size is the stored one, before turning.
    """

    format: str
    size: tuple[int, int]
    essence: bytes
    orientation: int

    @property
    def info(self) -> PictureInfo:
        return PictureInfo(self.format, *_turned(self.size, self.orientation))


def inspect(file: IO[bytes]) -> PictureInfo:
    """Read `file` from where it stands to its end, decode it whole, and tell what it is.

    Raises NotAPicture for all that is not one whole, still PNG, JPEG or WebP of at most MAX_BYTES, MAX_PIXELS and
    MAX_SIDE pixels a side; and what `file.read` raises.
    """
    parts = _take_apart(file)
    _decode(parts, (1, 1))
    return parts.info


def placeholder(picture: Image.Image | IO[bytes]) -> Placeholder:
    """Return the average colours of the picture's quarters, as Examined has them; transparent counts as white.

    Raises NotAPicture, as `inspect` does, if it is given a file.
    """
    return _corners(picture, 1) if isinstance(picture, Image.Image) else examine(picture).placeholder


def examine(file: IO[bytes]) -> Examined:
    """Do what `inspect` and `placeholder` do, in one decoding (about 40 ms for a PNG of 1024 × 1024)."""
    parts = _take_apart(file)
    # An eighth of a JPEG's size is enough for four colours, and still reads all of its data.
    image = _decode(parts, (128, 128))
    try:
        return Examined(parts.info, _corners(image, parts.orientation))
    except (OSError, ValueError) as error:
        raise NotAPicture(_DAMAGED) from error


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
    sRGB, with transparency, without metadata. Raises NotAPicture (at once), and what `file.read` raises.
    """
    parts = _take_apart(file)
    sizes = thumbnail_sizes(parts.info.width, parts.info.height)
    stored_size = _turned(sizes[-1], parts.orientation)
    image = _decode(parts, stored_size)
    try:
        image = _plain(image).resize(stored_size, Image.Resampling.LANCZOS, reducing_gap=2.0)
        image = _turn(_in_srgb(image), parts.orientation)
    except (OSError, ValueError) as error:
        raise NotAPicture(_DAMAGED) from error
    # Some encoders write an ICC profile that they find here.
    image.info = {}
    return _encoded(image, sizes)


def _encoded(image: Image.Image, sizes: list[tuple[int, int]]) -> Iterator[Thumbnail]:
    for size in sizes:
        smaller = image.resize(size, Image.Resampling.LANCZOS)
        for name, options in _ENCODERS.items():
            if features.check(name):
                buffer = BytesIO()
                smaller.save(buffer, name.upper(), **options)
                yield Thumbnail(*size, name, buffer.getvalue())


# --- Taking files apart --------------------------------------------------------------------------------------

_UNKNOWN = "it is no PNG, JPEG or WebP picture"
_CUT_OFF = "its end is missing"
_DAMAGED = "it is damaged"
_ANIMATED = "it is animated"
_TRAILING = "it holds other data after the picture"
_TOO_MANY_PARTS = "it has too many parts"


def _take_apart(file: IO[bytes]) -> _Parts:
    data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise NotAPicture(f"it is larger than {MAX_BYTES // 2**20} MiB")
    try:
        if data.startswith(b"\x89PNG\r\n\x1a\n"):
            parts = _take_png_apart(data)
        elif data.startswith(b"\xff\xd8\xff"):
            parts = _take_jpeg_apart(data)
        elif data.startswith(b"RIFF") and data[8:12] == b"WEBP":
            parts = _take_webp_apart(data)
        else:
            raise NotAPicture(_UNKNOWN)
    except struct.error as error:  # a field that should be there lies beyond the end
        raise NotAPicture(_CUT_OFF) from error
    width, height = parts.size
    if not (width and height):
        raise NotAPicture(_DAMAGED)
    if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        raise NotAPicture(f"{width} × {height} pixels are too many")
    return parts


# https://www.w3.org/TR/png-3/#5Chunk-layout
_PNG_ONCE = frozenset({b"IHDR", b"PLTE", b"tRNS", b"iCCP", b"IEND"})
_PNG_ANIMATION = frozenset({b"acTL", b"fcTL", b"fdAT"})
_PNG_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
# First column and row of each pass of an interlaced picture, and the steps to the next ones.
_PNG_PASSES = {
    0: ((0, 0, 1, 1),),
    1: ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)),
}


def _take_png_apart(data: bytes) -> _Parts:
    view = memoryview(data)
    position, orientation = 8, 1
    kept, seen = [view[:8]], set()
    for _ in range(_MAX_CHUNKS):
        length, name = struct.unpack_from(">I4s", data, position)
        end = position + 12 + length
        (checksum,) = struct.unpack_from(">I", data, end - 4)
        if zlib.crc32(view[position + 4 : end - 4]) != checksum or (name == b"IHDR") != (position == 8):
            raise NotAPicture(_DAMAGED)
        if name in _PNG_ANIMATION:
            raise NotAPicture(_ANIMATED)
        if name in _PNG_ONCE or name == b"IDAT":
            if name in seen and name != b"IDAT":
                raise NotAPicture(_DAMAGED)
            seen.add(name)
            kept.append(view[position:end])
        elif name == b"eXIf":
            orientation = _orientation(data[position + 8 : end - 4])
        elif not name[0] & 0x20:  # a capital: no decoder may pass over it
            raise NotAPicture(_DAMAGED)
        position = end
        if name == b"IEND":
            break
    else:
        raise NotAPicture(_TOO_MANY_PARTS)
    if position != len(data):
        raise NotAPicture(_TRAILING)
    width, height = struct.unpack_from(">II", data, 16)
    return _Parts("PNG", (width, height), b"".join(kept), orientation)


def _png_is_full(essence: bytes) -> bool:
    """Tell whether the compressed data holds all rows. Pillow is content with a stream that ends well, but early."""
    width, height, depth, kind, _, _, interlace = struct.unpack_from(">IIBBBBB", essence, 16)
    missing = 0
    for x, y, step_x, step_y in _PNG_PASSES.get(interlace, ()):
        columns, rows = -(-(width - x) // step_x), -(-(height - y) // step_y)
        if columns > 0 and rows > 0:
            missing += rows * (1 + (columns * depth * _PNG_CHANNELS.get(kind, 4) + 7) // 8)
    stream = zlib.decompressobj()
    view, position = memoryview(essence), 8
    while missing > 0 and position < len(essence) and not stream.eof:
        length, name = struct.unpack_from(">I4s", essence, position)
        rest: bytes | memoryview = view[position + 8 : position + 8 + length] if name == b"IDAT" else b""
        position += 12 + length
        while rest and missing > 0:
            missing -= len(stream.decompress(rest, 2**16))
            rest = stream.unconsumed_tail
    return missing <= 0


# ITU T.81, annex B. A marker is FF and a code; in a scan's data FF is followed by 00 or a restart marker.
_JPEG_MARKER = re.compile(rb"\xff+([^\x00\xff])", re.DOTALL)
_JPEG_MARKER_AFTER_SCAN = re.compile(rb"\xff+[^\x00\xff\xd0-\xd7]", re.DOTALL)
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_APPS = frozenset(range(0xE0, 0xF0))


def _take_jpeg_apart(data: bytes) -> _Parts:
    """What follows the picture's end is let pass: phones put a second picture or a film there."""
    view = memoryview(data)
    position, orientation, scans = 2, 1, 0
    size: tuple[int, int] | None = None
    kept = [view[:2]]
    for _ in range(_MAX_SEGMENTS):
        marker = _JPEG_MARKER.match(data, position)
        if marker is None:
            raise NotAPicture(_DAMAGED if position < len(data) - 1 else _CUT_OFF)
        code, start = marker[1][0], marker.end()
        if code == 0xD9:
            break
        (length,) = struct.unpack_from(">H", data, start)
        end = start + length
        if length < 2 or code < 0xC0 or 0xD0 <= code <= 0xD8:
            raise NotAPicture(_DAMAGED)
        if end > len(data):
            raise NotAPicture(_CUT_OFF)
        wanted = code not in _JPEG_APPS and code != 0xFE
        if code in _JPEG_FRAMES:
            if size is not None:
                raise NotAPicture(_DAMAGED)
            height, width = struct.unpack_from(">HH", data, start + 3)
            size = width, height
        elif code == 0xDA:
            scans += 1
            next_marker = _JPEG_MARKER_AFTER_SCAN.search(data, end)
            if next_marker is None:
                raise NotAPicture(_CUT_OFF)
            end = next_marker.start()
        elif code == 0xE1 and data.startswith(b"Exif\0\0", start + 2):
            orientation = _orientation(data[start + 2 : end])
        elif code in (0xE0, 0xEE):  # JFIF and Adobe tell what the colours mean
            wanted = True
        elif code == 0xE2:
            wanted = data.startswith(b"ICC_PROFILE\0", start + 2)
        if wanted:
            kept.append(view[position:end])
        position = end
    else:
        raise NotAPicture(_TOO_MANY_PARTS)
    if scans > _MAX_SCANS:
        raise NotAPicture(_TOO_MANY_PARTS)
    if size is None or not scans:
        raise NotAPicture(_DAMAGED)
    return _Parts("JPEG", size, b"".join([*kept, b"\xff\xd9"]), orientation)


def _take_webp_apart(data: bytes) -> _Parts:
    """https://developers.google.com/speed/webp/docs/riff_container; an odd chunk is padded to an even length."""
    (length,) = struct.unpack_from("<I", data, 4)
    whole = length + 8
    if whole > len(data):
        raise NotAPicture(_CUT_OFF)
    if whole + whole % 2 < len(data):
        raise NotAPicture(_TRAILING)
    position, orientation = 12, 1
    canvas: tuple[int, int] | None = None
    frame: tuple[int, int] | None = None
    for _ in range(_MAX_SEGMENTS):
        if position >= whole:
            break
        name, length = struct.unpack_from("<4sI", data, position)
        start = position + 8
        position = start + length + length % 2
        if start + length > whole:
            raise NotAPicture(_CUT_OFF)
        if name in (b"ANIM", b"ANMF"):
            raise NotAPicture(_ANIMATED)
        if name == b"VP8X" and start == 20:
            if data[start] & 0x02:
                raise NotAPicture(_ANIMATED)
            low = struct.unpack_from("<HBHB", data, start + 4)
            canvas = 1 + low[0] + (low[1] << 16), 1 + low[2] + (low[3] << 16)
        elif name in (b"VP8 ", b"VP8L"):
            if frame is not None:
                raise NotAPicture(_DAMAGED)
            frame = _webp_frame_size(name, data, start)
        elif name == b"EXIF":
            orientation = _orientation(data[start : start + length])
    else:
        raise NotAPicture(_TOO_MANY_PARTS)
    if frame is None or canvas not in (None, frame):
        raise NotAPicture(_DAMAGED)
    return _Parts("WEBP", frame, data, orientation)


def _webp_frame_size(name: bytes, data: bytes, start: int) -> tuple[int, int]:
    if name == b"VP8L":
        signature, bits = struct.unpack_from("<BI", data, start)
        if signature == 0x2F:
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    else:
        signature, width, height = struct.unpack_from("<3x3sHH", data, start)
        if signature == b"\x9d\x01\x2a":
            return width & 0x3FFF, height & 0x3FFF
    raise NotAPicture(_DAMAGED)


def _orientation(exif: bytes) -> int:
    """Return the EXIF orientation, 1 if there is none that makes sense.

    Read by hand for one number: Pillow would copy what every entry points at, and many entries of a small block
    can point at all of it.
    """
    exif = exif[:_MAX_EXIF_BYTES].removeprefix(b"Exif\0\0")
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(exif[:4])
    try:
        if order is not None:
            (offset,) = struct.unpack_from(f"{order}I", exif, 4)
            (count,) = struct.unpack_from(f"{order}H", exif, offset)
            for entry in range(count):
                tag, kind, value = struct.unpack_from(f"{order}HH4xH", exif, offset + 2 + 12 * entry)
                if tag == 0x0112:
                    return int(value) if kind == 3 and 1 <= value <= 8 else 1
    except struct.error:
        pass
    return 1


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


def _turned(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    return (size[1], size[0]) if orientation >= 5 else size


def _turn(image: Image.Image, orientation: int) -> Image.Image:
    return image.transpose(_TURNS[orientation]) if orientation in _TURNS else image


def _decode(parts: _Parts, at_least: tuple[int, int]) -> Image.Image:
    """Decode all of it. A JPEG may come out at 1/2, 1/4 or 1/8 of its size, but not below `at_least`."""
    try:
        image = Image.open(BytesIO(parts.essence), formats=[parts.format])
        if parts.format == "PNG" and not _png_is_full(parts.essence):
            raise NotAPicture(_CUT_OFF)
        if image.size != parts.size or getattr(image, "n_frames", 1) != 1:
            raise NotAPicture(_DAMAGED)
        image.draft(None, at_least)
        image.load()
    except (NotAPicture, MemoryError):
        # Sizes were checked: memory that lacks is this machine's trouble, and not the file's.
        raise
    except Exception as error:
        # Decoders raise what they like: OSError, SyntaxError, ValueError, struct.error, EOFError, zlib.error, …
        raise NotAPicture(_DAMAGED) from error
    return image


def _plain(image: Image.Image) -> Image.Image:
    """Convert to a mode whose pixels can be averaged: RGB, RGBA, L or CMYK; without alpha if all is opaque."""
    if image.mode.startswith("I"):
        # Pillow clips 16 bits a pixel to 8, instead of scaling them.
        return image.convert("I").point(lambda value: value * (1 / 257)).convert("L")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return image.convert("RGB") if image.getchannel("A").getextrema()[0] == 255 else image
    return image if image.mode in ("RGB", "L", "CMYK") else image.convert("RGB")


def _in_srgb(image: Image.Image) -> Image.Image:
    """Convert a plain image to RGB or RGBA, by its ICC profile if it has a usable one."""
    mode = "RGBA" if image.mode == "RGBA" else "RGB"
    profile = image.info.get("icc_profile")
    if profile and len(profile) <= _MAX_ICC_BYTES:
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
    small = _plain(image).resize((2, 2), Image.Resampling.BOX)
    small = _turn(_in_srgb(small), orientation).convert("RGBA")
    flat = Image.alpha_composite(Image.new("RGBA", (2, 2), "white"), small).convert("RGB")
    pixels = flat.tobytes().hex()
    return f"#{pixels[:6]}", f"#{pixels[6:12]}", f"#{pixels[12:18]}", f"#{pixels[18:]}"
