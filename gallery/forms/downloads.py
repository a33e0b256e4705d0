"""The format and the size of a download."""

from typing import Any, cast

from django import forms
from django.utils.translation import gettext_lazy as _

from gallery.images.convert import SIDES, Format, Shape
from gallery.models import Picture

FORMATS = [
    (Format.ORIGINAL, _("Original")),
    (Format.WEBP, _("WebP")),
    (Format.JPEG, "JPEG"),
    (Format.PNG, "PNG"),
]


class ExportForm(forms.Form):
    """Without a choice, it is the original as it is."""

    format = forms.ChoiceField(
        choices=[(one.value, label) for one, label in FORMATS],
        error_messages={
            "required": _("Pick a format."),
            "invalid_choice": _("That is none of the formats. Pick one of those shown."),
        },
    )
    side = forms.ChoiceField(
        required=False,
        choices=[("", _("Full size")), *((str(side), f"{side} px") for side in SIDES)],
        error_messages={"invalid_choice": _("That is none of the sizes. Pick one of those shown.")},
    )
    settings = forms.BooleanField(required=False)

    def __init__(self, data: Any = None, *, picture: Picture | None = None) -> None:
        super().__init__(data)
        if picture is not None:
            longest = max(picture.width, picture.height)
            sides = [(str(side), f"{side} px") for side in SIDES if side < longest]
            cast("forms.ChoiceField", self.fields["side"]).widget.choices = [
                ("", _("Full size: %(longest)s px") % {"longest": longest}),
                *sides,
            ]

    @property
    def shape(self) -> Shape:
        """For a valid form. The original has no other size, so a choice of that is ignored."""
        format = Format(self.cleaned_data["format"])
        if format is Format.ORIGINAL:
            return Shape()
        side = self.cleaned_data["side"]
        return Shape(format, int(side) if side else None, self.cleaned_data["settings"])

    @property
    def formats(self) -> list[tuple[str, str, bool]]:
        return self._options("format", Format.ORIGINAL.value)

    @property
    def sides(self) -> list[tuple[str, str, bool]]:
        return self._options("side", "")

    def _options(self, name: str, usual: str) -> list[tuple[str, str, bool]]:
        """Value, label and whether it is chosen, for each format."""
        chosen = self[name].value() or usual
        choices = cast("forms.ChoiceField", self.fields[name]).widget.choices
        return [(value, label, value == chosen) for value, label in choices]
