"""The catalogue beside what the upstream offers: what is new, changed or gone, and what somebody set by hand.

Nothing here reads or writes a row, and nothing talks to the network. `gallery.engine.catalogue_sync` brings the offer,
`gallery.services.catalogue` applies what was chosen of the differences.

Each thing that is compared has a key: a field of ImageModel, or "options.NAME" for one option of a model. So an option
that an administrator changed does not hold back the others. The order and the labels of options are the studio's own
words: they make no difference, and stay as they are.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from itertools import product
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator
from django.db.models import Field

from gallery.models.catalogue import ImageModel
from gallery.models.options import (
    ANY,
    Operation,
    Option,
    OptionKind,
    kind_of,
    option_from,
    validate_options,
    validate_prices,
)
from gallery.models.routes import USUAL, route_of
from gallery.models.token_prices import RATES
from gallery.queries.option_sheets import OptionSheet, sheet_for

FIELDS = (
    "description",
    "max_count",
    "prompt_limit",
    "can_generate",
    "can_edit",
    "can_vary",
    "edit_square",
    "edit_needs_mask",
    "edit_max_bytes",
    "edit_max_side",
    "price",
    "prices",
    "token_prices",
    "ruled_out",
    "routes",
    "lifecycle",
)
# A price that an administrator set is worth nothing if another one by option takes its place.
PRICING = frozenset({"price", "prices", "token_prices"})
OPTION = "options."
BACK = "gone_at"
_CENTS = Decimal("0.0001")  # what the column of a price holds
_DEAREST = Decimal(999_999)
_PREVIEWED = 60  # combinations of choices; with more, a preview is no help
_BRANDS = (
    ("gpt-image", "GPT Image"),
    ("gpt", "GPT"),
    ("dall-e", "DALL·E"),
    ("flux", "FLUX"),
    ("stable-diffusion", "Stable Diffusion"),
)


class Kind(StrEnum):
    NEW = "new"
    CHANGED = "changed"
    GONE = "gone"


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


@dataclass(frozen=True, slots=True)
class Change:
    """One thing about a model that the upstream says otherwise. `by_hand`: somebody set what stands there now."""

    key: str
    what: str
    now: str
    then: str
    note: str = ""
    by_hand: bool = False


@dataclass(frozen=True, slots=True)
class Difference:
    """What applying would do to one model. `digest` is another one as soon as the model or the offer is."""

    kind: Kind
    slug: str
    label: str
    digest: str
    changes: tuple[Change, ...] = ()
    problems: tuple[str, ...] = ()
    on_offer: bool = True  # whether people may pick it now
    offer: Offer | None = None
    note: str = ""  # why it is gone, and what takes its place
    facts: tuple[str, ...] = ()

    @property
    def unprotected(self) -> list[Change]:
        return [change for change in self.changes if not change.by_hand]

    @property
    def by_hand(self) -> list[Change]:
        return [change for change in self.changes if change.by_hand]


@dataclass(frozen=True, slots=True)
class Comparison:
    """All differences; `same` counts the models without any.

    `undescribed` are ids of models that came without a description of their options. `left_out` are listed, but not for
    pictures: id and reason of each. `is_doubtful`: no model was described, so the list may be another than it seems.
    """

    new: list[Difference] = field(default_factory=list)
    changed: list[Difference] = field(default_factory=list)
    gone: list[Difference] = field(default_factory=list)
    same: int = 0
    undescribed: list[str] = field(default_factory=list)
    left_out: list[Mapping[str, str]] = field(default_factory=list)
    is_doubtful: bool = False

    @property
    def all(self) -> list[Difference]:
        return [*self.new, *self.changed, *self.gone]


# -- comparing


def compare(
    offered: Iterable[Mapping[str, Any]], models: Iterable[ImageModel], left_out: Iterable[Mapping[str, str]] = ()
) -> Comparison:
    """What is new, changed and gone, of an offer as CatalogueSnapshot keeps it.

    An upstream that offers nothing at all has said nothing: then no model is gone. Neither is one that is listed, but
    was left out.
    """
    offers = {offer.slug: offer for offer in map(read_offer, offered) if 0 < len(offer.slug) <= 100}
    ours = {model.slug: model for model in models}
    left_out = list(left_out)
    listed = {row["id"] for row in left_out}
    result = Comparison(
        new=[_new(offer) for slug, offer in offers.items() if slug not in ours and not offer.is_retired],
        undescribed=[slug for slug, offer in offers.items() if not offer.is_described],
        left_out=left_out,
        is_doubtful=not any(offer.is_described for offer in offers.values()),
    )
    same = 0
    for slug, model in ours.items():
        offer = offers.get(slug)
        difference = None
        if offer and not offer.is_retired:
            difference = _difference(model, offer)
        elif offer or (offers and slug not in listed):
            difference = _gone(model, offer)
        if difference is None:
            same += slug in offers
        elif difference.kind is Kind.GONE:
            result.gone.append(difference)
        else:
            result.changed.append(difference)
    return replace(result, same=same)


def undescribed_in_words(comparison: Comparison) -> str:
    """How many models came without a description of their options; "" if all had one."""
    count = len(comparison.undescribed)
    if not count:
        return ""
    which = ", ".join(comparison.undescribed[:10]) + (f" and {count - 10} more" if count > 10 else "")
    models = "1 model" if count == 1 else f"{count} models"
    return f"{models} came without a description of {'its' if count == 1 else 'their'} options: {which}."


def left_out_in_words(comparison: Comparison) -> str:
    """Which of the listed models are not compared, and why; "" if none."""
    count = len(comparison.left_out)
    if not count:
        return ""
    which = "; ".join(f"{row['id']} ({row['reason']})" for row in comparison.left_out[:10])
    models = "1 listed model is" if count == 1 else f"{count} listed models are"
    return f"{models} left out: {which}{f'; and {count - 10} more' if count > 10 else ''}."


def _new(offer: Offer) -> Difference:
    blank = _flat(_defaults())
    offer = replace(offer, values={**offer.from_sheet, **offer.values})
    theirs = _flat(offer.values)
    changes = [
        Change(key, _what(key, theirs[key]), _in_words(key, blank.get(key)), _in_words(key, theirs[key]))
        for key in theirs
        if key.startswith(OPTION) or not _same(key, blank.get(key), theirs[key])
    ]
    digest = _digest(Kind.NEW, offer.values)
    return Difference(
        Kind.NEW,
        offer.slug,
        label_for(offer.slug),
        digest,
        tuple(changes),
        offer.problems,
        on_offer=False,
        offer=offer,
        facts=offer.facts,
    )


def _gone(model: ImageModel, offer: Offer | None) -> Difference | None:
    """None where that was noted before. With an offer, the upstream says itself that the model is retired."""
    if model.gone_at is not None:
        return None
    life = offer.values["lifecycle"] if offer else {}
    note = " ".join(
        said
        for said in (
            "The upstream has retired it." if offer else "",
            life.get("reason", ""),
            f"Its replacement is {life['replacement']}." if life.get("replacement") else "",
        )
        if said
    )
    digest = _digest(Kind.GONE, model.pk, model.enabled, life)
    return Difference(Kind.GONE, model.slug, model.label, digest, on_offer=model.enabled, offer=offer, note=note)


def _difference(model: ImageModel, offer: Offer) -> Difference | None:
    ours, theirs = _flat(current(model)), _flat(offer.values)
    touched = set(set_by_hand(model))
    protected = touched | PRICING if touched & PRICING else touched
    changes = []
    if model.gone_at is not None:
        back = "offered again" + (", back on the list" if was_switched_off(model) else "")
        changes.append(Change(BACK, "offered upstream", f"gone since {model.gone_at:%Y-%m-%d}", back))
    for key in _compared(model, offer, ours, theirs):
        now, then = ours.get(key), theirs.get(key)
        if not _same(key, now, _settled(key, now, then)):
            changes.append(
                Change(
                    key,
                    _what(key, then if now is None else now),
                    _in_words(key, now),
                    _in_words(key, then),
                    "goes with the price set by hand" if key in protected - touched else _note(key, now, then),
                    by_hand=key in protected,
                )
            )
    if not changes:
        return None
    state = (current(model), model.imported, model.enabled, model.gone_at is None)
    digest = _digest(Kind.CHANGED, model.pk, state, offer.values)
    return Difference(
        Kind.CHANGED,
        model.slug,
        model.label,
        digest,
        tuple(changes),
        offer.problems,
        model.enabled,
        offer,
        facts=offer.facts,
    )


def _compared(model: ImageModel, offer: Offer, ours: dict[str, Any], theirs: dict[str, Any]) -> list[str]:
    """The keys that the offer says something of. Options are told all together: one that is not there is no more."""
    keys = list(theirs)
    if "options" in offer.values:
        keys += [key for key in ours if key.startswith(OPTION) and key not in theirs]
    # A description that the studio has of its own is better than the vendor's.
    own_words = bool(model.description) and "description" not in model.imported
    return [key for key in keys if key not in offer.unusable and not (own_words and key == "description")]


def _settled(key: str, now: Any, then: Any) -> Any:
    """What the upstream says, with the default that the catalogue has where the upstream names none."""
    if not key.startswith(OPTION) or not now or not then or then.get("default") not in (None, ""):
        return then
    kept = {**then, "default": now.get("default")}
    return then if _problem(validate_options, [kept]) else kept


def current(model: ImageModel) -> dict[str, Any]:
    """What the catalogue says of a model now, by field, as JSON can hold it."""
    return {name: _plain(getattr(model, name)) for name in (*FIELDS, "options")}


def set_by_hand(model: ImageModel) -> list[str]:
    """The keys of what says something else now than the last import, or, where none was, than a new row does."""
    ours, last = _flat(current(model)), _flat(_defaults() | model.imported)
    differing = [key for key in dict.fromkeys((*ours, *last)) if not _same(key, ours.get(key), last.get(key))]
    return [key for key in differing if key != "description" or key in model.imported]


def was_switched_off(model: ImageModel) -> bool:
    """Whether an import took it off the list, so that one may put it back."""
    return not model.enabled and model.imported.get("enabled") is False


# -- taking over


def take_over(model: ImageModel, offer: Offer, keys: Iterable[str]) -> None:
    """Set what these keys name as the offer has it, and note that an import did. The row is not saved."""
    theirs = _flat(offer.values)
    options = {one["name"]: one for one in model.options}
    noted = {one["name"]: one for one in model.imported.get("options", [])}
    imported = dict(model.imported)
    touched = False
    for key in keys:
        if not key.startswith(OPTION):
            setattr(model, key, Decimal(theirs[key]) if key == "price" else theirs[key])
            imported[key] = theirs[key]
            continue
        name, touched = key.removeprefix(OPTION), True
        if key in theirs:
            options[name] = noted[name] = _merged(options.get(name), theirs[key])
        else:
            options.pop(name, None)
            noted.pop(name, None)
    if touched:
        model.options = list(options.values())
        imported["options"] = list(noted.values())
    model.imported = imported


def _merged(ours: dict[str, Any] | None, theirs: dict[str, Any]) -> dict[str, Any]:
    """Their option under our label, its choices in our order if an administrator has changed that."""
    theirs = _settled(OPTION, ours, theirs)
    if ours is None or "choices" not in ours or "choices" not in theirs:
        return theirs | ({"label": ours["label"]} if ours else {})
    kept = [choice for choice in ours["choices"] if choice in theirs["choices"]]
    in_their_order = kept == [choice for choice in theirs["choices"] if choice in kept]
    choices = theirs["choices"] if in_their_order else kept + [one for one in theirs["choices"] if one not in kept]
    return theirs | {"label": ours["label"], "choices": choices}


def label_for(slug: str) -> str:
    """A name for people, made from an id: “GPT Image 2” from gpt-image-2, “Nano banana pro” from nano-banana-pro."""
    name = slug.rsplit("/", 1)[-1]
    for prefix, brand in _BRANDS:
        if re.match(rf"{prefix}(?![a-z0-9])", name, re.IGNORECASE):
            return " ".join([brand, *_words(name[len(prefix) :])])[:100]
    words = " ".join(_words(name)) or slug
    return (words[0].upper() + words[1:])[:100]


def _words(name: str) -> list[str]:
    return [word for word in re.split(r"[-_\s:]+", name) if word]


# -- reading an offer


_KNOWN: dict[str, dict[str, Any]] = {
    "seed": {"kind": "integer", "label": "Seed"},
    "negative_prompt": {"kind": "text", "label": "Leave out", "maximum": 1000},
    "expand_prompt": {"kind": "boolean", "label": "Expand the prompt"},
    "async": {"kind": "boolean", "label": "In the background"},
    "output_compression": {"kind": "integer", "label": "Compression", "minimum": 0, "maximum": 100},
}
"""Fields whose kind follows from what the vendor's pages say of them, whichever model they belong to."""


