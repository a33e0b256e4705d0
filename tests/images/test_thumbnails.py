"""Thumbnails: their sizes, formats and colours."""

import io

import pytest
from PIL import Image, ImageCms, features

from gallery.images.thumbnails import thumbnail_sizes, thumbnails
from gallery.images.verify import examine
from tests.images.files import (
    FORMATS,
    GOOD,
    G,
    colour,
    encode,
    exif,
    noise,
    quarters,
)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((1024, 1024), [(320, 320), (480, 480), (960, 960)]),
        ((1792, 1024), [(320, 183), (480, 274), (960, 549)]),
        ((1024, 1792), [(320, 560), (480, 840), (960, 1680)]),
        ((961, 10), [(320, 3), (480, 5), (960, 10)]),
        ((960, 960), [(320, 320), (480, 480), (960, 960)]),
        ((700, 350), [(320, 160), (480, 240), (700, 350)]),
        ((320, 320), [(320, 320)]),
        ((256, 256), [(256, 256)]),
        ((1, 1), [(1, 1)]),
        ((16384, 1), [(320, 1), (480, 1), (960, 1)]),
        ((100, 16384), [(25, 4096)]),
        ((1, 16384), [(1, 4096)]),
        ((2000, 16384), [(320, 2621), (480, 3932), (500, 4096)]),
    ],
)
def test_thumbnails_are_never_larger_than_the_picture(size: tuple[int, int], expected: list[tuple[int, int]]) -> None:
    assert thumbnail_sizes(*size) == expected


@pytest.mark.parametrize("size", [(1024, 768), (500, 900), (100, 80), (1, 1), (1, 5000), (5000, 1)])
def test_thumbnails_have_each_size_in_each_format(size: tuple[int, int]) -> None:
    made = list(thumbnails(io.BytesIO(encode(quarters(size), "PNG"))))
    formats = ["webp", "avif"] if features.check("avif") else ["webp"]
    assert [(thumbnail.width, thumbnail.height, thumbnail.format) for thumbnail in made] == [
        (*size, format) for size in thumbnail_sizes(*size) for format in formats
    ]
    for thumbnail in made:
        image = Image.open(io.BytesIO(thumbnail.data), formats=[thumbnail.format.upper()])
        image.load()
        assert image.size == (thumbnail.width, thumbnail.height)


def test_webp_is_made_without_avif(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "check", lambda name: name == "webp")
    assert {thumbnail.format for thumbnail in thumbnails(io.BytesIO(GOOD["PNG"]))} == {"webp"}


@pytest.mark.parametrize(("format", "mode"), [("PNG", "RGBA"), ("WEBP", "RGBA"), ("PNG", "P"), ("PNG", "LA")])
def test_thumbnail_keeps_transparency(format: str, mode: str) -> None:
    image = Image.new("RGBA", (64, 64), (255, 255, 255, 255))
    image.paste((0, 0, 0, 0), (0, 0, 32, 64))
    image = image.quantize(method=Image.Quantize.FASTOCTREE) if mode == "P" else image.convert(mode)
    for thumbnail in thumbnails(io.BytesIO(encode(image, format))):
        alpha = Image.open(io.BytesIO(thumbnail.data)).convert("RGBA").getchannel("A")
        assert alpha.getpixel((4, 32)) == 0
        assert alpha.getpixel((60, 32)) == 255


def test_opaque_alpha_is_dropped() -> None:
    for thumbnail in thumbnails(io.BytesIO(encode(quarters(mode="RGBA"), "PNG"))):
        assert not Image.open(io.BytesIO(thumbnail.data)).has_transparency_data


@pytest.mark.parametrize("format", FORMATS)
def test_thumbnail_has_no_metadata(format: str) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    options = {"exif": b"Exif\0\0" + exif(3) + b"secret place", "icc_profile": profile, "xmp": b"secret"}
    if format == "PNG":
        del options["xmp"]
    data = encode(quarters((640, 480)), format, **options)
    assert b"secret" in data
    for thumbnail in thumbnails(io.BytesIO(data)):
        image = Image.open(io.BytesIO(thumbnail.data))
        assert not {"exif", "xmp", "icc_profile"} & set(image.info)
        assert b"secret" not in thumbnail.data


def swapped_profile() -> bytes:
    """A profile that swaps red and green: the data of its 'rXYZ' and 'gXYZ' tags."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, green = profile.index(b"rXYZ"), profile.index(b"gXYZ")
    profile[red : red + 4], profile[green : green + 4] = b"gXYZ", b"rXYZ"
    return bytes(profile)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_colours_are_converted_to_srgb(format: str, mode: str) -> None:
    if (format, mode) == ("JPEG", "RGBA"):
        mode = "RGB"
    image = Image.new("RGB", (400, 300), (250, 10, 10)).convert(mode)
    if mode == "RGBA":
        image.putalpha(200)
    data = encode(image, format, icc_profile=swapped_profile())
    for thumbnail in thumbnails(io.BytesIO(data)):
        shown = Image.open(io.BytesIO(thumbnail.data))
        red, green = shown.convert("RGB").getpixel((100, 100))[:2]  # type: ignore[index]
        assert green > 200 > 100 > red
        if mode == "RGBA":
            assert shown.getchannel("A").getpixel((100, 100)) == pytest.approx(200, abs=3)
    if mode == "RGB":
        assert colour(examine(io.BytesIO(data)).placeholder[0]) == G


@pytest.mark.parametrize(
    "profile",
    [b"nonsense", b"", bytes(500), swapped_profile()[:200], swapped_profile()[:40] + bytes(2**17)],
    ids=["nonsense", "empty", "zeros", "cut", "hollow"],
)
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_unusable_profile_is_ignored(profile: bytes, mode: str) -> None:
    data = encode(quarters(mode=mode), "JPEG", icc_profile=profile)
    plain = encode(quarters(mode=mode), "JPEG")
    assert examine(io.BytesIO(data)) == examine(io.BytesIO(plain))
    assert [thumbnail.data for thumbnail in thumbnails(io.BytesIO(data))] == [
        thumbnail.data for thumbnail in thumbnails(io.BytesIO(plain))
    ]


def test_profile_for_other_pixels_is_ignored() -> None:
    data = encode(quarters(mode="L"), "JPEG", icc_profile=swapped_profile())
    assert examine(io.BytesIO(data)) == examine(io.BytesIO(encode(quarters(mode="L"), "JPEG")))


def test_thumbnail_looks_like_its_picture() -> None:
    picture = noise((16, 12)).resize((1024, 768), Image.Resampling.BICUBIC)
    for format in FORMATS:
        for thumbnail in thumbnails(io.BytesIO(encode(picture, format))):
            shown = Image.open(io.BytesIO(thumbnail.data)).convert("RGB")
            wanted = picture.resize(shown.size, Image.Resampling.LANCZOS)
            pairs = zip(shown.tobytes(), wanted.tobytes(), strict=True)
            assert sum(abs(a - b) for a, b in pairs) / (3 * shown.width * shown.height) < 4
