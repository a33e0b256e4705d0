"""What the sandbox tells of its models and their prices."""

from __future__ import annotations

from typing import Any

from .checks import MOST_PROMPT
from .models import Model

_BORN = 1_700_000_000


def listing(model: Model) -> dict[str, Any]:
    """One row of the list of models."""
    return {
        "id": model.id,
        "object": "model",
        "created": _BORN,
        "owned_by": "sandbox",
        "lemondata": {"category": "image", "pricing_unit": "per_request" if model.price else None},
    }


def details(model: Model) -> dict[str, Any]:
    """The row, and the whole contract with it."""
    size = model.option("size")
    row = listing(model)
    row["lemondata"]["public_contract"] = {
        "description": model.description,
        "mode": model.kind,
        "max_n": model.max_n,
        "prompt_limit": MOST_PROMPT,
        "edits": model.edits,
        "variations": model.variations,
        "options": [
            {
                "name": option.name,
                "label": option.label,
                "choices": list(option.choices),
                "default": option.default,
            }
            for option in model.options
        ],
        "sizes": list(model.choices("size")),
        "default_size": size.default if size else None,
        "quality": list(model.choices("quality")),
        "style": list(model.choices("style")),
    }
    return row


def pricing(model: Model) -> dict[str, Any]:
    """What a picture costs, in US dollars; with certain choices, the first of `variants` that fits says."""
    return {
        "model": model.id,
        "pricing": {
            "per_request": model.price,
            "variants": [{"when": when, "per_request": price} for when, price in model.variants],
            "is_lock_price": False,
            "currency": "USD",
        },
        "provider": "sandbox",
    }