def read_offer(row: Mapping[str, Any]) -> Offer:
    """A row of CatalogueSnapshot.offered (an OfferedModel as JSON), within what the catalogue can hold."""
    sheet = sheet_for(str(row["id"]))
    values: dict[str, Any] = {}
    problems: list[str] = list(row.get("problems", ()))
    unusable: set[str] = set()
    if row.get("description"):
        values["description"] = _shortened(row["description"], 200)
    if row.get("prompt_limit"):
        values["prompt_limit"] = min(row["prompt_limit"], _most("prompt_limit"))
    for name, said in (
        ("can_generate", row.get("generates")),
        ("can_edit", row.get("edits")),
        ("can_vary", row.get("variations")),
    ):
        if said is not None:
            values[name] = said
    is_described = bool(row.get("described") or row.get("options"))
    if is_described:
        values["options"] = _options(row, sheet, problems, unusable)
    if row.get("endpoints"):
        values["routes"] = _routes(row, sheet)
    if row.get("lifecycle") or is_described:
        values["lifecycle"] = dict(row.get("lifecycle") or {})
    _read_prices(row, values, problems, unusable)
    return Offer(
        str(row["id"]),
        values,
        tuple(problems),
        frozenset(unusable),
        dict(sheet.values) if sheet else {},
        _facts(row, sheet),
        is_described,
    )


