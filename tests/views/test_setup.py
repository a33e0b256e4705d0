"""The first-run page: it makes the first administrator, and then it closes."""

import threading

import pytest
from django.db import connection
from django.test import Client

from gallery.models import Person
from tests.conftest import PASSWORD

pytestmark = pytest.mark.database

FORM = {"name": "Ada", "email": "Ada@Example.org", "password": PASSWORD}


@pytest.mark.parametrize("page", ["/", "/galleries/", "/pictures/1/", "/account/"])
def test_all_pages_of_an_empty_studio_lead_to_the_setup(as_stranger: Client, page: str) -> None:
    response = as_stranger.get(page, follow=True)
    assert [path.partition("?")[0] for path, _ in response.redirect_chain] == ["/login/", "/setup/"]
    assert response.status_code == 200
    assert "Create the first account." in response.content.decode()


def test_setup_makes_the_first_administrator_and_signs_in(as_stranger: Client) -> None:
    response = as_stranger.post("/setup/", FORM, follow=True)
    assert response.redirect_chain == [("/", 302)]
    ada = Person.objects.get()
    assert (ada.name, ada.email, ada.is_staff, ada.is_superuser) == ("Ada", "ada@example.org", True, True)
    assert ada.check_password(PASSWORD)
    assert response.context["user"] == ada
    assert as_stranger.get("/admin/").status_code == 200


@pytest.mark.parametrize("method", ["get", "post"])
def test_setup_is_closed_as_soon_as_there_is_a_person(as_stranger: Client, teammate: Person, method: str) -> None:
    response = getattr(as_stranger, method)("/setup/", FORM, follow=True)
    assert response.redirect_chain[-1] == ("/login/?next=/", 302)
    assert Person.objects.get() == teammate


def test_disabled_account_keeps_the_setup_closed(as_stranger: Client, teammate: Person) -> None:
    Person.objects.update(is_active=False)
    as_stranger.post("/setup/", FORM)
    assert Person.objects.get() == teammate


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"password": "lemons7"}, "password", "at least 8 characters"),
        ({"password": "password"}, "password", "too common"),
        ({"password": "4815162342"}, "password", "entirely numeric"),
        ({"password": "ada@example.org"}, "password", "too similar"),
        ({"password": ""}, "password", "required"),
        ({"email": "ada"}, "email", "valid email"),
        ({"name": " "}, "name", "required"),
        ({"name": "A" * 121}, "name", "at most 120"),
    ],
)
def test_invalid_form_says_what_is_wrong_and_keeps_its_values(
    as_stranger: Client, changes: dict[str, str], field: str, said: str
) -> None:
    form = FORM | {"email": "ada@example.org"} | changes
    response = as_stranger.post("/setup/", form)
    html = response.content.decode()
    assert response.status_code == 422
    assert said in " ".join(response.context["form"].errors[field])
    assert f'id="id_{field}_error"' in html
    assert f'value="{form["email"]}"' in html
    assert PASSWORD not in html
    assert not Person.objects.exists()


def test_two_requests_at_once_make_one_administrator(
    django_db_serialized_rollback: None, transactional_db: None
) -> None:
    start = threading.Barrier(2)
    answers: list[str] = []

    def ask(number: int) -> None:
        client = Client()
        start.wait()
        response = client.post("/setup/", FORM | {"email": f"ada{number}@example.org"})
        answers.append(f"{response.status_code} {response.get('Location')}")
        connection.close()

    threads = [threading.Thread(target=ask, args=[number]) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Person.objects.count() == 1
    assert len(answers) == 2
    assert set(answers) <= {"302 /", "302 /login/"}
