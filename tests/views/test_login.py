"""Sign in, sign out and the account page."""

from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from gallery.models import Person
from tests.conftest import PASSWORD

EMAIL = "olivia@example.org"
RIGHT = {"username": EMAIL, "password": PASSWORD}


def test_page_asks_for_email_and_password(as_stranger: Client, owner: Person) -> None:
    html = as_stranger.get("/login/").content.decode()
    assert '<label for="id_username">E-mail</label>' in html
    assert '<label for="id_password">Password</label>' in html


def test_right_password_signs_in(as_stranger: Client, owner: Person) -> None:
    response = as_stranger.post("/login/", RIGHT, follow=True)
    assert response.redirect_chain == [("/", 302)]
    assert response.context["user"] == owner


@pytest.mark.parametrize("typed", ["OLIVIA@example.org", "Olivia@EXAMPLE.ORG", f" {EMAIL} "])
def test_email_may_be_typed_in_any_case(as_stranger: Client, owner: Person, typed: str) -> None:
    assert as_stranger.post("/login/", RIGHT | {"username": typed}).status_code == 302


@pytest.mark.parametrize("wrong", [{"password": "not the one"}, {"username": "nobody@example.org"}])
def test_wrong_password_is_refused_and_the_email_kept(
    as_stranger: Client, owner: Person, wrong: dict[str, str]
) -> None:
    form = RIGHT | wrong
    html = as_stranger.post("/login/", form).content.decode()
    assert "Wrong e-mail or password." in html
    assert f'value="{form["username"]}"' in html
    assert form["password"] not in html
    assert as_stranger.get("/").status_code == 302


def test_disabled_person_gets_a_message(as_stranger: Client, owner: Person) -> None:
    Person.objects.update(is_active=False)
    html = as_stranger.post("/login/", RIGHT).content.decode()
    assert "This account is switched off. Ask an administrator." in html
    assert as_stranger.get("/").status_code == 302


def test_wrong_password_does_not_reveal_a_disabled_account(as_stranger: Client, owner: Person) -> None:
    Person.objects.update(is_active=False)
    html = as_stranger.post("/login/", RIGHT | {"password": "guessed"}).content.decode()
    assert "switched off" not in html
    assert "Wrong e-mail or password" in html


def test_disabling_an_account_ends_its_sessions(as_owner: Client) -> None:
    assert as_owner.get("/").status_code == 200
    Person.objects.update(is_active=False)
    assert as_owner.get("/").status_code == 302


def test_sign_in_leads_to_the_page_asked_for(as_stranger: Client, owner: Person) -> None:
    response = as_stranger.get("/galleries/?sort=name")
    assert response["Location"] == "/login/?next=/galleries/%3Fsort%3Dname"
    page = as_stranger.get(response["Location"])
    assert '<input type="hidden" name="next" value="/galleries/?sort=name">' in page.content.decode()
    response = as_stranger.post("/login/", RIGHT | {"next": "/galleries/?sort=name"})
    assert response["Location"] == "/galleries/?sort=name"


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "http:///evil"]
)
def test_sign_in_never_leads_to_another_site(as_stranger: Client, owner: Person, elsewhere: str) -> None:
    assert as_stranger.post("/login/", RIGHT | {"next": elsewhere})["Location"] == "/"


def test_signed_in_person_is_redirected(as_owner: Client) -> None:
    assert as_owner.get("/login/?next=/galleries/")["Location"] == "/galleries/"


def test_signing_in_starts_a_new_session(as_stranger: Client, owner: Person) -> None:
    as_stranger.post("/login/", RIGHT)
    first = as_stranger.cookies["sessionid"].value
    as_stranger.post("/logout/")
    as_stranger.post("/login/", RIGHT)
    assert as_stranger.cookies["sessionid"].value not in ("", first)


# -- sign out


def test_signing_out_needs_a_post(as_owner: Client) -> None:
    assert as_owner.get("/logout/").status_code == 405
    assert as_owner.get("/").status_code == 200
    assert as_owner.post("/logout/")["Location"] == "/login/"
    assert as_owner.get("/").status_code == 302


