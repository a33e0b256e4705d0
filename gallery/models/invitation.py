"""Links that make accounts."""

import hashlib
import secrets

from django.conf import settings
from django.contrib.auth.models import Group
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from gallery.models.membership import Role

MOST_USES = 100


def hash_of(token: str) -> str:
    """The stored form of a token. A token is long and random, so a fast hash is enough."""
    return hashlib.sha256(token.encode()).hexdigest()


def new_token() -> str:
    return secrets.token_urlsafe(32)


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def by_token(self, token: str) -> "InvitationQuerySet":
        return self.filter(token_hash=hash_of(token))

    def alive(self) -> "InvitationQuerySet":
        return self.filter(revoked_at=None, expires_at__gt=timezone.now(), uses__lt=F("max_uses"))


class Invitation(models.Model):
    """A link that makes an account. The token is shown once; the row has only its SHA-256."""

    class End(models.TextChoices):
        """Why a link does not work any more."""

        REVOKED = "revoked", _("Withdrawn")
        EXPIRED = "expired", _("Expired")
        USED_UP = "used_up", _("Used up")
        ONCE = "once", _("Already used by the same person")
        NO_RIGHT = "no_right", _("Its sender can no longer invite people")

    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="invitations")
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    email = models.EmailField(_("e-mail"), blank=True, help_text=_("Only this address can use it then."))
    groups = models.ManyToManyField(Group, blank=True, related_name="+")
    gallery = models.ForeignKey(
        "gallery.Gallery", on_delete=models.SET_NULL, null=True, blank=True, related_name="invitations"
    )
    role = models.CharField(max_length=11, choices=Role, default=Role.VIEWER, help_text=_("In that gallery."))
    max_uses = models.PositiveSmallIntegerField(
        default=1, validators=[MinValueValidator(1), MaxValueValidator(MOST_USES)]
    )
    uses = models.PositiveSmallIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    by_mail = models.BooleanField(
        default=False, editable=False, help_text=_("The studio sends it to the e-mail itself.")
    )
    mailed_at = models.DateTimeField(null=True, blank=True, editable=False)
    mail_problem = models.CharField(max_length=200, blank=True, editable=False)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(uses__lte=F("max_uses")), name="invitation_uses_are_bounded"),
        ]

    def __str__(self) -> str:
        return _("Invitation %(number)s") % {"number": self.pk}

    @property
    def end(self) -> "Invitation.End | None":
        """Why it does not work any more, by this row alone. Another check is whether its sender may still invite."""
        if self.revoked_at is not None:
            return self.End.REVOKED
        if self.uses >= self.max_uses:
            return self.End.USED_UP
        return self.End.EXPIRED if self.expires_at <= timezone.now() else None

    def is_for(self, email: str) -> bool:
        return not self.email or self.email.lower() == email.strip().lower()

    def use(self) -> bool:
        """Take one use. False if none is left, even if many people ask at the same time."""
        return bool(Invitation.objects.alive().filter(pk=self.pk).update(uses=F("uses") + 1))

    def revoke(self) -> bool:
        return bool(Invitation.objects.filter(pk=self.pk, revoked_at=None).update(revoked_at=timezone.now()))

    def new_token_to_mail(self) -> str | None:
        """The first token, for the task that mails it; None if that was done, or if there is nothing to mail."""
        token = new_token()
        waiting = Invitation.objects.alive().filter(pk=self.pk, by_mail=True, mailed_at=None)
        taken = waiting.update(token_hash=hash_of(token), mailed_at=timezone.now(), mail_problem="")
        return token if taken else None

    def could_not_be_mailed(self, problem: str) -> None:
        Invitation.objects.filter(pk=self.pk).update(mailed_at=None, mail_problem=problem[:200])


class InvitationUse(models.Model):
    """A person who used an invitation."""

    invitation = models.ForeignKey(Invitation, on_delete=models.CASCADE, related_name="used_by")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    made_account = models.BooleanField(default=True, help_text=_("Or had one, and became a member of the gallery."))
    used_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["invitation", "person"], name="person_once_per_invitation")]

    def __str__(self) -> str:
        return _("%(person)s by %(invitation)s") % {"person": self.person, "invitation": self.invitation}
