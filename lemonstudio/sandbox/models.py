"""What the sandbox can draw: the seven models of the vendor's page, one table."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Literal

Kind = Literal["sync", "async"]


@dataclass(frozen=True)
class Model:
    """One row of the catalogue.

    `sizes` are WIDTHxHEIGHT in pixels, `quality` and `style` the choices (empty: the model has no such field,
    and sending it is an error), `price` in US dollars a picture as a string (None: not published), `seconds`
    the shortest and longest time an answer (sync) or a task (async) takes at speed 1.
    """

    id: str
    kind: Kind
    description: str
    sizes: tuple[str, ...]
    default_size: str
    max_n: int
    seconds: tuple[float, float]
    price: str | None = None
    quality: tuple[str, ...] = ()
    style: tuple[str, ...] = ()
    rewrites_prompt: bool = False


MODELS: dict[str, Model] = {
    model.id: model
    for model in (
        Model(
            "dall-e-3", "sync", "Best quality; rewrites the prompt. Misty landscapes.",
            ("1024x1024", "1792x1024", "1024x1792"), "1024x1024", 1, (1.8, 3.0), "0.04",
            quality=("standard", "hd"), style=("vivid", "natural"), rewrites_prompt=True,
        ),
        Model(
            "dall-e-2", "sync", "Faster, more affordable. Cut-paper geometry.",
            ("256x256", "512x512", "1024x1024"), "1024x1024", 4, (1.0, 2.0),
        ),
        Model(
            "flux-pro", "async", "Photorealistic, high quality. The sea under a low moon.",
            ("512x512", "1024x1024", "1280x768", "768x1280"), "1024x1024", 4, (4.0, 10.0),
        ),
        Model(
            "flux-schnell", "sync", "Very fast. Northern lights.",
            ("512x512", "1024x1024", "1024x768", "768x1024"), "1024x1024", 4, (0.3, 0.8),
        ),
        Model(
            "midjourney", "async", "Artistic style. Ribbons of silk and light.",
            ("512x512", "1024x1024", "1456x816", "816x1456"), "1024x1024", 4, (6.0, 12.0), "0.05",
        ),
        Model(
            "ideogram-v3", "async", "Best text rendering. Letterpress posters.",
            ("512x512", "1024x1024", "1280x800", "800x1280"), "1024x1024", 4, (4.0, 9.0),
        ),
        Model(
            "stable-diffusion-3", "sync", "Open source, customizable. Citrus botanicals.",
            ("512x512", "768x768", "1024x1024", "1344x768", "768x1344"), "1024x1024", 4, (1.2, 2.6),
        ),
    )
}  # fmt: skip
DEFAULT_MODEL = "dall-e-3"


def nearest(name: str) -> list[str]:
    """Ids of models that `name` may have meant, the likeliest first; at most three, perhaps none."""
    return difflib.get_close_matches(name.lower(), MODELS, n=3, cutoff=0.45)


def pixels(size: str) -> tuple[int, int]:
    """`1024x768` as (1024, 768)."""
    width, _, height = size.partition("x")
    return int(width), int(height)
