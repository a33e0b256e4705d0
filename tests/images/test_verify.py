"""Good and bad pictures. All files are made here."""

import io
import itertools
import random
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image, ImageFile

from gallery.images import verify
from gallery.images.parse import MAX_BYTES, MAX_PIXELS, MAX_SIDE, NotAPicture
from gallery.images.thumbnails import thumbnails
from gallery.images.verify import PictureInfo, examine, inspect, placeholder
from tests.images.files import (
    FORMATS,
    GOOD,
    RED,
    B,
    G,
    R,
    Y,
    check,
    colour,
    cut,
    encode,
    exif,
    noise,
    quarters,
)

MODES = {"PNG": ("RGB", "RGBA", "P", "L", "LA", "1", "I;16"), "JPEG": ("RGB", "L", "CMYK"), "WEBP": ("RGB", "RGBA")}


def chunk(name: bytes, data: bytes, checksum: int | None = None) -> bytes:
    checksum = zlib.crc32(name + data) if checksum is None else checksum
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", checksum)


def header(width: int, height: int, depth: int = 8, kind: int = 2) -> bytes:
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0))


def png(*chunks: bytes) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


END = chunk(b"IEND", b"")


def pixels(width: int, height: int) -> bytes:
    return chunk(b"IDAT", zlib.compress(bytes((1 + 3 * width) * height)))


def interlaced(width: int, height: int, missing: int = 0) -> bytes:
    """Grey, in the seven passes of Adam7."""
    rows = b""
    for x, y, step_x, step_y in zip((0, 4, 0, 2, 0, 1, 0), (0, 0, 4, 0, 2, 0, 1), *STEPS, strict=True):
        columns = len(range(x, width, step_x))
        if columns:
            rows += (b"\0" + b"\x80" * columns) * len(range(y, height, step_y))
    start = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 1))
    return png(start, chunk(b"IDAT", zlib.compress(rows[: len(rows) - missing])), END)


STEPS = (8, 8, 4, 4, 2, 2, 1), (8, 8, 8, 4, 4, 2, 2)


def with_chunks(*extra: bytes) -> bytes:
    return png(header(4, 4), *extra, pixels(4, 4), END)


def segment(code: int, data: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, code, len(data) + 2) + data


def with_segments(*extra: bytes, picture: bytes | None = None) -> bytes:
    picture = GOOD["JPEG"] if picture is None else picture
    return picture[:2] + b"".join(extra) + picture[2:]


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"WEBP"
    for name, data in chunks:
        body += name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def vp8x(width: int, height: int, flags: int = 0) -> tuple[bytes, bytes]:
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return b"VP8X", bytes([flags, 0, 0, 0]) + size


def exif_bomb() -> bytes:
    """An EXIF block whose entries each point at nearly all of it."""
    count = 5000
    entries = b"".join(struct.pack("<HHII", 0x8000 + tag, 7, 60_000, 8) for tag in range(count))
    return b"Exif\0\0II*\0" + struct.pack("<IH", 8, count) + entries + bytes(4)


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("index.html", "<script>alert(1)</script>")
    return buffer.getvalue()


WEBP_PIXELS = GOOD["WEBP"][20:]
FRAMES = [noise(), quarters()]


# --- Good and bad files --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("format", "mode"), [(format, mode) for format in FORMATS for mode in MODES[format]])
def test_picture_is_known_by_its_content(format: str, mode: str) -> None:
    data = encode(quarters(mode=mode), format)
    info = check(data)
    assert (info.format, info.width, info.height) == (format, 64, 48)
    made = list(thumbnails(io.BytesIO(data)))
    assert {(thumbnail.width, thumbnail.height) for thumbnail in made} == {(64, 48)}


@pytest.mark.parametrize(
    ("format", "content_type", "extension"),
    [("PNG", "image/png", "png"), ("JPEG", "image/jpeg", "jpg"), ("WEBP", "image/webp", "webp")],
)
def test_format_has_one_type_and_one_extension(format: str, content_type: str, extension: str) -> None:
    info = check(GOOD[format])
    assert (info.content_type, info.extension) == (content_type, extension)


