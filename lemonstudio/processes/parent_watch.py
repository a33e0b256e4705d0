"""A process that watches its parent ends when the parent is gone, however the parent ended.

The parent keeps the write end of a pipe and never writes; its children inherit the read end. When the parent ends,
even by kill -9, the kernel closes the write end, and every reader sees the end of the file. That needs no polling and
no pid files, and works on Linux and macOS alike.
"""

import contextlib
import os
import runpy
import signal
import stat
import sys
import threading
import time

VARIABLE = "LEMONSTUDIO_PARENT_PIPE"
# Seconds until what is left is killed. Short: no supervisor looks after it any more, and the next one may already be
# starting its successor.
GRACE = 3.0

# The pipes that this process watches, each with its grace.
_watched: dict[int, float] = {}


class ParentPipe:
    """The parent's side. It must outlive every process that watches `read_fd`."""

    def __init__(self) -> None:
        self.read_fd, self._write_fd = os.pipe()

    def close_write_end(self) -> None:
        """End all who watch. A forked child calls it too, because it inherited a copy of the parent's end."""
        if self._write_fd >= 0:
            os.close(self._write_fd)
            self._write_fd = -1

    def close(self) -> None:
        self.close_write_end()
        if self.read_fd >= 0:
            os.close(self.read_fd)
            self.read_fd = -1


def watch_parent(fd: int | None = None, grace: float = GRACE) -> None:
    """End this process and all that it forks when the parent at `fd` (or $LEMONSTUDIO_PARENT_PIPE) is gone.

    With a grace, the process gets a SIGTERM first and has that many seconds to leave. Without, it ends at once. A
    second call changes nothing. Without a pipe in the environment, this does nothing.
    """
    if fd is None:
        number = os.environ.get(VARIABLE, "")
        if not number.isdecimal():
            return
        fd = int(number)
    if fd in _watched:
        return
    try:
        if not stat.S_ISFIFO(os.fstat(fd).st_mode):
            return
    except OSError:
        # The variable outlived its pipe: a program on the way closed the descriptors that it did not know.
        return
    _watched[fd] = grace
    _start_watching(fd, grace)


def _start_watching(fd: int, grace: float) -> None:
    threading.Thread(target=_wait_for_end, args=(fd, grace), name="parent-watch", daemon=True).start()


def _wait_for_end(fd: int, grace: float) -> None:
    try:
        while os.read(fd, 64):
            pass
    except OSError:
        return  # our own end was closed; that says nothing about the parent
    if grace > 0:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(grace)
        if os.getpgrp() == os.getpid():
            # The leader ends the rest of its group as well: those may be stuck where none of their threads runs.
            with contextlib.suppress(OSError):
                os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(1)


def _watch_in_fork() -> None:
    """Threads do not survive a fork, and the watch must."""
    for fd, grace in _watched.items():
        _start_watching(fd, grace)


os.register_at_fork(after_in_child=_watch_in_fork)


def main() -> None:
    """`python -m lemonstudio.processes.parent_watch MODULE ARGUMENT…`: run a module that knows nothing of its parent.

    It ends at once with its parent, without a grace.
    """
    watch_parent(grace=0)
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
