"""A check of the media that an administrator has asked for, and what it found."""

from collections.abc import Iterable
from itertools import islice

from django.db import models
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

# So many findings are listed; the rest is counted.
LISTED = 500
# So many checks are remembered.
REMEMBERED = 10


class MediaCheck(models.Model):
    class Stage(models.TextChoices):
        """In this order."""

        PICTURES = "pictures", _("Pictures and thumbnails")
        KEPT_FILES = "kept", _("Kept files")
        SENT_ALONG = "sent", _("Files of unfinished requests")
        ORPHANS = "orphans", _("Files that no row names")

    started_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)
    with_hash = models.BooleanField(_("reads all originals"), default=False)
    stage = models.CharField(max_length=8, choices=Stage, default=Stage.PICTURES)
    place = models.TextField(blank=True, help_text=_("How far it has come in this stage: a row, or a folder."))
    worked_at = models.DateTimeField(_("latest work"), default=timezone.now)
    broken = models.PositiveIntegerField(_("missing or wrong"), default=0)
    orphans = models.PositiveIntegerField(_("named by no row"), default=0)
    findings = models.JSONField(default=list)
    error = models.TextField(blank=True, help_text=_("Why it has ended early."))

    class Meta:
        verbose_name = _("check of the media")
        verbose_name_plural = _("checks of the media")
        ordering = ["-id"]

    def __str__(self) -> str:
        return _("Check of %(started_at)s") % {"started_at": date_format(self.started_at, "SHORT_DATETIME_FORMAT")}

    def note(self, stage: "MediaCheck.Stage", place: str, findings: Iterable[str], *, orphans: int) -> None:
        """It has come as far as `place`, and found these, so many of which are orphans. Not saved yet."""
        found = list(findings)
        self.stage, self.place = stage, place
        self.orphans += orphans
        self.broken += len(found) - orphans
        self.findings += islice(found, max(0, LISTED - len(self.findings)))

    def keep(self, begun: tuple[str, str]) -> bool:
        """Save a slice of work that began at this stage and place. Return False if another process was faster."""
        self.worked_at = timezone.now()
        names = ("finished_at", "stage", "place", "worked_at", "broken", "orphans", "findings", "error")
        rows = MediaCheck.objects.filter(pk=self.pk, finished_at=None, stage=begun[0], place=begun[1])
        return bool(rows.update(**{name: getattr(self, name) for name in names}))
