"""What administrators must hear about, until it was told by mail and to the webhook."""

from datetime import datetime, timedelta
from typing import Self

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

# The waits before each further try; then it is given up.
WAITS = (60, 300, 900, 3600, 4 * 3600)
# Longer than a task that delivers may run.
CLAIM = timedelta(minutes=10)
KEEP = timedelta(days=90)


class AlertQuerySet(models.QuerySet["Alert"]):
    def due(self) -> Self:
        return self.filter(due_at__lte=timezone.now()).order_by("pk")


class Alert(models.Model):
    class Kind(models.TextChoices):
        PAUSED = "paused", _("Paused")
        STORAGE = "storage", _("Storage")
        WORKER_GONE = "worker_gone", _("No worker")
        LEDGER_WRONG = "ledger_wrong", _("Ledger wrong")
        BUDGET_USED = "budget_used", _("Budget used up")

    kind = models.CharField(max_length=12, choices=Kind)
    key = models.CharField(max_length=100, help_text=_("The same thing is reported once."))
    subject = models.CharField(max_length=200)
    text = models.TextField()
    translations = models.JSONField(
        default=dict, editable=False, help_text=_("Subject and text in each language; of earlier alerts in none.")
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    due_at = models.DateTimeField(
        null=True, blank=True, default=timezone.now, db_index=True, help_text=_("Empty if nothing is left to do.")
    )
    attempts = models.PositiveSmallIntegerField(default=0)
    is_mailed = models.BooleanField(_("sent by mail"), default=False)
    is_posted = models.BooleanField(_("sent to the webhook"), default=False)
    problem = models.CharField(max_length=300, blank=True, help_text=_("Of the last try."))

    objects = AlertQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["kind", "key"], name="each_alert_once")]

    def __str__(self) -> str:
        return self.subject

    def words(self, language: str) -> tuple[str, str]:
        """Subject and text in this language, if they are there."""
        subject, text = self.translations.get(language, (self.subject, self.text))
        return subject, text

    def claim(self) -> bool:
        """Whether this process tells it now. If it dies over that, another one does after a while."""
        mine = Alert.objects.filter(pk=self.pk, due_at=self.due_at, attempts=self.attempts)
        self.attempts += 1
        self.due_at = timezone.now() + CLAIM
        return bool(mine.update(due_at=self.due_at, attempts=self.attempts))

    def try_again(self, problem: str) -> bool:
        """Tell whether there is another try."""
        self.problem = problem[:300]
        waits = self.attempts <= len(WAITS)
        self.due_at = timezone.now() + timedelta(seconds=WAITS[self.attempts - 1]) if waits else None
        self.save()
        return waits

    @classmethod
    def delete_old(cls, now: datetime) -> None:
        cls.objects.filter(created_at__lt=now - KEEP).delete()
