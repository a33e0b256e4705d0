"""A process on a leash goes when whoever holds the other end is gone, however that one was ended.

The leash is a pipe. The holder keeps the write end and never writes; the held processes inherit the read end.
Where the holder ends, even by kill -9, the kernel closes the write end, and everyone who reads sees the end of
the file. That needs no polling, no pid files, and works on Linux and macOS alike.
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
# What is left after this is ended without asking. Short: nobody supervises it any more, and the next supervisor
# may already be starting its successor.
GRACE = 3.0

_held: dict[int, float] = {}


class ParentPipe:
    """The holder's side. It must outlive every process that holds on to `fd`."""

    def __init__(self) -> None:
        self.fd, self._own = os.pipe()

    def drop(self) -> None:
        """Let go of everyone. A forked child does so with the copy of the holder's end that it inherited."""
        if self._own >= 0:
            os.close(self._own)
            self._own = -1

    def close(self) -> None:
        self.drop()
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


def hold(fd: int | None = None, grace: float = GRACE) -> None:
    """End this process and all that it forks when the holder of `fd` (or of $LEMONSTUDIO_PARENT_PIPE) is gone.

    With a grace, it gets a SIGTERM first and that many seconds to leave; without, it is gone at once. Holding
    twice is holding once, and without a leash in the environment this does nothing.
    """
    if fd is None:
        number = os.environ.get(VARIABLE, "")
        if not number.isdecimal():
            return
        fd = int(number)
    if fd in _held:
        return
    try:
        if not stat.S_ISFIFO(os.fstat(fd).st_mode):
            return
    except OSError:
        # The variable outlived its pipe: somewhere on the way a program closed what it did not know.
        return
    _held[fd] = grace
    _watch(fd, grace)


def _watch(fd: int, grace: float) -> None:
    threading.Thread(target=_wait, args=(fd, grace), name="leash", daemon=True).start()


def _wait(fd: int, grace: float) -> None:
    try:
        while os.read(fd, 64):
            pass
    except OSError:
        return  # somebody closed our end; that says nothing about the holder
    if grace > 0:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(grace)
        if os.getpgrp() == os.getpid():
            # The leader takes along what is left of its group: those may be stuck where none of their threads runs.
            with contextlib.suppress(OSError):
                os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(1)


def _again() -> None:
    """Threads do not survive a fork, the leash shall."""
    for fd, grace in _held.items():
        _watch(fd, grace)


os.register_at_fork(after_in_child=_again)


def main() -> None:
    """`python -m lemonstudio.processes.parent_watch MODULE ARGUMENT…`: run a module that knows nothing of its parent.

    It ends at once with its parent, without a grace.
    """
    hold(grace=0)
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
