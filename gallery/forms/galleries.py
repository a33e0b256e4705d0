"""The forms of galleries: name, members, and the choice of a gallery for a picture."""

from typing import Any

from django import forms
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from gallery.forms.names import clean_name
from gallery.models import Gallery, Person, Role
from gallery.queries.roles import Action, roles_for


def galleries_to_add_to(person: Person) -> "QuerySet[Gallery]":
    return Gallery.objects.open_to(person, roles_for(Action.ADD)).order_by("name")


class GalleryForm(forms.ModelForm[Gallery]):
    class Meta:
        model = Gallery
        fields = ["name"]
        labels = {"name": gettext_lazy("Name")}
        error_messages = {"name": {"required": gettext_lazy("Give the gallery a name.")}}

    def clean_name(self) -> str:
        return clean_name(self.cleaned_data["name"])

    def _get_validation_exclusions(self) -> set[str]:
        # `owner` is not in the form, but the name must be unique together with it.
        exclusions: set[str] = super()._get_validation_exclusions()  # type: ignore[misc] # not in the stubs
        return exclusions - {"owner"}


class MemberField(forms.ChoiceField):
    """A person or a group, from one list. The cleaned value is the Person or the Group."""

    def __init__(self, people: "QuerySet[Person]", groups: "QuerySet[Group]") -> None:
        self.rows: dict[str, Person | Group] = {f"group:{one.pk}": one for one in groups}
        self.rows |= {f"person:{one.pk}": one for one in people}
        listed = [(key, self._in_words(one)) for key, one in self.rows.items()]
        super().__init__(
            label=gettext_lazy("Person or group"),
            choices=[("", _("Choose a person…")), *listed],
            error_messages={
                "required": gettext_lazy("Pick a person or a group."),
                "invalid_choice": gettext_lazy("No such person or group."),
            },
        )

    @staticmethod
    def _in_words(one: Person | Group) -> str:
        return _("%(name)s (group)") % {"name": one} if isinstance(one, Group) else str(one)

    def clean(self, value: Any) -> "Person | Group":
        return self.rows[super().clean(value)]


class MemberForm(forms.Form):
    role = forms.ChoiceField(label=gettext_lazy("Role"), choices=Role.choices, initial=Role.VIEWER)

    def __init__(self, *args: Any, gallery: Gallery, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        members = gallery.memberships
        people = Person.objects.filter(is_active=True).exclude(pk=gallery.owner_id)
        self.fields["who"] = MemberField(
            people.exclude(memberships__in=members.all()).order_by("name"),
            Group.objects.exclude(memberships__in=members.all()).order_by("name"),
        )
        self.order_fields(["who", "role"])


class PictureSaveForm(forms.Form):
    """One of the person's galleries, or the name of a new one, to put a picture into."""

    gallery = forms.ModelChoiceField(
        label=gettext_lazy("Gallery"),
        queryset=Gallery.objects.none(),
        required=False,
        error_messages={"invalid_choice": gettext_lazy("This gallery is not yours, or is gone.")},
    )
    new_gallery = forms.CharField(label=gettext_lazy("New gallery"), max_length=120, required=False)

    def __init__(self, *args: Any, person: Person, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        galleries = self.fields["gallery"]
        assert isinstance(galleries, forms.ModelChoiceField)
        galleries.queryset = galleries_to_add_to(person)

    def clean_new_gallery(self) -> str:
        return clean_name(self.cleaned_data["new_gallery"])

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not self.errors and not cleaned.get("gallery") and not cleaned.get("new_gallery"):
            raise ValidationError(_("Pick a gallery, or name a new one."))
        return cleaned
