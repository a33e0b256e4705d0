"""What happened in a gallery: its log, and the notices to people."""

from datetime import timedelta
from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import ngettext

from gallery.models.gallery import Gallery, GalleryEntry
from gallery.models.person import Person
from gallery.models.share_link import GuestVote

if TYPE_CHECKING:
    from collections.abc import Callable

SOMEBODY = "Somebody"


class Happening(models.Model):
    """The common part of log lines and notices: the person who did it, and the picture."""

    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    guest = models.CharField(max_length=80, blank=True, help_text="The name that a guest without an account gave.")
    picture = models.ForeignKey("gallery.Picture", on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    detail = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        abstract = True

    @property
    def who(self) -> str:
        if self.guest:
            return f"{self.guest} (guest)"
        return self.actor.name if self.actor else SOMEBODY


class Activity(Happening):
    """One line of a gallery's log. The verb decides what `detail` holds; see `what`."""

    class Verb(models.TextChoices):
        ADDED = "added", "added pictures"
        REMOVED = "removed", "took pictures out"
        DECIDED = "decided", "decided"
        COMMENTED = "commented", "commented"
        COVER = "cover", "picked a cover"
        RENAMED = "renamed", "renamed it"
        TEAM = "team", "showed it to the whole team"
        NOT_TEAM = "not_team", "took it back from the team"
        JOINED = "joined", "came by an invitation"
        MEMBER_ADDED = "member", "added a member"
        MEMBER_CHANGED = "role", "changed a role"
        MEMBER_REMOVED = "no_member", "removed a member"
        LEFT = "left", "left"
        LINK_MADE = "link", "made a public link"
        LINK_ENDED = "no_link", "ended a public link"

    gallery = models.ForeignKey(Gallery, on_delete=models.CASCADE, related_name="activities")
    verb = models.CharField(max_length=9, choices=Verb)
    count = models.PositiveIntegerField(default=1, help_text="Of pictures, where several are told of in one line.")

    class Meta:
        verbose_name_plural = "activities"
        ordering = ["-id"]
        indexes = [models.Index(fields=["gallery", "-id"], name="activity_by_gallery")]

    def __str__(self) -> str:
        return f"{self.who} {self.what}"

    @property
    def what(self) -> str:
        """The rest of the sentence that begins with the person's name."""
        return _SENTENCES[Activity.Verb(self.verb)](self)

    @property
    def pictures(self) -> str:
        return ngettext("a picture", "%(count)d pictures", self.count) % {"count": self.count}


_DECISIONS: dict[str, str] = {
    GalleryEntry.Status.APPROVED: "approved a picture",
    GalleryEntry.Status.SHORTLIST: "put a picture on the shortlist",
    GalleryEntry.Status.DRAFT: "made a picture a draft again",
    GuestVote.Kind.CHANGES: "asked for changes to a picture",
}
_SENTENCES: "dict[Activity.Verb, Callable[[Activity], str]]" = {
    Activity.Verb.ADDED: lambda line: f"added {line.pictures}",
    Activity.Verb.REMOVED: lambda line: f"took {line.pictures} out",
    Activity.Verb.DECIDED: lambda line: _DECISIONS.get(line.detail, "decided on a picture"),
    Activity.Verb.COMMENTED: lambda line: "commented on a picture",
    Activity.Verb.COVER: lambda line: "picked a picture as the cover",
    Activity.Verb.RENAMED: lambda line: f"renamed the gallery {line.detail}".rstrip(),
    Activity.Verb.TEAM: lambda line: "showed the gallery to the whole team",
    Activity.Verb.NOT_TEAM: lambda line: "stopped showing the gallery to the whole team",
    Activity.Verb.JOINED: lambda line: f"became a member by {line.detail}’s invitation",
    Activity.Verb.MEMBER_ADDED: lambda line: f"added {line.detail}",
    Activity.Verb.MEMBER_CHANGED: lambda line: f"changed the role of {line.detail}",
    Activity.Verb.MEMBER_REMOVED: lambda line: f"removed {line.detail}",
    Activity.Verb.LEFT: lambda line: "left the gallery",
    Activity.Verb.LINK_MADE: lambda line: "made a public link",
    Activity.Verb.LINK_ENDED: lambda line: "ended a public link",
}


# So long is a notice kept.
KEEP_NOTICES = timedelta(days=90)
# More unread ones than these are not counted.
MOST_COUNTED = 99


class NoticeQuerySet(models.QuerySet["Notice"]):
    def visible_to(self, person: Person) -> Self:
        """The notices for this person about things that they may still see."""
        there = GalleryEntry.objects.filter(
            gallery=OuterRef("gallery"), picture=OuterRef("picture"), picture__trashed_at=None
        )
        of_picture = Q(kind__in=Notice.OF_PICTURES)
        return self.filter(
            Q(gallery=None, kind__in=Notice.OF_NO_GALLERY) | Q(gallery__in=Gallery.objects.visible_to(person)),
            ~of_picture | Exists(there),
            person=person,
        )

    def unread(self) -> Self:
        return self.filter(read_at=None)

    def count_unread(self, person: Person) -> int:
        """The number of notices, MOST_COUNTED + 1 at most."""
        # Every page asks, and mostly there is none: what of them may still be seen is a longer question.
        if not self.filter(person=person).unread().exists():
            return 0
        return self.visible_to(person).unread().order_by()[: MOST_COUNTED + 1].count()


class Notice(Happening):
    """Something that one person should know. Each read checks whether they may still see what it is about."""

    class Kind(models.TextChoices):
        DECIDED = "decided", "Somebody decided on a picture of yours"
        COMMENTED = "commented", "Somebody commented"
        MEMBER = "member", "You are a member now"
        CAME = "came", "Somebody came by your invitation"

    OF_PICTURES = (Kind.DECIDED, Kind.COMMENTED)
    OF_NO_GALLERY = (Kind.CAME,)

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notices")
    kind = models.CharField(max_length=9, choices=Kind)
    gallery = models.ForeignKey(Gallery, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    read_at = models.DateTimeField(null=True, blank=True)

    objects = NoticeQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["person", "-id"], name="notice_by_person"),
            models.Index(fields=["person"], condition=Q(read_at=None), name="notice_unread"),
            models.Index(fields=["created_at"], name="notice_by_date"),
        ]

    def __str__(self) -> str:
        return f"{self.who} {self.what}"

    @property
    def what(self) -> str:
        """The rest of the sentence that begins with the person's name; the page names the gallery beside it."""
        if self.kind == self.Kind.DECIDED:
            said = _DECISIONS.get(self.detail, "decided on a picture")
            return said.replace("a picture", "your picture") if self._is_of_reader else said
        if self.kind == self.Kind.COMMENTED:
            return "commented on your picture" if self._is_of_reader else "commented on a picture"
        if self.kind == self.Kind.MEMBER:
            return f"made you a member: you {self.detail}" if self.detail else "made you a member"
        return "came by your invitation"

    @property
    def _is_of_reader(self) -> bool:
        return self.picture is not None and self.picture.author_id == self.person_id

    @property
    def target(self) -> str:
        """The page that it is about."""
        if self.kind in self.OF_PICTURES and self.picture_id:
            # What guests decide stands above the comments.
            place = "#comments" if self.kind == self.Kind.COMMENTED or self.guest else "#places"
            return f"{reverse('picture_detail', args=[self.picture_id])}?gallery={self.gallery_id}{place}"
        if self.gallery_id:
            return reverse("gallery_detail", args=[self.gallery_id])
        return reverse("invitation_list")

    def mark_read(self) -> None:
        Notice.objects.filter(pk=self.pk, read_at=None).update(read_at=timezone.now())
