"""Pictures that tests make, and what they look at in them."""

import io
import random
import struct

from PIL import Image

from gallery.images.verify import PictureInfo, inspect

RED, GREEN, BLUE, YELLOW = (250, 10, 10), (10, 200, 10), (10, 10, 250), (240, 240, 10)
FORMATS = ("PNG", "JPEG", "WEBP")


def quarters(size: tuple[int, int] = (64, 48), mode: str = "RGB") -> Image.Image:
    """A picture with red, green, blue and yellow quarters, in reading order."""
    image = Image.new("RGB", (2, 2))
    image.putdata([RED, GREEN, BLUE, YELLOW])
    image = image.resize(size, Image.Resampling.NEAREST)
    return image.convert("I").point(lambda v: v * 257).convert("I;16") if mode == "I;16" else image.convert(mode)


def encode(image: Image.Image, format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    if format != "PNG":
        options = {"quality": 92, **options}
    image.save(buffer, format, **options)
    return buffer.getvalue()


def noise(size: tuple[int, int] = (64, 48)) -> Image.Image:
    generator = random.Random(1)
    return Image.frombytes("RGB", size, generator.randbytes(size[0] * size[1] * 3))


def exif(orientation: int, order: str = "<", kind: int = 3) -> bytes:
    start = b"II*\0" if order == "<" else b"MM\0*"
    return start + struct.pack(f"{order}IHHHIHHI", 8, 1, 0x0112, kind, 1, orientation, 0, 0)


GOOD = {format: encode(noise(), format) for format in FORMATS}


def check(data: bytes) -> PictureInfo:
    return inspect(io.BytesIO(data))


def cut(format: str, share: float) -> bytes:
    return GOOD[format][: int(len(GOOD[format]) * share)]


R, G, B, Y = "red", "green", "blue", "yellow"


def colour(text: str) -> str:
    values = tuple(int(text[start : start + 2], 16) for start in (1, 3, 5))
    named = {R: RED, G: GREEN, B: BLUE, Y: YELLOW}
    return min(named, key=lambda name: sum(abs(a - b) for a, b in zip(named[name], values, strict=True)))
