"""An answer as it came, small enough to keep, so that a better reader can be run over it later."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from gallery.upstream.fields import Hide, as_is
from gallery.upstream.pictures import STRIPPED, URL_LIMIT

BODY_LIMIT = 256 * 2**10  # characters
PAYLOAD = 2_000  # characters from which on a text without spaces is a payload
KEPT_HEADERS = ("content-type", "date", "location", "retry-after", "server")
KEPT_PREFIXES = ("x-request-id", "request-id", "x-billing", "x-task", "x-ratelimit", "ratelimit", "cf-ray", "x-litellm")


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """Status, some headers, and the body without pictures (those go into storage when the answer is read)."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = field(default="", repr=False)


def raw_answer(
    status: int, headers: Mapping[str, str], content: bytes, document: object, hide: Hide = as_is
) -> RawAnswer:
    """``headers`` with names in lower case; ``document`` is the JSON in ``content``, None if there is none."""
    kept = {
        name: hide(value)[:1_000]
        for name, value in headers.items()
        if name in KEPT_HEADERS or name.startswith(KEPT_PREFIXES)
    }
    if document is None or len(content) <= PAYLOAD:
        text = content[: 4 * BODY_LIMIT].decode("utf-8", "replace")
    else:
        text = json.dumps(_without_payloads(document), ensure_ascii=False)
    return RawAnswer(status, kept, hide(_storable(text))[:BODY_LIMIT])


def _storable(text: str) -> str:
    return re.sub(r"[\x00\ud800-\udfff]", "", text)


def _without_payloads(value: object, depth: int = 0) -> object:
    if isinstance(value, str):
        is_address = len(value) <= URL_LIMIT and value.startswith(("http://", "https://"))
        is_payload = len(value) > PAYLOAD and not is_address and " " not in value[:PAYLOAD].strip()
        return f"{STRIPPED}: {len(value)} characters]" if is_payload else value
    if depth > 50:
        return None
    if isinstance(value, list):
        return [_without_payloads(one, depth + 1) for one in value]
    if isinstance(value, dict):
        return {name: _without_payloads(one, depth + 1) for name, one in value.items()}
    return value
