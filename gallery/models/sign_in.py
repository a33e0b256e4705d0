"""Sign-ins that were tried: too many are refused for a while."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class SignInTry(models.Model):
    """A sign-in that failed, or one that is being checked. Neither e-mail nor address can be read from it."""

    account = models.CharField(max_length=64, help_text=_("A keyed hash of the e-mail that was typed."))
    place = models.CharField(max_length=64, help_text=_("A keyed hash of the address that it came from."))
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = _("sign-in tries")
        indexes = [
            models.Index(fields=["account", "at"], name="sign_in_tries_by_account"),
            models.Index(fields=["place", "at"], name="sign_in_tries_by_place"),
        ]

    def __str__(self) -> str:
        return _("A sign-in at %(at)s") % {"at": self.at}
