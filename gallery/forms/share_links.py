"""The forms of share links, of guests, and of comments."""

from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from gallery.forms.names import clean_name
from gallery.models import Comment, ShareLink

USUAL_DAYS = 30
MOST_DAYS = 365
SHORTEST_PASSWORD = 6
# The yes-or-no settings of a link.
CHOICES = ["label", "show_prompts", "allow_downloads", "allow_votes", "allow_comments"]


class LinkForm(forms.ModelForm[ShareLink]):
    """Who a link is for, how long it works, and what it shows and allows."""

    until = forms.DateField(
        label="Works until",
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={
            "required": "Pick the last day on which it works.",
            "invalid": "Write a date as year-month-day, such as 2026-05-31.",
        },
    )
    password = forms.CharField(
        label="Password",
        required=False,
        strip=False,
        max_length=128,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    no_password = forms.BooleanField(label="Take the password away", required=False)

    class Meta:
        model = ShareLink
        fields = CHOICES
        labels = {
            "label": "Name",
            "show_prompts": "Show the prompts",
            "allow_downloads": "Let them download",
            "allow_votes": "Allow likes",
            "allow_comments": "Allow comments",
        }
        help_texts = {"label": "Only you see this."}
        widgets = {"label": forms.TextInput(attrs={"autocomplete": "off"})}
        error_messages = {"label": {"required": "Say whom it is for, so that you can tell your links apart."}}

    field_order = ["label", "until", "password", "no_password", *CHOICES[1:]]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        today = timezone.localdate()
        self.fields["until"].widget.attrs |= {"min": f"{today}", "max": f"{today + timedelta(days=MOST_DAYS)}"}
        if self.instance.pk:
            self.initial["until"] = self.instance.last_day.date()
        else:
            self.initial["until"] = today + timedelta(days=USUAL_DAYS)
        if self.instance.has_password:
            self.fields["password"].label = "New password"
            self.fields["password"].help_text = "Empty: the one that it has stays."
        else:
            del self.fields["no_password"]
            self.fields["password"].help_text = "Optional. People will need it to open the link."

    def clean_label(self) -> str:
        return clean_name(self.cleaned_data["label"])

    def clean_until(self) -> date:
        until: date = self.cleaned_data["until"]
        today = timezone.localdate()
        if until < today:
            raise ValidationError("This day is over. Pick today or a later one.")
        if until > today + timedelta(days=MOST_DAYS):
            raise ValidationError(f"A year is the most: pick a day up to {today + timedelta(days=MOST_DAYS)}.")
        return until

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        if password and len(password) < SHORTEST_PASSWORD:
            raise ValidationError(f"Take at least {SHORTEST_PASSWORD} characters.")
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


class LinkPasswordForm(forms.Form):
    password = forms.CharField(
        label="Password",
        strip=False,
        max_length=128,
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "autofocus": True}),
        error_messages={"required": "Type the password that came with the link."},
    )


class GuestNameForm(forms.Form):
    name = forms.CharField(
        label="Your name",
        max_length=80,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
        error_messages={
            "required": "Say your name first, so that they know who likes what.",
            "max_length": "80 characters are the most. A shorter one will do.",
        },
    )

    def clean_name(self) -> str:
        return clean_name(self.cleaned_data["name"])


class CommentForm(forms.Form):
    text = forms.CharField(
        label="Comment",
        widget=forms.Textarea(attrs={"rows": 2, "dir": "auto", "maxlength": Comment.LONGEST}),
        error_messages={"required": "Write something first."},
    )

    def clean_text(self) -> str:
        # Browsers send a line end as two characters; people count one.
        text: str = self.cleaned_data["text"].replace("\r\n", "\n")
        if len(text) > Comment.LONGEST:
            raise ValidationError(f"This has {len(text):,} characters; {Comment.LONGEST:,} are the most.")
        return text
