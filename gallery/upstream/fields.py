"""Single things read out of any JSON: texts, numbers, ids, codes, reasons, counts, waits. Nothing here ever raises."""

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from itertools import islice
from typing import Any

from gallery.upstream import words

Hide = Callable[[str], str]
"""Replaces what must not be shown (the API key) in a text that came from the upstream."""

MESSAGE_LIMIT = 2_000  # characters; it goes into a row and onto a page
PACKED_LIMIT = 20_000  # characters of a text that is parsed as JSON once more
DEPTH = 6  # how far into an answer anything is looked for
FIELDS = 500  # of one object
LONGEST_WAIT = 86_400.0  # seconds; a server that asks for more is asked again after a day

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_CODE = re.compile(r"[A-Za-z0-9_.:-]{1,100}")
# A Python dict in words, as LiteLLM passes errors on.
_REPR = re.compile(r"""['"](?:message|error|detail|msg)['"]: (?:"([^"]{1,2000})"|'([^']{1,2000})')""")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|milli|h|m|s)", re.IGNORECASE)
_SECONDS = {"ms": 0.001, "milli": 0.001, "h": 3600.0, "m": 60.0, "s": 1.0}


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


def number(value: object) -> float | None:
    """A finite number from a number or numeric text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value[:50]) if isinstance(value, str) else float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def whole(value: object, largest: int) -> int | None:
    found = None if isinstance(value, str) else number(value)
    return int(found) if found is not None and 0 <= found <= largest else None


def money(value: object) -> Decimal | None:
    """Dollars to six places, below a thousand million: what a column holds and a page shows.

    By way of a float (exact that far), since Decimal("1e999999999") is finite and prints as a gigabyte.
    """
    found = number(value)
    return Decimal(f"{found:.6f}") if found is not None and abs(found) < 1e9 else None


def progress(value: object) -> int | None:
    """Percent, 0 to 100, from 45, 45.9, "45%", 0.45, "0.45" or "9/20"."""
    if isinstance(value, str):
        text = value.strip()
        if parts := re.fullmatch(r"(\d{1,9})\s*/\s*(\d{1,9})", text):
            total = int(parts[2])
            return min(100, 100 * int(parts[1]) // total) if total else None
        is_fraction = "." in text and not text.endswith("%")
        found = number(text.removesuffix("%"))
    else:
        # 1 is one percent, as the vendor writes it; 1.0 is all of it.
        is_fraction = isinstance(value, float)
        found = number(value)
    if found is None:
        return None
    return int(min(max(round(found * 100, 6) if is_fraction and 0 < found <= 1 else found, 0), 100))


def named(document: Mapping[str, Any], names: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    """The fields with these names, in the order of the names, under any spelling of them."""
    by_name: dict[str, Any] = {}
    for name, value in islice(document.items(), FIELDS):
        if isinstance(name, str) and len(name) <= 60:
            by_name.setdefault(words.folded_name(name), value)
    for name, folded in words.folded_names(names):
        if folded in by_name:
            yield name, by_name[folded]


def first(document: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    """The first of these fields that holds anything."""
    return next((value for _, value in named(document, names) if value not in (None, "", [], {})), None)


def unpacked(value: object) -> object:
    """JSON that was packed into a text, some with words before it; else the value as it is."""
    if not isinstance(value, str) or len(value) > PACKED_LIMIT:
        return value
    start = min((at for at in (value.find("{"), value.find("[")) if at >= 0), default=-1)
    if not 0 <= start <= 300:
        return value
    try:
        inner: object = json.loads(value[start:])
    except (ValueError, RecursionError):
        return value
    return inner if isinstance(inner, dict | list) and inner else value


def reason(value: object, hide: Hide = as_is, depth: int = DEPTH) -> str:
    """The first text where servers put one: "…", {"message"}, {"error": …}, {"detail": [{"msg"}]}, JSON in a text.

    "" where there is none, or where it only says that all is well.
    """
    if depth < 0:
        return ""
    value = unpacked(value)
    if isinstance(value, str):
        inner = _REPR.search(value) if "{" in value else None
        text = clean_text((inner[1] or inner[2]) if inner else value, MESSAGE_LIMIT, hide)
        return "" if _is_praise(text) else text
    if isinstance(value, list):
        return next((text for one in value[:5] if (text := reason(one, hide, depth - 1))), "")
    if isinstance(value, dict):
        for _, held in named(value, words.REASON_FIELDS):
            if text := reason(held, hide, depth - 1):
                return text
    return ""


def _is_praise(text: str) -> bool:
    """ "success", "OK", "Operation successful": beside an error these are about the transport."""
    said = words.folded(text) if len(text) <= 40 else ()
    return 0 < len(said) <= 3 and words.status_of(text) is words.Status.COMPLETED


def error_objects(document: object) -> list[dict[str, Any]]:
    """The object with the error, and what is around and inside it, the most special first."""
    found: list[dict[str, Any]] = []
    for _ in range(DEPTH):
        document = unpacked(document)
        if isinstance(document, list):
            document = document[0] if document else None
        if not isinstance(document, dict):
            break
        found.insert(0, document)
        inner = first(document, ("error", "innererror", "errors", "base_resp"))
        if inner is None and isinstance(unpacked(document.get("message")), dict | list):
            inner = document["message"]  # packed into the text
        if inner is None and isinstance(document.get("detail"), dict):
            inner = document["detail"]
        document = inner
    return found


def codes(document: object, hide: Hide = as_is) -> list[str]:
    """The codes that an answer gives, the most special first: those of `code`, then those of `type`.

    Numbers are the status again, no codes.
    """
    objects = error_objects(document)
    given = [value for one in objects for _, value in named(one, words.CODE_FIELDS)]
    types = [value for one in objects for _, value in named(one, ("type",)) if isinstance(value, str)]
    given += [value for value in types if words.folded_name(value) not in words.GENERIC_TYPES]
    return [hide(one) for one in given if isinstance(one, str) and _CODE.fullmatch(one) and not one.isdigit()]


def suggestions(objects: Iterable[dict[str, Any]], hide: Hide) -> tuple[str, ...]:
    """Names of other models, five at the most."""
    found: dict[str, None] = {}
    for fields in objects:
        for name in ("did_you_mean", "suggestions", "alternatives"):
            value = fields.get(name)
            for item in value[:20] if isinstance(value, list) else [value]:
                text = clean_text(item.get("id") if isinstance(item, dict) else item, 1_000, hide)
                if text and len(text) <= 100:  # half a model's name is no suggestion
                    found[text] = None
    return tuple(found)[:5]


def advice(objects: Iterable[dict[str, Any]], hide: Hide) -> dict[str, str]:
    """What the answer says about a request that would do, as short texts, for the administrator."""
    found: dict[str, str] = {}
    for fields in objects:
        for name, value in named(fields, words.ADVICE_FIELDS):
            if value not in (None, "", [], {}) and (text := _in_short(value, hide)):
                found.setdefault(name, text)
    return found


def _in_short(value: object, hide: Hide) -> str:
    if isinstance(value, list) and all(isinstance(one, str | int | float) for one in value):
        return clean_text(", ".join(str(one)[:100] for one in value[:50]), 500, hide)
    try:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)[:4_000]
    except (ValueError, RecursionError, TypeError):
        return ""
    return clean_text(text, 500, hide)


# -- ids and counts


def ids_of(document: object, headers: Mapping[str, str], hide: Hide = as_is) -> dict[str, str]:
    """All ids that came along, by the names that support asks for; what is kept with the row."""
    found: dict[str, str] = {}
    for names, said in (
        (words.BILLING_HEADERS, "billing_transaction_id"),
        (words.REQUEST_HEADERS, "request_id"),
        (words.TASK_HEADERS, "task_id"),
    ):
        for name in names:
            if text := _short_id(headers.get(name, ""), hide):
                found.setdefault(said, text)
    for one in [*_nearby(document), *error_objects(document)]:
        for name, value in named(one, (*words.TASK_ID_FIELDS, *words.BILLING_FIELDS, *words.WEAK_ID_FIELDS)):
            if text := _short_id(value, hide):
                found.setdefault(name, text)
    return found


def _nearby(document: object, depth: int = 2) -> Iterator[dict[str, Any]]:
    """The object itself and those in its likeliest containers."""
    if isinstance(document, list):
        document = document[0] if len(document) == 1 else None
    if isinstance(document, dict):
        yield document
        if depth:
            for _, value in named(document, words.CONTAINERS):
                yield from _nearby(value, depth - 1)


def _short_id(value: object, hide: Hide) -> str:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63:
        value = str(value)
    text = clean_text(value, 1_000, hide)
    return text if len(text) <= 300 and text.isprintable() else ""


Usage = dict[str, int | dict[str, int]]


def usage_of(document: object) -> Usage:
    """The tokens that one request took, as OpenAI counts them; {} where nothing is said."""
    for one in _nearby(document):
        usage = one.get("usage")
        if not isinstance(usage, dict):
            continue
        found: Usage = {name: count for name in words.USAGE_FIELDS if (count := _tokens(usage.get(name))) is not None}
        for name in words.USAGE_DETAILS:
            details = usage.get(name)
            if isinstance(details, dict):
                counts = {
                    key: count
                    for key, value in list(details.items())[:20]
                    if isinstance(key, str) and key.endswith("_tokens") and len(key) <= 40
                    if (count := _tokens(value)) is not None
                }
                if counts:
                    found[name] = counts
        if found:
            return found
    return {}


def _tokens(value: object) -> int | None:
    return whole(value, 10**12)


# -- waiting


def retry_after(headers: Mapping[str, str], objects: Iterable[dict[str, Any]], message: str) -> float | None:
    """Seconds to wait, from the headers, else from the fields, else from the words; None where nothing is said.

    A second at the least. Not cut to what anyone would wait: that is for the caller to say.
    """
    for name in ("retry-after-ms", "x-ms-retry-after-ms"):
        found = number(headers.get(name))
        if found is not None and found >= 0:
            return _bounded(found / 1000)
    if (seconds := _seconds(headers.get("retry-after"))) is not None:
        return seconds
    for fields in objects:
        for name, value in named(fields, ("retry_after", "retry_after_seconds", "retry_after_ms")):
            if (seconds := _seconds(value)) is not None:
                return _bounded(seconds / 1000) if name == "retry_after_ms" else seconds
    said = words.WAIT_WORDS.search(message)
    seconds = duration(said[1]) if said else None
    return None if seconds is None else _bounded(seconds)


def _bounded(seconds: float) -> float:
    return min(max(seconds, 1.0), LONGEST_WAIT)


def duration(text: str) -> float | None:
    """Seconds from "6m0s", "1.5 s", "20 seconds", "120ms"; None for anything else."""
    parts = _DURATION.findall(text[:100])
    return sum(float(amount) * _SECONDS[unit.lower()] for amount, unit in parts) if parts else None


def _seconds(value: object) -> float | None:
    """Retry-After as seconds or an HTTP date (RFC 9110, 10.2.3), or "20s"; None for nonsense."""
    found = number(value)
    if found is None and isinstance(value, str):
        try:
            when = parsedate_to_datetime(value[:100])
            when = when if when.tzinfo else when.replace(tzinfo=UTC)
            found = max((when - datetime.now(UTC)).total_seconds(), 0.0)  # a date gone by: at once
        except (ValueError, TypeError, OverflowError, IndexError):
            found = duration(value) if re.fullmatch(r"[\d.\s]+[a-z]+[\d.a-z\s]*", value[:50], re.IGNORECASE) else None
    return None if found is None or found < 0 else _bounded(found)
