"""How people sign in. allauth's own pages of the administration show secrets, so the studio has its own, or none."""

from typing import Any
from urllib.parse import urlsplit

# Imported for their registrations, which are taken back below.
from allauth.account import admin as account_admin
from allauth.mfa import admin as mfa_admin
from allauth.mfa.models import Authenticator
from allauth.socialaccount import admin as social_admin
from allauth.socialaccount.models import SocialAccount, SocialApp
from allauth.usersessions import admin as sessions_admin
from django import forms
from django.conf import settings
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from gallery.queries.people import is_below
from gallery.services.secrets import encrypt
from gallery.web.providers import ENCRYPTED_SECRET

for module in (account_admin, mfa_admin, social_admin, sessions_admin):
    for allauths, registered in list(admin.site._registry.items()):
        if type(registered).__module__ == module.__name__:
            admin.site.unregister(allauths)


@admin.register(Authenticator)
class SecondStepAdmin(admin.ModelAdmin[Any]):
    """People's second steps, without their secrets. Delete what a person has lost; then the password is enough."""

    list_display = ["user", "type", "created_at", "last_used_at"]
    list_filter = ["type"]
    list_select_related = ["user"]
    search_fields = ["user__name", "user__email"]
    fields = ["user", "type", "created_at", "last_used_at"]
    readonly_fields = ["user", "type", "created_at", "last_used_at"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Only of people who have no rights that the administrator lacks: it makes their account less safe."""
        return super().has_delete_permission(request, obj) and (obj is None or is_below(obj.user, request.user))

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """None: each is deleted on its own page, which asks whose it is."""
        return {}


class Lines(forms.CharField):
    """A list of texts, one a line."""

    widget = forms.Textarea(attrs={"rows": 3})

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[str]:
        return [line.strip() for line in super().clean(value).splitlines() if line.strip()]


class ProviderForm(forms.ModelForm[Any]):
    """A provider's settings, by name. The secret goes in and does not come out."""

    new_secret = forms.CharField(
        label=gettext_lazy("Client secret"),
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text=gettext_lazy("Stored encrypted. Leave it empty to keep the one that is there."),
    )
    server_url = forms.URLField(
        label=gettext_lazy("Issuer"),
        assume_scheme="https",
        help_text=gettext_lazy("Such as https://login.example.org/realms/team"),
    )
    scope = Lines(
        initial=["openid", "profile", "email"],
        help_text=gettext_lazy("One a line. Some providers have one for groups."),
    )
    verified_email = forms.BooleanField(
        label=gettext_lazy("Trust its e-mails"),
        required=False,
        help_text=gettext_lazy(
            "For a provider that says nothing of verified e-mails, and where people cannot choose theirs."
        ),
    )
    domains = Lines(
        required=False,
        help_text=gettext_lazy("Whose e-mail is of one of these gets an account without an invitation. One a line."),
    )
    allowed_groups = Lines(
        required=False,
        help_text=gettext_lazy("Who is in one of these groups there gets an account without an invitation."),
    )
    groups_claim = forms.CharField(initial="groups", help_text=gettext_lazy("The claim that lists a person's groups."))
    groups = Lines(
        required=False, help_text=gettext_lazy("Which group there is which group here: designers=Design. One a line.")
    )
    admin_groups = Lines(
        required=False,
        help_text=gettext_lazy("Who is in one of these groups there is an administrator here, and all others are not."),
    )
    second_step = forms.BooleanField(
        label=gettext_lazy("It asks for a second step"),
        required=False,
        help_text=gettext_lazy("Who comes by it needs none here, even where the studio asks for one."),
    )
    OWN = (
        "server_url",
        "scope",
        "verified_email",
        "domains",
        "allowed_groups",
        "groups_claim",
        "admin_groups",
        "second_step",
    )

    class Meta:
        model = SocialApp
        fields = ["name", "provider_id", "client_id"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["provider_id"].required = True
        self.fields["provider_id"].help_text = _("A short name for its address: /login/with/NAME/back/")
        self.fields["new_secret"].required = self.instance.pk is None
        for name in self.OWN:
            if name in self.instance.settings:
                self.initial[name] = self.instance.settings[name]
        self.initial["groups"] = [f"{there}={here}" for there, here in self.instance.settings.get("groups", {}).items()]

    def clean_provider_id(self) -> str:
        name = forms.SlugField().clean(self.cleaned_data["provider_id"])
        taken = SocialApp.objects.filter(provider_id=name).exclude(pk=self.instance.pk).exists()
        if taken or name in [app["provider_id"] for app in settings.SOCIALACCOUNT_PROVIDERS["openid_connect"]["APPS"]]:
            raise ValidationError(_("Another provider has this name."))
        return str(name)

    def clean_server_url(self) -> str:
        address = str(self.cleaned_data["server_url"]).rstrip("/")
        if urlsplit(address).scheme != "https" and not settings.LOCAL:
            raise ValidationError(_("It must begin with https://: the answers count because they come by TLS."))
        return address

    def clean_groups(self) -> dict[str, str]:
        rows = [line.partition("=") for line in self.cleaned_data["groups"]]
        if not all(there.strip() and here.strip() for there, _, here in rows):
            raise ValidationError(_("Each line is a pair such as designers=Design."))
        return {there.strip(): here.strip() for there, _, here in rows}

    def save(self, commit: bool = True) -> Any:
        app = self.instance
        app.provider = "openid_connect"
        app.settings = {
            **app.settings,
            **{name: self.cleaned_data[name] for name in self.OWN},
            "groups": self.cleaned_data["groups"],
        }
        if self.cleaned_data["new_secret"]:
            app.settings[ENCRYPTED_SECRET] = encrypt(self.cleaned_data["new_secret"])
        return super().save(commit)


@admin.register(SocialApp)
class ProviderAdmin(admin.ModelAdmin[Any]):
    """Providers by which people sign in. For superusers only: a provider can make administrators."""

    form = ProviderForm
    list_display = ["name", "provider_id", "client_id"]
    fields = [
        *ProviderForm.Meta.fields,
        "new_secret",
        *ProviderForm.OWN[:5],
        "groups_claim",
        "groups",
        *ProviderForm.OWN[6:],
    ]

    def has_module_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_active and getattr(request.user, "is_superuser", False))

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_module_permission(request)

    has_change_permission = has_delete_permission = has_view_permission

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.has_module_permission(request)


@admin.register(SocialAccount)
class LinkAdmin(admin.ModelAdmin[Any]):
    """Which person is which at a provider. Delete one to unlink them."""

    list_display = ["user", "provider", "uid", "last_login"]
    list_filter = ["provider"]
    list_select_related = ["user"]
    search_fields = ["user__name", "user__email", "uid"]
    fields = ["user", "provider", "uid", "date_joined", "last_login"]
    readonly_fields = ["user", "provider", "uid", "date_joined", "last_login"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and (obj is None or is_below(obj.user, request.user))

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        return {}
