"""A picture by each model, for those who choose between models."""

from collections.abc import Iterable

from django.db.models import OuterRef, Subquery

from gallery.models import ImageModel, Person, Picture


def newest_pictures(person: Person, models: Iterable[ImageModel]) -> dict[int, Picture]:
    """By model, the newest picture that this person may see. Two queries, or none without models."""
    wanted = [model.pk for model in models]
    if not wanted:
        return {}
    newest = Picture.objects.visible_to(person).filter(model=OuterRef("pk")).order_by("-pk").values("pk")[:1]
    rows = ImageModel.objects.filter(pk__in=wanted).annotate(newest=Subquery(newest)).values_list("newest", flat=True)
    return {picture.model_id: picture for picture in Picture.objects.filter(pk__in=[pk for pk in rows if pk])}
