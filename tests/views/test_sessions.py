"""The list of a person's sessions, and how they end."""

from typing import Any

from allauth.usersessions.models import UserSession
from django.test import Client

from gallery import services
from gallery.models import Person
from tests.conftest import PASSWORD

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
EDGE = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML) Chrome/140.0 Safari/537.36 Edg/140.0"


def browser(person: Person, name: str = FIREFOX, address: str = "203.0.113.5") -> Client:
    """A browser that this person is signed in with."""
    client = Client(REMOTE_ADDR=address, HTTP_USER_AGENT=name)
    assert client.post("/login/", {"username": person.email, "password": PASSWORD}).status_code == 302
    return client


def test_person_sees_their_sessions(owner: Person, teammate: Person) -> None:
    here = browser(owner)
    browser(owner, EDGE, "203.0.113.6")
    browser(teammate, address="203.0.113.7")
    html = here.get("/account/sessions/").content.decode()
    assert "Firefox on Linux" in html
    assert "Edge on Windows" in html
    assert "203.0.113.6" in html
    assert "203.0.113.7" not in html
    assert html.count("This browser") == 1


def test_person_ends_one_session(owner: Person) -> None:
    here, there, elsewhere = browser(owner), browser(owner, EDGE), browser(owner)
    row = UserSession.objects.get(session_key=there.session.session_key)
    assert here.post(f"/account/sessions/{row.pk}/end/")["Location"] == "/account/sessions/"
    assert [client.get("/").status_code for client in (here, there, elsewhere)] == [200, 302, 200]


def test_sign_out_everywhere_ends_sessions_that_are_in_no_list(owner: Person, as_owner: Client) -> None:
    here = browser(owner)
    assert as_owner.get("/").status_code == 200
    here.post("/account/sessions/others/end/")
    assert here.get("/").status_code == 200
    assert as_owner.get("/").status_code == 302
    assert "Only here" not in here.get("/account/sessions/").content.decode()


def test_session_stays_in_the_list_after_a_new_password(owner: Person) -> None:
    here, there = browser(owner), browser(owner, EDGE)
    new = "a better lemon squeezer"
    here.post("/account/password/", {"old_password": PASSWORD, "new_password1": new, "new_password2": new})
    html = here.get("/account/sessions/").content.decode()
    assert html.count("This browser") == 1
    assert "Edge" not in html
    assert there.get("/").status_code == 302


def test_session_that_is_over_leaves_the_list(owner: Person) -> None:
    here, there = browser(owner), browser(owner, EDGE)
    there.post("/logout/")
    assert "Edge" not in here.get("/account/sessions/").content.decode()


def test_list_costs_the_same_for_many_sessions(owner: Person, django_assert_num_queries: Any) -> None:
    here = browser(owner)
    for _ in range(4):
        browser(owner)
    # The session, the person, the sessions of the list, whether they are still there, and the count at the bell.
    with django_assert_num_queries(5):
        here.get("/account/sessions/")


def test_proxy_with_a_strange_address_does_not_break_the_sign_in(owner: Person, settings: Any) -> None:
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    client = Client(headers={"X-Forwarded-For": "unknown"})
    assert client.post("/login/", {"username": owner.email, "password": PASSWORD}).status_code == 302
    assert "from" not in client.get("/account/sessions/").content.decode().partition("Since")[2].partition("</li>")[0]


def test_housekeeping_forgets_sessions_that_are_over(owner: Person) -> None:
    browser(owner).post("/logout/")
    browser(owner)
    services.sessions.delete_old()
    assert UserSession.objects.count() == 1
