"""Daemon threads that run jobs.

`concurrent.futures` joins its threads when the process ends, so a request that hangs for three minutes would delay
every stop by as long. Here a job ends with its process, and its row tells that its outcome is unknown.
"""

import logging
import queue
import threading
from collections.abc import Callable

logger = logging.getLogger(__name__)


class DaemonPool:
    """Up to `size` threads, started as they are needed. A job must not raise; if it does, that is logged."""

    def __init__(self, size: int, name: str) -> None:
        self.size = size
        self._name = name
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._started = 0
        self._busy = 0

    def submit(self, job: Callable[[], None]) -> None:
        """Run `job` as soon as a thread is free. Raises RuntimeError if the machine gives no thread at all."""
        with self._lock:
            if self._busy >= self._started and self._started < self.size:
                self._start_another()
            self._busy += 1
        self._jobs.put(job)

    def _start_another(self) -> None:
        name = f"{self._name}-{self._started + 1}"
        try:
            threading.Thread(target=self._work, name=name, daemon=True).start()
        except RuntimeError:
            if not self._started:
                raise
            logger.warning("The machine gives no more threads; %s go on", self._started)
        else:
            self._started += 1

    @property
    def busy(self) -> int:
        """Jobs that are running or waiting."""
        return self._busy

    @property
    def free(self) -> int:
        return max(0, self.size - self._busy)

    def close(self) -> None:
        """Let idle threads end; running jobs go on."""
        for _ in range(self._started):
            self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                job()
            except Exception:
                logger.exception("A job in pool %s raised", self._name)
            finally:
                with self._lock:
                    self._busy -= 1
