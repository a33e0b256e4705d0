"""A whole studio (web, worker, sandbox) in a folder of its own: the process tree that `make run` starts."""

import os
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


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


class Studio:
    """The process tree that `make run` starts."""

    def __init__(self, data: Path, **env: str) -> None:
        self.data = data
        self.port, sandbox_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
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
        self.process = subprocess.Popen([sys.executable, "manage.py", "studio"], cwd=ROOT, env=self.env)
        give_up_at = time.monotonic() + 40
        while not self.is_healthy():
            assert self.process.poll() is None, "the studio ended"
            assert time.monotonic() < give_up_at, "the studio did not become healthy"
            time.sleep(0.1)

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

    def shell(self, code: str) -> str:
        return self.manage("shell", "-v0", "-c", code).stdout.strip()