def _options(
    row: Mapping[str, Any], sheet: OptionSheet | None, problems: list[str], unusable: set[str]
) -> list[dict[str, Any]]:
    """The options that the upstream names, with what the sheet and the vendor's pages know of their contents."""
    found = []
    for option in row.get("options", ()):
        known = (sheet.option(option["name"]) if sheet else None) or {}
        one = {
            "name": option["name"],
            "label": known.get("label") or option["label"],
            "choices": list(option["choices"]),
            "default": option.get("default") or "",
        }
        found.append(_limited(one, option.get("operations")))
    for name, operations in (row.get("parameters") or {}).items():
        one = (sheet.option(name) if sheet else None) or _KNOWN.get(name) or {}
        if one:
            found.append(_limited({**one, "name": name}, operations))
        else:
            unusable.add(OPTION + name)
            problems.append(
                f"It takes “{name}”, but neither the upstream nor the studio says which values. Add the option by hand."
            )
    if sheet:
        order = [option["name"] for option in sheet.values["options"]]
        found.sort(key=lambda one: order.index(one["name"]) if one["name"] in order else len(order))
    usable = []
    for one in found:
        if problem := _problem(validate_options, [one]):
            problems.append(f"Its option “{one['name']}” cannot be used: {problem}")
            unusable.add(OPTION + one["name"])
        else:
            usable.append(one)
    return usable


