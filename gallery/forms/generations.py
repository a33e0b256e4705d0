"""The composer's form: a prompt, one or several models, and their options."""

import re
from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.functional import cached_property
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from gallery import services
from gallery.forms.galleries import galleries_to_add_to
from gallery.forms.names import has_something_to_see
from gallery.forms.rows import LateChoiceField, OfferField, OffersField, QuickErrors
from gallery.forms.tokens import TokenForm
from gallery.models import Batch, Gallery, ImageModel, Operation, Option, OptionKind, Person, Picture, PromptTemplate
from gallery.models.numbers import plain, whole
from gallery.models.options import LONGEST_TEXT
from gallery.models.prompts import TooMany, expand, is_json, named_references
from gallery.models.routes import MOST_REFERENCES
from gallery.queries.limits import open_option, reserved_in_words, reserved_models, rights_against
from gallery.services.generations import GenerationSpec
from gallery.web.http import ids_in, number_in
from gallery.web.samples import ModelPick, picks_of

OPTION_PREFIX = "opt_"
SHAPE_FIELDS = ("opt_size", "opt_aspect_ratio")
# Characters in the box. It may hold many lines or alternatives, each as long as the model allows.
MOST_TYPED = 40_000


NOT_SET = gettext_lazy("Automatic")
"""What a person reads for an option that is not sent: the model decides."""


class ChoiceOptionField(forms.ChoiceField):
    """A field for one option of the chosen model. It keeps the option, so that a template can draw the choices."""

    def __init__(self, option: Option) -> None:
        self.option = option
        choices = [(choice, option.in_words(choice)) for choice in option.picks]
        super().__init__(
            label=option.title,
            choices=choices if option.default else [("", NOT_SET), *choices],
            widget=forms.RadioSelect,
            required=False,
            error_messages={"invalid_choice": _("This model does not have %(value)s here; pick one of those shown.")},
        )


class NumberOptionField(forms.DecimalField):
    """A whole or a decimal number."""

    def __init__(self, option: Option) -> None:
        self.option = option
        is_whole = option.kind is OptionKind.INTEGER
        super().__init__(
            label=option.title,
            required=False,
            min_value=option.minimum,
            max_value=option.maximum,
            max_digits=18,
            decimal_places=0 if is_whole else 6,
            widget=forms.NumberInput(
                attrs={
                    "step": "1" if is_whole else "any",
                    "inputmode": "numeric" if is_whole else "decimal",
                    **({} if option.default else {"placeholder": NOT_SET}),
                }
            ),
        )


class TextOptionField(forms.CharField):
    def __init__(self, option: Option) -> None:
        self.option = option
        longest = int(option.maximum or LONGEST_TEXT)
        super().__init__(
            label=option.title,
            required=False,
            max_length=longest,
            widget=forms.Textarea(attrs={"rows": 2, "autocomplete": "off", "dir": "auto"}),
        )


class SizeInput(forms.TextInput):
    """A text input that proposes the usual sizes."""

    def __init__(self, option: Option) -> None:
        self.choices = option.choices
        super().__init__(attrs={"autocomplete": "off", "placeholder": option.default or NOT_SET})

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:
        listed = f"{(attrs or {}).get('id', name)}_choices"
        field = super().render(name, value, {**(attrs or {}), "list": listed}, renderer)
        proposed = format_html_join("", '<option value="{}"></option>', ((choice,) for choice in self.choices))
        return format_html('{}<datalist id="{}">{}</datalist>', field, listed, proposed)


class SizeOptionField(forms.CharField):
    """WIDTHxHEIGHT within the model's bounds, or one of its own words such as auto."""

    def __init__(self, option: Option) -> None:
        self.option = option
        super().__init__(
            label=option.title,
            required=False,
            max_length=40,
            widget=SizeInput(option),
            help_text=size_help(option),
        )

    def clean(self, value: Any) -> str:
        size = re.sub(r"\s*[x×*]\s*", "x", str(super().clean(value)).strip().lower())
        if size and (problem := self.option.problem_with(size)):
            raise ValidationError(problem)
        return size


def size_help(option: Option) -> str:
    """The bounds of a size, in words."""
    said = [_("multiples of %(step)s") % {"step": option.step}] if option.step > 1 else []
    if option.maximum is not None:
        said.append(_("at most %(maximum)s pixels a side") % {"maximum": plain(option.maximum)})
    if option.ratio is not None:
        said.append(_("no longer than %(ratio)s:1") % {"ratio": plain(option.ratio)})
    words = ", ".join(said)
    return (
        (_("Width and height, such as 1024x1024: %(words)s.") % {"words": words})
        if words
        else _("Width and height, such as 1024x1024.")
    )


