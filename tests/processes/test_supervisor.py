"""The supervisor with parts that are one line of Python each."""

import os
import queue
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lemonstudio.processes import parent_watch, supervisor
from lemonstudio.processes.tree import soon

ROOT = Path(__file__).resolve().parents[2]
UNWANTED = {parent_watch.VARIABLE, "PYTHONUNBUFFERED"}
PRELUDE = """
import sys
from lemonstudio.processes import supervisor
from lemonstudio.processes.supervisor import Part, Supervisor
supervisor.POLL_SECONDS, supervisor.BACK_OFF_SECONDS = 0.02, 0.01
def python(code): return [sys.executable, "-S", "-c", code]
"""
# Says that it is there, and stays until it is asked to go.
STAYS = """
import signal
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
print('{0} up', flush=True)
signal.sigwait([signal.SIGTERM])
print('{0} asked', flush=True)
"""
# Says that it is there, and does not go when asked.
DEAF = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf up', flush=True); time.sleep(60)"
)


class Run:
    def __init__(self, script: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", PRELUDE + textwrap.dedent(script)],
            cwd=ROOT,
            # Unbuffered, Python writes a line and its end apart, and those of several processes get mixed up.
            env={name: value for name, value in os.environ.items() if name not in UNWANTED},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines: list[str] = []
        self._coming: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._coming.put(line.rstrip())

    def until(self, words: str, seconds: float = 10) -> str:
        while True:
            try:
                self.lines.append(self._coming.get(timeout=seconds))
            except queue.Empty:
                raise AssertionError(f"never said “{words}”, but {self.lines}") from None
            if words in self.lines[-1]:
                return self.lines[-1]

    def ends(self, seconds: float = 5) -> int:
        """The exit code, once the process and all that wrote to the same place have gone."""
        code = self.process.wait(seconds)
        self._reader.join(seconds)
        assert not self._reader.is_alive()
        while not self._coming.empty():
            self.lines.append(self._coming.get())
        return code


@pytest.fixture
def runs() -> Iterator[list[Run]]:
    runs: list[Run] = []
    yield runs
    for run in runs:
        if run.process.poll() is None:
            run.process.kill()
        run.process.wait(5)


def start(runs: list[Run], script: str) -> Run:
    runs.append(Run(script))
    return runs[-1]


def test_a_part_that_was_killed_starts_again(runs: list[Run]) -> None:
    code = "import os, signal; print('pid', os.getpid(), flush=True); signal.pause()"
    run = start(runs, f"sys.exit(Supervisor([Part('web', python({code!r}))]).run())")
    first = int(run.until("pid").split()[1])
    os.kill(first, signal.SIGKILL)
    assert run.until("web ended") == "web ended (killed by signal 9); starting it again"
    assert int(run.until("pid").split()[1]) != first
    run.process.terminate()
    assert run.ends() == supervisor.STOPPED


def test_a_part_that_keeps_dying_ends_everything_with_a_sentence(runs: list[Run]) -> None:
    run = start(
        runs,
        f"""
        good = Part('good', python({STAYS.format("good")!r}))
        bad = Part('bad', python('import time; time.sleep(0.1); raise SystemExit(3)'))
        sys.exit(Supervisor([good, bad]).run())
        """,
    )
    run.until("good up")
    assert run.ends(10) == supervisor.GAVE_UP
    assert run.lines.count("bad ended (exit code 3); starting it again") == supervisor.DEATHS - 1
    assert any(line.startswith("bad ended 5 times within 60 seconds, now with exit code 3.") for line in run.lines)
    assert "good asked" in run.lines


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_parts_in_good_order_and_the_last_one_last(runs: list[Run], number: signal.Signals) -> None:
    run = start(
        runs,
        f"""
        low = Part('low', python({STAYS.format("low")!r}), last=True)
        high = Part('high', python({STAYS.format("high")!r}))
        sys.exit(Supervisor([low, high]).run())
        """,
    )
    for _ in range(2):
        run.until(" up")
    run.process.send_signal(number)
    assert run.ends() == supervisor.STOPPED
    assert run.lines.index("high asked") < run.lines.index("low asked")


def test_what_does_not_go_is_ended_with_all_that_it_started(runs: list[Run]) -> None:
    child = f"import subprocess, sys; subprocess.Popen([sys.executable, '-S', '-c', {DEAF!r}]); {DEAF}"
    run = start(runs, f"sys.exit(Supervisor([Part('web', python({child!r}), grace=0.3)]).run())")
    for _ in range(2):
        run.until("deaf up")
    run.process.terminate()
    # Whoever is left would keep the pipe open, and this would wait for it.
    assert run.ends() == supervisor.STOPPED
    assert "web did not stop within 0 seconds; ended it" in run.lines


def test_the_second_ctrl_c_ends_at_once(runs: list[Run]) -> None:
    run = start(runs, f"sys.exit(Supervisor([Part('web', python({DEAF!r}), grace=60)]).run())")
    run.until("deaf up")
    run.process.send_signal(signal.SIGINT)
    run.until("Stopping")
    # The echo of a wrapper that passes signals on does not count.
    run.process.send_signal(signal.SIGINT)
    time.sleep(supervisor.ECHO_SECONDS + 0.2)
    assert run.process.poll() is None
    run.process.send_signal(signal.SIGINT)
    assert run.ends() == supervisor.KILLED


def test_it_says_once_when_everything_is_up(runs: list[Run]) -> None:
    run = start(
        runs,
        f"""
        asked = []
        up = lambda: asked.append(1) or len(asked) > 2
        sys.exit(Supervisor([Part('web', python({STAYS.format("web")!r}))]).run(up, "Here we are"))
        """,
    )
    run.until("Here we are")
    run.process.terminate()
    run.ends()
    assert run.lines.count("Here we are") == 1


def test_part_that_watches_the_supervisor_ends_when_that_is_killed(runs: list[Run]) -> None:
    code = (
        "import time; from lemonstudio.processes.parent_watch import watch_parent; "
        "watch_parent(grace={}); print('up', flush=True); time.sleep(60)"
    )
    run = start(
        runs,
        f"""
        parts = [Part('soft', python({code.format(3)!r})), Part('hard', python({code.format(0)!r}))]
        sys.exit(Supervisor(parts).run())
        """,
    )
    for _ in range(2):
        run.until("up")
    run.process.kill()
    assert run.ends() == -signal.SIGKILL  # with the pipe closed, so by everyone


@pytest.mark.parametrize("value", ["", "not a number", "987654"])
def test_without_a_parent_pipe_there_is_nothing_to_watch(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv(parent_watch.VARIABLE, value)
    parent_watch.watch_parent()
    assert not parent_watch._watched


def test_file_is_no_parent_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    with Path(__file__).open() as file:
        monkeypatch.setenv(parent_watch.VARIABLE, str(file.fileno()))
        parent_watch.watch_parent()
        assert not parent_watch._watched


def test_a_taken_port_is_said_and_avoided() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"Cannot listen at 127.0.0.1, port {port}: " in supervisor.bindable("127.0.0.1", port)
        assert supervisor.answers("127.0.0.1", port)
        assert supervisor.answers("0.0.0.0", port)
        free = supervisor.free_port("127.0.0.1", port)
        assert free != port
        assert not supervisor.bindable("127.0.0.1", free)
        assert supervisor.free_port("127.0.0.1", free) == free
        assert not supervisor.answers("127.0.0.1", free)


def test_what_is_no_address_is_said() -> None:
    assert "does not exist" in supervisor.bindable("127.0.0.1", 70000)
    assert "Cannot listen at 192.0.2.1" in supervisor.bindable("192.0.2.1", 8000)
    assert 0 < supervisor.free_port("127.0.0.1", 70000) < 65536


def test_addresses_that_people_can_open() -> None:
    assert supervisor.address("0.0.0.0", 8000) == "http://127.0.0.1:8000"
    assert supervisor.address("::", 8000) == "http://[::1]:8000"
    assert supervisor.address("studio.lan", 80) == "http://studio.lan:80"


@pytest.mark.parametrize(("given", "kept"), [(None, "2"), ("8", "8")])
def test_parts_share_few_memory_arenas_unless_told_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str | None, kept: str
) -> None:
    monkeypatch.delenv("MALLOC_ARENA_MAX", raising=False)
    if given:
        monkeypatch.setenv("MALLOC_ARENA_MAX", given)
    written = tmp_path / "arenas"
    pipe = parent_watch.ParentPipe()
    keeper = supervisor._Keeper(supervisor.Part("part", ["sh", "-c", f"printenv MALLOC_ARENA_MAX > {written}"]), pipe)
    keeper.start()
    soon(keeper.ended)
    pipe.close()
    assert written.read_text().strip() == kept
