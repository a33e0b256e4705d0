"""Downloads: pictures made ready as one ZIP archive.

What is made ready is a plan: each file's name, size and checksum. The archive itself is nowhere: it is put together
while it is downloaded, from the originals. Only what had to be converted is kept, until the download expires.
"""

import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from gallery.images.convert import Format, Shape
from gallery.models.gallery import Gallery
from gallery.models.picture import Picture

if TYPE_CHECKING:
    from gallery.models.person import Person

# So long a download can be downloaded once it is ready, and so long one that failed is told of.
KEEP_DOWNLOADS = timedelta(days=7)
# A task that works on a download notes it every second or two. After this long without a note, another one goes on.
SILENCE = timedelta(seconds=60)
# The folder in storage. Studios that are older than the name “download” have files in it.
ARCHIVES = "packages"


class DownloadQuerySet(models.QuerySet["Download"]):
    def of(self, person: "Person") -> Self:
        return self.filter(person=person)

    def still_there(self) -> Self:
        """Downloads that have not expired."""
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=timezone.now()))

    def under_way(self) -> Self:
        return self.filter(state=Download.State.BUILDING)

    def worked_on(self) -> Self:
        now = timezone.now()
        # A sign of life from the future is from before a clock was put back.
        return self.under_way().exclude(claim="").filter(moved_at__range=(now - SILENCE, now + SILENCE))

    def idle(self) -> Self:
        now = timezone.now()
        is_silent = Q(moved_at__lt=now - SILENCE) | Q(moved_at__gt=now + SILENCE)
        return self.under_way().filter(Q(claim="") | is_silent)

    def forgotten(self) -> Self:
        """Downloads without a task: their message is lost, or the task was killed."""
        now = timezone.now()
        return self.under_way().filter(Q(moved_at__lt=now - SILENCE) | Q(moved_at__gt=now + SILENCE))

    def expired(self) -> Self:
        return self.filter(expires_at__lte=timezone.now())


