"""Pictures that belong together."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Case, F, When, Window
from django.db.models.functions import RowNumber
from django.utils.translation import gettext_lazy as _

from gallery.models.membership import Membership

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gallery.models.person import Person
    from gallery.models.picture import Picture


@dataclass(frozen=True, slots=True)
class Faces:
    """The first members of a gallery, and how many it has."""

    members: list[Membership]
    total: int

    @property
    def others(self) -> int:
        return self.total - len(self.members)


class GalleryQuerySet(models.QuerySet["Gallery"]):
    def owned_by(self, person: "Person") -> "GalleryQuerySet":
        return self.filter(owner=person)

    def visible_to(self, person: "Person") -> "GalleryQuerySet":
        """A person's own, those shared with the team, and those that this person is a member of."""
        mine = Membership.objects.filter(
            models.Q(person=person) | models.Q(group__in=person.groups.all()), gallery=models.OuterRef("pk")
        )
        return self.filter(models.Q(owner=person) | models.Q(shared_with_team=True) | models.Exists(mine))

    def open_to(self, person: "Person", roles: "Iterable[str]") -> "GalleryQuerySet":
        """A person's own, and those where this person is a member with one of these roles."""
        member = Membership.objects.filter(
            models.Q(person=person) | models.Q(group__in=person.groups.all()),
            gallery=models.OuterRef("pk"),
            role__in=list(roles),
        )
        return self.filter(models.Q(owner=person) | models.Exists(member))

    def with_counts(self) -> "GalleryQuerySet":
        return (
            self.annotate(picture_count=models.Count("entries", filter=models.Q(entries__picture__trashed_at=None)))
            .select_related("owner")
            .order_by("-created_at", "-id")
        )


class Gallery(models.Model):
    name = models.CharField(max_length=120)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="galleries")
    shared_with_team = models.BooleanField(default=False, help_text=_("Everyone with an account can see it."))
    created_at = models.DateTimeField(auto_now_add=True)
    cover = models.ForeignKey(
        "gallery.Picture",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text=_("The picture that stands for it; the latest if none was picked."),
    )
    pictures: "models.ManyToManyField[Picture, GalleryEntry]" = models.ManyToManyField(
        "gallery.Picture", through="GalleryEntry", related_name="galleries"
    )

    objects = GalleryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = _("galleries")
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "name"],
                name="gallery_name_once_per_owner",
                violation_error_message=_("You have a gallery of this name already."),
            )
        ]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def covers(cls, galleries: "list[int]", pictures: int) -> "dict[int, list[Picture]]":
        """For each of these galleries, by id: the chosen cover first, then the latest pictures. One query."""
        is_cover = Case(When(gallery__cover=F("picture"), then=0), default=1)
        place = Window(RowNumber(), partition_by=F("gallery"), order_by=[is_cover, F("id").desc()])
        entries = GalleryEntry.objects.filter(gallery__in=galleries, picture__trashed_at=None)
        latest = entries.annotate(place=place).filter(place__lte=pictures)
        covers: dict[int, list[Picture]] = {}
        for entry in latest.select_related("picture__generation").order_by("gallery", "place"):
            covers.setdefault(entry.gallery_id, []).append(entry.picture)
        return covers

    @classmethod
    def faces(cls, galleries: "list[int]", most: int) -> "dict[int, Faces]":
        """For each of these galleries with members, by id: the first members. One query."""
        place = Window(RowNumber(), partition_by=F("gallery"), order_by=F("id").asc())
        total = Window(models.Count("pk"), partition_by=F("gallery"))
        members = Membership.objects.filter(gallery__in=galleries).annotate(place=place, total=total)
        faces: dict[int, Faces] = {}
        for member in members.filter(place__lte=most).select_related("person", "group").order_by("gallery", "place"):
            faces.setdefault(member.gallery_id, Faces([], member.total)).members.append(member)
        return faces


class GalleryEntry(models.Model):
    """A picture's place in a gallery, and the decision on it there.

    Only its author puts a picture into one: seeing it is theirs to give.
    """

    class Status(models.TextChoices):
        DRAFT = "draft", _("Draft")
        SHORTLIST = "shortlist", _("Shortlist")
        APPROVED = "approved", _("Approved")

    gallery = models.ForeignKey(Gallery, on_delete=models.CASCADE, related_name="entries")
    picture = models.ForeignKey("gallery.Picture", on_delete=models.CASCADE, related_name="entries")
    added_at = models.DateTimeField(auto_now_add=True)
    added_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    position = models.FloatField(default=0, help_text=_("Set by hand; higher comes first, then the newer."))
    status = models.CharField(max_length=9, choices=Status, default=Status.DRAFT)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = _("gallery entries")
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["gallery", "picture"], name="picture_once_per_gallery")]
        indexes = [
            models.Index(fields=["gallery", "-position", "-id"], name="entry_by_position"),
            models.Index(fields=["picture", "gallery"], name="entry_by_picture"),
        ]

    def __str__(self) -> str:
        return _("%(picture)s in %(gallery)s") % {"picture": self.picture, "gallery": self.gallery}
