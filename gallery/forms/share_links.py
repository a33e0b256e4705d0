"""The forms of share links, of guests, and of comments."""

from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from gallery.forms.names import clean_name
from gallery.models import Comment, GuestVote, ShareLink
from gallery.models.numbers import whole

USUAL_DAYS = 30
MOST_DAYS = 365
SHORTEST_PASSWORD = 6
# The fields that a person chooses.
CHOICES = ["label", "show_prompts", "allow_downloads", "allow_votes", "allow_comments", "allow_decisions"]


class LinkForm(forms.ModelForm[ShareLink]):
    """Who a link is for, how long it works, and what it shows and allows.

    `label` is what a new link is called unless its maker has a better name for it.
    """

    until = forms.DateField(
        label=gettext_lazy("Works until"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={
            "required": gettext_lazy("Pick the last day on which it works."),
            "invalid": gettext_lazy("Write a date as year-month-day, such as 2026-05-31."),
        },
    )
    password = forms.CharField(
        label=gettext_lazy("Password"),
        required=False,
        strip=False,
        max_length=128,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    no_password = forms.BooleanField(label=gettext_lazy("Remove the password"), required=False)
    keep = forms.BooleanField(
        label=gettext_lazy("Keep it, so that it can be copied again"),
        required=False,
        initial=True,
        help_text=gettext_lazy("The studio stores the link encrypted. Otherwise you see it only once."),
    )

    class Meta:
        model = ShareLink
        fields = CHOICES
        labels = {
            "label": gettext_lazy("Name"),
            "show_prompts": gettext_lazy("Show the prompts"),
            "allow_downloads": gettext_lazy("Allow downloads"),
            "allow_votes": gettext_lazy("Allow likes"),
            "allow_comments": gettext_lazy("Allow comments"),
            "allow_decisions": gettext_lazy("Let them approve pictures or ask for changes"),
        }
        help_texts = {"label": gettext_lazy("Only your team sees this.")}
        widgets = {"label": forms.TextInput(attrs={"autocomplete": "off"})}
        error_messages = {
            "label": {"required": gettext_lazy("Say whom it is for, so that you can tell your links apart.")}
        }

    field_order = ["label", "until", "password", "no_password", *CHOICES[1:], "keep"]

    def __init__(self, *args: Any, label: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        today = timezone.localdate()
        self.fields["until"].widget.attrs |= {"min": f"{today}", "max": f"{today + timedelta(days=MOST_DAYS)}"}
        if self.instance.pk:
            self.initial["until"] = self.instance.last_day.date()
            if not self.instance.is_kept:
                del self.fields["keep"]
        else:
            until = today + timedelta(days=USUAL_DAYS)
            self.initial.update({"label": label, "until": until, "allow_votes": True, "allow_comments": True})
        if self.instance.has_password:
            self.fields["password"].label = _("New password")
            self.fields["password"].help_text = _("Leave it empty to keep the present one.")
        else:
            del self.fields["no_password"]
            self.fields["password"].help_text = _("Optional. People will need it to open the link.")

    def clean_label(self) -> str:
        return clean_name(self.cleaned_data["label"])

    def clean_until(self) -> date:
        until: date = self.cleaned_data["until"]
        today = timezone.localdate()
        if until < today:
            raise ValidationError(_("This day is over. Pick today or a later one."))
        if until > today + timedelta(days=MOST_DAYS):
            latest = today + timedelta(days=MOST_DAYS)
            raise ValidationError(_("A year is the most: pick a day up to %(day)s.") % {"day": latest})
        return until

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        if password and len(password) < SHORTEST_PASSWORD:
            raise ValidationError(_("Take at least %(count)d characters.") % {"count": SHORTEST_PASSWORD})
        return password

    @property
    def settings(self) -> dict[str, Any]:
        """For a valid form: the link's fields."""
        next_day = datetime.combine(self.cleaned_data["until"] + timedelta(days=1), time.min)
        chosen = {name: self.cleaned_data[name] for name in CHOICES}
        return chosen | {"expires_at": timezone.make_aware(next_day)}

    @property
    def new_password(self) -> str | None:
        """For a valid form: empty to remove the password, None to leave it as it is."""
        if self.cleaned_data.get("no_password"):
            return ""
        return self.cleaned_data["password"] or None

    @property
    def has_hidden_errors(self) -> bool:
        """Whether a field is wrong that the dialog folds away."""
        return any(name != "label" for name in self.errors)


class LinkPasswordForm(forms.Form):
    password = forms.CharField(
        label=gettext_lazy("Password"),
        strip=False,
        max_length=128,
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "autofocus": True}),
        error_messages={"required": gettext_lazy("Type the password that came with the link.")},
    )


class GuestNameForm(forms.Form):
    name = forms.CharField(
        label=gettext_lazy("Your name"),
        max_length=80,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
        error_messages={
            "required": gettext_lazy("Say your name first, so that they know who likes what."),
            "max_length": gettext_lazy("80 characters are the most. A shorter one will do."),
        },
    )

    def clean_name(self) -> str:
        return clean_name(self.cleaned_data["name"])


class GuestDecisionForm(forms.Form):
    """A guest's decision on a picture, with a note; an empty decision takes it back."""

    decision = forms.ChoiceField(
        required=False,
        choices=[(kind.value, kind.label) for kind in GuestVote.Kind if kind != GuestVote.Kind.LIKE],
    )
    note = forms.CharField(
        label=gettext_lazy("Note"), required=False, widget=forms.Textarea(attrs={"rows": 2, "dir": "auto"})
    )

    def clean_note(self) -> str:
        note: str = self.cleaned_data["note"].replace("\r\n", "\n")
        if len(note) > GuestVote.LONGEST_NOTE:
            raise _too_long(note, GuestVote.LONGEST_NOTE)
        return note


def _too_long(text: str, most: int) -> ValidationError:
    sizes = {"count": whole(len(text)), "most": whole(most)}
    return ValidationError(_("This has %(count)s characters; %(most)s are the most.") % sizes)


class CommentForm(forms.Form):
    text = forms.CharField(
        label=gettext_lazy("Comment"),
        widget=forms.Textarea(attrs={"rows": 2, "dir": "auto", "maxlength": Comment.LONGEST}),
        error_messages={"required": gettext_lazy("Write something first.")},
    )

    def clean_text(self) -> str:
        # Browsers send a line end as two characters; people count one.
        text: str = self.cleaned_data["text"].replace("\r\n", "\n")
        if len(text) > Comment.LONGEST:
            raise _too_long(text, Comment.LONGEST)
        return text
