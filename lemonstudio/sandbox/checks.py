"""What a request must look like, and what is said when it does not."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from .errors import ApiError, invalid, unknown_model
from .models import (
    AUTO,
    DEFAULT_EDITOR,
    DEFAULT_MODEL,
    EDITS,
    GENERATIONS,
    MODELS,
    VARIATIONS,
    Chosen,
    Model,
    Option,
    Work,
    is_drawable,
    nearest,
)

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

MOST_BODY = 1_000_000
MOST_PROMPT = 4000
BASIC = ("prompt", "n", "response_format", "user")
# Fields of JSON that carry pictures, and a form's for the same.
PICTURE_FIELDS = ("image_url", "image_urls", "images", "reference_image_urls")
_OF_A_VARIATION = frozenset(("model", "n", "size", "response_format", "user"))
_OPERATIONS = {"text-to-image": GENERATIONS, "image-to-image": GENERATIONS, "image-edit": EDITS}


@dataclass(frozen=True)
class Asked:
    """A request that makes sense. `chosen` has the options that were sent; `prompt` is empty for a variation.

    The model is one that answers as a task, if that was asked for.
    """

    model: Model
    work: Work
    prompt: str
    n: int
    chosen: Chosen
    as_b64: bool

    @property
    def form(self) -> str:
        return self.chosen.get("output_format", "png")

    @property
    def clear(self) -> bool:
        return self.chosen.get("background") == "transparent"


def check_key(environ: WSGIEnvironment) -> None:
    """Raise a 401 unless the request bears a key that begins with `sk-sandbox`."""
    scheme, _, key = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip().startswith("sk-sandbox"):
        said = "The API key is not valid." if key else "No API key was sent."
        raise ApiError(401, "invalid_api_key", said, hint="The sandbox takes any key that begins with sk-sandbox.")


def read_body(environ: WSGIEnvironment, most: int = MOST_BODY) -> dict[str, Any]:
    """The body as a JSON object, nulls left out. Raises 400 when it is not one, 413 over `most` bytes."""
    raw = environ["wsgi.input"].read(most + 1)
    if len(raw) > most:
        raise ApiError(413, "payload_too_large", "The request is too large.")
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        raise invalid("The body is not valid JSON.", None) from None
    if not isinstance(body, dict):
        raise invalid("The body must be a JSON object.", None)
    return {name: value for name, value in body.items() if value is not None}


def operations_of(model: Model) -> list[str]:
    """The vendor's words for what it does."""
    pictures = {GENERATIONS: ["image-to-image"], EDITS: ["image-edit"]}.get(model.takes_pictures_at, [])
    return ["text-to-image", *pictures]


def parameters_of(model: Model, work: Work) -> list[str]:
    """The names of the fields that it knows for this."""
    if work == "vary":
        return sorted(_OF_A_VARIATION)
    pictures = {GENERATIONS: ["operation", "image_url", "image_urls"], EDITS: ["mask"]} if work else {}
    return [*BASIC, *(option.name for option in model.options_for(work)), *pictures.get(model.takes_pictures_at, [])]


def check_spec(asked: dict[str, Any], endpoint: str = GENERATIONS, *, pictures: int = 0) -> Asked:
    """A request's fields, without those of its pictures; `pictures` is how many there are.

    Raises a 400 naming the field at fault.
    """
    model = _model(asked.get("model", DEFAULT_MODEL if endpoint == GENERATIONS else DEFAULT_EDITOR))
    work = _work(model, endpoint, asked.get("operation"), pictures)
    prompt = "" if work == "vary" else _prompt(asked.get("prompt"))
    if asked.get("stream"):
        raise invalid("'stream' is not available here.", "stream", hint="Leave it out.")
    known = {option.name: option for option in model.options_for(work)}
    for field in asked:
        if field not in ("model", "operation", "stream", *BASIC) and field not in known:
            raise _unknown_field(model, work, field)
        if work == "vary" and field not in _OF_A_VARIATION:
            raise invalid(f"A variation does not know the field '{field}'.", field, hint="Leave it out.")
    n = asked.get("n", 1)
    if isinstance(n, bool) or not isinstance(n, int) or not 1 <= n <= model.max_n:
        span = f"between 1 and {model.max_n}" if model.max_n > 1 else "1"
        raise invalid(f"'n' must be {span} for {model.id}.", "n")
    chosen = {name: _value(model, option, asked[name]) for name, option in known.items() if name in asked}
    as_b64 = _one_of("response_format", asked.get("response_format", "url"), ("url", "b64_json"), model) == "b64_json"
    if not isinstance(asked.get("user", ""), str):
        raise invalid("'user' must be a string.", "user")
    form = chosen.get("output_format", "png")
    if chosen.get("background") == "transparent" and form == "jpeg":
        raise invalid("A JPEG has no transparent background.", "background", hint="Use png or webp.")
    if "output_compression" in chosen and form == "png":
        raise invalid("A PNG has no compression to choose.", "output_compression", hint="Use jpeg or webp.")
    if chosen.get("async") == "true":
        model = replace(model, kind="async")
    return Asked(model, work, prompt, n, chosen, as_b64)


