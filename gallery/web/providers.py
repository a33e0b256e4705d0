"""Signing in by a provider (OpenID Connect), by allauth: whom it lets in, and with which groups and rights.

A provider's settings are data: of `LEMONSTUDIO_OIDC_…`, or of a row that an administrator made. The keys besides
allauth's own are listed in `ProviderSettings`.
"""

import logging
from dataclasses import dataclass, field
from typing import Any, NoReturn
from urllib.parse import urlsplit

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter, get_adapter
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import Resolver404, resolve
from django.utils.translation import gettext as _

from gallery import services
from gallery.models import Invitation, Person
from gallery.services.secrets import Unreadable, decrypt
from gallery.web.http import client_address
from gallery.web.sign_in import PROVIDER_DID_SECOND_STEP

logger = logging.getLogger("gallery.web.sign_in")

# Claims that are worth keeping of an account at a provider; all others are forgotten after the sign-in.
KEPT_CLAIMS = ("sub", "email", "name")
ENCRYPTED_SECRET = "encrypted_secret"  # noqa: S105 the name of a key


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """Whom a provider lets in without an invitation, and what its groups mean here."""

    domains: list[str] = field(default_factory=list)
    allowed_groups: list[str] = field(default_factory=list)
    groups_claim: str = "groups"
    groups: dict[str, str] = field(default_factory=dict)
    admin_groups: list[str] = field(default_factory=list)
    second_step: bool = False

    @classmethod
    def of(cls, settings: dict[str, Any]) -> "ProviderSettings":
        return cls(**{name: settings[name] for name in cls.__slots__ if settings.get(name)})


@dataclass(frozen=True, slots=True)
class Arrival:
    """A person as a provider describes them. `email` is "" unless the provider has verified it."""

    email: str
    name: str
    groups: list[str]
    settings: ProviderSettings

    @property
    def is_allowed(self) -> bool:
        """Whether the settings let this person in without an invitation."""
        domain = self.email.rpartition("@")[2]
        by_domain = bool(domain) and domain in [allowed.lower().lstrip("@") for allowed in self.settings.domains]
        return by_domain or bool(set(self.groups) & set(self.settings.allowed_groups))


class ProviderAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc] # allauth has no types
    def list_apps(self, request: HttpRequest, provider: Any = None, client_id: Any = None) -> list[Any]:
        """allauth's, with the secrets of providers that an administrator made."""
        apps: list[Any] = super().list_apps(request, provider=provider, client_id=client_id)
        for app in apps:
            if ENCRYPTED_SECRET in app.settings:
                try:
                    app.secret = decrypt(app.settings[ENCRYPTED_SECRET])
                except Unreadable:
                    logger.error("The secret of the provider %s was stored with another SECRET_KEY.", app.provider_id)
        return apps

    def pre_social_login(self, request: HttpRequest, sociallogin: Any) -> None:
        """The provider has answered. Find the person, link them, or refuse."""
        claims = _claims(sociallogin.account.extra_data)
        arrival = _arrival(sociallogin, claims)
        _forget_claims(sociallogin.account, claims)
        if arrival.settings.second_step or "mfa" in _texts(claims.get("amr")):
            sociallogin.state[PROVIDER_DID_SECOND_STEP] = True
        if not sociallogin.is_existing:
            self._find(request, sociallogin, arrival)
        if sociallogin.is_existing and sociallogin.user.is_active:
            _sync_rights(sociallogin.user, arrival)
        sociallogin.arrival = arrival

    def _find(self, request: HttpRequest, sociallogin: Any, arrival: Arrival) -> None:
        if not Person.objects.exists():
            _refuse(request, sociallogin, _("Set up the studio first: its first account is the administrator’s."))
        if not arrival.email:
            _refuse(
                request, sociallogin, _("Your e-mail is not verified at %(provider)s, so it cannot sign you in here.")
            )
        person = Person.objects.filter(email=arrival.email).first()
        if person is None:
            if _invitation(sociallogin, arrival) is None and not arrival.is_allowed:
                _refuse(
                    request, sociallogin, _("There is no account for you here. Ask an administrator to invite you.")
                )
        elif not person.email_verified:
            # The person with this account typed the address; a provider must not hand the account to another.
            _refuse(
                request,
                sociallogin,
                _(
                    "There is an account with your e-mail, and it is not certain that it is yours. Sign in with its "
                    "password, or ask an administrator."
                ),
            )
        elif not person.is_active:
            _refuse(request, sociallogin, _("This account is switched off. Ask an administrator."))
        else:
            sociallogin.connect(request, person)
            logger.info("Person %s is linked to the provider %s", person.pk, sociallogin.account.provider)

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        """`pre_social_login` has refused all others."""
        return hasattr(sociallogin, "arrival")

    def is_auto_signup_allowed(self, request: HttpRequest, sociallogin: Any) -> bool:
        return True

    def save_user(self, request: HttpRequest, sociallogin: Any, form: Any = None) -> Person:
        arrival: Arrival = sociallogin.arrival
        invitation = _invitation(sociallogin, arrival)
        try:
            if invitation is not None:
                person = services.invitations.join(
                    invitation, name=arrival.name, email=arrival.email, password=None, email_verified=True
                )
            else:
                person = services.people.admit(arrival.name, arrival.email)
        except (services.invitations.InvitationOver, services.invitations.EmailTaken):
            _refuse(request, sociallogin, _("That did not work. Try again."))
        sociallogin.user = person
        sociallogin.save(request, connect=True)
        _sync_rights(person, arrival)
        logger.info("Person %s came by the provider %s", person.pk, sociallogin.account.provider)
        return person

    def on_authentication_error(
        self, request: HttpRequest, provider: Any, error: Any = None, exception: Any = None, extra_context: Any = None
    ) -> None:
        """Back to the sign-in page. The log gets the kind of error only: its text may hold what the provider sent."""
        name = getattr(getattr(provider, "app", None), "name", "") or _("The provider")
        raise ImmediateHttpResponse(failed(request, name, exception or error))


