"""What the sandbox tells of its models and their prices, in the shapes that the vendor's pages document.

Under `tokenlab`, and under the older name `lemondata` as an alias, as the vendor has it during its change of names.
"""

from __future__ import annotations

from typing import Any

from .checks import MOST_PROMPT, operations_of, parameters_of
from .models import GENERATIONS, Model, Work

_BORN = 1_700_000_000
_NAMESPACES = ("tokenlab", "lemondata")


def listing(model: Model) -> dict[str, Any]:
    """One row of the list of models, with a short summary."""
    told = _told(model) | {"request_format_summary": _summary(model)}
    return _row(model, told)


def details(model: Model) -> dict[str, Any]:
    """The row, and the whole description with it."""
    told = _told(model) | {
        "supported_operations": operations_of(model),
        "accepted_request_formats": [],
        "request_format_details": _description(model),
    }
    return _row(model, told)


def _row(model: Model, told: dict[str, Any]) -> dict[str, Any]:
    row = {"id": model.id, "object": "model", "created": _BORN, "owned_by": "sandbox"}
    return row | dict.fromkeys(_NAMESPACES, told)


def _told(model: Model) -> dict[str, Any]:
    dates = ("released_at", "deprecated_at", "retired_at", "sunset_at")
    return {
        "category": "image",
        "description": model.description,
        "aliases": [],
        "capabilities": ["image"],
        "pricing": {"per_request": model.price} if model.price else {},
        "pricing_unit": _unit(model),
        "has_complex_pricing": _is_complex(model),
        "pricing_summary": None,
        "lifecycle": {"stage": "active", "reason": None, "replacement_model": None, "latest": False}
        | dict.fromkeys(dates),
        "commercial": {"user_charge_policy": "paid", "free_reason": None, "free_until": None},
        "badges": [],
    }


def _summary(model: Model) -> dict[str, Any]:
    operations = operations_of(model)
    endpoints = {name: GENERATIONS if name == "text-to-image" else model.takes_pictures_at for name in operations}
    return {
        "public_operations": operations,
        "request_endpoint": GENERATIONS,
        "request_endpoint_by_operation": endpoints,
    }


def _description(model: Model) -> dict[str, Any]:
    summary = _summary(model)
    constraints = []
    for operation, endpoint in summary["request_endpoint_by_operation"].items():
        work: Work = "" if operation == "text-to-image" else "edit"
        known = {option.name: list(option.choices) for option in model.options_for(work)}
        constraints.append(
            {
                "operation": operation,
                "request_endpoint": endpoint,
                "supported_parameters": parameters_of(model, work),
                "allowed_aspect_ratios": known.get("aspect_ratio", []),
                "allowed_resolutions": known.get("resolution", []),
            }
        )
    names = dict.fromkeys(name for row in constraints for name in row["supported_parameters"])
    return {
        **summary,
        "supported_parameters": list(names),
        "aspect_ratios": list(model.choices("aspect_ratio")),
        "resolutions": list(model.choices("resolution")),
        "output_formats": list(model.choices("output_format")) or ["png"],
        "required_selectors": [],
        "optional_selectors": [option.name for option in model.options],
        "service_limits": {"prompt_max_characters": MOST_PROMPT, "online_rpm": None, "concurrency": None},
        "status_mode": "task" if model.kind == "async" else "inline_or_task",
        "request_shape_mode": "json_or_multipart",
        "operation_constraints": constraints,
        "recommended_request": {"model": model.id, "prompt": "A lemon tree by the sea"},
        "notes": [],
    }


def _unit(model: Model) -> str:
    return "per_token" if model.token_prices else "per_request"


def _is_complex(model: Model) -> bool:
    return bool(model.variants or model.token_prices)


def pricing(model: Model) -> dict[str, Any]:
    """One row of the list of prices."""
    tokens = model.token_prices or (None, None)
    return {
        "model": model.id,
        "provider": "sandbox",
        "is_lock_price": bool(model.price) and not model.variants,
        "capabilities": ["image"],
        "aliases": [],
        "lock_price_per_request": model.price,
        "input_per_1m_tokens": tokens[0],
        "output_per_1m_tokens": tokens[1],
        "has_complex_pricing": _is_complex(model),
        "pricing_summary": None,
    }


def price_of(model: Model) -> dict[str, Any]:
    """The prices of one model. With certain choices, the first of `variants` that fits says what a picture costs."""
    variants = [{"when": when, "per_request": price} for when, price in model.variants]
    return {
        "model": model.id,
        "pricing_unit": _unit(model),
        "has_complex_pricing": _is_complex(model),
        "supported_operations": operations_of(model),
        "scalar_pricing": {"per_request": model.price} if model.price else {},
        "pricing_summary": None,
        "pricing_details": {"variants": variants} if variants else None,
    }
