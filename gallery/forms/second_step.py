"""The forms of the second step of a sign-in, with the studio's limits on guessing."""

import contextlib
import logging
from collections.abc import Iterator
from typing import Any

from allauth.core import context
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base import forms as allauth_forms
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.webauthn import forms as allauth_passkeys
from django import forms
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from gallery import services
from gallery.models import Person
from gallery.web.http import client_address
from gallery.web.sign_in import sign_in_refused

logger = logging.getLogger("gallery.web.sign_in")

# allauth has no types, so its classes are Any.


class LimitedCode(allauth_forms.BaseAuthenticateForm):  # type: ignore[misc]
    """A code from an app, or a recovery code. Ten wrong ones, and the person has to wait a quarter of an hour."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].label = _("Code")
        self.fields["code"].help_text = _("From your authenticator app. Or one of your recovery codes.")
        attributes = self.fields["code"].widget.attrs
        attributes.pop("placeholder", None)
        attributes |= {"autofocus": True, "inputmode": "numeric"}

    def clean_code(self) -> str:
        address = client_address(context.request)
        try:
            tried = services.sign_in.begin_try(self.user.email, address, kind="second-step")
        except services.sign_in.TooManySignIns as problem:
            raise ValidationError(sign_in_refused(address, problem), code="too_many") from None
        try:
            code: str = super().clean_code()
            self._use_once(code)
        except ValidationError:
            logger.warning("Sign-in failed: wrong code of person %s from %s", self.user.pk, address)
            raise
        services.sign_in.forget_tries(tried)
        return code

    def _use_once(self, code: str) -> None:
        """Refuse an app's code that was used before. allauth remembers it in one process only."""
        if self.authenticator.type != Authenticator.Type.TOTP:
            return
        used = salted_hmac("gallery.second_step.used", code, algorithm="sha256").hexdigest()
        with transaction.atomic():
            row = Authenticator.objects.select_for_update().get(pk=self.authenticator.pk)
            if row.data.get("last_used") == used:
                raise get_adapter().validation_error("incorrect_code")
            row.data["last_used"] = used
            row.save(update_fields=["data"])


class SecondStepForm(LimitedCode, allauth_forms.AuthenticateForm):  # type: ignore[misc]
    """The second step of a sign-in."""


class CodeAgainForm(LimitedCode, allauth_forms.ReauthenticateForm):  # type: ignore[misc]
    """Before a change of what people sign in with."""


class PasswordAgainForm(forms.Form):
    """The password, before a change of what people sign in with."""

    password = forms.CharField(
        strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "current-password", "autofocus": True})
    )

    def __init__(self, *args: Any, user: Person, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_password(self) -> str:
        address = client_address(context.request)
        try:
            tried = services.sign_in.begin_try(self.user.email, address)
        except services.sign_in.TooManySignIns as problem:
            raise ValidationError(sign_in_refused(address, problem), code="too_many") from None
        password: str = self.cleaned_data["password"]
        if not self.user.check_password(password):
            logger.warning("Sign-in failed: wrong password of person %s from %s", self.user.pk, address)
            raise ValidationError(_("This is not your password. Try again."))
        services.sign_in.forget_tries(tried)
        return password


class ActivateAppForm(ActivateTOTPForm):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].label = _("Code")
        self.fields["code"].help_text = _("The six digits that the app shows now.")
        attributes = self.fields["code"].widget.attrs
        attributes.pop("placeholder", None)
        attributes |= {"inputmode": "numeric"}


class PasskeyForm(allauth_passkeys.AddWebAuthnForm):  # type: ignore[misc]
    name = forms.CharField(
        label=gettext_lazy("Name"),
        required=False,
        max_length=60,
        help_text=gettext_lazy("So that you know it again, such as the device's name."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # The browser decides what the authenticator can do; there is nothing to choose.
        self.fields.pop("passwordless", None)

    def clean(self) -> Any:
        with refused():
            return super().clean()


@contextlib.contextmanager
def refused() -> Iterator[None]:
    """Refuse a made-up answer of a passkey. The library that reads it raises more than allauth expects."""
    try:
        yield
    except (TypeError, ValueError, LookupError, AttributeError):
        raise get_adapter().validation_error("incorrect_code") from None


class SignInByPasskeyForm(allauth_passkeys.LoginWebAuthnForm):  # type: ignore[misc]
    def clean_credential(self) -> Any:
        with refused():
            return super().clean_credential()


class PasskeyStepForm(allauth_passkeys.AuthenticateWebAuthnForm):  # type: ignore[misc]
    def clean_credential(self) -> Any:
        with refused():
            return super().clean_credential()


class PasskeyAgainForm(allauth_passkeys.ReauthenticateWebAuthnForm):  # type: ignore[misc]
    def clean_credential(self) -> Any:
        with refused():
            return super().clean_credential()
