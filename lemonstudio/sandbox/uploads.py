"""Uploaded pictures and masks: what is taken, and how it is opened."""

from __future__ import annotations

import base64
import io
import warnings
from typing import Any

from PIL import Image, ImageOps, UnidentifiedImageError

from .errors import ApiError, invalid
from .models import Model

MEGABYTE = 2**20
MOST_BYTES = 20 * MEGABYTE
MOST_SQUARE_PNG_BYTES = 4 * MEGABYTE
MOST_PIXELS = 25_000_000
_FORMATS = ("PNG", "JPEG", "WEBP")
# What Pillow meets in files that are made to break decoders, besides what its documentation promises.
_DAMAGE = (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, OverflowError, MemoryError)


def check_image(content: bytes | None, model: Model) -> tuple[int, int]:
    """Width and height of a picture that the model takes. Raises a 400 or a 413 that names `image`."""
    if not content:
        raise invalid("'image' is required: the picture to begin with, as a file.", "image")
    _check_bytes("image", content, model)
    picture = _opened("image", content, ("PNG",) if model.square_png else _FORMATS)
    if model.square_png and picture.width != picture.height:
        said = f"'image' must be square for {model.id}; it has {picture.width} × {picture.height} pixels."
        raise invalid(said, "image")
    return picture.size


def check_mask(content: bytes, model: Model, image: tuple[int, int]) -> None:
    """Raises a 400 or a 413 that names `mask`, unless it is a PNG with alpha, of the image's size."""
    _check_bytes("mask", content, model)
    mask = _opened("mask", content, ("PNG",))
    if not mask.has_transparency_data:
        raise invalid("'mask' has no alpha channel; its transparent parts say where to paint.", "mask")
    if mask.size != image:
        said = (
            f"'mask' has {mask.width} × {mask.height} pixels, 'image' {image[0]} × {image[1]}; they must be the same."
        )
        raise invalid(said, "mask")


def from_urls(fields: dict[str, Any]) -> tuple[list[bytes], bytes | None]:
    """The pictures and the mask of a JSON body, taken out of it. Raises a 400 for what the sandbox cannot read."""
    given = [name for name in ("image_url", "image_urls", "reference_image_urls", "images") if name in fields]
    if len(given) > 1:
        raise invalid(f"Send one of {' and '.join(given)}.", given[1])
    found: list[bytes] = []
    for name in given:
        value = fields.pop(name)
        items = value if isinstance(value, list) else [value]
        found += [_from_url(name, item) for item in items]
    mask = fields.pop("mask", None)
    return found, None if mask is None else _from_url("mask", mask)


def _from_url(name: str, item: object) -> bytes:
    url = item.get("image_url") if isinstance(item, dict) else item
    if not isinstance(url, str) or not url.startswith("data:"):
        raise invalid(f"The sandbox fetches nothing: '{name}' must be a data URL.", name, hint="Or send a form.")
    head, _, data = url.partition(",")
    try:
        return base64.b64decode(data, validate=True) if head.endswith(";base64") else data.encode()
    except ValueError:
        raise invalid(f"'{name}' is no base64.", name) from None


def combined(contents: list[bytes]) -> bytes:
    """One upload of several that were checked: the first, with the others small along its lower edge."""
    if len(contents) == 1:
        return contents[0]
    sheet = picture(contents[0])
    side = max(16, min(sheet.width // max(4, len(contents)), sheet.height // 3))
    for place, content in enumerate(contents[1:]):
        tile = ImageOps.fit(picture(content), (side, side))
        sheet.paste(tile, (place * side, sheet.height - side))
    file = io.BytesIO()
    sheet.save(file, "PNG", compress_level=1)
    return file.getvalue()


def picture(content: bytes) -> Image.Image:
    """An upload that was checked, upright, as RGBA."""
    return _rgba(ImageOps.exif_transpose(Image.open(io.BytesIO(content), formats=_FORMATS)))


def holes(content: bytes) -> Image.Image:
    """A mask that was checked, mode L: 255 where it is transparent."""
    return picture(content).getchannel("A").point([255 - value for value in range(256)])


def _check_bytes(name: str, content: bytes, model: Model) -> None:
    if len(content) > MOST_BYTES:
        raise ApiError(413, "payload_too_large", f"'{name}' is larger than {MOST_BYTES // MEGABYTE} MB.", param=name)
    if model.square_png and len(content) >= MOST_SQUARE_PNG_BYTES:
        raise invalid(f"'{name}' must be under {MOST_SQUARE_PNG_BYTES // MEGABYTE} MB for {model.id}.", name)


def _opened(name: str, content: bytes, formats: tuple[str, ...]) -> Image.Image:
    """The whole picture, upright, decoded only after its head has said that it is not too large."""
    wanted = f"{', '.join(formats[:-1])} or {formats[-1]}".replace("WEBP", "WebP") if len(formats) > 1 else formats[0]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            opened = Image.open(io.BytesIO(content), formats=formats)
        if opened.width * opened.height > MOST_PIXELS:
            raise Image.DecompressionBombError
        opened.load()
        return ImageOps.exif_transpose(opened)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise invalid(f"'{name}' has more than {MOST_PIXELS // 1_000_000} million pixels.", name) from None
    except UnidentifiedImageError:
        raise invalid(f"'{name}' must be a {wanted} file.", name) from None
    except _DAMAGE:
        raise invalid(f"'{name}' is damaged or cut off.", name) from None


def _rgba(opened: Image.Image) -> Image.Image:
    if opened.mode.startswith("I"):
        # 16 bits of grey, which Pillow would cut off at 255 rather than scale.
        opened = opened.convert("I").point(lambda value: value / 256).convert("L")
    return opened.convert("RGBA")
