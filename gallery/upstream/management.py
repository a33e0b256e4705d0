"""What the vendor says that an account's keys have cost: its management endpoints, which take a token of their own.

Other servers have none of them, and answer 404. Readers are tolerant: a field that is missing or odd is empty. Only
where an answer holds nothing of what was asked for is it an error, lest nothing be taken for no cost.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote, urlencode

from gallery.upstream.errors import MalformedAnswer, UpstreamError
from gallery.upstream.fields import Hide, as_is, clean_text, first, money, whole

LookUp = Callable[[str], object]
"""Asks for a path below the base URL; returns the JSON of the answer, or raises UpstreamError."""

PAGE_SIZE = 100  # the vendor's largest
MOST_PAGES = 500
# What a server answers that has no such endpoint, or has it for other tokens.
_NOT_FOR_US = frozenset((403, 404, 405, 501))
_LIST_FIELDS = ("items", "data", "usage", "requests", "records", "results", "api_keys", "keys")


@dataclass(frozen=True, slots=True)
class Key:
    """A key of the account, by its id. `prefix` is as much of it as the vendor shows."""

    id: str
    name: str
    prefix: str

    def is_of(self, secret: str) -> bool:
        """Whether it can be this key. Dots, stars and an ellipsis stand for what is hidden."""
        start, *end = [part for part in re.split(r"[.…*•]{2,}|…", self.prefix) if part] or [""]
        return len(start) >= 4 and secret.startswith(start) and secret.endswith(end[-1] if end else "")


@dataclass(frozen=True, slots=True)
class Charge:
    """One request that was charged for. `cost` is US dollars, None if it is not said; the rest may be empty."""

    billing_id: str
    request_id: str
    model: str
    cost: Decimal | None
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Usage:
    """The requests of a key. `is_whole` is False if there were more than could be asked for."""

    charges: tuple[Charge, ...]
    is_whole: bool = True


@dataclass(frozen=True, slots=True)
class Billing:
    """What a key has cost, in US dollars. What is not said is None or empty."""

    total: Decimal | None
    by_model: Mapping[str, Decimal] = field(default_factory=dict)
    by_day: Mapping[date, Decimal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Balance:
    left: Decimal | None
    used: Decimal | None


def is_unavailable(problem: UpstreamError) -> bool:
    """Whether the server has no such endpoint, or none for this token."""
    return problem.status in _NOT_FOR_US


def read_balance(look_up: LookUp) -> Balance:
    document = look_up("/management/balance")
    for level in _levels(document):
        left = _amount(level, "balance", "available_balance")
        if left is not None:
            return Balance(left, _amount(level, "total_used"))
    raise MalformedAnswer("The answer about the balance has no balance.")


def read_keys(look_up: LookUp, hide: Hide = as_is) -> list[Key]:
    """The account's keys, without those that have no id."""
    keys = []
    for rows, _ in _pages(look_up, "/management/api-keys", {}):
        for row in rows:
            name, prefix = (clean_text(first(row, (one,)), 100, hide) for one in ("name", "key_prefix"))
            if key_id := _id(row, hide, "id", "key_id"):
                keys.append(Key(key_id, name, prefix))
    return list(dict.fromkeys(keys))


def read_usage(look_up: LookUp, key_id: str, since: datetime, until: datetime, hide: Hide = as_is) -> Usage:
    """The requests for pictures from `since` to before `until`, as many as there are in 500 pages."""
    charges: dict[object, Charge] = {}
    is_whole = True
    path = f"/management/api-keys/{quote(key_id, safe='')}/usage"
    for rows, is_last in _pages(look_up, path, _within(since, until)):
        is_whole = is_last
        for row in rows:
            charge = _charge(row, hide)
            # A page moves on by a row if a request comes in meanwhile: the same row is there twice.
            charges[charge.billing_id or charge.request_id or len(charges)] = charge
    return Usage(tuple(charges.values()), is_whole)


