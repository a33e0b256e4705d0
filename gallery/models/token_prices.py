"""What tokens cost, for models that the upstream does not price by the picture."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from gallery.models.options import dollars

MILLION = Decimal(1_000_000)
RATES = ("text_input", "image_input", "image_output", "text_output")


def validate_token_prices(value: Any) -> None:
    """Accept {rate: US dollars per million tokens, as a text}; raise ValidationError otherwise."""
    if not isinstance(value, dict) or not set(value) <= set(RATES):
        raise ValidationError(_("Token prices are an object with some of %(rates)s.") % {"rates": ", ".join(RATES)})
    for name, rate in value.items():
        if dollars(rate) is None:
            raise ValidationError(
                _('“%(rate)s” is no price of %(name)s; write it as a text such as "5.00".')
                % {"rate": rate, "name": name}
            )


def cost_from_usage(prices: Mapping[str, str], usage: Mapping[str, Any]) -> Decimal | None:
    """What a request cost in US dollars, by the tokens that its answer names (`usage` of the Images API).

    None where a token has no price, or the answer does not say how many there were. Tokens of input without details
    count as text; tokens of output without details count as image, as the Images API makes nothing else.
    """
    used = _tokens(usage)
    if used is None:
        return None
    total = Decimal(0)
    for rate, tokens in used.items():
        if tokens and rate not in prices:
            return None
        total += tokens * Decimal(prices.get(rate, "0"))
    return total / MILLION


def _tokens(usage: Mapping[str, Any]) -> dict[str, int] | None:
    """How many tokens of each rate; None where the answer does not say, or makes no sense."""
    sums = _count(usage.get("input_tokens")), _count(usage.get("output_tokens"))
    if sums[0] is None or sums[1] is None or not any(sums):
        return None
    image_in = _detail(usage, "input_tokens_details", "image_tokens", otherwise=0)
    text_out = _detail(usage, "output_tokens_details", "text_tokens", otherwise=0)
    if image_in > sums[0] or text_out > sums[1]:
        return None
    return {
        "text_input": sums[0] - image_in,
        "image_input": image_in,
        "text_output": text_out,
        "image_output": sums[1] - text_out,
    }


def _detail(usage: Mapping[str, Any], name: str, key: str, *, otherwise: int) -> int:
    details = usage.get(name)
    found = _count(details.get(key)) if isinstance(details, dict) else None
    return otherwise if found is None else found


def _count(value: object) -> int | None:
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return value if is_whole and isinstance(value, int) and 0 <= value < 10**12 else None
