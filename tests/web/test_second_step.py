"""The second step: apps, recovery codes, who is asked for one, and what guessing costs."""

import logging
import re
import time
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from django.test import Client

from gallery.models import Person
from gallery.services.sign_in import MOST_OF_ACCOUNT_AND_PLACE
from tests.conftest import PASSWORD, signed_in

EMAIL = "olivia@example.org"


def code_of(secret: str) -> str:
    """What an app with this secret shows now."""
    return str(format_hotp_value(hotp_value(secret, int(time.time()) // 30)))


def sign_in(client: Client, email: str = EMAIL, **more: str) -> Any:
    return client.post("/login/", {"username": email, "password": PASSWORD, **more})


def again(client: Client) -> None:
    """Show the password once more, as the pages ask."""
    assert client.post("/account/again/", {"password": PASSWORD}).status_code == 302


@pytest.fixture
def secret(owner: Person) -> str:
    """Of the owner's app."""
    secret: str = generate_totp_secret()
    TOTP.activate(owner, secret)
    return secret


def test_password_alone_does_not_sign_in_a_person_with_an_app(as_stranger: Client, secret: str) -> None:
    response = sign_in(as_stranger, next="/galleries/")
    assert response["Location"] == "/login/step/"
    assert as_stranger.get("/").status_code == 302
    response = as_stranger.post("/login/step/", {"code": code_of(secret)})
    assert response["Location"] == "/galleries/"
    assert as_stranger.get("/").status_code == 200


def test_wrong_password_tells_nothing_of_the_second_step(as_stranger: Client, secret: str) -> None:
    response = as_stranger.post("/login/", {"username": EMAIL, "password": "guessed"})
    assert response.status_code == 200
    assert as_stranger.get("/login/step/")["Location"] == "/login/"


def test_code_works_once(as_stranger: Client, secret: str) -> None:
    code = code_of(secret)
    for client, status in ((as_stranger, 302), (Client(), 200)):
        sign_in(client)
        assert client.post("/login/step/", {"code": code}).status_code == status
    assert "This is not right." in client.post("/login/step/", {"code": code}).content.decode()


def test_wrong_codes_block_the_right_one(as_stranger: Client, secret: str, caplog: pytest.LogCaptureFixture) -> None:
    sign_in(as_stranger)
    wrong = f"{(int(code_of(secret)) + 500_000) % 1_000_000:06}"
    with caplog.at_level(logging.WARNING, logger="gallery.web.sign_in"):
        for _ in range(MOST_OF_ACCOUNT_AND_PLACE):
            as_stranger.post("/login/step/", {"code": wrong})
    assert "Sign-in failed: wrong code of person" in caplog.text
    html = as_stranger.post("/login/step/", {"code": code_of(secret)}).content.decode()
    assert "Too many sign-ins have failed. Try again in 15 minutes." in html
    assert as_stranger.get("/").status_code == 302


def test_recovery_code_lets_in_once(as_stranger: Client, owner: Person, secret: str) -> None:
    code = RecoveryCodes.activate(owner).get_unused_codes()[0]
    sign_in(as_stranger)
    assert as_stranger.post("/login/step/", {"code": code}).status_code == 302
    assert as_stranger.get("/").status_code == 200
    another = Client()
    sign_in(another)
    assert another.post("/login/step/", {"code": code}).status_code == 200


def test_person_sets_up_an_app_and_gets_recovery_codes(as_stranger: Client, owner: Person) -> None:
    sign_in(as_stranger)
    response = as_stranger.get("/account/steps/app/")
    assert response["Location"] == "/account/again/?next=%2Faccount%2Fsteps%2Fapp%2F"
    again(as_stranger)
    html = as_stranger.get("/account/steps/app/").content.decode()
    assert "<svg" in html
    assert "style=" not in html
    assert "data:" not in html
    found = re.search(r'class="qr-key">(\w+)<', html)
    assert found
    response = as_stranger.post("/account/steps/app/", {"code": code_of(found[1])})
    assert response["Location"] == "/account/steps/codes/"
    codes = re.findall(r"<code>(\d+)</code>", as_stranger.get("/account/steps/codes/").content.decode())
    assert len(codes) == 10
    assert codes[0] in as_stranger.get("/account/steps/codes/file/").content.decode()
    assert "On since" in as_stranger.get("/account/steps/").content.decode()


def test_secrets_are_not_stored_in_the_clear(owner: Person, secret: str) -> None:
    RecoveryCodes.activate(owner)
    stored = " ".join(str(row.data) for row in Authenticator.objects.all())
    assert secret not in stored
    assert "gAAAA" in stored


def test_another_secret_key_makes_codes_wrong_and_not_guessable(
    as_stranger: Client, secret: str, settings: Any
) -> None:
    row = Authenticator.objects.get()
    row.data["secret"] = row.data["secret"][:-8] + "AAAAAAA="
    row.save()
    sign_in(as_stranger)
    for guess in (code_of(secret), code_of("")):
        assert as_stranger.post("/login/step/", {"code": guess}).status_code == 200


def test_app_is_removed_after_the_password_again(as_stranger: Client, secret: str) -> None:
    sign_in(as_stranger)
    as_stranger.post("/login/step/", {"code": code_of(secret)})
    assert as_stranger.post("/account/steps/app/remove/")["Location"].startswith("/account/again/")
    assert Authenticator.objects.exists()
    again(as_stranger)
    as_stranger.post("/account/steps/app/remove/")
    assert not Authenticator.objects.exists()


def test_wrong_password_again_is_limited(as_owner: Client) -> None:
    for _ in range(MOST_OF_ACCOUNT_AND_PLACE):
        assert "This is not your password." in as_owner.post("/account/again/", {"password": "x"}).content.decode()
    html = as_owner.post("/account/again/", {"password": PASSWORD}).content.decode()
    assert "Too many sign-ins have failed." in html


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example"])
def test_password_again_never_leads_to_another_site(as_owner: Client, settings: Any, elsewhere: str) -> None:
    settings.ALLOWED_HOSTS = ["testserver", "evil.example"]
    response = as_owner.post(f"/account/again/?next={elsewhere}", {"password": PASSWORD, "next": elsewhere})
    assert response["Location"] == "/"


# -- who is asked


@pytest.fixture
def asks_administrators(settings: Any) -> None:
    settings.LEMONSTUDIO_SECOND_STEP = "administrators"


@pytest.mark.parametrize("page", ["/", "/admin/", "/admin/gallery/person/", "/account/sessions/", "/pictures/"])
def test_administrator_without_a_second_step_reaches_only_its_page(
    as_administrator: Client, asks_administrators: None, page: str
) -> None:
    assert as_administrator.get(page)["Location"] == "/account/steps/"
    html = as_administrator.get("/account/steps/").content.decode()
    assert "This studio asks you for a second step." in html


def test_fragment_leads_the_whole_page_there(as_administrator: Client, asks_administrators: None) -> None:
    response = as_administrator.post("/generations/poll/", headers={"HX-Request": "true"})
    assert response["HX-Redirect"] == "/account/steps/"


def test_other_people_are_not_asked(as_owner: Client, asks_administrators: None) -> None:
    assert as_owner.get("/").status_code == 200


def test_everyone_is_asked_if_the_setting_says_so(as_owner: Client, settings: Any) -> None:
    settings.LEMONSTUDIO_SECOND_STEP = "everyone"
    assert as_owner.get("/")["Location"] == "/account/steps/"


def test_administrator_with_a_second_step_goes_on_and_keeps_the_last(
    as_stranger: Client, administrator: Person, asks_administrators: None
) -> None:
    secret = generate_totp_secret()
    TOTP.activate(administrator, secret)
    sign_in(as_stranger, "ada@example.org")
    as_stranger.post("/login/step/", {"code": code_of(secret)})
    assert as_stranger.get("/admin/").status_code == 200
    again(as_stranger)
    html = as_stranger.post("/account/steps/app/remove/").content.decode()
    assert "this is your last." in html
    assert Authenticator.objects.exists()


def test_question_for_the_second_step_costs_one_query(
    administrator: Person, asks_administrators: None, django_assert_num_queries: Any
) -> None:
    client = signed_in(administrator)
    # The session, the person, and whether there is a second step.
    with django_assert_num_queries(3):
        client.get("/account/sessions/")


# -- passkeys: test_passkeys.py in tests/browser has a browser and an authenticator


def test_challenge_of_a_passkey_is_for_the_studios_host(as_stranger: Client, owner: Person) -> None:
    response = as_stranger.get("/login/passkey/", headers={"Accept": "application/json"})
    options = response.json()["request_options"]["publicKey"]
    assert options["rpId"] == "testserver"
    assert options["userVerification"] == "required"


@pytest.mark.parametrize(
    "credential",
    ["", "null", "1", '"text"', "[]", "{}", '{"response": 1}', '{"id": "x", "response": {"userHandle": "MQ"}}', "{"],
)
def test_made_up_passkey_is_refused(as_stranger: Client, owner: Person, credential: str) -> None:
    as_stranger.get("/login/passkey/", headers={"Accept": "application/json"})
    response = as_stranger.post("/login/passkey/", {"credential": credential})
    assert response["Location"] == "/login/"
    said = as_stranger.get("/login/").content.decode()
    assert "This is not right." in said or "This field is required." in said or "Enter a valid JSON." in said
    assert as_stranger.get("/").status_code == 302
