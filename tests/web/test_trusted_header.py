"""People whom a proxy has signed in and names in a header."""

from ipaddress import ip_network
from typing import Any

import pytest
from django.test import Client

from gallery.models import Person
from tests.conftest import PASSWORD

EMAIL = "olivia@example.org"
PROXY = "10.1.2.3"


@pytest.fixture
def header(settings: Any) -> None:
    settings.LEMONSTUDIO_TRUSTED_HEADER = "X-Forwarded-Email"
    settings.LEMONSTUDIO_TRUSTED_HEADER_NAME = "X-Forwarded-Preferred-Username"
    settings.LEMONSTUDIO_TRUSTED_PROXIES = [ip_network("10.1.2.0/24")]


def ask(client: Client, email: str = EMAIL, address: str = PROXY, page: str = "/account/", **headers: str) -> Any:
    return client.get(page, REMOTE_ADDR=address, headers={"X-Forwarded-Email": email, **headers})


def test_person_whom_the_proxy_names_is_signed_in(as_stranger: Client, owner: Person, header: None) -> None:
    assert ask(as_stranger, "Olivia@Example.org").context["user"] == owner


@pytest.mark.parametrize("address", ["10.1.2.3", "::ffff:10.1.2.3"])
def test_address_of_the_proxy_may_be_written_in_both_ways(owner: Person, header: None, address: str) -> None:
    assert ask(Client(), address=address).status_code == 200


@pytest.mark.parametrize("address", ["10.1.3.1", "127.0.0.1", "::1", "", "unknown"])
def test_header_from_elsewhere_does_not_count(as_stranger: Client, owner: Person, header: None, address: str) -> None:
    assert ask(as_stranger, address=address).status_code == 302


def test_forwarded_address_does_not_make_a_visitor_the_proxy(
    as_stranger: Client, owner: Person, header: None, settings: Any
) -> None:
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    assert ask(as_stranger, address="192.0.2.1", **{"X-Forwarded-For": PROXY}).status_code == 302


def test_header_does_nothing_unless_it_is_set_up(as_stranger: Client, owner: Person) -> None:
    assert ask(as_stranger, address="127.0.0.1").status_code == 302


def test_session_ends_without_the_header_and_at_another_address(owner: Person, header: None) -> None:
    for email, address in (("", PROXY), (EMAIL, "192.0.2.1")):
        client = Client()
        assert ask(client).status_code == 200
        assert ask(client, email, address).status_code == 302
        assert client.get("/account/", REMOTE_ADDR="127.0.0.1").status_code == 302


def test_another_person_takes_the_place_of_the_first(
    as_stranger: Client, owner: Person, teammate: Person, header: None
) -> None:
    ask(as_stranger)
    assert ask(as_stranger, teammate.email).context["user"] == teammate


@pytest.mark.parametrize("change", [{"is_active": False}, {"email_verified": False}])
def test_person_who_is_switched_off_or_not_verified_stays_outside(
    as_stranger: Client, owner: Person, header: None, change: dict[str, bool]
) -> None:
    Person.objects.update(**change)
    assert ask(as_stranger).status_code == 302


def test_stranger_gets_an_account_only_if_the_setting_says_so(owner: Person, header: None, settings: Any) -> None:
    name = {"X-Forwarded-Preferred-Username": "Mia Member"}
    assert ask(Client(), "mia@example.org", **name).status_code == 302
    settings.LEMONSTUDIO_TRUSTED_HEADER_CREATES = True
    assert ask(Client(), "mia@example.org", **name).status_code == 200
    mia = Person.objects.get(email="mia@example.org")
    assert (mia.name, mia.is_staff, mia.has_usable_password()) == ("Mia Member", False, False)


def test_proxy_cannot_make_the_first_account(as_stranger: Client, header: None, settings: Any) -> None:
    settings.LEMONSTUDIO_TRUSTED_HEADER_CREATES = True
    assert ask(as_stranger).status_code == 302
    assert not Person.objects.exists()


def test_password_still_signs_in_at_another_address(owner: Person, header: None) -> None:
    client = Client()
    client.post("/login/", {"username": EMAIL, "password": PASSWORD})
    assert client.get("/account/").status_code == 200


def test_requests_cost_nothing_more_once_signed_in(
    as_stranger: Client, owner: Person, header: None, django_assert_num_queries: Any
) -> None:
    ask(as_stranger)
    # The session, the person, and what the page itself needs: the sessions, which are valid, and the count at the bell.
    with django_assert_num_queries(5):
        ask(as_stranger, page="/account/sessions/")