def multi_picture() -> bytes:
    buffer = io.BytesIO()
    noise().save(buffer, "MPO", save_all=True, append_images=[quarters()])
    return buffer.getvalue()


HARMLESS: dict[str, Callable[[], bytes]] = {
    "progressive JPEG": lambda: encode(noise(), "JPEG", progressive=True),
    "JPEG with restart markers": lambda: encode(noise(), "JPEG", restart_marker_blocks=2),
    "JPEG with a second picture, as phones make": multi_picture,
    "JPEG with a film after its end, as phones make": lambda: GOOD["JPEG"] + b"\xff\xda" * 50 + bytes(1000),
    "JPEG with a thumbnail in EXIF": lambda: with_segments(segment(0xE1, b"Exif\0\0" + GOOD["JPEG"])),
    "JPEG with fill bytes": lambda: GOOD["JPEG"][:2] + b"\xff\xff\xff" + GOOD["JPEG"][2:],
    "JPEG with an EXIF bomb": lambda: with_segments(segment(0xE1, exif_bomb())),
    "JPEG with HTML in a comment": lambda: with_segments(segment(0xFE, b"<script>alert(1)</script>")),
    "lossless WebP": lambda: encode(noise(), "WEBP", lossless=True),
    "WebP with metadata": lambda: encode(noise(), "WEBP", exif=exif(1), xmp=b"<x/>"),
    "interlaced PNG": lambda: interlaced(9, 5),
    "interlaced PNG of one pixel": lambda: interlaced(1, 1),
    "PNG with texts": lambda: with_chunks(chunk(b"tEXt", b"parameters\0a lemon"), chunk(b"caBX", b"provenance")),
    "PNG in many small parts": lambda: png(
        header(64, 64), *itertools.repeat(chunk(b"IDAT", b""), 5000), pixels(64, 64), END
    ),
    "PNG with a wrong checksum of a text": lambda: with_chunks(chunk(b"tEXt", b"a\0b", 1)),
    "PNG with a wrong checksum of a profile": lambda: with_chunks(chunk(b"iCCP", b"a\0\0nonsense", 1)),
    "PNG with a newline behind its end": lambda: GOOD["PNG"] + b"\n",
    "PNG with a newline in front": lambda: b"\r\n" + GOOD["PNG"],
    "JPEG with a mark of byte order in front": lambda: b"\xef\xbb\xbf" + GOOD["JPEG"],
    "JPEG with junk between its segments": lambda: GOOD["JPEG"][:20] + b"nonsense" + GOOD["JPEG"][20:],
    "PNG with an ICC bomb": lambda: with_chunks(chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(2**26)))),
    "PNG with many ICC profiles": lambda: with_chunks(*[chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(99)))] * 9),
    "PNG with a ZIP behind its end": lambda: GOOD["PNG"] + zipped(),
    "PNG with HTML behind its end": lambda: GOOD["PNG"] + b"<script>alert(1)</script>",
    "two PNGs": lambda: GOOD["PNG"] * 2,
    "WebP with a ZIP behind its end": lambda: GOOD["WEBP"] + zipped(),
    "PNG, animated": lambda: encode(FRAMES[0], "PNG", save_all=True, append_images=FRAMES[1:]),
    "PNG, animation of one frame": lambda: with_chunks(chunk(b"acTL", struct.pack(">II", 1, 0))),
    "PNG, animation said at the end": lambda: png(header(4, 4), pixels(4, 4), chunk(b"acTL", bytes(8)), END),
    "WebP, animated": lambda: encode(FRAMES[0], "WEBP", save_all=True, append_images=FRAMES[1:]),
    "PNG with a text bomb": lambda: with_chunks(*[chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(2**24)))] * 20),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_harmless_oddity_is_accepted(name: str) -> None:
    data = HARMLESS[name]()
    assert check(data).format in FORMATS
    assert list(thumbnails(io.BytesIO(data)))


