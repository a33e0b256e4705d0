"""The vendor's error bodies."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "insufficient_balance_error",
    403: "permission_error",
    404: "invalid_request_error",
    405: "invalid_request_error",
    413: "invalid_request_error",
    429: "rate_limit_error",
}


class ApiError(Exception):
    """An answer other than 200.

    `body` is the documented JSON: `{"error": {"message", "type", "code", "param", …}}` with what `more` names
    (`hint`, `did_you_mean`, `suggestions`, `retryable`, `retry_after` in seconds, `balance_usd`, …).
    """

    def __init__(
        self, status: int, code: str, message: str, *, param: str | None = None, allow: str = "", **more: Any
    ) -> None:
        super().__init__(message)
        self.status = HTTPStatus(status)
        kind = _TYPES.get(status, "api_error")
        self.body = {"error": {"message": message, "type": kind, "code": code, "param": param, **more}}
        self.headers: list[tuple[str, str]] = []
        if "retry_after" in more:
            self.headers.append(("Retry-After", str(more["retry_after"])))
        if allow:
            self.headers.append(("Allow", allow))


def invalid(message: str, param: str | None, **more: Any) -> ApiError:
    """A 400 that names the field at fault."""
    return ApiError(400, "invalid_request_error", message, param=param, **more)


def unknown_model(name: str, suggestions: list[str], status: int = 400) -> ApiError:
    """The answer for a model that does not exist, with what may have been meant."""
    more: dict[str, Any] = {"hint": "GET /v1/models lists the models there are."}
    if suggestions:
        more["did_you_mean"] = suggestions[0]
        more["suggestions"] = [{"id": suggestion} for suggestion in suggestions]
    return ApiError(status, "model_not_found", f"The model '{name}' does not exist.", param="model", **more)
