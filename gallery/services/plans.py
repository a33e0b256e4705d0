"""What a press of the button would do, told before it is pressed."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Exists, OuterRef, Prefetch

from gallery.models import Generation, Person, Picture, State
from gallery.models.generation_fields import fingerprint
from gallery.services.generations import GenerationSpec, cost_of

SHOWN = 12


@dataclass(frozen=True, slots=True)
class Plan:
    """`cost` is of those whose price is known, in US dollars; `unpriced` is how many are not in it."""

    generations: int
    pictures: int
    models: int
    prompts: list[str]
    cost: Decimal
    unpriced: int


def plan(specs: Sequence[GenerationSpec]) -> Plan:
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
    """Pictures of the same requests that this person may see, and those of the specs that nobody has made yet."""
    by_mark = {fingerprint(spec.model.pk, spec.prompt, spec.options): spec for spec in specs}
    visible = Picture.objects.visible_to(person)
    made = (
        Generation.objects.visible_to(person)
        .filter(Exists(visible.filter(generation=OuterRef("pk"))), fingerprint__in=by_mark, state=State.COMPLETED)
        .order_by("-pk")
        .prefetch_related(Prefetch("pictures", visible.select_related("generation")))
    )
    pictures: list[Picture] = []
    for generation in made[:SHOWN]:
        pictures += generation.pictures.all()
    known = set(made.order_by().values_list("fingerprint", flat=True))
    return pictures[:SHOWN], [spec for mark, spec in by_mark.items() if mark not in known]
