"""What the upstream's answers mean: JSON in, a typed answer or one family of errors out.

Pure functions, no network and no Django. Whatever JSON comes in, only ``UpstreamError`` comes out: the server
behind the base URL may be any that claims to speak the OpenAI Images API, so no type is taken for granted.
"""

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any
from urllib.parse import unquote, urlsplit

from gallery.upstream.errors import (
    AccountProblem,
    MalformedAnswer,
    NoPicture,
    NotSent,
    RateLimited,
    Redirected,
    Refused,
    ServerTrouble,
    TaskGone,
    UpstreamError,
)

Hide = Callable[[str], str]
"""Replaces what must not be shown (the API key) in a text that came from the upstream."""

MESSAGE_LIMIT = 2_000  # characters; it goes into a row and onto a page
PROMPT_LIMIT = 16_000  # characters; the vendor takes 4,000, and rewriters are wordy
OUTCOME_HINT = "It is not known whether the request was carried out and charged."
PICTURES_LIMIT = 32  # the vendor makes 4 at most, OpenAI 10; bounds what one answer can make us store

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_CODE = re.compile(r"[A-Za-z0-9_.:-]{1,100}")
_DATA_URL = re.compile(r"data:[^,]{0,200};base64,", re.IGNORECASE)


class Status(StrEnum):
    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"


# The vendor's four words, and what other servers of the same dialect say for them.
_STATUS_WORDS = {
    word: status
    for status, words in {
        Status.PENDING: "pending queued submitted created waiting",
        Status.PROCESSING: "processing in_progress running generating",
        Status.COMPLETED: "completed complete succeeded success done finished",
        Status.FAILED: "failed failure error expired rejected cancelled canceled",
    }.items()
    for word in words.split()
}


@dataclass(frozen=True, slots=True)
class Result:
    """One picture of an answer: an absolute http(s) URL, or base64 text (unchecked), or both."""

    url: str = ""
    b64: str = field(default="", repr=False)
    revised_prompt: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a create or status request came to; a synchronous answer is ``COMPLETED``.

    ``results`` holds only items with a picture, and is empty while the task is under way.
    """

    status: Status
    task_id: str = ""  # "" for a synchronous answer
    poll_url: str = ""  # a path on the configured origin, or ""
    progress: int | None = None  # percent, 0..100
    results: tuple[Result, ...] = ()
    error: str = ""  # of a failed task: the message as given
    code: str = ""  # of a failed task: its error code, where one was given
    cancelled: bool = False
    created: int | None = None  # Unix time, seconds


def as_is(text: str) -> str:
    return text


def clean_text(value: object, limit: int = MESSAGE_LIMIT, hide: Hide = as_is) -> str:
    """A string fit for a database row and a page, at most ``limit`` characters; "" for anything else.

    Hidden before it is cut, so that no half of a key survives the cut.
    """
    if not isinstance(value, str):
        return ""
    text = hide(_CONTROL.sub("", value)).strip()
    return text if len(text) <= limit else text[: limit - 1] + "…"


def clean_task_id(value: object) -> str:
    """A task id of 1 to 4,000 printable characters without spaces, or ""."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63:
        value = str(value)
    if not isinstance(value, str) or not 1 <= len(value) <= 4_000 or value in (".", ".."):
        return ""
    return value if value.isprintable() and " " not in value else ""


def poll_path(value: object, origin: str) -> str:
    """The path (and query) of a poll URL if it leads to ``origin`` ("https://host:port"), else "".

    The key is sent there, so anything that two URL parsers might read differently is rejected.
    """
    if not isinstance(value, str) or len(value) > 2_000 or not re.fullmatch(r"[!-~]+", value):
        return ""
    if "\\" in value or "#" in value:
        return ""
    if not value.startswith("/"):
        try:
            if split_origin(value) != origin:
                return ""
        except ValueError:
            return ""
        parts = urlsplit(value)
        value = parts.path + (f"?{parts.query}" if parts.query else "")
    if not value.startswith("/") or value.startswith("//"):
        return ""
    # requests decodes %2e before sending, and urllib3 then resolves the dots
    path = unquote(value.partition("?")[0])
    if "\\" in path or any(part in (".", "..") for part in path.split("/")):
        return ""
    return value


