"""Read what the upstream says of one model, as the catalogue would put it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.core.validators import MaxValueValidator
from django.utils.translation import gettext as _

from gallery.models.options import Operation, validate_options, validate_prices
from gallery.models.routes import MOST_REFERENCES, USUAL, route_of
from gallery.models.sentences import in_readers_language
from gallery.models.token_prices import RATES
from gallery.queries.catalogue.values import OPTION, model_field, plain, problem_of
from gallery.queries.option_sheets import sheet_for

_CENTS = Decimal("0.0001")  # what the column of a price holds
_DEAREST = Decimal(999_999)
_BRANDS = (
    ("gpt-image", "GPT Image"),
    ("gpt", "GPT"),
    ("dall-e", "DALL·E"),
    ("flux", "FLUX"),
    ("stable-diffusion", "Stable Diffusion"),
)
_KNOWN: dict[str, dict[str, Any]] = {
    "seed": {"kind": "integer", "label": "Seed"},
    "negative_prompt": {"kind": "text", "label": "Leave out", "maximum": 1000},
    "expand_prompt": {"kind": "boolean", "label": "Expand the prompt"},
    "async": {"kind": "boolean", "label": "In the background"},
    "output_compression": {"kind": "integer", "label": "Compression", "minimum": 0, "maximum": 100},
}
"""Fields of the same kind in all models, by the vendor's pages."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What the upstream says of one model, as the catalogue would put it. What it does not say is not there.

    `from_sheet` is what a new model begins with besides: what its option sheet knows. `unusable` are keys of which the
    upstream says something that the studio cannot express. `facts` are worth reading, and change nothing.
    """

    slug: str
    values: dict[str, Any]
    problems: tuple[str, ...] = ()
    unusable: frozenset[str] = frozenset()
    from_sheet: dict[str, Any] = field(default_factory=dict)
    facts: tuple[str, ...] = ()
    is_described: bool = False

    @property
    def is_retired(self) -> bool:
        return bool(self.values.get("lifecycle", {}).get("stage") == "retired")


def read_offer(row: Mapping[str, Any]) -> Offer:
    """A row of CatalogueSnapshot.offered (an OfferedModel as JSON), within what the catalogue can hold."""
    return _OfferReader(row).read()


def label_for(slug: str) -> str:
    """A name for people, made from an id: “GPT Image 2” from gpt-image-2, “Nano banana pro” from nano-banana-pro."""
    name = slug.rsplit("/", 1)[-1]
    for prefix, brand in _BRANDS:
        if re.match(rf"{prefix}(?![a-z0-9])", name, re.IGNORECASE):
            return " ".join([brand, *_words(name[len(prefix) :])])[:100]
    words = " ".join(_words(name)) or slug
    return (words[0].upper() + words[1:])[:100]


class _OfferReader:
    """Reads one row, and collects the problems and the keys that cannot be used."""

    def __init__(self, row: Mapping[str, Any]) -> None:
        self.row = row
        self.sheet = sheet_for(str(row["id"]))
        self.problems: list[str] = [in_readers_language(problem) for problem in row.get("problems", ())]
        self.unusable: set[str] = set()
        self.is_described = bool(row.get("described") or row.get("options"))

    def read(self) -> Offer:
        values = {**self._basics(), **self._description(), **self._prices()}
        return Offer(
            str(self.row["id"]),
            values,
            tuple(self.problems),
            frozenset(self.unusable),
            dict(self.sheet.values) if self.sheet else {},
            tuple(self._facts()),
            self.is_described,
        )

    def _basics(self) -> dict[str, Any]:
        row = self.row
        said = {"can_generate": row.get("generates"), "can_edit": row.get("edits"), "can_vary": row.get("variations")}
        values: dict[str, Any] = {name: can for name, can in said.items() if can is not None}
        if row.get("description"):
            values["description"] = _shortened(row["description"], 200)
        if row.get("prompt_limit"):
            values["prompt_limit"] = min(row["prompt_limit"], _most("prompt_limit"))
        return values

    def _description(self) -> dict[str, Any]:
        values: dict[str, Any] = {}
        if self.is_described:
            values["options"] = self._options()
        if self.row.get("endpoints"):
            values["routes"] = self._routes()
        if self.row.get("lifecycle") or self.is_described:
            values["lifecycle"] = dict(self.row.get("lifecycle") or {})
        return values

    def _options(self) -> list[dict[str, Any]]:
        """The options that the upstream names, with what the sheet and the vendor's pages know of their contents."""
        found = [*self._listed_options(), *self._named_options()]
        if self.sheet:
            order = [option["name"] for option in self.sheet.values["options"]]
            found.sort(key=lambda one: order.index(one["name"]) if one["name"] in order else len(order))
        return [one for one in found if self._is_usable(one)]

    def _listed_options(self) -> Iterator[dict[str, Any]]:
        """Options of which the upstream says the choices."""
        for option in self.row.get("options", ()):
            known = (self.sheet.option(option["name"]) if self.sheet else None) or {}
            one = {
                "name": option["name"],
                "label": known.get("label") or option["label"],
                "choices": list(option["choices"]),
                "default": option.get("default") or "",
            }
            if others := option.get("choices_for"):
                one["choices_for"] = {operation: list(choices) for operation, choices in others.items()}
            yield _limited(one, option.get("operations"))

    def _named_options(self) -> Iterator[dict[str, Any]]:
        """Options of which the upstream says the name alone."""
        for name, operations in (self.row.get("parameters") or {}).items():
            one = (self.sheet.option(name) if self.sheet else None) or _KNOWN.get(name)
            if one:
                yield _limited({**one, "name": name}, operations)
                continue
            self.unusable.add(OPTION + name)
            self.problems.append(
                _(
                    "It takes “%(name)s”, but neither the upstream nor the studio says which values. Add the option "
                    "by hand."
                )
                % {"name": name}
            )

    def _is_usable(self, option: dict[str, Any]) -> bool:
        problem = problem_of(validate_options, [option])
        if problem:
            self.problems.append(
                _("Its option “%(name)s” cannot be used: %(problem)s") % {"name": option["name"], "problem": problem}
            )
            self.unusable.add(OPTION + option["name"])
        return not problem

    def _routes(self) -> dict[str, Any]:
        """Where each operation goes, if it does not go to the usual place."""
        routes: dict[str, Any] = {}
        for operation, endpoint in self.row["endpoints"].items():
            route = self._route(operation, endpoint)
            if route and route_of({operation: route}, operation) != USUAL.get(Operation(operation)):
                routes[operation] = route
        return routes

    def _route(self, operation: str, endpoint: str) -> dict[str, Any] | None:
        """None if the upstream does not say enough. Only a sheet knows how many pictures go along."""
        known = self.sheet.values.get("routes", {}).get(operation, {}) if self.sheet else {}
        if operation == "references" and not known and endpoint == USUAL[Operation.EDIT].endpoint:
            return None  # it edits pictures; whether it takes one as a mere example is not said
        route = dict(known) if known.get("endpoint") == endpoint else _assumed_route(operation, endpoint)
        if operation == "edit" and self.row.get("masks") is not None:
            route["mask"] = self.row["masks"]
        fields = (self.row.get("address_fields") or {}).get(operation)
        if fields and route.get("references"):
            # Its own number is not published; the vendor's files say 16 of all models.
            route |= {"lent": MOST_REFERENCES, "lent_image": fields[0], "lent_images": fields[1]}
        return route

    def _prices(self) -> dict[str, Any]:
        row = self.row
        values: dict[str, Any] = {}
        if row.get("price") is not None and Decimal(row["price"]) <= _DEAREST:
            values["price"] = plain(Decimal(row["price"]).quantize(_CENTS, ROUND_HALF_UP))
        if row.get("prices"):
            values |= self._prices_by_option()
        if tokens := row.get("token_prices"):
            # The vendor's flat fields name one rate of input and one of output.
            values["token_prices"] = {
                rate: plain(Decimal(tokens[side])) for rate in RATES if (side := rate.rpartition("_")[2]) in tokens
            }
        return values

    def _prices_by_option(self) -> dict[str, Any]:
        rows = [{"when": dict(when), "price": plain(Decimal(price))} for when, price in self.row["prices"]]
        if problem := problem_of(validate_prices, rows):
            self.problems.append(_("Its prices by option cannot be used: %(problem)s") % {"problem": problem})
            self.unusable.add("prices")
            return {}
        return {"prices": rows}

    def _facts(self) -> Iterator[str]:
        """What an administrator should know besides."""
        yield from map(str, self.row.get("notes", ()))
        if self.row.get("success_rate") is not None:
            yield (
                _("%(percent)d%% of requests of the last 24 hours brought a picture.")
                % {"percent": round(100 * self.row["success_rate"])}
            )
        if self.row.get("token_prices"):
            yield _("It is priced by token. Fill in prices by size and quality, so that estimates are possible.")
        if sheet := self.sheet:
            yield (
                _("Option sheet of %(family)s; source: %(source)s. %(notes)s")
                % {"family": sheet.family, "source": sheet.source, "notes": sheet.notes}
            ).strip()


def _assumed_route(operation: str, endpoint: str) -> dict[str, Any]:
    """The route of an operation that no sheet describes."""
    if operation == "generate":
        return {"endpoint": endpoint}
    route: dict[str, Any] = {"endpoint": endpoint, "encoding": "multipart", "references": 1}
    if operation == "edit" and endpoint == USUAL[Operation.EDIT].endpoint:
        route["mask"] = True  # unless the upstream says otherwise
    if endpoint == USUAL[Operation.GENERATE].endpoint:
        route["fields"] = {"operation": "image-to-image"}
    return route


def _limited(option: dict[str, Any], operations: Sequence[str] | None) -> dict[str, Any]:
    """The option with the operations that the upstream names for it; those of a sheet do not count."""
    kept = {name: value for name, value in option.items() if name != "operations"}
    return kept | ({"operations": list(operations)} if operations else {})


def _most(name: str) -> int:
    """The highest value that a field of the catalogue takes."""
    return int(min(one.limit_value for one in model_field(name).validators if isinstance(one, MaxValueValidator)))


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def _words(name: str) -> list[str]:
    return [word for word in re.split(r"[-_\s:]+", name) if word]
