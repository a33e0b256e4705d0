"""The health checks of the studio's parts."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.management.base import CommandError
from django.db import connection
from django.test import Client
from django_q.models import OrmQ

from gallery.db import schema
from gallery.enqueue import enqueue_submit
from gallery.management.schema import require_current_schema
from gallery.models import Generation, State, UpstreamAccount


@pytest.fixture
def worker(db: None) -> None:
    assert UpstreamAccount.take_lease("worker", 60)


def test_healthy_studio_says_so(as_stranger: Client, worker: None) -> None:
    response = as_stranger.get("/healthz")
    assert response.status_code == 200
    assert response["Content-Type"] == "application/json"
    assert json.loads(response.content) == {"status": "ok", "database": "ok", "schema": "ok", "worker": "ok"}


def test_administrator_sees_the_details(
    as_administrator: Client, worker: None, make_generation: Callable[..., Generation]
) -> None:
    make_generation(), make_generation(state=State.PROCESSING)
    enqueue_submit(1)
    response = as_administrator.get("/readyz")
    assert response.status_code == 200
    assert response.json() == {
        "status": "ok",
        "database": "ok",
        "schema": "ok",
        "worker": "ok",
        "storage": "ok",
        "queue": 1,
        "tasks": OrmQ.objects.count(),
        "paused": "",
    }


def test_details_need_an_administrator_or_the_token(as_owner: Client, worker: None, settings: Any) -> None:
    assert as_owner.get("/readyz").status_code == 404
    settings.LEMONSTUDIO_READY_TOKEN = "t0ken-of-the-monitoring"
    asked = {"wrong": 404, "": 404, "t0ken-of-the-monitoring": 200}
    for token, status in asked.items():
        answer = Client().get("/readyz", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == status, token


def test_probe_may_use_any_host(worker: None) -> None:
    assert Client(headers={"Host": "10.0.0.5:8000"}).get("/healthz").status_code == 200
    assert Client(headers={"Host": "10.0.0.5:8000"}).get("/login/").status_code == 400


def test_requests_of_strangers_write_nothing(
    as_stranger: Client, worker: None, settings: Any, tmp_path: Path, django_assert_max_num_queries: Any
) -> None:
    settings.MEDIA_ROOT = str(tmp_path)
    with django_assert_max_num_queries(1):
        assert as_stranger.get("/healthz").status_code == 200
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("sql", "state"),
    [
        ("DELETE FROM django_migrations WHERE app = 'gallery' AND name LIKE '0018%'", "behind"),
        ("INSERT INTO django_migrations (app, name, applied) VALUES ('gallery', '9999_later', '2030-01-01')", "ahead"),
    ],
)
def test_database_of_another_version_is_reported(
    as_stranger: Client, worker: None, monkeypatch: pytest.MonkeyPatch, sql: str, state: str
) -> None:
    monkeypatch.setattr(schema, "_is_current", False)
    with connection.cursor() as cursor:
        cursor.execute(sql)
    response = as_stranger.get("/healthz")
    assert (response.status_code, response.json()["schema"]) == (503, state)
    with pytest.raises(CommandError, match="database"):
        require_current_schema()


def test_studio_without_a_worker_is_down(as_stranger: Client) -> None:
    response = as_stranger.get("/healthz")
    assert response.status_code == 503
    answer = response.json()
    assert (answer["status"], answer["worker"], answer["database"]) == ("down", "down", "ok")


def test_missing_worker_is_noticed(as_stranger: Client, db: None) -> None:
    assert UpstreamAccount.take_lease("worker", -1)
    assert as_stranger.get("/healthz").status_code == 503


def test_studio_without_storage_is_not_ready(
    as_administrator: Client, worker: None, settings: Any, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("no folder")
    settings.MEDIA_ROOT = str(tmp_path / "file")
    response = as_administrator.get("/readyz")
    assert response.status_code == 503
    answer = response.json()
    assert (answer["status"], answer["storage"], answer["worker"]) == ("down", "down", "ok")


def test_check_leaves_no_files(as_administrator: Client, worker: None, settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = str(tmp_path)
    assert as_administrator.get("/readyz").status_code == 200
    assert default_storage.listdir("health")[1] == []


def test_answer_is_never_cached(as_stranger: Client, db: None) -> None:
    assert "no-store" in as_stranger.get("/healthz")["Cache-Control"]
    assert as_stranger.head("/healthz").status_code == 503
    assert as_stranger.post("/healthz").status_code == 405


def test_check_answers_plain_http_behind_a_load_balancer(worker: None, settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True
    assert Client().get("/healthz").status_code == 200
    assert Client().get("/").status_code == 301


def test_answer_names_no_people(as_stranger: Client, worker: None, owner: object) -> None:
    assert b"olivia" not in as_stranger.get("/healthz").content.lower()


def test_probe_of_a_studio_that_is_down_leaves_the_log_alone(
    as_stranger: Client, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", logger="django.request"):
        assert as_stranger.get("/healthz").status_code == 503
    assert caplog.records == []
