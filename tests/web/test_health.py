"""Whether the studio's parts are up."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.test import Client
from django_q.models import OrmQ

from gallery.enqueue import enqueue_submit
from gallery.models import Generation, State, UpstreamAccount


@pytest.fixture
def worker(db: None) -> None:
    assert UpstreamAccount.take_lease("worker", 60)


def test_all_is_well(as_stranger: Client, worker: None, make_generation: Callable[..., Generation]) -> None:
    make_generation(), make_generation(state=State.PROCESSING)
    enqueue_submit(1)
    response = as_stranger.get("/healthz")
    assert response.status_code == 200
    assert response["Content-Type"] == "application/json"
    assert json.loads(response.content) == {
        "status": "ok",
        "database": "ok",
        "worker": "ok",
        "queue": 1,
        "tasks": OrmQ.objects.count(),
        "storage": "ok",
    }


def test_without_a_worker_it_is_down(as_stranger: Client) -> None:
    response = as_stranger.get("/healthz")
    assert response.status_code == 503
    told = response.json()
    assert (told["status"], told["worker"], told["database"], told["storage"]) == ("down", "down", "ok", "ok")


def test_a_worker_that_has_gone_is_noticed(as_stranger: Client, db: None) -> None:
    assert UpstreamAccount.take_lease("worker", -1)
    assert as_stranger.get("/healthz").status_code == 503


def test_without_storage_it_is_down(as_stranger: Client, worker: None, settings: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    settings.MEDIA_ROOT = str(tmp_path / "file")
    response = as_stranger.get("/healthz")
    assert response.status_code == 503
    told = response.json()
    assert (told["status"], told["storage"], told["worker"]) == ("down", "down", "ok")


def test_leaves_nothing_behind(as_stranger: Client, worker: None, settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = str(tmp_path)
    assert as_stranger.get("/healthz").status_code == 200
    assert default_storage.listdir("health")[1] == []


def test_is_asked_anew_each_time(as_stranger: Client, db: None) -> None:
    assert "no-store" in as_stranger.get("/healthz")["Cache-Control"]
    assert as_stranger.head("/healthz").status_code == 503
    assert as_stranger.post("/healthz").status_code == 405


def test_answers_plain_http_behind_a_load_balancer(worker: None, settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True
    assert Client().get("/healthz").status_code == 200
    assert Client().get("/").status_code == 301


def test_names_no_people(as_stranger: Client, worker: None, owner: object) -> None:
    assert b"olivia" not in as_stranger.get("/healthz").content.lower()
