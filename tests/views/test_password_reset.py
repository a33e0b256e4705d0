"""A forgotten password, by mail."""

import re
from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.core import mail
from django.test import Client
from django_q.models import OrmQ

from gallery import tasks
from gallery.models import Person
from gallery.services.sign_in import MOST_RESETS
from tests.conftest import PASSWORD

EMAIL = "olivia@example.org"
NEW = "a better lemon squeezer"


@pytest.fixture(autouse=True)
def sends_mail(settings: Any) -> None:
    settings.LEMONSTUDIO_SENDS_MAIL = True


def ask(email: str = EMAIL) -> Any:
    return Client(REMOTE_ADDR="203.0.113.5").post("/login/forgotten/", {"email": email}, follow=True)


def run_tasks() -> None:
    for message in OrmQ.objects.all():
        task = message.task
        getattr(tasks, task["func"].rpartition(".")[2])(*task["args"])
        message.delete()


def mailed_link() -> str:
    run_tasks()
    found = re.search(r"http://testserver(/login/reset/\S+)", str(mail.outbox[-1].body))
    assert found
    return found[1]


def test_link_by_mail_sets_another_password(owner: Person, as_owner: Client) -> None:
    assert "a link is on its way" in ask().content.decode()
    link = mailed_link()
    assert mail.outbox[0].to == [EMAIL]
    browser = Client()
    form = browser.get(link)["Location"]
    assert "set-password" in form
    response = browser.post(form, {"new_password1": NEW, "new_password2": NEW}, follow=True)
    assert "Your password is changed" in response.content.decode()
    # The link does not sign in, and all sessions are over.
    assert browser.get("/").status_code == 302
    assert as_owner.get("/").status_code == 302
    assert browser.post("/login/", {"username": EMAIL, "password": NEW}).status_code == 302
    assert "does not work any more" in Client().get(link).content.decode()


def test_reset_does_not_skip_the_second_step(owner: Person) -> None:
    TOTP.activate(owner, generate_totp_secret())
    ask()
    browser = Client()
    form = browser.get(mailed_link())["Location"]
    browser.post(form, {"new_password1": NEW, "new_password2": NEW})
    assert browser.post("/login/", {"username": EMAIL, "password": NEW})["Location"] == "/login/step/"


def test_unknown_address_gets_the_same_answer_and_no_mail(owner: Person) -> None:
    known, unknown = ask(), ask("mia@example.org")
    assert OrmQ.objects.count() == 2
    pages = [re.sub(r"[A-Za-z0-9]{64}", "token", page.content.decode()) for page in (known, unknown)]
    assert pages[0] == pages[1]
    run_tasks()
    assert [message.to for message in mail.outbox] == [[EMAIL]]


@pytest.mark.parametrize("change", [{"is_active": False}, {"password": "!"}])
def test_person_without_a_password_or_switched_off_gets_no_mail(owner: Person, change: dict[str, Any]) -> None:
    Person.objects.update(**change)
    ask()
    run_tasks()
    assert mail.outbox == []


def test_mails_are_limited(owner: Person) -> None:
    for _ in range(MOST_RESETS):
        assert ask().status_code == 200
    assert ask().status_code == 429
    assert OrmQ.objects.count() == MOST_RESETS


def test_queue_holds_no_token(owner: Person) -> None:
    ask()
    assert OrmQ.objects.get().task["args"] == (EMAIL, "http://testserver/", "en")


def test_link_has_the_studios_own_address(owner: Person, settings: Any) -> None:
    settings.LEMONSTUDIO_URL = "https://studio.example.org"
    ask()
    run_tasks()
    assert "https://studio.example.org/login/reset/" in mail.outbox[0].body


def test_nothing_is_offered_where_no_mail_is_set_up(owner: Person, settings: Any) -> None:
    settings.LEMONSTUDIO_SENDS_MAIL = False
    assert Client().get("/login/forgotten/").status_code == 404
    assert "Forgotten" not in Client().get("/login/").content.decode()


def test_reset_proves_that_the_address_is_theirs(owner: Person) -> None:
    Person.objects.update(email_verified=False)
    ask()
    browser = Client()
    browser.post(browser.get(mailed_link())["Location"], {"new_password1": NEW, "new_password2": NEW})
    assert Person.objects.get().email_verified
    assert PASSWORD != NEW


def test_mail_is_in_the_language_of_the_person_or_of_their_browser(owner: Person) -> None:
    browser = Client(REMOTE_ADDR="203.0.113.5", headers={"Accept-Language": "de"})
    browser.post("/login/forgotten/", {"email": EMAIL})
    run_tasks()
    Person.objects.filter(pk=owner.pk).update(language="zh-hans")
    browser.post("/login/forgotten/", {"email": EMAIL})
    run_tasks()
    assert [message.subject for message in mail.outbox] == ["Passwort für Lemon Studio", "你的 Lemon Studio 密码"]
