"""Answers come in the language of the person, or else of the browser."""

import pytest
from django.test import Client
from django.utils import translation

from gallery.models import Person

CHINESE_BROWSER = {"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.8"}


@pytest.mark.parametrize(
    ("asked", "language"),
    [("", "en"), ("fr,pt;q=0.5", "en"), ("de-AT,en;q=0.5", "de"), ("zh-CN,en;q=0.8", "zh-hans"), ("en-GB,de", "en")],
)
def test_stranger_gets_what_the_browser_asks_for(as_stranger: Client, asked: str, language: str) -> None:
    answer = as_stranger.get("/setup/", headers={"Accept-Language": asked})
    assert f'<html lang="{language}" dir="ltr"' in answer.content.decode()
    assert answer["Content-Language"] == language
    assert "Accept-Language" in answer["Vary"]


def test_choice_of_the_person_comes_before_the_browser(as_owner: Client, owner: Person) -> None:
    assert as_owner.post("/account/language/", {"language": "de"})["Location"] == "/account/"
    assert as_owner.get("/account/", headers=CHINESE_BROWSER)["Content-Language"] == "de"
    as_owner.post("/account/language/", {"language": ""})
    assert as_owner.get("/account/", headers=CHINESE_BROWSER)["Content-Language"] == "zh-hans"


@pytest.mark.parametrize("language", ["xx", "de-AT", "../de", "\x00"])
def test_unknown_language_changes_nothing(as_owner: Client, owner: Person, language: str) -> None:
    Person.objects.filter(pk=owner.pk).update(language="de")
    as_owner.post("/account/language/", {"language": language})
    owner.refresh_from_db()
    assert owner.language == "de"


def test_language_is_that_of_one_request_only(as_owner: Client) -> None:
    as_owner.get("/account/", headers=CHINESE_BROWSER)
    assert translation.get_language() == "en"


def test_error_pages_have_the_language(as_owner: Client) -> None:
    answer = as_owner.get("/pictures/999999/", headers=CHINESE_BROWSER)
    assert answer.status_code == 404
    assert '<html lang="zh-hans"' in answer.content.decode()


def test_scripts_get_their_words(as_owner: Client) -> None:
    assert "js/words/de" in as_owner.get("/", headers={"Accept-Language": "de"}).content.decode()
    assert "js/words/" not in as_owner.get("/").content.decode()
