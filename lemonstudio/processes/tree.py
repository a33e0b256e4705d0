"""A whole studio (web, worker, sandbox) as the process tree that `make run` starts, with its own folder and ports.

For what measures or tests the studio from outside. Linux only: the processes of a tree are found through /proc.
"""

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

ROOT = Path(__file__).resolve().parents[2]
# In the environment of a tree's processes, so that all of them can be found, however they are related.
MARK = "LEMONSTUDIO_TEST_TREE"
T = TypeVar("T")


def free_port() -> int:
    """A free port, below those of outgoing connections (32768 and up), so that it stays free until it is used."""
    while True:
        port = random.randint(20_000, 30_000)  # noqa: S311 no secret
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
            "LEMONSTUDIO_DOTENV": "",
            "LEMONSTUDIO_DATA": str(data),
            "LEMONSTUDIO_SANDBOX_PORT": str(sandbox_port),
            "LEMONSTUDIO_SANDBOX_SPEED": "4",
            "LEMONSTUDIO_WORKERS": "2",
            # No test and no measurement waits three minutes for a stop.
            "LEMONSTUDIO_STOP_SECONDS": "10",
            "PORT": str(self.port),
            **env,
        }
        self.process: subprocess.Popen[bytes] | None = None

    def manage(self, *arguments: str, **more: Any) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(  # noqa: S603 our own command, no shell
            command, cwd=ROOT, env=self.env, text=True, capture_output=True, **more
        )
        assert done.returncode == 0, done.stderr
        return done

    def start(self) -> None:
        self.manage("prepare")
        self.start_prepared()

    def start_prepared(self) -> None:
        self.process = self.launch("studio")
        give_up_at = time.monotonic() + 120
        while not self.is_healthy():
            assert self.process.poll() is None, "the studio ended"
            assert time.monotonic() < give_up_at, "the studio did not become healthy"
            time.sleep(0.1)

    def launch(self, command: str, **env: str) -> subprocess.Popen[bytes]:
        """Start one of the commands that stay, marked as of this studio, in a session and process group of its own."""
        env = {**self.env, MARK: self.mark, **env}
        return subprocess.Popen(  # noqa: S603 our own command, no shell
            [sys.executable, "manage.py", command], cwd=ROOT, env=env, stdin=subprocess.DEVNULL, start_new_session=True
        )

    def is_healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=5) as answer:  # noqa: S310 our own address
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
