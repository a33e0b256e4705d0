"""Comments on pictures."""

from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from gallery.models.gallery import Gallery, GalleryEntry

if TYPE_CHECKING:
    from gallery.models.person import Person


class CommentQuerySet(models.QuerySet["Comment"]):
    def shown(self) -> Self:
        """Comments on pictures that are still in the gallery, and not in the trash."""
        there = GalleryEntry.objects.filter(gallery=OuterRef("gallery"), picture=OuterRef("picture"))
        return self.filter(Exists(there), picture__trashed_at=None)

    def visible_to(self, person: "Person") -> Self:
        return self.shown().filter(gallery__in=Gallery.objects.visible_to(person))


class Comment(models.Model):
    """A comment on a picture in a gallery, by a person or a guest. All who may see the gallery may read it."""

    LONGEST = 2000

    gallery = models.ForeignKey("gallery.Gallery", on_delete=models.CASCADE, related_name="comments")
    picture = models.ForeignKey("gallery.Picture", on_delete=models.CASCADE, related_name="comments")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="comments"
    )
    link = models.ForeignKey(
        "gallery.ShareLink", on_delete=models.SET_NULL, null=True, blank=True, related_name="comments"
    )
    guest = models.CharField(max_length=80, blank=True, help_text=_("The name that a guest gave."))
    text = models.TextField(max_length=LONGEST)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = CommentQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(author__isnull=False, guest="") | (Q(author__isnull=True) & ~Q(guest="")),
                name="comment_by_a_person_or_a_guest",
            )
        ]
        indexes = [models.Index(fields=["gallery", "picture"], name="comment_by_place")]

    def __str__(self) -> str:
        return _("%(who)s on %(picture)s") % {"who": self.who, "picture": self.picture}

    @property
    def who(self) -> str:
        return self.author.name if self.author else self.guest
