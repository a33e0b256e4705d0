"""What a request must look like, and what is said when it does not."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from .errors import ApiError, invalid, unknown_model
from .models import AUTO, DEFAULT_EDITOR, DEFAULT_MODEL, MODELS, Chosen, Model, is_drawable, nearest

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

MOST_BODY = 1_000_000
MOST_PROMPT = 4000
Work = Literal["", "edit", "vary"]
_FIELDS = frozenset(("model", "prompt", "n", "response_format", "user"))
_OPTIONS = frozenset(option.name for model in MODELS.values() for option in model.options)
_OF_A_VARIATION = frozenset(("model", "n", "size", "response_format", "user"))


@dataclass(frozen=True)
class Asked:
    """A request that makes sense. `chosen` has the options that were sent; `prompt` is empty for a variation."""

    model: Model
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


def read_body(environ: WSGIEnvironment) -> dict[str, Any]:
    """The body as a JSON object, nulls left out. Raises 400 when it is not one, 413 over 1 MB."""
    raw = environ["wsgi.input"].read(MOST_BODY + 1)
    if len(raw) > MOST_BODY:
        raise ApiError(413, "payload_too_large", "The request is too large.")
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        raise invalid("The body is not valid JSON.", None) from None
    if not isinstance(body, dict):
        raise invalid("The body must be a JSON object.", None)
    return {name: value for name, value in body.items() if value is not None}


def check_spec(asked: dict[str, Any], work: Work = "") -> Asked:
    """A request's fields, those of a form as texts but for `n`. Raises a 400 naming the field at fault."""
    model = _model(asked.get("model", DEFAULT_EDITOR if work else DEFAULT_MODEL), work)
    prompt = "" if work == "vary" else _prompt(asked.get("prompt"))
    for field in asked:
        if field not in _FIELDS | _OPTIONS:
            raise invalid(f"Unknown field '{field}'.", field)
        if work == "vary" and field not in _OF_A_VARIATION:
            raise invalid(f"A variation does not know the field '{field}'.", field, hint="Leave it out.")
    n = asked.get("n", 1)
    if isinstance(n, bool) or not isinstance(n, int) or not 1 <= n <= model.max_n:
        span = f"between 1 and {model.max_n}" if model.max_n > 1 else "1"
        raise invalid(f"'n' must be {span} for {model.id}.", "n")
    chosen = {field: _choice(model, field, asked[field]) for field in asked if field in _OPTIONS}
    as_b64 = _one_of("response_format", asked.get("response_format", "url"), ("url", "b64_json"), model) == "b64_json"
    if not isinstance(asked.get("user", ""), str):
        raise invalid("'user' must be a string.", "user")
    if chosen.get("background") == "transparent" and chosen.get("output_format") == "jpeg":
        raise invalid("A JPEG has no transparent background.", "background", hint="Use png or webp.")
    return Asked(model, prompt, n, chosen, as_b64)


def _model(name: object, work: Work) -> Model:
    if not isinstance(name, str):
        raise invalid("'model' must be a string.", "model")
    model = MODELS.get(name)
    if model is None:
        raise unknown_model(name, nearest(name))
    if (work == "edit" and not model.edits) or (work == "vary" and not model.variations):
        able = [one.id for one in MODELS.values() if (one.edits if work == "edit" else one.variations)]
        said = "edit pictures" if work == "edit" else "make variations"
        raise invalid(f"{name} does not {said}.", "model", hint=f"Use {' or '.join(able)}.", did_you_mean=able[0])
    return model


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


def _choice(model: Model, field: str, value: object) -> str:
    choices = model.choices(field)
    if not choices:
        raise invalid(f"{model.id} does not know the field '{field}'.", field, hint="Leave it out.")
    if field == "size" and model.any_size and isinstance(value, str) and value != AUTO:
        if not is_drawable(value):
            hint = "Sides in steps of 16, from 256 to 4096, and no more pixels than 3840x2160 has."
            raise invalid(f"'size' must be auto or WIDTHxHEIGHT for {model.id}.", field, hint=hint)
        return value
    return _one_of(field, value, choices, model)


def _one_of(field: str, value: object, choices: tuple[str, ...], model: Model) -> str:
    if not isinstance(value, str) or value not in choices:
        raise invalid(f"'{field}' must be one of {', '.join(choices)} for {model.id}.", field)
    return value
