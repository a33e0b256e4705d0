"""Why the studio is paused: people read the studio's own words, administrators also what the service said."""

import pytest
from django.test import Client
from django.utils import translation

from gallery.models import UpstreamAccount
from gallery.services import operations
from gallery.web.pauses import pause_help, pause_words

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("invalid_api_key", "The service does not accept the studio’s key."),
        ("insufficient_balance", "The studio’s balance at the service is used up."),
        ("rate_limit_exceeded", "The service has asked the studio to wait."),
        ("internal_error", "The service does not answer as it should at the moment."),
    ],
)
def test_what_the_service_says_of_a_pause_is_for_administrators(
    as_owner: Client, as_administrator: Client, code: str, words: str
) -> None:
    UpstreamAccount.load()
    UpstreamAccount.pause(code, "Key sk-12 of org 7 is bad", "Visit the console", seconds=60)
    account = UpstreamAccount.load()
    assert pause_words(account) == words
    page = as_owner.get("/").content.decode()
    assert words in page
    assert "org 7" not in page
    assert "console" not in page
    assert "Key sk-12 of org 7 is bad" in as_administrator.get("/admin/gallery/upstreamaccount/").content.decode()


def test_pause_by_an_administrator_is_told_in_the_readers_language() -> None:
    operations.pause("Ada", "An upgrade at noon.")
    account = UpstreamAccount.load()
    assert pause_words(account) == "Ada paused it: An upgrade at noon."
    with translation.override("zh-hans"):
        assert pause_words(account) == "Ada 暂停了工作室：An upgrade at noon."
        assert pause_help(account) == "管理员恢复后会继续。"