def _limited(option: dict[str, Any], operations: Sequence[str] | None) -> dict[str, Any]:
    """The option with the operations that the upstream has it for, whatever a sheet says."""
    kept = {name: value for name, value in option.items() if name != "operations"}
    return kept | ({"operations": list(operations)} if operations else {})


def _routes(row: Mapping[str, Any], sheet: OptionSheet | None) -> dict[str, Any]:
    """Where each operation goes, if not where it usually does. How many pictures go along, only a sheet knows."""
    routes: dict[str, Any] = {}
    sheets_routes = sheet.values.get("routes", {}) if sheet else {}
    for operation, endpoint in row["endpoints"].items():
        known = sheets_routes.get(operation, {})
        if operation == "references" and not known and endpoint == USUAL[Operation.EDIT].endpoint:
            continue  # it edits pictures; whether it takes one as a mere example is not said
        if known.get("endpoint") == endpoint:
            route = dict(known)
        elif operation == "generate":
            route = {"endpoint": endpoint}
        else:
            route = {"endpoint": endpoint, "encoding": "multipart", "references": 1}
            if operation == "edit" and endpoint == USUAL[Operation.EDIT].endpoint:
                route["mask"] = True  # unless said otherwise
            if endpoint == USUAL[Operation.GENERATE].endpoint:
                route["fields"] = {"operation": "image-to-image"}
        if operation == "edit" and row.get("masks") is not None:
            route["mask"] = row["masks"]
        if route_of({operation: route}, operation) != USUAL.get(Operation(operation)):
            routes[operation] = route
    return routes


