"""What happened in a gallery: its log, and the notices to people."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from gallery.models.gallery import Gallery, GalleryEntry
from gallery.models.membership import Role
from gallery.models.person import Person
from gallery.models.share_link import GuestVote

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence with placeholders, and what stands in them; a page may mark these up."""

    text: str
    values: Mapping[str, str | int]

    def __str__(self) -> str:
        return self.text % self.values


class Happening(models.Model):
    """The common part of log lines and notices: the person who did it, and the picture."""

    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    guest = models.CharField(
        max_length=80, blank=True, help_text=gettext_lazy("The name that a guest without an account gave.")
    )
    picture = models.ForeignKey("gallery.Picture", on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    detail = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return str(self.sentence)

    @property
    def who(self) -> str:
        if self.guest:
            return _("%(name)s (guest)") % {"name": self.guest}
        return self.actor.name if self.actor else _("Someone")

    @property
    def sentence(self) -> Sentence:
        """What happened, in the reader's language: who did it is `%(who)s`."""
        raise NotImplementedError


class Activity(Happening):
    """One line of a gallery's log. The verb decides what `detail` holds; see `what`."""

    class Verb(models.TextChoices):
        ADDED = "added", gettext_lazy("Added pictures")
        REMOVED = "removed", gettext_lazy("Removed pictures")
        DECIDED = "decided", gettext_lazy("Decided")
        COMMENTED = "commented", gettext_lazy("Commented")
        COVER = "cover", gettext_lazy("Changed the cover")
        RENAMED = "renamed", gettext_lazy("Renamed")
        TEAM = "team", gettext_lazy("Shared with the team")
        NOT_TEAM = "not_team", gettext_lazy("No longer shared with the team")
        JOINED = "joined", gettext_lazy("Joined by an invitation")
        MEMBER_ADDED = "member", gettext_lazy("Added a member")
        MEMBER_CHANGED = "role", gettext_lazy("Changed a role")
        MEMBER_REMOVED = "no_member", gettext_lazy("Removed a member")
        LEFT = "left", gettext_lazy("Left")
        LINK_MADE = "link", gettext_lazy("Made a share link")
        LINK_ENDED = "no_link", gettext_lazy("Revoked a share link")
        OWNER = "owner", gettext_lazy("Gave it another owner")

    gallery = models.ForeignKey(Gallery, on_delete=models.CASCADE, related_name="activities")
    verb = models.CharField(max_length=9, choices=Verb)
    count = models.PositiveIntegerField(default=1, help_text=gettext_lazy("Of pictures, if one line is about several."))

    class Meta:
        verbose_name = gettext_lazy("activity")
        verbose_name_plural = gettext_lazy("activities")
        ordering = ["-id"]
        indexes = [models.Index(fields=["gallery", "-id"], name="activity_by_gallery")]

    @property
    def sentence(self) -> Sentence:
        member, role = _member_and_role(self.detail)
        values: dict[str, str | int] = {
            "who": self.who,
            "count": self.count,
            "member": member,
            "role": role,
            "person": self.detail,
        }
        return Sentence(self._words(has_role=bool(role)), values | _names(self.detail))

    def _words(self, *, has_role: bool) -> str:
        match Activity.Verb(self.verb):
            case Activity.Verb.ADDED:
                return ngettext("%(who)s added a picture", "%(who)s added %(count)d pictures", self.count)
            case Activity.Verb.REMOVED:
                return ngettext("%(who)s took a picture out", "%(who)s took %(count)d pictures out", self.count)
            case Activity.Verb.DECIDED:
                return str(_DECIDED[self.detail]) if self.detail in _DECIDED else _("%(who)s decided on a picture")
            case Activity.Verb.COMMENTED:
                return _("%(who)s commented on a picture")
            case Activity.Verb.COVER:
                return _("%(who)s picked a picture as the cover")
            case Activity.Verb.RENAMED:
                return _("%(who)s renamed the gallery from “%(before)s” to “%(after)s”")
            case Activity.Verb.TEAM:
                return _("%(who)s shared the gallery with the whole team")
            case Activity.Verb.NOT_TEAM:
                return _("%(who)s stopped sharing the gallery with the whole team")
            case Activity.Verb.JOINED:
                return _("%(who)s became a member by %(person)s’s invitation")
            case Activity.Verb.MEMBER_ADDED:
                return _("%(who)s added %(member)s (%(role)s)") if has_role else _("%(who)s added %(member)s")
            case Activity.Verb.MEMBER_CHANGED if has_role:
                return _("%(who)s changed the role of %(member)s to %(role)s")
            case Activity.Verb.MEMBER_CHANGED:
                return _("%(who)s changed the role of %(member)s")
            case Activity.Verb.MEMBER_REMOVED:
                return _("%(who)s removed %(person)s")
            case Activity.Verb.LEFT:
                return _("%(who)s left the gallery")
            case Activity.Verb.LINK_MADE:
                return _("%(who)s made a share link")
            case Activity.Verb.OWNER:
                return _("%(who)s made %(person)s the owner")
            case _other:
                return _("%(who)s revoked a share link")


def member_detail(name: str, role: str) -> str:
    """The `detail` of a line about a member: the role's code comes first, because names may hold any sign."""
    return f"{role}:{name}"


def renamed_detail(before: str, after: str) -> str:
    """The `detail` of a line about a gallery's name."""
    return f"{before}\n{after}"


def _member_and_role(detail: str) -> tuple[str, str]:
    """The member, and the role in words; lines of earlier versions hold a whole phrase, and no role."""
    code, colon, name = detail.partition(":")
    return (name, str(Role(code).label)) if colon and code in Role.values else (detail, "")


# Lines of earlier versions hold the words, too.
_RENAMED = re.compile(r"from “(.*)” to “(.*)”|(.*)\n(.*)")


def _names(detail: str) -> dict[str, str]:
    found = _RENAMED.fullmatch(detail)
    before, after = [text for text in found.groups() if text is not None] if found else ("", detail)
    return {"before": before, "after": after}


_DECIDED: "dict[str, _StrPromise]" = {
    GalleryEntry.Status.APPROVED: gettext_lazy("%(who)s approved a picture"),
    GalleryEntry.Status.SHORTLIST: gettext_lazy("%(who)s put a picture on the shortlist"),
    GalleryEntry.Status.DRAFT: gettext_lazy("%(who)s made a picture a draft again"),
    GuestVote.Kind.CHANGES: gettext_lazy("%(who)s asked for changes to a picture"),
}
_DECIDED_YOURS: "dict[str, _StrPromise]" = {
    GalleryEntry.Status.APPROVED: gettext_lazy("%(who)s approved your picture in “%(gallery)s”"),
    GalleryEntry.Status.SHORTLIST: gettext_lazy("%(who)s put your picture on the shortlist in “%(gallery)s”"),
    GalleryEntry.Status.DRAFT: gettext_lazy("%(who)s made your picture a draft again in “%(gallery)s”"),
    GuestVote.Kind.CHANGES: gettext_lazy("%(who)s asked for changes to your picture in “%(gallery)s”"),
}
_DECIDED_THERE: "dict[str, _StrPromise]" = {
    GuestVote.Kind.APPROVED: gettext_lazy("%(who)s approved a picture in “%(gallery)s”"),
    GuestVote.Kind.CHANGES: gettext_lazy("%(who)s asked for changes to a picture in “%(gallery)s”"),
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
        DECIDED = "decided", gettext_lazy("A decision on your picture")
        COMMENTED = "commented", gettext_lazy("A comment")
        MEMBER = "member", gettext_lazy("You became a member")
        CAME = "came", gettext_lazy("Your invitation was used")

    OF_PICTURES = (Kind.DECIDED, Kind.COMMENTED)
    OF_NO_GALLERY = (Kind.CAME,)
    # The `detail` of a notice to who has got a gallery; that of a new member is a role.
    OWNER = "owner"

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

    @property
    def sentence(self) -> Sentence:
        role = str(Role(self.detail).label) if self.detail in Role.values else ""
        values = {"who": self.who, "gallery": self.gallery.name if self.gallery else "", "role": role}
        return Sentence(self._words(has_role=bool(role)), values)

    def _words(self, *, has_role: bool) -> str:
        match Notice.Kind(self.kind):
            case Notice.Kind.DECIDED:
                return self._decided()
            case Notice.Kind.COMMENTED if self._is_of_reader:
                return _("%(who)s commented on your picture in “%(gallery)s”")
            case Notice.Kind.COMMENTED:
                return _("%(who)s commented on a picture in “%(gallery)s”")
            case Notice.Kind.MEMBER if self.detail == Notice.OWNER:
                return _("%(who)s made you the owner of “%(gallery)s”")
            case Notice.Kind.MEMBER if has_role:
                return _("%(who)s made you a member of “%(gallery)s” (%(role)s)")
            case Notice.Kind.MEMBER:
                return _("%(who)s made you a member of “%(gallery)s”")
            case _other:
                return _("%(who)s joined by your invitation")

    def _decided(self) -> str:
        # Managers hear of what guests decide on others' pictures, too.
        if not self._is_of_reader:
            there = _DECIDED_THERE.get(self.detail)
            return str(there) if there else _("%(who)s decided on a picture in “%(gallery)s”")
        yours = _DECIDED_YOURS.get(self.detail)
        return str(yours) if yours else _("%(who)s decided on your picture in “%(gallery)s”")

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
