"""The catalogue beside what the upstream offers: what is new, changed or gone, and what somebody set by hand.

Nothing here reads or writes a row or talks to anybody. `gallery.engine.catalogue_sync` brings the offer,
`gallery.services.catalogue` applies what was chosen of the differences.

What is compared has a key each: a field of ImageModel, or "options.NAME" for one option of a model, so that an option
which somebody changed does not hold back the others. The order and the labels of options are the studio's own words:
they make no difference, and stay as they are.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from itertools import product
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator
from django.db.models import Field

from gallery.models.catalogue import ImageModel, Option, validate_options, validate_prices

FIELDS = ("description", "max_count", "prompt_limit", "can_edit", "can_vary", "price", "prices")
# A price that somebody set is worth nothing if another one by option takes its place.
PRICING = frozenset({"price", "prices"})
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
    """What the upstream says of one model, as the catalogue would put it. What it does not say is not there."""

    slug: str
    values: dict[str, Any]
    problems: tuple[str, ...] = ()
    unusable: frozenset[str] = frozenset()  # the keys of which it says what the studio cannot do


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

    @property
    def unprotected(self) -> list[Change]:
        return [change for change in self.changes if not change.by_hand]

    @property
    def by_hand(self) -> list[Change]:
        return [change for change in self.changes if change.by_hand]


@dataclass(frozen=True, slots=True)
class Comparison:
    """All differences; `same` counts the models without any."""

    new: list[Difference] = field(default_factory=list)
    changed: list[Difference] = field(default_factory=list)
    gone: list[Difference] = field(default_factory=list)
    same: int = 0

    @property
    def all(self) -> list[Difference]:
        return [*self.new, *self.changed, *self.gone]


# -- comparing


def compare(offered: Iterable[Mapping[str, Any]], models: Iterable[ImageModel]) -> Comparison:
    """What is new, changed and gone, of an offer as CatalogueSnapshot keeps it.

    An upstream that offers nothing at all has said nothing: then no model is gone.
    """
    offers = {offer.slug: offer for offer in map(read_offer, offered) if 0 < len(offer.slug) <= 100}
    ours = {model.slug: model for model in models}
    result = Comparison(new=[_new(offer) for slug, offer in offers.items() if slug not in ours])
    same = 0
    for slug, model in ours.items():
        offer = offers.get(slug)
        difference = _difference(model, offer) if offer else _gone(model) if offers else None
        if difference is None:
            same += slug in offers
        elif difference.kind is Kind.GONE:
            result.gone.append(difference)
        else:
            result.changed.append(difference)
    return Comparison(result.new, result.changed, result.gone, same)


def _new(offer: Offer) -> Difference:
    blank = _flat(_defaults())
    theirs = _flat(offer.values)
    changes = [
        Change(key, _what(key, theirs[key]), _in_words(key, blank.get(key)), _in_words(key, theirs[key]))
        for key in theirs
    ]
    digest = _digest(Kind.NEW, offer.values)
    return Difference(
        Kind.NEW, offer.slug, label_for(offer.slug), digest, tuple(changes), offer.problems, on_offer=False, offer=offer
    )


def _gone(model: ImageModel) -> Difference | None:
    """None where somebody has taken note of it before."""
    if model.gone_at is not None:
        return None
    digest = _digest(Kind.GONE, model.pk, model.enabled)
    return Difference(Kind.GONE, model.slug, model.label, digest, on_offer=model.enabled)


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
        if not _same(key, now, then):
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
        Kind.CHANGED, model.slug, model.label, digest, tuple(changes), offer.problems, model.enabled, offer
    )


def _compared(model: ImageModel, offer: Offer, ours: dict[str, Any], theirs: dict[str, Any]) -> list[str]:
    """The keys that the offer says something of. Options are told all together: one that is not there is no more."""
    keys = list(theirs)
    if "options" in offer.values:
        keys += [key for key in ours if key.startswith(OPTION) and key not in theirs]
    # A description that the studio has of its own is better than the vendor's.
    own_words = bool(model.description) and "description" not in model.imported
    return [key for key in keys if key not in offer.unusable and not (own_words and key == "description")]


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
    """Their option under our label, its choices in our order where somebody put them into one of their own."""
    if ours is None or "choices" not in ours:
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


def read_offer(row: Mapping[str, Any]) -> Offer:
    """A row of CatalogueSnapshot.offered (an OfferedModel as JSON), within what the catalogue can hold."""
    values: dict[str, Any] = {}
    problems: list[str] = []
    unusable: set[str] = set()
    if row.get("description"):
        values["description"] = _shortened(row["description"], 200)
    for name in ("max_count", "prompt_limit"):
        if row.get(name) is not None and row[name] > 0:
            values[name] = min(row[name], _most(name))
    for name, said in (("can_edit", row.get("edits")), ("can_vary", row.get("variations"))):
        if said is not None:
            values[name] = said
    if row.get("options"):
        values["options"] = []
        for option in row["options"]:
            one = {name: option[name] for name in ("name", "label", "choices", "default")}
            if problem := _problem(validate_options, [one]):
                problems.append(f"Its option “{one['name']}” cannot be used: {problem}")
                unusable.add(OPTION + one["name"])
            else:
                values["options"].append(one)
    if row.get("price") is not None and Decimal(row["price"]) <= _DEAREST:
        values["price"] = _plain(Decimal(row["price"]).quantize(_CENTS, ROUND_HALF_UP))
    if row.get("prices"):
        rows = [{"when": dict(when), "price": _plain(Decimal(price))} for when, price in row["prices"]]
        if problem := _problem(validate_prices, rows):
            problems.append(f"Its prices by option cannot be used: {problem}")
            unusable.add("prices")
        else:
            values["prices"] = rows
    return Offer(str(row["id"]), values, tuple(problems), frozenset(unusable))


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
        limits = (value.get("minimum"), value.get("maximum"))
        return frozenset(value.get("choices", ())), str(value["default"]), limits
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


def option_in_words(option: Mapping[str, Any]) -> str:
    if "choices" not in option:
        return f"{option['minimum']} to {option['maximum']}; {option['default']} unless chosen"
    choices = ", ".join(option["choices"])
    return choices if len(option["choices"]) == 1 else f"{choices}; {option['default']} unless chosen"


def _note(key: str, now: Any, then: Any) -> str:
    """What it comes to, where two long lists leave one searching."""
    if not key.startswith(OPTION):
        return ""
    if now is None or then is None:
        return "a new option" if now is None else "no such option any more"
    here, there = now.get("choices", []), then.get("choices", [])
    if not here or not there:
        return ""
    more = [one for one in there if one not in here]
    less = [one for one in here if one not in there]
    said = [f"{word} {', '.join(found)}" for word, found in (("adds", more), ("takes away", less)) if found]
    if str(now["default"]) != str(then["default"]):
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
        words = ", ".join(f"{one.label} {choice}" for one, choice in zip(options, choices, strict=True))
        rows.append(PriceRow(words or "whatever is chosen", model.price_of(chosen), choices == usual))
    return sorted(rows, key=lambda row: not row.is_usual)


def _domain(option: Option, prices: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    if not option.is_number:
        return option.choices
    named = [row["when"][option.name] for row in prices if option.name in row["when"]]
    return tuple(dict.fromkeys([option.default, *named]))


def price_range(model: ImageModel) -> str:
    """From the cheapest to the dearest picture: “$0.04”, “$0.04 to $0.12”, or “not known”."""
    known = sorted({row.price for row in price_table(model) if row.price is not None})
    if not known:
        return "not known"
    return money(known[0]) if len(known) == 1 else f"{money(known[0])} to {money(known[-1])}"