def _read_prices(row: Mapping[str, Any], values: dict[str, Any], problems: list[str], unusable: set[str]) -> None:
    if row.get("price") is not None and Decimal(row["price"]) <= _DEAREST:
        values["price"] = _plain(Decimal(row["price"]).quantize(_CENTS, ROUND_HALF_UP))
    if row.get("prices"):
        rows = [{"when": dict(when), "price": _plain(Decimal(price))} for when, price in row["prices"]]
        if problem := _problem(validate_prices, rows):
            problems.append(f"Its prices by option cannot be used: {problem}")
            unusable.add("prices")
        else:
            values["prices"] = rows
    if tokens := row.get("token_prices"):
        # The vendor's flat fields name one rate of input and one of output.
        values["token_prices"] = {
            rate: _plain(Decimal(tokens[side])) for rate in RATES if (side := rate.rpartition("_")[2]) in tokens
        }


def _facts(row: Mapping[str, Any], sheet: OptionSheet | None) -> tuple[str, ...]:
    """What an administrator should know besides."""
    facts = [str(note) for note in row.get("notes", ())]
    if row.get("success_rate") is not None:
        facts.append(f"{row['success_rate']:.0%} of requests of the last 24 hours brought a picture.")
    if row.get("token_prices"):
        facts.append("It is priced by token. Fill in prices by size and quality, so that estimates are possible.")
    if sheet:
        facts.append(f"Option sheet of {sheet.family}; source: {sheet.source}. {sheet.notes}".strip())
    return tuple(facts)


def _most(name: str) -> int:
    found = _field(name)
    return int(min(one.limit_value for one in found.validators if isinstance(one, MaxValueValidator)))


def _field(name: str) -> Field[Any, Any]:
    found = ImageModel._meta.get_field(name)
    assert isinstance(found, Field)
    return found


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def _problem(validate: Any, value: object) -> str:
    try:
        validate(value)
    except ValidationError as error:
        return " ".join(error.messages)
    return ""


# -- values


