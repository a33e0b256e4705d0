"""flux-pro: the sea under a low moon or sun, seen from the beach."""

from __future__ import annotations

import math
import random
from functools import partial

from PIL import Image, ImageChops, ImageDraw

from .canvas import BICUBIC, blur, clouds, curve, disc, fade, glow, halo, mesh, shape, stars, wander
from .palette import Palette, mix


def paint(size: tuple[int, int], palette: Palette, scene: set[str], rng: random.Random) -> Image.Image:
    """An RGB seascape of exactly `size`."""
    width, height = size
    unit = min(size) / 1024
    horizon = round(height * rng.uniform(0.53, 0.6))
    light = (width * rng.uniform(0.3, 0.7), horizon - height * rng.uniform(0.12, 0.27))
    sky = palette.sky
    deep = mix(sky[0], palette.near, 0.45)
    rows = [[deep, deep, deep], [deep, sky[0], deep], [sky[0], sky[1], sky[0]], [sky[1], sky[2], sky[1]]]
    rows += [[sky[2], sky[3], sky[2]]]
    picture = Image.new("RGB", size)
    picture.paste(mesh((width, horizon), rows, rng))
    stars(picture, rng, 0.42, (255, 250, 238), 380 if palette.dark else 150)
    _cloudbank(picture, palette, horizon, light, rng)
    glow(picture, light, 560 * unit, palette.sun, 0.5)
    glow(picture, light, 190 * unit, palette.sun, 0.55)
    _orb(picture, light, rng.uniform(44, 66) * unit, palette, rng)
    _sea(picture, palette, horizon, light[0], rng)
    _headland(picture, palette, horizon, light[0] < width / 2, rng)
    if "city" in scene or rng.random() < 0.6:
        _boat(picture, palette, horizon, light[0], rng)
    return picture


