"""Signing in by a provider, tried with a real OpenID Connect server."""

import logging
import re
from collections.abc import Iterator
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import oidc_provider_mock
import pytest
import requests
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from allauth.socialaccount.models import SocialAccount, SocialApp
from django.contrib.auth.models import Group
from django.test import Client

from gallery import services
from gallery.models import Person
from tests.conftest import PASSWORD

EMAIL = "olivia@example.org"
SECRET = "a client secret that stays secret"


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with oidc_provider_mock.run_server_in_thread() as server:
        yield f"http://localhost:{server.server_port}"


class Provider:
    """The provider, with one person's claims, and the studio's settings for it."""

    def __init__(self, issuer: str, settings: Any) -> None:
        self.issuer = issuer
        self.own: dict[str, Any] = {"server_url": issuer, "scope": ["openid", "profile", "email"]}
        self.app = {"provider_id": "team", "name": "Team login", "client_id": "studio", "secret": SECRET}
        settings.SOCIALACCOUNT_PROVIDERS = {
            "openid_connect": {"OAUTH_PKCE_ENABLED": True, "APPS": [{**self.app, "settings": self.own}]}
        }

    def has(self, email: str = EMAIL, *, verified: bool = True, **claims: Any) -> None:
        known = {"email": email, "email_verified": verified, "name": "Olivia Owner", **claims}
        requests.put(f"{self.issuer}/users/olivia", json=known, timeout=10).raise_for_status()

    def leave(self, browser: Client, **form: str) -> str:
        """Press the button; return the provider's address on the page that leads there."""
        html = browser.post("/login/with/team/", form).content.decode()
        found = re.search(r'content="0; url=([^"]+)"', html)
        assert found, html
        return unescape(found[1])

    def sign_in(self, browser: Client, **form: str) -> Any:
        """Go to the provider, sign in there as Olivia, and come back."""
        answer = requests.post(self.leave(browser, **form), data={"sub": "olivia"}, allow_redirects=False, timeout=10)
        return self.come_back(browser, answer.headers["Location"])

    def come_back(self, browser: Client, address: str) -> Any:
        parts = urlsplit(address)
        assert parts.netloc == "testserver"
        return browser.get(parts.path, dict(parse_qsl(parts.query)))


@pytest.fixture
def provider(issuer: str, settings: Any) -> Provider:
    provider = Provider(issuer, settings)
    provider.has()
    return provider


def said(browser: Client) -> str:
    return browser.get("/login/").content.decode()


def test_person_with_the_verified_address_is_linked_and_signed_in(
    as_stranger: Client, owner: Person, provider: Provider
) -> None:
    assert "Sign in with Team login" in said(as_stranger)
    assert provider.sign_in(as_stranger, next="/galleries/")["Location"] == "/galleries/"
    assert as_stranger.get("/").context["user"] == owner
    link = SocialAccount.objects.get()
    assert (link.user, link.uid) == (owner, "olivia")
    # From now on the provider's own number counts, and not the address.
    provider.has("another@example.org")
    again = Client()
    provider.sign_in(again)
    assert again.get("/").context["user"] == owner


def test_request_to_the_provider_has_a_state_and_a_challenge(
    as_stranger: Client, owner: Person, provider: Provider
) -> None:
    query = dict(parse_qsl(urlsplit(provider.leave(as_stranger)).query))
    assert query["code_challenge_method"] == "S256"
    assert len(query["state"]) >= 16
    assert query["redirect_uri"] == "http://testserver/login/with/team/back/"
    assert SECRET not in str(query)


@pytest.mark.parametrize("case", ["address not verified", "account not verified", "switched off", "stranger"])
def test_others_are_refused(as_stranger: Client, owner: Person, provider: Provider, case: str) -> None:
    if case == "address not verified":
        provider.has(verified=False)
    elif case == "stranger":
        provider.has("mia@example.org")
    else:
        Person.objects.update(**{"email_verified": False} if case == "account not verified" else {"is_active": False})
    assert provider.sign_in(as_stranger)["Location"] == "/login/"
    sentence = {
        "address not verified": "Your e-mail is not verified at Team login",
        "account not verified": "it is not certain that it is yours",
        "switched off": "This account is switched off.",
        "stranger": "There is no account for you here.",
    }[case]
    assert sentence in said(as_stranger)
    assert as_stranger.get("/").status_code == 302
    assert (SocialAccount.objects.count(), Person.objects.count()) == (0, 1)


