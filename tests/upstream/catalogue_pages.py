"""Pages of a catalogue, in the vendor's shapes."""

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote, urlsplit

from tests.support.stub_upstream import Reply, Request

RATIOS = ("1:1", "16:9")


def page(namespace: str = "tokenlab", key: str = "request_format_details", **contract: Any) -> dict[str, Any]:
    return {"id": "m", namespace: {"category": "image", key: contract}}


def described(**contract: Any) -> dict[str, Any]:
    """The page of a model that makes pictures from a prompt, with several aspect ratios."""
    return page(
        **{
            "public_operations": ["text-to-image"],
            "request_endpoint": "/v1/images/generations",
            "supported_parameters": ["prompt", "n", "aspect_ratio"],
            "aspect_ratios": list(RATIOS),
            **contract,
        }
    )


def prices(**by_model: Any) -> dict[str, Any]:
    rows = [{"model": name, **more} for name, more in by_model.items()]
    return {"object": "pricing", "currency": "USD", "data": rows}


def serving(
    rows: Any, page_of: Callable[[str], Any] = lambda name: described(), price_list: Any = None
) -> Callable[[Request], Any]:
    """A server with this list, these pages, and this list of prices."""

    def answer(request: Request) -> Any:
        path = unquote(urlsplit(request.path).path)
        if path == "/v1/models":
            return {"object": "list", "data": rows} if isinstance(rows, list) else rows
        if path == "/v1/pricing":
            return prices() if price_list is None else price_list
        if path.endswith("/pricing"):
            return refusal(404)
        return page_of(path.removeprefix("/v1/models/"))

    return answer


def refusal(status: int, code: str = "", headers: dict[str, str] | None = None) -> Reply:
    return Reply.of_json({"error": {"code": code, "message": "no"}}, status, headers=headers or {})


RESERVED = ("model", "prompt", "n", "user", "response_format", "image", "images", "mask", "image_url", "image_urls")