def _model(name: object) -> Model:
    if not isinstance(name, str):
        raise invalid("'model' must be a string.", "model")
    model = MODELS.get(name)
    if model is None:
        raise unknown_model(name, nearest(name))
    return model


def _work(model: Model, endpoint: str, operation: object, pictures: int) -> Work:
    """The operation requested, if the model supports it at this endpoint."""
    able = operations_of(model)
    if endpoint == VARIATIONS:
        if not model.variations:
            makers = [one.id for one in MODELS.values() if one.variations]
            raise invalid(
                f"{model.id} does not make variations.",
                "model",
                hint=f"Use {' or '.join(makers)}.",
                did_you_mean=makers[0],
            )
        return "vary"
    if operation is not None and operation not in _OPERATIONS:
        raise invalid(f"'operation' must be one of {', '.join(_OPERATIONS)}.", "operation", supported_operations=able)
    if endpoint == GENERATIONS and pictures and operation is None:
        raise invalid("'operation' must be image-to-image with pictures.", "operation", supported_operations=able)
    wanted = operation or ("image-edit" if endpoint == EDITS else "text-to-image")
    if wanted not in able or (wanted == "image-edit") is not (endpoint == EDITS):
        right = model.takes_pictures_at or GENERATIONS
        editors = [one.id for one in MODELS.values() if one.takes_pictures_at == endpoint]
        raise invalid(
            f"{model.id} does not do {wanted} here.",
            "model" if endpoint == EDITS else "operation",
            hint=f"Use {' or '.join(editors)}." if editors else "Leave out the pictures.",
            supported_operations=able,
            request_endpoint=right,
        )
    return "" if wanted == "text-to-image" else "edit"


def _unknown_field(model: Model, work: Work, field: str) -> ApiError:
    said = f"{model.id} does not know the field '{field}'" + (" for edits." if work == "edit" else ".")
    return invalid(said, field, hint="Leave it out.", supported_parameters=parameters_of(model, work))


def _prompt(prompt: object) -> str:
    if not isinstance(prompt, str) or not prompt.strip():
        raise invalid("'prompt' is required and must not be empty.", "prompt")
    if len(prompt) > MOST_PROMPT:
        raise invalid(f"'prompt' has {len(prompt)} characters; at most {MOST_PROMPT} are allowed.", "prompt")
    try:
        prompt.encode()
    except UnicodeEncodeError:
        raise invalid("'prompt' has half a character in it.", "prompt") from None
    return prompt


def _value(model: Model, option: Option, value: object) -> str:
    """A valid value as a text."""
    field = option.name
    if option.span is not None:
        least, most = option.span
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise invalid(f"'{field}' must be a whole number from {least} to {most}.", field)
        return str(value)
    if not option.choices:
        if not isinstance(value, bool):
            raise invalid(f"'{field}' must be true or false.", field)
        return str(value).lower()
    if field == "size" and model.any_size and isinstance(value, str) and value != AUTO:
        if not is_drawable(value):
            hint = (
                "Sides in steps of 16 up to 3840, the long one at most three times the short one, and from 655,360 to "
                "8,294,400 pixels."
            )
            raise invalid(f"'size' must be auto or WIDTHxHEIGHT for {model.id}.", field, hint=hint)
        return value
    return _one_of(field, value, option.choices, model)


def _one_of(field: str, value: object, choices: tuple[str, ...], model: Model) -> str:
    if not isinstance(value, str) or value not in choices:
        raise invalid(f"'{field}' must be one of {', '.join(choices)} for {model.id}.", field)
    return value