@pytest.mark.parametrize("email", ["mia@example.org.evil.example", "mia@notexample.org", "mia@evil.example"])
def test_domain_is_compared_as_a_whole(as_stranger: Client, owner: Person, provider: Provider, email: str) -> None:
    provider.own["domains"] = ["example.org"]
    provider.has(email)
    provider.sign_in(as_stranger)
    assert Person.objects.count() == 1


def test_allowed_domain_makes_an_account_with_the_groups_of_the_mapping(
    as_stranger: Client, owner: Person, provider: Provider
) -> None:
    provider.own |= {"domains": ["Example.org"], "groups": {"designers": "Design", "art": "Art"}}
    provider.has("Mia@Example.org", name="Mia Member", groups=["designers", "unknown"])
    assert provider.sign_in(as_stranger)["Location"] == "/"
    mia = Person.objects.get(email="mia@example.org")
    assert (mia.name, mia.is_staff, mia.has_usable_password()) == ("Mia Member", False, False)
    assert [group.name for group in mia.groups.all()] == ["Design"]
    assert as_stranger.get("/").context["user"] == mia
    assert set(SocialAccount.objects.get().extra_data["userinfo"]) == {"sub", "email", "name"}


def test_allowed_group_makes_an_account_and_other_groups_do_not(
    as_stranger: Client, owner: Person, provider: Provider
) -> None:
    provider.own |= {"allowed_groups": ["studio"], "groups_claim": "roles"}
    provider.has("mia@example.org", groups=["studio"], roles="other")
    provider.sign_in(as_stranger)
    assert Person.objects.count() == 1
    provider.has("mia@example.org", roles="studio")
    provider.sign_in(as_stranger)
    assert Person.objects.count() == 2


def test_groups_follow_the_provider_and_other_groups_stay(
    as_stranger: Client, owner: Person, provider: Provider
) -> None:
    provider.own["groups"] = {"designers": "Design", "art": "Art"}
    owner.groups.set([Group.objects.create(name="Design"), Group.objects.create(name="By hand")])
    provider.has(groups=["art"])
    provider.sign_in(as_stranger)
    assert set(owner.groups.values_list("name", flat=True)) == {"Art", "By hand"}


def test_provider_makes_administrators_and_takes_it_back_but_not_from_the_last(
    owner: Person, provider: Provider, administrator: Person
) -> None:
    provider.own["admin_groups"] = ["studio-admins"]
    provider.has(groups=["studio-admins"])
    provider.sign_in(Client())
    owner.refresh_from_db()
    assert (owner.is_staff, owner.is_superuser) == (True, True)
    provider.has(groups=[])
    Person.objects.filter(pk=administrator.pk).update(is_active=False)
    provider.sign_in(Client())
    owner.refresh_from_db()
    assert owner.is_superuser
    Person.objects.filter(pk=administrator.pk).update(is_active=True)
    provider.sign_in(Client())
    owner.refresh_from_db()
    assert (owner.is_staff, owner.is_superuser) == (False, False)


def test_invited_person_comes_by_the_provider(as_stranger: Client, administrator: Person, provider: Provider) -> None:
    invitation, token = services.invitations.invite(administrator, email=EMAIL)
    page = f"/invitation/{token}/"
    assert "Sign in with Team login" in as_stranger.get(page).content.decode()
    assert provider.sign_in(as_stranger, next=page)["Location"] == page
    assert Person.objects.get(email=EMAIL).email_verified
    invitation.refresh_from_db()
    assert invitation.uses == 1


@pytest.mark.parametrize("change", ["revoked", "of another person", "unknown"])
def test_invitation_that_does_not_count_lets_no_stranger_in(
    as_stranger: Client, administrator: Person, provider: Provider, change: str
) -> None:
    invitation, token = services.invitations.invite(
        administrator, email="mia@example.org" if change == "of another person" else ""
    )
    if change == "revoked":
        invitation.revoke()
    provider.sign_in(as_stranger, next=f"/invitation/{'unknown' if change == 'unknown' else token}/")
    assert Person.objects.count() == 1


def test_second_step_is_asked_for_after_the_provider(as_stranger: Client, owner: Person, provider: Provider) -> None:
    TOTP.activate(owner, generate_totp_secret())
    assert provider.sign_in(as_stranger)["Location"] == "/login/step/"
    assert as_stranger.get("/").status_code == 302


@pytest.mark.parametrize(
    ("own", "claims", "page"),
    [
        ({}, {}, "/account/steps/"),
        ({}, {"amr": ["pwd"]}, "/account/steps/"),
        ({}, {"amr": ["pwd", "mfa"]}, ""),
        ({"second_step": True}, {}, ""),
    ],
)
def test_providers_second_step_counts_if_it_says_so(
    as_stranger: Client, owner: Person, provider: Provider, settings: Any, own: Any, claims: Any, page: str
) -> None:
    settings.LEMONSTUDIO_SECOND_STEP = "everyone"
    provider.own |= own
    provider.has(**claims)
    provider.sign_in(as_stranger)
    assert as_stranger.get("/").headers.get("Location", "") == page


