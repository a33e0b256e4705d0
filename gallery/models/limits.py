"""What only some groups may use, and how much a group's people may ask for."""

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from gallery.models.catalogue import ImageModel
from gallery.models.ledger import NOTHING, Budget, OverBudget
from gallery.models.options import PIXELS


class OverLimit(OverBudget):
    """A submit asks for something that the person's groups may not use, or for more than they may."""

    def __init__(self, said: str) -> None:
        super().__init__(Budget(amount=NOTHING), NOTHING, NOTHING)
        self.said = said

    def __str__(self) -> str:
        return self.said


def validate_texts(value: Any) -> None:
    if not isinstance(value, list) or not all(isinstance(one, str) and one for one in value):
        raise ValidationError(_('A list of texts such as ["4k", "8k"].'))


class GroupRight(models.Model):
    """A model, a choice of an option, or large sizes, for the people of some groups only.

    Without a row, everyone may use what is on offer. A model may be used if each row that concerns it names one of the
    person's groups.
    """

    model = models.ForeignKey(
        ImageModel,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="rights",
        help_text=gettext_lazy("Empty: the option or the size of any model."),
    )
    option = models.CharField(
        max_length=40, blank=True, help_text=gettext_lazy("An option's name, such as quality. Empty: the whole model.")
    )
    choices = models.JSONField(
        default=list, blank=True, validators=[validate_texts], help_text=gettext_lazy("Its values. Empty: any value.")
    )
    longer_than = models.PositiveIntegerField(
        gettext_lazy("sizes longer than"),
        null=True,
        blank=True,
        help_text=gettext_lazy("Pixels: only sizes with a longer side, such as 2048."),
    )
    groups = models.ManyToManyField(Group, related_name="rights", verbose_name=gettext_lazy("for these groups only"))

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(model__isnull=False) | ~Q(option="") | Q(longer_than__isnull=False),
                name="right_is_about_something",
                violation_error_message=gettext_lazy("Choose a model, an option, or sizes."),
            )
        ]

    def __str__(self) -> str:
        about = self.option or ((_("sizes over %(pixels)s") % {"pixels": self.longer_than}) if self.longer_than else "")
        return ", ".join(one for one in (self.model.label if self.model else "", about, *self.choices) if one)

    @property
    def is_whole_model(self) -> bool:
        return not self.option and self.longer_than is None

    def reserves(self, model_id: int, options: Mapping[str, str]) -> bool:
        """Whether a request with these options is for the groups only."""
        if self.model_id not in (None, model_id):
            return False
        values = [options.get(self.option, "")] if self.option else list(options.values())
        if self.longer_than is not None:
            return any(_longest_side(value) > self.longer_than for value in values)
        if not self.option:
            return True
        return bool(values[0]) and (not self.choices or values[0] in self.choices)


def _longest_side(value: str) -> int:
    match = PIXELS.match(value)
    return max(int(match[1]), int(match[2])) if match else 0


class GroupLimit(models.Model):
    """How much each person of a group may ask for; without a group, each person whom no other row concerns."""

    group = models.OneToOneField(
        Group,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="limit",
        help_text=gettext_lazy("Empty: all people who are in no group with limits."),
    )
    requests_per_day = models.PositiveIntegerField(
        null=True, blank=True, help_text=gettext_lazy("Empty: as many as they want.")
    )
    under_way = models.PositiveIntegerField(
        gettext_lazy("requests under way"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=gettext_lazy("At the same time. Empty: as many as they want."),
    )
    storage_mb = models.PositiveIntegerField(
        gettext_lazy("storage (MB)"),
        null=True,
        blank=True,
        help_text=gettext_lazy("Of a person's own pictures. Empty: as much as there is."),
    )

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                # Everyone else counts as a group, too: NULLs would all differ.
                Coalesce("group", 0),
                name="limit_once_per_group",
                violation_error_message=gettext_lazy("There are limits for this group already."),
            )
        ]

    def __str__(self) -> str:
        return _("the limits of %(group)s") % {"group": self.group or _("everyone else")}
