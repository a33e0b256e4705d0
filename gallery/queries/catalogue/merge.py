"""Take what an offer says over into a model of the catalogue."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from gallery.models.catalogue import ImageModel
from gallery.queries.catalogue.offers import Offer
from gallery.queries.catalogue.values import OPTION, flat, settled


def take_over(model: ImageModel, offer: Offer, keys: Iterable[str]) -> None:
    """Set these keys to what the offer says, and note that an import did. The row is not saved."""
    theirs = flat(offer.values)
    keys = list(keys)
    imported = dict(model.imported)
    for key in keys:
        if not key.startswith(OPTION):
            setattr(model, key, Decimal(theirs[key]) if key == "price" else theirs[key])
            imported[key] = theirs[key]
    names = [key.removeprefix(OPTION) for key in keys if key.startswith(OPTION)]
    if names:
        model.options, imported["options"] = _options(model, theirs, names)
    model.imported = imported


def _options(model: ImageModel, theirs: dict[str, Any], names: list[str]) -> tuple[list[Any], list[Any]]:
    """The model's options with the named ones taken over or removed; and the same of what was imported."""
    options = {one["name"]: one for one in model.options}
    noted = {one["name"]: one for one in model.imported.get("options", [])}
    for name in names:
        if OPTION + name in theirs:
            options[name] = noted[name] = _merged(options.get(name), theirs[OPTION + name])
        else:
            options.pop(name, None)
            noted.pop(name, None)
    return list(options.values()), list(noted.values())


def _merged(ours: dict[str, Any] | None, theirs: dict[str, Any]) -> dict[str, Any]:
    """Their option under our label, its choices in our order if an administrator has changed that."""
    theirs = settled(OPTION, ours, theirs)
    if ours is None or "choices" not in ours or "choices" not in theirs:
        return theirs | ({"label": ours["label"]} if ours else {})
    kept = [choice for choice in ours["choices"] if choice in theirs["choices"]]
    in_their_order = kept == [choice for choice in theirs["choices"] if choice in kept]
    choices = theirs["choices"] if in_their_order else kept + [one for one in theirs["choices"] if one not in kept]
    return theirs | {"label": ours["label"], "choices": choices}
