"""The studio's processes in /proc: which is which, and which are still alive. Linux only."""

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

MARK = "LEMONSTUDIO_SOAK"


def _read(pid: int, name: str) -> bytes:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/{name}").read_bytes()
    return b""


def _stat(pid: int) -> list[bytes]:
    """The fields of /proc/<pid>/stat from the third (the state) on; empty for a process that is gone or a zombie."""
    fields = _read(pid, "stat").rpartition(b")")[2].split()
    return fields if fields and fields[0] != b"Z" else []


def is_alive(pid: int, mark: str) -> bool:
    """Whether this is a live process with that mark in its environment."""
    return f"{MARK}={mark}".encode() in _read(pid, "environ").split(b"\0") and bool(_stat(pid))


def alive(mark: str) -> set[int]:
    return {int(name) for name in os.listdir("/proc") if name.isdecimal() and is_alive(int(name), mark)}


def children(pid: int) -> list[int]:
    """The children that its main thread has forked, oldest first."""
    found = [
        (fields[19], child) for child in _read(pid, f"task/{pid}/children").split() if (fields := _stat(int(child)))
    ]
    return [int(child) for _, child in sorted(found, key=lambda pair: (int(pair[0]), int(pair[1])))]


def descendants(pid: int) -> set[int]:
    found = set(children(pid))
    return found.union(*map(descendants, found))


def talks_to(pid: int, port: int) -> bool:
    """Whether a process has a TCP connection to this port."""
    suffix = f":{port:04X}".encode()
    sockets = set()
    for line in _read(pid, "net/tcp").splitlines()[1:]:
        fields = line.split()
        if fields[2].endswith(suffix):
            sockets.add(f"socket:[{fields[9].decode()}]")
    with contextlib.suppress(OSError):
        for descriptor in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                if os.readlink(f"/proc/{pid}/fd/{descriptor}") in sockets:
                    return True
    return False


@dataclass(frozen=True, slots=True)
class Tree:
    """The pids of a studio's processes at one moment; 0 and () stand for missing processes."""

    supervisor: int = 0
    cluster: int = 0
    sentinel: int = 0
    workers: tuple[int, ...] = ()
    monitor: int = 0
    pusher: int = 0
    web: int = 0
    web_workers: tuple[int, ...] = ()

    @classmethod
    def below(cls, supervisor: int, workers: int) -> "Tree":
        """The process tree of a supervisor, whose cluster has this number of workers."""
        parts = {word: pid for pid in children(supervisor) for word in _read(pid, "cmdline").split(b"\0")}
        # Until a forked child executes its program, it has its parent's command line, and is not found here.
        cluster, web = parts.get(b"cluster", 0), parts.get(b"gunicorn", 0)
        sentinel = next(iter(children(cluster)), 0)
        forked = children(sentinel)
        # The sentinel forks its workers, then the monitor, then the pusher.
        complete = len(forked) == workers + 2
        return cls(
            supervisor=supervisor,
            cluster=cluster,
            sentinel=sentinel,
            workers=tuple(forked[:workers]) if complete else (),
            monitor=forked[-2] if complete else 0,
            pusher=forked[-1] if complete else 0,
            web=web,
            web_workers=tuple(children(web)),
        )