@pytest.mark.parametrize("address", ["/logout/", "/generations/", "/galleries/new/"])
def test_form_sent_after_the_session_leads_to_its_page(as_stranger: Client, owner: Person, address: str) -> None:
    """The sign-in must not lead to an address that takes only POST."""
    response = as_stranger.post(address, follow=True)
    wanted = parse_qs(urlsplit(response.redirect_chain[-1][0]).query).get("next", ["/"])[0]
    response = as_stranger.post("/login/", RIGHT | {"next": wanted}, follow=True)
    assert response.status_code == 200


# -- fragments


@pytest.mark.parametrize(
    ("current", "back"),
    [
        ("http://testserver/", "/"),
        ("http://testserver/galleries/", "/galleries/"),
        ("http://testserver/?feed=team", "/?feed=team"),
        ("https://evil.example/galleries/", "/"),
        ("https://evil.example", "/"),
        ("", "/"),
    ],
)
def test_fragment_after_sign_out_redirects_the_whole_page(
    as_stranger: Client, owner: Person, current: str, back: str
) -> None:
    response = as_stranger.post("/generations/poll/", headers={"HX-Request": "true", "HX-Current-URL": current})
    target = urlsplit(response["HX-Redirect"])
    assert response.status_code == 200
    assert response.content == b""
    assert (target.scheme, target.netloc, target.path) == ("", "", "/login/")
    assert parse_qs(target.query) == {"next": [back]}


# -- the account page


def test_account_page_names_the_person(as_owner: Client) -> None:
    html = as_owner.get("/account/").content.decode()
    assert "Olivia Owner" in html
    assert EMAIL in html


def test_person_changes_their_password(as_owner: Client, owner: Person) -> None:
    new = "a better lemon squeezer"
    form = {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    response = as_owner.post("/account/password/", form, follow=True)
    assert "Your password is changed" in response.content.decode()
    owner.refresh_from_db()
    assert owner.check_password(new)


def test_changing_the_password_ends_the_other_sessions(as_owner: Client, owner: Person) -> None:
    other = Client()
    other.force_login(owner)
    new = "a better lemon squeezer"
    as_owner.post("/account/password/", {"old_password": PASSWORD, "new_password1": new, "new_password2": new})
    assert as_owner.get("/").status_code == 200
    assert other.get("/").status_code == 302


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"old_password": "wrong"}, "was entered incorrectly"),
        ({"new_password2": "another"}, "match"),
        ({"new_password1": "12345678", "new_password2": "12345678"}, "too common"),
    ],
)
def test_invalid_password_change_says_what_is_wrong(
    as_owner: Client, owner: Person, changes: dict[str, str], said: str
) -> None:
    new = "a better lemon squeezer"
    form = {"old_password": PASSWORD, "new_password1": new, "new_password2": new} | changes
    assert said in as_owner.post("/account/password/", form).content.decode()
    owner.refresh_from_db()
    assert owner.check_password(PASSWORD)


@pytest.mark.parametrize("theme", ["light", "dark", "auto"])
def test_theme_is_stored_and_rendered(as_owner: Client, theme: str) -> None:
    response = as_owner.post("/account/theme/", {"theme": theme}, headers={"Referer": "http://testserver/galleries/"})
    assert response["Location"] == "http://testserver/galleries/"
    assert f'data-theme="{theme}"' in as_owner.get("/").content.decode()


@pytest.mark.parametrize("cookie", ["purple", '"><script>alert(1)</script>'])
def test_unknown_theme_is_auto(as_owner: Client, cookie: str) -> None:
    as_owner.post("/account/theme/", {"theme": cookie})
    assert "theme" not in as_owner.cookies
    as_owner.cookies["theme"] = cookie
    assert 'data-theme="auto"' in as_owner.get("/").content.decode()


def test_theme_does_not_redirect_to_another_site(as_owner: Client) -> None:
    response = as_owner.post("/account/theme/", {"theme": "dark"}, headers={"Referer": "https://evil.example/"})
    assert response["Location"] == "/"


def test_theme_by_htmx_needs_no_answer(as_owner: Client) -> None:
    assert as_owner.post("/account/theme/", {"theme": "dark"}, headers={"HX-Request": "true"}).status_code == 204
