"""How a team decides on pictures: comments, what happened in a gallery, and notices to those concerned."""

from django.conf import settings
from django.db import models
from django.utils import timezone


class Comment(models.Model):
    """On a picture, in a gallery: who may see that gallery may read it."""

    gallery = models.ForeignKey("gallery.Gallery", on_delete=models.CASCADE, related_name="comments")
    picture = models.ForeignKey("gallery.Picture", on_delete=models.CASCADE, related_name="comments")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="comments"
    )
    link = models.ForeignKey(
        "gallery.ShareLink", on_delete=models.SET_NULL, null=True, blank=True, related_name="comments"
    )
    guest = models.CharField(max_length=80, blank=True, help_text="The name that a guest gave.")
    text = models.TextField(max_length=2000)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["gallery", "picture"], name="comment_by_place")]

    def __str__(self) -> str:
        return f"{self.author or self.guest} on {self.picture}"


class Activity(models.Model):
    """One line of what happened in a gallery."""

    class Verb(models.TextChoices):
        ADDED = "added", "added a picture"
        REMOVED = "removed", "took a picture out"
        COMMENTED = "commented", "commented"
        DECIDED = "decided", "decided"
        SHARED = "shared", "changed who may see it"
        RENAMED = "renamed", "renamed it"

    gallery = models.ForeignKey("gallery.Gallery", on_delete=models.CASCADE, related_name="activities")
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    guest = models.CharField(max_length=80, blank=True)
    verb = models.CharField(max_length=9, choices=Verb)
    picture = models.ForeignKey("gallery.Picture", on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    detail = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name_plural = "activities"
        ordering = ["-id"]
        indexes = [models.Index(fields=["gallery", "-id"], name="activity_by_gallery")]

    def __str__(self) -> str:
        return f"{self.actor or self.guest} {self.get_verb_display()}"


class Notice(models.Model):
    """Something that one person should know."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notices")
    text = models.CharField(max_length=300)
    url = models.CharField(max_length=300, blank=True, help_text="A path in the studio.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["person", "-id"], condition=models.Q(read_at=None), name="notice_unread"),
        ]

    def __str__(self) -> str:
        return self.text
