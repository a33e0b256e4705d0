"""Pictures and masks for edits."""

import io
from collections.abc import Callable

from PIL import Image, ImageChops, ImageDraw

from lemonstudio.sandbox.errors import ApiError

HOLE = (100, 60, 200, 220)


def saved(picture: Image.Image, form: str = "PNG", **more) -> bytes:
    file = io.BytesIO()
    picture.save(file, form, **more)
    return file.getvalue()


def photo(width: int = 256, height: int = 256) -> Image.Image:
    """Dark red on the left, light yellow on the right, with grain and a blue disc in the middle."""
    picture = Image.new("RGB", (width, height), (140, 30, 30))
    picture.paste((240, 220, 120), (width // 2, 0, width, height))
    middle = (width // 2, height // 2)
    ImageDraw.Draw(picture).ellipse((middle[0] - 30, middle[1] - 30, middle[0] + 30, middle[1] + 30), (40, 60, 200))
    return ImageChops.add(picture, Image.effect_noise(picture.size, 12).convert("RGB"), 1, -128)


def mask(width: int = 256, height: int = 256, hole: tuple[int, int, int, int] = HOLE) -> bytes:
    """Opaque, with a round hole."""
    sheet = Image.new("RGBA", (width, height), (0, 0, 0, 255))
    ImageDraw.Draw(sheet).ellipse(hole, (0, 0, 0, 0))
    return saved(sheet)


PHOTO = photo()
FILE = saved(PHOTO)
SMALL = {"prompt": "a lighthouse", "size": "256x256"}


def status_of(check: Callable[[], object]) -> int:
    """200, or the 400 that it raised."""
    try:
        check()
    except ApiError as error:
        status = int(error.status)
    else:
        status = 200
    assert status in (200, 400)
    return status


def part(name: str) -> bytes:
    return b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\n1\r\n' % name.encode()
