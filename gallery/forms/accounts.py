"""The forms of accounts: signing in, and the first set-up."""

from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from gallery.models import Person


class SignInForm(AuthenticationForm):
    username = forms.EmailField(
        label="E-mail", widget=forms.EmailInput(attrs={"autofocus": True, "autocomplete": "username"})
    )

    error_messages = {
        "invalid_login": "This e-mail and password do not belong together. Check both, and try again.",
        "inactive": "This account is switched off. Ask an administrator.",
    }

    def get_invalid_login_error(self) -> ValidationError:
        """Tell people with the right password why it does not help. The back end refuses them before this form."""
        email = Person.objects.normalize_email(self.cleaned_data.get("username"))
        person = Person.objects.filter(email=email, is_active=False).first()
        if person is not None and person.check_password(self.cleaned_data.get("password", "")):
            return ValidationError(self.error_messages["inactive"], code="inactive")
        return super().get_invalid_login_error()


class SetUpForm(forms.Form):
    name = forms.CharField(label="Name", max_length=120, widget=forms.TextInput(attrs={"autocomplete": "name"}))
    email = forms.EmailField(label="E-mail", widget=forms.EmailInput(attrs={"autocomplete": "username"}))
    password = forms.CharField(
        label="Password", widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}), strip=False
    )

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        person = Person(name=self.cleaned_data.get("name", ""), email=self.cleaned_data.get("email", ""))
        validate_password(password, person)
        return password
