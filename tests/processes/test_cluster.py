"""Whatever is killed: the rest heals and tasks run again, or nothing is left of it."""

import contextlib
import json
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lemonstudio.processes import cluster as lemon_cluster
from lemonstudio.processes.tree import MARK, ROOT, free_port, marked, signal_all, soon
from tests.support.studio import Database, prepare

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks for processes in /proc"),
]

WORKERS = 3
# One import of Django for all tasks that a module's tests send.
SEND = """
import json, sys, django
django.setup()
from django_q.tasks import async_task
for line in sys.stdin:
    name, arguments, options = json.loads(line)
    print(async_task("tests.processes.process_tasks." + name, *arguments, **options), flush=True)
"""


class Tree:
    """Processes that were started with one mark in their environment, and a studio's data for them."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.database = Database(home)
        self.mark = uuid.uuid4().hex
        self.port = free_port()
        self._files = 0
        self._sender: subprocess.Popen[str] | None = None
        self.top: subprocess.Popen[bytes] | None = None
        strange = ("LEMON", "DATABASE_URL", "SECRET_KEY", "ALLOWED_HOSTS", "HOST", "PORT", "WEB_")
        self.env = {name: value for name, value in os.environ.items() if not name.startswith(strange)}
        self.env |= {
            "LEMONSTUDIO_ENV": "local",
            "LEMONSTUDIO_DOTENV": "",
            "LEMONSTUDIO_DATA": str(home),
            "LEMONSTUDIO_WORKERS": str(WORKERS),
            "LEMONSTUDIO_STOP_SECONDS": "10",
            "DATABASE_URL": self.database.url,
            "DJANGO_SETTINGS_MODULE": "tests.support.process_settings",
            "PORT": str(self.port),
            "WEB_CONCURRENCY": "1",
        }

    def manage(self, *arguments: str) -> subprocess.Popen[bytes]:
        with (self.home / "log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "manage.py", *arguments],
                cwd=ROOT,
                env={**self.env, MARK: self.mark},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def start(self, command: str) -> None:
        self.top = self.manage(command)

    @property
    def pid(self) -> int:
        assert self.top is not None
        return self.top.pid

    def send(self, task: str, *arguments: Any, **options: Any) -> Path:
        """Send a task; the answer is the file that it writes when it begins."""
        if self._sender is None:
            self._sender = subprocess.Popen(
                [sys.executable, "-c", SEND],
                cwd=ROOT,
                env=self.env,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        self._files += 1
        witness = self.home / f"witness-{self._files}"
        assert self._sender.stdin is not None
        assert self._sender.stdout is not None
        self._sender.stdin.write(json.dumps([task, [str(witness), *arguments], options]) + "\n")
        self._sender.stdin.flush()
        assert self._sender.stdout.readline()
        return witness

    def runs_tasks(self) -> None:
        done(self.send("nap"))

    def messages(self, *, locked: bool = False) -> int:
        """Those that wait; or only those that a worker has taken."""
        where = f" WHERE lock > {self.database.now}" if locked else ""
        return int(self.database.ask(f"SELECT COUNT(*) FROM django_q_ormq{where}")[0][0])

    def alive(self) -> dict[int, int]:
        """The pids of the tree with their parents'."""
        return marked(self.mark)

    def children(self, pid: int) -> list[int]:
        return sorted(child for child, parent in self.alive().items() if parent == pid)

    def part(self, word: str) -> int:
        """The supervisor's child whose command has that word, when it is there."""
        for pid in self.children(self.pid):
            with contextlib.suppress(OSError):
                if word.encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
                    return pid
        return 0

    def sentinel(self, parent: int) -> int:
        """When it has forked all of its own: workers, monitor, pusher, in this order."""
        return soon(lambda: next((pid for pid in self.children(parent) if len(self.children(pid)) == WORKERS + 2), 0))

    def serves(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=5) as answer:
                return bool(answer.status == 200)
        except urllib.error.HTTPError:
            return True  # it answers, if only to say that the worker is not up yet
        except OSError:
            return False

    def ends(self, seconds: float = 10) -> int:
        assert self.top is not None
        return self.top.wait(seconds)

    def clear(self) -> None:
        if self.top is not None:
            signal_all(self.mark, signal.SIGKILL)
            self.top.wait(5)

    def close(self) -> None:
        self.clear()
        if self._sender is not None and self._sender.stdin is not None:
            self._sender.stdin.close()
            self._sender.wait(5)
        self.database.close()


