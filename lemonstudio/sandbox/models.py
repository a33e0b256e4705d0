"""What the sandbox can draw, one table: the seven models of the vendor's page, and two that came later."""

from __future__ import annotations

import difflib
import math
import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["sync", "async"]
Chosen = dict[str, str]
AUTO = "auto"
MOST_PIXELS = 3840 * 2160
MOST_SIDE = 4096
_SIZE = re.compile(r"([1-9]\d{2,3})x([1-9]\d{2,3})")
_SHORT_SIDES = {"1k": 1024, "2k": 2048, "4k": 4096}
_AUTO_SIDE = 1024


@dataclass(frozen=True)
class Option:
    """A field of a request that a model knows, and what may stand in it."""

    name: str
    label: str
    choices: tuple[str, ...]
    default: str


def _option(name: str, label: str, *choices: str, default: str = "") -> Option:
    return Option(name, label, choices, default or choices[0])


def _size(*choices: str, default: str = "1024x1024") -> Option:
    return _option("size", "Size", *choices, default=default)


@dataclass(frozen=True)
class Model:
    """One row of the catalogue.

    A field that is not among `options` is unknown to the model, and sending it is an error. `price` is in US
    dollars a picture as a string (None: not published), `variants` what it is with certain choices, the first row
    that fits counts. `seconds` is the shortest and longest time an answer (sync) or a task (async) takes at
    speed 1. `any_size`: WIDTHxHEIGHT may be another than the choices. `square_png`: takes no other uploads.
    """

    id: str
    kind: Kind
    description: str
    options: tuple[Option, ...]
    max_n: int
    seconds: tuple[float, float]
    price: str | None = None
    variants: tuple[tuple[Chosen, str], ...] = ()
    rewrites_prompt: bool = False
    edits: bool = False
    variations: bool = False
    any_size: bool = False
    square_png: bool = False

    def option(self, name: str) -> Option | None:
        return next((option for option in self.options if option.name == name), None)

    def choices(self, name: str) -> tuple[str, ...]:
        """What may stand in the field; nothing if the model does not know it."""
        option = self.option(name)
        return option.choices if option else ()

    def price_of(self, chosen: Chosen) -> str | None:
        """Of one picture with these choices; what is not among them has its default."""
        made = {option.name: option.default for option in self.options} | chosen
        for when, price in self.variants:
            if when.items() <= made.items():
                return price
        return self.price

    def pixels(self, chosen: Chosen, upload: tuple[int, int] | None = None) -> tuple[int, int]:
        """Width and height of what is drawn for these choices, and from an upload of this size, if there is one."""
        ratios = self.choices("aspect_ratio")
        if ratios:
            resolution = self.option("resolution")
            side = _SHORT_SIDES[chosen.get("resolution", resolution.default if resolution else "1k")]
            asked = chosen.get("aspect_ratio") or (_nearest_ratio(ratios, upload) if upload else ratios[0])
            return _shaped(_ratio(asked), side)
        option = self.option("size")
        size = chosen.get("size") or (option.default if option else AUTO)
        if size != AUTO:
            return pixels(size)
        if upload is None:
            return _AUTO_SIDE, _AUTO_SIDE
        if upload[0] * upload[1] <= 2 * _AUTO_SIDE**2 and max(upload) <= MOST_SIDE:
            return upload
        # Of an extreme shape no side may come to nothing, nor be longer than a file can have it.
        return _shaped(min(max(upload[0] / upload[1], 1 / 12), 12), _AUTO_SIDE)


_RATIOS = ("1:1", "3:2", "2:3", "16:9", "9:16", "4:3", "3:4")

