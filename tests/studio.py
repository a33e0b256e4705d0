"""A whole studio (web, worker, sandbox) in a folder of its own: the process tree that `make run` starts."""

import contextlib
import json
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from tests.stub_upstream import WorkingUpstream

ROOT = Path(__file__).resolve().parents[1]
KEY = "sk-test-0123456789abcdef"
# In the environment of a tree's processes, so that all of them can be found, however they are related.
MARK = "LEMONSTUDIO_TEST_TREE"
SUBMIT = """
import json
from gallery import services
from gallery.models import ImageModel, Person
person, _ = Person.objects.get_or_create(email="olivia@example.org", name="Olivia")
model = ImageModel.objects.get(slug="dall-e-3")
for prompt in json.loads({prompts!r}):
    services.generations.submit(person, model=model, prompt=prompt, options={{"size": "1024x1024"}}, count=1)
"""
T = TypeVar("T")


def free_port() -> int:
    """A port that nobody listens on, below those that outgoing connections take (32768 and up) until it is used."""
    while True:
        port = random.randint(20_000, 30_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


def soon(ask: Callable[[], T], seconds: float = 10) -> T:
    """The first true answer."""
    end = time.monotonic() + seconds
    while not (answer := ask()):
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.05)
    return answer


def marked(mark: str) -> dict[int, int]:
    """The pids of the processes with this mark, with their parents'; zombies do not count."""
    pids = {}
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            if f"{MARK}={mark}".encode() in (entry / "environ").read_bytes():
                state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
                if state != "Z":
                    pids[int(entry.name)] = int(parent)
    return pids


def signal_all(mark: str, number: signal.Signals) -> None:
    for pid in marked(mark):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


class Database:
    """A database of a studio's own, looked into past the studio.

    A file in the studio's folder; with TEST_DATABASE=postgres a new database on the tests' server, or on `server`.
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
        """In words of this database, as it compares with what Django writes."""
        return "now()" if self.is_postgres else "datetime('now')"

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of an answer; none of a command that has none. Every question has a connection of its own."""
        if self.is_postgres:
            return self._on(self.url, query)
        with contextlib.closing(sqlite3.connect(self.file, timeout=20, isolation_level=None)) as connection:
            return connection.execute(query).fetchall()

    def close(self) -> None:
        if self.is_postgres:
            self._on(self._server, f"DROP DATABASE IF EXISTS {self.name} WITH (FORCE)")

    @staticmethod
    def _on(url: str, query: str) -> list[tuple[Any, ...]]:
        import psycopg

        with psycopg.connect(url, autocommit=True) as connection:
            cursor = connection.execute(query.encode())
            return cursor.fetchall() if cursor.description else []


class Studio:
    """The process tree that `make run` starts."""

    def __init__(self, data: Path, **env: str) -> None:
        self.data = data
        self.port, sandbox_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.mark = uuid.uuid4().hex
        self.env = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("LEMON", "DATABASE"))},
            "LEMONSTUDIO_ENV": "local",
            "LEMONSTUDIO_DATA": str(data),
            "LEMONSTUDIO_SANDBOX_PORT": str(sandbox_port),
            "LEMONSTUDIO_SANDBOX_SPEED": "4",
            "LEMONSTUDIO_WORKERS": "2",
            "PORT": str(self.port),
            **env,
        }
        self.process: subprocess.Popen[bytes] | None = None

    def manage(self, *arguments: str, **more: Any) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(command, cwd=ROOT, env=self.env, text=True, capture_output=True, **more)
        assert done.returncode == 0, done.stderr
        return done

    def start(self) -> None:
        self.manage("prepare")
        self.start_prepared()

    def start_prepared(self) -> None:
        self.process = self.launch("studio")
        give_up_at = time.monotonic() + 40
        while not self.is_healthy():
            assert self.process.poll() is None, "the studio ended"
            assert time.monotonic() < give_up_at, "the studio did not become healthy"
            time.sleep(0.1)

    def launch(self, command: str, **env: str) -> subprocess.Popen[bytes]:
        """Start one of the commands that stay, marked as of this studio, in a session and process group of its own."""
        env = {**self.env, MARK: self.mark, **env}
        return subprocess.Popen(
            [sys.executable, "manage.py", command], cwd=ROOT, env=env, stdin=subprocess.DEVNULL, start_new_session=True
        )

    def is_healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(30)

    def processes(self) -> dict[int, int]:
        """The pids of the studio's own, with their parents'."""
        return marked(self.mark)

    def kill(self) -> None:
        """As a power cut would: all of it at once."""
        signal_all(self.mark, signal.SIGKILL)
        if self.process:
            self.process.wait(10)

    def shell(self, code: str) -> str:
        return self.manage("shell", "-v0", "-c", code).stdout.strip()


class WorkingStudio(Studio):
    """A studio with a WorkingUpstream and a database that tests look into."""

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
        over = {"completed", "failed", "cancelled", "interrupted"}
        return sum(number for state, number in self.states().items() if state not in over)

    def let_due(self, state: str) -> None:
        """As if the time had passed for which the rows in this state wait."""
        long_ago = "'2020-01-01 00:00:00+00:00'" if self.database.is_postgres else "'2020-01-01 00:00:00'"
        self.database.ask(f"UPDATE gallery_generation SET due_at = {long_ago} WHERE state = '{state}'")

    def completes(self, total: int, seconds: float, **others: int) -> float:
        """How long it took until so many were completed, each with its picture, and the others in those states."""
        begun = time.monotonic()
        while self.states() != Counter(completed=total, **others):
            assert time.monotonic() < begun + seconds, self.rows()
            time.sleep(0.1)
        pictures = self.database.ask("SELECT COUNT(DISTINCT generation_id), COUNT(*) FROM gallery_picture")
        assert pictures == [(total, total)]
        return time.monotonic() - begun

    def rows(self) -> str:
        """For a failing test's message."""
        wanted = "id, state, prompt, due_at, attempts, fence, task_id, error_code"
        return "\n".join(map(str, self.database.ask(f"SELECT {wanted} FROM gallery_generation ORDER BY id")))


@contextlib.contextmanager
def working_studio(
    data: Path, upstream: WorkingUpstream, server: str | None = None, **env: str
) -> Iterator[WorkingStudio]:
    """Started, and at the end stopped; `server` is the PostgreSQL server for its database, instead of the tests'."""
    database = Database(data, server)
    studio = WorkingStudio(data, upstream, database, **env)
    try:
        studio.start()
        yield studio
        studio.stop()
    finally:
        studio.kill()
        database.close()
