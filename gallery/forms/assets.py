"""The form by which people bring pictures that stay in the library."""

from collections.abc import Iterable
from typing import IO, Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from gallery.images.edit import MAX_UPLOAD_BYTES
from gallery.models import Picture
from gallery.services.assets import KINDS


def problem_with(file: "UploadedFile[bytes] | IO[bytes]") -> str:
    """What is wrong with an upload before it is opened; "" if nothing is."""
    size = getattr(file, "size", None) or 0
    if not size:
        return _("This file is empty. Choose another.")
    if size > MAX_UPLOAD_BYTES:
        return _("It is larger than %(size)d MB. Make it smaller, and choose it again.") % {
            "size": MAX_UPLOAD_BYTES // 2**20
        }
    return ""


class KindForm(forms.Form):
    kind = forms.ChoiceField(
        label=gettext_lazy("What they are"),
        choices=KINDS,
        initial=Picture.Kind.PHOTO.value,
        required=False,
        error_messages={"invalid_choice": gettext_lazy("Pick one of the kinds that are shown.")},
    )

    def clean_kind(self) -> str:
        return self.cleaned_data["kind"] or Picture.Kind.PHOTO.value


class AssetForm(KindForm):
    """Several files of one kind."""

    def __init__(self, *args: Any, pictures: Iterable["UploadedFile[bytes]"] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.pictures = list(pictures)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not self.pictures:
            raise ValidationError(_("Choose a picture first."))
        return cleaned
