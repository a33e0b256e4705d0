"""`python -m lemonstudio.sandbox`: serve the sandbox with gunicorn."""

from __future__ import annotations

import argparse
import math
import os
import secrets
import sys
from collections.abc import Callable
from typing import Any

from gunicorn.app.base import BaseApplication

from .app import Sandbox
from .spool import Spool


def _announce(server: Any) -> None:
    host, port = server.LISTENERS[0].sock.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    sys.stdout.write(f"Sandbox upstream at http://{shown}:{port}/v1\n")
    sys.stdout.flush()


class _Server(BaseApplication):  # type: ignore[misc]
    def __init__(self, options: dict[str, Any], application: Sandbox) -> None:
        self._options = options
        self._application = application
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Callable[..., Any]:
        return self._application


def _speed() -> float:
    """LEMONSTUDIO_SANDBOX_SPEED, or 1; ends the program when it is no positive number."""
    given = os.environ.get("LEMONSTUDIO_SANDBOX_SPEED") or "1"
    try:
        speed = float(given)
    except ValueError:
        speed = 0.0
    if not (speed > 0 and math.isfinite(speed)):
        raise SystemExit(f"LEMONSTUDIO_SANDBOX_SPEED must be a positive number, not {given!r}.")
    return speed


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m lemonstudio.sandbox", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    parser.add_argument("--port", type=int, default=8001, help="port to listen on; 0 takes a free one (8001)")
    arguments = parser.parse_args()
    host = f"[{arguments.host}]" if ":" in arguments.host else arguments.host
    # Made before the fork, so that a replaced worker still knows the ids its forerunner signed.
    given = os.environ.get("LEMONSTUDIO_SANDBOX_SECRET", "").encode()
    secret = given or secrets.token_bytes(32)
    spool = Spool.of(secret)
    options = {
        "bind": f"{host}:{arguments.port}",
        "workers": 1,
        "worker_class": "gthread",
        "threads": 256,
        "worker_connections": 2048,
        "backlog": 2048,
        "keepalive": 75,
        "timeout": 60,
        "graceful_timeout": 1,
        "loglevel": "error",
        "accesslog": None,
        "control_socket_disable": True,
        "when_ready": _announce,
        # Without the secret nobody can ask for the uploads again.
        "on_exit": lambda server: None if given else spool.remove(),
        "proc_name": "lemonstudio-sandbox",
    }
    _Server(options, Sandbox(secret, _speed(), spool)).run()


if __name__ == "__main__":
    main()
