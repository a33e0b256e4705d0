"""What a value in a catalogue may be: a name, a short text, a number, a point in time."""

import re
from datetime import UTC, datetime
from typing import Any, TypeGuard

from gallery.upstream.fields import Hide, as_is, clean_text

OPTIONS_LIMIT = 20
CHOICES_LIMIT = 50

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
# What every request has of its own, what carries pictures, and what the vendor refuses: no options of a model.
_RESERVED = frozenset(
    {"model", "prompt", "n", "user", "response_format", "image", "images", "mask", "image_url", "image_urls"}
    | {"reference_image_urls", "mask_url", "operation", "stream", "partial_images"}
)


def object_in(value: object, name: str) -> dict[str, Any]:
    """The object under this name; an empty one if there is none."""
    inner = value.get(name) if isinstance(value, dict) else None
    return inner if isinstance(inner, dict) else {}


def texts_of(value: object, hide: Hide = as_is) -> tuple[str, ...]:
    """The usable texts of a list, each once."""
    given = value[: 4 * CHOICES_LIMIT] if isinstance(value, list) else []
    return tuple(dict.fromkeys(one for one in given if is_plain(one, hide)))


def is_option(name: object) -> TypeGuard[str]:
    return isinstance(name, str) and _NAME.fullmatch(name) is not None and name not in _RESERVED


def is_plain(value: object, hide: Hide = as_is) -> TypeGuard[str]:
    """A short text that may be kept, shown and sent back as it is."""
    if not isinstance(value, str) or not 1 <= len(value) <= 100:
        return False
    return value.isprintable() and value == clean_text(value, 100, hide)


def line_of(value: object, limit: int, hide: Hide) -> str:
    return clean_text(" ".join(value.split()), limit, hide) if isinstance(value, str) else ""


def whole_number(value: object, largest: int) -> int | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return int(value) if is_number and isinstance(value, int | float) and 0 <= value <= largest else None


def share_of(value: object) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and isinstance(value, int | float) and 0 <= value <= 1 else None


def moment_of(value: object) -> str:
    """A point in time as ISO 8601, in UTC; "" for anything else."""
    if not isinstance(value, str) or len(value) > 40:
        return ""
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return ""
    try:
        # In UTC, so that the database can compare them as texts.
        return (moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat()
    except OverflowError:
        return ""
