"""The sandbox's pictures: each model has its own style, and the same spec always gives the same picture."""

from __future__ import annotations

import io
import math
import random

from PIL import Image, ImageChops

from . import aurora, bauhaus, citrus, landscape, moonsea, palette, poster, retouch, silk, sunburst, terrazzo
from .canvas import finish
from .lettering import sign

_STYLES = {
    "dall-e-2": bauhaus.paint,
    "dall-e-3": landscape.paint,
    "flux-pro": moonsea.paint,
    "flux-schnell": aurora.paint,
    "gpt-image-1": terrazzo.paint,
    "gpt-image-1.5": terrazzo.paint,
    "gpt-image-2": terrazzo.paint,
    "midjourney": silk.paint,
    "nano-banana-pro": sunburst.paint,
    "stable-diffusion-3": citrus.paint,
}
# Pixels. Larger pictures are painted at this size and enlarged: a million pixels cost 50 MB and 0.4 s.
_MOST_PAINTED = 2_100_000


def paint(model: str, prompt: str, seed: int, index: int, size: tuple[int, int]) -> Image.Image:
    """Paint picture number `index` (from 0) of a spec: RGB, exactly `size` pixels, with the sandbox's mark.

    The result depends only on the arguments. Raises KeyError for a model without a style.
    """
    picture = _scene(model, prompt, seed, index, size)
    sign(picture, model, prompt)
    return picture


def edit(
    upload: Image.Image,
    holes: Image.Image | None,
    model: str,
    prompt: str,
    seed: int,
    index: int,
    size: tuple[int, int],
    clear: bool = False,
) -> Image.Image:
    """Paint an upload (RGBA) anew in its holes (mode L, 255 where to paint). Without holes, repaint all of it gently.

    Returns RGB. With `clear`, returns RGBA that is transparent where the upload was and nothing was painted. Otherwise
    like `paint`.
    """
    fitted = retouch.fit(upload, size)
    picture = retouch.flat(fitted)
    alpha = fitted.getchannel("A")

    def scene(of: tuple[int, int]) -> Image.Image:
        return _scene(model, prompt, seed, index, of)

    if holes is not None:
        painted = retouch.fit(holes, size)
        picture = retouch.fill(picture, painted, scene, lambda inside: sign(inside, model, prompt))
        alpha = ImageChops.lighter(alpha, painted)
    else:
        picture = retouch.repaint(picture, prompt, index, _dice("repaint", model, prompt, seed, index))
        sign(picture, model, prompt)
    if clear:
        picture.putalpha(alpha)
    return picture


def vary(upload: Image.Image, model: str, seed: int, index: int, size: tuple[int, int]) -> Image.Image:
    """Paint an upload (RGBA) in other colours and another arrangement. Returns RGB; otherwise like `paint`."""
    rng = _dice("vary", model, "", seed, index)
    picture = retouch.vary(retouch.flat(retouch.fit(upload, size)), index, rng)
    sign(picture, model, "")
    return picture


def cut_out(picture: Image.Image) -> Image.Image:
    """The picture on a card with round corners, RGBA, transparent around the card."""
    cut = picture.copy()
    cut.putalpha(retouch.card(picture.size))
    return cut


def encode(picture: Image.Image, form: str = "png") -> bytes:
    """Encode a picture as a `png`, `jpeg` or `webp` file; return its bytes."""
    buffer = io.BytesIO()
    if form == "png":
        # A large picture has smooth pixels, so the quickest compression is nearly as good.
        picture.save(buffer, "PNG", compress_level=4 if picture.width * picture.height <= _MOST_PAINTED else 1)
    elif form == "jpeg":
        picture.convert("RGB").save(buffer, "JPEG", quality=92)
    else:
        picture.save(buffer, "WEBP", quality=90, method=1)
    return buffer.getvalue()


def png(model: str, prompt: str, seed: int, index: int, size: tuple[int, int]) -> bytes:
    """Like `paint`, but returns the bytes of a PNG file."""
    return encode(paint(model, prompt, seed, index, size))


def _dice(*seeds: str | int) -> random.Random:
    return random.Random("\n".join(str(seed) for seed in seeds))  # noqa: S311 - art, no secret


def _scene(model: str, prompt: str, seed: int, index: int, size: tuple[int, int]) -> Image.Image:
    """The model's picture without the mark."""
    rng = _dice(model, prompt, seed, index)
    colours = palette.choose(prompt, index, rng)
    scene = set(palette.themes(prompt))
    shrink = max(1.0, math.sqrt(size[0] * size[1] / _MOST_PAINTED))
    painted = (round(size[0] / shrink), round(size[1] / shrink))
    if model == "ideogram-v3":
        picture = poster.paint(painted, colours, scene, rng, prompt)
    else:
        picture = _STYLES[model](painted, colours, scene, rng)
    if painted != size:
        return picture.resize(size, Image.Resampling.BICUBIC)
    return finish(picture, rng)
