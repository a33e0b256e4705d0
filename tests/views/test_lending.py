"""Pictures that are lent to the upstream: who gets them, and for how long."""

import time
from typing import Any

import pytest
from django.core import signing
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client

from gallery.services import lending
from tests.conftest import png

pytestmark = pytest.mark.django_db

PUBLIC = "https://lends.example.org"
PICTURE = png(8, 8)


@pytest.fixture(autouse=True)
def public(settings: Any) -> None:
    settings.LEMONSTUDIO_PUBLIC_URL = PUBLIC


@pytest.fixture
def name(settings: Any) -> str:
    return default_storage.save("uploads/1/lent-8x8.png", ContentFile(PICTURE))


def path_of(name: str) -> str:
    address = lending.address_of(name)
    assert address.startswith(f"{PUBLIC}/lent/")
    return address.removeprefix(PUBLIC)


def test_upstream_gets_the_picture_without_a_session(client: Client, name: str) -> None:
    answer = client.get(path_of(name))
    assert answer.getvalue() == PICTURE
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Robots-Tag"] == "noindex"
    assert not answer.cookies
    assert client.head(path_of(name)).status_code == 200
    assert client.post(path_of(name)).status_code == 405


@pytest.mark.parametrize(("seconds", "status"), [(3590, 200), (3610, 404)])
def test_address_is_over_after_an_hour(
    client: Client, name: str, monkeypatch: pytest.MonkeyPatch, seconds: int, status: int
) -> None:
    path, now = path_of(name), time.time()
    monkeypatch.setattr("django.core.signing.time.time", lambda: now + seconds)
    assert client.get(path).status_code == status


def test_address_that_was_changed_leads_nowhere(client: Client, name: str) -> None:
    path = path_of(name)
    signed, _, signature = path.removeprefix("/lent/").rpartition(":")
    other = signing.b64_encode(b'"uploads/1/other.png"').decode()
    for token in (path[6:-1], f"{signed}:", f"{other}:{signed.partition(':')[2]}:{signature}", "x", name):
        assert client.get(f"/lent/{token}").status_code == 404
    for foreign in (signing.dumps(name), signing.dumps([name], salt="gallery.lending")):
        assert client.get(f"/lent/{foreign}").status_code == 404


def test_missing_picture_is_not_found(client: Client, name: str) -> None:
    path = path_of(name)
    default_storage.delete(name)
    assert client.get(path).status_code == 404


def test_nothing_is_lent_once_the_setting_is_off(client: Client, name: str, settings: Any) -> None:
    path = path_of(name)
    settings.LEMONSTUDIO_PUBLIC_URL = ""
    assert client.get(path).status_code == 404
