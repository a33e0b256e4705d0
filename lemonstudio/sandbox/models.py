"""What the sandbox can draw, one table: the seven models of the vendor's first page, and some that came later."""

from __future__ import annotations

import difflib
import math
import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["sync", "async"]
Work = Literal["", "edit", "vary"]
Chosen = dict[str, str]
AUTO = "auto"
MOST_SIDE = 3840
LEAST_PIXELS, MOST_PIXELS = 655_360, 8_294_400
LONGEST_RATIO = 3
MOST_IMAGES = 16
GENERATIONS, EDITS, VARIATIONS = "/v1/images/generations", "/v1/images/edits", "/v1/images/variations"
_SIZE = re.compile(r"([1-9]\d{2,3})x([1-9]\d{2,3})")
_SHORT_SIDES = {"1k": 1024, "2k": 2048, "4k": 4096}
_AUTO_SIDE = 1024


@dataclass(frozen=True)
class Option:
    """A field of a request that a model knows, and what may stand in it.

    `choices` are texts; without any, it is a whole number within `span`, or a boolean. `works`: what it may be sent
    with.
    """

    name: str
    choices: tuple[str, ...] = ()
    default: str = ""
    span: tuple[int, int] | None = None
    works: tuple[Work, ...] = ("", "edit", "vary")


def _option(name: str, *choices: str, default: str = "", works: tuple[Work, ...] = ("", "edit", "vary")) -> Option:
    return Option(name, choices, default or choices[0], works=works)


def _size(*choices: str, default: str = "1024x1024") -> Option:
    return _option("size", *choices, default=default)


@dataclass(frozen=True)
class Model:
    """One row of the catalogue.

    A field that is not among `options` is unknown to the model, and sending it is an error. `price` is in US dollars a
    picture as a string (None: not published), `variants` what it is with certain choices, the first row that fits
    counts; `token_prices` are those of a million tokens of input and output. `seconds` is the shortest and longest time
    an answer (sync) or a task (async) takes at speed 1. `any_size`: WIDTHxHEIGHT may be another than the choices.
    `square_png`: takes no other uploads. `takes_pictures_at`: where pictures go along, if anywhere. `modern`: answers
    as the newer pages say.
    """

    id: str
    kind: Kind
    description: str
    options: tuple[Option, ...]
    max_n: int
    seconds: tuple[float, float]
    price: str | None = None
    variants: tuple[tuple[Chosen, str], ...] = ()
    token_prices: tuple[str, str] | None = None
    rewrites_prompt: bool = False
    takes_pictures_at: str = ""
    most_images: int = 1
    variations: bool = False
    any_size: bool = False
    square_png: bool = False
    modern: bool = False

    @property
    def edits(self) -> bool:
        return bool(self.takes_pictures_at)

    @property
    def masks(self) -> bool:
        return self.takes_pictures_at == EDITS

    def options_for(self, work: Work) -> tuple[Option, ...]:
        return tuple(option for option in self.options if work in option.works)

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


_TWO = (_size("512x512", "1024x1024"),)
_GPT = (
    _option("quality", AUTO, "low", "medium", "high"),
    _option("output_format", "png", "jpeg", "webp"),
    Option("output_compression", span=(0, 100)),
    _option("moderation", AUTO, "low", works=("",)),
)

MODELS: dict[str, Model] = {
    model.id: model
    for model in (
        Model(
            "dall-e-3", "sync", "Best quality; rewrites the prompt. Misty landscapes.",
            (
                _size("1024x1024", "1792x1024", "1024x1792"),
                _option("quality", "standard", "hd"),
                _option("style", "vivid", "natural"),
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
            takes_pictures_at=EDITS, variations=True, square_png=True,
        ),
        Model("flux-pro", "async", "Photorealistic, high quality. The sea under a low moon.", _TWO, 4, (4.0, 10.0)),
        Model("flux-schnell", "sync", "Very fast. Northern lights.", _TWO, 4, (0.3, 0.8)),
        Model("midjourney", "async", "Artistic style. Ribbons of silk and light.", _TWO, 4, (6.0, 12.0), "0.05"),
        Model("ideogram-v3", "async", "Best text rendering. Letterpress posters.", _TWO, 4, (4.0, 9.0)),
        Model(
            "stable-diffusion-3", "sync", "Open source, customizable. Citrus botanicals.", _TWO, 4, (1.2, 2.6),
        ),
        Model(
            "gpt-image-2", "sync", "Follows instructions; edits. Terrazzo and river stones.",
            (
                _size(AUTO, "1024x1024", "1536x1024", "1024x1536", "2048x2048", default=AUTO),
                _option("background", AUTO, "opaque", works=("",)),
                *_GPT,
                Option("async"),
            ),
            10, (1.5, 3.5), token_prices=("5.00", "30.00"),
            takes_pictures_at=EDITS, most_images=MOST_IMAGES, any_size=True, modern=True,
        ),
        *(
            Model(
                name, "sync", "Follows instructions; edits and cut-outs. Terrazzo and river stones.",
                (
                    _size(AUTO, "1024x1024", "1536x1024", "1024x1536", default=AUTO),
                    _option("background", AUTO, "transparent", "opaque"),
                    *_GPT,
                    *((_option("input_fidelity", "low", "high", works=("edit",)),) if name == "gpt-image-1.5" else ()),
                ),
                10, (1.5, 3.5), token_prices=("5.00", "40.00"),
                takes_pictures_at=EDITS, most_images=MOST_IMAGES, modern=True,
            )
            for name in ("gpt-image-1.5", "gpt-image-1")
        ),
        Model(
            "nano-banana-pro", "async", "Large pictures and edits. Sunbursts over terraced hills.",
            (
                _option("aspect_ratio", "1:1", "16:9", "9:16", "3:2", "2:3"),
                _option("resolution", *_SHORT_SIDES, works=("",)),
            ),
            4, (4.0, 9.0), "0.13", variants=(({"resolution": "4k"}, "0.24"),),
            takes_pictures_at=GENERATIONS, modern=True,
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
    short, long = sorted((width, height))
    in_bounds = long <= MOST_SIDE and LEAST_PIXELS <= width * height <= MOST_PIXELS
    return in_bounds and long <= LONGEST_RATIO * short and width % 16 == height % 16 == 0


def _ratio(name: str) -> float:
    across, _, down = name.partition(":")
    return int(across) / int(down)


def _nearest_ratio(names: tuple[str, ...], upload: tuple[int, int]) -> str:
    return min(names, key=lambda name: abs(math.log(_ratio(name) * upload[1] / upload[0])))


def _shaped(ratio: float, side: int) -> tuple[int, int]:
    """As many pixels as a square of this side, in steps of 16."""
    root = math.sqrt(ratio)
    return round(side * root / 16) * 16, round(side / root / 16) * 16
