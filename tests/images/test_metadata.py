"""Picture files without their metadata."""

import io
import re
import struct
import zlib
from typing import Any

import pytest
from PIL import Image, ImageChops, ImageCms, ImageOps, PngImagePlugin

from gallery.images.metadata import strip
from gallery.images.parse import NotAPicture, parse_image

SECRET = "a prompt that must stay secret"
XMP = f"<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF>{SECRET}</rdf:RDF></x:xmpmeta>".encode()
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def picture(mode: str = "RGB") -> Image.Image:
    """A picture that looks different in each orientation."""
    image = Image.linear_gradient("L").resize((64, 48)).convert(mode)
    image.paste(Image.new(mode, (16, 8), "red" if mode != "L" else 200), (0, 0))
    return image


def exif(orientation: int) -> Image.Exif:
    block = Image.Exif()
    block[0x010E] = SECRET  # ImageDescription
    block[0x0112] = orientation
    return block


def written(kind: str, orientation: int) -> bytes:
    file, options = io.BytesIO(), {"exif": exif(orientation), "icc_profile": PROFILE}
    if kind == "PNG":
        texts = PngImagePlugin.PngInfo()
        texts.add_text("parameters", SECRET)
        texts.add_itxt("XML:com.adobe.xmp", XMP.decode(), zip=True)
        texts.add_text("workflow", SECRET, zip=True)
        picture("RGBA").save(file, "PNG", pnginfo=texts, **options)
    elif kind == "JPEG":
        picture().save(file, "JPEG", comment=SECRET.encode(), xmp=XMP, progressive=True, **options)
    else:
        picture("RGBA").save(file, "WEBP", xmp=XMP, lossless=kind == "WEBP lossless", **options)
    return file.getvalue()


def texts_in(data: bytes) -> bytes:
    """The file, and the compressed texts of its PNG chunks."""
    image = Image.open(io.BytesIO(data))
    image.load()
    return data + repr(image.info).encode() + repr(dict(image.getexif())).encode()


def upright(data: bytes) -> Image.Image:
    return ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGBA")


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "WEBP lossless"])
def test_strip_keeps_the_picture_and_removes_texts(kind: str, orientation: int) -> None:
    before = written(kind, orientation)
    assert SECRET.encode() in texts_in(before)
    after = strip(io.BytesIO(before))
    assert SECRET.encode() not in texts_in(after)
    image = Image.open(io.BytesIO(after))
    assert image.format == kind.split()[0]
    assert image.info["icc_profile"] == PROFILE
    assert dict(image.getexif()) == ({} if orientation == 1 else {0x0112: orientation})
    assert not ({*image.info} & {"parameters", "workflow", "comment", "xmp", "XML:com.adobe.xmp"})
    assert ImageChops.difference(upright(before), upright(after)).getbbox(alpha_only=False) is None
    # The result is a picture, and has no metadata left.
    assert parse_image(io.BytesIO(after)).orientation == orientation
    assert strip(io.BytesIO(after)) == after


def test_plain_file_stays_unchanged() -> None:
    for kind in ("PNG", "WEBP"):
        file = io.BytesIO()
        picture().save(file, kind)
        assert strip(io.BytesIO(file.getvalue())) == file.getvalue()


def test_texts_in_unusual_places_are_removed() -> None:
    """The name of a PNG's colour profile, a JPEG's application blocks, another JPEG behind the end."""
    profile = SECRET[:70].encode("latin-1") + b"\0\0" + zlib.compress(PROFILE)
    chunk = b"iCCP" + profile
    png = io.BytesIO()
    picture().save(png, "PNG")
    data = png.getvalue()
    chunk = struct.pack(">I", len(profile)) + chunk + struct.pack(">I", zlib.crc32(chunk))
    named = data[:33] + chunk + data[33:]
    assert SECRET.encode() in named
    bare = strip(io.BytesIO(named))
    assert SECRET.encode() not in bare
    assert Image.open(io.BytesIO(bare)).info["icc_profile"] == PROFILE

    jpeg = io.BytesIO()
    picture().save(jpeg, "JPEG")
    data = jpeg.getvalue()
    for code in (0xE0, 0xE1, 0xEB, 0xED, 0xEE, 0xFE):
        block = bytes([0xFF, code]) + struct.pack(">H", len(SECRET) + 2) + SECRET.encode()
        bare = strip(io.BytesIO(data[:2] + block + data[2:] + SECRET.encode()))
        assert SECRET.encode() not in bare
        assert Image.open(io.BytesIO(bare)).tobytes() == Image.open(io.BytesIO(data)).tobytes()


def block(code: int, body: bytes) -> bytes:
    return bytes([0xFF, code]) + struct.pack(">H", len(body) + 2) + body


@pytest.mark.parametrize("code", [0xC8, 0xCC, 0xDC, 0xDF, 0xE0, 0xE2, 0xEE, 0xF0, 0xFD, 0xFE])
@pytest.mark.parametrize("options", [{}, {"restart_marker_blocks": 3}, {"progressive": True}])
def test_texts_between_scans_of_a_jpeg_are_removed(options: dict[str, Any], code: int) -> None:
    """In front of each table and scan."""
    file = io.BytesIO()
    picture().save(file, "JPEG", icc_profile=PROFILE, **options)
    data = file.getvalue()
    assert strip(io.BytesIO(data)) == data
    words = block(code, SECRET.encode())
    scans = data.count(b"\xff\xda")
    assert (scans > 1) is ("progressive" in options)
    said = re.sub(rb"(?=\xff[\xc4\xda])", lambda _: words, data)
    assert said.count(SECRET.encode()) > scans
    assert strip(io.BytesIO(said)) == data


def test_tables_of_arithmetic_coding_are_kept() -> None:
    file = io.BytesIO()
    picture().save(file, "JPEG")
    data = file.getvalue()
    coded = data[:2] + block(0xCC, bytes([0, 0x10, 16, 5])) + data[2:]
    assert strip(io.BytesIO(coded)) == coded


@pytest.mark.parametrize("data", [b"", b"nothing", written("PNG", 1)[:-20]])
def test_file_that_is_no_picture_is_refused(data: Any) -> None:
    with pytest.raises(NotAPicture):
        strip(io.BytesIO(data))
