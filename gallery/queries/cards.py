"""The rows behind cards."""

from collections.abc import Iterable
from typing import Any

from django.db.models import Count, Q

from gallery.models import Batch, Generation, Mark, ModelPace, Operation, Person, Picture, Reference, State, Vote

# What cards show of their generation's relations. Few rows stand behind many cards, so each is loaded once.
SHARED = ("model", "author", "gallery", "suggested_model", "batch")


def for_cards(generations: Iterable[Generation], person: Person) -> list[Generation]:
    """These rows with all that a card shows to this person, in a constant number of queries.

    What hardly any card needs is asked for only if one does. Joins and subqueries for it would take Django longer to
    put together than the database to answer.
    """
    rows = list(generations)
    for row in rows:
        if row.author_id == person.pk:
            row.author = person
    for name in SHARED:
        _share(rows, name)
    _add_pictures(rows, person)
    _add_references([row for row in rows if row.files_to_send and row.operation == Operation.REFERENCES], person)
    _add_places([row for row in rows if row.state == State.QUEUED])
    _add_paces([row for row in rows if row.is_under_way and row.state != State.QUEUED])
    _add_votes([row for row in rows if row.batch and row.batch.kind == Batch.Kind.COMPARISON], person)
    return rows


def _share(rows: Iterable[Generation], name: str) -> None:
    """Load what these rows name in this column, as one object for all that name the same."""
    field: Any = Generation._meta.get_field(name)
    missing = [row for row in rows if getattr(row, field.attname) is not None and not field.is_cached(row)]
    if not missing:
        return
    found = field.related_model._default_manager.in_bulk({getattr(row, field.attname) for row in missing})
    for row in missing:
        setattr(row, name, found[getattr(row, field.attname)])


def _add_pictures(rows: list[Generation], person: Person) -> None:
    """`shown_pictures`, those that this person may see, with `is_favourite`; `arrived`, how many have come at all."""
    pictures: dict[int, list[Picture]] = {row.pk: [] for row in rows}
    # What was never sent has none.
    asked = [row.pk for row in rows if row.state != State.QUEUED]
    every = list(Picture.objects.filter(generation__in=asked).defer("search_text")) if asked else []
    foreign = [one.pk for one in every if one.author_id != person.pk and one.trashed_at is None]
    shown = Picture.objects.visible_to(person).filter(pk__in=foreign).values_list("pk", flat=True) if foreign else ()
    visible = {*shown, *(one.pk for one in every if one.author_id == person.pk and one.trashed_at is None)}
    marks = Mark.objects.filter(person=person, picture__in=visible, favourite=True) if visible else Mark.objects.none()
    favourites = set(marks.values_list("picture", flat=True)) if visible else set()
    for picture in every:
        pictures[picture.generation_id].append(picture)
    for row in rows:
        here: Any = row
        here.arrived = len(pictures[row.pk])
        seen: list[Any] = [one for one in pictures[row.pk] if one.pk in visible]
        for picture in seen:
            picture.is_favourite = picture.pk in favourites
            picture.generation = row
        here.shown_pictures = seen


def references_of(person: Person, generation: Generation) -> list[tuple[int, Picture | None]]:
    """The reference pictures of a request by their places; None for one that is gone or not open to this person."""
    _add_references([generation] if generation.operation == Operation.REFERENCES else [], person)
    return getattr(generation, "shown_references", [])


def _add_references(rows: list[Any], person: Person) -> None:
    """`shown_references`, as `references_of` has them."""
    if not rows:
        return
    named = Reference.objects.filter(generation__in=[row.pk for row in rows])
    places = list(named.values_list("generation", "place", "picture"))
    visible = Picture.objects.visible_to(person).select_related("generation").defer("search_text")
    pictures = visible.in_bulk({picture for *_, picture in places if picture})
    for row in rows:
        row.shown_references = [(place, pictures.get(picture)) for pk, place, picture in places if pk == row.pk]


def _add_places(queued: list[Any]) -> None:
    """`queued_before`: how many rows stand before it in the queue."""
    if not queued:
        return
    # Those that stand before the first are counted; those between the first and the last are looked at.
    first, last = min(row.pk for row in queued), max(row.pk for row in queued)
    line = Generation.objects.filter(state=State.QUEUED)
    before = line.filter(pk__lt=first).count()
    between = list(line.filter(pk__gte=first, pk__lt=last).values_list("pk", flat=True)) if first < last else []
    for row in queued:
        row.queued_before = before + sum(1 for pk in between if pk < row.pk)


def _add_paces(sent: list[Any]) -> None:
    """`typical_for_options` and `slow_for_options`: seconds, where they are known for just these options."""
    if not sent:
        return
    models, keys = {row.model_id for row in sent}, {row.options_key for row in sent}
    paces = {
        (pace.model_id, pace.options_key): pace
        for pace in ModelPace.objects.filter(model__in=models, options_key__in=keys)
    }
    for row in sent:
        if pace := paces.get((row.model_id, row.options_key)):
            row.typical_for_options, row.slow_for_options = pace.typical_seconds, pace.slow_seconds


def _add_votes(compared: list[Any], person: Person) -> None:
    """`vote_count` and `has_my_vote`."""
    if not compared:
        return
    votes = Vote.objects.filter(generation__in=[row.pk for row in compared]).order_by()
    counted = {
        pk: (count, own)
        for pk, count, own in votes.values_list("generation").annotate(
            count=Count("pk"), own=Count("pk", filter=Q(person=person))
        )
    }
    for row in compared:
        row.vote_count, own = counted.get(row.pk, (0, 0))
        row.has_my_vote = bool(own)
