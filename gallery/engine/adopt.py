"""Originals that no row names, brought back to the requests that they were made for.

After an older database was put beside newer media, some requests that it has in its queue were sent and paid for since.
Their pictures are still there: they are delivered once more, as if they had just come, and nothing is sent.
"""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import NamedTuple

from django.core.files.storage import default_storage
from django.utils import timezone

from gallery.engine.media_check import AT_ONCE, PICTURES, folders_below, named_by_pictures
from gallery.engine.results import Deliveries, Results
from gallery.engine.timing import Timing
from gallery.enqueue import enqueue_ingest
from gallery.models import Generation, State
from gallery.models.states import ENDED_IN_VAIN

# Generation, place among its results, and a part that makes the name unique. Thumbnails have their width behind that.
_ORIGINAL = re.compile(r"(\d{1,18})-(\d{1,4})-[0-9a-f]{12}\.\w+")
# What is under way is left to the engine.
ADOPTING = (State.QUEUED, State.COMPLETED, *ENDED_IN_VAIN)
# A picture is stored soon after its request has ended, by clocks that may differ.
SOON = timedelta(days=1)
CLOCKS = timedelta(minutes=1)


class Original(NamedTuple):
    place: int
    name: str


def adopt() -> Iterator[tuple[Generation, list[str]]]:
    """Have all ingested whose request is known; yield each request with the names. Raises OSError."""
    for folder, names in folders_below(PICTURES):
        found = sorted(name for name in names if _ORIGINAL.fullmatch(name))
        for begin in range(0, len(found), AT_ONCE):
            yield from _adopt(folder, found[begin : begin + AT_ONCE])


def _adopt(folder: str, names: list[str]) -> Iterator[tuple[Generation, list[str]]]:
    named = named_by_pictures(folder, names)
    unnamed: dict[int, list[Original]] = {}
    for name in names:
        if f"{folder}/{name}" not in named:
            pk, place, _ = name.split("-")
            unnamed.setdefault(int(pk), []).append(Original(int(place), f"{folder}/{name}"))
    rows = Generation.objects.filter(pk__in=unnamed, state__in=ADOPTING).exclude(kind=Generation.Kind.UPLOAD)
    for generation in rows.prefetch_related("pictures"):
        lacks = _lacking(generation)
        own = {one.place: one.name for one in unnamed[generation.pk] if one.place in lacks and _is_of(generation, one)}
        if own and _deliver(generation, own):
            yield generation, list(own.values())


def _lacking(generation: Generation) -> set[int]:
    """The places among its results that have no picture, and never had one that was deleted."""
    places = set(range(max(generation.count, len(generation.results))))
    return places - {picture.index for picture in generation.pictures.all()} - set(generation.deleted_results)


def _is_of(generation: Generation, original: Original) -> bool:
    """Numbers come again in an older database: the time tells whether it was made for this request or another one."""
    if not original.name.startswith(f"{PICTURES}/{generation.created_at:%Y/%m}/"):
        return False
    try:
        stored_at = default_storage.get_modified_time(original.name)
    except FileNotFoundError:
        return False
    until = (generation.finished_at or timezone.now()) + SOON
    return generation.created_at - CLOCKS <= stored_at <= until


def _deliver(generation: Generation, files: dict[int, str]) -> bool:
    """The ingest verifies it, stores it under a name of its own, and then deletes this file."""
    results: Results = [{"url": "", "revised_prompt": ""} for _ in range(max(files) + 1)]
    for index, name in files.items():
        results[index]["file"] = name
    Deliveries(enqueue_ingest, Timing().fetch_by).deliver(generation, results, from_=ADOPTING)
    return Generation.objects.filter(pk=generation.pk, state=State.SAVING).exists()