def _cloudbank(
    picture: Image.Image, palette: Palette, horizon: int, light: tuple[float, float], rng: random.Random
) -> None:
    """Clouds whose lit side faces the light."""
    width = picture.width
    size = (width // 2, horizon // 2)
    bank = clouds(size, rng, (3, 6), 5)
    weight = Image.new("L", (1, 4))
    weight.putdata([70, 150, 235, 190])
    bank = ImageChops.multiply(curve(bank, 122, 176, 235), weight.resize(size, BICUBIC))
    # The rim catches the light where the clouds are thicker below than above.
    rim = ImageChops.subtract(bank, ImageChops.offset(bank, 0, max(2, size[1] // 50)))
    near = Image.new("L", size, 40)
    reach = size[0] * 0.55
    beam = halo((round(reach * 2.6),) * 2, 255, 1)
    near.paste(beam, (round(light[0] / 2 - reach * 1.3), round(light[1] / 2 - reach * 1.3)), beam)
    full = (width, horizon)
    picture.paste(mix(palette.sky[1], palette.near, 0.42), (0, 0), bank.resize(full, BICUBIC))
    lit = ImageChops.multiply(bank, near).point([round(v * 0.75) for v in range(256)])
    picture.paste(mix(palette.sky[3], palette.accents[0], 0.3), (0, 0), lit.resize(full, BICUBIC))
    rim = ImageChops.multiply(rim.point([min(255, v * 3) for v in range(256)]), near)
    picture.paste(palette.sun, (0, 0), rim.resize(full, BICUBIC))


def _orb(
    picture: Image.Image, centre: tuple[float, float], radius: float, palette: Palette, rng: random.Random
) -> None:
    disc(picture, centre, radius, palette.sun)
    if palette.name in ("sunset", "dawn", "day", "lemon", "autumn"):
        return
    side = round(radius * 2)
    seas = curve(clouds((side, side), rng, (3, 3), 4), 120, 190, 105)
    inside = shape((side, side), lambda pen: pen.ellipse((6, 6, side * 2 - 7, side * 2 - 7), fill=255))
    tone = mix(palette.sun, palette.sky[2], 0.6)
    picture.paste(tone, (round(centre[0] - side / 2), round(centre[1] - side / 2)), ImageChops.multiply(seas, inside))


def _sea(picture: Image.Image, palette: Palette, horizon: int, light: float, rng: random.Random) -> None:
    width, height = picture.size
    unit = min(width, height) / 1024
    deep = height - horizon
    sky = palette.sky
    far, near = mix(sky[2], sky[1], 0.55), mix(sky[0], palette.near, 0.62)
    water = fade((width, deep), [far, mix(sky[1], sky[0], 0.5), mix(sky[0], palette.near, 0.25), near, near])
    crests, troughs = Image.new("L", (width, deep)), Image.new("L", (width, deep))
    y = 0
    band = 3.0
    while y < deep:
        # Waves grow towards the viewer, so each band of water has bumps of a different size.
        tall = min(deep - y, max(2, round(band)))
        share = y / deep
        cells = (max(3, round(width / unit / (16 + 210 * share))), 3)
        strip = clouds((width, tall), rng, cells, 3)
        crests.paste(curve(strip, 140, 196, round(150 - 50 * share)), (0, y))
        troughs.paste(curve(ImageChops.invert(strip), 128, 200, 165), (0, y))
        y += tall
        band *= 1.2
    soften = max(0.6, 1.6 * unit)
    water.paste(near, (0, 0), blur(troughs, soften))
    water.paste(mix(sky[2], sky[3], 0.35), (0, 0), blur(crests, soften).point([round(v * 0.6) for v in range(256)]))
    picture.paste(water, (0, horizon))
    _glitter(picture, palette, horizon, light, rng)
    haze = Image.new("L", (1, 3))
    haze.putdata([0, 120, 0])
    tall = round(46 * unit)
    veil = haze.resize((width, tall), BICUBIC)
    picture.paste(mix(sky[2], sky[3], 0.6), (0, horizon - tall // 2), veil)


def _glitter(picture: Image.Image, palette: Palette, horizon: int, light: float, rng: random.Random) -> None:
    """Draw the path of light: short flat flashes, close together far away and wide apart near the viewer."""
    width, height = picture.size
    unit = min(width, height) / 1024
    deep = height - horizon
    sheet = Image.new("L", (width * 2, deep * 2))
    pen = ImageDraw.Draw(sheet)
    sway = wander(rng, 3, 0.6)
    for _ in range(2300):
        share = rng.random() ** 1.7
        reach = unit * (34 + 150 * share) * (1 + 0.25 * sway(share * 16))
        off = rng.gauss(0, 1)
        x, y = 2 * (light + off * reach * 0.62), 2 * share * deep
        long = 2 * unit * (2.2 + 21 * share) * rng.uniform(0.3, 1.25)
        thick = 2 * unit * (0.55 + 3.1 * share) * rng.uniform(0.4, 1)
        glint = round(255 * math.exp(-off * off / 2.6) * rng.uniform(0.35, 1) * (1 - 0.3 * share))
        pen.ellipse((x - long, y - thick, x + long, y + thick), fill=glint)
    flashes = sheet.reduce(2)
    shine = blur(flashes, 15 * unit).point([round(v * 0.62) for v in range(256)])
    picture.paste(mix(palette.sun, palette.sky[3], 0.4), (0, horizon), shine)
    picture.paste(palette.sun, (0, horizon), flashes)


def _headland(picture: Image.Image, palette: Palette, horizon: int, right: bool, rng: random.Random) -> None:
    width = picture.width
    unit = min(picture.size) / 1024
    for layer, share in enumerate((0.28, 0.62)):
        rough = wander(rng, 7, 0.6)
        long = width * rng.uniform(0.42, 0.62) * (1 - 0.35 * layer)
        tall = unit * rng.uniform(64, 118) * (1 - 0.3 * layer)
        points = [(-8.0, 2.0 * horizon + 2)]
        for step in range(121):
            along = step / 120
            rise = tall * math.pow(1 - along, 0.8) * (1 + 0.5 * rough(along * 9)) * min(1, (1 - along) * 6)
            points.append((2 * along * long, 2 * (horizon - max(0.0, rise))))
        points.append((2 * long, 2.0 * horizon + 2))
        if right:
            points = [(2 * width - x, y) for x, y in points]
        land = shape(picture.size, partial(ImageDraw.ImageDraw.polygon, xy=points, fill=255))
        picture.paste(mix(mix(palette.sky[2], palette.sky[1], 0.5), palette.near, share), (0, 0), land)


def _boat(picture: Image.Image, palette: Palette, horizon: int, light: float, rng: random.Random) -> None:
    width, height = picture.size
    unit = min(width, height) / 1024
    x = light + unit * rng.choice([-1, 1]) * rng.uniform(60, 150)
    y = horizon + unit * rng.uniform(34, 60)
    s = unit * rng.uniform(0.9, 1.25)

    def at(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
        return [(2 * (x + px * s), 2 * (y + py * s)) for px, py in points]

    def draw(pen: ImageDraw.ImageDraw) -> None:
        pen.polygon(at([(-36, -8), (40, -9), (28, 4), (-26, 4)]), fill=255)
        pen.polygon(at([(1, -100), (1, -13), (38, -13), (24, -52)]), fill=255)
        pen.polygon(at([(-3, -88), (-3, -13), (-30, -13), (-18, -46)]), fill=235)

    mask = shape((width, height), draw)
    foot = round(y + 4 * s)
    tall = min(height - foot, round(96 * s))
    ingest = mask.crop((0, foot - tall, width, foot)).transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    picture.paste(palette.near, (0, foot), blur(ingest, 2.2 * unit).point([round(v * 0.42) for v in range(256)]))
    picture.paste(mix(palette.near, palette.sky[0], 0.12), (0, 0), mask)
