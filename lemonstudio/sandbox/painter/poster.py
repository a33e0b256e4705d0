"""ideogram-v3: a letterpress poster with big wooden type in two inks on toned paper."""

from __future__ import annotations

import math
import random

from PIL import Image, ImageChops, ImageDraw

from .canvas import clouds, curve, mesh, shape
from .lettering import font, headline
from .palette import RGB, Palette, mix

Box = tuple[float, float, float, float]


def paint(size: tuple[int, int], palette: Palette, scene: set[str], rng: random.Random, text: str = "") -> Image.Image:
    """An RGB poster of exactly `size` with the first words of `text`. Without text, the art fills it."""
    width, height = size
    unit = min(size) / 1024
    dark = rng.random() < 0.35
    paper = mix(palette.near, palette.sky[0], 0.25) if dark else palette.paper
    worn = mix(paper, palette.accents[4], 0.07 if dark else 0.35)
    picture = mesh(size, [[paper, worn], [worn, paper]], rng)
    type_ink = palette.accents[4] if dark else mix(palette.near, palette.accents[3], 0.3)
    loud, second = palette.accents[0], palette.accents[1]
    margin = 74 * unit
    wide = width > height * 1.2
    lines = headline(text, 3 if wide else 4)
    if wide:
        split = width * 0.5
        art: Box = (split + margin * 0.4, margin, width - margin, height - margin)
        words: Box = (margin, margin, split, height - margin * 1.85)
    else:
        share = 0.5 if len(lines) < 3 else 0.42
        art = (margin, margin, width - margin, height * share)
        words = (margin, height * share + margin * 0.55, width - margin, height - margin * 1.85)
    if not lines:
        art = (margin, margin, width - margin, height - margin)
    _art(picture, art, (loud, second, palette.accents[2]), type_ink, "lemon" in scene, unit, rng)
    if lines:
        _press(picture, _type(size, words, lines), type_ink, unit, rng, loud)
    _frame(picture, type_ink, unit, rng)
    return picture


def _type(size: tuple[int, int], box: Box, lines: list[str]) -> Image.Image:
    """Set each line as large as its width allows, and the whole block as high as the box."""
    left, top, right, bottom = box
    measure = right - left
    cuts = []
    for line in lines:
        trial = font(200)
        ink = trial.getbbox(line, stroke_width=7)
        cuts.append((line, ink, (ink[2] - ink[0]), (ink[3] - ink[1])))
    gap = (bottom - top) * 0.045
    heights = [min(measure / wide * tall, (bottom - top) * 0.62) for _, _, wide, tall in cuts]
    room = (bottom - top) - gap * (len(lines) - 1)
    squeeze = min(1.0, room / sum(heights))
    stretch = min(1.55, room / sum(heights)) if squeeze == 1.0 else squeeze
    sheet = Image.new("L", size)
    y = top + max(0.0, (room - sum(heights) * stretch) / 2)
    for (line, ink, wide, tall), high in zip(cuts, heights, strict=True):
        word = Image.new("L", (math.ceil(wide), math.ceil(tall)))
        pen = ImageDraw.Draw(word)
        pen.text((-ink[0], -ink[1]), line, fill=255, font=font(200), stroke_width=7)
        # Wood type came in many widths, so a line may be stretched a little to fill its width.
        target = (round(min(measure, high / tall * wide * 1.9)), max(1, round(high * stretch)))
        sheet.paste(word.resize(target, Image.Resampling.LANCZOS), (round(left), round(y)))
        y += high * stretch + gap
    return sheet


def _press(
    picture: Image.Image,
    plate: Image.Image,
    ink: RGB,
    unit: float,
    rng: random.Random,
    shadow: RGB | None = None,
) -> None:
    """Press an inked plate onto the paper. The ink is uneven, and a few specks stay blank."""
    size = picture.size
    if shadow is not None:
        off = round(7 * unit)
        under = Image.new("L", size)
        under.paste(plate, (off, off))
        _press(picture, ImageChops.subtract(under, plate), shadow, unit, rng)
    wear = curve(clouds(size, rng, (90, 90), 3), 58, 108, 55).point([min(255, 200 + v) for v in range(256)])
    picture.paste(ink, (0, 0), ImageChops.multiply(plate, wear))


