"""How much of everything is asked for: the whole benchmark, and a small one."""

from dataclasses import dataclass, field

from bench.upstream import Times

# More than the figures need: what is measured is the engine, not the account's limit.
PLENTY = 100_000
# What the studio keeps to by default, and how many seconds' worth it may send at once (gallery.engine.rate_limit).
USUAL_LIMIT = 1_000
BURST_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Steady:
    """Tasks at regular moments. Those count that are asked for in the window: from `begin` to `end` seconds.

    The asking goes on until the last of them is known: otherwise the budget would be free for them alone.
    """

    per_second: float = 6.0
    seconds: float = 200.0
    begin: float = 60.0
    end: float = 120.0

    @property
    def count(self) -> int:
        return round(self.per_second * self.seconds)

    @property
    def polls(self) -> float:
        """What the usual limit leaves, for each task."""
        return (USUAL_LIMIT / 60 - self.per_second) / self.per_second


@dataclass(frozen=True, slots=True)
class Mixed:
    """Two people with very much under way, and a third who wants a single picture every now and then."""

    slow: int = 500
    tasks: int = 500
    singles: int = 14
    every: float = 3.7
    # And one who comes after so many.
    crowd: int = 500


@dataclass(frozen=True, slots=True)
class Plan:
    times: Times = field(default_factory=Times)
    singles: int = 20
    at_once: tuple[int, ...] = (50, 200, 500)
    tasks: int = 1000
    # Also under the account's usual limit.
    limited: bool = True
    steady: Steady = field(default_factory=Steady)
    # The steady round's 95th percentile may be so many times the least; what a small round has is no measure.
    slack: float | None = 1.1
    mixed: Mixed = field(default_factory=Mixed)
    # The plain way does four at a time: beyond these numbers only its duration would be learned, in half an hour.
    plain_at_once: int = 100
    plain_tasks: int = 12
    rest: float = 5.0
    patience: float = 420.0


QUICK = Plan(
    times=Times(delay=0.5, slow=3.0, shortest=0.5, longest=2.5),
    singles=2,
    at_once=(20,),
    tasks=20,
    limited=False,
    steady=Steady(per_second=5.0, seconds=5.0, begin=1.0, end=3.0),
    slack=None,
    mixed=Mixed(slow=10, tasks=10, singles=3, every=0.7, crowd=10),
    plain_at_once=8,
    plain_tasks=4,
    rest=0.5,
    patience=60.0,
)
