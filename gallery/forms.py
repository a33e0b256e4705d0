"""Check what people type, and speak clearly about it."""

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from gallery.models import Gallery, ImageModel, Option, Person

PROMPT_LIMIT = 4000
OPTION_PREFIX = "opt_"


class OptionField(forms.ChoiceField):
    """One option of the chosen model; remembers which, so that a template can draw its choices."""

    def __init__(self, option: Option) -> None:
        self.option = option
        super().__init__(
            label=option.label,
            choices=[(choice, option.in_words(choice)) for choice in option.choices],
            widget=forms.RadioSelect,
            required=False,
            error_messages={"invalid_choice": "This model does not have %(value)s here; pick one of those shown."},
        )


class GenerationForm(forms.Form):
    """A prompt, a model, and the options that just this model has."""

    prompt = forms.CharField(
        label="Prompt",
        widget=forms.Textarea(attrs={"rows": 3, "placeholder": "Describe the picture…", "autocomplete": "off"}),
        error_messages={"required": "Describe the picture first."},
    )
    model = forms.ModelChoiceField(
        label="Model",
        queryset=ImageModel.objects.none(),
        empty_label=None,
        error_messages={"invalid_choice": "This model is not on offer; pick another.", "required": "Pick a model."},
    )
    count = forms.IntegerField(label="Pictures", initial=1)
    gallery = forms.ModelChoiceField(
        label="Save to gallery",
        queryset=Gallery.objects.none(),
        required=False,
        empty_label="None",
        error_messages={"invalid_choice": "This gallery is not yours, or is gone."},
    )
    token = forms.UUIDField(
        required=False,
        widget=forms.HiddenInput,
        error_messages={"invalid": "Something is wrong with this page. Copy your prompt, and load the page anew."},
    )

    def __init__(self, *args: Any, person: Person, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.models = list(ImageModel.objects.on_offer())
        models = self.fields["model"]
        galleries = self.fields["gallery"]
        assert isinstance(models, forms.ModelChoiceField)
        assert isinstance(galleries, forms.ModelChoiceField)
        models.queryset = ImageModel.objects.on_offer()
        galleries.queryset = Gallery.objects.owned_by(person).order_by("name")
        self.chosen = self._chosen_model()
        if self.chosen is None:
            return
        if not self.is_bound:
            self.initial["model"] = self.chosen.pk
        for option in self.chosen.option_list:
            field = OptionField(option)
            wanted = self.initial.get(OPTION_PREFIX + option.name)
            self.initial[OPTION_PREFIX + option.name] = wanted if wanted in option.choices else option.default
            self.fields[OPTION_PREFIX + option.name] = field
        limit = self.chosen.max_count
        self.fields["count"].widget = forms.NumberInput(attrs={"min": 1, "max": limit, "inputmode": "numeric"})
        if not self.is_bound:
            self.initial["count"] = min(limit, self.initial.get("count") or 1)

    def _chosen_model(self) -> ImageModel | None:
        wanted = str(self.data.get("model", "") if self.is_bound else self.initial.get("model", ""))
        by_id = {str(model.pk): model for model in self.models}
        return by_id.get(wanted) or (self.models[0] if self.models else None)

    @property
    def option_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self.fields if name.startswith(OPTION_PREFIX)]

    def clean_prompt(self) -> str:
        # Browsers send line ends as two characters; people count one.
        prompt: str = self.cleaned_data["prompt"].replace("\r\n", "\n")
        if len(prompt) > PROMPT_LIMIT:
            raise ValidationError(
                f"This prompt has {len(prompt):,} characters; {PROMPT_LIMIT:,} is the most. Please shorten it."
            )
        return prompt

    def clean_count(self) -> int:
        count: int = self.cleaned_data["count"]
        limit = self.chosen.max_count if self.chosen else 1
        if count < 1:
            raise ValidationError("One picture is the least.")
        if count > limit:
            pictures = "one picture" if limit == 1 else f"{limit} pictures"
            raise ValidationError(f"{self.chosen} makes {pictures} at once at the most.")
        return count

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        unknown = [name for name in self.data if name.startswith(OPTION_PREFIX) and name not in self.fields]
        if unknown and self.chosen:
            names = ", ".join(name.removeprefix(OPTION_PREFIX).replace("_", " ") for name in sorted(unknown)[:5])
            raise ValidationError(f"{self.chosen} has no option “{names}”. Its own options are shown.")
        return cleaned

    @property
    def options(self) -> dict[str, str]:
        """What to send: a choice for each option, its default where none was made."""
        return {
            option.name: self.cleaned_data.get(OPTION_PREFIX + option.name) or option.default
            for option in (self.chosen.option_list if self.chosen else ())
        }


class GalleryForm(forms.ModelForm[Gallery]):
    class Meta:
        model = Gallery
        fields = ["name"]
        labels = {"name": "Name"}
        error_messages = {"name": {"required": "Give the gallery a name."}}

    def _get_validation_exclusions(self) -> set[str]:
        # `owner` is no field of the form but part of what must be unique.
        exclusions: set[str] = super()._get_validation_exclusions()  # type: ignore[misc] # not in the stubs
        return exclusions - {"owner"}


class PictureSaveForm(forms.Form):
    """An own gallery to put a picture into, or the name of a new one."""

    gallery = forms.ModelChoiceField(
        label="Gallery",
        queryset=Gallery.objects.none(),
        required=False,
        error_messages={"invalid_choice": "This gallery is not yours, or is gone."},
    )
    new_gallery = forms.CharField(label="New gallery", max_length=120, required=False)

    def __init__(self, *args: Any, person: Person, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        galleries = self.fields["gallery"]
        assert isinstance(galleries, forms.ModelChoiceField)
        galleries.queryset = Gallery.objects.owned_by(person).order_by("name")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not self.errors and not cleaned.get("gallery") and not cleaned.get("new_gallery"):
            raise ValidationError("Pick a gallery, or name a new one.")
        return cleaned


class SignInForm(AuthenticationForm):
    username = forms.EmailField(
        label="E-mail", widget=forms.EmailInput(attrs={"autofocus": True, "autocomplete": "username"})
    )

    error_messages = {
        "invalid_login": "This e-mail and password do not belong together. Check both, and try again.",
        "inactive": "This account is switched off. Ask an administrator.",
    }

    def get_invalid_login_error(self) -> ValidationError:
        """Tell those who know the password why it does not help; the back end refuses them before we could."""
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
