"""Compare what the upstream offers with the catalogue: what is new, changed or gone."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from gallery.models.catalogue import ImageModel
from gallery.models.sentences import in_readers_language
from gallery.queries.catalogue.offers import Offer, label_for, read_offer
from gallery.queries.catalogue.values import (
    OPTION,
    PRICING,
    current,
    defaults,
    flat,
    is_same,
    set_by_hand,
    settled,
    was_switched_off,
)
from gallery.queries.catalogue.words import change_in_words, name_in_words, value_in_words

BACK = "gone_at"


class Kind(StrEnum):
    NEW = "new"
    CHANGED = "changed"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Change:
    """One key of a model of which the upstream says something else. `by_hand`: a person set the value there now."""

    key: str
    what: str
    now: str
    then: str
    note: str = ""
    by_hand: bool = False


@dataclass(frozen=True, slots=True)
class Difference:
    """What applying would do to one model. `digest` changes as soon as the model or the offer changes."""

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


def compare(
    offered: Iterable[Mapping[str, Any]], models: Iterable[ImageModel], left_out: Iterable[Mapping[str, str]] = ()
) -> Comparison:
    """What is new, changed and gone, of an offer as CatalogueSnapshot keeps it.

    If the upstream offers no model at all, no model counts as gone. A model that is listed, but was left out, is not
    gone either.
    """
    offers = {offer.slug: offer for offer in map(read_offer, offered) if 0 < len(offer.slug) <= 100}
    ours = {model.slug: model for model in models}
    left_out = list(left_out)
    listed = {row["id"] for row in left_out}
    found = {slug: _of_one(model, offers, listed) for slug, model in ours.items()}
    differences = [difference for difference in found.values() if difference]
    return Comparison(
        new=[_new(offer) for slug, offer in offers.items() if slug not in ours and not offer.is_retired],
        changed=[difference for difference in differences if difference.kind is Kind.CHANGED],
        gone=[difference for difference in differences if difference.kind is Kind.GONE],
        same=sum(difference is None and slug in offers for slug, difference in found.items()),
        undescribed=[slug for slug, offer in offers.items() if not offer.is_described],
        left_out=left_out,
        is_doubtful=not any(offer.is_described for offer in offers.values()),
    )


def beside_import(model: ImageModel) -> list[Change]:
    """What was set by hand: `now` as it is, `then` as the last import left it."""
    ours, last = flat(current(model)), flat(defaults() | model.imported)
    return [_change(key, (last | ours)[key], ours.get(key), last.get(key)) for key in set_by_hand(model)]


def undescribed_in_words(comparison: Comparison) -> str:
    """How many models came without a description of their options; "" if all had one."""
    count = len(comparison.undescribed)
    if not count:
        return ""
    which = ", ".join(comparison.undescribed[:10])
    if count > 10:
        which = _("%(models)s and %(count)d more") % {"models": which, "count": count - 10}
    words = ngettext(
        "%(count)d model came without a description of its options: %(models)s.",
        "%(count)d models came without a description of their options: %(models)s.",
        count,
    )
    return words % {"count": count, "models": which}


def left_out_in_words(comparison: Comparison) -> str:
    """Which of the listed models are not compared, and why; "" if none."""
    count = len(comparison.left_out)
    if not count:
        return ""
    which = "; ".join(f"{row['id']} ({in_readers_language(row['reason'])})" for row in comparison.left_out[:10])
    if count > 10:
        which = _("%(models)s; and %(count)d more") % {"models": which, "count": count - 10}
    words = ngettext(
        "%(count)d listed model is left out: %(models)s.", "%(count)d listed models are left out: %(models)s.", count
    )
    return words % {"count": count, "models": which}


def _of_one(model: ImageModel, offers: Mapping[str, Offer], listed: set[str]) -> Difference | None:
    offer = offers.get(model.slug)
    if offer and not offer.is_retired:
        return _changed(model, offer)
    if offer or (offers and model.slug not in listed):
        return _gone(model, offer)
    return None


def _new(offer: Offer) -> Difference:
    blank = flat(defaults())
    offer = replace(offer, values={**offer.from_sheet, **offer.values})
    theirs = flat(offer.values)
    changes = [
        _change(key, theirs[key], blank.get(key), theirs[key])
        for key in theirs
        if key.startswith(OPTION) or not is_same(key, blank.get(key), theirs[key])
    ]
    return Difference(
        Kind.NEW,
        offer.slug,
        label_for(offer.slug),
        _digest(Kind.NEW, offer.values),
        tuple(changes),
        offer.problems,
        on_offer=False,
        offer=offer,
        facts=offer.facts,
    )


def _gone(model: ImageModel, offer: Offer | None) -> Difference | None:
    """None if that was noted before. An offer means that the upstream itself says that the model is retired."""
    if model.gone_at is not None:
        return None
    life = offer.values["lifecycle"] if offer else {}
    said = (
        _("The upstream has retired it.") if offer else "",
        life.get("reason", ""),
        (_("Its replacement is %(replacement)s.") % {"replacement": life["replacement"]})
        if life.get("replacement")
        else "",
    )
    digest = _digest(Kind.GONE, model.pk, model.enabled, life)
    note = " ".join(filter(None, said))
    return Difference(Kind.GONE, model.slug, model.label, digest, on_offer=model.enabled, offer=offer, note=note)


def _changed(model: ImageModel, offer: Offer) -> Difference | None:
    changes = tuple(_changes(model, offer))
    if not changes:
        return None
    state = (current(model), model.imported, model.enabled, model.gone_at is None)
    return Difference(
        Kind.CHANGED,
        model.slug,
        model.label,
        _digest(Kind.CHANGED, model.pk, state, offer.values),
        changes,
        offer.problems,
        model.enabled,
        offer,
        facts=offer.facts,
    )


def _changes(model: ImageModel, offer: Offer) -> Iterator[Change]:
    ours, theirs = flat(current(model)), flat(offer.values)
    touched = set(set_by_hand(model))
    protected = touched | PRICING if touched & PRICING else touched
    if model.gone_at is not None:
        back = _("offered again, back on the list") if was_switched_off(model) else _("offered again")
        yield Change(BACK, _("offered upstream"), _("gone since %(day)s") % {"day": f"{model.gone_at:%Y-%m-%d}"}, back)
    for key in _compared(model, offer, ours, theirs):
        now, then = ours.get(key), theirs.get(key)
        if not is_same(key, now, settled(key, now, then)):
            note = (
                _("goes with the price set by hand") if key in protected - touched else change_in_words(key, now, then)
            )
            change = _change(key, then if now is None else now, now, then)
            yield replace(change, note=note, by_hand=key in protected)


def _change(key: str, named: Any, now: Any, then: Any) -> Change:
    return Change(key, name_in_words(key, named), value_in_words(key, now), value_in_words(key, then))


def _compared(model: ImageModel, offer: Offer, ours: dict[str, Any], theirs: dict[str, Any]) -> list[str]:
    """The keys of which the offer says something. It names all options, so it has no option that it does not name."""
    keys = list(theirs)
    if "options" in offer.values:
        keys += [key for key in ours if key.startswith(OPTION) and key not in theirs]
    # The studio's own description is better than the vendor's.
    own_words = bool(model.description) and "description" not in model.imported
    return [key for key in keys if key not in offer.unusable and not (own_words and key == "description")]


def _digest(*what: object) -> str:
    return hashlib.sha256(json.dumps(what, sort_keys=True, default=str).encode()).hexdigest()[:16]
