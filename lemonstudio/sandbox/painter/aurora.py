"""flux-schnell: northern lights over a dark wood."""

from __future__ import annotations

import math
import random

from PIL import Image, ImageChops, ImageDraw

from .canvas import BICUBIC, blur, clouds, curve, glow, mesh, shape, stars, wander
from .landscape import fir
from .palette import RGB, Palette, mix

NIGHT: RGB = (5, 9, 26)


def paint(size: tuple[int, int], palette: Palette, scene: set[str], rng: random.Random) -> Image.Image:
    """An RGB night sky of exactly `size`, with curtains of light in the palette's colours."""
    width, height = size
    unit = min(size) / 1024
    deep = mix(NIGHT, palette.sky[0], 0.3)
    low = mix(deep, palette.sky[1], 0.55)
    picture = mesh(size, [[deep, deep, deep], [deep, low, deep], [low, mix(low, palette.sky[2], 0.3), low]], rng)
    stars(picture, rng, 0.85, (255, 252, 240), 620)
    first, second = palette.accents[1], palette.accents[2]
    green = (64, 224, 168)
    hues = [mix(green, second, 0.45), mix(palette.accents[0], second, 0.4), mix(first, green, 0.3)]
    rng.shuffle(hues)
    light = Image.new("RGB", (width // 2, height // 2))
    for number, hue in enumerate(hues):
        light = ImageChops.screen(light, _curtain(light.size, hue, palette.accents[0], number, rng))
    light = ImageChops.screen(light, blur(light, 42 * unit).point(lambda value: round(value * 0.9)))
    picture = ImageChops.screen(picture, light.resize(size, BICUBIC))
    horizon = height * 0.86
    glow(picture, (width * rng.uniform(0.3, 0.7), horizon), 760 * unit, hues[0], 0.4)
    if "sea" in scene or rng.random() < 0.5:
        picture = _lake(picture, round(height * 0.76), rng)
        _hills(picture, deep, height * 0.76, 0.32, True, rng)
        _shore(picture, deep, rng)
    else:
        _hills(picture, mix(deep, hues[0], 0.2), height * 0.84, 0.8, False, rng)
        _hills(picture, mix(deep, (0, 0, 0), 0.55), height * 0.93, 1.5, False, rng)
    return picture


def _curtain(size: tuple[int, int], hue: RGB, tip: RGB, number: int, rng: random.Random) -> Image.Image:
    """One curtain: upright rays of different lengths along a winding line."""
    width, height = size
    tall = round(height * rng.uniform(0.46, 0.7))
    fine = clouds((width, 1), rng, (46, 1), 3)
    broad = clouds((width, 1), rng, (5, 1), 3)
    rays = ImageChops.multiply(curve(fine, 10, 190), curve(broad, 70, 150)).resize((width, tall))
    # A ray is brightest near its foot and fades upwards.
    falloff = Image.new("L", (1, tall))
    falloff.putdata([round(255 * min(1.0, (tall - y) / (tall * 0.28)) * (y / tall) ** 1.7) for y in range(tall)])
    rays = ImageChops.multiply(rays, falloff.resize((width, tall)))
    foot = wander(rng, 3, 0.45)
    lift = height * (0.5 + 0.1 * number + rng.uniform(-0.05, 0.05))
    sheet = Image.new("L", size)
    for x in range(width):
        y = lift + height * 0.07 * foot(x / width * 4.4) - tall
        sheet.paste(rays.crop((x, 0, x + 1, tall)), (x, round(y)))
    sheet = blur(sheet, 1.1)
    top = mix(tip, (120, 60, 190), 0.55)
    colours = Image.new("RGB", (1, 4))
    colours.putdata([top, mix(top, hue, 0.45), hue, mix(hue, (235, 255, 235), 0.25)])
    tinted = colours.resize((1, height), Image.Resampling.BILINEAR).resize(size)
    return ImageChops.multiply(tinted, Image.merge("RGB", (sheet, sheet, sheet)))


def _lake(picture: Image.Image, shore: int, rng: random.Random) -> Image.Image:
    width, height = picture.size
    deep = height - shore
    ingest = picture.crop((0, shore - deep * 2, width, shore)).transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    # Still water blurs lights vertically and keeps them sharp horizontally.
    ingest = ingest.resize((width, max(2, deep // 12)), BICUBIC).resize((width, deep), BICUBIC)
    ripples = curve(clouds((width // 2, deep), rng, (7, 46), 3), 70, 200).resize((width, deep), BICUBIC)
    dark = ingest.point(lambda value: round(value * 0.5))
    picture.paste(Image.composite(ingest.point(lambda value: round(value * 0.92)), dark, ripples), (0, shore))
    return picture


def _hills(picture: Image.Image, colour: RGB, base: float, trees: float, thin: bool, rng: random.Random) -> None:
    width, height = picture.size
    unit = min(width, height) / 1024
    slope = wander(rng, 5, 0.55)
    rise = height * (0.045 if thin else 0.06)

    def line(x: float) -> float:
        if thin:
            # A far shore rises from the water and sinks back into it.
            return base + 2 * unit - rise * max(0.0, 0.75 + slope(x / width * 5))
        return base - rise * slope(x / width * 4)

    def draw(pen: ImageDraw.ImageDraw) -> None:
        edge = [(2.0 * x, 2 * line(x)) for x in range(0, width + 4, 4)]
        bottom = 2 * (base + 3 * unit if thin else height)
        pen.polygon([*edge, (2 * width, bottom), (0, bottom)], fill=255)
        x = -10.0
        while x < width:
            tall = unit * trees * rng.uniform(30, 104)
            fir(pen, 2 * x, 2 * line(x) + 8 * unit, 2 * tall, rng)
            x += unit * trees * rng.uniform(8, 26)

    picture.paste(mix(colour, (0, 0, 0), 0.35), (0, 0), shape(picture.size, draw))


def _shore(picture: Image.Image, colour: RGB, rng: random.Random) -> None:
    """Draw reeds and stones on the near side of the lake."""
    width, height = picture.size
    unit = min(width, height) / 1024
    side = rng.choice([0.0, 1.0])

    def draw(pen: ImageDraw.ImageDraw) -> None:
        for _ in range(90):
            x = abs(side - abs(rng.gauss(0, 0.16))) * width
            tall = unit * rng.uniform(40, 150)
            lean = unit * rng.uniform(-22, 22)
            root = height + 6 * unit
            points = [
                (2 * (x + lean * (t / 10) ** 2), 2 * (root - tall * math.sin(t / 10 * math.pi / 2))) for t in range(11)
            ]
            pen.line(points, fill=255, width=max(2, round(rng.uniform(2.5, 5) * unit)))
        for _ in range(9):
            x, wide = abs(side - abs(rng.gauss(0, 0.22))) * width, unit * rng.uniform(24, 70)
            y = height - unit * rng.uniform(-4, 14)
            pen.ellipse((2 * (x - wide), 2 * (y - wide * 0.36), 2 * (x + wide), 2 * (y + wide * 0.5)), fill=255)

    picture.paste(mix(colour, (0, 0, 0), 0.6), (0, 0), shape(picture.size, draw))
