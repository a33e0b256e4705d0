"""The forms of accounts: signing in, and the first set-up."""

import logging
from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from gallery import services
from gallery.models import Person
from gallery.web.http import client_address
from gallery.web.sign_in import sign_in_refused

logger = logging.getLogger("gallery.web.sign_in")


class SignInForm(AuthenticationForm):
    username = forms.EmailField(
        label=_("E-mail"), widget=forms.EmailInput(attrs={"autofocus": True, "autocomplete": "username"})
    )

    error_messages = {
        "invalid_login": _("Wrong e-mail or password."),
        "inactive": _("This account is switched off. Ask an administrator."),
    }

    def clean(self) -> dict[str, Any]:
        email = str(self.cleaned_data.get("username") or "")
        address = client_address(self.request) if self.request else ""
        if not email or not self.cleaned_data.get("password"):
            return super().clean()
        try:
            tried = services.sign_in.begin_try(email, address)
        except services.sign_in.TooManySignIns as problem:
            raise ValidationError(sign_in_refused(address, problem), code="too_many") from None
        try:
            cleaned = super().clean()
        except ValidationError:
            logger.warning("Sign-in failed: wrong e-mail or password from %s", address)
            raise
        services.sign_in.forget_tries(tried)
        return cleaned


class SetUpForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=120, widget=forms.TextInput(attrs={"autocomplete": "name"}))
    email = forms.EmailField(label=_("E-mail"), widget=forms.EmailInput(attrs={"autocomplete": "username"}))
    password = forms.CharField(
        label=_("Password"), widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}), strip=False
    )

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        person = Person(name=self.cleaned_data.get("name", ""), email=self.cleaned_data.get("email", ""))
        validate_password(password, person)
        return password


class ForgottenPasswordForm(forms.Form):
    email = forms.EmailField(
        label=_("E-mail"), widget=forms.EmailInput(attrs={"autofocus": True, "autocomplete": "username"})
    )
