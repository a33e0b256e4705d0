"""The studio's processes, as /proc shows them: who is who, and who is still there. Linux only."""

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

MARK = "LEMONSTUDIO_SOAK"


@dataclass(frozen=True, slots=True)
class Process:
    pid: int
    parent: int
    started: int


def _read(pid: int | str, name: str) -> bytes:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/{name}").read_bytes()
    return b""


def alive(mark: str) -> dict[int, Process]:
    """All processes with this mark in their environment; zombies do not count."""
    found = {}
    for name in os.listdir("/proc"):
        if name.isdecimal() and f"{MARK}={mark}".encode() in _read(name, "environ").split(b"\0"):
            fields = _read(name, "stat").rpartition(b")")[2].split()
            if fields and fields[0] != b"Z":
                found[int(name)] = Process(int(name), parent=int(fields[1]), started=int(fields[19]))
    return found


def descendants(processes: dict[int, Process], root: int) -> set[int]:
    found = {root} & processes.keys()
    while more := {one.pid for one in processes.values() if one.parent in found} - found:
        found |= more
    return found


def talks_to(pid: int, port: int) -> bool:
    """Whether it holds a TCP connection to that port of this machine."""
    wanted = f":{port:04X}".encode()
    sockets = set()
    for line in _read(pid, "net/tcp").splitlines()[1:]:
        fields = line.split()
        if fields[2].endswith(wanted):
            sockets.add(f"socket:[{fields[9].decode()}]")
    with contextlib.suppress(OSError):
        for descriptor in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                if os.readlink(f"/proc/{pid}/fd/{descriptor}") in sockets:
                    return True
    return False


@dataclass(frozen=True, slots=True)
class Tree:
    """A studio's processes at one moment; 0 and () where somebody is not there."""

    supervisor: int = 0
    cluster: int = 0
    sentinel: int = 0
    workers: tuple[int, ...] = ()
    monitor: int = 0
    pusher: int = 0
    web: int = 0
    web_workers: tuple[int, ...] = ()

    @classmethod
    def below(cls, supervisor: int, mark: str, workers: int) -> "Tree":
        processes = alive(mark)

        def children(pid: int) -> list[int]:
            if not pid:
                return []
            mine = [one for one in processes.values() if one.parent == pid]
            return [one.pid for one in sorted(mine, key=lambda one: (one.started, one.pid))]

        def part(word: bytes) -> int:
            """Before it has become that program, a child's command is still its parent's."""
            return next((pid for pid in children(supervisor) if word in _read(pid, "cmdline").split(b"\0")), 0)

        cluster, web = part(b"cluster"), part(b"gunicorn")
        sentinel = next(iter(children(cluster)), 0)
        forked = children(sentinel)
        # The sentinel forks its workers, then the monitor, then the pusher.
        complete = len(forked) == workers + 2
        return cls(
            supervisor=supervisor if supervisor in processes else 0,
            cluster=cluster,
            sentinel=sentinel,
            workers=tuple(forked[:workers]) if complete else (),
            monitor=forked[-2] if complete else 0,
            pusher=forked[-1] if complete else 0,
            web=web,
            web_workers=tuple(children(web)),
        )
