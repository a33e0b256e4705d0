"""Text on pictures, in the font that comes with Pillow."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont, ImageStat

from .canvas import halo

# Pillow's bundled subset of Aileron has the characters below 0x7f and these, and no others.
_EXTRA = frozenset("©«°±´·»’“”…")
_PLAIN = str.maketrans({"–": "-", "—": "-", "‘": "’", "ß": "ss", "ø": "o", "Ø": "O", "æ": "ae", "Æ": "AE",
                        "œ": "oe", "Œ": "OE", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ı": "i"})  # fmt: skip
_SMALL = frozenset(("a an and as at by for from in is it its of on or the to with").split())  # noqa: SIM905 - reads as words


def drawable(text: str) -> str:
    """The text on one line, without accents, as the font can draw it. Empty if the text is in another script."""
    plain = unicodedata.normalize("NFKD", text.translate(_PLAIN))
    letters = [char for char in plain if not unicodedata.combining(char)]
    known = [char if char.isprintable() else " " for char in letters if ord(char) < 0x7F or char in _EXTRA]
    words = sum(char.isalnum() for char in letters)
    if not words or sum(char.isalnum() for char in known) < 0.8 * words:
        return ""
    return " ".join("".join(known).split())


@lru_cache(maxsize=64)
def font(size: int) -> ImageFont.FreeTypeFont:
    """The bundled font at `size` pixels."""
    found = ImageFont.load_default(max(4, size))
    if not isinstance(found, ImageFont.FreeTypeFont):
        raise RuntimeError("Pillow was built without FreeType")
    return found


def headline(text: str, words: int) -> list[str]:
    """The first `words` meaningful words of a prompt, in capitals. Small words such as "of" join the next word."""
    lines: list[str] = []
    held: list[str] = []
    for word in re.findall(r"[A-Za-z0-9][A-Za-z0-9'’-]*", drawable(text)):
        if word.lower() in _SMALL:
            held = [*held, word.upper()] if lines else []
            continue
        if len(lines) == words:
            break
        line = " ".join([*held, word.upper()])
        lines.append(line if len(line) <= 14 else word.upper()[:16])
        held = []
    return lines


def sign(picture: Image.Image, model: str, prompt: str) -> None:
    """Write the mark `SANDBOX · model` and the prompt's first words into the lower left corner.

    The text is white on a shaded corner, or dark on light paper, so that it is legible on any picture. Changes
    `picture`.
    """
    width, height = picture.size
    unit = max(0.42, min(width, height) / 1024)
    size = max(9, round(19 * unit))
    margin = round(54 * unit)
    mark = f"SANDBOX · {model}"
    words = drawable(prompt)
    room = width - 2 * margin
    face, light = font(size), font(max(8, round(15 * unit)))
    while words and light.getlength(words) > min(room, 560 * unit):
        cut = words.removesuffix("…").rstrip()
        words = (cut.rpartition(" ")[0] or cut[:-1]).rstrip(" ,.;:-") + "…" if len(cut) > 1 else ""
    lines = [(mark, face, 240)] + ([(words, light, 205)] if words else [])
    tall = round(size * 1.5) * len(lines)
    wide = round(max(f.getlength(text) for text, f, _ in lines)) + margin * 2
    top = height - margin - tall + round(size * 0.3)
    box = (margin, top, min(width, wide - margin), top + tall)
    corner = ImageStat.Stat(picture.crop(box).convert("L"))
    colour = (255, 255, 255)
    if corner.mean[0] > 160 and corner.stddev[0] < 30:
        colour = (34, 34, 42)  # a shade on clean light paper would look like a smudge
    elif corner.mean[0] > 110:
        _label(picture, box, round(size * 0.7))
    else:
        reach = (round(wide * 2.5), (tall + margin) * 4)
        place = (-reach[0] // 2 + margin, top + tall // 2 - reach[1] // 2)
        picture.paste((8, 10, 18), place, halo(reach, 140, 1.4))
    ink = Image.new("L", (wide, tall + margin))
    pen = ImageDraw.Draw(ink)
    for number, (text, chosen, strength) in enumerate(lines):
        pen.text((margin, round(size * 1.5) * number), text, fill=strength, font=chosen)
    picture.paste(colour, (0, top), ink)


def _label(picture: Image.Image, box: tuple[int, int, int, int], pad: int) -> None:
    left, top, right, bottom = box[0] - pad, box[1] - pad, box[2] + pad, box[3] + pad // 2
    mask = Image.new("L", (2 * (right - left), 2 * (bottom - top)))
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, mask.width - 1, mask.height - 1), 2 * pad, fill=168)
    picture.paste((16, 18, 28), (left, top), mask.reduce(2))
