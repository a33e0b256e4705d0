"""Takes picture files apart: what a file is and how large, and just those bytes of it that a decoder needs.

By structure alone, in a few milliseconds and without decoding: finds what a decoder forgives or chokes on, and leaves
out texts and vendors' blocks, where bombs hide best. Plain Python.
"""

import re
import struct
import zlib
from dataclasses import dataclass
from typing import IO

MAX_BYTES = 40 * 2**20
MAX_PIXELS = 40_000_000
MAX_SIDE = 16384

# Far more than encoders write. Each part costs time, however small it is.
_MAX_CHUNKS = 100_000
_MAX_SEGMENTS = 2_000
# Each scan of a progressive JPEG is another pass over all its pixels. Encoders write about ten.
_MAX_SCANS = 40
MAX_ICC_BYTES = 2**20
_MAX_EXIF_BYTES = 2**16


class NotAPicture(Exception):
    """Why a file is not taken for a picture, in words that can follow “it could not be kept:”."""


@dataclass(frozen=True, slots=True)
class Parts:
    """A file taken apart: what it is, the bytes that the decoder needs, and how to turn the picture (EXIF, 1 to 8).

    The size is the stored one, before turning.
    """

    format: str
    size: tuple[int, int]
    payload: bytes
    orientation: int


_UNKNOWN = "it is no PNG, JPEG or WebP picture"
CUT_OFF = "its end is missing"
DAMAGED = "it is damaged"
_ANIMATED = "it is animated"
_TRAILING = "it holds other data after the picture"
_TOO_MANY_PARTS = "it has too many parts"


def parse_image(file: IO[bytes]) -> Parts:
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
        raise NotAPicture(CUT_OFF) from error
    width, height = parts.size
    if not (width and height):
        raise NotAPicture(DAMAGED)
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


def _take_png_apart(data: bytes) -> Parts:
    view = memoryview(data)
    position, orientation = 8, 1
    kept, seen = [view[:8]], set()
    for _ in range(_MAX_CHUNKS):
        length, name = struct.unpack_from(">I4s", data, position)
        end = position + 12 + length
        (checksum,) = struct.unpack_from(">I", data, end - 4)
        if zlib.crc32(view[position + 4 : end - 4]) != checksum or (name == b"IHDR") != (position == 8):
            raise NotAPicture(DAMAGED)
        if name in _PNG_ANIMATION:
            raise NotAPicture(_ANIMATED)
        if name in _PNG_ONCE or name == b"IDAT":
            if name in seen and name != b"IDAT":
                raise NotAPicture(DAMAGED)
            seen.add(name)
            kept.append(view[position:end])
        elif name == b"eXIf":
            orientation = _orientation(data[position + 8 : end - 4])
        elif not name[0] & 0x20:  # a capital: no decoder may pass over it
            raise NotAPicture(DAMAGED)
        position = end
        if name == b"IEND":
            break
    else:
        raise NotAPicture(_TOO_MANY_PARTS)
    if position != len(data):
        raise NotAPicture(_TRAILING)
    width, height = struct.unpack_from(">II", data, 16)
    return Parts("PNG", (width, height), b"".join(kept), orientation)


