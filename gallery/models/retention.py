"""How long the studio keeps what people typed, uploaded and did."""

from datetime import datetime, timedelta
from typing import Any, ClassVar, Self

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

LONGEST_DAYS = 3650


def _days(name: Any, help_text: Any) -> "models.PositiveSmallIntegerField[int | None, int | None]":
    return models.PositiveSmallIntegerField(
        name,
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(LONGEST_DAYS)],
        help_text=help_text,
    )


class Retention(models.Model):
    """One row. Days; empty means for ever, which is how a studio begins. Housekeeping obeys it."""

    # What each is called, and what happens then.
    WORDS: ClassVar[dict[str, tuple[Any, Any]]] = {
        "prompts": (
            _("Prompts"),
            _("Then the text is taken out of requests and pictures. The pictures stay, without it."),
        ),
        "failed_requests": (
            _("Failed requests"),
            _("Then they leave the feed, without text, options and messages. What they cost stays."),
        ),
        "uploads": (
            _("Uploads"),
            _("Then the files that went along with a request are deleted. Uploads in the library stay."),
        ),
        "activity": (_("Activity"), _("Then the lines of what happened in galleries are deleted.")),
    }

    prompts = _days(*WORDS["prompts"])
    failed_requests = _days(*WORDS["failed_requests"])
    uploads = _days(*WORDS["uploads"])
    activity = _days(*WORDS["activity"])

    class Meta:
        verbose_name = _("retention")
        verbose_name_plural = _("retention")

    def __str__(self) -> str:
        return str(_("How long things are kept"))

    @classmethod
    def load(cls) -> Self:
        return cls.objects.get_or_create(pk=1)[0]

    def before(self, name: str) -> datetime | None:
        """The moment before which things of this kind are over; None: never."""
        days: int | None = getattr(self, name)
        return None if days is None else timezone.now() - timedelta(days=days)
