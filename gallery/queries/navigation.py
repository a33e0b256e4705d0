"""What stands beside a picture in the lists that are not searched: the feed, a batch, all that its author made.

In all of them the newest generation comes first, and its pictures in the order in which they were delivered. They are
looked up from the picture on, both ways, so that it costs the same however long the list is. Lists that are searched
are the business of finding.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter

from django.db.models import Exists, OuterRef, Q

from gallery.models import Picture
from gallery.models.generation_queryset import GenerationQuerySet
from gallery.models.picture import PictureQuerySet

# So many pictures are shown on each side.
BESIDE = 7
# So many generations are looked at on each side: more than are shown, since a batch stands in the other direction.
_AROUND = 3 * BESIDE
# Of a batch; more than one submit may make.
_WHOLE_BATCH = 400


@dataclass(frozen=True, slots=True)
class Adjacent:
    """In the order of the list."""

    before: Sequence[Picture] = field(default_factory=list)
    after: Sequence[Picture] = field(default_factory=list)


def in_feed(rows: GenerationQuerySet, visible: PictureQuerySet, picture: Picture) -> Adjacent:
    """In a feed of these generations: those of a batch stand together, in the order in which they were asked for."""
    rows = rows.in_feed().filter(Exists(visible.filter(generation=OuterRef("pk")).values("pk")))
    here = picture.generation
    near = {here.pk: here.batch_id}
    # Beyond its own batch, however many those are; all of that is fetched below.
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
    """IdIn these generations, which are those of one batch, in the order in which they were asked for."""
    rows = rows.in_feed().filter(Exists(visible.filter(generation=OuterRef("pk")).values("pk")))
    order = rows.order_by("pk").values_list("pk", flat=True)[:_WHOLE_BATCH]
    return _around(sorted({*order, picture.generation_id}), visible, picture)


def by_author(visible: PictureQuerySet, picture: Picture) -> Adjacent:
    """IdIn all that its author made."""
    others = visible.filter(author=picture.author_id).select_related("generation")
    place, generation = picture.index, picture.generation_id
    newer = Q(generation__gte=generation) & (Q(generation__gt=generation) | Q(index__lt=place))
    older = Q(generation__lte=generation) & (Q(generation__lt=generation) | Q(index__gt=place))
    before = others.filter(newer).order_by("generation_id", "-index")[:BESIDE]
    after = others.filter(older).order_by("-generation_id", "index")[:BESIDE]
    return Adjacent(list(before)[::-1], list(after))


def _around(order: list[int], visible: PictureQuerySet, picture: Picture) -> Adjacent:
    """Of these generations' pictures, those around this one."""
    place = order.index(picture.generation_id)
    near = order[max(place - BESIDE, 0) : place + BESIDE + 1]
    places = {generation: number for number, generation in enumerate(near)}
    pictures = list(visible.filter(generation__in=near).select_related("generation"))
    pictures.sort(key=lambda one: (places[one.generation_id], one.index))
    keys = [one.pk for one in pictures]
    if picture.pk not in keys:
        return Adjacent()
    here = keys.index(picture.pk)
    return Adjacent(pictures[max(here - BESIDE, 0) : here], pictures[here + 1 : here + 1 + BESIDE])