def read_billing(look_up: LookUp, key_id: str, since: datetime, until: datetime, hide: Hide = as_is) -> Billing:
    """The sums of what was asked for from `since` to before `until`."""
    path = f"/management/api-keys/{quote(key_id, safe='')}/billing?{urlencode(_within(since, until))}"
    for level in _levels(look_up(path)):
        sums, parts = _object(level, "summary"), _object(level, "breakdowns")
        models = {
            name: cost
            for row in _objects(first(parts, ("by_model",)))
            if (name := clean_text(first(row, ("model", "logical_model")), 100, hide))
            if (cost := _amount(row, "cost")) is not None
        }
        days = {
            day: cost
            for row in _objects(first(parts, ("daily_cost", "by_day")))
            if (day := _day(first(row, ("date", "day")))) is not None
            if (cost := _amount(row, "cost")) is not None
        }
        total = _amount(sums, "total_cost", "cost")
        if total is not None or models or days:
            return Billing(total, models, days)
    raise MalformedAnswer("The answer about the billing has no sums.")


# -- reading


def _within(since: datetime, until: datetime) -> dict[str, str]:
    # Both ends are inclusive at the vendor. To the second, which is what its own examples have.
    last = datetime.fromtimestamp(until.timestamp() - 1, until.tzinfo)
    named = {"startDate": since, "endDate": last}
    return {"scene": "image", **{name: moment.isoformat(timespec="seconds") for name, moment in named.items()}}


def _pages(look_up: LookUp, path: str, query: Mapping[str, str]) -> Iterator[tuple[list[dict[str, Any]], bool]]:
    """The rows of each page, and whether it is the last one."""
    before: list[dict[str, Any]] = []
    for number in range(1, MOST_PAGES + 1):
        document = look_up(f"{path}?{urlencode({**query, 'page': number, 'limit': PAGE_SIZE})}")
        rows = _rows(document)
        if rows is None:
            raise MalformedAnswer("The answer has no list of what was asked for.")
        # A server that knows no pages answers all of them alike.
        if not rows or rows == before:
            yield [], True
            return
        last = _last_page(document)
        is_last = last is not None and number >= last
        yield rows, is_last
        if is_last:
            return
        before = rows


def _last_page(document: object) -> int | None:
    for level in _levels(document):
        told = first(_object(level, "pagination"), ("total_pages",))
        if (pages := whole(told, 10**9)) is not None:
            return pages
    return None


def _rows(document: object) -> list[dict[str, Any]] | None:
    """The objects of the list that the answer is about; None if there is no list."""
    if isinstance(document, list):
        return _objects(document)
    for level in _levels(document):
        for name in _LIST_FIELDS:
            if isinstance(held := level.get(name), list):
                return _objects(held)
    return None


def _levels(document: object) -> Iterator[dict[str, Any]]:
    """The object, and what it wraps."""
    for _ in range(3):
        if not isinstance(document, dict):
            return
        yield document
        document = document.get("data") or document.get("result")


def _objects(value: object) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _object(level: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = first(level, (name,))
    return found if isinstance(found, dict) else {}


def _charge(row: Mapping[str, Any], hide: Hide) -> Charge:
    return Charge(
        billing_id=_id(row, hide, "billing_transaction_id"),
        request_id=_id(row, hide, "request_id"),
        model=clean_text(first(row, ("model", "logical_model")), 100, hide),
        cost=_amount(row, "cost"),
        at=_moment(first(row, ("created_at", "created"))),
    )


def _amount(row: Mapping[str, Any], *names: str) -> Decimal | None:
    """The exact text where there is one, else the number for display."""
    return money(first(row, tuple(each for name in names for each in (f"{name}_decimal", name))))


def _id(row: Mapping[str, Any], hide: Hide, *names: str) -> str:
    value = first(row, names)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63:
        value = str(value)
    text = clean_text(value, 1_000, hide)
    return text if len(text) <= 300 and text.isprintable() else ""


def _moment(value: object) -> datetime | None:
    """From ISO 8601 or Unix seconds, of this century and the next. UTC unless it says otherwise."""
    try:
        if isinstance(value, str):
            moment = datetime.fromisoformat(value[:40])
            moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        else:
            seconds = whole(value, 10**10)
            if seconds is None:
                return None
            moment = datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return moment if 2000 <= moment.year < 2200 else None


def _day(value: object) -> date | None:
    """The day as the vendor wrote it, in any time zone: it is the vendor's own day."""
    try:
        return date.fromisoformat(value[:10]) if isinstance(value, str) else None
    except ValueError:
        return None
