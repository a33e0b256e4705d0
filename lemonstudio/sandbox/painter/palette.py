"""Colours that go together, and the words of a prompt that select them."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

RGB = tuple[int, int, int]


def rgb(code: str) -> RGB:
    """The RGB values of a hexadecimal code: `1d2f5c` is (29, 47, 92)."""
    return int(code[0:2], 16), int(code[2:4], 16), int(code[4:6], 16)


def mix(a: RGB, b: RGB, share: float) -> RGB:
    """The colour `share` of the way (0 to 1) from `a` to `b`."""
    return (
        round(a[0] + (b[0] - a[0]) * share),
        round(a[1] + (b[1] - a[1]) * share),
        round(a[2] + (b[2] - a[2]) * share),
    )


@dataclass(frozen=True)
class Palette:
    """Colours of one picture. `sky` goes from the zenith to the horizon, `accents` from strong to muted."""

    name: str
    sky: tuple[RGB, ...]
    sun: RGB
    near: RGB
    accents: tuple[RGB, ...]
    paper: RGB
    dark: bool = False


def _palette(name: str, sky: str, sun: str, near: str, accents: str, paper: str, dark: bool = False) -> Palette:
    return Palette(
        name,
        tuple(rgb(code) for code in sky.split()),
        rgb(sun),
        rgb(near),
        tuple(rgb(code) for code in accents.split()),
        rgb(paper),
        dark,
    )


PALETTES = {
    palette.name: palette
    for palette in (
        _palette(
            "dawn",
            "2b3a67 6468a3 b98bb5 f2b1a4 fde3c4",
            "fff6e0",
            "1f2444",
            "ee7f6d f6bd74 7f78c2 3f4580 fbe0cb",
            "f8ebdc",
        ),
        _palette(
            "day",
            "3a86c0 66aedb 9fd0e8 d2eaf0 fdf3dc",
            "fffbe8",
            "15465a",
            "f26b4e f7b733 2d9cb5 14586b ffe6b0",
            "f6efdd",
        ),
        _palette(
            "sunset",
            "271a4b 642a70 bd3e6b f2765b ffc66f",
            "fff0c2",
            "170e2e",
            "ff6257 ffb057 b53a7c 4f2674 ffdf9f",
            "fbe8cf",
        ),
        _palette(
            "night",
            "060a1e 0d1836 1b2d5a 345081 7791b3",
            "fdf6dc",
            "040714",
            "f4d58b 5b87d6 28468a a9c3ee e27d72",
            "efe9da",
            True,
        ),
        _palette(
            "sea",
            "0c3d5c 17668c 3c9db6 8dd0cf ebf3dc",
            "fffae0",
            "05263a",
            "ef6f5a ffb46b 22a3a3 0d5670 f3ecd2",
            "f4efdd",
        ),
        _palette(
            "forest",
            "27544c 47786a 83a78a c1cfa6 f5eecb",
            "fffbe0",
            "0c2622",
            "e2863f f0c05a 5f9a6b 1f5145 dfe3b4",
            "f1ecd6",
        ),
        _palette(
            "lemon",
            "2f9490 6fbf9f c4dd90 f7e373 fff6c6",
            "fffdf0",
            "17463b",
            "f9c80e f28a2e 58a562 17584a fff1a8",
            "fdf6dc",
        ),
        _palette(
            "rose",
            "5a3063 95487f d2739a f3a9b0 fde0d6",
            "fff5ea",
            "2d1438",
            "e4486d f59fa0 8b4a8f 46265c fcd6cb",
            "fbeae2",
        ),
        _palette(
            "autumn",
            "4b3247 88464a c76a45 eda355 fbdf9d",
            "fff4d0",
            "25151c",
            "d9482b f0a63a 8a5a35 4a2b33 f7d58d",
            "f7e9cf",
        ),
        _palette(
            "snow",
            "52749e 83a3c6 b3cbe0 dde7ee f9f1e7",
            "fffdf6",
            "1f344f",
            "e2725b 8fb4d6 4b79a8 27456b e8eff4",
            "f3f3f0",
        ),
        _palette(
            "city",
            "15113b 33206a 7a3191 d5558f ffb58c",
            "ffe9cf",
            "0b0824",
            "ff4f8b ffb35c 37b6d9 3c2378 ffd3bd",
            "f6e7e2",
            True,
        ),
    )
}

# Beginnings of words, so that "mountain lakes" and "forests" are recognised without a stemmer.
_WORDS = {
    "night": "night moon star midnight dark galaxy space cosmic aurora owl nuit nacht noche",
    "sunset": "sunset dusk evening twilight golden fire lava desert coucher atardecer",
    "dawn": "dawn morning sunrise mist fog pastel dream aube",
    "day": "day noon summer bright cloud spring sky",
    "sea": "sea ocean beach wave coast harbor harbour boat sail ship fish lake river water island blue mer",
    "forest": "forest wood tree pine jungle garden moss leaf leaves fern green fox deer bear mountain wald",
    "lemon": "lemon citrus yellow lime limon citron zitrone sunny",
    "rose": "rose pink flower blossom love cherry petal floral",
    "autumn": "autumn fall orange rust harvest coffee brown",
    "snow": "snow winter ice frost polar arctic white glacier",
    "city": "city town street neon building skyline tokyo york urban cyber robot future",
    "red": "red crimson scarlet ruby tomato strawberry",
}
_THEME_OF = {word: theme for theme, words in _WORDS.items() for word in words.split()}


def themes(prompt: str) -> list[str]:
    """The themes of a prompt, in the prompt's order: keys of `PALETTES`, and `red`."""
    found: list[str] = []
    for word in re.findall(r"\w+", prompt.lower()):
        for start, theme in _THEME_OF.items():
            # Short words must match completely: "season" is not "sea", and "iceberg lettuce" is not "ice".
            if (word in (start, start + "s") or (len(start) > 4 and word.startswith(start))) and theme not in found:
                found.append(theme)
    return found


_ANY = ["dawn", "day", "sunset", "sea", "forest", "rose", "night", "lemon", "autumn"]


def choose(prompt: str, index: int, rng: random.Random) -> Palette:
    """The palette of picture number `index`. The pictures of a request rotate through the themes of its prompt."""
    named = ["sunset" if theme == "red" else theme for theme in themes(prompt)]
    names = list(dict.fromkeys(named)) or [rng.choice(_ANY)]
    return PALETTES[names[index % len(names)]]
