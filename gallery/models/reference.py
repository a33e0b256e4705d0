"""A picture that goes along with a request for a new one."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from gallery.models.generation import Generation

if TYPE_CHECKING:
    from gallery.models.picture import Picture


class Reference(models.Model):
    """`place`, from 1, is what the prompt names it by: “@1”. The generation names the files that are sent."""

    generation = models.ForeignKey(Generation, on_delete=models.CASCADE, related_name="references")
    picture = models.ForeignKey(
        "gallery.Picture",
        on_delete=models.SET_NULL,
        null=True,
        related_name="used_by",
        help_text=_("Empty once it was deleted for good."),
    )
    place = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ["generation_id", "place"]
        constraints = [models.UniqueConstraint(fields=["generation", "place"], name="reference_once_per_place")]

    def __str__(self) -> str:
        return _("@%(place)s of generation %(generation_id)s") % {
            "place": self.place,
            "generation_id": self.generation_id,
        }

    @classmethod
    def attach(cls, generation: Generation, pictures: "Sequence[Picture]") -> None:
        Reference.objects.bulk_create(
            Reference(generation=generation, picture=picture, place=place)
            for place, picture in enumerate(pictures, start=1)
        )

    @classmethod
    def gone_from(cls, generation: Generation) -> list[int]:
        """The places of pictures that are in the trash, or were deleted for good."""
        gone = Q(picture=None) | Q(picture__trashed_at__isnull=False)
        return list(cls.objects.filter(gone, generation=generation).values_list("place", flat=True))
