"""One result of a generation, stored for good."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Self

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import models, transaction
from django.db.models import Case, Exists, F, OuterRef, Q, Value, When
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from gallery.db import search_index
from gallery.models.catalogue import ImageModel
from gallery.models.gallery import Gallery, GalleryEntry
from gallery.models.generation import Generation
from gallery.models.mark import Mark

if TYPE_CHECKING:
    from gallery.models.person import Person


# How long the trash keeps a picture.
KEEP_TRASH = timedelta(days=30)


class PictureQuerySet(models.QuerySet["Picture"]):
    def visible_to(self, person: "Person") -> Self:
        """A person's own, and those in a gallery that this person may see, without the trash."""
        shown = GalleryEntry.objects.filter(picture=OuterRef("pk"), gallery__in=Gallery.objects.visible_to(person))
        return self.kept().filter(Q(author=person) | Exists(shown))

    def kept(self) -> Self:
        return self.filter(trashed_at=None)

    def in_trash_of(self, person: "Person") -> Self:
        return self.filter(author=person, trashed_at__isnull=False)

    def trashed_before(self, moment: datetime) -> Self:
        return self.filter(trashed_at__lt=moment)

    def marked_by(self, person: "Person") -> Self:
        """With `is_favourite`: whether this person has marked it."""
        marks = Mark.objects.filter(person=person, picture=OuterRef("pk"), favourite=True)
        return self.annotate(is_favourite=Exists(marks))

    def search(self, text: str) -> Self:
        """Pictures with a word that begins with each word of `text`; all of them, if it has no words."""
        asked = search_index.asked_words(text)
        return self.filter(search_index.Matches(asked)) if asked else self


