"""Batches that a person may see."""

from django.db.models import Exists, OuterRef, Q, QuerySet

from gallery.models import Batch, Generation, Person


def batches_visible_to(person: Person) -> QuerySet[Batch]:
    """A person's own batches, and those with a generation that this person may see."""
    seen = Generation.objects.visible_to(person).filter(batch=OuterRef("pk"))
    return Batch.objects.filter(Q(author=person) | Exists(seen))
