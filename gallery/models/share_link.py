"""Share links, what guests like and decide, and wrong passwords."""

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Self

from django.conf import settings
from django.contrib.auth.hashers import check_password, make_password
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _


def hashed(token: str) -> str:
    """The stored form of a token. A token has 256 random bits, so a fast hash is enough."""
    return hashlib.sha256(token.encode()).hexdigest()


class ShareLinkQuerySet(models.QuerySet["ShareLink"]):
    def alive(self) -> Self:
        return self.filter(gallery__isnull=False, revoked_at=None, expires_at__gt=timezone.now())

    def of_token(self, token: str) -> "ShareLink | None":
        """The link with this token, alive or not."""
        return self.filter(token_hash=hashed(token)).select_related("gallery").first()


class ShareLink(models.Model):
    """A link to one gallery for people without an account.

    Its token's SHA-256 opens it. Only if the link may be copied again, the row has the token, too, encrypted. The row
    outlives its gallery, so that its address can say that the gallery is gone.
    """

    gallery = models.ForeignKey(
        "gallery.Gallery", on_delete=models.SET_NULL, null=True, blank=True, related_name="links"
    )
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="share_links")
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    sealed_token = models.TextField(
        blank=True,
        editable=False,
        help_text=_("The token, encrypted, if it may be copied again."),
    )
    label = models.CharField(max_length=80, help_text=_("Who it is for."))
    password = models.CharField(max_length=200, blank=True, editable=False, help_text=_("Hashed; empty for none."))
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    show_prompts = models.BooleanField(default=False)
    allow_downloads = models.BooleanField(default=False)
    allow_votes = models.BooleanField(default=False)
    allow_comments = models.BooleanField(default=False)
    allow_decisions = models.BooleanField(default=False)
    visits = models.PositiveIntegerField(default=0)
    last_visit_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = ShareLinkQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.label

    @classmethod
    def begin(cls) -> "tuple[ShareLink, str]":
        """A new unsaved link, and its token, which is stored nowhere."""
        token = secrets.token_urlsafe(32)
        return cls(token_hash=hashed(token)), token

    @property
    def is_alive(self) -> bool:
        return self.gallery_id is not None and self.revoked_at is None and self.expires_at > timezone.now()

    @property
    def has_password(self) -> bool:
        return bool(self.password)

    @property
    def is_kept(self) -> bool:
        """Whether it can be copied again."""
        return bool(self.sealed_token)

    @property
    def takes_choices(self) -> bool:
        """Whether guests may like pictures or decide on them."""
        return self.allow_votes or self.allow_decisions

    @property
    def takes_words(self) -> bool:
        """Whether guests may do anything under a name: like, decide or comment."""
        return self.takes_choices or self.allow_comments

    @property
    def last_day(self) -> datetime:
        """The last day on which it works, in the studio's time zone."""
        return timezone.localtime(self.expires_at - timedelta(microseconds=1))

    def set_password(self, raw: str) -> None:
        """An empty password removes it."""
        self.password = make_password(raw) if raw else ""

    def is_password(self, raw: str) -> bool:
        return check_password(raw, self.password)

    @property
    def proof(self) -> str:
        """Stands in the cookie of guests who gave the password. A new password has a new proof."""
        return salted_hmac("gallery.links.proof", f"{self.pk}:{self.password}", algorithm="sha256").hexdigest()

    def count_visit(self) -> None:
        ShareLink.objects.filter(pk=self.pk).update(visits=F("visits") + 1, last_visit_at=timezone.now())

    def revoke(self) -> bool:
        """End the link. Return whether it was open until now."""
        return bool(ShareLink.objects.filter(pk=self.pk, revoked_at=None).update(revoked_at=timezone.now()))


class GuestVoteQuerySet(models.QuerySet["GuestVote"]):
    def likes(self) -> Self:
        return self.filter(kind=GuestVote.Kind.LIKE)

    def decisions(self) -> Self:
        return self.exclude(kind=GuestVote.Kind.LIKE)


class GuestVote(models.Model):
    """A guest's like of a picture, or their decision on it, under the name that they gave."""

    class Kind(models.TextChoices):
        LIKE = "like", _("Liked")
        APPROVED = "approved", _("Approved")
        CHANGES = "changes", _("Changes wanted")

    LONGEST_NOTE = 1000

    link = models.ForeignKey(ShareLink, on_delete=models.CASCADE, related_name="guest_votes")
    picture = models.ForeignKey("gallery.Picture", on_delete=models.CASCADE, related_name="guest_votes")
    guest_key = models.CharField(max_length=32, editable=False, help_text=_("Of the guest's browser, by its cookie."))
    guest = models.CharField(max_length=80, help_text=_("The name that they gave."))
    kind = models.CharField(max_length=8, choices=Kind, default=Kind.LIKE)
    note = models.TextField(max_length=LONGEST_NOTE, blank=True, help_text=_("What a guest says of their decision."))
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = GuestVoteQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["link", "picture", "guest_key"], condition=Q(kind="like"), name="guest_likes_once"
            ),
            models.UniqueConstraint(
                fields=["link", "picture", "guest_key"], condition=~Q(kind="like"), name="guest_decides_once"
            ),
        ]

    def __str__(self) -> str:
        words = _("%(guest)s, %(kind)s: %(picture)s")
        return words % {"guest": self.guest, "kind": self.get_kind_display(), "picture": self.picture}


class PasswordTry(models.Model):
    """A wrong password, or one that is being checked. Too many from one place are refused for a while."""

    link = models.ForeignKey(ShareLink, on_delete=models.CASCADE, related_name="password_tries")
    place = models.CharField(max_length=64, help_text=_("Where from: a keyed hash of the address, not the address."))
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = _("password tries")
        indexes = [models.Index(fields=["link", "place", "at"], name="tries_by_place")]

    def __str__(self) -> str:
        return _("%(link)s at %(at)s") % {"link": self.link, "at": self.at}


class GuestAct(models.Model):
    """A like, a decision or a comment of the last hour, counted by the place that it came from."""

    class Kind(models.TextChoices):
        LIKE = "like"
        COMMENT = "comment"
        DECIDE = "decide"

    link = models.ForeignKey(ShareLink, on_delete=models.CASCADE, related_name="guest_acts")
    kind = models.CharField(max_length=7, choices=Kind)
    place = models.CharField(max_length=64, help_text=_("Where from: a keyed hash of the address, not the address."))
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["link", "kind", "place", "created_at"], name="guest_acts_by_place")]

    def __str__(self) -> str:
        return _("%(kind)s through %(link)s at %(created_at)s") % {
            "kind": self.kind,
            "link": self.link,
            "created_at": self.created_at,
        }
