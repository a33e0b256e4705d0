"""Runs `manage.py studio` as a service that is started again after each end, like systemd with Restart=always."""

import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path

from lemonstudio.processes.tree import ROOT, Studio
from tests.soak.processes import MARK, Tree, alive, descendants, is_alive

WORKERS = 3
RESTART_SECONDS = 0.5


class Service(Studio):
    def __init__(self, data: Path, **env: str) -> None:
        self.mark = uuid.uuid4().hex
        more = {
            "DJANGO_SETTINGS_MODULE": "lemonstudio.settings",
            "LEMONSTUDIO_WORKERS": str(WORKERS),
            "LEMONSTUDIO_STOP_SECONDS": "10",
            "WEB_CONCURRENCY": "2",
            # Low enough to keep some generations waiting in the queue while others are sent.
            "LEMONSTUDIO_REQUESTS_PER_MINUTE": "500",
            **env,
        }
        super().__init__(data, **more)
        self.log = data / "log.txt"
        self.starts = 0
        self._over = threading.Event()
        self._may_run = threading.Event()
        self._may_run.set()
        self._keeper = threading.Thread(target=self._keep, name="service")

    def start(self) -> None:
        self.manage("prepare")
        self._start()
        give_up_at = time.monotonic() + 60
        while not self.is_healthy():
            assert time.monotonic() < give_up_at, "the studio did not become healthy"
            time.sleep(0.1)
        self._keeper.start()

    def _start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "studio"],
                cwd=ROOT,
                env={**self.env, MARK: self.mark},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.starts += 1

    def _keep(self) -> None:
        while not self._over.is_set():
            assert self.process is not None
            self.process.wait()
            if not self._over.wait(RESTART_SECONDS):
                self._may_run.wait()
                self._start()

    def halt(self) -> None:
        """Stop it in good order, and leave it stopped until `go_on`."""
        self._may_run.clear()
        process = self.process
        assert process is not None
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(40)
        give_up_at = time.monotonic() + 20
        while alive(self.mark):
            assert time.monotonic() < give_up_at, "processes outlived the stop"
            time.sleep(0.05)

    def go_on(self) -> None:
        self._may_run.set()

    @property
    def supervisor(self) -> int:
        return self.process.pid if self.process is not None and self.process.returncode is None else 0

    def tree(self) -> Tree:
        return Tree.below(self.supervisor, WORKERS)

    def pids(self) -> set[int]:
        """All processes of this studio, also those without a supervisor."""
        return alive(self.mark)

    def has(self, pid: int) -> bool:
        return is_alive(pid, self.mark)

    def orphans(self) -> set[int]:
        """The processes that earlier supervisors left behind."""
        supervisor = self.supervisor
        return self.pids() - descendants(supervisor) - {supervisor}

    def finish(self) -> list[str]:
        """Stop the studio with SIGTERM. Return the problems with that, as sentences."""
        self._over.set()
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(40)
        except subprocess.TimeoutExpired:
            return ["It did not end within 40 s of the last SIGTERM."]
        problems = [f"The last stop ended with exit code {code}."] if code else []
        if left := alive(self.mark):
            problems.append(f"Processes were left after the end: {sorted(left)}.")
        return problems

    def clear(self) -> None:
        """Kill all processes of this studio."""
        self._over.set()
        self._may_run.set()
        if self._keeper.is_alive():
            self._end_all()
            self._keeper.join()
        self._end_all()

    def _end_all(self) -> None:
        while left := alive(self.mark):
            for pid in left:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            if self.process is not None:
                self.process.poll()
            time.sleep(0.05)
