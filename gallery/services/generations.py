"""Submit, retry, cancel, fetch again and dismiss generations, and vote on them."""

import logging
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from decimal import Decimal

from django.core.files.storage import default_storage
from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from gallery.enqueue import enqueue_ingest, enqueue_submit
from gallery.models import (
    Batch,
    Gallery,
    Generation,
    ImageModel,
    Operation,
    OverBudget,
    Person,
    Picture,
    PromptTemplate,
    Reference,
    State,
    Vote,
    ledger,
)
from gallery.models.generation_fields import fingerprint
from gallery.models.limits import OverLimit
from gallery.models.states import ENDED_IN_VAIN, UNDER_WAY
from gallery.services import references
from gallery.services.errors import InvalidInput
from gallery.services.limits import insist

logger = logging.getLogger(__name__)


class AlreadySubmitted(Exception):
    """The same form was sent before; `generation` is the first one that it created."""

    def __init__(self, generation: Generation) -> None:
        super().__init__("This form was sent already.")
        self.generation = generation


@dataclass(frozen=True, slots=True)
class GenerationSpec:
    """One request to one model, as a person means it. The files are names in the storage; `reference_files` go
    along after `source_file`. Of `references`, the pictures to go along with a prompt, `submit_all` finds the files.
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
    references: Sequence[Picture] = ()

    @property
    def fingerprint(self) -> str:
        """Empty for what starts from a picture: that is never told to be a duplicate."""
        if self.kind != Generation.Kind.CREATE:
            return ""
        return fingerprint(self.model.pk, self.prompt, self.options, [one.sha256 for one in self.references])


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
    """Queue requests to the upstream, all of them or none. An unsaved `batch` is saved with them.

    Raises AlreadySubmitted if a form with this token was sent before, OverBudget if the requests cost more than is
    left, OverLimit, a kind of it, if the author's groups may not make them, and InvalidInput if a reference picture
    cannot be sent.
    """
    token = token or uuid.uuid4()
    prepared = _with_files(author, specs)
    try:
        return _submit_prepared(author, prepared, gallery, token, batch, retry_of)
    except (AlreadySubmitted, OverBudget):
        # Nothing will ever refer to these. What else is left over, housekeeping finds.
        new = [spec for spec, given in zip(prepared, specs, strict=True) if not given.source_file]
        references.forget(name for spec in new for name in (spec.source_file, *spec.reference_files))
        raise


def _with_files(author: Person, specs: Sequence[GenerationSpec]) -> list[GenerationSpec]:
    """The specs with the files of their reference pictures, which are prepared once for each model."""
    files: dict[int, list[str]] = {}
    prepared = []
    for spec in specs:
        if not spec.references or spec.source_file:
            prepared.append(spec)
            continue
        if spec.model.pk not in files:
            files[spec.model.pk] = references.files_for(author, spec.model, spec.references)
        first, *further = files[spec.model.pk]
        prepared.append(replace(spec, source_file=first, reference_files=further))
    return prepared


def _submit_prepared(
    author: Person,
    specs: Sequence[GenerationSpec],
    gallery: Gallery | None,
    token: uuid.UUID,
    batch: Batch | None,
    retry_of: Generation | None,
) -> list[Generation]:
    try:
        with transaction.atomic():
            insist(author, specs)
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
                    # The first one has the form's own token, so that a form that is sent twice finds it taken.
                    token=uuid.uuid5(token, str(number)) if number else token,
                    estimated_cost=cost_of(spec),
                    price_per=spec.model.price_per,
                    fingerprint=spec.fingerprint,
                    # The ledger's entry follows, or nothing of this stays.
                    booked=ledger.exact(cost_of(spec)),
                )
                for number, spec in enumerate(specs)
            ]
            for generation, spec in zip(generations, specs, strict=True):
                if spec.references:
                    Reference.attach(generation, spec.references)
            ledger.reserve(author, generations)
            for template in {spec.template.pk for spec in specs if spec.template}:
                PromptTemplate.count_use(template)
            enqueue_submit(generations[0].pk)
    except (IntegrityError, OverLimit):
        # A form that is sent twice is found to be over a limit first, if its own generations used it up.
        earlier = Generation.objects.filter(author=author, token=token).first()
        if earlier is None:
            raise
        raise AlreadySubmitted(earlier) from None
    pks = ", ".join(str(generation.pk) for generation in generations)
    logger.info("Person %s asked for generations %s", author.pk, pks)
    return generations


def cost_of(spec: GenerationSpec) -> Decimal | None:
    """The expected cost in US dollars; None if the model's price is not known."""
    return spec.model.estimate(spec.options, spec.count)


