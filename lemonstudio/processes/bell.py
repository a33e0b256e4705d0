"""Wakes a process of this machine as soon as another one has something for it, so that it need not look all the time.

Each listener has a named pipe in the data folder. A byte in it means: look now. What there is to do stands in the
database; a ring that gets lost, or comes from another machine, costs a moment until the listener looks by itself.
"""

import contextlib
import errno
import os
import select
import time
import uuid
from pathlib import Path

from django.conf import settings

# A listener shows that it lives by touching its pipe; one that was killed leaves the pipe behind.
TOUCH_SECONDS = 60.0
GONE_SECONDS = 300.0


def _folder() -> Path:
    return Path(settings.DATA_DIR) / "bells"


class Bell:
    """A listener. Where there can be no named pipe, it hears nothing and `wait` only waits."""

    def __init__(self, name: str) -> None:
        self._path = _folder() / f"{name}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self._fd = -1
        self._touch_at = time.monotonic() + TOUCH_SECONDS
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            os.mkfifo(self._path, 0o600)
            # For writing as well, or the pipe would end with the first who rings.
            self._fd = os.open(self._path, os.O_RDWR | os.O_NONBLOCK)

    def wait(self, seconds: float) -> bool:
        """Wait for a ring, for so long; tell whether there was one since the last call."""
        if self._fd < 0:
            time.sleep(seconds)
            return False
        if time.monotonic() >= self._touch_at:
            self._touch_at = time.monotonic() + TOUCH_SECONDS
            with contextlib.suppress(OSError):
                os.utime(self._path)
        poll = select.poll()
        poll.register(self._fd, select.POLLIN)
        if not poll.poll(seconds * 1000):
            return False
        with contextlib.suppress(BlockingIOError):
            os.read(self._fd, 65536)
        return True

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        with contextlib.suppress(OSError):
            self._path.unlink()


def ring(name: str) -> None:
    """Wake all listeners of this name. Never fails, and never waits."""
    try:
        pipes = [entry.path for entry in os.scandir(_folder()) if entry.name.startswith(f"{name}-")]
    except OSError:
        return  # there is no listener yet
    for path in pipes:
        try:
            fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as problem:
            if problem.errno == errno.ENXIO:
                _remove_if_gone(path)
            continue
        # A full pipe rings already.
        with contextlib.suppress(OSError):
            os.write(fd, b"!")
        os.close(fd)


def _remove_if_gone(path: str) -> None:
    with contextlib.suppress(OSError):
        if time.time() - os.stat(path).st_mtime > GONE_SECONDS:
            os.unlink(path)
