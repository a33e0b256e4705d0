"""stable-diffusion-3: a botanical pattern of fruit, leaves and blossom."""

from __future__ import annotations

import math
import random

from PIL import Image, ImageChops, ImageDraw

from .canvas import BILINEAR, blur, clouds, curve, glow, mesh
from .palette import RGB, Palette, mix

FRUIT: dict[str, RGB] = {
    "lemon": (250, 206, 44), "day": (250, 206, 44), "sea": (252, 214, 84), "snow": (247, 222, 120),
    "forest": (176, 200, 62), "sunset": (246, 138, 46), "autumn": (238, 142, 44), "night": (248, 208, 78),
    "rose": (244, 124, 108), "dawn": (250, 176, 92), "city": (255, 176, 74),
}  # fmt: skip
WHITE: RGB = (255, 253, 244)


def paint(size: tuple[int, int], palette: Palette, scene: set[str], rng: random.Random) -> Image.Image:
    """An RGB pattern of exactly `size`. With `red` in the scene, the fruits are blood oranges."""
    width, height = size
    unit = min(size) / 1024
    dark = palette.dark or palette.name in ("sunset", "forest", "sea") or rng.random() < 0.3
    ground = mix(palette.near, palette.sky[0], 0.42) if dark else mix(palette.paper, palette.accents[4], 0.3)
    edge = mix(ground, palette.near, 0.45 if dark else 0.1)
    heart = mix(ground, palette.sky[1] if dark else WHITE, 0.3)
    picture = mesh(size, [[edge, ground, edge], [ground, heart, ground], [edge, ground, edge]], rng)
    glow(picture, (width * 0.4, height * 0.35), 760 * unit, mix(ground, WHITE, 0.5), 0.4 if dark else 0.7)
    skin = (214, 64, 52) if "red" in scene else FRUIT.get(palette.name, FRUIT["lemon"])
    green = mix((58, 120, 72), palette.accents[2], 0.25)
    cell = 250 * unit
    spots: list[tuple[float, float, int]] = []
    for row in range(-1, math.ceil(height / (cell * 0.86)) + 1):
        for column in range(-1, math.ceil(width / cell) + 1):
            x = (column + (0.5 if row % 2 else 0.0)) * cell + rng.gauss(0, 0.07) * cell
            spots.append((x, row * cell * 0.86 + rng.gauss(0, 0.07) * cell, (row * 2 + column) % 3))
    # A few sprites of each kind at a few angles look varied enough, and cost a quarter of the work.
    leaves = [
        _Leaf(_leaf(unit * rng.uniform(112, 172), mix(green, palette.near, rng.uniform(0, 0.5)), rng), angle)
        for angle in (number * 20 + rng.uniform(0, 16) for number in range(18))
    ]
    fruits = [_turned(_fruit(unit * rng.uniform(82, 98), skin, rng), rng) for _ in range(5)]
    slices = [_turned(_slice(unit * rng.uniform(76, 92), skin, rng), rng) for _ in range(3)]
    flowers = [_turned(_blossom(unit * rng.uniform(58, 72), palette, rng), rng) for _ in range(3)]
    buds = [_turned(_blossom(unit * rng.uniform(30, 46), palette, rng), rng) for _ in range(4)]
    under = mix(palette.near, (10, 20, 20), 0.4)

    def lay(sprite: Image.Image, x: float, y: float) -> None:
        """Paste a plant's shadow, then the plant on top of it."""
        left, top = round(x - sprite.width / 2), round(y - sprite.height / 2)
        known = shadows.get(id(sprite))
        if known is None:
            soft = blur(sprite.getchannel("A"), 7 * unit).point([round(v * 0.34) for v in range(256)])
            known = shadows[id(sprite)] = soft
        picture.paste(under, (left + round(6 * unit), top + round(9 * unit)), known)
        picture.paste(sprite, (left, top), sprite)

    shadows: dict[int, Image.Image] = {}
    for x, y, kind in spots:
        for leaf in rng.sample(leaves, rng.randint(3, 5)):
            reach = unit * rng.uniform(64, 96)
            lay(leaf.sprite, x + math.cos(leaf.angle) * reach, y - math.sin(leaf.angle) * reach)
        if kind == 2 or rng.random() < 0.12:
            lay(rng.choice(slices), x, y)
        else:
            lay(rng.choice(flowers if rng.random() < 0.18 else fruits), x, y)
    for _ in range(round(len(spots) * 0.8)):
        x, y, _kind = rng.choice(spots)
        lay(rng.choice(buds), x + cell * 0.5, y + rng.uniform(-0.2, 0.2) * cell)
    return picture


