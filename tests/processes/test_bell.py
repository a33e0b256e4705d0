"""Processes of one machine wake each other."""

import contextlib
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from gallery.engine.doorbell import Doorbell
from gallery.enqueue import enqueue_submit, enqueue_thumbnails
from lemonstudio.processes import bell
from lemonstudio.processes.bell import Bell, ring


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path) -> Path:
    settings.DATA_DIR = tmp_path
    return tmp_path / "bells"


@pytest.fixture
def listener() -> Any:
    listener = Bell("tasks")
    yield listener
    listener.close()


def test_ring_is_heard_once_by_every_listener_of_its_name(listener: Bell) -> None:
    other, deaf = Bell("tasks"), Bell("engine")
    ring("tasks")
    ring("tasks")
    assert [one.wait(0) for one in (listener, other, deaf, listener)] == [True, True, False, False]
    other.close()
    deaf.close()


def test_ring_ends_the_wait(listener: Bell) -> None:
    threading.Timer(0.01, ring, ["tasks"]).start()
    assert listener.wait(30)


def test_ring_without_listeners_does_nothing(folder: Path) -> None:
    ring("tasks")
    assert not folder.exists()


def test_full_pipe_does_not_hold_up_who_rings(listener: Bell) -> None:
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(listener._fd, bytes(4096))
    ring("tasks")
    assert listener.wait(0)


@pytest.mark.parametrize(("age", "stays"), [(0.0, True), (bell.GONE_SECONDS + 60, False)])
def test_pipe_of_a_killed_listener_is_removed_after_a_while(folder: Path, age: float, stays: bool) -> None:
    folder.mkdir()
    left = folder / "tasks-1-killed"
    os.mkfifo(left)
    moment = time.time() - age
    os.utime(left, (moment, moment))
    ring("tasks")
    assert left.exists() is stays


def test_closed_listener_leaves_nothing_behind(folder: Path, listener: Bell) -> None:
    listener.close()
    assert list(folder.iterdir()) == []


def test_folder_without_pipes_costs_only_the_wait(folder: Path) -> None:
    folder.write_text("no folder")
    deaf = Bell("tasks")
    ring("tasks")
    assert not deaf.wait(0.001)
    deaf.close()


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_messages_ring_when_they_are_committed(listener: Bell) -> None:
    with transaction.atomic():
        enqueue_thumbnails(1)
        transaction.set_rollback(True)
    assert not listener.wait(0)
    with transaction.atomic():
        enqueue_thumbnails(1)
        assert not listener.wait(0)
    assert listener.wait(0)


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_submit_wakes_the_engine_that_holds_the_lease(folder: Path) -> None:
    woken = threading.Event()
    doorbell = Doorbell(woken.set)
    doorbell.tend(wanted=False)
    enqueue_submit(1)
    assert not folder.exists()
    doorbell.tend(wanted=True)
    give_up_at = time.monotonic() + 30
    while not list(folder.glob("engine-*")) and time.monotonic() < give_up_at:
        time.sleep(0.005)
    enqueue_submit(1)
    assert woken.wait(30)
    doorbell.tend(wanted=False)
