"""The sandbox's pictures: one style of art a model, the same picture for the same wish every time."""

from __future__ import annotations

import io
import random

from PIL import Image

from . import aurora, bauhaus, citrus, landscape, moonsea, palette, poster, silk
from .canvas import finish
from .lettering import sign

_STYLES = {
    "dall-e-2": bauhaus.paint,
    "dall-e-3": landscape.paint,
    "flux-pro": moonsea.paint,
    "flux-schnell": aurora.paint,
    "midjourney": silk.paint,
    "stable-diffusion-3": citrus.paint,
}


def paint(model: str, prompt: str, seed: int, index: int, size: tuple[int, int]) -> Image.Image:
    """The RGB picture number `index` (from 0) for a wish, exactly `size` pixels, marked as the sandbox's.

    Depends on its arguments only. Raises KeyError for a model without a style.
    """
    rng = random.Random(f"{model}\n{prompt}\n{seed}\n{index}")  # noqa: S311 - art, no secret
    colours = palette.choose(prompt, index, rng)
    scene = set(palette.themes(prompt))
    if model == "ideogram-v3":
        picture = poster.paint(size, colours, scene, rng, prompt)
    else:
        picture = _STYLES[model](size, colours, scene, rng)
    picture = finish(picture, rng)
    sign(picture, model, prompt)
    return picture


def png(model: str, prompt: str, seed: int, index: int, size: tuple[int, int]) -> bytes:
    """`paint`, as the bytes of a PNG file."""
    buffer = io.BytesIO()
    paint(model, prompt, seed, index, size).save(buffer, "PNG", compress_level=4)
    return buffer.getvalue()
