"""Decodes the parts of a picture that are verified, and brings its pixels into plain modes and sRGB."""

import struct
import subprocess
import sys
from io import BytesIO
from typing import Any

from PIL import Image, ImageCms, ImageMath

from gallery.images import avif_process
from gallery.images.parse import CUT_OFF, DAMAGED, MAX_ICC_BYTES, NotAPicture, Parts, png_is_full
from lemonstudio.marking import gettext_noop

# How long a background task waits until the machine has memory for decoding.
TURN_SECONDS = 60.0

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def turned(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    return (size[1], size[0]) if orientation >= 5 else size


def turn(image: Image.Image, orientation: int) -> Image.Image:
    return image.transpose(_TURNS[orientation]) if orientation in _TURNS else image


def decode(parts: Parts, at_least: tuple[int, int]) -> Image.Image:
    """Decode all of it. A JPEG may come out at 1/2, 1/4 or 1/8 of its size, but not below `at_least`.

    One that is oversized comes out at half its size at the most.
    """
    try:
        image = _decode_avif(parts) if parts.format == "AVIF" else _decode_here(parts, at_least)
    except (NotAPicture, MemoryError):
        # Sizes were checked: memory that lacks is this machine's trouble, and not the file's.
        raise
    except Exception as error:
        # Decoders raise what they like: OSError, SyntaxError, ValueError, struct.error, EOFError, zlib.error, …
        raise NotAPicture(DAMAGED) from error
    if parts.profile and not image.info.get("icc_profile"):
        image.info |= {"icc_profile": parts.profile, _BY_NUMBERS: True}
    return image


# In `Image.info`: the profile stands for numbers, which are about grey pixels, too.
_BY_NUMBERS = "colours_by_numbers"


def _decode_here(parts: Parts, at_least: tuple[int, int]) -> Image.Image:
    image = Image.open(BytesIO(parts.payload), formats=[parts.format])
    if parts.format == "PNG" and not png_is_full(parts.payload):
        raise NotAPicture(CUT_OFF)
    if image.size != parts.size or getattr(image, "n_frames", 1) != 1:
        raise NotAPicture(DAMAGED)
    if parts.is_oversized:
        at_least = min(at_least[0], parts.size[0] // 2), min(at_least[1], parts.size[1] // 2)
    image.draft(None, at_least)
    image.load()
    return image


def _decode_avif(parts: Parts) -> Image.Image:
    # -P: the script's folder is no place to import from.
    command = [sys.executable, "-P", avif_process.__file__]
    try:
        done = subprocess.run(  # noqa: S603 our own script
            command, input=parts.payload, capture_output=True, timeout=2 * avif_process.MAX_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise NotAPicture(gettext_noop("it takes too long to decode")) from None
    if done.returncode == avif_process.NO_MEMORY:
        raise NotAPicture(gettext_noop("it takes too much memory to decode"))
    start = struct.calcsize(avif_process.HEAD)
    if done.returncode or len(done.stdout) < start:
        raise NotAPicture(DAMAGED)
    name, width, height, length = struct.unpack_from(avif_process.HEAD, done.stdout)
    if (width, height) != parts.size:
        raise NotAPicture(DAMAGED)
    mode = name.rstrip(b"\0").decode()
    # Not copied: these may be 160 MB.
    pixels: Any = memoryview(done.stdout)[start + length :]
    image = Image.frombuffer(mode, parts.size, pixels, "raw", mode, 0, 1)
    if length:
        image.info["icc_profile"] = done.stdout[start : start + length]
    return image


def plain(image: Image.Image) -> Image.Image:
    """Convert to a mode whose pixels can be averaged: RGB, RGBA, L or CMYK; without alpha if all is opaque."""
    if image.mode.startswith("I"):
        # Pillow clips 16 bits a pixel to 8, instead of scaling them.
        wide = image.convert("I")
        grey = wide.point(lambda value: value * (1 / 257)).convert("L")
        transparent = grey.info.pop("transparency", None)
        if not isinstance(transparent, int):
            return grey
        alpha = ImageMath.lambda_eval(
            lambda images: images["convert"]((images["wide"] != transparent) * 255, "L"), wide=wide
        )
        both = Image.merge("LA", (grey, alpha)).convert("RGBA")
        both.info = grey.info
        return both
    if image.has_transparency_data:
        # Not a copy of what is RGBA already: it may take 160 MB.
        image = image if image.mode == "RGBA" else image.convert("RGBA")
        return image.convert("RGB") if image.getchannel("A").getextrema()[0] == 255 else image
    return image if image.mode in ("RGB", "L", "CMYK") else image.convert("RGB")


def in_srgb(image: Image.Image) -> Image.Image:
    """Convert a plain image to RGB or RGBA, by its ICC profile if it has a usable one."""
    mode = "RGBA" if image.mode == "RGBA" else "RGB"
    profile = image.info.get("icc_profile")
    if image.mode == "L" and image.info.get(_BY_NUMBERS):
        image = image.convert("RGB")
    if profile and len(profile) <= MAX_ICC_BYTES:
        try:
            source = ImageCms.ImageCmsProfile(BytesIO(profile))
            target = ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(image, source, target, outputMode=mode)
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            # A broken profile, or one for other kinds of pixels: browsers pass over it as well.
            converted = None
        if converted is not None:
            return converted
    return image if image.mode == mode else image.convert(mode)
