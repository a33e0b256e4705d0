"""midjourney: glowing strands of silk in a slow wind."""

from __future__ import annotations

import math
import random

from PIL import Image, ImageChops, ImageDraw

from .canvas import BICUBIC, blur, disc, glow, mesh, wander
from .palette import RGB, Palette, mix


def paint(size: tuple[int, int], palette: Palette, scene: set[str], rng: random.Random) -> Image.Image:
    """An RGB abstraction of exactly `size`."""
    width, height = size
    unit = min(size) / 1024
    deep = mix(palette.near, palette.sky[0], 0.45)
    dark = mix(palette.near, (4, 4, 10), 0.45)
    warm = mix(deep, palette.accents[rng.randrange(3)], 0.3)
    corners = [[deep, mix(deep, palette.sky[0], 0.6)], [warm, mix(deep, palette.sky[1], 0.55)], [dark, deep]]
    picture = mesh(size, corners, rng)
    centre = (width * rng.uniform(0.3, 0.7), height * rng.uniform(0.26, 0.44))
    glow(picture, centre, 640 * unit, palette.accents[1], 0.5)
    if rng.random() < 0.75:
        radius = rng.uniform(95, 150) * unit
        disc(picture, centre, radius, mix(palette.sun, palette.accents[1], 0.3))
        glow(picture, centre, radius * 2.4, palette.sun, 0.4)
    colours = [palette.accents[0], palette.accents[1], palette.accents[2], palette.sky[3]]
    rng.shuffle(colours)
    tilt = rng.uniform(-0.3, 0.3)
    for veil in range(3):
        strands = _veil((width, height), 0.4 + 0.17 * veil + rng.uniform(-0.05, 0.05), tilt, unit, rng)
        first, second = colours[veil], colours[(veil + 1) % len(colours)]
        # The cloth first hides what is behind it and then shines: otherwise everything would turn white.
        solid = blur(strands, 9 * unit).point(lambda value: min(200, round(value * 1.5)))
        picture.paste(mix(dark, first, 0.34), (0, 0), solid)
        picture = ImageChops.screen(picture, _tinted(strands, first, second))
        halo = blur(strands, 26 * unit).point(lambda value: round(value * 0.5))
        picture = ImageChops.screen(picture, _tinted(halo, second, first))
    _sparks(picture, palette.sun, unit, rng)
    return picture


def _veil(size: tuple[int, int], base: float, tilt: float, unit: float, rng: random.Random) -> Image.Image:
    """A few hundred lines that run together and apart. A strand is brighter the more it faces the light."""
    width, height = size
    sheet = Image.new("L", (width * 2, height * 2))
    pen = ImageDraw.Draw(sheet)
    spine, spread, twist = wander(rng, 3, 0.5), wander(rng, 3, 0.6), wander(rng, 3, 0.5)
    lines, steps = 112, 56
    amplitude = rng.uniform(0.15, 0.24)
    start = rng.uniform(0, 9)
    for line in range(lines):
        across = line / (lines - 1) * 2 - 1
        points: list[tuple[float, float]] = []
        lights: list[float] = []
        for step in range(steps + 1):
            x = step / steps
            t = start + x * 4.6
            fold = math.sin(across * 2.1 + 2.6 * twist(t * 0.8))
            y = base + tilt * (x - 0.5) + amplitude * spine(t) + (0.035 + 0.12 * (0.5 + 0.5 * spread(t * 0.9))) * fold
            points.append((x * width * 2, y * height * 2))
            lights.append(math.cos(across * 2.1 + 2.6 * twist(t * 0.8) + 0.6))
        thick = max(1, round(unit * (2.1 + 1.3 * (line % 7 == 0))))
        for step in range(steps):
            light = 58 + 197 * max(0.0, lights[step]) ** 1.6 * (0.6 + 0.4 * ((line * 37) % 11) / 10)
            pen.line(points[step : step + 2], fill=round(light), width=thick)
    return sheet.reduce(2)


def _tinted(mask: Image.Image, left: RGB, right: RGB) -> Image.Image:
    ramp = Image.new("RGB", (3, 2))
    ramp.putdata([left, mix(left, right, 0.5), right, mix(left, right, 0.3), right, mix(right, left, 0.3)])
    return ImageChops.multiply(ramp.resize(mask.size, BICUBIC), Image.merge("RGB", (mask, mask, mask)))


def _sparks(picture: Image.Image, colour: RGB, unit: float, rng: random.Random) -> None:
    width, height = picture.size
    for _ in range(46):
        place = (rng.random() * width, rng.random() * height)
        radius = unit * (1.2 + 3.2 * rng.random() ** 4)
        glow(picture, place, radius * 6, colour, 0.5)
        disc(picture, place, radius * 0.8, colour)
