"""What one picture of a model costs, by the choices that its price depends on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import product
from math import prod
from typing import Any

from django.utils.translation import gettext as _

from gallery.models.catalogue import ImageModel
from gallery.models.options import Option
from gallery.queries.catalogue.words import choices_in_words, money

_MOST_ROWS = 60  # a longer preview does not help


@dataclass(frozen=True, slots=True)
class PriceRow:
    when: str
    price: Decimal | None
    is_usual: bool  # with the choices that are made for a person


def price_table(model: ImageModel) -> list[PriceRow]:
    """What one picture costs with each combination of the choices that the price depends on; usual choices first.

    A model with too many combinations has the rows of its own list instead.
    """
    depends = {name for row in model.prices for name in row["when"]}
    options = [option for option in model.option_list if option.name in depends]
    domains = [_domain(option, model.prices) for option in options]
    if prod(map(len, domains)) > _MOST_ROWS:
        return _listed_rows(model)
    rows = [_row(model, options, choices) for choices in product(*domains)]
    return sorted(rows, key=lambda row: not row.is_usual)


def _listed_rows(model: ImageModel) -> list[PriceRow]:
    rows = [PriceRow(choices_in_words(row["when"]), Decimal(row["price"]), False) for row in model.prices]
    return [*rows, PriceRow(_("all else"), model.price, True)]


def _row(model: ImageModel, options: Sequence[Option], choices: tuple[str, ...]) -> PriceRow:
    pairs = list(zip(options, choices, strict=True))
    words = ", ".join(f"{option.title} {choice or _('not chosen')}" for option, choice in pairs)
    price = model.price_of({option.name: choice for option, choice in pairs})
    return PriceRow(words or _("any choice"), price, all(choice == option.default for option, choice in pairs))


def _domain(option: Option, prices: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """The values that make a difference to the price, and the usual one."""
    if option.picks and not option.is_typed and option.default:
        return option.picks
    named = [row["when"][option.name] for row in prices if option.name in row["when"]]
    return tuple(dict.fromkeys([option.default, *option.picks, *named]))


def price_range(model: ImageModel) -> str:
    """From the cheapest to the dearest picture: “$0.04”, “$0.04 to $0.12”, or “not known”."""
    known = sorted({row.price for row in price_table(model) if row.price is not None})
    if not known:
        return _("not known")
    if len(known) == 1:
        return money(known[0])
    return _("%(least)s to %(most)s") % {"least": money(known[0]), "most": money(known[-1])}
