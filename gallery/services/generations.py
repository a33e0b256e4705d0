"""Asking the upstream for pictures, and what is done to such a request afterwards."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from gallery.enqueue import enqueue_ingest, enqueue_submit
from gallery.models import Batch, Gallery, Generation, ImageModel, Person, Picture, PromptTemplate, Vote, ledger
from gallery.models.states import ENDED_IN_VAIN, UNDER_WAY


class AlreadySubmitted(Exception):
    """The same form came before; `generation` is the first that it made."""

    def __init__(self, generation: Generation) -> None:
        super().__init__("This form was sent already.")
        self.generation = generation


@dataclass(frozen=True, slots=True)
class GenerationSpec:
    """One request to one model, as a person means it. The files are names in the storage; `reference_files` go
    along after `source_file`.
    """

    model: ImageModel
    prompt: str
    options: dict[str, str] = field(default_factory=dict)
    count: int = 1
    kind: str = Generation.Kind.CREATE
    parent: Picture | None = None
    source_file: str = ""
    reference_files: Sequence[str] = ()
    mask_file: str = ""
    template: PromptTemplate | None = None


def submit(
    author: Person,
    *,
    model: ImageModel,
    prompt: str,
    options: dict[str, str],
    count: int,
    gallery: Gallery | None = None,
    token: uuid.UUID | None = None,
) -> Generation:
    """Queue one request to the upstream. Raises AlreadySubmitted, OverBudget."""
    return submit_all(author, [GenerationSpec(model, prompt, options, count)], gallery=gallery, token=token)[0]


def submit_all(
    author: Person,
    specs: Sequence[GenerationSpec],
    *,
    gallery: Gallery | None = None,
    token: uuid.UUID | None = None,
    batch: Batch | None = None,
    retry_of: Generation | None = None,
) -> list[Generation]:
    """Queue requests to the upstream, all of them or none. An unsaved `batch` is saved with them and holds them.

    Raises AlreadySubmitted if the form with this token made some before, and OverBudget if they cost more than is left.
    """
    token = token or uuid.uuid4()
    try:
        with transaction.atomic():
            if batch is not None and batch._state.adding:
                batch.save()
            generations = [
                Generation.objects.create(
                    author=author,
                    model=spec.model,
                    prompt=spec.prompt,
                    options=spec.options,
                    count=spec.count,
                    kind=spec.kind,
                    parent=spec.parent,
                    source_file=spec.source_file,
                    reference_files=list(spec.reference_files),
                    mask_file=spec.mask_file,
                    template=spec.template,
                    gallery=gallery,
                    batch=batch,
                    retry_of=retry_of,
                    # The first one's token is the form's own, so that the form sent twice finds it taken.
                    token=uuid.uuid5(token, str(place)) if place else token,
                    estimated_cost=cost_of(spec),
                )
                for place, spec in enumerate(specs)
            ]
            ledger.reserve(author, generations)
            for template in {spec.template.pk for spec in specs if spec.template}:
                PromptTemplate.count_use(template)
            enqueue_submit(generations[0].pk)
    except IntegrityError:
        earlier = Generation.objects.filter(author=author, token=token).first()
        if earlier is None:
            raise
        raise AlreadySubmitted(earlier) from None
    return generations


def cost_of(spec: GenerationSpec) -> Decimal | None:
    """In US dollars; None where the model's price is not known."""
    price = spec.model.price_of(spec.options)
    return None if price is None else price * spec.count


def retry(generation: Generation, model: ImageModel | None = None) -> Generation | None:
    """Ask for the same once more, as a new generation; the old one leaves the feed. None if that was done already.

    With `model`, ask that one instead, with those options that it has too. Raises OverBudget.
    """
    model = model or generation.model
    spec = GenerationSpec(
        model,
        generation.prompt,
        model.fitting(generation.options, generation.operation),
        min(generation.count, model.max_count),
        kind=generation.kind,
        parent=generation.parent,
        source_file=generation.source_file,
        reference_files=tuple(generation.reference_files),
        mask_file=generation.mask_file,
        template=generation.template,
    )
    with transaction.atomic():
        # Two clicks on “Try again” must not pay twice: the second finds it dismissed.
        # So does one whose late result has arrived meanwhile.
        if not _put_aside(generation):
            return None
        return submit_all(
            generation.author, [spec], gallery=generation.gallery, batch=generation.batch, retry_of=generation
        )[0]


def cancel_batch(batch: Batch) -> int:
    """Stop waiting for all that is under way in it; return how many."""
    return _cancel(Generation.objects.filter(batch=batch))


def cancel_all(person: Person) -> int:
    """Stop waiting for all of this person's; return how many."""
    return _cancel(Generation.objects.filter(author=person))


def _cancel(generations: QuerySet[Generation]) -> int:
    return sum(generation.stop_waiting() for generation in generations.filter(state__in=UNDER_WAY))


def retry_batch(batch: Batch) -> list[Generation]:
    """Ask once more for all in it that ended in vain and can be had only so, all of them or none. Raises OverBudget."""
    return _retry(Generation.objects.filter(batch=batch))


def retry_all(person: Person) -> list[Generation]:
    """The same for all of this person's that are still in the feed."""
    return _retry(Generation.objects.filter(author=person))


def _retry(generations: QuerySet[Generation]) -> list[Generation]:
    ended = generations.filter(state__in=ENDED_IN_VAIN, dismissed=False)
    with transaction.atomic():
        again = [
            retry(generation)
            for generation in ended.select_related("model", "author", "gallery", "batch").order_by("pk")
            if not generation.can_fetch and generation.model.enabled
        ]
    return [generation for generation in again if generation]


def vote(person: Person, generation: Generation) -> bool:
    """Cast this person's one vote in a comparison, or take it back if it is there already; tell whether it is now."""
    if Vote.objects.filter(person=person, generation=generation).delete()[0]:
        return False
    Vote.objects.update_or_create(batch=generation.batch, person=person, defaults={"generation": generation})
    return True


def fetch_again(generation: Generation) -> bool:
    """Try once more to bring home what was paid for; tell whether there was anything to fetch."""
    with transaction.atomic():
        if not generation.fetch_again():
            return False
        enqueue_ingest(generation.pk)
        return True


def dismiss(generation: Generation) -> bool:
    """Take what has ended in vain out of the feed; tell whether it was that."""
    return _put_aside(generation)


def dismiss_all(person: Person) -> int:
    """Take all of this person's that ended in vain out of the feed; return how many."""
    ended = Generation.objects.filter(author=person, state__in=ENDED_IN_VAIN, dismissed=False)
    return ended.update(dismissed=True)


def _put_aside(generation: Generation) -> bool:
    ended = Generation.objects.filter(pk=generation.pk, state__in=ENDED_IN_VAIN, dismissed=False)
    return bool(ended.update(dismissed=True))
