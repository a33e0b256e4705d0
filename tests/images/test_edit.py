"""The files of an edit, from good and bad pictures of all shapes and sizes."""

import io
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from PIL import Image, ImageCms

from gallery.images import decode, edit
from gallery.images.concurrency import Busy
from gallery.images.edit import MAX_SIDE, Fit, Limits, Prepared, WrongMask, keep, prepare
from gallery.images.parse import MAX_PIXELS, NotAPicture
from tests.images.files import FORMATS, GOOD, B, G, R, Y, encode, exif, noise, quarters
from tests.images.test_verify import HARMLESS, HOSTILE, MODES, TURNED, corners
from tests.support.properties import IS_NIGHTLY

SQUARE = Limits(square=True, max_bytes=4_000_000, max_side=1024)
WIDE, TALL = (400, 200), (200, 400)


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def prepared(image: Image.Image | bytes, limits: Limits = SQUARE, mask: bytes | None = None, **more: Fit) -> Prepared:
    data = image if isinstance(image, bytes) else encode(image, "PNG")
    result = prepare(io.BytesIO(data), limits, mask=io.BytesIO(mask) if mask else None, **more)
    assert opened(result.image).format == "PNG"
    assert opened(result.image).size == (result.width, result.height)
    if result.mask:
        assert (opened(result.mask).format, opened(result.mask).size) == ("PNG", (result.width, result.height))
    return result


def marked(size: tuple[int, int], *boxes: tuple[int, int, int, int]) -> bytes:
    """A mask of this size, transparent in these boxes."""
    mask = Image.new("RGBA", size, "black")
    for box in boxes:
        mask.paste((0, 0, 0, 0), box)
    return encode(mask, "PNG")


def is_open(result: Prepared, x: int, y: int) -> bool:
    """Whether the upstream paints this point anew."""
    assert result.mask
    alpha = opened(result.mask).getchannel("A").getpixel((x, y))
    assert alpha in (0, 255), "either it is painted anew or it is not"
    return alpha == 0


# --- Uploads ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("format", "mode"), [(format, mode) for format in FORMATS for mode in MODES[format]])
def test_upload_is_stored_as_a_plain_picture(format: str, mode: str) -> None:
    upload = keep(io.BytesIO(encode(quarters((640, 480), mode), format)))
    image = opened(upload.data)
    assert (upload.width, upload.height) == image.size == (640, 480)
    assert (image.format, upload.extension) == (("JPEG", "jpg") if format == "JPEG" else ("PNG", "png"))
    assert image.mode in ("RGB", "RGBA")
    if mode in ("RGB", "RGBA", "P", "CMYK"):
        assert corners(image) == (R, G, B, Y)


@pytest.mark.parametrize("name", HARMLESS)
def test_harmless_oddity_is_accepted(name: str) -> None:
    assert opened(keep(io.BytesIO(HARMLESS[name]())).data).format in ("PNG", "JPEG")


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_file_is_refused_with_a_reason(name: str) -> None:
    data = HOSTILE[name]()
    with pytest.raises(NotAPicture, match=r"^it (is|has)|^its end is missing"):
        keep(io.BytesIO(data))
    with pytest.raises(NotAPicture):
        prepare(io.BytesIO(data), SQUARE)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("orientation", TURNED)
def test_exif_orientation_is_applied_and_removed(format: str, orientation: int) -> None:
    data = encode(quarters((640, 480)), format, exif=b"Exif\0\0" + exif(orientation))
    upload = keep(io.BytesIO(data))
    assert (upload.width, upload.height) == ((480, 640) if orientation >= 5 else (640, 480))
    assert corners(opened(upload.data)) == TURNED[orientation]
    sent = prepared(data, Limits())
    assert corners(opened(sent.image)) == TURNED[orientation]
    for one in (upload.data, sent.image):
        assert b"Exif" not in one
        assert b"eXIf" not in one


