"""Parses picture files: what a file is and how large, and just those bytes of it that a decoder needs.

By structure alone, in a few milliseconds and without decoding. That finds what a decoder forgives or chokes on, and
leaves out texts, vendors' blocks, later frames and what follows the picture, where bombs and secrets hide best. What
viewers pass over is passed over here, too: bytes behind the end, wrong checksums of parts that are left out, blanks
in front. Plain Python.
"""

import re
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import IO

from gallery.images import colour
from gallery.images.kinds import AVIF, GIF, JPEG, LEADING, PNG, WEBP, Kind, kind_of
from lemonstudio.marking import gettext_noop

MAX_BYTES = 40 * 2**20
MAX_PIXELS = 40_000_000
MAX_SIDE = 16384
# A JPEG may have more, as it can be decoded at half its size. One with several scans is held whole in memory for that.
MAX_JPEG_PIXELS = 4 * MAX_PIXELS
MAX_PROGRESSIVE_PIXELS = 64_000_000

# Far more than encoders write. Each part costs time, however small it is.
_MAX_CHUNKS = 100_000
_MAX_SEGMENTS = 2_000
# Each scan of a progressive JPEG is another pass over all its pixels. Encoders write about ten.
_MAX_SCANS = 40
MAX_ICC_BYTES = 2**20
_MAX_EXIF_BYTES = 2**16


class NotAPicture(Exception):
    """Why a file is not shown as a picture, in words that can follow “it could not be kept:”.

    `kind` is what the file is, where that is known.
    """

    def __init__(self, message: str, kind: Kind | None = None) -> None:
        super().__init__(message)
        self.kind = kind

    @property
    def is_damage(self) -> bool:
        """Whether another copy of the same file may be whole."""
        return str(self) in (CUT_OFF, DAMAGED)


@dataclass(frozen=True, slots=True)
class Parts:
    """A parsed file: what it is, the bytes that the decoder needs, and how to turn the picture (EXIF, 1 to 8).

    The size is the stored one, before turning. `profile` is an ICC profile that says what other parts of the file say
    about its colours. `is_animated`: the payload is the first frame of several. `is_as_delivered`: browsers show the
    file itself as what the payload shows.
    """

    format: str
    size: tuple[int, int]
    payload: bytes
    orientation: int
    profile: bytes | None = None
    is_animated: bool = False
    is_as_delivered: bool = True

    @property
    def is_oversized(self) -> bool:
        """Whether only a smaller copy of it can be decoded."""
        return self.size[0] * self.size[1] > MAX_PIXELS

    @property
    def pixels(self) -> int:
        """How many of them are decoded, at the most."""
        return min(self.size[0] * self.size[1], MAX_PIXELS)


CUT_OFF = gettext_noop("its end is missing")
DAMAGED = gettext_noop("it is damaged")
_TOO_MANY_PARTS = gettext_noop("it has too many parts")