def _defaults() -> dict[str, Any]:
    blank = ImageModel()
    return {name: _plain(getattr(blank, name)) for name in (*FIELDS, "options")}


def _plain(value: Any) -> Any:
    """As JSON can hold it: a price is a text without needless zeros."""
    if not isinstance(value, Decimal):
        return value
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _flat(values: Mapping[str, Any]) -> dict[str, Any]:
    flat = {name: values[name] for name in FIELDS if name in values}
    return flat | {OPTION + one["name"]: one for one in values.get("options", [])}


def _same(key: str, one: Any, other: Any) -> bool:
    return bool(_essence(key, one) == _essence(key, other))


def _essence(key: str, value: Any) -> Any:
    """What makes a difference."""
    if value is None:
        return None
    if key.startswith(OPTION):
        bare = replace(option_from({**value, "label": ""}), choices=(), operations=())
        return bare, frozenset(value.get("choices", ())), frozenset(value.get("operations", ()))
    if key == "price":
        return Decimal(value)
    if key == "prices":
        return [(row["when"], Decimal(row["price"])) for row in value]
    return value


def _digest(*what: object) -> str:
    return hashlib.sha256(json.dumps(what, sort_keys=True, default=str).encode()).hexdigest()[:16]


# -- in words


def _what(key: str, value: Any) -> str:
    if key.startswith(OPTION):
        return f"option {value['label']} ({value['name']})"
    return str(_field(key).verbose_name)


def _in_words(key: str, value: Any) -> str:
    if key.startswith(OPTION):
        return option_in_words(value) if value else "not there"
    if key == "price":
        return "not known" if value is None else money(Decimal(value))
    if key == "prices":
        return "; ".join(f"{_choices(row['when'])}: {money(Decimal(row['price']))}" for row in value) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if key == "token_prices":
        said = (f"{name.replace('_', ' ')} {money(Decimal(rate))}" for name, rate in value.items())
        return f"{', '.join(said)} per million tokens" if value else "none"
    if key == "routes":
        return "; ".join(f"{operation} to {route['endpoint']}" for operation, route in value.items()) or "the usual"
    if key == "ruled_out":
        return "; ".join(map(_rule_in_words, value)) or "none"
    if key == "lifecycle":
        return life_in_words(value)
    if key == "prompt_limit":
        return f"{value:,} characters"
    return str(value) or "none"


def beside_import(model: ImageModel) -> list[Change]:
    """What was set by hand: `now` as it is, `then` as the last import left it."""
    ours, last = _flat(current(model)), _flat(_defaults() | model.imported)
    return [
        Change(key, _what(key, (last | ours)[key]), _in_words(key, ours.get(key)), _in_words(key, last.get(key)))
        for key in set_by_hand(model)
    ]


def _rule_in_words(rule: Mapping[str, Any]) -> str:
    said = []
    for name, values in rule.items():
        wanted = [values] if isinstance(values, str) else values
        words = " or ".join({"": "not chosen", ANY: "of any value"}.get(one, one) for one in wanted)
        said.append(f"{name.replace('_', ' ')} {words}")
    return " with ".join(said)


def life_in_words(life: Mapping[str, Any]) -> str:
    """Its stage, last day, replacement, and whether it is free."""
    said = [life.get("stage", "active")]
    if life.get("sunset_at"):
        said.append(f"until {life['sunset_at'][:10]}")
    if life.get("replacement"):
        said.append(f"replaced by {life['replacement']}")
    if life.get("is_free"):
        said.append("free" + (f" until {life['free_until'][:10]}" if life.get("free_until") else ""))
    if life.get("reason"):
        said.append(life["reason"])
    return ", ".join(said)


