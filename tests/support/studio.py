"""A running studio for tests, with a working upstream and a database that tests can read."""

import contextlib
import functools
import json
import os
import shutil
import sqlite3
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lemonstudio.processes.tree import Studio
from tests.support.stub_upstream import WorkingUpstream

KEY = "sk-test-0123456789abcdef"
SUBMIT = """
import json
from gallery import services
from gallery.models import ImageModel, Person
person, _ = Person.objects.get_or_create(email="olivia@example.org", name="Olivia")
model = ImageModel.objects.get(slug="dall-e-3")
for prompt in json.loads({prompts!r}):
    services.generations.submit(person, model=model, prompt=prompt, options={{"size": "1024x1024"}}, count=1)
"""


class Database:
    """The database of one studio, which tests query directly.

    It is a file in the studio's folder. With TEST_DATABASE=postgres, or with `server`, it is a new database on that
    PostgreSQL server.
    """

    def __init__(self, data: Path, server: str | None = None) -> None:
        self.file = data / "studio.sqlite3"
        self._server = server or os.environ.get("DATABASE_URL", "")
        self.is_postgres = self._server.startswith("postgres")
        self.name = f"studio_{uuid.uuid4().hex[:12]}"
        self.url = f"sqlite:///{self.file}"
        if self.is_postgres:
            self.url = self._server.replace("/postgres?", f"/{self.name}?")
            self._on(self._server, f"CREATE DATABASE {self.name}")

    @property
    def now(self) -> str:
        """The SQL expression for now that compares with the times that Django writes."""
        return "now()" if self.is_postgres else "datetime('now')"

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """Run a query on a new connection; return its rows, or an empty list for a command without rows."""
        if self.is_postgres:
            return self._on(self.url, query)
        with contextlib.closing(sqlite3.connect(self.file, timeout=20, isolation_level=None)) as connection:
            return connection.execute(query).fetchall()

    def become_copy_of(self, template: "Database") -> None:
        """On PostgreSQL. Nothing may be connected to either of the two."""
        self.close()
        self._on(self._server, f"CREATE DATABASE {self.name} TEMPLATE {template.name}")

    def close(self) -> None:
        if self.is_postgres:
            self._on(self._server, f"DROP DATABASE IF EXISTS {self.name} WITH (FORCE)")

    @staticmethod
    def _on(url: str, query: str) -> list[tuple[Any, ...]]:
        import psycopg

        with psycopg.connect(url, autocommit=True) as connection:
            cursor = connection.execute(query.encode())
            return cursor.fetchall() if cursor.description else []


@functools.cache
def _template(is_postgres: bool) -> tuple[Path, Database]:
    """A data folder and a database in which `manage.py prepare` has run; once in each test process."""
    folder = Path(tempfile.mkdtemp(dir=os.environ["LEMONSTUDIO_DATA"], prefix="prepared-"))
    database = Database(folder, None if is_postgres else "sqlite")
    Studio(folder, DATABASE_URL=database.url).manage("prepare")
    return folder, database


def prepare(data: Path, database: Database | None = None) -> None:
    """Leave an empty folder and database as `manage.py prepare` does, by a copy: the migrations take seconds.

    Without a database it is SQLite in the folder.
    """
    folder, template = _template(database is not None and database.is_postgres)
    shutil.copytree(folder, data, dirs_exist_ok=True)
    if database is not None and database.is_postgres:
        database.become_copy_of(template)


class WorkingStudio(Studio):
    """A studio with a WorkingUpstream and a database that tests can read."""

    def __init__(self, data: Path, upstream: WorkingUpstream, database: Database, **env: str) -> None:
        super().__init__(
            data,
            DATABASE_URL=database.url,
            LEMONDATA_BASE_URL=upstream.base_url,
            LEMONDATA_API_KEY=KEY,
            LEMONSTUDIO_TRUSTED_ORIGINS=upstream.origin,
            **env,
        )
        self.upstream, self.database = upstream, database

    def submit(self, *prompts: str) -> None:
        self.shell(SUBMIT.format(prompts=json.dumps(prompts)))

    @property
    def media(self) -> Path:
        return self.data / "media"

    def states(self) -> Counter[str]:
        rows = self.database.ask("SELECT state, COUNT(*) FROM gallery_generation GROUP BY state")
        return Counter(dict(rows))

    def under_way(self) -> int:
        ended = {"completed", "failed", "cancelled", "interrupted"}
        return sum(number for state, number in self.states().items() if state not in ended)

    def let_due(self, state: str) -> None:
        """Make all rows in this state due now."""
        long_ago = "'2020-01-01 00:00:00+00:00'" if self.database.is_postgres else "'2020-01-01 00:00:00'"
        due = f"SET due_at = {long_ago}, ingest_until = NULL"
        self.database.ask(f"UPDATE gallery_generation {due} WHERE state = '{state}'")

    def completes(self, total: int, seconds: float, **others: int) -> float:
        """Wait until `total` rows are completed, with one picture each, and `others` rows are in other states.

        Return how many seconds that took. Raises AssertionError after `seconds`.
        """
        begun = time.monotonic()
        while self.states() != Counter(completed=total, **others):
            assert time.monotonic() < begun + seconds, self.rows()
            time.sleep(0.1)
        pictures = self.database.ask("SELECT COUNT(DISTINCT generation_id), COUNT(*) FROM gallery_picture")
        assert pictures == [(total, total)]
        return time.monotonic() - begun

    def rows(self) -> str:
        """All generations as text, for the message of a failing test."""
        columns = "id, state, prompt, due_at, attempts, fence, task_id, error_code"
        return "\n".join(map(str, self.database.ask(f"SELECT {columns} FROM gallery_generation ORDER BY id")))


@contextlib.contextmanager
def working_studio(
    data: Path, upstream: WorkingUpstream, server: str | None = None, **env: str
) -> Iterator[WorkingStudio]:
    """Start a studio, and stop it at the end. `server` is a PostgreSQL server for its database, not the tests' own."""
    database = Database(data, server)
    studio = WorkingStudio(data, upstream, database, **env)
    try:
        if server is None:
            prepare(data, database)
            studio.start_prepared()
        else:
            studio.start()
        yield studio
        studio.stop()
    finally:
        studio.kill()
        database.close()
