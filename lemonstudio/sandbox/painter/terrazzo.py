"""gpt-image-2: terrazzo, with river stones and chips of marble in pale stone."""

from __future__ import annotations

import math
import random

from PIL import Image, ImageDraw

from .canvas import clouds, curve
from .palette import RGB, Palette, mix


def paint(size: tuple[int, int], palette: Palette, scene: set[str], rng: random.Random) -> Image.Image:
    """An RGB slab of exactly `size`."""
    width, height = size
    span = min(size)
    ground = mix(palette.paper, palette.sky[-1], 0.3)
    sheet = Image.new("RGB", (width * 2, height * 2), ground)
    pen = ImageDraw.Draw(sheet)
    inks = [*palette.accents, palette.near, palette.sky[1]]
    for reach, count in ((0.17, 34), (0.1, 90), (0.05, 300), (0.02, 900)):
        for _ in range(-(-count * width * height // span**2)):
            _stone(pen, sheet.size, 2 * span * reach, mix(rng.choice(inks), (255, 255, 255), rng.uniform(0, 0.22)), rng)
    picture = sheet.reduce(2)
    grit = curve(clouds(size, rng, (90, 90), 3), 130, 200, 46)
    picture.paste(mix(ground, palette.near, 0.4), (0, 0), grit)
    light = curve(clouds((max(2, width // 8), max(2, height // 8)), rng, (3, 3), 2), 60, 220, 60)
    picture.paste((255, 255, 255), (0, 0), light.resize(size))
    return picture


def _stone(pen: ImageDraw.ImageDraw, size: tuple[int, int], span: float, ink: RGB, rng: random.Random) -> None:
    """Draw one chip with its shadow and a lighter facet."""
    centre = (rng.random() * size[0], rng.random() * size[1])
    reach = span * rng.uniform(0.5, 1) / 2
    corners = rng.randrange(5, 9)
    rotation, flat = rng.uniform(0, math.tau), rng.uniform(0.6, 1)
    angles = [rotation + math.tau * corner / corners for corner in range(corners)]
    lengths = [reach * rng.uniform(0.66, 1) for _ in angles]
    edge = [
        (centre[0] + long * math.cos(angle), centre[1] + flat * long * math.sin(angle))
        for angle, long in zip(angles, lengths, strict=True)
    ]
    drop = max(1.0, reach * 0.09)
    pen.polygon([(x + drop, y + drop) for x, y in edge], fill=mix(ink, (20, 18, 30), 0.6))
    pen.polygon(edge, fill=ink)
    if corners > 5:
        pen.polygon([*edge[:3], centre], fill=mix(ink, (255, 255, 255), 0.12))
