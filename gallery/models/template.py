"""Prompts with blanks to fill in, shared with the team."""

from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from gallery.models.prompts import split, variables

if TYPE_CHECKING:
    from gallery.models.person import Person


class PromptTemplateQuerySet(models.QuerySet["PromptTemplate"]):
    def visible_to(self, person: "Person") -> Self:
        return self.filter(models.Q(author=person) | models.Q(shared=True))

    def owned_by(self, person: "Person") -> Self:
        return self.filter(author=person)


class PromptTemplate(models.Model):
    """`text` has its variables as {{name}}. The other fields fill the composer."""

    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="templates")
    name = models.CharField(max_length=120)
    text = models.TextField(max_length=4000)
    model = models.ForeignKey("gallery.ImageModel", on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    options = models.JSONField(default=dict, blank=True)
    count = models.PositiveSmallIntegerField(default=1)
    example = models.ForeignKey(
        "gallery.Picture",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text=_("A picture made with it."),
    )
    shared = models.BooleanField(default=True, help_text=_("The whole team can use it."))
    used = models.PositiveIntegerField(_("times used"), default=0, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = PromptTemplateQuerySet.as_manager()

    class Meta:
        verbose_name = _("template")
        verbose_name_plural = _("templates")
        ordering = ["-used", "name"]
        constraints = [
            models.UniqueConstraint(
                fields=["author", "name"],
                name="template_name_once_per_author",
                violation_error_message=_("You have a template of this name already."),
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def variables(self) -> list[str]:
        """The names of its blanks, in reading order."""
        return variables(self.text)

    @property
    def pieces(self) -> list[tuple[str, bool]]:
        """The text in pieces, each with whether it is the name of a blank."""
        return split(self.text)

    @classmethod
    def count_use(cls, pk: int) -> None:
        cls.objects.filter(pk=pk).update(used=F("used") + 1)
