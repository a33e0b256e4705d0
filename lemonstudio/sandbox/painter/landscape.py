"""dall-e-3: mountains in mist with a sun or a moon. The prompt can add water, woods or a town."""

from __future__ import annotations

import math
import random
from functools import partial

from PIL import Image, ImageDraw

from .canvas import BICUBIC, Line, clouds, curve, disc, fade, glow, mesh, shape, stars, wander
from .palette import RGB, Palette, mix


def paint(size: tuple[int, int], palette: Palette, scene: set[str], rng: random.Random) -> Image.Image:
    """An RGB landscape of exactly `size`."""
    width, height = size
    unit = min(size) / 1024
    sun = (
        width * rng.choice([rng.uniform(0.24, 0.4), rng.uniform(0.6, 0.76)]),
        height * rng.uniform(0.26, 0.42),
    )
    picture = _sky(size, palette, sun, rng)
    if palette.dark:
        stars(picture, rng, 0.6, (255, 250, 235), 420)
    glow(picture, sun, 620 * unit, palette.sun, 0.55)
    glow(picture, sun, 230 * unit, palette.sun, 0.6)
    disc(picture, sun, rng.uniform(52, 78) * unit, palette.sun)
    _streaks(picture, palette, rng)
    watery = "sea" in scene or ("city" not in scene and rng.random() < 0.35)
    shore = height * (rng.uniform(0.68, 0.74) if watery else 1.0)
    _ridges(picture, palette, scene, shore, rng)
    if watery:
        _water(picture, palette, round(shore), sun, rng)
        _foreground(picture, palette, scene, rng)
    if not palette.dark:
        _birds(picture, mix(palette.near, palette.sky[2], 0.25), sun, rng)
    return picture


def _sky(size: tuple[int, int], palette: Palette, sun: tuple[float, float], rng: random.Random) -> Image.Image:
    sky = palette.sky
    warm_left = sun[0] < size[0] / 2
    rows = []
    # The horizon is at about two thirds of the height; below it there is only mist.
    for stop in (0, 0.9, 1.9, 2.9, 3.6, 4, 4):
        low = min(int(stop), len(sky) - 2)
        colour = mix(sky[low], sky[low + 1], stop - low)
        shade = mix(colour, sky[max(0, low - 1)], 0.3)
        rows.append([colour, colour, shade] if warm_left else [shade, colour, colour])
    return mesh(size, rows, rng)


