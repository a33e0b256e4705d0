"""The forms of the studio's settings: who gets a leaver's things, and what an erasure deletes."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from gallery.models import Person
from gallery.services.erasure import Choices, Pictures


class RecipientField(forms.EmailField):
    """A person by e-mail: a list to choose from would be too long where there are many."""

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.EmailInput(attrs={"list": "recipients", "autocomplete": "off"})
        super().__init__(widget=widget, **kwargs)

    def clean(self, value: Any) -> Any:
        email = Person.objects.normalize_email(super().clean(value))
        if not email:
            return None
        person = Person.objects.filter(email=email, is_active=True).first()
        if person is None:
            raise ValidationError(_("There is no active account with this e-mail."))
        return person


class HandOverForm(forms.Form):
    to = RecipientField(label=_("Hand over to"), required=False, help_text=_("The e-mail of a person with an account."))


class EraseForm(forms.Form):
    to = RecipientField(
        label=_("Hand galleries and templates over to"),
        required=False,
        help_text=_("The e-mail of a person with an account. Empty: galleries stay as they are."),
    )
    pictures = forms.ChoiceField(
        label=_("Their pictures"), choices=Pictures.choices, initial=Pictures.TRASH, widget=forms.RadioSelect
    )
    delete_prompts = forms.BooleanField(label=_("Delete prompts and templates"), required=False, initial=True)
    delete_uploads = forms.BooleanField(label=_("Delete uploads"), required=False, initial=True)
    delete_comments = forms.BooleanField(label=_("Delete comments"), required=False, initial=True)
    sure = forms.BooleanField(
        label=_("I know that this cannot be undone"),
        error_messages={"required": _("Tick this if you are sure.")},
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("pictures") == Pictures.HAND_OVER and "to" not in self.errors and not cleaned.get("to"):
            self.add_error("to", _("Choose the person who gets the pictures."))
        return cleaned

    @property
    def choices(self) -> Choices:
        names = ("pictures", "delete_prompts", "delete_uploads", "delete_comments")
        return Choices(**{name: self.cleaned_data[name] for name in names})
