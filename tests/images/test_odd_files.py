"""Files as senders really write them: other formats, animations, oversized photos, colours in numbers."""

import io
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image, ImageCms

from gallery.images.convert import Caption, Format, Shape, convert
from gallery.images.edit import MAX_SIDE as MAX_UPLOAD_SIDE
from gallery.images.edit import Limits, keep, prepare
from gallery.images.kinds import kind_of
from gallery.images.metadata import strip, strip_in_turn
from gallery.images.parse import MAX_PIXELS, NotAPicture, parse_image
from gallery.images.thumbnails import thumbnails
from gallery.images.verify import examine, inspect
from tests.images.files import B, G, R, Y, colour, encode, noise, quarters
from tests.images.test_verify import END, TURNED, chunk, corners, header, peak_mib, pixels, png, riff, vp8x

SECRET = b"a prompt that guests must not read"
ANIMATED = ("GIF", "PNG", "WEBP", "AVIF")


def animation(format: str) -> bytes:
    """Its first frame has quarters; the second one is grey."""
    options = {"disposal": 2} if format == "GIF" else {"lossless": True} if format == "WEBP" else {}
    grey = Image.new("RGB", (640, 480), "grey")
    return encode(quarters((640, 480)), format, save_all=True, append_images=[grey], duration=100, **options)


def first_frame_at(data: bytes) -> tuple[str, ...]:
    return tuple(map(colour, examine(io.BytesIO(data)).placeholder))


# --- Other formats ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", ["AVIF", "GIF"])
def test_still_picture_is_shown_as_it_was_delivered(format: str) -> None:
    data = encode(quarters((640, 480)), format)
    examined = examine(io.BytesIO(data))
    assert (examined.info.format, examined.info.width, examined.info.height) == (format, 640, 480)
    assert examined.info.is_as_delivered
    assert examined.info.content_type == f"image/{format.lower()}"
    for thumbnail in thumbnails(io.BytesIO(data)):
        assert corners(Image.open(io.BytesIO(thumbnail.data))) == (R, G, B, Y)


@pytest.mark.parametrize("format", ANIMATED)
def test_first_frame_stands_for_an_animation(format: str) -> None:
    data = animation(format)
    assert Image.open(io.BytesIO(data)).n_frames == 2  # type: ignore[attr-defined]
    assert not inspect(io.BytesIO(data)).is_as_delivered
    assert first_frame_at(data) == (R, G, B, Y)
    assert corners(Image.open(io.BytesIO(keep(io.BytesIO(data)).data))) == (R, G, B, Y)
    assert corners(Image.open(io.BytesIO(prepare(io.BytesIO(data), Limits()).image))) == (R, G, B, Y)
    made = Image.open(io.BytesIO(convert(io.BytesIO(data), Shape(Format.PNG), Caption("", ""))))
    assert made.n_frames == 1  # type: ignore[attr-defined]
    assert corners(made) == (R, G, B, Y)


@pytest.mark.parametrize("format", ANIMATED)
def test_guest_gets_the_first_frame_only(format: str) -> None:
    data = animation(format) + SECRET
    if format == "GIF":
        data = data.replace(b"!\xf9", b"!\xfe" + bytes([len(SECRET)]) + SECRET + b"\0!\xf9", 1)
    bare, kind = strip_in_turn(io.BytesIO(data))
    assert SECRET not in bare
    image = Image.open(io.BytesIO(bare))
    assert kind.name == ("WebP" if image.format == "WEBP" else image.format)
    assert getattr(image, "n_frames", 1) == 1
    assert corners(image) == (R, G, B, Y)
    assert strip(io.BytesIO(data)) == bare