def test_large_upload_is_scaled_down() -> None:
    for format in FORMATS:
        upload = keep(io.BytesIO(encode(quarters((5000, 2500)), format)))
        assert (upload.width, upload.height) == (MAX_SIDE, MAX_SIDE // 2)
        assert corners(opened(upload.data)) == (R, G, B, Y)


def test_scaling_down_keeps_transparency() -> None:
    image = quarters((6000, 4500), "RGBA")
    image.paste((0, 0, 0, 0), (0, 0, 3000, 2250))
    small = opened(keep(io.BytesIO(encode(image, "PNG", compress_level=1))).data)
    assert small.mode == "RGBA"
    assert [small.getchannel("A").getpixel(point) for point in ((100, 100), (2000, 100), (100, 1500))] == [0, 255, 255]


def test_colour_profile_is_removed() -> None:
    # A profile that does not fit is ignored.
    other = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    data = encode(quarters((64, 48)), "PNG", icc_profile=other.tobytes())
    assert corners(opened(keep(io.BytesIO(data)).data)) == (R, G, B, Y)
    assert "icc_profile" not in opened(keep(io.BytesIO(data)).data).info


def test_storage_error_does_not_blame_the_file() -> None:
    class Unreadable(io.BytesIO):
        def read(self, _: int | None = -1) -> bytes:
            raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        keep(Unreadable())
    with pytest.raises(OSError, match="disk"):
        prepare(Unreadable(), SQUARE)


# --- Shape and size -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "fit", "expected"),
    [
        (WIDE, Fit.START, (R, R, B, B)),
        (WIDE, Fit.CENTRE, (R, G, B, Y)),
        (WIDE, Fit.END, (G, G, Y, Y)),
        (TALL, Fit.START, (R, G, R, G)),
        (TALL, Fit.CENTRE, (R, G, B, Y)),
        (TALL, Fit.END, (B, Y, B, Y)),
    ],
)
def test_square_is_cut_out_at_the_chosen_place(
    size: tuple[int, int], fit: Fit, expected: tuple[str, str, str, str]
) -> None:
    result = prepared(quarters(size), fit=fit)
    assert (result.width, result.height) == (200, 200)
    assert corners(opened(result.image)) == expected
    assert result.mask is None
    assert not result.is_marked


@pytest.mark.parametrize("size", [WIDE, TALL])
def test_padding_to_a_square_is_marked_for_painting(size: tuple[int, int]) -> None:
    result = prepared(quarters(size), fit=Fit.PAD)
    assert (result.width, result.height) == (400, 400)
    corner, middle = (5, 5), (200, 200)
    assert is_open(result, *corner)
    assert not is_open(result, *middle)
    alpha = opened(result.image).getchannel("A")
    assert (alpha.getpixel(corner), alpha.getpixel(middle)) == (0, 255)
    assert result.is_marked


@pytest.mark.parametrize("fit", Fit)
def test_square_stays_unchanged_for_all_fits(fit: Fit) -> None:
    result = prepared(quarters((300, 300)), fit=fit)
    assert (result.width, result.height) == (300, 300)
    assert corners(opened(result.image)) == (R, G, B, Y)
    assert result.mask is None


def test_model_for_any_shape_gets_the_whole_picture() -> None:
    result = prepared(quarters(WIDE), Limits(), fit=Fit.END)
    assert (result.width, result.height) == WIDE
    assert corners(opened(result.image)) == (R, G, B, Y)


@pytest.mark.parametrize(
    ("size", "limits", "fit", "expected"),
    [
        ((3000, 1500), SQUARE, Fit.CENTRE, (1024, 1024)),
        ((3000, 1500), SQUARE, Fit.PAD, (1024, 1024)),
        ((3000, 1500), Limits(max_side=1000), Fit.CENTRE, (1000, 500)),
        ((3000, 1500), Limits(), Fit.CENTRE, (2048, 1024)),
        ((16_000, 1), SQUARE, Fit.CENTRE, (1, 1)),
        ((16_000, 1), Limits(), Fit.CENTRE, (2048, 1)),
        ((1, 1), SQUARE, Fit.PAD, (1, 1)),
    ],
)
def test_too_large_picture_is_scaled_down(
    size: tuple[int, int], limits: Limits, fit: Fit, expected: tuple[int, int]
) -> None:
    result = prepared(quarters(size), limits, fit=fit)
    assert (result.width, result.height) == expected