MODELS: dict[str, Model] = {
    model.id: model
    for model in (
        Model(
            "dall-e-3", "sync", "Best quality; rewrites the prompt. Misty landscapes.",
            (
                _size("1024x1024", "1792x1024", "1024x1792"),
                _option("quality", "Quality", "standard", "hd"),
                _option("style", "Style", "vivid", "natural"),
            ),
            1, (1.8, 3.0), "0.04",
            variants=(
                ({"quality": "hd", "size": "1792x1024"}, "0.12"),
                ({"quality": "hd", "size": "1024x1792"}, "0.12"),
                ({"quality": "hd"}, "0.08"),
            ),
            rewrites_prompt=True,
        ),
        Model(
            "dall-e-2", "sync", "Faster, more affordable. Cut-paper geometry.",
            (_size("256x256", "512x512", "1024x1024"),), 4, (1.0, 2.0),
            edits=True, variations=True, square_png=True,
        ),
        Model(
            "flux-pro", "async", "Photorealistic, high quality. The sea under a low moon.",
            (_size("512x512", "1024x1024", "1280x768", "768x1280"),), 4, (4.0, 10.0),
        ),
        Model(
            "flux-schnell", "sync", "Very fast. Northern lights.",
            (_size("512x512", "1024x1024", "1024x768", "768x1024"),), 4, (0.3, 0.8),
        ),
        Model(
            "midjourney", "async", "Artistic style. Ribbons of silk and light.",
            (_size("512x512", "1024x1024", "1456x816", "816x1456"),), 4, (6.0, 12.0), "0.05",
        ),
        Model(
            "ideogram-v3", "async", "Best text rendering. Letterpress posters.",
            (_size("512x512", "1024x1024", "1280x800", "800x1280"),), 4, (4.0, 9.0),
        ),
        Model(
            "stable-diffusion-3", "sync", "Open source, customizable. Citrus botanicals.",
            (_size("512x512", "768x768", "1024x1024", "1344x768", "768x1344"),), 4, (1.2, 2.6),
        ),
        Model(
            "gpt-image-2", "sync", "Follows instructions; edits and cut-outs. Terrazzo and river stones.",
            (
                _size(AUTO, "1024x1024", "1536x1024", "1024x1536", "2048x2048", default=AUTO),
                _option("background", "Background", AUTO, "transparent", "opaque"),
                _option("output_format", "File format", "png", "jpeg", "webp"),
            ),
            4, (1.5, 3.5), "0.04", edits=True, any_size=True,
        ),
        Model(
            "nano-banana-pro", "async", "Large pictures and edits. Sunbursts over terraced hills.",
            (
                _option("aspect_ratio", "Aspect ratio", *_RATIOS),
                _option("resolution", "Resolution", *_SHORT_SIDES),
            ),
            4, (4.0, 9.0), "0.13", variants=(({"resolution": "4k"}, "0.24"),), edits=True,
        ),
    )
}  # fmt: skip
DEFAULT_MODEL = "dall-e-3"
DEFAULT_EDITOR = "dall-e-2"


def nearest(name: str) -> list[str]:
    """Ids of models that `name` may have meant, the likeliest first; at most three, perhaps none."""
    return difflib.get_close_matches(name.lower(), MODELS, n=3, cutoff=0.45)


def pixels(size: str) -> tuple[int, int]:
    """`1024x768` as (1024, 768)."""
    width, _, height = size.partition("x")
    return int(width), int(height)


def is_drawable(size: str) -> bool:
    """Whether a model of `any_size` takes this WIDTHxHEIGHT."""
    if not _SIZE.fullmatch(size):
        return False
    width, height = pixels(size)
    in_bounds = min(width, height) >= 256 and max(width, height) <= MOST_SIDE and width * height <= MOST_PIXELS
    return in_bounds and width % 16 == height % 16 == 0


def _ratio(name: str) -> float:
    across, _, down = name.partition(":")
    return int(across) / int(down)


def _nearest_ratio(names: tuple[str, ...], upload: tuple[int, int]) -> str:
    return min(names, key=lambda name: abs(math.log(_ratio(name) * upload[1] / upload[0])))


def _shaped(ratio: float, side: int) -> tuple[int, int]:
    """As many pixels as a square of this side, in steps of 16."""
    root = math.sqrt(ratio)
    return round(side * root / 16) * 16, round(side / root / 16) * 16
