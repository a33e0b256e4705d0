"""The rows behind cards."""

from django.db import models
from django.db.models import Exists, OuterRef, Subquery

from gallery.models import Generation, ModelPace, Person, Picture, State, Vote
from gallery.models.generation_queryset import GenerationQuerySet, count_of


def for_cards(generations: GenerationQuerySet, person: Person) -> GenerationQuerySet:
    """With all that a card shows to this person, in a constant number of queries."""
    arrived = count_of(Picture.objects.filter(generation=OuterRef("pk")), by="generation")
    votes = count_of(Vote.objects.filter(generation=OuterRef("pk")), by="generation")
    before = Generation.objects.filter(state=State.QUEUED, pk__lt=OuterRef("pk"))
    queued_before = count_of(before, by="state")
    pace = ModelPace.objects.filter(model=OuterRef("model"), options_key=OuterRef("options_key"))
    own_vote = Vote.objects.filter(generation=OuterRef("pk"), person=person)
    return (
        generations.select_related("model", "author", "gallery", "suggested_model", "batch")
        .prefetch_related(models.Prefetch("pictures", Picture.objects.visible_to(person).marked_by(person)))
        .annotate(
            typical_for_options=Subquery(pace.values("typical_seconds")),
            slow_for_options=Subquery(pace.values("slow_seconds")),
            vote_count=votes,
            has_my_vote=Exists(own_vote),
            arrived=arrived,
            queued_before=models.Case(
                models.When(state=State.QUEUED, then=queued_before),
                default=None,
                output_field=models.IntegerField(),
            ),
        )
    )
