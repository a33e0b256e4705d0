"""nano-banana-pro: a sun with rays over terraced hills, like the label of an old fruit crate."""

from __future__ import annotations

import math
import random

from PIL import Image, ImageDraw

from .canvas import clouds, curve, disc, fade, glow, shape, wander
from .palette import RGB, Palette, mix


def paint(size: tuple[int, int], palette: Palette, scene: set[str], rng: random.Random) -> Image.Image:
    """An RGB label of exactly `size`."""
    width, height = size
    unit = min(size) / 1024
    warm = mix(palette.accents[1], palette.sun, 0.35)
    picture = fade(size, [palette.sky[1], palette.sky[2], mix(palette.sky[-1], warm, 0.3)])
    centre = (width * rng.uniform(0.32, 0.68), height * rng.uniform(0.42, 0.54))
    picture.paste(mix(warm, palette.sun, 0.4), (0, 0), _rays(size, centre, rng).point(lambda value: value * 150 // 255))
    glow(picture, centre, 620 * unit, palette.sun, 0.65)
    radius = rng.uniform(130, 190) * unit
    disc(picture, centre, radius * 1.13, mix(palette.sun, (255, 255, 255), 0.4))
    disc(picture, centre, radius, palette.accents[0])
    disc(picture, centre, radius * 0.86, mix(palette.accents[0], palette.sun, 0.25))
    layers = 6
    for layer in range(layers):
        share = layer / (layers - 1)
        ink = mix(mix(palette.sky[2], palette.accents[2], 0.5), palette.near, share)
        _hill(picture, mix(ink, palette.accents[1], 0.16), ink, height * (0.56 + 0.07 * layer), unit, rng)
    fibre = curve(clouds(size, rng, (30, 30), 4), 90, 190, 30)
    picture.paste(mix(palette.near, palette.paper, 0.4), (0, 0), fibre)
    return picture


def _rays(size: tuple[int, int], centre: tuple[float, float], rng: random.Random) -> Image.Image:
    reach = 2.0 * (size[0] + size[1])
    count, offset = rng.choice([14, 18, 22]), rng.uniform(0, 1)

    def draw(pen: ImageDraw.ImageDraw) -> None:
        x, y = 2 * centre[0], 2 * centre[1]
        for ray in range(count):
            first, last = (math.tau * (ray + offset + part) / count for part in (0, 0.5))
            far = [(x + reach * math.cos(angle), y + reach * math.sin(angle)) for angle in (first, last)]
            pen.polygon([(x, y), *far], fill=255)

    return shape(size, draw)


def _hill(picture: Image.Image, ink: RGB, furrow: RGB, base: float, unit: float, rng: random.Random) -> None:
    """Draw one hill from side to side, with terraces that follow its outline."""
    width, height = picture.size
    slope = wander(rng, 3, 0.45)
    swing, start = height * rng.uniform(0.03, 0.06), rng.uniform(0, 9)

    def line(x: float, lower: float) -> float:
        return base + lower - swing * slope(start + x / width * 3) * (1 - lower / (height * 0.8))

    def below(lower: float) -> list[tuple[float, float]]:
        return [(2.0 * x, 2 * line(x, lower)) for x in range(0, width + 8, 8)]

    def draw(pen: ImageDraw.ImageDraw) -> None:
        pen.polygon([*below(0), (2 * width, 2 * height), (0, 2 * height)], fill=255)

    def draw_terraces(pen: ImageDraw.ImageDraw) -> None:
        for step in range(1, 9):
            pen.line(below(step * (14 + 3 * step) * unit), fill=255, width=max(2, round((3 + step) * unit)))

    picture.paste(ink, (0, 0), shape(picture.size, draw))
    picture.paste(furrow, (0, 0), shape(picture.size, draw_terraces))