class _Leaf:
    """A leaf turned by `angle` degrees. It keeps its direction (radians), so that it can lie beside its fruit."""

    def __init__(self, flat: Image.Image, angle: float) -> None:
        self.angle = math.radians(angle)
        self.sprite = flat.rotate(angle, BILINEAR, expand=True).reduce(2)


def _turned(sprite: Image.Image, rng: random.Random) -> Image.Image:
    return sprite.rotate(rng.uniform(0, 360), BILINEAR, expand=True).reduce(2)


def _sprite(side: float) -> tuple[Image.Image, int]:
    edge = max(8, math.ceil(side))
    return Image.new("L", (edge, edge)), edge


def _leaf(long: float, colour: RGB, rng: random.Random) -> Image.Image:
    """A leaf that points right, at twice its final size."""
    mask, edge = _sprite(long * 2 * 1.06)
    plump = rng.uniform(0.2, 0.27)
    middle = edge / 2
    upper: list[tuple[float, float]] = []
    lower: list[tuple[float, float]] = []
    spine: list[tuple[float, float]] = []
    bend = rng.uniform(-0.1, 0.1)
    for step in range(41):
        t = step / 40
        x = edge * (0.03 + 0.94 * t)
        y = middle + edge * bend * math.sin(t * math.pi)
        half = edge * plump * math.sin(math.pi * t**0.8) ** 0.9 if 0 < t < 1 else 0.0
        spine.append((x, y))
        upper.append((x, y - half))
        lower.append((x, y + half))
    pen = ImageDraw.Draw(mask)
    pen.polygon([*upper, *reversed(lower)], fill=255)
    body = Image.new("RGB", mask.size, colour)
    draw = ImageDraw.Draw(body)
    draw.polygon([*upper, *reversed(spine)], fill=mix(colour, (206, 230, 150), 0.24))
    vein = mix(colour, (226, 240, 186), 0.42)
    for step in range(5, 37, 4):
        for rim in (upper, lower):
            target = rim[min(40, step + 6)]
            tip = (
                spine[step][0] + (target[0] - spine[step][0]) * 0.86,
                spine[step][1] + (target[1] - spine[step][1]) * 0.86,
            )
            draw.line([spine[step], tip], fill=mix(colour, vein, 0.5), width=max(1, edge // 130))
    draw.line(spine, fill=vein, width=max(2, edge // 62), joint="curve")
    body.putalpha(mask)
    return body


def _fruit(radius: float, skin: RGB, rng: random.Random) -> Image.Image:
    """A whole fruit with its tip to the right, at twice its final size."""
    mask, edge = _sprite(radius * 2 * 2.5)
    r, middle = radius * 2, edge / 2
    slim = rng.uniform(0.78, 0.86)
    points = []
    for step in range(96):
        angle = step / 96 * math.tau
        # An ellipse with a tip at one end and a small knob at the other.
        tip = 0.2 * math.exp(-((math.remainder(angle, math.tau) / 0.22) ** 2))
        knob = 0.07 * math.exp(-((math.remainder(angle - math.pi, math.tau) / 0.2) ** 2))
        points.append((middle + r * (1 + tip + knob) * math.cos(angle), middle + r * slim * math.sin(angle)))
    ImageDraw.Draw(mask).polygon(points, fill=255)
    body = Image.new("RGB", mask.size, skin)
    off = round(r * 0.3)
    # The light comes from the upper left, although the fruit is rotated later: it looks right enough.
    core = blur(mask, r * 0.3)
    lit = Image.new("L", mask.size)
    lit.paste(core, (-off // 2, -off // 2))
    body.paste(
        mix(skin, (176, 92, 10), 0.5),
        (0, 0),
        ImageChops.invert(lit).point([round(v * 0.85) for v in range(256)]),
    )
    shine = Image.new("L", mask.size)
    x, y = middle - r * 0.3, middle - r * slim * 0.36
    ImageDraw.Draw(shine).ellipse((x - r * 0.4, y - r * 0.24, x + r * 0.4, y + r * 0.24), fill=215)
    body.paste(mix(skin, (255, 255, 240), 0.72), (0, 0), blur(shine, r * 0.16))
    pores = curve(clouds(mask.size, rng, (30, 30), 2), 150, 210, 60)
    body.paste(mix(skin, (190, 120, 10), 0.45), (0, 0), pores)
    body.putalpha(mask)
    return body


def _slice(radius: float, skin: RGB, rng: random.Random) -> Image.Image:
    """A round slice, at twice its final size."""
    mask, edge = _sprite(radius * 2 * 2.1)
    r, c = radius * 2, edge / 2

    def ring(pen: ImageDraw.ImageDraw, share: float, fill: int | RGB) -> None:
        pen.ellipse((c - r * share, c - r * share, c + r * share, c + r * share), fill=fill)

    ring(ImageDraw.Draw(mask), 1.0, 255)
    body = Image.new("RGB", mask.size, skin)
    pen = ImageDraw.Draw(body)
    ring(pen, 0.92, mix(skin, WHITE, 0.82))
    flesh = mix(skin, WHITE, 0.22)
    count = rng.choice([8, 9, 10])
    for wedge in range(count):
        middle = wedge * 360 / count
        angle = math.radians(middle)
        x, y = c + r * 0.06 * math.cos(angle), c + r * 0.06 * math.sin(angle)
        half = 180 / count - 2.6
        box = (x - r * 0.78, y - r * 0.78, x + r * 0.78, y + r * 0.78)
        pen.pieslice(box, middle - half, middle + half, fill=flesh)
        for _ in range(7):
            ray = math.radians(middle + rng.uniform(-half, half) * 0.8)
            a, b = r * rng.uniform(0.2, 0.45), r * rng.uniform(0.5, 0.74)
            line = (
                x + a * math.cos(ray),
                y + a * math.sin(ray),
                x + b * math.cos(ray),
                y + b * math.sin(ray),
            )
            pen.line(line, fill=mix(flesh, WHITE, 0.4), width=max(1, round(r / 60)))
    ring(pen, 0.07, mix(skin, WHITE, 0.86))
    body.putalpha(mask)
    return body


def _blossom(radius: float, palette: Palette, rng: random.Random) -> Image.Image:
    """A flower with five petals, at twice its final size."""
    mask, edge = _sprite(radius * 2 * 2.1)
    r, c = radius * 2, edge / 2
    body = Image.new("RGB", mask.size, WHITE)
    pen, cut = ImageDraw.Draw(body), ImageDraw.Draw(mask)
    spin = rng.uniform(0, 72)
    blush = mix(WHITE, palette.accents[0], 0.22)
    for petal in range(5):
        angle = math.radians(spin + petal * 72)
        rim = []
        for step in range(33):
            t = step / 32 * math.tau
            px, py = r * (0.55 + 0.45 * math.cos(t)), r * 0.27 * math.sin(t) * (0.75 + 0.3 * math.cos(t))
            rim.append(
                (
                    c + px * math.cos(angle) - py * math.sin(angle),
                    c + px * math.sin(angle) + py * math.cos(angle),
                )
            )
        cut.polygon(rim, fill=255)
        pen.polygon(rim, fill=mix(WHITE, blush, 0.5 * (petal % 2)))
        end = (c + r * 0.6 * math.cos(angle), c + r * 0.6 * math.sin(angle))
        pen.line([(c, c), end], fill=blush, width=max(2, round(r * 0.05)))
    heart = (c - r * 0.22, c - r * 0.22, c + r * 0.22, c + r * 0.22)
    cut.ellipse(heart, fill=255)
    pen.ellipse(heart, fill=mix(WHITE, (240, 200, 90), 0.45))
    for stamen in range(12):
        angle = math.radians(spin + stamen * 30)
        x, y = c + r * 0.22 * math.cos(angle), c + r * 0.22 * math.sin(angle)
        dot = r * 0.055
        cut.ellipse((x - dot, y - dot, x + dot, y + dot), fill=255)
        pen.ellipse((x - dot, y - dot, x + dot, y + dot), fill=(240, 178, 40))
    body.putalpha(mask)
    return body