def done(witness: Path, seconds: float = 10) -> None:
    soon(Path(f"{witness}.done").exists, seconds)


def begun(witness: Path) -> int:
    """The pid of the worker that runs the task."""
    return int(soon(lambda: witness.exists() and witness.read_text()))


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tree]:
    tree = Tree(tmp_path_factory.mktemp("studio"))
    prepare(tree.home, tree.database)
    yield tree
    tree.close()


@pytest.fixture
def cluster(prepared: Tree) -> Iterator[Tree]:
    """A cluster without a supervisor, with an empty queue."""
    prepared.database.ask("DELETE FROM django_q_ormq")
    prepared.start("cluster")
    prepared.runs_tasks()
    yield prepared
    prepared.clear()


@pytest.fixture
def studio(prepared: Tree) -> Iterator[Tree]:
    """Everything, supervised."""
    prepared.start("studio")
    soon(prepared.serves)
    prepared.runs_tasks()
    yield prepared
    prepared.clear()


def test_what_is_killed_under_the_supervisor_comes_back(studio: Tree) -> None:
    def idle_worker(parent: int) -> int:
        return studio.children(studio.sentinel(parent))[0]

    def busy_worker(parent: int) -> int:
        return begun(studio.send("nap", 60))

    def parent_itself(parent: int) -> int:
        return parent

    for victim in (idle_worker, busy_worker, studio.sentinel, parent_itself):
        parent = studio.part("cluster")
        before = {parent, studio.sentinel(parent), *studio.children(studio.sentinel(parent))}
        os.kill(victim(parent), signal.SIGKILL)
        soon(lambda before=before: not before & studio.alive().keys(), 5)  # type: ignore[misc]  # mypy infers no lambda with a default
        soon(lambda parent=parent: studio.part("cluster") not in (0, parent))  # type: ignore[misc]  # mypy infers no lambda with a default
        studio.runs_tasks()

    def web() -> set[int]:
        return {studio.part("gunicorn"), *studio.children(studio.part("gunicorn"))}

    for role in ("worker", "master"):
        before, master = web(), studio.part("gunicorn")
        os.kill(master if role == "master" else studio.children(master)[0], signal.SIGKILL)
        # A worker that is left answers until it is gone as well, so wait for the new ones.
        gone = before if role == "master" else before - {master}
        soon(lambda gone=gone: len(web() - {0}) == 2 and not gone & web())  # type: ignore[misc]  # mypy infers no lambda with a default
        soon(studio.serves)
    # All that while, the supervisor stayed.
    assert studio.top is not None
    assert studio.top.poll() is None


def test_nothing_outlives_a_killed_supervisor(studio: Tree) -> None:
    begun(studio.send("nap", 60))
    os.kill(studio.pid, signal.SIGKILL)
    studio.ends()
    soon(lambda: not studio.alive(), 6)


def test_ctrl_c_ends_everything_in_good_order(studio: Tree) -> None:
    witness = studio.send("nap", 1)
    begun(witness)
    os.kill(studio.pid, signal.SIGINT)
    assert studio.ends() == 0
    assert not studio.alive()
    done(witness, 0)


def test_a_second_ctrl_c_ends_everything_at_once(studio: Tree) -> None:
    begun(studio.send("nap", 60))
    os.kill(studio.pid, signal.SIGINT)
    time.sleep(1)
    os.kill(studio.pid, signal.SIGINT)
    assert studio.ends(3) != 0
    assert not studio.alive()