def parse_image(file: IO[bytes]) -> Parts:
    """Parse `file` from where it stands to its end.

    Raises NotAPicture for all that is not one whole PNG, JPEG, WebP, GIF or AVIF of at most MAX_BYTES, MAX_PIXELS (a
    JPEG: MAX_JPEG_PIXELS) and MAX_SIDE pixels a side; and what `file.read` raises.
    """
    data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise NotAPicture(gettext_noop("it is larger than %(size)s MiB") % {"size": MAX_BYTES // 2**20}, kind_of(data))
    kind = kind_of(data)
    if kind not in _PARSERS:
        raise NotAPicture(
            gettext_noop("it is %(kind)s") % {"kind": kind.with_article}
            if kind.name
            else gettext_noop("it is no picture that the studio knows"),
            kind,
        )
    try:
        bare = data.lstrip(LEADING)
        parts = _PARSERS[kind](bare)
        _check_size(parts.size, MAX_JPEG_PIXELS if kind is JPEG else MAX_PIXELS)
    except struct.error as error:  # a field that should be there lies beyond the end
        raise NotAPicture(CUT_OFF, kind) from error
    except NotAPicture as problem:
        raise NotAPicture(str(problem), kind) from problem
    return replace(parts, is_as_delivered=False) if parts.is_animated or len(bare) < len(data) else parts


def _check_size(size: tuple[int, int], most: int) -> None:
    width, height = size
    if not (width and height):
        raise NotAPicture(DAMAGED)
    if width * height > most:
        raise NotAPicture(
            gettext_noop("it has %(width)s × %(height)s pixels, %(pixels)s million; %(most)s million are the most")
            % {"width": width, "height": height, "pixels": _millions(width * height), "most": _millions(most)}
        )
    if max(size) > MAX_SIDE:
        raise NotAPicture(
            gettext_noop("it has %(width)s × %(height)s pixels; %(most)s a side are the most")
            % {"width": width, "height": height, "most": MAX_SIDE}
        )


def _millions(pixels: int) -> str:
    return f"{pixels / 1e6:.1f}".removesuffix(".0")


# https://www.w3.org/TR/png-3/#5Chunk-layout
_PNG_CRITICAL = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND"})
# What tells by numbers how its colours are meant, and how many bytes that takes.
_PNG_COLOURS = {b"gAMA": 4, b"cHRM": 32, b"sRGB": 1, b"cICP": 4}
_PNG_ANCILLARY = frozenset({b"tRNS", b"iCCP", b"eXIf", *_PNG_COLOURS})
_PNG_ANIMATION = frozenset({b"acTL", b"fcTL", b"fdAT"})
_PNG_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
# First column and row of each pass of an interlaced picture, and the steps to the next ones.
_PNG_PASSES = {
    0: ((0, 0, 1, 1),),
    1: ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)),
}


def _parse_png(data: bytes) -> Parts:
    """Viewers pass over an ancillary chunk with a wrong checksum, one that is there twice, and what follows IEND."""
    view = memoryview(data)
    position = 8
    pieces = [view[:8]]
    found: dict[bytes, bytes] = {}
    is_animated = False
    for _ in range(_MAX_CHUNKS):
        length, name = struct.unpack_from(">I4s", data, position)
        end = position + 12 + length
        (checksum,) = struct.unpack_from(">I", data, end - 4)
        if (name == b"IHDR") != (position == 8) or not name.isalpha():
            raise NotAPicture(DAMAGED)
        if name in _PNG_CRITICAL or name in _PNG_ANCILLARY:
            is_usable = zlib.crc32(view[position + 4 : end - 4]) == checksum and (name == b"IDAT" or name not in found)
            if name in _PNG_CRITICAL and not is_usable:
                raise NotAPicture(DAMAGED)
            if is_usable:
                found[name] = b"" if name == b"IDAT" else data[position + 8 : end - 4]
                if _is_wanted(name, found[name]):
                    pieces.append(view[position:end])
        elif name in _PNG_ANIMATION:
            is_animated = True
        elif not name[0] & 0x20:  # a capital: no decoder may pass over it
            raise NotAPicture(DAMAGED)
        position = end
        if name == b"IEND":
            break
    else:
        raise NotAPicture(_TOO_MANY_PARTS)
    width, height = struct.unpack_from(">II", data, 16)
    orientation = _orientation(found.get(b"eXIf", b""))
    return Parts("PNG", (width, height), b"".join(pieces), orientation, colour.of_png(found), is_animated)


def _is_wanted(name: bytes, content: bytes) -> bool:
    """Whether a chunk goes to the decoder."""
    if name in _PNG_COLOURS:
        return len(content) == _PNG_COLOURS[name]
    if name != b"iCCP":
        return name != b"eXIf"
    # A profile that is larger than any real one, or cannot be unpacked, is passed over.
    stream = zlib.decompressobj()
    try:
        stream.decompress(content.partition(b"\0")[2][1:], MAX_ICC_BYTES)
    except zlib.error:
        return False
    return stream.eof


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
_JPEG_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_JPEG_APPS = frozenset(range(0xE0, 0xF0))