@pytest.mark.parametrize("fit", [Fit.CENTRE, Fit.PAD])
def test_file_is_smaller_than_the_limit(fit: Fit) -> None:
    """Noise hardly compresses: at 1,000 × 1,000 it takes 3 MB."""
    picture = encode(noise((1200, 1000)), "PNG")
    result = prepared(picture, Limits(square=True, max_bytes=400_000, max_side=2048), fit=fit)
    assert len(result.image) < 400_000
    assert result.width > 300, "and not much smaller"


def test_transparency_of_the_picture_counts_as_a_mark() -> None:
    image = quarters((200, 200), "RGBA")
    assert not prepared(image).is_marked
    image.paste((0, 0, 0, 0), (50, 50, 90, 90))
    result = prepared(image)
    assert result.is_marked
    assert result.mask is None


# --- Masks --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fit", "points"),
    [
        # The mask is open in the second hundred pixels of four, over the whole height.
        (Fit.START, {50: False, 150: True}),
        (Fit.CENTRE, {50: True, 150: False}),
        (Fit.END, {50: False, 150: False}),
    ],
)
def test_mask_is_cut_like_its_picture(fit: Fit, points: dict[int, bool]) -> None:
    result = prepared(quarters(WIDE), mask=marked(WIDE, (100, 0, 200, 200)), fit=fit)
    assert {x: is_open(result, x, 100) for x in points} == points
    assert result.is_marked is any(points.values())


def test_mask_is_padded_like_its_picture() -> None:
    result = prepared(quarters(WIDE), mask=marked(WIDE, (100, 0, 200, 200)), fit=Fit.PAD)
    assert [is_open(result, x, 200) for x in (50, 150, 250, 350)] == [False, True, False, False]
    assert [is_open(result, x, 50) for x in (50, 150)] == [True, True]


def test_mask_is_scaled_to_its_picture() -> None:
    for mask_size in ((40, 20), (2000, 1000)):
        half = mask_size[0] // 2
        result = prepared(quarters(WIDE), Limits(), mask=marked(mask_size, (0, 0, half, mask_size[1])))
        assert [is_open(result, x, 100) for x in (20, 190, 210, 380)] == [True, True, False, False]