def _streaks(picture: Image.Image, palette: Palette, rng: random.Random) -> None:
    width, height = picture.size
    band = (width, round(height * 0.62))
    veil = curve(clouds((band[0] // 4, band[1] // 4), rng, (2, 9), 4), 138, 205, 120).resize(band, BICUBIC)
    picture.paste(mix(palette.sun, palette.sky[3], 0.45), (0, 0), veil)


def _ridges(picture: Image.Image, palette: Palette, scene: set[str], shore: float, rng: random.Random) -> None:
    size = width, height = picture.size
    unit = min(size) / 1024
    layers = 6 if shore >= height else 4
    haze = palette.sky[-1]
    town = "city" in scene
    for layer in range(layers):
        depth = layer / (layers - 1)
        last = 0.97 if shore >= height else 0.55
        # Mix through a colour of the sky: a direct mix from pale to dark would be grey half-way.
        far, middle = mix(haze, palette.sky[2], 0.45), mix(palette.sky[1], palette.sky[2], 0.35)
        share = (depth * last) ** 1.1
        colour = mix(far, middle, share / 0.5) if share < 0.5 else mix(middle, palette.near, (share - 0.5) / 0.5)
        base = height * 0.47 + (shore - height * 0.47) * (depth**1.25) * 0.86
        rise = height * (0.135 - 0.06 * depth) * (0.35 if town and depth > 0.3 else 1)
        slope = wander(rng, 6 if layer < 3 else 5, 0.55)
        start = rng.uniform(0, 50)

        ridge = _crest(base, rise, slope, start, width)
        woods = depth > 0.5 and ("forest" in scene or "snow" in scene or not town) and shore >= height
        top = max(0, round(base - rise * 1.9))
        if town and depth > 0.3:
            _town(picture, colour, palette, ridge, depth, rng)
        mask = shape(
            picture.size,
            partial(_slope, size=size, ridge=ridge, trees=unit * (0.35 + 1.15 * depth) if woods else 0, rng=rng),
        )
        # Mist lies in the valleys: each ridge is clear at its crest and pale at its foot.
        foot = mix(colour, haze, 0.5 * (1 - depth) + 0.08)
        body = fade((width, height - top), [colour, mix(colour, foot, 0.7), foot, foot])
        picture.paste(body, (0, top), mask.crop((0, top, width, height)))
        if "snow" in scene and depth < 0.5:
            _caps(picture, mask, ridge, rise, rng)


def _crest(base: float, rise: float, slope: Line, start: float, width: int) -> Line:
    return lambda x: base - rise * slope(start + x / width * 5.2)


def _slope(pen: ImageDraw.ImageDraw, size: tuple[int, int], ridge: Line, trees: float, rng: random.Random) -> None:
    """Fill everything below the ridge, with firs along it at `trees` times their usual size (0: none)."""
    width, height = size
    step = max(1, width // 256)
    points = [(2.0 * x, 2.0 * ridge(x)) for x in range(0, width + step, step)]
    pen.polygon([*points, (2 * width + 8, 2 * height), (0, 2 * height)], fill=255)
    if not trees:
        return
    x = -20.0
    while x < width + 20:
        if rng.random() < 0.82:
            tall = trees * rng.uniform(34, 92)
            fir(pen, 2 * x, 2 * ridge(x) + 6 * trees, 2 * tall, rng)
        x += trees * rng.uniform(7, 26)


def fir(pen: ImageDraw.ImageDraw, x: float, foot: float, tall: float, rng: random.Random) -> None:
    """Draw a conifer as one ragged triangle."""
    left, right = [], []
    tiers = 7
    for tier in range(tiers):
        y = foot - tall + tall * (tier + 0.5) / tiers
        reach = tall * 0.2 * (tier + 1) / tiers * rng.uniform(0.8, 1.15)
        left += [(x - reach * 0.45, y - tall * 0.03), (x - reach, y + tall * 0.06)]
        right += [(x + reach * 0.45, y - tall * 0.03), (x + reach, y + tall * 0.06)]
    pen.polygon([(x, foot - tall), *right, (x + tall * 0.03, foot + tall * 0.1), *reversed(left)], fill=255)


def _caps(picture: Image.Image, mask: Image.Image, ridge: Line, rise: float, rng: random.Random) -> None:
    width = picture.width
    jag = wander(rng, 7, 0.75)
    crest = min(ridge(x) for x in range(0, width, 8))
    line = crest + rise * 0.75

    def snow(pen: ImageDraw.ImageDraw) -> None:
        edge = [(2.0 * x, 2 * (line + rise * 0.22 * jag(x / width * 40))) for x in range(0, width + 4, 4)]
        pen.polygon([(0, 0), *edge, (2 * width, 0)], fill=200)

    both = Image.composite(shape(picture.size, snow), Image.new("L", picture.size), mask)
    picture.paste((250, 250, 252), (0, 0), both)


def _town(picture: Image.Image, colour: RGB, palette: Palette, ridge: Line, depth: float, rng: random.Random) -> None:
    width, height = picture.size
    unit = min(width, height) / 1024
    x = -30 * unit
    pen = ImageDraw.Draw(picture)
    lit = mix(palette.sun, palette.accents[1], 0.4)
    while x < width:
        wide = unit * rng.uniform(26, 74) * (0.55 + depth * 0.75)
        tall = unit * rng.uniform(60, 250) * (0.6 + 0.65 * rng.random() ** 3)
        top = ridge(max(0.0, x)) - tall
        left, right = round(x), round(x + wide)
        pen.rectangle((left, top, right, height), fill=colour)
        if rng.random() < 0.25:
            middle = (left + right) / 2
            pen.line((middle, top - tall * 0.22, middle, top), fill=colour, width=max(1, round(2 * unit)))
        if rng.random() < 0.3:
            pen.rectangle((left + wide * 0.25, top - 14 * unit, right - wide * 0.25, top), fill=colour)
        cell = max(4.0, (6 + 6 * depth) * unit)
        row = top + cell
        while row < top + tall * 1.15:
            column = left + cell * 0.8
            while column < right - cell * 0.9:
                if rng.random() < 0.3:
                    glass = mix(colour, lit, rng.uniform(0.35, 1) * (0.35 + 0.65 * depth))
                    pen.rectangle((column, row, column + cell * 0.42, row + cell * 0.5), fill=glass)
                column += cell
            row += cell * 1.25
        x += wide * rng.uniform(0.8, 1.25)


def _water(picture: Image.Image, palette: Palette, shore: int, sun: tuple[float, float], rng: random.Random) -> None:
    """Draw water that reflects the picture above the shore, with ripples that grow towards the viewer."""
    width, height = picture.size
    unit = min(width, height) / 1024
    deep = height - shore
    above = picture.crop((0, max(0, shore - deep * 2), width, shore))
    reflection = above.transpose(Image.Transpose.FLIP_TOP_BOTTOM).resize((width, deep), BICUBIC)
    tint = fade((width, deep), [mix(palette.sky[2], palette.sky[3], 0.4), palette.sky[1], palette.sky[0]])
    reflection = Image.blend(reflection, tint, 0.42)
    ripple = wander(rng, 3, 0.7)
    water = reflection.copy()
    for y in range(deep):
        share = y / deep
        shift = round(unit * (1.5 + 13 * share) * ripple(90 * share**0.5))
        row = reflection.crop((0, y, width, y + 1))
        water.paste(row, (shift, y))
        if shift:
            water.paste(
                row.crop((0, 0, abs(shift), 1)).transpose(Image.Transpose.FLIP_LEFT_RIGHT),
                (0 if shift > 0 else width + shift, y),
            )
    glitter = Image.new("L", (width * 2, deep * 2))
    pen = ImageDraw.Draw(glitter)
    for _ in range(420):
        share = rng.random() ** 1.4
        x = 2 * (sun[0] + rng.gauss(0, 1) * unit * (26 + 120 * share))
        y, long = 2 * share * deep, 2 * unit * (4 + 26 * share) * rng.uniform(0.4, 1.4)
        pen.ellipse((x - long, y, x + long, y + 2 * unit * (1 + 3 * share)), fill=round(215 * (1 - 0.55 * share)))
    water.paste(palette.sun, (0, 0), glitter.reduce(2))
    picture.paste(water, (0, shore))
    glow(picture, (sun[0], shore), 330 * unit, palette.sun, 0.32)


def _foreground(picture: Image.Image, palette: Palette, scene: set[str], rng: random.Random) -> None:
    """Draw a dark bank in one corner, so that the water has a near side."""
    width, height = picture.size
    unit = min(width, height) / 1024
    flip = rng.random() < 0.5
    hill = wander(rng, 4, 0.5)

    def bank(x: float) -> float:
        along = min(1.0, max(0.0, 1 - x / width if flip else x / width))
        return height * (0.905 + 0.13 * math.pow(along, 0.8)) + 14 * unit * hill(x / width * 9)

    mask = shape(picture.size, partial(_slope, size=picture.size, ridge=bank, trees=1.9 * unit, rng=rng))
    picture.paste(mix(palette.near, palette.sky[0], 0.08), (0, 0), mask)


def _birds(picture: Image.Image, colour: RGB, sun: tuple[float, float], rng: random.Random) -> None:
    width, height = picture.size
    unit = min(width, height) / 1024
    x0, y0 = width - sun[0] + rng.uniform(-60, 60) * unit, height * rng.uniform(0.2, 0.34)

    def flock(pen: ImageDraw.ImageDraw) -> None:
        for _ in range(rng.randint(4, 8)):
            x, y = 2 * (x0 + rng.uniform(-90, 90) * unit), 2 * (y0 + rng.uniform(-34, 34) * unit)
            wing = 2 * unit * rng.uniform(6, 13)
            bend = wing * rng.uniform(0.25, 0.5)
            points = [(x - wing, y - bend), (x - wing * 0.45, y - bend * 0.95), (x, y)]
            points += [(x + wing * 0.45, y - bend * 0.95), (x + wing, y - bend)]
            pen.line(points, fill=220, width=max(2, round(3.2 * unit)), joint="curve")

    picture.paste(colour, (0, 0), shape(picture.size, flock))
