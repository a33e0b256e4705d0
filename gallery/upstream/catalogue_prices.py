"""What a catalogue says of prices, in any of the vendor's shapes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from gallery.upstream.catalogue_values import OPTIONS_LIMIT, is_option, is_plain, object_in
from gallery.upstream.fields import Hide
from lemonstudio.marking import gettext_noop

VARIANTS_LIMIT = 100


@dataclass(slots=True)
class PricesRead:
    price: Decimal | None = None
    rows: tuple[tuple[dict[str, str], Decimal], ...] = ()
    tokens: dict[str, Decimal] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


def pricing_in(document: object, name: str) -> dict[str, Any] | None:
    """What an answer about prices says of one model, in any of its shapes; None if nothing."""
    if not isinstance(document, dict):
        return None
    rows = document.get("data")
    if isinstance(rows, list):
        found = next((row for row in rows if isinstance(row, dict) and row.get("model", name) == name), None)
        return None if found is None else {"currency": document.get("currency"), **found}
    is_one = document.get("model", name) == name and any(
        key in document for key in ("pricing", "scalar_pricing", "pricing_unit", "pricing_details")
    )
    return document if is_one else None


def read_prices(told: list[Mapping[str, Any]], page: Mapping[str, Any], hide: Hide) -> PricesRead:
    """The first that says a price wins: in a row of its own, within `pricing`, or within `scalar_pricing`."""
    result = PricesRead()
    unit = next((one["pricing_unit"] for one in (*told, page) if isinstance(one.get("pricing_unit"), str)), "")
    sources = [
        (place, one)
        for one in told
        for place in (
            one,
            object_in(one, "pricing"),
            object_in(one, "scalar_pricing"),
            object_in(one, "pricing_details"),
        )
        if (place.get("currency") or one.get("currency") or "USD") in ("USD", "usd")
    ]
    for place, _ in sources:
        if result.price is None and unit not in ("per_token", "per_second"):
            named = (place.get(key) for key in ("lock_price_per_request", "per_request", "per_image"))
            result.price = next((price for one in named if (price := dollars(one)) is not None), None)
        result.rows = result.rows or variants_of(place.get("variants"), hide)
        for rate in ("input", "output"):
            if rate not in result.tokens:
                price = dollars(place.get(f"{rate}_per_1m_tokens")) or dollars(place.get(f"{rate}_per_1m"))
                if price is not None:
                    result.tokens[rate] = price
    varies = any(one.get("has_complex_pricing") is True for one in (*told, page))
    if varies and not result.rows and not (unit == "per_token" and result.tokens):
        result.problems = (_priced_by_choice(*_span(told)),)
    return result


def _priced_by_choice(least: Decimal | None, most: Decimal | None) -> str:
    if least is None or most is None:
        return gettext_noop(
            "Its price depends on what is chosen, and the upstream does not say how in a form that the studio knows. "
            "Fill in the prices by option."
        )
    return gettext_noop(
        "Its price depends on what is chosen ($%(least)s to $%(most)s), and the upstream does not say how in a form "
        "that the studio knows. Fill in the prices by option."
    ) % {"least": least, "most": most}


def _span(told: Iterable[Mapping[str, Any]]) -> tuple[Decimal | None, Decimal | None]:
    for one in told:
        pricing = object_in(one, "pricing")
        least, most = dollars(pricing.get("min_price")), dollars(pricing.get("max_price"))
        if least is not None and most is not None:
            return least, most
    return None, None


def variants_of(variants: object, hide: Hide) -> tuple[tuple[dict[str, str], Decimal], ...]:
    found = []
    for row in variants[:VARIANTS_LIMIT] if isinstance(variants, list) else []:
        when, price = object_in(row, "when"), dollars(row.get("per_request")) if isinstance(row, dict) else None
        said = 0 < len(when) <= OPTIONS_LIMIT and all(is_option(k) and is_plain(v, hide) for k, v in when.items())
        if said and price is not None:
            found.append((when, price))
    # What asks for more comes first, so that the first row that fits is the one that is meant.
    return tuple(sorted(found, key=lambda one: -len(one[0])))


def dollars(value: object) -> Decimal | None:
    """Dollars as people write them: 0.04, not 0.040000."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        amount = Decimal(str(value)[:50].strip())
        # Compared first: a number of a thousand digits has no six places.
        if not amount.is_finite() or not 0 <= amount < 1_000_000:
            return None
        amount = amount.quantize(Decimal("0.000001"))
    except (InvalidOperation, ValueError):
        return None
    return Decimal(f"{amount:f}".rstrip("0").rstrip(".") or "0")