def _parse_jpeg(data: bytes) -> Parts:
    """Viewers pass over what follows the picture's end, where phones put a film, and over junk between its parts."""
    view = memoryview(data)
    position, orientation, scans = 2, 1, 0
    size: tuple[int, int] | None = None
    is_progressive = False
    kept = [view[:2]]
    for _ in range(_MAX_SEGMENTS):
        marker = _JPEG_MARKER.search(data, position)
        if marker is None:
            raise NotAPicture(CUT_OFF)
        position, code, start = marker.start(), marker[1][0], marker.end()
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
            is_progressive = code in _JPEG_PROGRESSIVE
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
    if is_progressive or scans > 1:
        _check_size(size, MAX_PROGRESSIVE_PIXELS)
    return Parts("JPEG", size, b"".join([*kept, b"\xff\xd9"]), orientation)


def _parse_webp(data: bytes) -> Parts:
    """https://developers.google.com/speed/webp/docs/riff_container; an odd chunk is padded to an even length."""
    (length,) = struct.unpack_from("<I", data, 4)
    whole = length + 8
    if whole > len(data):
        raise NotAPicture(CUT_OFF)
    position, orientation = 12, 1
    canvas: tuple[int, int] | None = None
    frame: tuple[int, int] | None = None
    # What the first frame of an animation needs.
    first: list[bytes] = []
    frames = 0
    for _ in range(_MAX_SEGMENTS):
        if position >= whole:
            break
        name, length = struct.unpack_from("<4sI", data, position)
        begin, start = position, position + 8
        position = start + length + length % 2
        if start + length > whole:
            if frames:
                break  # a later frame is missing
            raise NotAPicture(CUT_OFF)
        if name == b"VP8X" and start == 20:
            low = struct.unpack_from("<HBHB", data, start + 4)
            canvas = 1 + low[0] + (low[1] << 16), 1 + low[2] + (low[3] << 16)
        elif name == b"ANMF":
            frames += 1
        elif name in (b"VP8 ", b"VP8L"):
            if frame is not None:
                raise NotAPicture(DAMAGED)
            frame = _webp_frame_size(name, data, start)
        elif name == b"EXIF":
            orientation = _orientation(data[start : start + length])
        if name in (b"VP8X", b"ICCP", b"ANIM") or (name == b"ANMF" and frames == 1):
            first.append(data[begin:position])
    else:
        if not frames:
            raise NotAPicture(_TOO_MANY_PARTS)
    if frames and canvas and frame is None:
        body = b"WEBP" + b"".join(first)
        return Parts("WEBP", canvas, b"RIFF" + struct.pack("<I", len(body)) + body, orientation, None, True)
    if frames or frame is None or canvas not in (None, frame):
        raise NotAPicture(DAMAGED)
    return Parts("WEBP", frame, data[:whole], orientation)


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


def _parse_gif(data: bytes) -> Parts:
    """The first frame: https://www.w3.org/Graphics/GIF/spec-gif89a.txt. Later frames need not be whole."""
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    position = 13 + _gif_colours(flags)
    pieces = [data[:position]]
    control = b""
    is_shown = False
    for _ in range(_MAX_SEGMENTS):
        introducer = data[position : position + 1]
        if introducer == b"!":
            end = _gif_blocks_end(data, position + 2)
            if not is_shown and data[position + 1 : position + 2] == b"\xf9":
                control = data[position:end]
        elif introducer == b",":
            if is_shown:
                return _gif_parts((width, height), pieces, is_animated=True)
            left, top, columns, rows, flags = struct.unpack_from("<HHHHB", data, position + 1)
            end = _gif_blocks_end(data, position + 11 + _gif_colours(flags))
            # Decoders make the canvas as large as its first frame.
            width, height = max(width, left + columns), max(height, top + rows)
            pieces += [control, data[position:end], b";"]
            is_shown = True
        elif is_shown:
            return _gif_parts((width, height), pieces, is_animated=False)
        else:
            raise NotAPicture(DAMAGED if introducer else CUT_OFF)
        position = end
    if is_shown:
        return _gif_parts((width, height), pieces, is_animated=True)
    raise NotAPicture(_TOO_MANY_PARTS)


