"""Marks, tags and saved searches."""

from typing import TYPE_CHECKING

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    pass


class Mark(models.Model):
    """What one person thinks of a picture. It is private."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="marks")
    picture = models.ForeignKey("gallery.Picture", on_delete=models.CASCADE, related_name="marks")
    favourite = models.BooleanField(default=False)
    rating = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(5)]
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["person", "picture"], name="one_mark_per_person")]
        indexes = [
            models.Index(fields=["person", "-picture"], condition=Q(favourite=True), name="mark_favourites"),
            models.Index(fields=["person", "-rating", "-picture"], name="mark_by_rating"),
        ]

    def __str__(self) -> str:
        return _("%(person)s on %(picture)s") % {"person": self.person, "picture": self.picture}


class Tag(models.Model):
    """A word to find pictures by. Upper and lower case are the same."""

    name = models.CharField(max_length=60)
    pictures: "models.ManyToManyField[models.Model, models.Model]" = models.ManyToManyField(
        "gallery.Picture", related_name="tags"
    )

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(Lower("name"), name="tag_once_in_any_case")]

    def __str__(self) -> str:
        return self.name


class SavedSearch(models.Model):
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="searches")
    name = models.CharField(max_length=80)
    query = models.CharField(max_length=2000, help_text=_("As it stands in the address, after the question mark."))
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name_plural = _("saved searches")
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["person", "name"],
                name="search_name_once_per_person",
                violation_error_message=_("You have a saved search of this name already."),
            )
        ]

    def __str__(self) -> str:
        return self.name
