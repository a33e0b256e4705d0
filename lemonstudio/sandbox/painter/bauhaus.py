"""dall-e-2: a tiling of quarter circles, arcs and leaves, cut from coloured paper."""

from __future__ import annotations

import random

from PIL import Image, ImageDraw

from .canvas import clouds, curve
from .palette import RGB, Palette, mix


def paint(size: tuple[int, int], palette: Palette, scene: set[str], rng: random.Random) -> Image.Image:
    """An RGB composition of exactly `size`."""
    width, height = size
    cells = 4 if max(size) <= 512 or rng.random() < 0.7 else 5
    edge = -(-min(size) // cells)
    across, down = -(-width // edge), -(-height // edge)
    inks = [*palette.accents[:4], palette.near, palette.paper, palette.accents[4]]
    sheet = Image.new("RGB", (width * 2, height * 2), palette.paper)
    taken: set[tuple[int, int]] = set()
    last: RGB = palette.paper
    places = [(column, row) for row in range(down) for column in range(across)]
    big = rng.sample([p for p in places if p[0] < across - 1 and p[1] < down - 1], 2)
    for column, row in [*big, *places]:
        span = 2 if (column, row) in big else 1
        own = {(column + dx, row + dy) for dx in range(span) for dy in range(span)}
        if own & taken:
            if span == 1 or (column, row) in taken:
                continue
            own, span = {(column, row)}, 1
        taken |= own
        ground = rng.choice([ink for ink in inks if ink != last])
        last = ground
        figure, second = rng.sample([ink for ink in inks if _apart(ink, ground) > 120], 2)
        tile = _tile(edge * 2 * span, ground, figure, second, span, "lemon" in scene, rng)
        sheet.paste(tile, (column * edge * 2, row * edge * 2))
    picture = sheet.reduce(2)
    # A cloudy paper tone over everything, so that no surface is quite flat.
    fibre = curve(clouds(size, rng, (26, 26), 4), 90, 190, 26)
    picture.paste(mix(palette.near, palette.paper, 0.3), (0, 0), fibre)
    return picture


def _apart(a: RGB, b: RGB) -> int:
    return sum(abs(x - y) for x, y in zip(a, b, strict=True))


def _tile(edge: int, ground: RGB, figure: RGB, second: RGB, span: int, citrus: bool, rng: random.Random) -> Image.Image:
    tile = Image.new("RGB", (edge, edge), ground)
    pen = ImageDraw.Draw(tile)
    e = float(edge)
    kind = (
        rng.choice(["citrus", "sun", "rings"])
        if span == 2
        else rng.choice(["quarter", "quarter", "arcs", "leaf", "half", "dot", "halves", "stripes", "petals", "steps"])
    )
    if citrus and (span == 2 or rng.random() < 0.18):
        kind = "citrus"
    if kind == "quarter":
        pen.ellipse((-e, -e, e, e), fill=figure)
        if rng.random() < 0.5:
            pen.ellipse((-e * 0.5, -e * 0.5, e * 0.5, e * 0.5), fill=second)
    elif kind == "arcs":
        for ring, share in enumerate((1.0, 0.75, 0.5, 0.25)):
            pen.ellipse((-e * share, -e * share, e * share, e * share), fill=ground if ring % 2 else figure)
    elif kind == "leaf":
        leaf = Image.new("L", (edge, edge))
        other = Image.new("L", (edge, edge))
        ImageDraw.Draw(leaf).ellipse((-e, -e, e, e), fill=255)
        ImageDraw.Draw(other).ellipse((0, 0, 2 * e, 2 * e), fill=255)
        tile.paste(figure, (0, 0), Image.composite(leaf, Image.new("L", (edge, edge)), other))
    elif kind == "half":
        pen.ellipse((0, -e / 2, e, e / 2), fill=figure)
        pen.ellipse((0, e / 2, e, e * 1.5), fill=second)
    elif kind == "halves":
        pen.polygon([(0, 0), (e, 0), (0, e)], fill=figure)
        pen.ellipse((e * 0.54, e * 0.54, e * 0.86, e * 0.86), fill=second)
    elif kind == "dot":
        pen.ellipse((e * 0.14, e * 0.14, e * 0.86, e * 0.86), fill=figure)
        pen.pieslice((e * 0.14, e * 0.14, e * 0.86, e * 0.86), 0, 180, fill=second)
    elif kind == "stripes":
        for step in range(0, 6, 2):
            pen.rectangle((0, e * step / 6, e, e * (step + 1) / 6), fill=figure)
    elif kind == "petals":
        for x, y in ((0, 0), (e, e)):
            pen.ellipse((x - e * 0.5, y - e * 0.5, x + e * 0.5, y + e * 0.5), fill=figure)
        for x, y in ((e, 0), (0, e)):
            pen.ellipse((x - e * 0.5, y - e * 0.5, x + e * 0.5, y + e * 0.5), fill=second)
    elif kind == "steps":
        pen.rectangle((0, e / 2, e / 2, e), fill=figure)
        pen.ellipse((e * 0.5, 0, e, e * 0.5), fill=second)
    elif kind == "sun":
        pen.ellipse((e * 0.12, e * 0.12, e * 0.88, e * 0.88), fill=figure)
        for step in range(5):
            y = e * (0.54 + step * 0.075)
            pen.rectangle((0, y, e, y + e * (0.016 + 0.008 * step)), fill=ground)
    elif kind == "rings":
        for ring, share in enumerate((0.44, 0.35, 0.26, 0.17, 0.08)):
            fill = (figure, ground, second, ground, figure)[ring]
            pen.ellipse((e * (0.5 - share), e * (0.5 - share), e * (0.5 + share), e * (0.5 + share)), fill=fill)
    else:
        _citrus(pen, edge, figure, mix(figure, (255, 255, 255), 0.8), rng)
    return tile.rotate(90 * rng.randrange(4))


def _citrus(pen: ImageDraw.ImageDraw, edge: int, skin: RGB, pith: RGB, rng: random.Random) -> None:
    e = float(edge)
    for share, fill in ((0.43, skin), (0.385, pith)):
        pen.ellipse((e * (0.5 - share), e * (0.5 - share), e * (0.5 + share), e * (0.5 + share)), fill=fill)
    start = rng.uniform(0, 45)
    wedges = Image.new("L", (edge, edge))
    wedge_pen = ImageDraw.Draw(wedges)
    box = (e * 0.14, e * 0.14, e * 0.86, e * 0.86)
    wedge_pen.ellipse(box, fill=255)
    for number in range(8):
        # A thin slice of pith makes the thick spoke between two wedges.
        wedge_pen.pieslice((0, 0, e, e), start + number * 45 - 3, start + number * 45 + 3, fill=0)
    wedge_pen.ellipse((e * 0.46, e * 0.46, e * 0.54, e * 0.54), fill=0)
    pen.bitmap((0, 0), wedges, fill=skin)
