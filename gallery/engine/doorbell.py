"""Wakes the engine that holds the lease when a process of this machine has queued something."""

import threading
from collections.abc import Callable

from lemonstudio.processes.bell import Bell

NAME = "engine"
# Rings that come closer together wake it once.
GATHER_SECONDS = 0.02
LOOK_SECONDS = 1.0


class Doorbell:
    """Listens in a thread of its own while `tend` is called with `wanted`."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._over: threading.Event | None = None

    def tend(self, *, wanted: bool) -> None:
        """Begin to listen, or stop, or go on as before."""
        if wanted and self._over is None:
            self._over = threading.Event()
            threading.Thread(target=self._listen, args=(self._over,), name="engine-bell", daemon=True).start()
        elif not wanted and self._over is not None:
            self._over.set()
            self._over = None

    def _listen(self, over: threading.Event) -> None:
        bell = Bell(NAME)
        try:
            while not over.is_set():
                if bell.wait(LOOK_SECONDS):
                    self._wake()
                    over.wait(GATHER_SECONDS)
        finally:
            bell.close()