class Download(models.Model):
    class State(models.TextChoices):
        BUILDING = "building", _("Being made ready")
        READY = "ready", _("Ready")
        FAILED = "failed", _("Failed")

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="downloads")
    gallery = models.ForeignKey(
        Gallery,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="downloads",
        help_text=_("Empty: a selection."),
    )
    about = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        help_text=_("Of an export of one person's data: that person."),
    )
    name = models.CharField(max_length=120, help_text=_("What it contains, in words."))
    chosen = models.JSONField(default=list, blank=True, help_text=_("Of a selection: the ids of its pictures."))
    key = models.CharField(max_length=64, help_text=_("The same for the same pictures in the same shape."))
    format = models.CharField(
        max_length=8, choices=[(one.value, one.name) for one in Format], default=Format.ORIGINAL.value
    )
    side = models.PositiveIntegerField(null=True, blank=True, help_text=_("The longest, in pixels."))
    with_settings = models.BooleanField(default=False, help_text=_("Prompt and settings in each file."))

    state = models.CharField(max_length=8, choices=State, default=State.BUILDING)
    total = models.PositiveIntegerField(default=0, help_text=_("Pictures."))
    done = models.PositiveIntegerField(default=0)
    byte_size = models.PositiveBigIntegerField(default=0, help_text=_("Of the archive, once it is ready."))
    problem = models.TextField(blank=True, help_text=_("Why it failed."))
    claim = models.CharField(max_length=32, blank=True, editable=False, help_text=_("The worker that has it now."))
    moved_at = models.DateTimeField(default=timezone.now, help_text=_("The last sign of life."))
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    ready_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)

    objects = DownloadQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["person", "key"], condition=Q(state="building"), name="download_under_way_once"
            )
        ]
        indexes = [
            models.Index(fields=["person", "-id"], name="download_of_person"),
            models.Index(fields=["state", "moved_at"], name="download_under_way"),
        ]

    def __str__(self) -> str:
        return _("Download of %(name)s") % {"name": self.name}

    @property
    def shape(self) -> Shape:
        return Shape(Format(self.format), self.side, self.with_settings)

    @property
    def folder(self) -> str:
        """The folder in storage with the files that were made for it."""
        return f"{ARCHIVES}/{self.pk}"

    @property
    def is_under_way(self) -> bool:
        return self.state == self.State.BUILDING

    @property
    def is_ready(self) -> bool:
        return self.state == self.State.READY

    @property
    def has_failed(self) -> bool:
        return self.state == self.State.FAILED

    @property
    def is_forgotten(self) -> bool:
        return self.is_under_way and abs(timezone.now() - self.moved_at) > SILENCE

    @property
    def left_out(self) -> "models.QuerySet[DownloadItem]":
        return self.items.exclude(problem="").order_by("place")

    @property
    def etag(self) -> str:
        """Other content has another ETag, so that the parts of one download belong together."""
        made = self.ready_at or self.created_at
        return f"download-{self.pk}-{made.timestamp():.6f}"

    # -- working on it; each tells whether it is still the caller's to do

    def _mine(self, claim: str) -> DownloadQuerySet:
        return Download.objects.under_way().filter(pk=self.pk, claim=claim)

    def take(self) -> str:
        """Claim the download for one task. Return the claim, or "" if another task has it."""
        claim = uuid.uuid4().hex
        taken = Download.objects.idle().filter(pk=self.pk).update(claim=claim, moved_at=timezone.now())
        return claim if taken else ""

    def note_progress(self, claim: str, more: int = 0) -> bool:
        return bool(self._mine(claim).update(done=F("done") + more, moved_at=timezone.now()))

    def note_total(self, claim: str, total: int) -> bool:
        return bool(self._mine(claim).update(total=total, moved_at=timezone.now()))

    def let_go(self, claim: str) -> bool:
        return bool(self._mine(claim).update(claim="", moved_at=timezone.now()))

    def finish(self, claim: str, byte_size: int) -> bool:
        now = timezone.now()
        changes: dict[str, Any] = {"byte_size": byte_size, "ready_at": now, "expires_at": now + KEEP_DOWNLOADS}
        return bool(self._mine(claim).update(state=self.State.READY, claim="", moved_at=now, **changes))

    def fail(self, claim: str, problem: str) -> bool:
        now = timezone.now()
        changes: dict[str, Any] = {"problem": problem, "expires_at": now + KEEP_DOWNLOADS, "done": 0}
        return bool(self._mine(claim).update(state=self.State.FAILED, claim="", moved_at=now, **changes))

    def begin_again(self) -> bool:
        """Start again after a failure."""
        failed = Download.objects.filter(pk=self.pk, state=self.State.FAILED)
        changes: dict[str, Any] = {"problem": "", "expires_at": None, "done": 0, "claim": ""}
        return bool(failed.update(state=self.State.BUILDING, moved_at=timezone.now(), **changes))

    def remind(self) -> bool:
        """Return whether no task has worked on it for too long. A caller that gets True enqueues a task."""
        return bool(Download.objects.forgotten().filter(pk=self.pk).update(moved_at=timezone.now(), claim=""))


class DownloadItemQuerySet(models.QuerySet["DownloadItem"]):
    def to_do(self) -> Self:
        return self.filter(crc32=None, problem="").order_by("place")

    def in_archive(self) -> Self:
        return self.filter(crc32__isnull=False, problem="").order_by("place")


class DownloadItem(models.Model):
    """A file in a download: the original of a picture, or what was made from it."""

    download = models.ForeignKey(Download, on_delete=models.CASCADE, related_name="items")
    place = models.PositiveIntegerField(help_text=_("From 1; 0 is the manifest."))
    picture = models.ForeignKey(Picture, on_delete=models.SET_NULL, null=True, related_name="download_items")
    name = models.CharField(max_length=120)
    file = models.CharField(max_length=200, help_text=_("In storage."))
    byte_size = models.PositiveBigIntegerField(default=0)
    crc32 = models.PositiveBigIntegerField(null=True)
    sha256 = models.CharField(max_length=64, blank=True)
    modified_at = models.DateTimeField(default=timezone.now)
    problem = models.CharField(max_length=200, blank=True, help_text=_("Why it is left out."))

    objects = DownloadItemQuerySet.as_manager()

    class Meta:
        ordering = ["place"]
        constraints = [models.UniqueConstraint(fields=["download", "place"], name="download_place_once")]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def save_outcomes(cls, items: "Sequence[DownloadItem]") -> None:
        cls.objects.bulk_update(items, ["name", "file", "byte_size", "crc32", "sha256", "problem"], batch_size=100)
