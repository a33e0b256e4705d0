"""The form by which people crop, turn and fit a picture, and put a logo on it."""

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from gallery.forms.galleries import galleries_to_add_to
from gallery.images.adjust import LARGEST_ZOOM, Adjustment, Fit, Place, Ratio
from gallery.models import Gallery, Person, Picture
from gallery.queries.roles import pictures_for

AS_IT_IS = "own"
SHAPES = [
    (AS_IT_IS, _("As it is")),
    ("1:1", "1:1"),
    ("4:5", "4:5"),
    ("9:16", "9:16"),
    ("16:9", "16:9"),
]
FITS = [(Fit.CROP.value, _("Crop")), (Fit.PAD.value, _("Show all of it"))]
PLACES = [
    (Place.BOTTOM_RIGHT.value, _("Bottom right")),
    (Place.BOTTOM_LEFT.value, _("Bottom left")),
    (Place.TOP_RIGHT.value, _("Top right")),
    (Place.TOP_LEFT.value, _("Top left")),
    (Place.CENTRE.value, _("Centre")),
]
# Logos that a person may choose from, the newest first.
LOGOS = 50
_SHAPE = re.compile(r"\s*([1-9]\d{0,3})\s*[:x×/]\s*([1-9]\d{0,3})\s*", re.ASCII)
_COLOUR = re.compile(r"#[0-9a-f]{6}", re.ASCII | re.IGNORECASE)


class _LogoField(forms.ModelChoiceField["Picture"]):
    def label_from_instance(self, obj: Any) -> str:
        return str(obj.alt)


class AdjustForm(forms.Form):
    """`ratios` and `adjustment` are for a form that is valid. A percentage that is left out is its initial value."""

    shapes = forms.MultipleChoiceField(
        label=_("Shapes"), choices=SHAPES, required=False, widget=forms.CheckboxSelectMultiple
    )
    own_shape = forms.CharField(label=_("Your own shape"), required=False, max_length=12)
    fit = forms.ChoiceField(label=_("How it fits"), choices=FITS, initial=Fit.CROP.value, required=False)
    focus_x = forms.IntegerField(label=_("From left to right"), min_value=0, max_value=100, initial=50, required=False)
    focus_y = forms.IntegerField(label=_("From top to bottom"), min_value=0, max_value=100, initial=50, required=False)
    zoom = forms.IntegerField(
        label=_("Zoom"), min_value=100, max_value=int(LARGEST_ZOOM * 100), initial=100, required=False
    )
    turns = forms.ChoiceField(
        label=_("Turn"),
        choices=[("0", "0°"), ("1", "90°"), ("2", "180°"), ("3", "270°")],
        initial="0",
        required=False,
    )
    mirror = forms.BooleanField(label=_("Mirror"), required=False)
    has_background = forms.BooleanField(label=_("Fill what is empty or transparent"), required=False)
    background = forms.CharField(label=_("Colour"), initial="#ffffff", required=False, max_length=7)
    place = forms.ChoiceField(label=_("Place"), choices=PLACES, initial=Place.BOTTOM_RIGHT.value, required=False)
    logo_size = forms.IntegerField(label=_("Width"), min_value=2, max_value=100, initial=20, required=False)
    opacity = forms.IntegerField(label=_("Opacity"), min_value=5, max_value=100, initial=100, required=False)

    def __init__(self, *args: Any, person: Person, picture: Picture, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.picture = picture
        logos = pictures_for(person).kept().filter(kind=Picture.Kind.LOGO).exclude(pk=picture.pk)
        newest = logos.order_by("-pk").values_list("pk", flat=True)[:LOGOS]
        self.fields["logo"] = _LogoField(
            Picture.objects.filter(pk__in=list(newest)).select_related("generation").order_by("-pk"),
            label=_("Logo"),
            required=False,
            empty_label=_("None"),
            error_messages={"invalid_choice": _("This logo is not there any more. Choose another one.")},
        )
        self.fields["gallery"] = forms.ModelChoiceField[Gallery](
            galleries_to_add_to(person), label=_("Save to gallery"), required=False, empty_label=_("None")
        )

    def clean_own_shape(self) -> Ratio:
        text = self.cleaned_data["own_shape"]
        if not text.strip():
            return None
        match = _SHAPE.fullmatch(text)
        if match is None:
            raise ValidationError(_("Write it as width and height, such as 3:2 or 1200x628."))
        return int(match[1]), int(match[2])

    def clean_background(self) -> str:
        colour: str = self.cleaned_data["background"] or "#ffffff"
        if not _COLOUR.fullmatch(colour):
            raise ValidationError(_("Write the colour as # and six digits, such as #f2d64b."))
        return colour.lower()

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        for name in ("focus_x", "focus_y", "zoom", "logo_size", "opacity"):
            if cleaned.get(name) is None:
                cleaned[name] = self.fields[name].initial
        if not self.errors and not self._changes_something:
            raise ValidationError(gettext("Choose what to change first: a shape, a turn, a colour or a logo."))
        return cleaned

    @property
    def _changes_something(self) -> bool:
        done = self.adjustment
        return bool(
            self.ratios != [None]
            or done.turns
            or done.is_mirrored
            or done.background
            or self.cleaned_data.get("logo")
            or (done.fit is Fit.CROP and done.zoom > 1)
        )

    @property
    def ratios(self) -> list[Ratio]:
        """One for each picture that is wanted; the picture's own if no shape was chosen."""
        ratios: list[Ratio] = []
        for shape in self.cleaned_data.get("shapes", ()):
            width, _colon, height = shape.partition(":")
            ratios.append(None if shape == AS_IT_IS else (int(width), int(height)))
        own = self.cleaned_data.get("own_shape")
        return ratios + [own] * bool(own) or [None]

    @property
    def adjustment(self) -> Adjustment:
        cleaned = self.cleaned_data
        return Adjustment(
            turns=int(cleaned["turns"] or 0),
            is_mirrored=cleaned["mirror"],
            fit=Fit(cleaned["fit"] or Fit.CROP),
            focus=(cleaned["focus_x"] / 100, cleaned["focus_y"] / 100),
            zoom=cleaned["zoom"] / 100,
            background=cleaned["background"] if cleaned["has_background"] else "",
        )
