"""One result of a generation, kept for good."""

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Self

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.urls import reverse
from django.utils import timezone

from gallery.models.gallery import Gallery, GalleryEntry
from gallery.models.generation import Generation, ratio_class

if TYPE_CHECKING:
    from gallery.models.people import Person


class PictureQuerySet(models.QuerySet["Picture"]):
    def visible_to(self, person: "Person") -> Self:
        """A person's own, and those in a gallery that this person may look at; nothing that is in the trash."""
        shown = GalleryEntry.objects.filter(picture=OuterRef("pk"), gallery__in=Gallery.objects.visible_to(person))
        return self.kept().filter(Q(author=person) | Exists(shown))

    def kept(self) -> Self:
        return self.filter(trashed_at=None)

    def in_trash_of(self, person: "Person") -> Self:
        return self.filter(author=person, trashed_at__isnull=False)


class Picture(models.Model):
    generation = models.ForeignKey(Generation, on_delete=models.PROTECT, related_name="pictures")
    index = models.PositiveSmallIntegerField(help_text="Its place among the generation's results, from 0.")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="pictures")
    original = models.FileField(max_length=200, help_text="The bytes as the upstream delivered them.")
    sha256 = models.CharField(max_length=64)
    format = models.CharField(max_length=4, help_text="PNG, JPEG or WEBP.")
    byte_size = models.PositiveBigIntegerField()
    width = models.PositiveIntegerField(help_text="As displayed, in pixels.")
    height = models.PositiveIntegerField()
    placeholder = models.JSONField(default=list, help_text="Four colours: top left, top right, bottom left and right.")
    thumbnails = models.JSONField(
        default=dict, blank=True, help_text='Widths in pixels by format, such as {"webp": [320, 480, 960]}.'
    )
    revised_prompt = models.TextField(blank=True)
    search_text = models.TextField(
        blank=True, editable=False, help_text="Prompts, tags and author in one, for the search."
    )
    trashed_at = models.DateTimeField(null=True, blank=True, help_text="It is deleted for good 30 days later.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = PictureQuerySet.as_manager()

    class Meta:
        ordering = ["generation_id", "index"]
        constraints = [models.UniqueConstraint(fields=["generation", "index"], name="picture_once_per_result")]
        indexes = [
            models.Index(fields=["author", "-id"], name="picture_by_author"),
            models.Index(fields=["id"], condition=Q(thumbnails={}), name="picture_without_thumbnails"),
            models.Index(fields=["trashed_at"], condition=Q(trashed_at__isnull=False), name="picture_in_trash"),
        ]

    def __str__(self) -> str:
        return f"Picture {self.pk}"

    @property
    def original_name(self) -> str:
        """The storage name of the original."""
        return str(self.original.name)

    @property
    def digest(self) -> str:
        """What stands in the addresses: another content is another address, so that browsers may keep them."""
        return self.sha256[:16]

    @property
    def ratio_class(self) -> str:
        return ratio_class(self.width, self.height)

    @property
    def alt(self) -> str:
        """The prompt is the best description that there is of the picture."""
        prompt = self.generation.prompt
        return prompt if len(prompt) <= 200 else f"{prompt[:199]}…"

    @property
    def download_name(self) -> str:
        return f"lemon-studio-{self.generation_id}-{self.index + 1}.{self.extension}"

    @property
    def extension(self) -> str:
        return PurePosixPath(self.original_name).suffix.lstrip(".")

    @property
    def content_type(self) -> str:
        return f"image/{self.format.lower()}"

    @property
    def original_url(self) -> str:
        return reverse("picture_original", args=[self.pk, self.digest])

    def thumbnail_name(self, width: int, format: str) -> str:
        """The storage name of a thumbnail, beside the original."""
        return f"{PurePosixPath(self.original_name).with_suffix('')}-{width}.{format}"

    def has_thumbnail(self, width: int, format: str) -> bool:
        return width in self.thumbnails.get(format, ())

    def _srcset(self, format: str) -> str:
        return ", ".join(
            f"{reverse('picture_thumbnail', args=[self.pk, self.digest, width, format])} {width}w"
            for width in self.thumbnails.get(format, ())
        )

    @property
    def srcset_webp(self) -> str:
        return self._srcset("webp")

    @property
    def srcset_avif(self) -> str:
        return self._srcset("avif")

    @property
    def src(self) -> str:
        """For browsers that know no srcset, and until the thumbnails are made."""
        widths = self.thumbnails.get("webp", ())
        if not widths:
            return self.original_url
        return reverse("picture_thumbnail", args=[self.pk, self.digest, max(widths), "webp"])

    @property
    def small_src(self) -> str:
        """For a tiny picture of it."""
        widths = self.thumbnails.get("webp", ())
        if not widths:
            return self.original_url
        return reverse("picture_thumbnail", args=[self.pk, self.digest, min(widths), "webp"])

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Delete the row first, then its files: a file without a row wastes room, a row without a file is a loss."""
        names = [self.original_name]
        names += [self.thumbnail_name(width, format) for format, widths in self.thumbnails.items() for width in widths]
        deleted = super().delete(*args, **kwargs)
        for name in names:
            default_storage.delete(name)
        return deleted
