"""The form of a prompt template."""

from django import forms
from django.utils.translation import gettext_lazy as _

from gallery.forms.names import clean_name
from gallery.models import PromptTemplate


class TemplateForm(forms.ModelForm[PromptTemplate]):
    class Meta:
        model = PromptTemplate
        fields = ["name", "text", "shared"]
        labels = {"name": _("Name"), "text": _("Text"), "shared": _("Share with team")}
        help_texts = {"text": _("Write {{subject}} for a part that you fill in each time."), "shared": ""}
        widgets = {"text": forms.Textarea(attrs={"rows": 5, "dir": "auto"})}
        error_messages = {
            "name": {"required": _("Give the template a name.")},
            "text": {"required": _("A template needs a text.")},
        }

    def clean_name(self) -> str:
        return clean_name(self.cleaned_data["name"])

    def _get_validation_exclusions(self) -> set[str]:
        # `author` is not in the form, but the name must be unique together with it.
        exclusions: set[str] = super()._get_validation_exclusions()  # type: ignore[misc] # not in the stubs
        return exclusions - {"author"}
