"""The memory and processor time of a process tree, from /proc. Linux only."""

import os
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

TICKS = os.sysconf("SC_CLK_TCK")
MIB = 2**20


def _parents() -> dict[int, int]:
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdecimal():
            fields = _fields(int(entry))
            if fields:
                parents[int(entry)] = int(fields[1])
    return parents


def _fields(pid: int) -> list[str]:
    """The fields of /proc/<pid>/stat from the third (the state) on; empty if the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def tree(root: int) -> list[int]:
    """The pids of a process and all its descendants."""
    parents = _parents()
    found = [root] if root in parents else []
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return found


def child(root: int, word: str) -> int:
    """The first process in the tree of `root` whose command line has this argument. Raises LookupError."""
    for pid in tree(root):
        try:
            if word in Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0"):
                return pid
        except OSError:
            continue
    raise LookupError(f"no process {word!r} below {root}")


def cpu_seconds(root: int) -> float:
    """The processor time of a tree so far, in seconds, with its children that have ended."""
    return sum(sum(map(int, fields[11:15])) for fields in map(_fields, tree(root)) if fields) / TICKS


@dataclass(frozen=True, slots=True)
class Memory:
    """MiB. `pss` counts a shared page once for all processes, `rss` once for each."""

    pss: float = 0
    rss: float = 0


def memory(pids: Iterable[int]) -> Memory:
    sums = {"Pss": 0, "Rss": 0}
    for pid in pids:
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        for line in lines:
            name, _, value = line.partition(":")
            if name in sums:
                sums[name] += int(value.split()[0])
    return Memory(sums["Pss"] / 1024, sums["Rss"] / 1024)


class Watch:
    """Samples a tree's memory while its context is open. `peak` has the highest value of each kind."""

    def __init__(self, root: int, every: float = 0.5) -> None:
        self.peak = Memory()
        self._root, self._every = root, every
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._cpu_before = cpu_seconds(root)
        self.cpu = 0.0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._sample()
        self.cpu = cpu_seconds(self._root) - self._cpu_before

    def _run(self) -> None:
        while not self._over.wait(self._every):
            self._sample()

    def _sample(self) -> None:
        now = memory(tree(self._root))
        self.peak = Memory(max(self.peak.pss, now.pss), max(self.peak.rss, now.rss))
