"""The measurements, one function for each kind. Each starts its side anew, so that no round affects another."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import nan
from pathlib import Path
from typing import Any

from bench.measure import Memory, Watch, memory, tree
from bench.orders import Order
from bench.sides import Side, ask
from bench.upstream import Times, Upstream

Make = Callable[[Upstream], Side]


@dataclass(slots=True)
class Figures:
    """The figures of a round or of a part of it, in seconds. A list is empty if there is no such figure."""

    count: int
    lost: int
    posted_twice: int
    wall: float
    ends: set[str]
    # From asking to the stored original, without the upstream's own time.
    overheads: list[float] = field(default_factory=list)
    # From the moment at which the upstream had the picture to the moment at which the side knew.
    detections: list[float] = field(default_factory=list)
    # From the click to the answer with the card.
    clicks: list[float] = field(default_factory=list)
    # From asking to the arrival of the request at the upstream.
    waits: list[float] = field(default_factory=list)
    polls: float = 0


@dataclass(frozen=True, slots=True)
class Round:
    """The orders, a row for each generation, the upstream's counts, and the memory and processor time of the side."""

    orders: Sequence[Order]
    rows: list[dict[str, Any]]
    stats: dict[str, Any]
    peak: Memory = field(default_factory=Memory)
    cpu: float = 0
    worker_cpu: float = 0

    @property
    def most_at_once(self) -> int:
        return int(self.stats["most_at_once"])

    def figures(self, orders: Sequence[Order] | None = None) -> Figures:
        """The figures of all orders, or of these."""
        prompts = {order.prompt for order in (self.orders if orders is None else orders)}
        rows = [row for row in self.rows if row["prompt"] in prompts]
        stored = {row["prompt"]: row for row in rows if row["stored_at"]}
        tasks = {task["prompt"]: task for task in self.stats["tasks"] if task["prompt"] in prompts}
        posted_at, delays = self.stats["posted_at"], self.stats["delays"]
        first_asked_at = min((row["asked_at"] for row in rows), default=nan)
        return Figures(
            count=len(prompts),
            lost=len(prompts) - len(stored),
            posted_twice=sum(self.stats["posts"].get(prompt, 0) > 1 for prompt in prompts),
            wall=max((row["stored_at"] for row in stored.values()), default=nan) - first_asked_at,
            ends={row["end"] for row in rows},
            overheads=[
                row["stored_at"] - row["asked_at"] - delays[prompt]
                for prompt, row in stored.items()
                if prompt in delays
            ],
            detections=[
                row["noticed_at"] - tasks[row["prompt"]]["ready_at"]
                for row in rows
                if row["prompt"] in tasks and row["noticed_at"]
            ],
            clicks=[row["click"] for row in rows if "click" in row],
            waits=[posted_at[row["prompt"]] - row["asked_at"] for row in rows if row["prompt"] in posted_at],
            polls=sum(task["polls"] for task in tasks.values()) / max(1, len(tasks)),
        )


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
    """The upstream's times, and the picture that it delivers."""

    picture: Path
    times: Times

    def upstream(self) -> Upstream:
        return Upstream(self.picture, self.times)


def idle(make: Make, conditions: Conditions, *, rest: float) -> Idle:
    upstream = conditions.upstream()
    try:
        with running(make, upstream) as (side, seconds):
            time.sleep(rest)
            return Idle(seconds, memory(tree(side.root)), memory(tree(side.worker)))
    finally:
        upstream.close()


def generate(
    make: Make, conditions: Conditions, orders: list[Order], *, patience: float, one_at_a_time: bool = False
) -> Round:
    upstream = conditions.upstream()
    try:
        with running(make, upstream) as (side, _):
            time.sleep(0.5)
            with Watch(side.root) as whole, Watch(side.worker, every=1e9) as worker:
                rows = ask(side, orders, patience=patience, one_at_a_time=one_at_a_time)
            return Round(orders, rows, upstream.stats(), whole.peak, whole.cpu, worker.cpu)
    finally:
        upstream.close()
