"""The two sides that are measured, the studio and the plain one. Each has its own folder and processes."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

from bench.measure import child
from bench.orders import Order
from bench.upstream import Upstream
from lemonstudio.processes.tree import ROOT, Studio

KEY = "sk-bench-0123456789abcdef"
LOG = "log.txt"


class Side(Protocol):
    name: str
    # Where it answers browsers; empty for a side that has no pages.
    url: str
    # The checkout whose code it runs.
    home: Path

    def start(self) -> float:
        """Start the side; return how many seconds it took until it was ready."""

    def stop(self) -> None: ...

    @property
    def data(self) -> Path:
        """The side's folder, with its log."""

    @property
    def root(self) -> int:
        """The pid of the process whose tree is measured."""

    @property
    def worker(self) -> int:
        """The pid of the process whose tree does the background work."""

    @property
    def env(self) -> dict[str, str]: ...


def ask(side: Side, orders: list[Order], *, patience: float, one_at_a_time: bool = False) -> list[dict[str, Any]]:
    """Ask `side` for these generations. Return their rows when all have ended, or after `patience` seconds."""
    script = Path(__file__).with_name("ask.py")
    command = [sys.executable, str(script), side.name, str(patience), "1" if one_at_a_time else "0", side.url]
    env = {**side.env, "PYTHONPATH": str(side.home), "PYTHONSAFEPATH": "1"}
    text = json.dumps([asdict(order) for order in orders]).encode()
    with (side.data / "asking.txt").open("wb") as log:
        done = subprocess.run(  # noqa: S603 our own commands, no shell
            command, cwd=side.home, env=env, input=text, stdout=subprocess.PIPE, stderr=log
        )
    if done.returncode:
        raise RuntimeError((side.data / "asking.txt").read_text()[-2000:])
    return list(json.loads(done.stdout))


def _folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="lemonstudio-bench-"))


class Ours(Studio):
    """The studio as `make run` starts it, with the default settings."""

    name = "studio"

    def __init__(self, upstream: Upstream, requests_per_minute: int | None = None) -> None:
        super().__init__(
            _folder(),
            DJANGO_SETTINGS_MODULE="lemonstudio.settings",
            LEMONDATA_BASE_URL=f"{upstream.origin}/v1",
            LEMONDATA_API_KEY=KEY,
            LEMONSTUDIO_TRUSTED_ORIGINS=upstream.origin,
        )
        del self.env["LEMONSTUDIO_WORKERS"]  # a value for tests
        if requests_per_minute:
            self.env["LEMONSTUDIO_REQUESTS_PER_MINUTE"] = str(requests_per_minute)

    def start(self) -> float:  # type: ignore[override] # returns the seconds that it took
        self.manage("prepare")
        begun = time.monotonic()
        with (self.data / LOG).open("wb") as log:
            command = [sys.executable, "manage.py", "studio"]
            self.process = subprocess.Popen(command, cwd=self.home, env=self.env, stdout=log, stderr=log)  # noqa: S603 our own commands, no shell
        while not self.is_healthy():
            assert self.process.poll() is None, "the studio ended"
            assert time.monotonic() < begun + 60, "the studio did not become healthy"
            time.sleep(0.05)
        return time.monotonic() - begun

    def stop(self) -> None:
        super().stop()
        shutil.rmtree(self.data, ignore_errors=True)

    @property
    def root(self) -> int:
        assert self.process
        return self.process.pid

    @property
    def worker(self) -> int:
        return child(self.root, "cluster")


def older(folder: Path) -> type[Ours]:
    """The studio of another checkout."""

    class Older(Ours):
        home = folder.resolve()

    return Older


class Plain:
    """A `qcluster` with one task function and without a web server."""

    name = "plain"
    url = ""
    home = ROOT

    def __init__(self, upstream: Upstream) -> None:
        self.data = _folder()
        self.env = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "bench.plain_settings",
            "BENCH_DATA": str(self.data),
            "BENCH_ORIGIN": upstream.origin,
            "BENCH_KEY": KEY,
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> float:
        self._django("migrate", "-v0", wait=True)
        begun = time.monotonic()
        self.process = self._django("qcluster")
        while not self._is_up():
            assert time.monotonic() < begun + 60, "the plain cluster did not start"
            time.sleep(0.02)
        return time.monotonic() - begun

    def _is_up(self) -> bool:
        """Whether all its processes run: parent, sentinel, four workers, monitor, pusher."""
        from bench.measure import tree

        return len(tree(self.root)) >= 8

    def _django(self, *arguments: str, wait: bool = False) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "django", *arguments]
        with (self.data / LOG).open("ab") as log:
            process = subprocess.Popen(command, cwd=ROOT, env=self.env, stdout=log, stderr=log)  # noqa: S603 our own commands, no shell
        if wait and process.wait():
            raise RuntimeError(f"django {arguments[0]} failed")
        return process

    def stop(self) -> None:
        if self.process:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(30)
            if self.process.poll() is None:
                self.process.kill()
        shutil.rmtree(self.data, ignore_errors=True)

    @property
    def root(self) -> int:
        assert self.process
        return self.process.pid

    @property
    def worker(self) -> int:
        return self.root
