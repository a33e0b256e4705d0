"""The forms of invitations: making one, and making an account by one."""

from typing import Any

from django import forms
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from gallery.forms.accounts import SetUpForm
from gallery.models import Gallery, Invitation, Person, Role
from gallery.models.invitation import MOST_USES
from gallery.queries.roles import Action, groups_to_give, roles_for
from gallery.services.invitations import MOST_AT_ONCE, addresses_in

DAYS = [(1, "A day"), (7, "A week"), (30, "A month"), (90, "Three months")]


def offer_groups(form: forms.Form, person: Person) -> None:
    """Have the field "groups" offer what this person may give, or take it out if that is nothing."""
    groups = form.fields["groups"]
    assert isinstance(groups, forms.ModelMultipleChoiceField)
    if offered := groups_to_give(person):
        groups.queryset = Group.objects.filter(pk__in=[group.pk for group in offered]).order_by("name")
    else:
        del form.fields["groups"]


class InvitationForm(forms.Form):
    email = forms.EmailField(
        label="Their e-mail (optional)",
        required=False,
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )
    gallery = forms.ModelChoiceField(
        label="Add to gallery",
        queryset=Gallery.objects.none(),
        required=False,
        empty_label="None",
        error_messages={"invalid_choice": "You do not manage this gallery, or it is gone."},
    )
    role = forms.ChoiceField(label="Role in that gallery", choices=Role.choices, initial=Role.VIEWER)
    max_uses = forms.IntegerField(
        label="Uses",
        initial=1,
        min_value=1,
        max_value=MOST_USES,
        error_messages={
            "min_value": "One person is the least.",
            "max_value": f"{MOST_USES} people are the most; make another invitation for more.",
        },
    )
    days = forms.TypedChoiceField(label="Expires in", choices=DAYS, coerce=int, initial=7)
    groups = forms.ModelMultipleChoiceField(
        label="Groups",
        queryset=Group.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"invalid_choice": "This group is not yours to give."},
    )

    def __init__(self, *args: Any, person: Person, sends_mail: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].help_text = (
            "Nobody else can use it then, and the studio mails it. Without one, you get a link to pass on."
            if sends_mail
            else "Only this address can use it. E-mail isn’t set up, so send the link yourself."
        )
        gallery = self.fields["gallery"]
        assert isinstance(gallery, forms.ModelChoiceField)
        gallery.queryset = Gallery.objects.open_to(person, roles_for(Action.SHARE)).order_by("name")
        offer_groups(self, person)

    def clean_email(self) -> str:
        email = Person.objects.normalize_email(self.cleaned_data["email"])
        if email and Person.objects.filter(email=email).exists():
            raise ValidationError("This e-mail has an account already. Add them to the gallery instead.")
        return email

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("email") and cleaned.get("max_uses", 1) > 1:
            self.add_error("max_uses", "An e-mail belongs to one person. Leave it empty to invite several.")
        return cleaned


class InviteManyForm(forms.Form):
    """A pasted list of addresses."""

    addresses = forms.CharField(
        label=_("E-mail addresses"),
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 8, "autocomplete": "off", "spellcheck": "false"}),
        help_text=_("One a line, or with commas between them. Each gets an invitation that only this address can use."),
    )
    days = forms.TypedChoiceField(label=_("Expires in"), choices=DAYS, coerce=int, initial=7)
    groups = forms.ModelMultipleChoiceField(
        label=_("Groups"),
        queryset=Group.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"invalid_choice": _("This group is not yours to give.")},
    )

    def __init__(self, *args: Any, person: Person, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer_groups(self, person)

    def clean_addresses(self) -> list[str]:
        addresses = addresses_in(self.cleaned_data["addresses"])
        if len(addresses) > MOST_AT_ONCE:
            said = _("These are %(count)d addresses, and %(most)d at once are the most. Invite them in parts.")
            raise ValidationError(said % {"count": len(addresses), "most": MOST_AT_ONCE})
        if not addresses:
            raise ValidationError(_("There is no address in it."))
        return addresses


class ArrivalForm(SetUpForm):
    """The account of an invited person. If the invitation names an e-mail address, the account has that one."""

    def __init__(self, *args: Any, invitation: Invitation, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.invitation = invitation
        if invitation.email:
            # People see it, and password managers remember it.
            self.fields["email"].widget.attrs["readonly"] = True
            self.initial["email"] = invitation.email

    def clean_email(self) -> str:
        email = self.invitation.email or Person.objects.normalize_email(self.cleaned_data["email"])
        if Person.objects.filter(email=email).exists():
            raise ValidationError("Somebody has this e-mail already. If that is you, sign in, and open the link again.")
        return email