def option_in_words(row: Mapping[str, Any]) -> str:
    option = option_from(row)
    default = f"{option.default} unless chosen" if option.default else "not sent unless chosen"
    match option.kind:
        case OptionKind.INTEGER | OptionKind.DECIMAL:
            words = _span_in_words(option)
        case OptionKind.TEXT:
            words = "a text"
        case OptionKind.BOOLEAN:
            words = "yes or no"
        case OptionKind.SIZE:
            words = f"any size{f' ({proposed})' if (proposed := ', '.join(option.choices)) else ''}"
        case _:
            words = ", ".join(option.choices)
    only = f"; for {', '.join(option.operations)} only" if option.operations else ""
    return f"{words}{'' if option.choices == (option.default,) else f'; {default}'}{only}"


def _span_in_words(option: Option) -> str:
    number = "a whole number" if option.kind is OptionKind.INTEGER else "a number"
    if option.minimum is not None and option.maximum is not None:
        return f"{_plain(option.minimum)} to {_plain(option.maximum)}"
    if option.minimum is not None:
        return f"{number} from {_plain(option.minimum)}"
    return number if option.maximum is None else f"{number} up to {_plain(option.maximum)}"


def _note(key: str, now: Any, then: Any) -> str:
    """What it comes to, where two long lists leave one searching."""
    if not key.startswith(OPTION):
        return ""
    if now is None or then is None:
        return "a new option" if now is None else "no such option any more"
    if kind_of(now) is not kind_of(then):
        return f"{kind_of(then)} instead of {kind_of(now)}"
    here, there = now.get("choices", []), then.get("choices", [])
    if not here or not there:
        return ""
    more = [one for one in there if one not in here]
    less = [one for one in here if one not in there]
    said = [f"{word} {', '.join(found)}" for word, found in (("adds", more), ("takes away", less)) if found]
    if then.get("default") and str(now.get("default")) != str(then["default"]):
        said.append(f"{then['default']} unless chosen")
    return "; ".join(said)


def _choices(when: Mapping[str, str]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {choice}" for name, choice in when.items())


def money(amount: Decimal) -> str:
    """US dollars: $0.04, $0.0025."""
    text = _plain(amount)
    whole, _, rest = text.partition(".")
    return f"${int(whole):,}.{rest:0<2}"


# -- prices


@dataclass(frozen=True, slots=True)
class PriceRow:
    when: str
    price: Decimal | None
    is_usual: bool  # with the choices that are made for a person


def price_table(model: ImageModel) -> list[PriceRow]:
    """What one picture costs with each combination of the choices that the price depends on; usual choices first."""
    depends = {name for row in model.prices for name in row["when"]}
    options = [option for option in model.option_list if option.name in depends]
    domains = [_domain(option, model.prices) for option in options]
    combinations = 1
    for domain in domains:
        combinations *= len(domain)
    if combinations > _PREVIEWED:
        rows = [PriceRow(_choices(row["when"]), Decimal(row["price"]), False) for row in model.prices]
        return [*rows, PriceRow("all else", model.price, True)]
    usual = tuple(option.default for option in options)
    rows = []
    for choices in product(*domains):
        chosen = dict(zip((option.name for option in options), choices, strict=True))
        words = ", ".join(f"{one.label} {choice or 'not chosen'}" for one, choice in zip(options, choices, strict=True))
        rows.append(PriceRow(words or "any choice", model.price_of(chosen), choices == usual))
    return sorted(rows, key=lambda row: not row.is_usual)


def _domain(option: Option, prices: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """The values that make a difference to the price, and the one that is usual."""
    if option.picks and not option.is_typed and option.default:
        return option.picks
    named = [row["when"][option.name] for row in prices if option.name in row["when"]]
    return tuple(dict.fromkeys([option.default, *option.picks, *named]))


def price_range(model: ImageModel) -> str:
    """From the cheapest to the dearest picture: “$0.04”, “$0.04 to $0.12”, or “not known”."""
    known = sorted({row.price for row in price_table(model) if row.price is not None})
    if not known:
        return "not known"
    return money(known[0]) if len(known) == 1 else f"{money(known[0])} to {money(known[-1])}"