def png_is_full(payload: bytes) -> bool:
    """Tell whether the compressed data holds all rows. Pillow is content with a stream that ends well, but early."""
    width, height, depth, kind, _, _, interlace = struct.unpack_from(">IIBBBBB", payload, 16)
    missing = 0
    for x, y, step_x, step_y in _PNG_PASSES.get(interlace, ()):
        columns, rows = -(-(width - x) // step_x), -(-(height - y) // step_y)
        if columns > 0 and rows > 0:
            missing += rows * (1 + (columns * depth * _PNG_CHANNELS.get(kind, 4) + 7) // 8)
    stream = zlib.decompressobj()
    view, position = memoryview(payload), 8
    while missing > 0 and position < len(payload) and not stream.eof:
        length, name = struct.unpack_from(">I4s", payload, position)
        rest: bytes | memoryview = view[position + 8 : position + 8 + length] if name == b"IDAT" else b""
        position += 12 + length
        while rest and missing > 0:
            missing -= len(stream.decompress(rest, 2**16))
            rest = stream.unconsumed_tail
    return missing <= 0


# ITU T.81, annex B. A marker is FF and a code; in a scan's data FF is followed by 00 or a restart marker.
_JPEG_MARKER = re.compile(rb"\xff+([^\x00\xff])", re.DOTALL)
JPEG_MARKER_AFTER_SCAN = re.compile(rb"\xff+[^\x00\xff\xd0-\xd7]", re.DOTALL)
JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_APPS = frozenset(range(0xE0, 0xF0))


def _take_jpeg_apart(data: bytes) -> Parts:
    """What follows the picture's end is let pass: phones put a second picture or a film there."""
    view = memoryview(data)
    position, orientation, scans = 2, 1, 0
    size: tuple[int, int] | None = None
    kept = [view[:2]]
    for _ in range(_MAX_SEGMENTS):
        marker = _JPEG_MARKER.match(data, position)
        if marker is None:
            raise NotAPicture(DAMAGED if position < len(data) - 1 else CUT_OFF)
        code, start = marker[1][0], marker.end()
        if code == 0xD9:
            break
        (length,) = struct.unpack_from(">H", data, start)
        end = start + length
        if length < 2 or code < 0xC0 or 0xD0 <= code <= 0xD8:
            raise NotAPicture(DAMAGED)
        if end > len(data):
            raise NotAPicture(CUT_OFF)
        wanted = code not in _JPEG_APPS and code != 0xFE
        if code in JPEG_FRAMES:
            if size is not None:
                raise NotAPicture(DAMAGED)
            height, width = struct.unpack_from(">HH", data, start + 3)
            size = width, height
        elif code == 0xDA:
            scans += 1
            next_marker = JPEG_MARKER_AFTER_SCAN.search(data, end)
            if next_marker is None:
                raise NotAPicture(CUT_OFF)
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
        raise NotAPicture(DAMAGED)
    return Parts("JPEG", size, b"".join([*kept, b"\xff\xd9"]), orientation)


def _take_webp_apart(data: bytes) -> Parts:
    """https://developers.google.com/speed/webp/docs/riff_container; an odd chunk is padded to an even length."""
    (length,) = struct.unpack_from("<I", data, 4)
    whole = length + 8
    if whole > len(data):
        raise NotAPicture(CUT_OFF)
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
            raise NotAPicture(CUT_OFF)
        if name in (b"ANIM", b"ANMF"):
            raise NotAPicture(_ANIMATED)
        if name == b"VP8X" and start == 20:
            if data[start] & 0x02:
                raise NotAPicture(_ANIMATED)
            low = struct.unpack_from("<HBHB", data, start + 4)
            canvas = 1 + low[0] + (low[1] << 16), 1 + low[2] + (low[3] << 16)
        elif name in (b"VP8 ", b"VP8L"):
            if frame is not None:
                raise NotAPicture(DAMAGED)
            frame = _webp_frame_size(name, data, start)
        elif name == b"EXIF":
            orientation = _orientation(data[start : start + length])
    else:
        raise NotAPicture(_TOO_MANY_PARTS)
    if frame is None or canvas not in (None, frame):
        raise NotAPicture(DAMAGED)
    return Parts("WEBP", frame, data, orientation)


def _webp_frame_size(name: bytes, data: bytes, start: int) -> tuple[int, int]:
    if name == b"VP8L":
        signature, bits = struct.unpack_from("<BI", data, start)
        if signature == 0x2F:
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    else:
        signature, width, height = struct.unpack_from("<3x3sHH", data, start)
        if signature == b"\x9d\x01\x2a":
            return width & 0x3FFF, height & 0x3FFF
    raise NotAPicture(DAMAGED)


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
