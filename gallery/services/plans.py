"""What a form would do and cost, shown before it is sent."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Exists, OuterRef, Prefetch

from gallery.models import Generation, Person, Picture, State
from gallery.services.generations import GenerationSpec, cost_of

SHOWN = 12


@dataclass(frozen=True, slots=True)
class Plan:
    """`cost` is in US dollars, of the generations with a known price; `unpriced` counts the others."""

    generations: int
    pictures: int
    models: int
    prompts: list[str]
    cost: Decimal
    unpriced: int


def plan(specs: Sequence[GenerationSpec]) -> Plan:
    """Count and price these requests."""
    costs = [cost_of(spec) for spec in specs]
    return Plan(
        generations=len(specs),
        pictures=sum(spec.count for spec in specs),
        models=len({spec.model.pk for spec in specs}),
        prompts=list(dict.fromkeys(spec.prompt for spec in specs)),
        cost=sum((cost for cost in costs if cost is not None), Decimal(0)),
        unpriced=sum(cost is None for cost in costs),
    )


def find_duplicates(person: Person, specs: Sequence[GenerationSpec]) -> tuple[list[Picture], list[GenerationSpec]]:
    """Return the pictures of the same requests that a person may see (SHOWN at most), and the specs without any."""
    by_fingerprint = {spec.fingerprint: spec for spec in specs}
    completed = Generation.objects.filter(fingerprint__in=by_fingerprint, state=State.COMPLETED)
    # Whose they are matters only if there are any, which is rare.
    if not completed.exists():
        return [], list(by_fingerprint.values())
    visible = Picture.objects.visible_to(person)
    duplicates = (
        Generation.objects.visible_to(person)
        .filter(
            Exists(visible.filter(generation=OuterRef("pk"))),
            fingerprint__in=by_fingerprint,
            state=State.COMPLETED,
        )
        .order_by("-pk")
        .prefetch_related(Prefetch("pictures", visible.select_related("generation")))
    )
    pictures: list[Picture] = []
    for generation in duplicates[:SHOWN]:
        pictures += generation.pictures.all()
    known = set(duplicates.order_by().values_list("fingerprint", flat=True))
    return pictures[:SHOWN], [spec for key, spec in by_fingerprint.items() if key not in known]
