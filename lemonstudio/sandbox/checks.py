"""What a request must look like, and what is said when it does not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from .errors import ApiError, invalid, unknown_model
from .models import DEFAULT_MODEL, MODELS, Model, nearest

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

MOST_BODY = 1_000_000
MOST_PROMPT = 4000
_FIELDS = ("model", "prompt", "n", "size", "quality", "style", "response_format", "user")


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


def check_wish(asked: dict[str, Any]) -> tuple[Model, str, int, str]:
    """Model, prompt, n and size of a create request, defaults filled in. Raises a 400 naming the field."""
    name = asked.get("model", DEFAULT_MODEL)
    if not isinstance(name, str):
        raise invalid("'model' must be a string.", "model")
    model = MODELS.get(name)
    if model is None:
        raise unknown_model(name, nearest(name))
    prompt = asked.get("prompt")
    if not isinstance(prompt, str) or not prompt.strip():
        raise invalid("'prompt' is required and must not be empty.", "prompt")
    if len(prompt) > MOST_PROMPT:
        raise invalid(f"'prompt' has {len(prompt)} characters; at most {MOST_PROMPT} are allowed.", "prompt")
    try:
        prompt.encode()
    except UnicodeEncodeError:
        raise invalid("'prompt' has half a character in it.", "prompt") from None
    for field in asked:
        if field not in _FIELDS:
            raise invalid(f"Unknown field '{field}'.", field)
    n = asked.get("n", 1)
    if isinstance(n, bool) or not isinstance(n, int) or not 1 <= n <= model.max_n:
        span = f"between 1 and {model.max_n}" if model.max_n > 1 else "1"
        raise invalid(f"'n' must be {span} for {model.id}.", "n")
    size = asked.get("size", model.default_size)
    _one_of(model, "size", size, model.sizes)
    for field, choices in (("quality", model.quality), ("style", model.style)):
        if field in asked:
            if not choices:
                raise invalid(f"{model.id} does not know the field '{field}'.", field, hint="Leave it out.")
            _one_of(model, field, asked[field], choices)
    _one_of(model, "response_format", asked.get("response_format", "url"), ("url", "b64_json"))
    if not isinstance(asked.get("user", ""), str):
        raise invalid("'user' must be a string.", "user")
    return model, prompt, n, size


def _one_of(model: Model, field: str, value: object, choices: tuple[str, ...]) -> None:
    if not isinstance(value, str) or value not in choices:
        raise invalid(f"'{field}' must be one of {', '.join(choices)} for {model.id}.", field)
