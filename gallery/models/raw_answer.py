"""What the upstream answered, word for word, until its pictures are safe."""

from datetime import datetime, timedelta
from typing import Self

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from gallery.models.generation import Generation
from gallery.models.states import ENDED_IN_VAIN, State

# How long the answers about what has ended are kept, and how many of one generation.
KEEP_RAW = timedelta(days=30)
KEPT_OF_EACH = 5


class RawAnswerQuerySet(models.QuerySet["RawAnswer"]):
    def out_of_date(self, now: datetime) -> Self:
        """Of what ended so long ago."""
        ended = (*ENDED_IN_VAIN, State.COMPLETED)
        return self.filter(generation__state__in=ended, received_at__lt=now - KEEP_RAW)


class RawAnswer(models.Model):
    """An answer to a request that may have been paid for. A better reader can be run over it later.

    Pictures that came inside it are not in `body`: they lie in the inbox. It is deleted when all pictures are safe.
    """

    generation = models.ForeignKey(Generation, on_delete=models.CASCADE, related_name="raw_answers")
    received_at = models.DateTimeField(default=timezone.now, editable=False)
    is_poll = models.BooleanField(default=False, help_text=_("To a question about the task, and not to the request."))
    status = models.PositiveSmallIntegerField(help_text=_("The HTTP status."))
    headers = models.JSONField(default=dict, blank=True)
    body = models.TextField(blank=True)

    objects = RawAnswerQuerySet.as_manager()

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return _("Answer %(number)s to %(generation_id)s") % {"number": self.pk, "generation_id": self.generation_id}
