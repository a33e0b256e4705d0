"""Password guesses: their limits, their lines in the log, and their cost."""

import logging
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.hashers import check_password, make_password
from django.test import Client
from django.utils import timezone

from gallery import services
from gallery.models import Person, SignInTry
from gallery.services.sign_in import MOST_OF_ACCOUNT_AND_PLACE, MOST_OF_PLACE
from gallery.web.sign_in import BoundedArgon2Hasher, StudioBackend
from tests.conftest import PASSWORD

EMAIL = "olivia@example.org"


def sign_in(password: str = "guessed", email: str = EMAIL, address: str = "203.0.113.5") -> Any:
    return Client(REMOTE_ADDR=address).post("/login/", {"username": email, "password": password})


def guess_too_often() -> None:
    for _ in range(MOST_OF_ACCOUNT_AND_PLACE):
        assert sign_in().status_code == 200


def test_ten_wrong_passwords_block_the_right_one(owner: Person) -> None:
    guess_too_often()
    response = sign_in(PASSWORD)
    assert response.status_code == 429
    assert "Too many sign-ins have failed. Try again in 15 minutes." in response.content.decode()


def test_block_does_not_affect_another_address(owner: Person) -> None:
    guess_too_often()
    assert sign_in(PASSWORD, address="203.0.113.6").status_code == 302


def test_block_ends_after_fifteen_minutes(owner: Person) -> None:
    guess_too_often()
    SignInTry.objects.update(at=timezone.now() - timedelta(minutes=16))
    assert sign_in(PASSWORD).status_code == 302


def test_right_password_clears_the_count(owner: Person) -> None:
    for _ in range(3):
        for _ in range(MOST_OF_ACCOUNT_AND_PLACE - 1):
            sign_in()
        assert sign_in(PASSWORD).status_code == 302
    assert not SignInTry.objects.exists()


def test_one_address_cannot_try_many_accounts(owner: Person) -> None:
    for number in range(MOST_OF_PLACE):
        sign_in(email=f"person-{number}@example.org")
    assert sign_in(PASSWORD).status_code == 429


def test_stored_tries_name_no_person(owner: Person) -> None:
    sign_in()
    row = SignInTry.objects.get()
    assert "olivia" not in row.account
    assert "203.0.113" not in row.place


def test_old_tries_are_deleted(owner: Person) -> None:
    sign_in()
    SignInTry.objects.update(at=timezone.now() - timedelta(hours=1))
    services.sign_in.delete_old_tries()
    assert not SignInTry.objects.exists()


def test_log_has_a_line_for_each_try(owner: Person, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="gallery.web.sign_in"):
        sign_in("a-secret-guess")
        sign_in(PASSWORD)
    assert "Sign-in failed: wrong e-mail or password from 203.0.113.5" in caplog.text
    assert f"Person {owner.pk} signed in from 203.0.113.5" in caplog.text
    assert "a-secret-guess" not in caplog.text


@pytest.mark.parametrize("case", ["wrong", "unknown", "switched off"])
def test_each_kind_of_failure_hashes_once(
    owner: Person, settings: Any, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    """So the time reveals nothing. The test counts calls of the real hasher."""
    hashed: list[str] = []

    def counted(name: str) -> Any:
        real = getattr(BoundedArgon2Hasher, name)

        def call(*arguments: Any) -> Any:
            hashed.append(name)
            return real(*arguments)

        return call

    settings.PASSWORD_HASHERS = ["gallery.web.sign_in.BoundedArgon2Hasher"]
    owner.set_password(PASSWORD)
    owner.is_active = case != "switched off"
    owner.save()
    for name in ("encode", "verify"):
        monkeypatch.setattr(BoundedArgon2Hasher, name, counted(name))
    sign_in("guessed", email="unknown@example.org" if case == "unknown" else EMAIL)
    assert len(hashed) == 1


def test_password_with_old_parameters_is_hashed_again(owner: Person, settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
    owner.password = make_password(PASSWORD)
    owner.save()
    assert "m=102400" in owner.password
    settings.PASSWORD_HASHERS = ["gallery.web.sign_in.BoundedArgon2Hasher"]
    assert sign_in(PASSWORD).status_code == 302
    owner.refresh_from_db()
    assert "m=19456,t=2,p=1" in owner.password
    assert check_password(PASSWORD, owner.password)


def test_session_of_a_disabled_person_ends(owner: Person) -> None:
    assert StudioBackend().get_user(owner.pk) == owner
    Person.objects.update(is_active=False)
    assert StudioBackend().get_user(owner.pk) is None


def test_signing_out_clears_the_browser(as_owner: Client) -> None:
    response = as_owner.post("/logout/")
    assert response["Clear-Site-Data"] == '"cache", "storage"'


@pytest.mark.parametrize("page", ["/", "/pictures/", "/usage/", "/usage/csv", "/account/", "/prompts/", "/templates/"])
def test_no_cache_keeps_private_pages(as_owner: Client, page: str) -> None:
    assert as_owner.get(page)["Cache-Control"] == "private, no-store"