def test_small_first_frame_of_a_webp_keeps_its_place() -> None:
    still = encode(Image.new("RGB", (20, 10), "red"), "WEBP", lossless=True)[12:]
    frame = struct.pack("<I", 30)[:3] + struct.pack("<I", 5)[:3] + struct.pack("<I", 19)[:3] + struct.pack("<I", 9)[:3]
    data = riff(vp8x(100, 50, flags=0x12), (b"ANIM", bytes(6)), (b"ANMF", frame + b"\x64\0\0\0" + still))
    assert parse_image(io.BytesIO(data)).size == (100, 50)
    upright = Image.open(io.BytesIO(strip(io.BytesIO(data)))).convert("RGBA")
    assert upright.getpixel((65, 15)) == (255, 0, 0, 255)
    assert upright.getpixel((55, 15))[3] == 0  # type: ignore[index]


@pytest.mark.parametrize("format", ["GIF", "AVIF"])
def test_cut_file_is_damaged(format: str) -> None:
    data = encode(noise(), format)
    for length in range(0, len(data) - 60, max(1, len(data) // 12)):
        with pytest.raises(NotAPicture) as caught:
            inspect(io.BytesIO(data[:length]))
        assert caught.value.is_damage or length < 16


def test_gif_needs_no_trailer_and_no_later_frame() -> None:
    assert inspect(io.BytesIO(encode(noise(), "GIF")[:-1])).format == "GIF"
    whole = animation("GIF")
    assert first_frame_at(whole[: whole.rindex(b",") + 20]) == (R, G, B, Y)


@pytest.mark.parametrize("orientation", TURNED)
def test_avif_is_rotated_by_its_orientation(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encode(quarters((640, 480)), "AVIF", exif=exif)
    assert first_frame_at(data) == TURNED[orientation]
    assert corners(Image.open(io.BytesIO(strip(io.BytesIO(data))))) == TURNED[orientation]


def test_avif_keeps_its_transparency_and_profile() -> None:
    clear = quarters((64, 48), "RGBA")
    clear.putalpha(100)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    bare = Image.open(io.BytesIO(strip(io.BytesIO(encode(clear, "AVIF", icc_profile=profile)))))
    assert bare.mode == "RGBA"
    assert bare.getpixel((60, 4))[3] == pytest.approx(100, abs=3)  # type: ignore[index]


# --- Bombs --------------------------------------------------------------------------------------------------


def lying_avif(width: int, height: int) -> bytes:
    """An AVIF with a picture of this size that claims to be small."""
    data = bytearray(encode(Image.new("RGB", (width, height), (9, 200, 9)), "AVIF", speed=10, quality=30))
    start = data.index(b"ispe")
    data[start + 8 : start + 16] = struct.pack(">II", 64, 48)
    return bytes(data)


def large_gif(width: int, height: int) -> bytes:
    """A GIF of this size whose frame has one pixel."""
    data = bytearray(encode(Image.new("P", (1, 1)), "GIF"))
    data[6:10] = struct.pack("<HH", width, height)
    return bytes(data)


def gif_with_a_large_frame() -> bytes:
    data = bytearray(encode(Image.new("P", (1, 1)), "GIF"))
    start = data.rindex(b",\0\0\0\0")
    data[start + 5 : start + 9] = struct.pack("<HH", 65535, 65535)
    return bytes(data)


BOMBS: dict[str, Callable[[], bytes]] = {
    "AVIF of too many pixels": lambda: encode(Image.new("L", (8000, 5001)), "AVIF", speed=10, quality=10),
    "GIF of 65535 pixels a side": lambda: large_gif(65535, 65535),
    "GIF with a frame of 65535 pixels a side": gif_with_a_large_frame,
    "WebP, animation with a canvas of 2^24": lambda: riff(
        vp8x(2**24, 2**24, flags=2), (b"ANIM", bytes(6)), (b"ANMF", bytes(16))
    ),
    "PNG, animation of too many pixels": lambda: png(
        header(10_000, MAX_PIXELS // 10_000 + 1), chunk(b"acTL", bytes(8)), pixels(1, 1), END
    ),
}


@pytest.mark.parametrize("name", BOMBS)
def test_bomb_is_refused_with_its_size_and_the_limit(name: str) -> None:
    with pytest.raises(NotAPicture, match=r"pixels, [\d.]+ million; 40 million are the most"):
        examine(io.BytesIO(BOMBS[name]()))


@pytest.mark.process
def test_bombs_take_no_memory(tmp_path: Path) -> None:
    liar = lying_avif(9000, 9000)
    assert peak_mib(tmp_path, liar, *(make() for make in BOMBS.values())) < 40


@pytest.mark.process
def test_largest_avif_takes_limited_memory(tmp_path: Path) -> None:
    largest = Image.new("RGBA", (8000, MAX_PIXELS // 8000), (1, 2, 3, 4))
    data = encode(largest, "AVIF", speed=10, quality=10)
    assert inspect(io.BytesIO(data)).width == 8000
    assert peak_mib(tmp_path, data) < 800


# --- Large photos -------------------------------------------------------------------------------------------


def photo(width: int, height: int, **options: object) -> bytes:
    return encode(quarters((64, 48)).resize((width, height), Image.Resampling.NEAREST), "JPEG", **options)


@pytest.mark.process
def test_photo_of_48_megapixels_is_decoded_at_half_its_size(tmp_path: Path) -> None:
    data = photo(8064, 6048)
    assert inspect(io.BytesIO(data)).width == 8064
    upload = keep(io.BytesIO(data))
    assert (upload.width, upload.height) == (MAX_UPLOAD_SIDE, MAX_UPLOAD_SIDE * 6048 // 8064)
    assert corners(Image.open(io.BytesIO(upload.data))) == (R, G, B, Y)
    made = convert(io.BytesIO(data), Shape(Format.JPEG, 1024), Caption("", ""))
    assert Image.open(io.BytesIO(made)).size == (1024, 768)
    with pytest.raises(NotAPicture, match="choose a size to make it smaller"):
        convert(io.BytesIO(data), Shape(Format.PNG), Caption("", ""))
    assert peak_mib(tmp_path, data) < 400


@pytest.mark.process
def test_progressive_photo_is_decoded_whole_with_a_lower_limit() -> None:
    assert inspect(io.BytesIO(photo(8064, 6048, progressive=True))).height == 6048
    with pytest.raises(NotAPicture, match=r"80\.6 million; 64 million are the most"):
        inspect(io.BytesIO(photo(10_368, 7776, progressive=True)))


# --- Colours ------------------------------------------------------------------------------------------------


def flat(mode: str, value: object, *chunks: bytes) -> bytes:
    data = encode(Image.new(mode, (8, 8), value), "PNG")  # type: ignore[arg-type]
    return data[:33] + b"".join(chunks) + data[33:]


def shown(data: bytes) -> tuple[int, ...]:
    text = examine(io.BytesIO(data)).placeholder[0]
    return tuple(bytes.fromhex(text[1:]))


GAMMA_1 = chunk(b"gAMA", struct.pack(">I", 100_000))
# White, red, green, blue; red and green swapped.
SWAPPED = chunk(b"cHRM", struct.pack(">8I", 31270, 32900, 30000, 60000, 64000, 33000, 15000, 6000))
DISPLAY_P3 = chunk(b"cICP", bytes([12, 13, 0, 1]))


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "I;16"])
def test_gamma_is_applied_to_all_kinds_of_pixels(mode: str) -> None:
    """Half the light is 188 of 255 in sRGB."""
    value = {"L": 128, "LA": (128, 255), "RGB": (128,) * 3, "RGBA": (128, 128, 128, 255), "I;16": 0x8080}[mode]
    assert shown(flat(mode, value)) == (128,) * 3
    assert shown(flat(mode, value, GAMMA_1)) == pytest.approx((188,) * 3, abs=1)


@pytest.mark.parametrize(
    "chunks",
    [
        (chunk(b"gAMA", struct.pack(">I", 45_455)),),
        (chunk(b"sRGB", b"\0"), GAMMA_1, SWAPPED),
        (SWAPPED,),
        (chunk(b"gAMA", bytes(4)),),
        (chunk(b"gAMA", b"\0\0"),),
        (chunk(b"gAMA", struct.pack(">I", 100_000), checksum=1),),
        (chunk(b"cICP", bytes([1, 13, 0, 1])), GAMMA_1),
        (chunk(b"cICP", bytes([99, 99, 9, 9])),),
        (chunk(b"gAMA", struct.pack(">I", 45_455)), chunk(b"cHRM", bytes(32))),
    ],
)
def test_chunks_for_srgb_change_no_colours(chunks: tuple[bytes, ...]) -> None:
    assert shown(flat("RGB", (200, 100, 50), *chunks)) == (200, 100, 50)


def test_primaries_are_applied() -> None:
    red, green, _ = shown(flat("RGB", (250, 10, 10), chunk(b"gAMA", struct.pack(">I", 45_455)), SWAPPED))
    assert green > 200 > 100 > red


def test_display_p3_is_converted() -> None:
    """By CSS Color 4: color(display-p3 0.5 0.5 0.5) is grey, and the green of sRGB is less than that of P3."""
    assert shown(flat("RGB", (128, 128, 128), DISPLAY_P3)) == pytest.approx((128, 128, 128), abs=1)
    # (117, 251, 76) in Display P3 is about the pure green of sRGB.
    assert shown(flat("RGB", (117, 251, 76), DISPLAY_P3)) == pytest.approx((0, 255, 0), abs=6)


def test_guest_copies_and_exports_keep_their_colours() -> None:
    data = flat("RGB", (128,) * 3, GAMMA_1)
    assert shown(strip(io.BytesIO(data))) == shown(data)
    made = convert(io.BytesIO(data), Shape(Format.PNG), Caption("", ""))
    assert Image.open(io.BytesIO(made)).getpixel((4, 4)) == pytest.approx((188,) * 3, abs=1)


def test_grey_of_sixteen_bits_keeps_its_transparency() -> None:
    image = Image.new("I;16", (64, 64), 40_000)
    image.paste(0, (0, 0, 32, 64))
    data = encode(image, "PNG")
    data = data[:33] + chunk(b"tRNS", struct.pack(">H", 0)) + data[33:]
    for thumbnail in thumbnails(io.BytesIO(data)):
        alpha = Image.open(io.BytesIO(thumbnail.data)).convert("RGBA").getchannel("A")
        assert (alpha.getpixel((4, 32)), alpha.getpixel((60, 32))) == (0, 255)
    assert Image.open(io.BytesIO(keep(io.BytesIO(data)).data)).getpixel((4, 4))[3] == 0  # type: ignore[index]


# --- Kinds of files -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (encode(noise(), "BMP"), "a BMP file"),
        (encode(noise(), "TIFF"), "a TIFF file"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "a HEIC file"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0isommp42", "an MP4 file"),
        (b'\xef\xbb\xbf<?xml version="1.0"?>\n<!-- hi --><svg xmlns="x"/>', "an SVG file"),
        (b'<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "x.dtd"><svg/>', "an SVG file"),
        (b"%PDF-1.7\n", "a PDF file"),
        (b"<!doctype html><title>Sorry</title>", "a web page"),
        (b"\n\n<html>", "a web page"),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "a message in XML"),
        (b'{"error": {"message": "expired"}}', "a message in JSON"),
        ("Datei nicht gefunden – schade".encode(), "text"),
        (("ä" * 5000).encode(), "text"),
        (bytes(100), "a file of an unknown kind"),
        (b"", "a file of an unknown kind"),
    ],
)
def test_first_bytes_decide_the_kind_of_a_file(data: bytes, words: str) -> None:
    assert kind_of(data).with_article == words


def test_refusal_names_the_kind_of_the_file() -> None:
    with pytest.raises(NotAPicture, match=r"^it is a TIFF file$") as caught:
        inspect(io.BytesIO(encode(noise(), "TIFF")))
    assert caught.value.kind is not None
    assert (caught.value.kind.extension, caught.value.is_damage) == ("tif", False)