def providers_on_offer(request: HttpRequest) -> list[Any]:
    """The providers that the sign-in page offers. One query."""
    return list(get_adapter().list_providers(request))


def failed(request: HttpRequest, name: str, problem: Any) -> HttpResponse:
    """The answer to a sign-in by a provider that did not work."""
    said = type(problem).__name__ if isinstance(problem, Exception) else problem
    logger.warning("Sign-in failed: by %s (%s) from %s", name, said, client_address(request))
    messages.error(request, _("%(name)s did not sign you in. Try again, or sign in another way.") % {"name": name})
    return redirect("login")


def _refuse(request: HttpRequest, sociallogin: Any, why: str) -> NoReturn:
    name = sociallogin.provider.app.name
    logger.warning("Sign-in refused: a person of %s from %s", name, client_address(request))
    messages.error(request, why % {"provider": name})
    raise ImmediateHttpResponse(redirect("login"))


def _claims(extra: dict[str, Any]) -> dict[str, Any]:
    """All claims; those of the user info before those of the id token."""
    if "userinfo" in extra or "id_token" in extra:
        return {**(extra.get("id_token") or {}), **(extra.get("userinfo") or {})}
    return extra


def _forget_claims(account: Any, claims: dict[str, Any]) -> None:
    account.extra_data = {"userinfo": {name: claims[name] for name in KEPT_CLAIMS if name in claims}}
    if account.pk:
        account.save(update_fields=["extra_data"])


def _arrival(sociallogin: Any, claims: dict[str, Any]) -> Arrival:
    settings = ProviderSettings.of(sociallogin.provider.app.settings)
    verified = [address.email for address in sociallogin.email_addresses if address.verified]
    email = Person.objects.normalize_email(verified[0]) if verified else ""
    name = str(claims.get("name") or claims.get("preferred_username") or email.partition("@")[0])[:120]
    return Arrival(email, name, _texts(claims.get(settings.groups_claim)), settings)


def _texts(claim: Any) -> list[str]:
    """A claim of texts. Some providers send a single one as a text."""
    if isinstance(claim, str):
        return [claim]
    return [one for one in claim if isinstance(one, str)] if isinstance(claim, list) else []


def _invitation(sociallogin: Any, arrival: Arrival) -> Invitation | None:
    """The open invitation from whose page the person came, if it is for them."""
    try:
        match = resolve(urlsplit(sociallogin.state.get("next") or "").path)
    except Resolver404:
        return None
    if match.view_name != "invitation_accept":
        return None
    invitation = Invitation.objects.by_token(match.kwargs["token"]).first()
    if invitation is None or not invitation.is_for(arrival.email):
        return None
    try:
        services.invitations.offer_of(invitation)
    except services.invitations.InvitationOver:
        return None
    return invitation


def _sync_rights(person: Person, arrival: Arrival) -> None:
    settings = arrival.settings
    wanted = {settings.groups[name] for name in arrival.groups if name in settings.groups}
    is_administrator = bool(set(arrival.groups) & set(settings.admin_groups)) if settings.admin_groups else None
    services.people.sync_rights(person, set(settings.groups.values()), wanted, is_administrator)