def test_person_without_a_password_sets_up_a_second_step_right_after_signing_in(
    as_stranger: Client, owner: Person, provider: Provider
) -> None:
    Person.objects.update(password="!")
    provider.sign_in(as_stranger)
    assert as_stranger.get("/account/steps/app/").status_code == 200


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example", "/\\evil.example"])
def test_sign_in_never_leads_to_another_site(
    as_stranger: Client, owner: Person, provider: Provider, elsewhere: str
) -> None:
    assert provider.sign_in(as_stranger, next=elsewhere)["Location"] == "/"


@pytest.mark.parametrize("query", [{}, {"code": "made-up", "state": "made-up"}, {"error": "access_denied"}])
def test_answer_without_a_state_of_this_browser_signs_no_person_in(
    as_stranger: Client, owner: Person, provider: Provider, query: dict[str, str]
) -> None:
    provider.leave(Client())
    response = as_stranger.get("/login/with/team/back/", query)
    assert response["Location"] == "/login/"
    assert "Team login did not sign you in" in said(as_stranger)


def test_provider_that_refuses_the_code_signs_no_person_in(
    as_stranger: Client, owner: Person, provider: Provider, caplog: pytest.LogCaptureFixture
) -> None:
    state = dict(parse_qsl(urlsplit(provider.leave(as_stranger)).query))["state"]
    with caplog.at_level(logging.INFO):
        response = as_stranger.get("/login/with/team/back/", {"code": "made-up-code", "state": state})
    assert response["Location"] == "/login/"
    assert "Sign-in failed: by Team login (OAuth2Error)" in caplog.text
    assert SECRET not in caplog.text


def test_provider_that_is_away_is_said(as_stranger: Client, owner: Person, provider: Provider) -> None:
    provider.own["server_url"] = "http://127.0.0.1:9"
    assert as_stranger.post("/login/with/team/")["Location"] == "/login/"
    assert "Team login did not sign you in" in said(as_stranger)


def test_unknown_provider_is_not_found_and_links_start_nothing(
    as_stranger: Client, owner: Person, provider: Provider
) -> None:
    assert as_stranger.post("/login/with/other/").status_code == 404
    assert as_stranger.get("/login/with/team/").status_code == 405


def test_provider_cannot_make_the_first_account(as_stranger: Client, provider: Provider) -> None:
    provider.own["domains"] = ["example.org"]
    provider.sign_in(as_stranger)
    assert not Person.objects.exists()


# -- in the administration


FORM = {
    "name": "Team login",
    "provider_id": "team",
    "client_id": "studio",
    "new_secret": SECRET,
    "scope": "openid\nprofile\nemail",
    "groups_claim": "groups",
    "groups": "designers=Design",
}


def test_administrator_adds_a_provider_and_its_secret_is_encrypted(
    as_administrator: Client, owner: Person, provider: Provider, issuer: str, settings: Any
) -> None:
    settings.SOCIALACCOUNT_PROVIDERS["openid_connect"]["APPS"] = []
    response = as_administrator.post("/admin/socialaccount/socialapp/add/", {**FORM, "server_url": issuer})
    assert response.status_code == 302, response.content.decode()
    app = SocialApp.objects.get()
    assert SECRET not in f"{app.secret}{app.settings}"
    html = as_administrator.get(f"/admin/socialaccount/socialapp/{app.pk}/change/").content.decode()
    assert SECRET not in html
    assert app.settings["encrypted_secret"] not in html
    provider.has(groups=["designers"])
    browser = Client()
    assert provider.sign_in(browser)["Location"] == "/"
    assert [group.name for group in owner.groups.all()] == ["Design"]


def test_provider_without_tls_is_refused_in_production(as_administrator: Client, settings: Any) -> None:
    settings.LOCAL = False
    form = {**FORM, "server_url": "http://login.example.org"}
    html = as_administrator.post("/admin/socialaccount/socialapp/add/", form).content.decode()
    assert "It must begin with https://" in html
    assert not SocialApp.objects.exists()


def test_only_superusers_see_providers(teammate: Person, provider: Provider) -> None:
    Person.objects.filter(pk=teammate.pk).update(is_staff=True)
    browser = Client()
    browser.post("/login/", {"username": teammate.email, "password": PASSWORD})
    assert browser.get("/admin/socialaccount/socialapp/").status_code == 403