def _art(
    picture: Image.Image,
    box: Box,
    inks: tuple[RGB, RGB, RGB],
    dark: RGB,
    citrus: bool,
    unit: float,
    rng: random.Random,
) -> None:
    size = picture.size
    left, top, right, bottom = box
    wide, tall = right - left, bottom - top
    centre = (left + wide * rng.choice([0.5, 0.5, 0.34, 0.66]), top + tall * 0.5)
    radius = min(wide, tall) * 0.47
    rays = rng.choice([16, 20, 24])
    spin = rng.uniform(0, 360)

    def burst(pen: ImageDraw.ImageDraw) -> None:
        far = (wide + tall) * 2
        for ray in range(rays):
            angle = math.radians(spin + ray * 360 / rays)
            half = math.pi / rays * 0.5
            points = [(2 * centre[0], 2 * centre[1])]
            for side in (-half, half):
                points.append(
                    (
                        2 * centre[0] + far * math.cos(angle + side),
                        2 * centre[1] + far * math.sin(angle + side),
                    )
                )
            pen.polygon(points, fill=255)

    frame = Image.new("L", size)
    ImageDraw.Draw(frame).rectangle([round(v) for v in box], fill=255)

    def ball(share: float, dx: float = 0, dy: float = 0) -> Image.Image:
        r = radius * share
        x, y = centre[0] + dx * radius, centre[1] + dy * radius
        return shape(size, lambda pen: pen.ellipse((2 * (x - r), 2 * (y - r), 2 * (x + r), 2 * (y + r)), fill=255))

    whole = ball(0.86)
    # Inks are slightly transparent, so the rays leave room for the disc, as a printer would cut them.
    _press(
        picture,
        ImageChops.subtract(ImageChops.multiply(shape(size, burst), frame), ball(0.94)),
        inks[1],
        unit,
        rng,
    )
    if citrus or rng.random() < 0.4:
        _press(picture, whole, inks[0], unit, rng)
        _press(picture, ball(0.77), mix(inks[1], (255, 255, 255), 0.72), unit, rng)

        def wedges(pen: ImageDraw.ImageDraw) -> None:
            for wedge in range(9):
                angle = math.radians(spin + wedge * 40)
                x, y = (
                    centre[0] + radius * 0.05 * math.cos(angle),
                    centre[1] + radius * 0.05 * math.sin(angle),
                )
                r = radius * 0.66
                box = (2 * (x - r), 2 * (y - r), 2 * (x + r), 2 * (y + r))
                pen.pieslice(box, math.degrees(angle) - 17.5, math.degrees(angle) + 17.5, fill=255)

        _press(picture, shape(size, wedges), inks[0], unit, rng)
        return
    _press(picture, whole, inks[0], unit, rng)
    swell = rng.uniform(0, 9)

    def waves(pen: ImageDraw.ImageDraw) -> None:
        for wave in range(9):
            y0 = centre[1] + radius * (-0.05 + wave * 0.115)
            points = [
                (2 * x, 2 * (y0 + radius * 0.035 * math.sin(x / unit / 34 + swell + wave * 1.1)))
                for x in range(round(left), round(right) + 6, 6)
            ]
            pen.line(points, fill=255, width=round(2 * unit * (4 + 1.7 * wave)))

    _press(picture, ImageChops.multiply(shape(size, waves), whole), mix(inks[2], dark, 0.35), unit, rng)
    shade = ImageChops.multiply(ImageChops.subtract(whole, ball(0.9, -0.12, -0.12)), _halftone(size))
    _press(picture, shade, mix(inks[0], dark, 0.35), unit, rng)


def _halftone(size: tuple[int, int]) -> Image.Image:
    """A half-tone mask: fine diagonal lines over the whole sheet."""
    step = max(4, round(min(size) / 150))
    width, height = size

    def lines(pen: ImageDraw.ImageDraw) -> None:
        for x in range(-height * 2, width * 2, step * 2):
            pen.line((x, height * 2, x + height * 2, 0), fill=255, width=max(1, step // 2 + 1))

    return shape(size, lines)


def _frame(picture: Image.Image, ink: RGB, unit: float, rng: random.Random) -> None:
    width, height = picture.size

    def border(pen: ImageDraw.ImageDraw) -> None:
        for inset, line in ((30, 5.0), (40, 1.6)):
            pen.rectangle(
                (2 * inset * unit, 2 * inset * unit, 2 * (width - inset * unit), 2 * (height - inset * unit)),
                outline=255,
                width=max(2, round(2 * line * unit)),
            )

    _press(picture, shape((width, height), border), ink, unit, rng)