def flipped(data: bytes, position: int) -> bytes:
    return data[:position] + bytes([data[position] ^ 0x55]) + data[position + 1 :]


def scan_bomb() -> bytes:
    """A JPEG whose scans repeat. Each scan is a few bytes, and costs a pass over all pixels."""
    data = encode(quarters((2048, 2048)), "JPEG", progressive=True)
    start = data.rindex(b"\xff\xda")
    return data[:start] + data[start:-2] * 500 + data[-2:]


HOSTILE: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "one byte": lambda: b"\x89",
    "random bytes": lambda: random.Random(2).randbytes(5000),
    "zeros": lambda: bytes(5000),
    "text": lambda: b"not a picture",
    "HTML": lambda: b"<!doctype html><title>502 Bad Gateway</title>",
    "SVG": lambda: b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    "JSON": lambda: b'{"error": {"message": "expired"}}',
    "PDF": lambda: b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
    "PostScript": lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    "ZIP": zipped,
    "film": lambda: b"\0\0\0\x18ftypmp42" + bytes(100),
    "WAV": lambda: b"RIFF" + struct.pack("<I", 36) + b"WAVEfmt " + bytes(28),
    **{name: (lambda name=name: encode(noise(), name)) for name in ("BMP", "TIFF", "ICO", "PPM", "TGA")},  # type: ignore[misc]
    "JPEG 2000": lambda: b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(50),
    "PNG with a wrong magic": lambda: b"\x89PNG\n\n\x1a\n" + GOOD["PNG"][8:],
    "PNG as JPEG": lambda: b"\xff\xd8\xff" + GOOD["PNG"],
    "PNG of its magic only": lambda: GOOD["PNG"][:8],
    "JPEG of its magic only": lambda: b"\xff\xd8\xff",
    "JPEG of start and end": lambda: b"\xff\xd8\xff\xd9",
    "WebP of its magic only": lambda: b"RIFF\x04\0\0\0WEBP",
    # Cut off.
    **{
        f"{format} cut at {share:.0%}": (lambda format=format, share=share: cut(format, share))  # type: ignore[misc]
        for format in FORMATS
        for share in (0.01, 0.03, 0.1, 0.3, 0.6, 0.9, 0.99)
    },
    **{f"{format} without its last byte": (lambda format=format: GOOD[format][:-1]) for format in FORMATS},  # type: ignore[misc]
    "PNG without IEND": lambda: GOOD["PNG"][:-12],
    "JPEG without its end": lambda: GOOD["JPEG"][:-2],
    "JPEG cut with a whole thumbnail before": lambda: with_segments(
        segment(0xE1, b"Exif\0\0" + GOOD["JPEG"]), picture=cut("JPEG", 0.7)
    ),
    "progressive JPEG cut": lambda: encode(noise(), "JPEG", progressive=True)[:-500],
    "WebP cut, its length mended": lambda: riff((GOOD["WEBP"][12:16], WEBP_PIXELS[: len(WEBP_PIXELS) // 2])),
    "PNG with too few pixels": lambda: png(header(64, 64), pixels(64, 32), END),
    "interlaced PNG with too few pixels": lambda: interlaced(9, 5, missing=1),
    "PNG with a cut stream": lambda: png(header(9, 9), chunk(b"IDAT", zlib.compress(bytes(300))[:-9]), END),
    "PNG without pixels": lambda: png(header(4, 4), END),
    # Damaged.
    "PNG, checksum of IHDR": lambda: flipped(GOOD["PNG"], 29),
    "PNG, checksum of IDAT": lambda: flipped(GOOD["PNG"], len(GOOD["PNG"]) - 13),
    "PNG, byte in the pixels": lambda: flipped(GOOD["PNG"], len(GOOD["PNG"]) // 2),
    "PNG, no zlib stream": lambda: png(header(4, 4), chunk(b"IDAT", b"nonsense"), END),
    "PNG, IHDR twice": lambda: png(header(4, 4), header(5, 5), pixels(4, 4), END),
    "PNG, IHDR not first": lambda: png(chunk(b"gAMA", bytes(4)), header(4, 4), pixels(4, 4), END),
    "PNG, IHDR too short": lambda: png(chunk(b"IHDR", bytes(4)), END),
    "PNG, unknown kind of pixels": lambda: png(header(4, 4, depth=3, kind=5), pixels(4, 4), END),
    "PNG, palette missing": lambda: png(header(4, 4, kind=3), chunk(b"IDAT", zlib.compress(b"\0\xff" * 99)), END),
    "PNG, unknown critical chunk": lambda: png(chunk(b"CgBI", bytes(4)), header(4, 4), pixels(4, 4), END),
    "PNG, length beyond 2^31": lambda: png(header(4, 4), b"\xff\xff\xff\xffIDAT" + bytes(99), END),
    "PNG, no pixels wide": lambda: png(header(0, 4), pixels(0, 4), END),
    "JPEG, segment of length 0": lambda: with_segments(b"\xff\xe3\0\0"),
    "JPEG, two frames": lambda: with_segments(segment(0xC0, bytes([8, 0, 4, 0, 4, 1, 1, 17, 0]))),
    "JPEG, no tables": lambda: b"\xff\xd8" + segment(0xC0, bytes([8, 0, 4, 0, 4, 1, 1, 17, 0])) + b"\xff\xd9",
    "JPEG, no pixels high": lambda: GOOD["JPEG"].replace(b"\x08\x00\x30\x00\x40", b"\x08\x00\x00\x00\x40"),
    "WebP, wrong signature": lambda: riff((b"VP8 ", bytes(100))),
    "WebP, lossless nonsense": lambda: riff((b"VP8L", b"\x2f\x03\xc0\0\0" + random.Random(3).randbytes(99))),
    "WebP, canvas without frame": lambda: riff(vp8x(4, 4)),
    "WebP, canvas of another size": lambda: riff(vp8x(65, 48), (b"VP8 ", WEBP_PIXELS)),
    "WebP, two frames": lambda: riff(vp8x(64, 48), (b"VP8 ", WEBP_PIXELS), (b"VP8 ", WEBP_PIXELS)),
    "WebP, animation flag without an animation": lambda: riff(vp8x(64, 48, flags=2), (b"VP8 ", WEBP_PIXELS)),
    # Too large.
    "PNG of 2^31 pixels a side": lambda: png(header(2**31 - 1, 2**31 - 1), pixels(1, 1), END),
    "PNG, one side too long": lambda: png(header(MAX_SIDE + 1, 1), pixels(MAX_SIDE + 1, 1), END),
    "PNG, too many pixels": lambda: png(header(10_000, MAX_PIXELS // 10_000 + 1), pixels(1, 1), END),
    "JPEG of 65535 pixels a side": lambda: GOOD["JPEG"].replace(b"\x08\x00\x30\x00\x40", b"\x08\xff\xff\xff\xff"),
    "WebP of 16384 pixels a side": lambda: riff((b"VP8L", b"\x2f\xff\xff\xff\x0f" + bytes(100))),
    "WebP with a canvas of 2^24": lambda: riff(vp8x(2**24, 2**24), (b"VP8 ", WEBP_PIXELS)),
    "too many bytes": lambda: GOOD["JPEG"] + bytes(MAX_BYTES),
    "JPEG, too many scans": scan_bomb,
    "JPEG, too many segments": lambda: with_segments(segment(0xFE, b"") * 3000),
    "PNG, too many chunks": lambda: png(header(4, 4), chunk(b"tEXt", b"a\0") * 110_000, pixels(4, 4), END),
    "WebP, too many chunks": lambda: riff(*[(b"JUNK", b"")] * 3000, (b"VP8 ", WEBP_PIXELS)),
    # Two things at once.
    "GIF and PNG": lambda: b"GIF89a" + GOOD["PNG"],
    "PDF and JPEG": lambda: b"%PDF-1.4\n" + GOOD["JPEG"],
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_file_is_refused(name: str) -> None:
    data = HOSTILE[name]()
    for look in (inspect, examine, placeholder, thumbnails):
        with pytest.raises(NotAPicture) as caught:
            look(io.BytesIO(data))
        assert str(caught.value)


def test_changed_bit_of_a_png_is_noticed() -> None:
    generator = random.Random(4)
    for position in generator.sample(range(len(GOOD["PNG"])), 100):
        with pytest.raises(NotAPicture):
            check(flipped(GOOD["PNG"], position))


@pytest.mark.parametrize("format", FORMATS)
def test_truncated_file_is_refused(format: str) -> None:
    for length in range(0, len(GOOD[format]), max(1, len(GOOD[format]) // 150)):
        with pytest.raises(NotAPicture):
            check(GOOD[format][:length])


@pytest.mark.parametrize("format", ["JPEG", "WEBP"])
def test_changed_file_never_raises_another_error(format: str) -> None:
    generator = random.Random(5)
    seen = set()
    for _ in range(300):
        data = bytearray(GOOD[format])
        for _ in range(generator.randint(1, 4)):
            data[generator.randrange(min(len(data), 700))] = generator.randrange(256)
        try:
            seen.add(check(bytes(data)).format)
        except NotAPicture:
            seen.add("")
    assert seen == {format, ""}


def test_storage_error_does_not_blame_the_file() -> None:
    class Unreadable(io.BytesIO):
        def read(self, _: int | None = -1) -> bytes:
            raise OSError("disk")

    for look in (inspect, examine, thumbnails):
        with pytest.raises(OSError, match="disk"):
            look(Unreadable())


def test_pillow_refuses_truncated_files() -> None:
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False


def test_sizes_at_the_limit_are_allowed() -> None:
    assert check(png(header(MAX_SIDE, 2), pixels(MAX_SIDE, 2), END)) == PictureInfo("PNG", MAX_SIDE, 2)
    flat = encode(Image.new("L", (8000, MAX_PIXELS // 8000)), "JPEG")
    assert check(flat) == PictureInfo("JPEG", 8000, MAX_PIXELS // 8000)


# Peak memory can only be measured for a whole process.
MEMORY = """
import io, resource, sys
from gallery.images.parse import NotAPicture
from gallery.images.thumbnails import thumbnails
from gallery.images.verify import examine
from PIL import Image
list(thumbnails(io.BytesIO(open(sys.argv[1], "rb").read())))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for name in sys.argv[2:]:
    for look in (examine, lambda file: next(thumbnails(file))):
        try:
            with open(name, "rb") as file:
                look(file)
        except NotAPicture:
            pass
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def peak_mib(folder: Path, *files: bytes) -> int:
    names = []
    for index, data in enumerate((GOOD["PNG"], *files)):
        (folder / str(index)).write_bytes(data)
        names.append(str(folder / str(index)))
    root = Path(verify.__file__).parents[2]
    command = [sys.executable, "-c", MEMORY, *names]
    return int(subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout)


@pytest.mark.process
def test_bombs_take_no_memory(tmp_path: Path) -> None:
    long = zlib.compress(bytes(2**28))
    bombs = [
        png(header(1, 1), chunk(b"IDAT", long), END),
        with_chunks(*[chunk(b"zTXt", b"a\0\0" + long)] * 8),
        with_chunks(*[chunk(b"iTXt", b"a\0\1\0\0\0" + long)] * 8),
        with_chunks(chunk(b"iCCP", b"a\0\0" + long)),
        with_chunks(chunk(b"eXIf", exif_bomb()[6:])),
        with_segments(segment(0xE1, exif_bomb())),
        *(HOSTILE[name]() for name in HOSTILE if "pixels a side" in name or "canvas" in name),
    ]
    assert peak_mib(tmp_path, *bombs) < 40


@pytest.mark.process
def test_largest_picture_takes_limited_memory(tmp_path: Path) -> None:
    largest = Image.new("RGBA", (8000, MAX_PIXELS // 8000), (1, 2, 3, 4))
    assert peak_mib(tmp_path, encode(largest, "PNG", compress_level=1)) < 800


# How quarters in the order red, green, blue, yellow look in the orientations 1 to 8.
TURNED = {
    1: (R, G, B, Y),
    2: (G, R, Y, B),
    3: (Y, B, G, R),
    4: (B, Y, R, G),
    5: (R, B, G, Y),
    6: (B, R, Y, G),
    7: (Y, G, B, R),
    8: (G, Y, R, B),
}


def corners(image: Image.Image) -> tuple[str, ...]:
    right, bottom = image.width - 9, image.height - 9
    points = [image.convert("RGB").getpixel(point) for point in ((8, 8), (right, 8), (8, bottom), (right, bottom))]
    return tuple(colour("#" + bytes(point).hex()) for point in points)  # type: ignore[arg-type]


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("orientation", TURNED)
def test_picture_is_rotated_by_its_exif_orientation(format: str, orientation: int) -> None:
    data = encode(quarters((640, 480)), format, exif=b"Exif\0\0" + exif(orientation))
    size = (480, 640) if orientation >= 5 else (640, 480)
    examined = examine(io.BytesIO(data))
    assert (examined.info.width, examined.info.height) == size
    assert tuple(map(colour, examined.placeholder)) == TURNED[orientation]
    for thumbnail in thumbnails(io.BytesIO(data)):
        image = Image.open(io.BytesIO(thumbnail.data))
        assert image.size == (thumbnail.width, thumbnail.height)
        assert corners(image) == TURNED[orientation]
    assert (thumbnail.width, thumbnail.height) == size


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        (exif(6, "<"), 6),
        (exif(6, ">"), 6),
        (exif(0), 1),
        (exif(9), 1),
        (exif(6, kind=4), 1),
        (exif(6)[:-9], 1),
        (b"II*\0\xff\xff\xff\xff", 1),
        (b"nonsense", 1),
        (b"", 1),
    ],
)
def test_invalid_orientation_is_ignored(block: bytes, expected: int) -> None:
    info = check(with_segments(segment(0xE1, b"Exif\0\0" + block)))
    assert (info.width, info.height) == ((48, 64) if expected == 6 else (64, 48))


# --- Placeholder --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("format", "mode"), [("PNG", "RGB"), ("PNG", "RGBA"), ("PNG", "P"), ("JPEG", "RGB"), ("WEBP", "RGB")]
)
def test_placeholder_has_the_colours_of_the_quarters(format: str, mode: str) -> None:
    data = encode(quarters((640, 480), mode), format)
    for colours in (placeholder(io.BytesIO(data)), examine(io.BytesIO(data)).placeholder):
        assert tuple(map(colour, colours)) == (R, G, B, Y)
        assert all(len(text) == 7 and text.startswith("#") for text in colours)


def test_placeholder_can_be_made_from_an_image() -> None:
    assert placeholder(quarters()) == ("#fa0a0a", "#0ac80a", "#0a0afa", "#f0f00a")


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (3, 2)])
def test_tiny_picture_has_a_placeholder(size: tuple[int, int]) -> None:
    assert placeholder(Image.new("RGB", size, RED)) == ("#fa0a0a",) * 4


def test_transparent_pixels_count_as_white() -> None:
    image = quarters(mode="RGBA")
    image.paste((255, 0, 0, 0), (0, 0, 32, 24))
    assert examine(io.BytesIO(encode(image, "PNG"))).placeholder == ("#ffffff", "#0ac80a", "#0a0afa", "#f0f00a")


def test_grey_of_sixteen_bits_is_scaled_and_not_clipped() -> None:
    data = encode(Image.new("I;16", (8, 8), 0x8080), "PNG")
    assert examine(io.BytesIO(data)).placeholder == ("#808080",) * 4
