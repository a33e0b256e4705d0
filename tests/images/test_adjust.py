"""Versions of a picture: turned, cropped, fitted, with a logo."""

import io

import pytest
from PIL import Image

from gallery.images.adjust import Adjusted, Adjustment, Fit, Logo, Place, Ratio, adjusted, crop_box, padded_size
from gallery.images.parse import MAX_PIXELS, NotAPicture
from tests.images.files import BLUE, GOOD, GREEN, RED, YELLOW, cut, encode, exif, quarters


def one(
    adjustment: Adjustment, ratio: Ratio = None, logo: Logo | None = None, data: bytes | None = None
) -> tuple[Adjusted, Image.Image]:
    data = data or encode(quarters((80, 40)), "PNG")
    (made,) = adjusted(io.BytesIO(data), adjustment, [ratio], logo)
    return made, Image.open(io.BytesIO(made.file.data))


def corners(image: Image.Image) -> list[object]:
    width, height = image.size
    places = ((0, 0), (width - 1, 0), (0, height - 1), (width - 1, height - 1))
    return [image.convert("RGB").getpixel(place) for place in places]


@pytest.mark.parametrize(
    ("adjustment", "expected"),
    [
        (Adjustment(turns=1), [BLUE, RED, YELLOW, GREEN]),
        (Adjustment(turns=2), [YELLOW, BLUE, GREEN, RED]),
        (Adjustment(turns=3), [GREEN, YELLOW, RED, BLUE]),
        (Adjustment(is_mirrored=True), [GREEN, RED, YELLOW, BLUE]),
        (Adjustment(turns=1, is_mirrored=True), [RED, BLUE, GREEN, YELLOW]),
    ],
)
def test_picture_is_turned_clockwise_and_then_mirrored(adjustment: Adjustment, expected: list[object]) -> None:
    made, image = one(adjustment)
    assert corners(image) == expected
    assert image.size == ((40, 80) if adjustment.turns % 2 else (80, 40))
    assert (made.file.width, made.file.height, made.format) == (*image.size, "PNG")


def test_crop_keeps_what_is_in_focus() -> None:
    assert corners(one(Adjustment(focus=(0, 0.5)), (1, 1))[1]) == [RED, RED, BLUE, BLUE]
    assert corners(one(Adjustment(focus=(1, 0.5)), (1, 1))[1]) == [GREEN, GREEN, YELLOW, YELLOW]
    assert corners(one(Adjustment(focus=(1, 1), zoom=4))[1]) == [YELLOW] * 4


@pytest.mark.parametrize(
    ("size", "ratio", "zoom", "box"),
    [
        ((200, 100), (1, 1), 1, (50, 0, 150, 100)),
        ((200, 100), (9, 16), 1, (72, 0, 128, 100)),
        ((200, 100), None, 2, (50, 25, 150, 75)),
        ((1, 1), (9, 16), 4, (0, 0, 1, 1)),
    ],
)
def test_crop_is_as_large_as_the_picture_allows(
    size: tuple[int, int], ratio: Ratio, zoom: float, box: tuple[int, int, int, int]
) -> None:
    assert crop_box(size, ratio, (0.5, 0.5), zoom) == box


def test_padding_shows_all_of_it_on_a_colour() -> None:
    _, image = one(Adjustment(fit=Fit.PAD, background="#0a0b0c"), (1, 1))
    assert (image.size, image.mode) == ((80, 80), "RGB")
    assert corners(image) == [(10, 11, 12)] * 4
    assert image.getpixel((0, 20)) == RED


def test_padding_without_a_colour_is_transparent() -> None:
    _, image = one(Adjustment(fit=Fit.PAD, focus=(0.5, 0)), (1, 1), data=encode(quarters((80, 40)), "JPEG"))
    assert image.getpixel((0, 79)) == (0, 0, 0, 0)
    assert image.getchannel("A").getpixel((0, 0)) == 255


def test_padded_strip_stays_within_what_a_picture_may_be() -> None:
    assert padded_size((4000, 10), (9, 16)) == (4000, 7111)
    _, image = one(Adjustment(fit=Fit.PAD), (1, 4000), data=encode(Image.new("RGB", (2000, 2), "red"), "PNG"))
    assert image.width * image.height <= MAX_PIXELS
    assert max(image.size) <= 16384


def test_colour_fills_what_is_transparent() -> None:
    clear = encode(Image.new("RGBA", (8, 8), (255, 0, 0, 0)), "PNG")
    assert one(Adjustment(background="#ffffff"), data=clear)[1].getpixel((4, 4)) == (255, 255, 255)


def test_logo_lies_in_its_corner() -> None:
    logo = Logo(io.BytesIO(encode(Image.new("RGB", (10, 10), "white"), "PNG")), Place.TOP_LEFT, share=0.25)
    _, image = one(Adjustment(), logo=logo, data=encode(Image.new("RGB", (100, 100), "black"), "PNG"))
    white = [(x, y) for x in range(100) for y in range(100) if image.getpixel((x, y)) == (255, 255, 255)]
    assert (min(white), max(white)) == ((3, 3), (27, 27))


def test_logo_may_be_translucent_and_is_never_cut_off() -> None:
    logo = Logo(io.BytesIO(encode(Image.new("RGB", (1, 9), "white"), "PNG")), Place.CENTRE, share=1.0, opacity=0.5)
    _, image = one(Adjustment(), logo=logo, data=encode(Image.new("RGB", (100, 50), "black"), "PNG"))
    assert image.getpixel((50, 25)) == (128, 128, 128)
    assert image.getpixel((50, 0)) == (0, 0, 0)


def test_jpeg_stays_a_jpeg_and_is_upright() -> None:
    photo = encode(quarters((80, 40)), "JPEG", exif=exif(6))
    made, image = one(Adjustment(), (1, 1), data=photo)
    assert (made.format, made.file.extension, image.format, image.size) == ("JPEG", "jpg", "JPEG", (40, 40))
    assert not image.getexif()


def test_damaged_picture_and_damaged_logo_are_refused() -> None:
    with pytest.raises(NotAPicture):
        list(adjusted(io.BytesIO(cut("PNG", 0.5)), Adjustment(), [None]))
    with pytest.raises(NotAPicture):
        list(adjusted(io.BytesIO(GOOD["PNG"]), Adjustment(), [None], Logo(io.BytesIO(b"none"))))