def _gif_parts(size: tuple[int, int], pieces: list[bytes], *, is_animated: bool) -> Parts:
    return Parts("GIF", size, b"".join(pieces), 1, None, is_animated)


def _gif_colours(flags: int) -> int:
    """The length of a colour table that these flags announce."""
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _gif_blocks_end(data: bytes, position: int) -> int:
    while True:
        if position >= len(data):
            raise NotAPicture(CUT_OFF)
        length = data[position]
        position += 1 + length
        if not length:
            return position


# ISO/IEC 14496-12. Boxes in which those lie that tell size, turning and colours; `meta` begins with four bytes more.
_AVIF_TOP = frozenset({b"ftyp", b"meta", b"mdat", b"moov", b"free", b"skip", b"uuid"})
_AVIF_NESTED = {b"meta": 4, b"iprp": 0, b"ipco": 0}
# The numbers of quarter turns against the clock, and whether it is mirrored along which axis, as EXIF says it.
_AVIF_TURNS = {
    (0, None): 1, (1, None): 8, (2, None): 3, (3, None): 6,
    (0, 0): 4, (1, 0): 5, (2, 0): 2, (3, 0): 7,
    (0, 1): 2, (1, 1): 7, (2, 1): 4, (3, 1): 5,
}  # fmt: skip


def _parse_avif(data: bytes) -> Parts:
    """The still picture of the file. An animation has it besides its frames, which are hidden from the decoder."""
    payload = bytearray()
    size, angle, axis = (0, 0), 0, None
    profile = None
    is_animated = False
    for name, start, end in _boxes(data, 0, len(data)):
        if name == b"moov":
            is_animated = True
            name = b"free"
        payload += data[start - 8 : start - 4] + name + data[start:end]
    for name, start, _ in _avif_properties(data):
        if name == b"ispe":
            size = max(size, struct.unpack_from(">II", data, start + 4), key=lambda one: one[0] * one[1])
        elif name == b"irot":
            angle = data[start] & 3
        elif name == b"imir":
            axis = data[start] & 1
        elif name == b"colr" and data[start : start + 4] == b"nclx":
            profile = profile or colour.profile_of(*struct.unpack_from(">HH", data, start + 4))
    if is_animated:
        (length,) = struct.unpack_from(">I", data)
        payload[:length] = payload[:length].replace(b"avis", b"avif")
    return Parts("AVIF", size, bytes(payload), _AVIF_TURNS[angle, axis], profile, is_animated)


def _avif_properties(data: bytes) -> list[tuple[bytes, int, int]]:
    found: list[tuple[bytes, int, int]] = []
    todo = [(0, len(data))]
    while todo:
        for name, start, end in _boxes(data, *todo.pop()):
            if name in _AVIF_NESTED:
                todo.append((start + _AVIF_NESTED[name], end))
            else:
                found.append((name, start, end))
    return found


def _boxes(data: bytes, position: int, end: int) -> list[tuple[bytes, int, int]]:
    """The boxes that lie there: name, where its content begins and ends. Those with a 64-bit length are not allowed."""
    boxes: list[tuple[bytes, int, int]] = []
    while position < end:
        if len(boxes) == _MAX_SEGMENTS:
            raise NotAPicture(_TOO_MANY_PARTS)
        if end - position < 8:
            break
        length, name = struct.unpack_from(">I4s", data, position)
        length = length or end - position  # the last one may leave its length out
        if length < 8 or (position + length > end and name not in _AVIF_TOP):
            break  # what follows the picture
        if position + length > end:
            raise NotAPicture(CUT_OFF)
        boxes.append((name, position + 8, position + length))
        position += length
    return boxes


_PARSERS: dict[Kind, Callable[[bytes], Parts]] = {
    PNG: _parse_png,
    JPEG: _parse_jpeg,
    WEBP: _parse_webp,
    GIF: _parse_gif,
    AVIF: _parse_avif,
}