class Picture(models.Model):
    class Shape(models.TextChoices):
        WIDE = "wide", _("Wide")
        SQUARE = "square", _("Square")
        TALL = "tall", _("Tall")

    class Kind(models.TextChoices):
        """What it is; all but the first were brought by a person."""

        MADE = "made", _("Made here")
        PHOTO = "photo", _("Photo")
        LOGO = "logo", _("Logo")
        PRODUCT = "product", _("Product")
        SKETCH = "sketch", _("Sketch")

    generation = models.ForeignKey(Generation, on_delete=models.PROTECT, related_name="pictures")
    index = models.PositiveSmallIntegerField(help_text=_("Its place among the generation's results, from 0."))
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="pictures")
    model = models.ForeignKey(
        ImageModel, on_delete=models.PROTECT, related_name="pictures", editable=False, help_text=_("The generation's.")
    )
    kind = models.CharField(max_length=7, choices=Kind, default=Kind.MADE)
    original = models.FileField(
        max_length=200, help_text=_("The bytes as the upstream delivered them, or of an upload without its metadata.")
    )
    sha256 = models.CharField(max_length=64)
    format = models.CharField(max_length=4, help_text=_("PNG, JPEG, WEBP, AVIF or GIF."))
    is_as_delivered = models.BooleanField(
        _("shown as delivered"),
        default=True,
        editable=False,
        help_text=_("Browsers show the original as the still picture that it is. If not, they get a still made of it."),
    )
    byte_size = models.PositiveBigIntegerField()
    width = models.PositiveIntegerField(help_text=_("As displayed, in pixels."))
    height = models.PositiveIntegerField()
    # A picture looks square if its sides differ by less than a twentieth.
    shape = models.GeneratedField(
        expression=Case(
            When(width__gt=F("height") * 21 / 20, then=Value("wide")),
            When(height__gt=F("width") * 21 / 20, then=Value("tall")),
            default=Value("square"),
        ),
        output_field=models.CharField(max_length=6, choices=Shape),
        db_persist=True,
    )
    placeholder = models.JSONField(
        default=list, help_text=_("Four colours: top left, top right, bottom left and right.")
    )
    thumbnails = models.JSONField(
        default=dict, blank=True, help_text=_('Widths in pixels by format, such as {"webp": [320, 480, 960]}.')
    )
    revised_prompt = models.TextField(blank=True)
    search_text = models.TextField(
        blank=True, editable=False, help_text=_("Prompts, tags and author in one, for the search.")
    )
    trashed_at = models.DateTimeField(null=True, blank=True, help_text=_("It is deleted for good 30 days later."))
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    # Set in a list of a gallery's pictures: its entry there.
    entry: GalleryEntry | None
    # Also there: what guests chose; see queries/guests.py.
    guest_choices: list[tuple[str, str, int, str]]

    objects = PictureQuerySet.as_manager()

    class Meta:
        ordering = ["generation_id", "index"]
        constraints = [models.UniqueConstraint(fields=["generation", "index"], name="picture_once_per_result")]
        indexes = [
            models.Index(fields=["author", "-id"], name="picture_by_author"),
            # For the storage that a person's pictures take.
            models.Index(fields=["author", "byte_size"], name="picture_bytes_by_author"),
            models.Index(fields=["model", "-id"], name="picture_by_model"),
            models.Index(fields=["shape", "-id"], name="picture_by_shape"),
            models.Index(fields=["created_at", "id"], name="picture_by_date"),
            models.Index(fields=["kind", "-id"], condition=~Q(kind="made"), name="picture_by_kind"),
            models.Index(fields=["id"], condition=Q(thumbnails={}), name="picture_without_thumbnails"),
            models.Index(fields=["trashed_at"], condition=Q(trashed_at__isnull=False), name="picture_in_trash"),
        ]

    def __str__(self) -> str:
        return _("Picture %(number)s") % {"number": self.pk}

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self._state.adding:
            self.fill_in()
        super().save(*args, **kwargs)

    def fill_in(self, *tags: str) -> None:
        """Set what a new row is searched by. Code that makes many rows at once calls it for each of them."""
        self.model_id = self.generation.model_id
        self.search_text = search_index.text_of(self.generation.prompt, self.revised_prompt, *tags, self.author.name)

    @classmethod
    def refresh_search_text(cls, pks: Iterable[int]) -> None:
        """After the tags of these pictures, or their author's name, have changed."""
        rows = cls.objects.filter(pk__in=list(pks)).select_related("generation", "author").prefetch_related("tags")
        for picture in rows.only("revised_prompt", "search_text", "generation__prompt", "author__name"):
            tags = (tag.name for tag in picture.tags.all())
            text = search_index.text_of(picture.generation.prompt, picture.revised_prompt, *tags, picture.author.name)
            if text != picture.search_text:
                cls.objects.filter(pk=picture.pk).update(search_text=text)

    @classmethod
    def refresh_search_text_of(cls, author_id: int, at_once: int = 500) -> None:
        """After this person was renamed. A few rows at a time, so that other writes do not wait long."""
        pks = list(cls.objects.filter(author=author_id).order_by("pk").values_list("pk", flat=True))
        for begin in range(0, len(pks), at_once):
            with transaction.atomic():
                cls.refresh_search_text(pks[begin : begin + at_once])

    @property
    def is_upload(self) -> bool:
        """Whether a person brought it, and no model made it."""
        return self.kind != Picture.Kind.MADE

    @property
    def original_name(self) -> str:
        """The storage name of the original."""
        return str(self.original.name)

    @property
    def digest(self) -> str:
        """Stands in the addresses: other content has another address, so browsers may keep the files."""
        return self.sha256[:16]

    @property
    def alt(self) -> str:
        """The prompt: there is no better description of the picture."""
        prompt = self.generation.prompt or gettext("A picture")
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

    def thumbnail_name(self, width: int, format: str) -> str:
        """The storage name of a thumbnail, beside the original."""
        return f"{PurePosixPath(self.original_name).with_suffix('')}-{width}.{format}"

    def has_thumbnail(self, width: int, format: str) -> bool:
        return width in self.thumbnails.get(format, ())

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Delete the row first, then its files: a file without a row wastes space, a row without a file is a loss."""
        with transaction.atomic():
            deleted = self._delete_row(*args, **kwargs)
        self.delete_files()
        return deleted

    def delete_for_good(self, trashed_before: datetime | None = None) -> bool:
        """Delete it if it is still in the trash, and was put there before that moment. Return whether it was."""
        trashed = Picture.objects.filter(pk=self.pk, trashed_at__isnull=False)
        if trashed_before is not None:
            trashed = trashed.trashed_before(trashed_before)
        with transaction.atomic():
            # A restore at the same time waits for us and finds it gone, or comes first, and then this finds nothing.
            row = trashed.select_for_update(of=("self",)).first()
            if row is None:
                return False
            row._delete_row()
        row.delete_files()
        return True

    def _delete_row(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """In a transaction. The generation stays and notes that this picture had come, so it is not fetched again."""
        generation = Generation.objects.select_for_update().only("deleted_results").get(pk=self.generation_id)
        gone = sorted({*generation.deleted_results, self.index})
        Generation.objects.filter(pk=self.generation_id).update(deleted_results=gone)
        return super().delete(*args, **kwargs)

    def delete_files(self) -> None:
        names = [self.original_name]
        names += [self.thumbnail_name(width, format) for format, widths in self.thumbnails.items() for width in widths]
        for name in names:
            default_storage.delete(name)