def test_mask_shrinks_with_its_picture() -> None:
    size = (800, 800)
    limits = Limits(square=True, max_bytes=200_000, max_side=2048)
    result = prepared(encode(noise(size), "PNG"), limits, mask=marked(size, (0, 0, 400, 800)))
    assert result.width < 400
    assert is_open(result, result.width // 4, 9)
    assert not is_open(result, result.width * 3 // 4, 9)


def test_white_of_an_opaque_mask_is_painted_anew() -> None:
    black_and_white = Image.new("L", WIDE, 0)
    black_and_white.paste(255, (0, 0, 200, 200))
    for mode in ("L", "RGB", "RGBA", "1"):
        result = prepared(quarters(WIDE), Limits(), mask=encode(black_and_white.convert(mode), "PNG"))
        assert (is_open(result, 50, 50), is_open(result, 350, 50)) == (True, False), mode


def test_soft_edges_become_hard() -> None:
    soft = Image.new("RGBA", WIDE, (0, 0, 0, 255))
    for x in range(400):
        soft.paste((0, 0, 0, x * 255 // 400), (x, 0, x + 1, 200))
    result = prepared(quarters(WIDE), Limits(), mask=encode(soft, "PNG"))
    assert [is_open(result, x, 9) for x in (0, 190, 210, 399)] == [True, True, False, False]


def test_empty_mask_marks_nothing() -> None:
    result = prepared(quarters(WIDE), mask=marked(WIDE))
    assert not result.is_marked


@pytest.mark.parametrize("size", [(200, 400), (300, 200), (400, 190)])
def test_mask_of_another_shape_is_refused_with_a_reason(size: tuple[int, int]) -> None:
    with pytest.raises(WrongMask, match=rf"^The mask has {size[0]} × {size[1]} pixels; .* the picture, 400 × 200\.$"):
        prepared(quarters(WIDE), mask=marked(size, (0, 0, 9, 9)))


def test_rounded_mask_has_the_same_shape() -> None:
    """A browser draws at most 1,024 pixels wide: 1792 × 1024 becomes 585.14 high."""
    result = prepared(quarters((1792, 1024)), Limits(), mask=marked((1024, 585), (0, 0, 512, 585)))
    assert result.is_marked
    assert prepared(quarters((9000, 40)), Limits(), mask=marked((1024, 5), (0, 0, 512, 5))).is_marked


@pytest.mark.parametrize("name", ["text", "SVG", "BMP", "PNG without IEND", "PNG of 2^31 pixels a side"])
def test_hostile_mask_is_refused_with_a_reason(name: str) -> None:
    with pytest.raises(WrongMask, match=r"^The mask cannot be used: .+\.$"):
        prepared(quarters(WIDE), mask=HOSTILE[name]())


# --- Memory -------------------------------------------------------------------------------------------------

# Peak memory can only be measured for a whole process. (That of getrusage begins with the parent's.)
MEMORY = """
import re, sys
from gallery.images.edit import Limits, keep, prepare
def both(name):
    for look in (keep, lambda file: prepare(file, Limits(True, 4_000_000, 1024)), lambda file: prepare(file, Limits())):
        with open(name, "rb") as file:
            look(file)
both(sys.argv[1])
def peak_mib():
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1]) // 1024
before = peak_mib()
both(sys.argv[2])
print(peak_mib() - before)
"""


@pytest.mark.process
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the peak from /proc")
# A WebP takes its decoder two more canvases of its size.
# The PNG with the largest pixels stands for all. At night the others run as well.
@pytest.mark.parametrize(
    ("mode", "format", "most"),
    [
        ("RGBA", "PNG", 300),
        *([("P", "PNG", 300)] if IS_NIGHTLY else []),
        ("CMYK", "JPEG", 300),
        ("RGB", "WEBP", 800),
    ],
)
def test_largest_picture_takes_limited_memory(mode: str, format: str, most: int, tmp_path: Path) -> None:
    largest = Image.new("RGB", (8000, MAX_PIXELS // 8000), (1, 2, 3)).convert(mode)
    options = {"compress_level": 1} if format == "PNG" else {"method": 0} if format == "WEBP" else {}
    (tmp_path / "small").write_bytes(GOOD["PNG"])
    (tmp_path / "large").write_bytes(encode(largest, format, **options))
    root = Path(edit.__file__).parents[2]
    command = [sys.executable, "-c", MEMORY, str(tmp_path / "small"), str(tmp_path / "large")]
    done = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True)
    assert int(done.stdout) < most


def test_pictures_are_decoded_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The memory for one picture is enough for any number of uploads at once."""
    at_once, most = 0, 0
    lock = threading.Lock()
    plain_decode = decode.decode

    def counted(*args: object) -> Image.Image:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        try:
            return plain_decode(*args)  # type: ignore[arg-type]
        finally:
            with lock:
                at_once -= 1

    monkeypatch.setattr("gallery.images.edit.decode", counted)
    data = encode(noise((1200, 900)), "PNG")
    ends: list[str] = []

    def upload() -> None:
        try:
            keep(io.BytesIO(data))
        except Busy:
            ends.append("busy")
        else:
            ends.append("kept")

    threads = [threading.Thread(target=upload) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert most == 1
    assert len(ends) == 8
    assert 3 <= ends.count("kept") < 8
