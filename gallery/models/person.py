"""The people who use the studio."""

import uuid
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

# Colours of the circles that stand for people: .avatar-0 and so on.
TONES = 8


def initials(name: str) -> str:
    """The first letters of the first and the last word."""
    words = [word for word in name.split() if word[0].isalnum()]
    return "".join(word[0] for word in dict.fromkeys([*words[:1], *words[-1:]])).upper()[:2] or "?"


class PersonManager(BaseUserManager["Person"]):
    @classmethod
    def normalize_email(cls, email: str | None) -> str:
        """All in lower case: Ann@example.org and ann@example.org are one person."""
        return (email or "").strip().lower()

    def get_by_natural_key(self, username: str | None) -> "Person":
        return self.get(email=self.normalize_email(username))

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "Person":
        person = self.model(email=self.normalize_email(email), **fields)
        person.set_password(password)
        person.save(using=self._db)
        return person

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "Person":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class Person(AbstractBaseUser, PermissionsMixin):
    email = models.EmailField(
        _("e-mail"), unique=True, error_messages={"unique": _("There is an account with this e-mail already.")}
    )
    name = models.CharField(max_length=120)
    is_active = models.BooleanField(
        _("active"), default=True, help_text=_("Switch this off instead of deleting: pictures keep their author.")
    )
    is_staff = models.BooleanField(_("administrator"), default=False, help_text=_("May open this administration."))
    email_verified = models.BooleanField(
        _("e-mail verified"),
        default=True,
        help_text=_("An administrator has confirmed it, or a mail has. Only then can a provider sign them in with it."),
    )
    date_joined = models.DateTimeField(default=timezone.now, editable=False)
    opaque_id = models.UUIDField(
        default=uuid.uuid4,
        unique=True,
        editable=False,
        help_text=_("What the upstream is told instead of a name or an e-mail."),
    )

    language = models.CharField(
        max_length=10, blank=True, default="", editable=False, help_text=_("Empty: as their browser says.")
    )

    session_round = models.PositiveIntegerField(
        default=0,
        editable=False,
        help_text=_("Grows when they sign out everywhere: sessions of earlier rounds are over."),
    )

    erased_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text=_("Their name, e-mail and sign-ins were deleted for good.")
    )

    to_forget = models.JSONField(
        default=list, blank=True, editable=False, help_text=_("What a task has still to take out of their requests.")
    )

    objects: ClassVar[PersonManager] = PersonManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = ["name"]

    class Meta:
        verbose_name = _("person")
        verbose_name_plural = _("people")
        ordering = ["name", "email"]
        constraints = [
            models.UniqueConstraint(
                Lower("email"),
                name="person_email_any_case",
                violation_error_message=_("There is an account with this e-mail already."),
            )
        ]

    def __str__(self) -> str:
        return self.name or self.email

    def clean(self) -> None:
        super().clean()
        self.email = type(self).objects.normalize_email(self.email)

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        """Django's, which changes with the password; here it changes with the round, too."""
        own: str = super()._get_session_auth_hash(secret)  # type: ignore[misc] # the stubs do not know it
        if not self.session_round:
            return own
        return salted_hmac("gallery.session_round", f"{own}{self.session_round}", algorithm="sha256").hexdigest()

    def get_full_name(self) -> str:
        return self.name

    def get_short_name(self) -> str:
        return self.name.split(" ")[0]

    @property
    def initials(self) -> str:
        return initials(self.name or self.email)

    @property
    def tone(self) -> int:
        """The number of the colour of the circle with the initials."""
        return self.pk % TONES
