"""What is compared of a model, by key, and what makes two values differ.

A key is a field of ImageModel, or "options.NAME" for one option of a model. So an option that an administrator changed
does not hold back the others. The order and the labels of options are the studio's own words: they make no difference,
and stay as they are.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Field

from gallery.models.catalogue import ImageModel
from gallery.models.options import option_from, validate_options

FIELDS = (
    "description",
    "max_count",
    "prompt_limit",
    "can_generate",
    "can_edit",
    "can_vary",
    "edit_square",
    "edit_needs_mask",
    "edit_max_bytes",
    "edit_max_side",
    "price",
    "prices",
    "token_prices",
    "ruled_out",
    "routes",
    "lifecycle",
)
# An administrator's price loses its meaning if the upstream's price by option takes its place.
PRICING = frozenset({"price", "prices", "token_prices"})
OPTION = "options."


def current(model: ImageModel) -> dict[str, Any]:
    """What the catalogue says of a model now, by field, as JSON can hold it."""
    return {name: plain(getattr(model, name)) for name in (*FIELDS, "options")}


def defaults() -> dict[str, Any]:
    """What a new row of the catalogue says."""
    return current(ImageModel())


def set_by_hand(model: ImageModel) -> list[str]:
    """The keys that differ from the last import, or from a new row where there was no import."""
    ours, last = flat(current(model)), flat(defaults() | model.imported)
    differing = [key for key in dict.fromkeys((*ours, *last)) if not is_same(key, ours.get(key), last.get(key))]
    return [key for key in differing if key != "description" or key in model.imported]


def was_switched_off(model: ImageModel) -> bool:
    """Whether an import took the model off the list, so that an import may put it back."""
    return not model.enabled and model.imported.get("enabled") is False


def settled(key: str, now: Any, then: Any) -> Any:
    """What the upstream says, with the catalogue's default where the upstream names none."""
    if not key.startswith(OPTION) or not now or not then or then.get("default") not in (None, ""):
        return then
    kept = {**then, "default": now.get("default")}
    return then if problem_of(validate_options, [kept]) else kept


def flat(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values by field, as values by key."""
    fields = {name: values[name] for name in FIELDS if name in values}
    return fields | {OPTION + one["name"]: one for one in values.get("options", [])}


def plain(value: Any) -> Any:
    """As JSON can hold it: a price is a text without needless zeros."""
    if not isinstance(value, Decimal):
        return value
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def is_same(key: str, one: Any, other: Any) -> bool:
    return bool(_essence(key, one) == _essence(key, other))


def _essence(key: str, value: Any) -> Any:
    """The part of a value that makes a difference."""
    if value is None:
        return None
    if key.startswith(OPTION):
        option = option_from({**value, "label": ""})
        bare = replace(option, choices=(), operations=(), choices_for=())
        others = {(operation, frozenset(choices)) for operation, choices in option.choices_for}
        return bare, frozenset(option.choices), frozenset(option.operations), others
    if key == "price":
        return Decimal(value)
    if key == "prices":
        return [(row["when"], Decimal(row["price"])) for row in value]
    return value


def problem_of(validate: Callable[[Any], object], value: object) -> str:
    """What a validator says of a value; "" if it accepts it."""
    try:
        validate(value)
    except ValidationError as error:
        return " ".join(error.messages)
    return ""


def model_field(name: str) -> Field[Any, Any]:
    found = ImageModel._meta.get_field(name)
    assert isinstance(found, Field)
    return found