def retry(generation: Generation, model: ImageModel | None = None) -> Generation | None:
    """Ask for the same again, as a new generation; the old one leaves the feed. Return None if it has left already.

    With `model`, ask that model instead, with the options that both models have. Raises OverBudget, and InvalidInput
    if a reference picture is not there for its author any more.
    """
    model = model or generation.model
    pictures = references.of(generation, generation.author) if generation.operation == Operation.REFERENCES else []
    spec = GenerationSpec(
        model,
        generation.prompt,
        model.fitting(generation.options, generation.operation),
        min(generation.count, model.max_count),
        kind=generation.kind,
        parent=generation.parent,
        # What was prepared of reference pictures fits the model that it was prepared for.
        source_file="" if pictures and model != generation.model else generation.source_file,
        reference_files=tuple(generation.reference_files),
        mask_file=generation.mask_file,
        template=generation.template,
        references=pictures,
    )
    spec = _with_files(generation.author, [spec])[0]
    with transaction.atomic():
        # Two clicks on “Try again” must not pay twice: the second finds the generation dismissed.
        # A generation whose late result has arrived meanwhile is not retried either.
        if not _dismiss(generation):
            return None
        return submit_all(
            generation.author, [spec], gallery=generation.gallery, batch=generation.batch, retry_of=generation
        )[0]


def cancel_batch(batch: Batch) -> int:
    """Cancel all generations of a batch that are under way; return how many."""
    return _cancel(Generation.objects.filter(batch=batch))


def cancel_all(person: Person) -> int:
    """Cancel all generations of a person that are under way; return how many."""
    return _cancel(Generation.objects.filter(author=person))


def _cancel(generations: QuerySet[Generation]) -> int:
    return sum(generation.stop_waiting() for generation in generations.filter(state__in=UNDER_WAY))


def retry_batch(batch: Batch) -> list[Generation]:
    """Retry a batch's failed generations, all or none. Leave out those that can be fetched. Raises OverBudget."""
    return _retry(Generation.objects.filter(batch=batch))


def retry_all(person: Person) -> list[Generation]:
    """Retry a person's failed generations in the same way, if they are still in the feed. Raises OverBudget."""
    return _retry(Generation.objects.filter(author=person))


def _retry(generations: QuerySet[Generation]) -> list[Generation]:
    ended = generations.filter(state__in=ENDED_IN_VAIN, dismissed=False)
    again = []
    with transaction.atomic():
        for generation in ended.select_related("model", "author", "gallery", "batch").order_by("pk"):
            if generation.can_fetch or not generation.model.is_on_offer:
                continue
            with suppress(InvalidInput):  # its reference pictures are not there any more: its card says so
                again.append(retry(generation))
    return [generation for generation in again if generation]


def vote(person: Person, generation: Generation) -> bool:
    """Cast a person's one vote in a comparison, or take the same vote back. Return whether the vote stands now."""
    if Vote.objects.filter(person=person, generation=generation).delete()[0]:
        return False
    Vote.objects.update_or_create(batch=generation.batch, person=person, defaults={"generation": generation})
    return True


def fetch_again(generation: Generation) -> bool:
    """Ingest once more what is paid for and not stored. Return whether there was anything to fetch."""
    with transaction.atomic():
        if not generation.fetch_again():
            return False
        enqueue_ingest(generation.pk)
        return True


def delete_file(generation: Generation, index: int) -> bool:
    """Delete a delivered file that is no picture; tell whether it was there. What has nothing left leaves the feed."""
    name = generation.delete_kept_file(index)
    if not name:
        return False
    default_storage.delete(name)
    row = Generation.objects.get(pk=generation.pk)
    if not (row.pictures.exists() or row.kept_files or row.is_missing_pictures):
        Generation.objects.filter(pk=row.pk, state=State.COMPLETED).update(dismissed=True)
    return True


def dismiss(generation: Generation) -> bool:
    """Take a failed generation out of the feed. Return whether it was failed and in the feed."""
    return _dismiss(generation)


def dismiss_all(person: Person) -> int:
    """Take all failed generations of a person out of the feed; return how many."""
    ended = Generation.objects.filter(author=person, state__in=ENDED_IN_VAIN, dismissed=False)
    return ended.update(dismissed=True)


def _dismiss(generation: Generation) -> bool:
    ended = Generation.objects.filter(pk=generation.pk, state__in=ENDED_IN_VAIN, dismissed=False)
    return bool(ended.update(dismissed=True))