def split_origin(url: str) -> str:
    """``scheme://host:port`` of an http(s) URL, in lower case, the port always written.

    ValueError if it is no such URL, or has user information.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        raise ValueError("not an absolute http or https URL without user information")
    port = parts.port if parts.port is not None else {"http": 80, "https": 443}[parts.scheme]
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}:{port}"


def read_answer(
    document: object,
    *,
    polling: bool,
    origin: str,
    task_id: str = "",
    poll_url: str = "",
    hide: Hide = as_is,
) -> Answer:
    """Read the JSON of a 2xx answer to a create (or, ``polling``, a status) request.

    Whether it is synchronous is told by the answer, not by the model. ``task_id`` and ``poll_url`` are those
    that were asked about; the answer's own poll URL wins, its task id counts only where none was asked about.
    Raises MalformedAnswer, and its subclass NoPicture for a completed task without a picture.
    """
    if not isinstance(document, dict):
        raise _malformed("The server's answer is not a JSON object.", polling)
    task_id = task_id or clean_task_id(document.get("task_id"))
    poll_url = poll_path(document.get("poll_url"), origin) or poll_url
    results = tuple(_results(document.get("data"), hide))[:PICTURES_LIMIT]
    created = _whole(document.get("created"), 253_402_300_799)  # the last second a datetime can hold
    word = clean_text(document.get("status"), 100).lower()
    status = _STATUS_WORDS.get(word)

    if status is None:
        status = _guess(word, document, bool(results), bool(task_id), polling, hide)
    if status is Status.COMPLETED and not results:
        if not task_id:
            raise _malformed("The server says that it is done, but its answer holds no picture.", polling)
        raise NoPicture(
            "The task is completed, but its answer holds no picture.",
            task_id=task_id,
            poll_url=poll_url,
            created=created,
        )
    if status in (Status.PENDING, Status.PROCESSING):
        if not task_id:
            raise _malformed("The server has begun a task, but gave no usable id to ask for it.", polling)
        results = ()  # previews of a task under way are not its pictures
    failed = status is Status.FAILED
    return Answer(
        status=status,
        task_id=task_id,
        poll_url=poll_url if task_id else "",
        progress=_progress(document.get("progress")),
        results=results,
        error=_message(document.get("error"), hide) if failed else "",
        code=_code(document.get("error"), hide) if failed else "",
        cancelled=failed and (document.get("cancelled") is True or word in ("cancelled", "canceled")),
        created=created,
    )


def _guess(word: str, document: dict[str, Any], has_results: bool, has_task: bool, polling: bool, hide: Hide) -> Status:
    """The status of an answer that has none we know. An unknown word is a later word for "under way"."""
    if word and has_task:
        return Status.PROCESSING if polling else Status.PENDING
    if has_results:
        return Status.COMPLETED
    problem = _message(document.get("error"), hide)
    if polling:  # a task that may still succeed is not given up for an answer without a status
        raise _malformed(problem or "The server's answer holds neither a status nor a picture.", polling)
    if has_task:
        return Status.PENDING
    if problem:
        return Status.FAILED
    raise _malformed("The server's answer holds neither a picture nor a task.", polling)


def _malformed(message: str, polling: bool) -> MalformedAnswer:
    hint = "" if polling else OUTCOME_HINT
    return MalformedAnswer(message, hint=hint, retryable=polling)


def _results(data: object, hide: Hide) -> Iterator[Result]:
    for item in data if isinstance(data, list) else [data]:
        if not isinstance(item, dict):
            continue
        url, b64 = _picture_url(item.get("url")), item.get("b64_json")
        inline = b64 if isinstance(b64, str) else ""
        raw = item.get("url")
        if not inline and isinstance(raw, str) and _DATA_URL.match(raw):
            inline = raw
        inline = _DATA_URL.sub("", inline, count=1) if inline[:5].lower() == "data:" else inline
        if url or inline:
            yield Result(url, inline, clean_text(item.get("revised_prompt"), PROMPT_LIMIT, hide))


def _picture_url(value: object) -> str:
    if not isinstance(value, str) or len(value) > 8_000:
        return ""
    value = value.strip()
    try:
        parts = urlsplit(value)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and value.isprintable()
    except ValueError:
        return ""
    return value if usable else ""


def error_from(
    status: int, document: object, retry_after: str = "", *, polling: bool = False, hide: Hide = as_is
) -> UpstreamError:
    """The error that an answer outside 2xx stands for.

    ``document`` is its JSON, None if it had none; ``retry_after`` is that header. Returns and never raises.
    """
    if 300 <= status < 400:
        return Redirected(
            "The server answers with a redirect, which is not followed.",
            code="redirected",
            hint="Set the base URL to the address where the API itself answers.",
            status=status,
            sent=status == 303,  # "see other" may come after the work; the others ask to send it elsewhere
        )
    top = document if isinstance(document, dict) else {}
    error = top.get("error")
    fields = {**top, **error} if isinstance(error, dict) else top
    code = _code(top, hide) or _code({"code": fields.get("type")}, hide, _ACCOUNT_CODES)
    default_code, default_message = _DEFAULTS.get(status, _DEFAULTS[400 if 400 <= status < 500 else 500])
    given = fields.get("retryable")
    kind, sent = _kind(status, code, document, polling, given is True)
    return kind(
        _message(document, hide) or default_message,
        code=code or (default_code if status in _DEFAULTS else f"http_{status}"),
        hint=clean_text(fields.get("hint"), MESSAGE_LIMIT, hide),
        status=status,
        retryable=given if isinstance(given, bool) else None,
        retry_after=_seconds(retry_after) or _seconds(fields.get("retry_after")),
        suggestions=_suggestions(fields, hide),
        balance_usd=_money(fields.get("balance_usd")),
        estimated_cost_usd=_money(fields.get("estimated_cost_usd")),
        param=clean_text(fields.get("param"), 100, hide),
        sent=sent,
    )


_DEFAULTS = {
    400: ("invalid_request_error", "The server did not accept the request."),
    401: ("invalid_api_key", "The server did not accept the API key."),
    402: ("insufficient_balance", "The account's balance is too low."),
    403: ("access_denied", "This account may not do that."),
    404: ("not_found", "The server does not know what was asked for."),
    407: ("proxy_authentication", "The proxy on the way to the server asks for a password."),
    413: ("payload_too_large", "The request was too large for the server."),
    429: ("rate_limit_exceeded", "The account has made too many requests; the server asks to wait."),
    500: ("internal_error", "The server met an error."),
    502: ("upstream_error", "The server could not reach the model."),
    503: ("all_channels_failed", "The server has no free channel to the model at the moment."),
    504: ("timeout_error", "The server waited too long for the model."),
}
# They mean the account whatever the 4xx: OpenAI sends insufficient_quota with 429.
_ACCOUNT_CODES = frozenset(
    ("invalid_api_key", "expired_api_key", "insufficient_balance", "insufficient_quota", "quota_exceeded")
)


def _kind(
    status: int, code: str, document: object, polling: bool, retryable: bool
) -> tuple[type[UpstreamError], bool | None]:
    """The class, and ``sent`` (None: as usual for the class)."""
    if status >= 500 or status < 200:
        return ServerTrouble, not (status == 503 and retryable)
    if status in (401, 402) or code in _ACCOUNT_CODES:
        return AccountProblem, None
    if status == 429:
        return RateLimited, None
    if status == 407:
        return NotSent, None
    if polling and status in (404, 410):
        if code == "async_task_not_found" or (not code and isinstance(document, dict)):
            return TaskGone, None
        if not code:  # a page of something in between, not the API's word on a paid task: ask again
            return ServerTrouble, None
    return Refused, None


def _code(value: object, hide: Hide, only: frozenset[str] | None = None) -> str:
    """The error code in an error object or around it, "" for none; numbers are the status again, no codes."""
    if not isinstance(value, dict):
        return ""
    inner = value.get("error")
    code = inner.get("code") if isinstance(inner, dict) else value.get("code")
    if not isinstance(code, str) or not _CODE.fullmatch(code) or code.isdigit():
        return ""
    return hide(code) if only is None or code in only else ""


def _message(value: object, hide: Hide) -> str:
    """The first text where servers put one: "…", {"message"}, {"error": …}, {"detail": [{"msg"}]}."""
    for _ in range(5):
        if isinstance(value, dict):
            held = value
            value = next((held[k] for k in ("error", "message", "msg", "detail") if held.get(k)), None)
        elif isinstance(value, list):
            value = value[0] if value else None
    return clean_text(value, MESSAGE_LIMIT, hide)


def _suggestions(fields: dict[str, Any], hide: Hide) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for name in ("did_you_mean", "suggestions", "alternatives"):
        value = fields.get(name)
        for item in value[:20] if isinstance(value, list) else [value]:
            text = clean_text(item.get("id") if isinstance(item, dict) else item, 1_000, hide)
            if text and len(text) <= 100:  # half a model's name is no suggestion
                found[text] = None
    return tuple(found)[:5]


def _number(value: object) -> float | None:
    """A finite number from a number or numeric text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value[:50]) if isinstance(value, str) else float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _whole(value: object, largest: int) -> int | None:
    number = None if isinstance(value, str) else _number(value)
    return int(number) if number is not None and 0 <= number <= largest else None


def _progress(value: object) -> int | None:
    number = _number(value.strip().removesuffix("%") if isinstance(value, str) else value)
    return None if number is None else int(min(max(number, 0), 100))


def _seconds(value: object) -> float | None:
    """Retry-After as seconds or an HTTP date (RFC 9110, 10.2.3), clamped to 1..300; None for nonsense."""
    number = _number(value)
    if number is None and isinstance(value, str):
        try:
            when = parsedate_to_datetime(value[:100])
            when = when if when.tzinfo else when.replace(tzinfo=UTC)
            number = max((when - datetime.now(UTC)).total_seconds(), 0.0)  # a date gone by: at once
        except (ValueError, TypeError, OverflowError, IndexError):
            return None
    return None if number is None or number < 0 else min(max(number, 1.0), 300.0)


def _money(value: object) -> Decimal | None:
    """Dollars to six places, below a thousand million: what a column holds and a page shows.

    By way of a float (exact that far), since Decimal("1e999999999") is finite and prints as a gigabyte.
    """
    number = _number(value)
    return Decimal(f"{number:.6f}") if number is not None and abs(number) < 1e9 else None
