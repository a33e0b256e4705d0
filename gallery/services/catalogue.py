"""Bringing what the upstream offers into the catalogue: as much of it as an administrator chose."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from gallery.enqueue import enqueue_catalogue_sync
from gallery.models import CatalogueSnapshot, ImageModel
from gallery.queries.catalogue.diff import BACK, Difference, Kind, compare
from gallery.queries.catalogue.merge import take_over
from gallery.queries.catalogue.offers import label_for
from gallery.queries.catalogue.values import was_switched_off

LAST_POSITION = 32_767


@dataclass(frozen=True, slots=True)
class Pick:
    """What to take of one model's difference, as it was when `digest` was read.

    `unprotected`: all that was not set by hand; a new model as a whole; a gone one off the list. `overwrite` names the
    keys to take although they were set by hand. `offered` puts a new model on the list at once.
    """

    slug: str
    digest: str
    unprotected: bool = True
    overwrite: Collection[str] = ()
    offered: bool = True


@dataclass(slots=True)
class Applied:
    """What came of it. `missed` are slugs about which something had changed since the administrator looked."""

    added: list[ImageModel] = field(default_factory=list)
    changed: list[ImageModel] = field(default_factory=list)
    gone: list[ImageModel] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)


def look_up_catalogue() -> int:
    """Have the upstream's catalogue looked up; the answer is the first snapshot with a higher id than this."""
    with transaction.atomic():
        latest = CatalogueSnapshot.objects.aggregate(Max("pk"))["pk__max"] or 0
        enqueue_catalogue_sync()
    return int(latest)


def apply_catalogue(
    offered: Iterable[Mapping[str, Any]], picks: Collection[Pick], left_out: Iterable[Mapping[str, str]] = ()
) -> Applied:
    """Apply what was picked of the differences between an offer and the catalogue, and nothing else."""
    applied = Applied()
    with transaction.atomic():
        # Two who apply at once go one after the other: read again once the rows are ours.
        list(ImageModel.objects.select_for_update().values_list("pk"))
        models = {model.slug: model for model in ImageModel.objects.of_upstream()}
        differences = {one.slug: one for one in compare(offered, models.values(), left_out).all}
        for pick in picks:
            difference = differences.get(pick.slug)
            if difference is None or difference.digest != pick.digest:
                applied.missed.append(pick.slug)
            elif difference.kind is Kind.NEW:
                applied.added.append(_add(difference, pick.offered))
            elif difference.kind is Kind.GONE:
                applied.gone.append(_take_off(models[pick.slug], difference))
            elif keys := _keys(difference, pick):
                applied.changed.append(_change(models[pick.slug], difference, keys))
    return applied


def _keys(difference: Difference, pick: Pick) -> list[str]:
    return [
        change.key
        for change in difference.changes
        if change.key in pick.overwrite or (pick.unprotected and not change.by_hand)
    ]


def _add(difference: Difference, offered: bool) -> ImageModel:
    assert difference.offer is not None
    last = ImageModel.objects.of_upstream().aggregate(Max("position"))["position__max"] or 0
    model = ImageModel(
        slug=difference.slug,
        label=label_for(difference.slug),
        enabled=offered,
        position=min(last + 10, LAST_POSITION),
    )
    take_over(model, difference.offer, [change.key for change in difference.changes])
    model.save()
    return model


def _change(model: ImageModel, difference: Difference, keys: list[str]) -> ImageModel:
    assert difference.offer is not None
    if BACK in keys:
        model.gone_at = None
        if was_switched_off(model):
            model.enabled = True
        model.imported = {name: value for name, value in model.imported.items() if name != "enabled"}
    take_over(model, difference.offer, [key for key in keys if key != BACK])
    model.save()
    return model


def _take_off(model: ImageModel, difference: Difference) -> ImageModel:
    """Off the list, but not deleted: its pictures stay, and it may come back."""
    if difference.offer is not None:
        take_over(model, difference.offer, ["lifecycle"])
    if model.enabled:
        model.imported = {**model.imported, "enabled": False}
    model.enabled, model.gone_at = False, timezone.now()
    model.save()
    return model
