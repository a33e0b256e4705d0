"""A short soak, and what the long ones have found."""

import os
import re
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db.models.signals import post_save
from django.utils import timezone

from gallery.engine.inbox import INBOX, mark_of
from gallery.engine.ingest import FETCH_DEADLINE, ingest_result, ingest_results
from gallery.engine.results import Deliveries
from gallery.models import Generation, Picture, State
from lemonstudio.processes import cluster as lemon_cluster
from lemonstudio.processes.tree import ROOT, soon
from tests.conftest import png
from tests.processes.test_cluster import Tree
from tests.support.environment import server
from tests.support.studio import prepare

MakeGeneration = Callable[..., Generation]
MARKS = (
    pytest.mark.process,
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks for processes in /proc"),
)
SEED = 11


def whole_processes(test: Callable[..., None]) -> Callable[..., None]:
    for mark in MARKS:
        test = mark(test)
    return test


@pytest.fixture
def soak_database() -> Iterator[str]:
    """What the soak is told: SQLite, or a database of its own on the tests' server."""
    if server is None:
        yield "sqlite"
        return
    import psycopg

    socket, name = server.get_postmaster_info().socket_dir, f"soak_{uuid.uuid4().hex}"
    with psycopg.connect(f"postgresql://postgres@/postgres?host={socket}", autocommit=True) as administration:
        administration.execute(f'CREATE DATABASE "{name}"')
        yield f"postgres://postgres@/{name}?host={socket}"
        administration.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@whole_processes
def test_a_dozen_kills_lose_nothing_and_pay_nothing_twice(soak_database: str, tmp_path: Path) -> None:
    arguments = ["--kills", "12", "--seed", str(SEED), "--hurry", "--database", soak_database]
    done = subprocess.run(
        [sys.executable, "-m", "tests.soak", *arguments, "--data", str(tmp_path)],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"},
        capture_output=True,
        text=True,
        timeout=240,
    )
    told = f"seed {SEED}\n{done.stdout}\n{done.stderr}"
    assert done.returncode == 0, told
    # It has worked, and it was killed while it did.
    assert re.search(r"^\| all kill -9 \| 12 \|", done.stdout, re.MULTILINE), told
    kept = re.search(r"^pictures kept: (\d+)$", done.stdout, re.MULTILINE)
    assert kept, told
    assert int(kept[1]) > 0, told


# -- found by long ones, in the cluster


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Tree]:
    tree = Tree(tmp_path)
    prepare(tmp_path, tree.database)
    tree.start("cluster")
    yield tree
    tree.close()


@whole_processes
def test_an_echo_of_the_signal_does_not_cut_off_what_is_running(cluster: Tree) -> None:
    """systemd's control-group signals all; the supervisor's signal to the cluster is then the second."""
    nap = cluster.send("nap", 3)
    soon(nap.exists, 30)
    os.kill(cluster.pid, signal.SIGTERM)
    time.sleep(0.5)
    os.kill(cluster.pid, signal.SIGTERM)
    assert cluster.ends() == 0
    assert Path(f"{nap}.done").exists()


@whole_processes
def test_a_later_signal_cuts_off_what_is_running(cluster: Tree) -> None:
    nap = cluster.send("nap", 60)
    soon(nap.exists, 30)
    os.kill(cluster.pid, signal.SIGTERM)
    time.sleep(lemon_cluster.ECHO_SECONDS + 0.5)
    asked_at = time.monotonic()
    os.kill(cluster.pid, signal.SIGTERM)
    cluster.ends()
    assert time.monotonic() - asked_at < int(cluster.env["LEMONSTUDIO_STOP_SECONDS"]) / 2
    soon(lambda: not cluster.alive(), 5)


# -- found by long ones, in the ingest


def test_a_killed_ingest_is_missed_after_one_picture_s_time(make_generation: MakeGeneration) -> None:
    """A set is claimed picture by picture: when no worker is at it any more, that shows soon."""
    names = [default_storage.save(f"{INBOX}/soak", ContentFile(png())) for _ in range(3)]
    generation = make_generation(state=State.SAVING, results=[{"url": "", "file": name} for name in names])
    claims: list[datetime] = []

    def look(**_: Any) -> None:
        due_at = Generation.objects.get(pk=generation.pk).due_at
        assert due_at is not None
        claims.append(due_at)
        assert timedelta(seconds=FETCH_DEADLINE) < due_at - timezone.now() < timedelta(seconds=2 * FETCH_DEADLINE)

    post_save.connect(look, sender=Picture)
    try:
        ingest_results(generation.pk)
    finally:
        post_save.disconnect(look, sender=Picture)
    assert len(claims) == 3
    assert claims[0] < claims[1] < claims[2]


def test_nothing_stays_in_the_inbox_of_what_is_here(make_generation: MakeGeneration) -> None:
    """Files that an ingest left when it was killed after storing them, or an engine before it wrote the row."""
    generation = make_generation(state=State.SAVING)
    stem, size = f"{INBOX}/{generation.pk}-0-{mark_of(generation)}", len(png())
    noted, unnoted = (default_storage.save(f"{stem}-{name}-{size}", ContentFile(png())) for name in "ab")
    half = default_storage.save(f"{stem}-c-{size}", ContentFile(png()[: size // 2]))
    other = default_storage.save(f"{INBOX}/{generation.pk}1-0-{mark_of(generation)}-c-{size}", ContentFile(png()))
    generation.results = [{"url": "", "file": noted}]
    generation.save()
    ingest_result(generation, 0, generation.results[0])
    assert default_storage.save(noted, ContentFile(png())) == noted
    Generation.objects.update(ingest_until=None)  # the time of the one that was killed is over
    ingest_results(generation.pk)
    generation.refresh_from_db()
    assert generation.state == State.COMPLETED
    Deliveries(lambda pk: None, fetch_by=60).sweep_inbox({generation.pk})
    assert default_storage.exists(unnoted)
    Deliveries(lambda pk: None, fetch_by=60).sweep_inbox(())
    assert [default_storage.exists(name) for name in (noted, unnoted, half, other)] == [False, False, False, True]


def test_damaged_picture_without_another_copy_moves_from_the_inbox_to_the_kept_files(
    make_generation: MakeGeneration,
) -> None:
    generation = make_generation(state=State.SAVING, count=2, attempts=4)
    good = default_storage.save(f"{INBOX}/{generation.pk}-0-a", ContentFile(png()))
    bad = default_storage.save(f"{INBOX}/{generation.pk}-1-b", ContentFile(png()[:-20]))
    generation.results = [{"url": "", "file": good}, {"url": "", "file": bad}]
    generation.save()
    ingest_results(generation.pk)
    generation.refresh_from_db()
    assert (generation.state, generation.shortfall) == (State.COMPLETED, 0)
    [kept] = generation.kept_files
    assert (kept.index, default_storage.size(kept.name)) == (1, len(png()) - 20)
    assert [default_storage.exists(name) for name in (good, bad)] == [False, False]
