"""Edits and variations: an upload that is partly or completely painted anew."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

from PIL import Image, ImageChops, ImageFilter, ImageOps

from . import palette
from .canvas import blur, finish, mesh, shape
from .palette import mix

Paint = Callable[[tuple[int, int]], Image.Image]
Sign = Callable[[Image.Image], None]
PAPER = (255, 255, 255)
_LEAST_SCENE = 256
_LEAST_SIGNED = (240, 96)  # a smaller part has no room for the mark


def fit(upload: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Scale the upload to this size, and crop to its middle if the shape differs. The same size stays unchanged."""
    return ImageOps.fit(upload, size, Image.Resampling.LANCZOS)


def flat(upload: Image.Image) -> Image.Image:
    """The upload as RGB, on white paper."""
    picture = Image.new("RGB", upload.size, PAPER)
    picture.paste(upload, (0, 0), upload.getchannel("A"))
    return picture


def fill(picture: Image.Image, holes: Image.Image, paint: Paint, sign: Sign) -> Image.Image:
    """Paint a new scene into the holes (mode L, 255 where to paint). Every other pixel stays as it was.

    The mark is in the lower left corner of the painted part, as far as the holes show it.
    """
    box = holes.getbbox()
    if box is None:
        return picture
    inner = (box[2] - box[0], box[3] - box[1])
    # A small hole shows a part of a larger scene, because a scene needs some room.
    scene = paint((max(inner[0], _LEAST_SCENE), max(inner[1], _LEAST_SCENE)))
    left, top = (scene.width - inner[0]) // 2, (scene.height - inner[1]) // 2
    scene = scene.crop((left, top, left + inner[0], top + inner[1]))
    if inner[0] >= _LEAST_SIGNED[0] and inner[1] >= _LEAST_SIGNED[1]:
        sign(scene)
    hole = holes.crop(box)
    # Soften the edge inwards only: nothing may change outside the hole.
    soft = ImageChops.darker(blur(hole, max(1.0, min(inner) / 160)), hole)
    filled = picture.copy()
    filled.paste(scene, box[:2], soft)
    return filled


def repaint(picture: Image.Image, prompt: str, index: int, rng: random.Random) -> Image.Image:
    """The same picture in gentle strokes, in the colours that the prompt selects."""
    colours = palette.choose(prompt, index, rng)
    sky, accents = colours.sky, colours.accents
    wash = mesh(
        picture.size,
        [[sky[1], sky[2], sky[1]], [sky[3], colours.sun, sky[3]], [accents[2], accents[0], accents[1]]],
        rng,
    )
    # Strokes are patches of the most frequent colour near by. A small copy is used because the filter is slow.
    small = picture.reduce(max(1, round(math.sqrt(picture.width * picture.height) / 512)))
    strokes = small.filter(ImageFilter.ModeFilter(5)).resize(picture.size, Image.Resampling.BICUBIC)
    lit = ImageChops.soft_light(Image.blend(strokes, picture, 0.25), wash)
    return finish(Image.blend(lit, wash, 0.16), rng, 3)


def vary(picture: Image.Image, index: int, rng: random.Random) -> Image.Image:
    """The same picture in other colours and enlarged, mirrored for even `index`."""
    width, height = picture.size
    colours = palette.choose("", index, rng)
    nearer = rng.uniform(0.74, 0.9)
    across, down = round(width * nearer), round(height * nearer)
    left, top = rng.randrange(width - across + 1), rng.randrange(height - down + 1)
    view = picture.resize(picture.size, Image.Resampling.LANCZOS, (left, top, left + across, top + down))
    if index % 2 == 0:
        view = ImageOps.mirror(view)
    hue, saturation, value = view.convert("HSV").split()
    hue_shift = round(256 * (0.22 + 0.17 * (index % 4) + rng.uniform(-0.04, 0.04)))
    hue = hue.point([(level + hue_shift) % 256 for level in range(256)])
    saturation = saturation.point([min(255, round(level * 0.9 + 12)) for level in range(256)])
    shifted = Image.merge("HSV", (hue, saturation, value)).convert("RGB")
    # The wash gives a grey picture other colours too.
    accents = colours.accents
    wash = mesh(picture.size, [[accents[0], accents[1]], [accents[2], mix(accents[1], colours.sun, 0.5)]], rng)
    return finish(Image.blend(ImageChops.soft_light(shifted, wash), wash, 0.12), rng)


def card(size: tuple[int, int]) -> Image.Image:
    """The shape of a card with round corners, mode L. It masks a picture with a clear background."""
    width, height = size
    inset, radius = round(min(size) * 0.03), round(min(size) * 0.06)
    box = (2 * inset, 2 * inset, 2 * (width - inset) - 1, 2 * (height - inset) - 1)
    return shape(size, lambda pen: pen.rounded_rectangle(box, 2 * radius, fill=255))
