"""The forms that start from a picture: an upload, an edit, variations."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from gallery.forms.generations import OPTION_PREFIX, GenerationForm
from gallery.forms.rows import OfferField
from gallery.forms.tokens import TokenForm
from gallery.images.edit import MAX_UPLOAD_BYTES, Fit
from gallery.models import ImageModel, Operation, Person
from gallery.queries.limits import reserved_models, rights_against
from gallery.services.edits import Source, fitting_options
from gallery.services.generations import GenerationSpec

MAX_MASK_BYTES = 8 * 2**20
# Fields of the form for new pictures that make no sense for an edit.
LEFT_OUT = ("compare", "per_line", "again", "parent", "template", "reference")


def fits(source: Source, *, may_fill_up: bool) -> list[tuple[str, str]]:
    """The ways to make a picture square, in words; none if it is square already."""
    if source.is_square:
        return []
    start, end = (_("Left"), _("Right")) if source.width > source.height else (_("Top"), _("Bottom"))
    choices = [(Fit.START.value, start), (Fit.CENTRE.value, _("Middle")), (Fit.END.value, end)]
    return [*choices, (Fit.PAD.value, _("All of it"))] if may_fill_up else choices


class FitField(forms.ChoiceField):
    def __init__(self) -> None:
        super().__init__(
            label=_("Crop"),
            widget=forms.RadioSelect,
            required=False,
            initial=Fit.CENTRE.value,
            error_messages={"invalid_choice": _("Pick one of the parts that are shown.")},
        )

    def clean(self, value: Any) -> Fit:
        return Fit(super().clean(value) or Fit.CENTRE)


class UploadForm(forms.Form):
    picture = forms.FileField(
        label=gettext_lazy("Picture"),
        error_messages={
            "required": gettext_lazy("Choose a picture first."),
            "missing": gettext_lazy("Choose a picture first."),
            "empty": gettext_lazy("This file is empty. Choose another."),
            "invalid": gettext_lazy("The picture did not arrive whole. Choose it again."),
        },
    )

    def clean_picture(self) -> "UploadedFile[bytes]":
        picture: UploadedFile[bytes] = self.cleaned_data["picture"]
        if (picture.size or 0) > MAX_UPLOAD_BYTES:
            raise ValidationError(
                _("This file is larger than %(size)d MB. Make it smaller, and choose it again.")
                % {"size": MAX_UPLOAD_BYTES // 2**20}
            )
        return picture


class EditForm(GenerationForm):
    """What to change, and the options of a model that edits pictures."""

    operation = Operation.EDIT
    takes_references = False

    fit = FitField()
    mask = forms.FileField(
        label=gettext_lazy("Mask"),
        required=False,
        allow_empty_file=True,
        widget=forms.FileInput(attrs={"accept": "image/png,image/webp"}),
        help_text=gettext_lazy(
            "A PNG of the picture’s proportions, transparent (or white on black) where to paint anew."
        ),
    )

    def __init__(self, *args: Any, source: Source, **kwargs: Any) -> None:
        self.source = source
        super().__init__(*args, **kwargs)
        for name in LEFT_OUT:
            del self.fields[name]
        prompt, fit = self.fields["prompt"], self.fields["fit"]
        assert isinstance(fit, FitField)
        fit.choices = fits(source, may_fill_up=True)
        prompt.error_messages["required"] = _("Say what to change first.")

    def _can_do(self, model: ImageModel) -> bool:
        return model.can_edit

    def _chosen_model(self) -> ImageModel | None:
        chosen = super()._chosen_model()
        if chosen is not None:
            fitting = {OPTION_PREFIX + name: value for name, value in fitting_options(chosen, self.source).items()}
            self.initial = {**fitting, **self.initial}
        return chosen

    @property
    def asks_for_fit(self) -> bool:
        return bool(self.chosen and self.chosen.edit_square and not self.source.is_square)

    @property
    def takes_mask(self) -> bool:
        """Whether the chosen model's edits take a mask along."""
        route = self.chosen.route(Operation.EDIT) if self.chosen else None
        return route is None or route.mask

    def clean_mask(self) -> "UploadedFile[bytes] | None":
        mask: UploadedFile[bytes] | None = self.cleaned_data["mask"]
        if mask and (mask.size or 0) > MAX_MASK_BYTES:
            raise ValidationError(
                _("This mask is larger than %(size)d MB. Save it smaller, and choose it again.")
                % {"size": MAX_MASK_BYTES // 2**20}
            )
        return mask or None

    @property
    def specs(self) -> list[GenerationSpec]:
        """For a valid form: one spec for each prompt."""
        cleaned = self.cleaned_data
        return [
            GenerationSpec(cleaned["model"], prompt, self.options, cleaned["count"]) for prompt in cleaned["prompts"]
        ]


class VariationForm(TokenForm):
    """The number of variations of a picture, and the model."""

    model = OfferField(
        label=gettext_lazy("By"),
        error_messages={
            "invalid_choice": gettext_lazy("This model is not on offer for variations; pick another."),
            "required": gettext_lazy("Pick a model."),
        },
    )
    count = forms.IntegerField(
        label=gettext_lazy("How many"),
        initial=1,
        error_messages={
            "required": gettext_lazy("Say how many."),
            "invalid": gettext_lazy("Say how many, as a number."),
        },
    )
    fit = FitField()

    def __init__(self, *args: Any, source: Source, person: Person, **kwargs: Any) -> None:
        # The page has another form, too.
        super().__init__(*args, **{"auto_id": "vary_%s", **kwargs})
        on_offer = ImageModel.objects.on_offer().filter(can_vary=True)
        on_offer = on_offer.exclude(pk__in=reserved_models(rights_against(person)))
        self.models = list(on_offer)
        models, fit = self.fields["model"], self.fields["fit"]
        assert isinstance(models, OfferField)
        assert isinstance(fit, FitField)
        models.offer(self.models)
        fit.choices = fits(source, may_fill_up=False)
        self.is_cut = not source.is_square and any(model.edit_square for model in self.models)
        self.most = max((model.max_count for model in self.models), default=1)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        model, count = cleaned.get("model"), cleaned.get("count")
        if count is not None and count < 1:
            self.add_error("count", _("One picture is the least."))
        elif model and count and count > model.max_count:
            self.add_error(
                "count",
                _("%(model)s makes %(count)d at once at the most.") % {"model": model, "count": model.max_count},
            )
        return cleaned
