"""How many at once: so that what takes long leaves threads to those who want something else. Plain Python."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Busy(Exception):
    """Too much of this is going on in this process."""


class ConcurrencyLimit:
    """Lets so many in at once; so many more wait for their turn, and who comes after those is turned away."""

    def __init__(self, at_once: int, waiting: int = 0) -> None:
        self._at_once, self._most = at_once, at_once + waiting
        self._here = self._inside = 0
        # Its lock may be taken again by the thread that has it: who was forgotten leaves when Python clears up, and
        # that may be in the middle of this.
        self._moved = threading.Condition(threading.RLock())

    @property
    def is_full(self) -> bool:
        """Whether who comes now is turned away."""
        return self._here >= self._most

    def enter(self, seconds: float = 0.0) -> None:
        """Wait for room, for so many seconds at the most. Raises Busy if there is none."""
        with self._moved:
            if self.is_full:
                raise Busy
            self._here += 1
            try:
                if not self._moved.wait_for(lambda: self._inside < self._at_once, seconds):
                    raise Busy
            except BaseException:
                self._here -= 1
                raise
            self._inside += 1

    def leave(self) -> None:
        with self._moved:
            self._inside -= 1
            self._here -= 1
            self._moved.notify()

    @contextmanager
    def turn(self, seconds: float = 0.0) -> Iterator[None]:
        self.enter(seconds)
        try:
            yield
        finally:
            self.leave()
