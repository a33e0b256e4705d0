"""The pictures before and after one in lists that are not searched: the feed, a batch, all pictures of its author.

The newest generation comes first in all of them, and its pictures come in the order of delivery. The queries start at
the picture and go both ways, so that they cost the same for a list of any length. search.py does the same for lists
that are searched.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter

from django.db.models import Exists, OuterRef, Q

from gallery.models import Picture
from gallery.models.generation_queryset import GenerationQuerySet
from gallery.models.picture import PictureQuerySet

# How many pictures are shown on each side.
EACH_SIDE = 7
# How many generations are read on each side: more than are shown, because a batch runs in the other direction.
_AROUND = 3 * EACH_SIDE
# How much of a batch is read; one submit makes less.
_WHOLE_BATCH = 400


@dataclass(frozen=True, slots=True)
class Adjacent:
    """The neighbours of a picture, in the order of the list."""

    before: Sequence[Picture] = field(default_factory=list)
    after: Sequence[Picture] = field(default_factory=list)


def in_feed(rows: GenerationQuerySet, visible: PictureQuerySet, picture: Picture) -> Adjacent:
    """In a feed of these generations. Those of a batch stand together, in the order in which they were asked for."""
    rows = rows.in_feed().filter(Exists(visible.filter(generation=OuterRef("pk")).values("pk")))
    here = picture.generation
    near = {here.pk: here.batch_id}
    # Only what is outside its own batch, which is read as a whole below.
    others = rows.exclude(batch=here.batch_id) if here.batch_id else rows
    near.update(others.filter(pk__gt=here.pk).order_by("pk").values_list("pk", "batch")[:_AROUND])
    near.update(others.filter(pk__lt=here.pk).order_by("-pk").values_list("pk", "batch")[:_AROUND])
    batches = {batch for batch in near.values() if batch}
    near.update(rows.filter(batch__in=batches).order_by("-pk").values_list("pk", "batch")[:_WHOLE_BATCH])
    order: list[int] = []
    for batch, run in groupby(sorted(near.items(), reverse=True), key=itemgetter(1)):
        generations = [pk for pk, _ in run]
        order += generations if batch is None else reversed(generations)
    return _around(order, visible, picture)


def in_batch(rows: GenerationQuerySet, visible: PictureQuerySet, picture: Picture) -> Adjacent:
    """Among these generations of one batch, in the order in which they were asked for."""
    rows = rows.in_feed().filter(Exists(visible.filter(generation=OuterRef("pk")).values("pk")))
    order = rows.order_by("pk").values_list("pk", flat=True)[:_WHOLE_BATCH]
    return _around(sorted({*order, picture.generation_id}), visible, picture)


def by_author(visible: PictureQuerySet, picture: Picture) -> Adjacent:
    """Among all pictures of its author."""
    others = visible.filter(author=picture.author_id).select_related("generation")
    place, generation = picture.index, picture.generation_id
    newer = Q(generation__gte=generation) & (Q(generation__gt=generation) | Q(index__lt=place))
    older = Q(generation__lte=generation) & (Q(generation__lt=generation) | Q(index__gt=place))
    before = others.filter(newer).order_by("generation_id", "-index")[:EACH_SIDE]
    after = others.filter(older).order_by("-generation_id", "index")[:EACH_SIDE]
    return Adjacent(list(before)[::-1], list(after))


def _around(order: list[int], visible: PictureQuerySet, picture: Picture) -> Adjacent:
    """The neighbours of this picture among the pictures of these generations."""
    place = order.index(picture.generation_id)
    near = order[max(place - EACH_SIDE, 0) : place + EACH_SIDE + 1]
    places = {generation: number for number, generation in enumerate(near)}
    pictures = list(visible.filter(generation__in=near).select_related("generation"))
    pictures.sort(key=lambda one: (places[one.generation_id], one.index))
    keys = [one.pk for one in pictures]
    if picture.pk not in keys:
        return Adjacent()
    here = keys.index(picture.pk)
    return Adjacent(pictures[max(here - EACH_SIDE, 0) : here], pictures[here + 1 : here + 1 + EACH_SIDE])