OptionField = ChoiceOptionField | NumberOptionField | TextOptionField | SizeOptionField


def option_field(option: Option) -> OptionField:
    if option.is_number:
        return NumberOptionField(option)
    if option.kind is OptionKind.TEXT:
        return TextOptionField(option)
    return SizeOptionField(option) if option.kind is OptionKind.SIZE else ChoiceOptionField(option)


class ReferencesField(forms.Field):
    """The reference pictures, by their ids; the form finds the rows and keeps their order."""

    widget = forms.MultipleHiddenInput

    def to_python(self, value: Any) -> list[str]:
        """The ids as they were sent, each once. Far more than any model takes are cut off."""
        return list(dict.fromkeys(str(one) for one in value or ()))[: 2 * MOST_REFERENCES]


class GenerationForm(TokenForm):
    """A prompt, a model and the options of this model; or several prompts, or several models."""

    operation: ClassVar[Operation] = Operation.GENERATE
    takes_references: ClassVar[bool] = True

    prompt = forms.CharField(
        label=gettext_lazy("Prompt"),
        widget=forms.Textarea(
            attrs={"rows": 3, "placeholder": gettext_lazy("Describe the picture…"), "autocomplete": "off"}
        ),
        max_length=MOST_TYPED,
        error_messages={
            "required": gettext_lazy("Describe the picture first."),
            "max_length": gettext_lazy(
                "This is %(show_value)d characters long; %(limit_value)d is the most. Send it in parts."
            ),
        },
    )
    model = OfferField(
        label=gettext_lazy("Model"),
        error_messages={
            "invalid_choice": gettext_lazy("This model is not on offer; pick another."),
            "required": gettext_lazy("Pick a model."),
        },
    )
    count = forms.IntegerField(label=gettext_lazy("Pictures"), initial=1)
    compare = OffersField(
        label=gettext_lazy("Compare with"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"invalid_choice": gettext_lazy("One of the models to compare with is not on offer any more.")},
    )
    per_line = forms.BooleanField(label=gettext_lazy("One picture per line"), required=False)
    # What to do with duplicates: "" asks, "all" sends them again, "new" leaves them out.
    again = forms.ChoiceField(choices=[("", ""), ("all", ""), ("new", "")], required=False, widget=forms.HiddenInput)
    reference = ReferencesField(required=False)
    parent = LateChoiceField(Picture, required=False, widget=forms.HiddenInput)
    template = LateChoiceField(PromptTemplate, required=False, widget=forms.HiddenInput)
    gallery = LateChoiceField(
        Gallery,
        label=gettext_lazy("Save to gallery"),
        required=False,
        empty_label=gettext_lazy("None"),
        error_messages={"invalid_choice": gettext_lazy("This gallery is not yours, or is gone.")},
    )

    def __init__(self, *args: Any, person: Person, **kwargs: Any) -> None:
        super().__init__(*args, **{"error_class": QuickErrors, **kwargs})
        self.person = person
        self.rights = rights_against(person)
        self._on_offer = list(ImageModel.objects.on_offer())
        self.models = [model for model in self._on_offer if model.pk not in reserved_models(self.rights)]
        self.references, self.has_lost_references = self._chosen_references()
        # The model that was wanted and is not on offer any more.
        self.missed: ImageModel | None = None
        self.chosen = self._chosen_model()
        for name, rows in (
            ("gallery", lambda: galleries_to_add_to(person)),
            ("parent", lambda: Picture.objects.visible_to(person)),
            ("template", lambda: PromptTemplate.objects.visible_to(person)),
        ):
            late = self.fields[name]
            assert isinstance(late, LateChoiceField)
            late.rows = rows
        for name in ("model", "compare"):
            offered = self.fields[name]
            assert isinstance(offered, OfferField)
            offered.offer(self.models)
        if self.chosen is None:
            return
        if not self.is_bound:
            self.initial["model"] = self.chosen.pk
        for option in self._options:
            wanted = str(self.initial.get(OPTION_PREFIX + option.name, ""))
            self.initial[OPTION_PREFIX + option.name] = wanted if option.accepts(wanted) else option.default
            self.fields[OPTION_PREFIX + option.name] = option_field(option)
        limit = self.chosen.max_count
        self.fields["count"].widget = forms.NumberInput(attrs={"min": 1, "max": limit, "inputmode": "numeric"})
        if not self.is_bound:
            self.initial["count"] = min(limit, self.initial.get("count") or 1)

    def _chosen_model(self) -> ImageModel | None:
        wanted = str(self.data.get("model", "") if self.is_bound else self.initial.get("model", ""))
        self.models = [model for model in self.models if self._can_do(model)]
        ImageModel.objects.all().label_replacements(self.models)
        chosen = {str(model.pk): model for model in self.models}.get(wanted)
        if chosen is None and not self.is_bound and (pk := number_in(wanted)) is not None:
            wished = ImageModel.objects.filter(pk=pk).first()
            self.missed = None if wished is None or wished.is_on_offer else wished
        if self.missed is not None:
            ImageModel.objects.all().label_replacements([self.missed])
            chosen = next((model for model in self.models if model.slug == self.missed.replacement), None)
        if chosen is None and self.references:
            count = len(self.references)
            chosen = next((model for model in self.models if model.most_references >= count), None)
        return chosen or (self.models[0] if self.models else None)

    def _can_do(self, model: ImageModel) -> bool:
        """Whether this form can ask the model for anything."""
        return model.can_generate or bool(model.most_references)

    def _chosen_references(self) -> tuple[list[Picture], bool]:
        """The reference pictures that this person may see, and whether others were chosen, too."""
        field = self.fields["reference"]
        sent = field.widget.value_from_datadict(self.data, self.files, self.add_prefix("reference"))
        wanted = field.to_python(sent if self.is_bound else self.initial.get("reference"))
        if not self.takes_references or not wanted:
            return [], False
        pictures = services.references.chosen(self.person, ids_in(wanted))
        return pictures, len(pictures) < len(wanted)

    @property
    def asked_operation(self) -> Operation:
        """What the request does, which decides about the options."""
        return Operation.REFERENCES if self.references else self.operation

    @property
    def reference_problems(self) -> list[str]:
        """Why the chosen models cannot be asked with these reference pictures; a sentence for each."""
        if not self.takes_references:
            return []
        compared = [model for model in self.models if str(model.pk) in self.compared and model != self.chosen]
        asked = [self.chosen, *compared] if self.chosen else []
        problems = [services.references.problem_with(model, len(self.references)) for model in asked]
        named = named_references(str(self["prompt"].value() or "")[:MOST_TYPED]) if self.references else set()
        unknown = sorted(number for number in named if not 1 <= number <= len(self.references))
        if unknown:
            words = ngettext(
                "The prompt names @%(unknown)d; there is one.",
                "The prompt names @%(unknown)d; there are %(count)d.",
                len(self.references),
            )
            problems.append(words % {"unknown": unknown[0], "count": len(self.references)})
        return [problem for problem in problems if problem]

    @property
    def parent_picture(self) -> Picture | None:
        """The picture that this is a remix of, if this person may see it."""
        value = self["parent"].value()
        pk = number_in(str(value or ""))
        return None if pk is None else Picture.objects.visible_to(self.person).filter(pk=pk).first()

    @property
    def compared(self) -> list[str]:
        """The ids of the models that are ticked to compare with."""
        return [str(getattr(one, "pk", one)) for one in self["compare"].value() or ()]

    @property
    def option_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self.fields if name.startswith(OPTION_PREFIX)]

    @property
    def shape_field(self) -> forms.BoundField | None:
        """The option that decides about a picture's proportions."""
        return next((field for field in self.option_fields if field.html_name in SHAPE_FIELDS), None)

    @property
    def more_fields(self) -> list[forms.BoundField]:
        """The other options, which the composer folds."""
        return [field for field in self.option_fields if field.html_name not in SHAPE_FIELDS]

    @property
    def more_has_errors(self) -> bool:
        return any(field.errors for field in [*self.more_fields, self["gallery"]])

    @property
    def more_words(self) -> str:
        """What the folded options say, on one line: "Standard · Vivid · not in a gallery"."""
        chosen = [
            field.field.option.in_words(str(field.value()))
            for field in self.more_fields
            if field.value() and isinstance(field.field, OptionField)
        ]
        return " · ".join([*chosen, _("in a gallery") if self["gallery"].value() else _("not in a gallery")])

    @cached_property
    def picks(self) -> list[ModelPick]:
        """The models on offer with a sample of each."""
        return picks_of(self.models, self.person)

    @property
    def is_json(self) -> bool:
        """Whether the prompt is sent as it was typed, braces and all."""
        return is_json(str(self["prompt"].value() or "")[:MOST_TYPED])

    def clean_prompt(self) -> str:
        # Browsers send line ends as two characters; people count one.
        prompt: str = self.cleaned_data["prompt"].replace("\r\n", "\n")
        if prompt and not has_something_to_see(prompt):
            raise ValidationError(_("Describe the picture first."))
        return prompt

    def clean_count(self) -> int:
        count: int = self.cleaned_data["count"]
        limit = self.chosen.max_count if self.chosen else 1
        if count < 1:
            raise ValidationError(_("One picture is the least."))
        if count > limit:
            words = ngettext(
                "%(model)s makes one picture at once at the most.",
                "%(model)s makes %(count)d pictures at once at the most.",
                limit,
            )
            raise ValidationError(words % {"model": self.chosen, "count": limit})
        return count

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        unknown = [name for name in self.data if name.startswith(OPTION_PREFIX) and name not in self.fields]
        if unknown and self.chosen:
            names = ", ".join(name.removeprefix(OPTION_PREFIX).replace("_", " ") for name in sorted(unknown)[:5])
            raise ValidationError(
                _("%(model)s has no option “%(names)s”. Its own options are shown.")
                % {"model": self.chosen, "names": names}
            )
        if self.chosen and (conflict := self.chosen.conflict_in(self.options)):
            self.add_error(None, conflict)
        if self.has_lost_references:
            self.add_error("reference", services.references.NOT_THERE)
        for problem in self.reference_problems:
            self.add_error("reference", problem)
        if cleaned.get("prompt") and cleaned.get("model"):
            self._clean_prompts(cleaned)
        return cleaned

    def _clean_prompts(self, cleaned: dict[str, Any]) -> None:
        limit = settings.LEMONSTUDIO_MAX_PER_SUBMIT
        models = [cleaned["model"], *(one for one in cleaned.get("compare", ()) if one != cleaned["model"])]
        try:
            prompts = expand(cleaned["prompt"], per_line=cleaned.get("per_line", False), limit=limit // len(models))
        except TooMany as problem:
            if len(models) > 1:
                words = _(
                    "This stands for more than %(prompts)d prompts of %(models)d models each; %(most)d are the most."
                )
            else:
                words = _("This stands for more than %(prompts)d prompts; %(most)d are the most.")
            self.add_error("prompt", words % {"prompts": problem.limit, "models": len(models), "most": limit})
            return
        if not prompts:
            self.add_error("prompt", _("Describe the picture first."))
            return
        longest = max(prompts, key=len)
        room = min(model.prompt_limit for model in models)
        if len(longest) > room:
            self.add_error(
                "prompt",
                _("This prompt has %(count)s characters; %(most)s is the most. Please shorten it.")
                % {"count": whole(len(longest)), "most": whole(room)},
            )
        cleaned["prompts"], cleaned["models"] = prompts, models

    @property
    def options(self) -> dict[str, str]:
        """What to send: the value of each option, its default where none was chosen. What is not set is not there."""
        made = {option.name: self.cleaned_data.get(OPTION_PREFIX + option.name) for option in self._options}
        values = {
            option.name: option.default if made[option.name] in (None, "") else _as_text(made[option.name])
            for option in self._options
        }
        return {name: value for name, value in values.items() if value}

    @property
    def initial_options(self) -> dict[str, str]:
        """What an unbound form begins with, without what is not set."""
        values = {option.name: str(self.initial[OPTION_PREFIX + option.name]) for option in self._options}
        return {name: value for name, value in values.items() if value}

    @property
    def reserved(self) -> list[str]:
        """What is for other groups only: models, and what belongs to the chosen one."""
        able = [model.pk for model in self._on_offer if self._can_do(model)]
        return reserved_in_words(self.rights, self.chosen, able)

    @property
    def _options(self) -> list[Option]:
        if self.chosen is None:
            return []
        model = self.chosen
        options = [open_option(option, model, self.rights) for option in model.options_for(self.asked_operation)]
        return [option for option in options if option is not None]

    @property
    def specs(self) -> list[GenerationSpec]:
        """For a valid form: one spec for each prompt and model. A compared model gets the options that it has."""
        cleaned = self.cleaned_data
        return [
            GenerationSpec(
                model,
                prompt,
                self.options if model == self.chosen else model.fitting(self.options, self.asked_operation),
                min(cleaned["count"], model.max_count),
                parent=cleaned["parent"],
                template=cleaned["template"],
                references=self.references,
            )
            for prompt in cleaned["prompts"]
            for model in cleaned["models"]
        ]

    @property
    def batch(self) -> Batch | None:
        """For a valid form: the unsaved batch of its generations, if there are several."""
        cleaned = self.cleaned_data
        if len(cleaned["models"]) * len(cleaned["prompts"]) == 1:
            return None
        kind = Batch.Kind.COMPARISON if len(cleaned["models"]) > 1 else Batch.Kind.PROMPTS
        return Batch(author=self.person, kind=kind, prompt=cleaned["prompt"])


def _as_text(value: object) -> str:
    """As rows keep values; a number without needless zeros, so that the same number is the same text."""
    return plain(value).replace(",", "") if isinstance(value, Decimal) else str(value)
