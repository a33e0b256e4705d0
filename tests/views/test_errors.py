"""Errors have the studio's own pages, which reveal nothing."""

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import OperationalError, connection
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import include, path

from gallery.models import Person, Picture
from tests.conftest import PASSWORD


def refuse(request: HttpRequest) -> HttpResponse:
    raise PermissionDenied("internal detail")


def suspect(request: HttpRequest) -> HttpResponse:
    raise SuspiciousOperation("internal detail")


def break_down(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("internal detail")


def ask_too_much(request: HttpRequest) -> HttpResponse:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL max_stack_depth = '100kB'")
        cursor.execute(f"SELECT {'+'.join(['1'] * 5000)}")
    return HttpResponse()


def be_locked(request: HttpRequest) -> HttpResponse:
    raise OperationalError("database is locked")


def be_full(request: HttpRequest) -> HttpResponse:
    """What a full disk raises in SQLite; how it gets full is shown in tests/engine/test_disk_full.py."""
    raise OperationalError("database or disk is full") from _disk_is_full()


def _disk_is_full() -> sqlite3.OperationalError:
    cause = sqlite3.OperationalError("database or disk is full")
    cause.sqlite_errorcode = sqlite3.SQLITE_FULL
    return cause


@contextmanager
def no_room_for(*statements: str) -> Iterator[None]:
    """The database’s disk is full for statements that begin so."""

    def execute(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        if sql.startswith(statements):
            raise OperationalError("database or disk is full") from _disk_is_full()
        return execute(sql, *rest)

    with connection.execute_wrapper(execute):
        yield


def change_session(request: HttpRequest) -> HttpResponse:
    request.session["chosen"] = 1
    return HttpResponse()


def ask_nonsense(request: HttpRequest) -> HttpResponse:
    with connection.cursor() as cursor:
        cursor.execute("SELECT no_such_column")
    return HttpResponse()


urlpatterns = [
    path("broken/much/", ask_too_much),
    path("broken/locked/", be_locked),
    path("broken/full/", be_full),
    path("session/", change_session),
    path("broken/nonsense/", ask_nonsense),
    path("broken/refuse/", refuse),
    path("broken/suspect/", suspect),
    path("broken/down/", break_down),
    path("", include("lemonstudio.urls")),
]


def own_page(text: str) -> bool:
    return "· Lemon Studio</title>" in text and "Back to the studio" in text


@pytest.mark.parametrize(
    "address", ["/nowhere/", "/pictures/999999/", "/galleries/999999/", "/generations/1/", "/.env"]
)
def test_unknown_address_is_not_found(as_owner: Client, address: str) -> None:
    response = as_owner.get(address)
    text = response.content.decode()
    assert response.status_code == 404
    assert own_page(text)
    assert "Nothing hangs here" in text
    assert "urls" not in text


def test_missing_and_forbidden_look_the_same(as_owner: Client, as_teammate: Client, owner: Person) -> None:
    made = as_owner.post("/galleries/new/", {"name": "Sketches"})["Location"]
    assert as_teammate.get(made).content == as_teammate.get("/galleries/999999/").content


def test_strangers_get_the_error_page(as_stranger: Client) -> None:
    response = as_stranger.get("/nowhere/")
    assert response.status_code == 404
    assert own_page(response.content.decode())


@pytest.mark.parametrize("address", ["/login/", "/generations/", "/setup/", "/account/theme/"])
def test_form_without_its_token_is_refused(owner: Person, address: str) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)
    response = client.post(address, {"username": owner.email, "password": PASSWORD})
    text = response.content.decode()
    assert response.status_code == 403
    assert own_page(text)
    assert "This page was open too long" in text
    assert "CSRF" not in text


@pytest.mark.urls("tests.views.test_errors")
@pytest.mark.parametrize(
    ("address", "status", "says"),
    [
        ("/broken/refuse/", 403, "That is not yours to open"),
        ("/broken/suspect/", 400, "That request made no sense"),
        ("/broken/down/", 500, "That was our mistake"),
    ],
)
def test_other_errors_have_a_page(as_owner: Client, address: str, status: int, says: str) -> None:
    as_owner.raise_request_exception = False
    response = as_owner.get(address)
    text = response.content.decode()
    assert response.status_code == status
    assert own_page(text)
    assert says in text
    assert "internal detail" not in text


def test_too_large_form_is_refused(as_owner: Client) -> None:
    response = as_owner.post("/generations/", {"prompt": "x" * 3_000_000})
    assert response.status_code == 413
    assert own_page(response.content.decode())


def test_unknown_host_is_refused(as_stranger: Client) -> None:
    assert as_stranger.get("/login/", headers={"Host": "evil.example"}).status_code == 400


@pytest.mark.parametrize("address", ["/nowhere/", "/pictures/1/"])
def test_error_page_needs_no_script(as_owner: Client, address: str) -> None:
    text = as_owner.get(address).content.decode()
    assert "<script" not in text
    assert re.search(r'<link rel="stylesheet" href="/static/css/app[^"]*\.css">', text)


# -- the database


@pytest.mark.urls(__name__)
@pytest.mark.database
def test_too_much_at_once_is_not_called_busy(as_owner: Client, caplog: pytest.LogCaptureFixture) -> None:
    response = as_owner.get("/broken/much/")
    assert response.status_code == 400
    assert own_page(response.content.decode())
    assert "too much at once" in caplog.text


@pytest.mark.urls(__name__)
@pytest.mark.database
def test_too_much_at_once_is_said_in_a_toast(as_owner: Client) -> None:
    response = as_owner.get("/broken/much/", headers={"HX-Request": "true"})
    assert response.status_code == 400
    assert "too much at once" in response.headers["HX-Trigger"]


@pytest.mark.urls(__name__)
def test_a_locked_database_is_busy(as_owner: Client) -> None:
    response = as_owner.get("/broken/locked/")
    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")


@pytest.mark.urls(__name__)
@pytest.mark.database
def test_a_wrong_statement_is_a_fault_of_ours(as_owner: Client) -> None:
    as_owner.raise_request_exception = False
    assert as_owner.get("/broken/nonsense/").status_code == 500


@pytest.mark.urls(__name__)
def test_a_full_disk_is_called_so(as_owner: Client) -> None:
    response = as_owner.get("/broken/full/")
    assert response.status_code == 503
    assert "The studio’s disk is full" in response.content.decode()
    assert "disk is full" in as_owner.get("/broken/full/", headers={"HX-Request": "true"}).headers[
        "HX-Trigger"
    ].encode().decode("unicode_escape")


@pytest.mark.parametrize(
    "write", ['INSERT INTO "gallery_signintry', 'INSERT INTO "django_session', 'UPDATE "django_se']
)
def test_sign_in_says_that_the_disk_is_full(write: str, as_stranger: Client, owner: Person) -> None:
    """Whichever of the writes is the first that finds no room."""
    with no_room_for(write):
        response = as_stranger.post("/login/", {"username": owner.email, "password": PASSWORD})
    assert response.status_code == 503
    assert "The studio’s disk is full" in response.content.decode()


@pytest.mark.urls(__name__)
def test_pictures_are_seen_while_the_disk_is_full(as_owner: Client, make_picture: Callable[..., Picture]) -> None:
    """Also where the session would be written."""
    picture = make_picture()
    page = f"/pictures/{picture.pk}/"
    with no_room_for("INSERT", "UPDATE", "DELETE"):
        answers = {as_owner.get(address).status_code for address in ("/", "/pictures/", page, "/session/")}
        assert answers == {200}
        refused = as_owner.post("/session/")
    assert (refused.status_code, "The studio’s disk is full" in refused.content.decode()) == (503, True)


def test_address_of_a_button_has_a_page_when_it_is_opened(as_owner: Client) -> None:
    response = as_owner.get("/galleries/new/")
    assert (response.status_code, response["Allow"]) == (405, "POST")
    assert "There is nothing to open here" in response.content.decode()
