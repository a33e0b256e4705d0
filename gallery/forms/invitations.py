"""The forms of invitations: making one, and making an account by one."""

import logging
from typing import Any

from django import forms
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from gallery import services
from gallery.forms.accounts import SetUpForm
from gallery.models import Gallery, Invitation, Person, Role, SignInTry
from gallery.models.invitation import MOST_USES
from gallery.queries.roles import Action, groups_to_give, roles_for
from gallery.services.invitations import MOST_AT_ONCE, addresses_in

logger = logging.getLogger(__name__)

DAYS = [
    (1, gettext_lazy("A day")),
    (7, gettext_lazy("A week")),
    (30, gettext_lazy("A month")),
    (90, gettext_lazy("Three months")),
]


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
        label=gettext_lazy("Their e-mail (optional)"),
        required=False,
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )
    gallery = forms.ModelChoiceField(
        label=gettext_lazy("Add to gallery"),
        queryset=Gallery.objects.none(),
        required=False,
        empty_label=gettext_lazy("None"),
        error_messages={"invalid_choice": gettext_lazy("You do not manage this gallery, or it is gone.")},
    )
    role = forms.ChoiceField(label=gettext_lazy("Role in that gallery"), choices=Role.choices, initial=Role.VIEWER)
    max_uses = forms.IntegerField(
        label=gettext_lazy("Uses"),
        initial=1,
        min_value=1,
        max_value=MOST_USES,
        error_messages={
            "min_value": gettext_lazy("One person is the least."),
            "max_value": gettext_lazy("%(limit_value)d people are the most; make another invitation for more."),
        },
    )
    days = forms.TypedChoiceField(label=gettext_lazy("Expires in"), choices=DAYS, coerce=int, initial=7)
    groups = forms.ModelMultipleChoiceField(
        label=gettext_lazy("Groups"),
        queryset=Group.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"invalid_choice": gettext_lazy("This group is not yours to give.")},
    )

    def __init__(self, *args: Any, person: Person, sends_mail: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].help_text = (
            _("Only this address can use it then, and the studio mails it. Without one, you get a link to pass on.")
            if sends_mail
            else _("Only this address can use it. E-mail isn’t set up, so send the link yourself.")
        )
        gallery = self.fields["gallery"]
        assert isinstance(gallery, forms.ModelChoiceField)
        gallery.queryset = Gallery.objects.open_to(person, roles_for(Action.SHARE)).order_by("name")
        offer_groups(self, person)

    def clean_email(self) -> str:
        email = Person.objects.normalize_email(self.cleaned_data["email"])
        if email and Person.objects.filter(email=email).exists():
            raise ValidationError(_("This e-mail has an account already. Add them to the gallery instead."))
        return email

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("email") and cleaned.get("max_uses", 1) > 1:
            self.add_error("max_uses", _("An e-mail belongs to one person. Leave it empty to invite several."))
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

    def __init__(self, *args: Any, invitation: Invitation, address: str, **kwargs: Any) -> None:
        """`address` is the network address of the person."""
        super().__init__(*args, **kwargs)
        self.invitation = invitation
        self._address = address
        self._tried: SignInTry | None = None
        if invitation.email:
            # People see it, and password managers remember it.
            self.fields["email"].widget.attrs["readonly"] = True
            self.initial["email"] = invitation.email

    def clean_email(self) -> str:
        email = self.invitation.email or Person.objects.normalize_email(self.cleaned_data["email"])
        try:
            # People must learn that they have an account. So the link tells of any e-mail, but only of a few.
            self._tried = services.sign_in.begin_arrival(self.invitation, self._address)
        except services.sign_in.TooManySignIns:
            logger.warning("Too many tries of invitation %s from %s", self.invitation.pk, self._address)
            told = _("That was tried too often. Try again in a quarter of an hour.")
            raise ValidationError(told, code="too_many") from None
        if Person.objects.filter(email=email).exists():
            raise ValidationError(
                _("This e-mail has an account already. If it is yours, sign in and open the link again.")
            )
        return email

    def forget_tries(self) -> None:
        """After an account was made: the next person may come from the same address."""
        if self._tried is not None:
            services.sign_in.forget_tries(self._tried)
