"""What is measured, one function each; each starts its side anew, so that no round pays for another."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import nan
from pathlib import Path
from typing import Any

from bench.measure import Memory, Watch, memory, tree
from bench.sides import Side, ask
from bench.upstream import Upstream

Make = Callable[[Upstream], Side]


@dataclass(slots=True)
class Figures:
    """Of one round; seconds. Empty lists where the round has no such figure."""

    count: int
    lost: int
    posted_twice: int
    wall: float
    ends: set[str]
    peak: Memory
    cpu: float
    worker_cpu: float
    # Beyond the upstream's own time, from asking to the stored original.
    overheads: list[float] = field(default_factory=list)
    # From the moment at which the upstream had the picture to that at which it was known.
    detections: list[float] = field(default_factory=list)
    polls: float = 0
    most_at_once: int = 0


@dataclass(frozen=True, slots=True)
class Idle:
    start: float
    memory: Memory
    worker_memory: Memory


@contextmanager
def running(make: Make, upstream: Upstream) -> Iterator[tuple[Side, float]]:
    side = make(upstream)
    try:
        yield side, side.start()
    finally:
        side.stop()


@dataclass(frozen=True, slots=True)
class Conditions:
    """The upstream's: how long a synchronous answer takes, and an asynchronous task; the picture that comes."""

    picture: Path
    delay: float = 2.0
    shortest: float = 10.0
    longest: float = 60.0

    def upstream(self) -> Upstream:
        return Upstream(self.picture, self.delay, self.shortest, self.longest)


def idle(make: Make, conditions: Conditions, *, rest: float) -> Idle:
    upstream = conditions.upstream()
    try:
        with running(make, upstream) as (side, seconds):
            time.sleep(rest)
            return Idle(seconds, memory(tree(side.root)), memory(tree(side.worker)))
    finally:
        upstream.close()


def generate(
    make: Make, conditions: Conditions, model: str, count: int, *, patience: float, one_at_a_time: bool = False
) -> Figures:
    upstream = conditions.upstream()
    try:
        with running(make, upstream) as (side, _):
            time.sleep(0.5)
            with Watch(side.root) as all_of_it, Watch(side.worker, every=1e9) as worker:
                rows = ask(side, model, count, patience=patience, one_at_a_time=one_at_a_time)
            return _figures(count, rows, upstream, all_of_it, worker)
    finally:
        upstream.close()


def _figures(count: int, rows: list[dict[str, Any]], upstream: Upstream, all_of_it: Watch, worker: Watch) -> Figures:
    stats = upstream.stats()
    stored = [row for row in rows if row["stored_at"]]
    ready = {task["prompt"]: task["ready_at"] for task in stats["tasks"]}
    asked = [row["asked_at"] for row in rows]
    return Figures(
        count=count,
        lost=count - len(stored),
        posted_twice=sum(posts > 1 for posts in stats["posts"].values()),
        wall=max((row["stored_at"] for row in stored), default=nan) - min(asked, default=nan),
        ends={row["end"] for row in rows},
        peak=all_of_it.peak,
        cpu=all_of_it.cpu,
        worker_cpu=worker.cpu,
        overheads=[row["stored_at"] - row["asked_at"] - upstream.delay for row in stored if row["prompt"] not in ready],
        detections=[
            row["noticed_at"] - ready[row["prompt"]] for row in rows if row["prompt"] in ready and row["noticed_at"]
        ],
        polls=sum(task["polls"] for task in stats["tasks"]) / max(1, len(stats["tasks"])),
        most_at_once=stats["most_at_once"],
    )
