"""Strips a picture's file of what is not the picture: texts, EXIF, XMP, vendors' blocks, remarks, what follows its end.

Services write the prompt, the settings or a person's name there, and a guest who sees a picture does not see those. The
pixels stay as they are, bit for bit: nothing is decoded. Kept are the colours' meaning, and how the picture is turned.
AVIF, GIF and animations are the exception: of those a PNG is made that shows what the studio shows.
"""

import struct
import zlib
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import IO

from gallery.images.concurrency import DECODING, ConcurrencyLimit
from gallery.images.convert import CONVERSION_SECONDS, CONVERSIONS
from gallery.images.decode import decode, in_srgb, plain, turn
from gallery.images.kinds import Kind, kind_of
from gallery.images.parse import DAMAGED, JPEG_FRAMES, JPEG_MARKER_AFTER_SCAN, NotAPicture, Parts, parse_image

# Each holds its file in memory twice (40 MB at the most), and everyone with a link may ask: on slow storage, too, half
# of a web process's eight threads stay with the others.
HANDS = ConcurrencyLimit(at_once=2, waiting=2)
HAND_SECONDS = 10.0

# Of a JPEG, with any content: frames, tables for decoding, scans, the end.
_JPEG_KEPT = JPEG_FRAMES | {0xC4, 0xDB, 0xDD, 0xDA, 0xD9}
# Of a WebP: what Parts leaves in there, unlike of the others.
_WEBP_KEPT = frozenset({b"VP8X", b"ICCP", b"ALPH", b"VP8 ", b"VP8L"})
_WEBP_HAS_EXIF, _WEBP_HAS_XMP = 0x08, 0x04


def strip(file: IO[bytes]) -> bytes:
    """Return the picture alone, in the same format or as PNG. Raises NotAPicture, and what `file.read` raises."""
    parts = parse_image(file)
    return _still(parts) if _needs_decoding(parts) else _STRIPPERS[parts.format](parts)


def strip_in_turn(file: IO[bytes]) -> tuple[bytes, Kind]:
    """For requests: what `strip` returns, and what kind of file that is. Raises Busy, too."""
    with HANDS.turn(HAND_SECONDS):
        parts = parse_image(file)
        if not _needs_decoding(parts):
            data = _STRIPPERS[parts.format](parts)
            return data, kind_of(data)
    with CONVERSIONS.turn(CONVERSION_SECONDS):
        data = _still(parts)
        return data, kind_of(data)


def _needs_decoding(parts: Parts) -> bool:
    return parts.format not in _STRIPPERS or (parts.format == "WEBP" and parts.is_animated)


def _still(parts: Parts) -> bytes:
    buffer = BytesIO()
    with DECODING.turn(parts.pixels, CONVERSION_SECONDS):
        try:
            image = turn(in_srgb(plain(decode(parts, parts.size))), parts.orientation)
            image.info = {}
            image.save(buffer, "PNG", compress_level=4)
        except (OSError, ValueError) as error:
            raise NotAPicture(DAMAGED) from error
    return buffer.getvalue()


def _turned(orientation: int) -> bytes:
    """An EXIF block that says how to turn the picture, and nothing else: one entry, big-endian."""
    return b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)


def _png(parts: Parts) -> bytes:
    data, pieces, position = parts.payload, [parts.payload[:8]], 8
    while position < len(data):
        length, name = struct.unpack_from(">I4s", data, position)
        chunk = data[position : position + 12 + length]
        position += len(chunk)
        pieces.append(_unnamed(chunk) if name == b"iCCP" else chunk)
        if name == b"IHDR" and parts.orientation != 1:
            pieces.append(_chunk(b"eXIf", _turned(parts.orientation)))
    return b"".join(pieces)


def _unnamed(chunk: bytes) -> bytes:
    """A colour profile without its name, which could say anything."""
    _, nul, profile = chunk[8:-4].partition(b"\0")
    return _chunk(b"iCCP", b"ICC\0" + profile) if nul else b""


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _jpeg(parts: Parts) -> bytes:
    pieces = [b"\xff\xd8"]
    if parts.orientation != 1:
        exif = b"Exif\0\0" + _turned(parts.orientation)
        pieces.append(b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif)
    pieces += [piece for code, piece in _segments(parts.payload) if _is_picture(code, piece)]
    return b"".join(pieces)


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """What follows the beginning of a JPEG, each with its marker's code; a scan with its coded data."""
    position = 2
    while True:
        begin = position
        while data[position + 1] == 0xFF:  # a marker may be filled up in front
            position += 1
        code = data[position + 1]
        if code == 0xD9:
            yield code, data[begin:]
            return
        (length,) = struct.unpack_from(">H", data, position + 2)
        position += 2 + length
        if code == 0xDA:
            following = JPEG_MARKER_AFTER_SCAN.search(data, position)
            assert following is not None  # there is an end
            position = following.start()
        yield code, data[begin:position]


def _is_picture(code: int, piece: bytes) -> bool:
    """What decoders need, as far as it has the form that they know; others use their markers for what they like."""
    body = piece.lstrip(b"\xff")[3:]
    if code == 0xE0:
        return body.startswith(b"JFIF\0") and len(body) == 14
    if code == 0xE2:
        return body.startswith(b"ICC_PROFILE\0")
    if code == 0xEE:
        return body.startswith(b"Adobe") and len(body) == 12
    if code == 0xCC:  # pairs: which of 32 coders, and how it works
        return len(body) <= 64 and max(body[::2], default=32) < 32
    return code in _JPEG_KEPT


def _webp(parts: Parts) -> bytes:
    data, kept, position = parts.payload, BytesIO(), 12
    end = min(len(data), 8 + struct.unpack_from("<I", data, 4)[0])
    turned = b"" if parts.orientation == 1 else _turned(parts.orientation)
    is_extended = False
    while position + 8 <= end:
        name, length = struct.unpack_from("<4sI", data, position)
        body = data[position + 8 : position + 8 + length]
        position += 8 + length + length % 2
        if name == b"VP8X":
            is_extended = True
            flags = body[0] & ~(_WEBP_HAS_EXIF | _WEBP_HAS_XMP) | (_WEBP_HAS_EXIF if turned else 0)
            body = bytes([flags]) + body[1:]
        if name in _WEBP_KEPT:
            kept.write(_riff(name, body))
    if turned and is_extended:
        kept.write(_riff(b"EXIF", turned))
    body = b"WEBP" + kept.getvalue()
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _riff(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


_STRIPPERS: dict[str, Callable[[Parts], bytes]] = {"PNG": _png, "JPEG": _jpeg, "WEBP": _webp}
