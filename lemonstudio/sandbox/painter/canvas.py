"""Brushes: gradients without bands, soft light, smooth edges, noise. A seeded `Random` repeats them exactly."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageMath

from .palette import RGB

Size = tuple[int, int]
Line = Callable[[float], float]
BICUBIC = Image.Resampling.BICUBIC
BILINEAR = Image.Resampling.BILINEAR


def static(size: Size, rng: random.Random) -> Image.Image:
    """White noise, mode L. (Pillow's own `effect_noise` cannot be seeded.)"""
    return Image.frombytes("L", size, rng.randbytes(size[0] * size[1]))


def mesh(size: Size, rows: Sequence[Sequence[RGB]], rng: random.Random) -> Image.Image:
    """A smooth colour field through a grid of colours.

    It is computed in floats and rounded at random, because 8-bit gradients over a thousand pixels show bands.
    """
    noise = static(size, rng).convert("F")
    channels = []
    for channel in range(3):
        grid = Image.new("F", (len(rows[0]), len(rows)))
        grid.putdata([float(colour[channel]) for row in rows for colour in row])
        smooth = grid.resize(size, BICUBIC)
        channels.append(ImageMath.lambda_eval(lambda a: a["convert"](a["s"] + a["n"] / 256, "L"), s=smooth, n=noise))
    return Image.merge("RGB", channels)


def fade(size: Size, stops: Sequence[RGB]) -> Image.Image:
    """A plain vertical gradient, cheap; `finish` hides its bands."""
    column = Image.new("RGB", (1, len(stops)))
    column.putdata(list(stops))
    return column.resize((1, size[1]), Image.Resampling.BILINEAR).resize(size, Image.Resampling.NEAREST)


def shape(size: Size, draw: Callable[[ImageDraw.ImageDraw], None], scale: int = 2) -> Image.Image:
    """A mask with smooth edges: `draw` draws at `scale` times the size, and the result is reduced."""
    sheet = Image.new("L", (size[0] * scale, size[1] * scale))
    draw(ImageDraw.Draw(sheet))
    return sheet.reduce(scale)


def clouds(size: Size, rng: random.Random, cells: Size, octaves: int = 4) -> Image.Image:
    """Fractal noise, mode L, mean about 128. `cells` is the number of coarsest bumps across and down."""
    total = Image.new("L", size, 128)
    strength = 0.5
    for octave in range(octaves):
        grid = (
            max(2, min(size[0], cells[0] << octave)),
            max(2, min(size[1], cells[1] << octave)),
        )
        total = Image.blend(total, static(grid, rng).resize(size, BICUBIC), strength if octave else 1.0)
        strength *= 0.68
    return total


def curve(mask: Image.Image, low: int, high: int, top: int = 255, power: float = 1.0) -> Image.Image:
    """Map a mask: `low` and below become 0, `high` and above become `top`, with a smooth curve between."""

    def level(value: int) -> int:
        share = min(1.0, max(0.0, (value - low) / max(1, high - low)))
        return round(top * math.pow(share * share * (3 - 2 * share), power))

    return mask.point([level(value) for value in range(256)])


def halo(size: Size, top: float, power: float) -> Image.Image:
    """An elliptic mask, `top` in the middle and 0 from the middle of each side outwards."""
    # Pillow's gradient reaches 255 only in the corners: at the sides it is 178.
    levels = [round(top * math.pow(max(0.0, 1 - value / 178), power)) for value in range(256)]
    return Image.radial_gradient("L").point(levels).resize(size, BICUBIC)


def glow(picture: Image.Image, centre: tuple[float, float], radius: float, colour: RGB, strength: float) -> None:
    """Add light around a point that falls off like light in haze. Changes `picture`."""
    side = max(2, round(radius * 2.6))
    mask = halo((side, side), 255 * strength, 2.3)
    picture.paste(colour, (round(centre[0] - side / 2), round(centre[1] - side / 2)), mask)


def disc(picture: Image.Image, centre: tuple[float, float], radius: float, colour: RGB) -> None:
    """Draw a filled circle with a smooth edge. Changes `picture`."""
    side = math.ceil(radius * 2) + 4
    left, top = round(centre[0] - side / 2), round(centre[1] - side / 2)
    box = [4 * v for v in (side / 2 - radius, side / 2 - radius, side / 2 + radius, side / 2 + radius)]
    picture.paste(colour, (left, top), shape((side, side), lambda pen: pen.ellipse(box, fill=255), 4))


def stars(picture: Image.Image, rng: random.Random, below: float, colour: RGB, count: int) -> None:
    """Draw stars in the upper part `below` (0 to 1) of the height, fewer near the horizon. Changes `picture`."""
    width, height = picture.size
    unit = min(width, height) / 1024
    mask = Image.new("L", (width * 2, height * 2))
    pen = ImageDraw.Draw(mask)
    for _ in range(count):
        x, y = rng.random() * width * 2, (rng.random() ** 1.6) * height * below * 2
        size = unit * (0.8 + 2.6 * rng.random() ** 6)
        light = round((90 + 165 * rng.random()) * (1 - y / (height * below * 2)) ** 0.6)
        pen.ellipse((x - size, y - size, x + size, y + size), fill=light)
    picture.paste(colour, (0, 0), mask.reduce(2))


def wander(rng: random.Random, octaves: int, roughness: float = 0.5) -> Line:
    """A smooth random function of one variable, about -1 to 1, the sum of `octaves` ever finer waves."""
    waves = []
    total = 0.0
    for octave in range(octaves):
        for _ in range(2):
            weight = roughness**octave * rng.uniform(0.6, 1)
            waves.append((2**octave * rng.uniform(0.7, 1.35), rng.uniform(0, math.tau), weight))
            total += weight
    return lambda x: sum(weight * math.sin(x * rate + phase) for rate, phase, weight in waves) / total * 1.6


def blur(picture: Image.Image, radius: float) -> Image.Image:
    """Gaussian blur. Large radii use a small copy, which looks the same and costs a tenth."""
    shrink = 1
    while radius / shrink > 8 and min(picture.size) // (shrink * 2) > 8:
        shrink *= 2
    if shrink == 1:
        return picture.filter(ImageFilter.GaussianBlur(radius))
    small = picture.reduce(shrink).filter(ImageFilter.GaussianBlur(radius / shrink))
    return small.resize(picture.size, BICUBIC)


def finish(picture: Image.Image, rng: random.Random, grain: int = 1) -> Image.Image:
    """Add film grain of at most ±`grain` levels. It hides the last bands and makes surfaces look natural."""
    levels = grain * 2 + 1
    # The sum of two noises has a triangular distribution: it looks like texture, not like dots.
    first = static(picture.size, rng).point([value * levels // 512 for value in range(256)])
    second = static(picture.size, rng).point([(value + 128) * levels // 512 for value in range(256)])
    noise = ImageChops.add(first, second, 1, -(levels // 4))
    return ImageChops.add(picture, Image.merge("RGB", (noise, noise, noise)), 1, -grain)
