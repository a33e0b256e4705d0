"""The sizes of all rounds, for the whole benchmark and for a quick one."""

from dataclasses import dataclass, field

from bench.upstream import Times

# Requests a minute. A limit that no round reaches, to measure the engine and not the account's limit.
PLENTY = 100_000
# The studio's default requests a minute, and the seconds' worth that it may send at once (gallery.engine.rate_limit).
USUAL_LIMIT = 1_000
BURST_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Steady:
    """Tasks at regular moments. Only tasks from the window count: from `begin` to `end` seconds.

    New tasks are asked for until the last result of the window is known. Otherwise the window's last tasks would have
    all polls for themselves.
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
        """The polls that the usual limit leaves for each task."""
        return (USUAL_LIMIT / 60 - self.per_second) / self.per_second


@dataclass(frozen=True, slots=True)
class Mixed:
    """Two people with very much under way, and a third person who wants a single picture every few seconds."""

    slow: int = 500
    tasks: int = 500
    singles: int = 14
    every: float = 3.7
    # Generations of one person before those of another.
    crowd: int = 500


@dataclass(frozen=True, slots=True)
class Plan:
    times: Times = field(default_factory=Times)
    singles: int = 20
    at_once: tuple[int, ...] = (50, 200, 500)
    tasks: int = 1000
    # Whether to measure the tasks also under the account's usual limit.
    limited: bool = True
    steady: Steady = field(default_factory=Steady)
    # The steady round's 95th percentile may be this many times the least delay. None for a small round, which says
    # little.
    slack: float | None = 1.1
    mixed: Mixed = field(default_factory=Mixed)
    # The plain side does four at a time. Larger numbers would show nothing new, and take half an hour.
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
