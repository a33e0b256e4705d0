"""How many at once: so that what takes long leaves threads to those who want something else. Plain Python."""

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path


class Busy(Exception):
    """Too much of this is going on."""


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


# Of what is decoded at once on this machine, by all processes together. A pixel takes 4 bytes, and up to thrice that
# while it is converted, so this is about half a gigabyte. A picture of 40 million pixels takes ten slots of the twelve.
SLOTS = 12
SLOT_PIXELS = 4_000_000
_LOOK_AGAIN_SECONDS = 0.02


class PixelBudget:
    """Limits how many pixels the processes of this machine decode at once, by locks on files in one folder.

    The kernel releases the locks of a process that is killed. Without a folder, nothing is limited.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder

    @contextmanager
    def turn(self, pixels: int, seconds: float) -> Iterator[None]:
        """Hold as much of the budget as the pixels take. Raises Busy if it is not free within so many seconds."""
        if self.folder is None:
            yield
            return
        needed = min(SLOTS, max(1, -(-pixels // SLOT_PIXELS)))
        with ExitStack() as held:
            self._take(self.folder, needed, time.monotonic() + seconds, held)
            yield

    @staticmethod
    def _take(folder: Path, needed: int, until: float, held: ExitStack) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Only one collects slots at a time. So two that each have half of what they need do not wait for each other,
        # and a large picture is not overtaken by small ones for ever.
        with ExitStack() as gate:
            while not _lock(folder / "gate", gate):
                _wait(until)
            free = [folder / f"slot-{number:02}" for number in range(SLOTS)]
            while True:
                for path in list(free):
                    if needed and _lock(path, held):
                        free.remove(path)
                        needed -= 1
                if not needed:
                    return
                _wait(until)


def _lock(path: Path, held: ExitStack) -> bool:
    """Lock a file until the stack is closed; False if another thread or process has it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as problem:
        os.close(descriptor)
        if isinstance(problem, BlockingIOError):
            return False
        raise
    held.callback(os.close, descriptor)
    return True


def _wait(until: float) -> None:
    if time.monotonic() >= until:
        raise Busy
    time.sleep(_LOOK_AGAIN_SECONDS)


# The studio names its folder at the start.
DECODING = PixelBudget()