def test_a_taken_port_is_said_before_anything_starts(prepared: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        monkeypatch.setitem(prepared.env, "PORT", str(taken))
        (prepared.home / "log").unlink(missing_ok=True)
        prepared.start("studio")
        assert prepared.ends() == 1
    log = (prepared.home / "log").read_text()
    assert f"port {taken}" in log
    assert "Traceback" not in log


@pytest.mark.parametrize("whom", ["parent", "group"])
def test_a_stop_lets_running_tasks_end_and_gives_the_others_back(cluster: Tree, whom: str) -> None:
    naps = [cluster.send("nap", 1.5) for _ in range(WORKERS)]
    for nap in naps:
        begun(nap)
    waiting = [cluster.send("nap", 1.5) for _ in range(5)]
    soon(lambda: cluster.messages(locked=True) >= WORKERS + 3)
    (os.kill if whom == "parent" else os.killpg)(cluster.pid, signal.SIGTERM)
    assert cluster.ends() == 0
    soon(lambda: not cluster.alive(), 1)
    for nap in naps:
        done(nap, 0)
    assert not any(nap.exists() for nap in waiting)
    assert cluster.messages() == 5
    assert cluster.messages(locked=True) == 0


def test_a_engine_gets_time_for_its_last_word(cluster: Tree) -> None:
    witness = cluster.send("leave_a_engine", 3)
    begun(witness)
    os.kill(cluster.pid, signal.SIGTERM)
    assert cluster.ends() == 0
    done(witness, 0)
    assert not cluster.alive()


@pytest.mark.parametrize("role", ["idle worker", "monitor", "pusher", "sentinel", "parent"])
def test_without_a_supervisor_a_kill_ends_the_whole_cluster(cluster: Tree, role: str) -> None:
    sentinel = cluster.sentinel(cluster.pid)
    worker, *_, monitor, pusher = cluster.children(sentinel)
    victims = {
        "idle worker": worker,
        "monitor": monitor,
        "pusher": pusher,
        "sentinel": sentinel,
        "parent": cluster.pid,
    }
    os.kill(victims[role], signal.SIGKILL)
    assert cluster.ends(5) == (-signal.SIGKILL if role == "parent" else 1)
    soon(lambda: not cluster.alive(), 2)


def test_a_worker_whose_task_timed_out_is_replaced_and_the_others_stay(cluster: Tree) -> None:
    sentinel = cluster.sentinel(cluster.pid)
    others = set(cluster.children(sentinel))
    late = begun(cluster.send("nap", 60, timeout=1))
    soon(lambda: late not in cluster.alive())
    soon(lambda: len(cluster.children(sentinel)) == WORKERS + 2)
    assert others - {late} <= set(cluster.children(sentinel))
    cluster.runs_tasks()


class OneWorker(lemon_cluster.StudioSentinel):
    """A sentinel's way to look after one worker, without the rest."""

    def __init__(self, left: float) -> None:
        self._overdue = {}
        self.replaced: list[Any] = []
        context: Any = multiprocessing.get_context("fork")
        self.worker: Any = context.Process(target=time.sleep, args=(60,))
        self.worker.timer = context.Value("f", left)
        self.worker.start()

    def reincarnate(self, process: Any) -> None:
        self.replaced.append(process)

    def look(self, now: float) -> bool:
        self._look_after(self.worker, now, 0.5)
        return bool(self.replaced)


@pytest.fixture
def late_worker() -> Iterator[OneWorker]:
    sentinel = OneWorker(left=0.4)
    yield sentinel
    sentinel.worker.kill()
    sentinel.worker.join()


def test_a_worker_that_does_not_heed_its_time_out_is_killed_in_the_end(late_worker: OneWorker) -> None:
    assert not late_worker.look(now=100)
    assert not late_worker.look(now=100 + lemon_cluster.LEAVE_SECONDS - 1)
    assert late_worker.worker.is_alive()
    assert late_worker.look(now=100 + lemon_cluster.LEAVE_SECONDS)
    assert not late_worker.worker.is_alive()


def test_a_late_worker_that_goes_on_to_another_task_is_left_alone(late_worker: OneWorker) -> None:
    assert not late_worker.look(now=100)
    late_worker.worker.timer.value = -1
    assert not late_worker.look(now=200)
    late_worker.worker.timer.value = 0
    assert not late_worker.look(now=300)
    assert late_worker.worker.is_alive()


def test_a_worker_that_hangs_in_the_lock_of_its_timer_does_not_stop_the_sentinel(late_worker: OneWorker) -> None:
    stuck = threading.Thread(target=late_worker.worker.timer.get_lock().acquire)
    stuck.start()
    stuck.join()
    assert not late_worker.look(now=100)
    late_worker.worker.kill()
    late_worker.worker.join()
    with pytest.raises(lemon_cluster.ChildKilledError, match="signal 9"):
        late_worker.look(now=101)
