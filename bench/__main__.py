"""`python -m bench [--quick]`: measures, prints one table, and ends with 1 if anything was lost or POSTed twice."""

import argparse
import os
import platform
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench import report
from bench.rounds import Conditions, Figures, Idle, Make, generate, idle
from bench.sides import Ours, Plain
from bench.upstream import noisy_png

# More than the figures need: what is measured is the engine, not the account's limit.
PLENTY = 100_000


@dataclass(frozen=True, slots=True)
class Plan:
    # Seconds: of a synchronous answer, and of the shortest and the longest task.
    delay: float = 2.0
    shortest: float = 10.0
    longest: float = 60.0
    singles: int = 20
    at_once: tuple[int, ...] = (50, 200, 500)
    tasks: int = 1000
    # Also under the account's usual limit of 1,000 requests a minute.
    limited: bool = True
    # The plain way does four at a time: beyond these numbers only its duration would be learned, in half an hour.
    plain_at_once: int = 100
    plain_tasks: int = 12
    rest: float = 5.0
    patience: float = 420.0


QUICK = Plan(
    delay=0.5,
    shortest=0.5,
    longest=2.5,
    singles=2,
    at_once=(20,),
    tasks=20,
    limited=False,
    plain_at_once=8,
    plain_tasks=4,
    rest=0.5,
    patience=60.0,
)


def note(text: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")


class Bench:
    def __init__(self, plan: Plan, folder: Path) -> None:
        self.plan = plan
        picture = folder / "picture.png"
        picture.write_bytes(noisy_png())
        self.conditions = Conditions(picture, plan.delay, plan.shortest, plan.longest)
        self.rows: list[tuple[str, str, str]] = []
        self.problems: list[str] = []

    def run(self, only: set[str]) -> None:
        rounds = {"idle": self.idle, "one": self.one, "sync": self.sync, "async": self.asynchronous}
        for name, measure in rounds.items():
            if not only or name in only:
                measure()

    def idle(self) -> None:
        def words(one: Idle) -> tuple[str, str]:
            return f"{one.start:.1f} s", f"{one.memory.pss:.0f} MiB (worker {one.worker_memory.pss:.0f})"

        note("idle")
        ours = words(idle(Ours, self.conditions, rest=self.plan.rest))
        plain = words(idle(Plain, self.conditions, rest=self.plan.rest))
        self.rows += [("start", ours[0], f"{plain[0]}, no web"), ("idle memory", ours[1], f"{plain[1]}, no web")]

    def one(self) -> None:
        ours, plain = (
            self._generate(make, "bench-sync", self.plan.singles, one_at_a_time=True) for make in (Ours, Plain)
        )
        label = f"overhead of one, {self.plan.singles} in a row, p50 / p95"
        self.rows.append((label, report.spread(ours.overheads, "ms"), report.spread(plain.overheads, "ms")))

    def sync(self) -> None:
        plain: dict[int, Figures] = {}
        for count in self.plan.at_once:
            ours = self._generate(partial(Ours, requests_per_minute=PLENTY), "bench-sync", count)
            some = min(count, self.plan.plain_at_once)
            if some not in plain:
                plain[some] = self._generate(Plain, "bench-sync", some)
            other = plain[some]
            guess = f"{other.wall:.1f} s" + (f" for {some}" if some < count else "")
            self.rows += [
                (f"{count} at once: wall", f"{ours.wall:.1f} s", guess),
                (f"{count} at once: lost", str(ours.lost), str(other.lost)),
                (f"{count} at once: peak memory, PSS (RSS)", _memory(ours), _memory(other)),
                (f"{count} at once: most requests under way", str(ours.most_at_once), str(other.most_at_once)),
            ]

    def asynchronous(self) -> None:
        ours = self._generate(partial(Ours, requests_per_minute=PLENTY), "bench-async", self.plan.tasks)
        plain = self._generate(Plain, "bench-async", self.plan.plain_tasks)
        label, few = f"{self.plan.tasks} tasks", f" (of {self.plan.plain_tasks})"
        self.rows += [
            (f"{label}: wall", f"{ours.wall:.0f} s", f"{plain.wall:.0f} s{few}"),
            (f"{label}: lost", str(ours.lost), str(plain.lost)),
            *self._task_rows(label, ours, plain, few),
        ]
        if self.plan.limited:
            ours = self._generate(Ours, "bench-async", self.plan.tasks)
            self.rows += self._task_rows(f"{label}, 1,000 requests a minute", ours, None, "")

    @staticmethod
    def _task_rows(label: str, ours: Figures, plain: Figures | None, few: str) -> list[tuple[str, str, str]]:
        rows = []
        for title, figure in (
            ("detection p50 / p95", lambda one: report.spread(one.detections, "s")),
            ("polls per generation", lambda one: f"{one.polls:.1f}"),
            ("worker's processor time", lambda one: f"{one.worker_cpu:.0f} s"),
            ("peak memory, PSS (RSS)", _memory),
        ):
            rows.append((f"{label}: {title}", figure(ours), f"{figure(plain)}{few}" if plain else "no limit known"))
        return rows

    def _generate(self, make: Make, model: str, count: int, *, one_at_a_time: bool = False) -> Figures:
        is_plain = make is Plain
        note(f"{'plain' if is_plain else 'studio'}: {count} × {model}{', one by one' if one_at_a_time else ''}")
        figures = generate(
            make, self.conditions, model, count, patience=self.plan.patience, one_at_a_time=one_at_a_time
        )
        note(f"  wall {figures.wall:.1f} s, cpu {figures.cpu:.1f} s, lost {figures.lost}, ends {figures.ends}")
        if not is_plain and (figures.lost or figures.posted_twice):
            self.problems.append(
                f"{count} × {model}: {figures.lost} lost, {figures.posted_twice} POSTed twice, ends {figures.ends}"
            )
        return figures


def _memory(figures: Figures) -> str:
    return f"{figures.peak.pss:.0f} ({figures.peak.rss:.0f}) MiB"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small numbers, in less than 40 s")
    parser.add_argument("--only", action="append", choices=["idle", "one", "sync", "async"], help="this round")
    arguments = parser.parse_args()
    # Ends by way of the finally blocks, so that no studio stays behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="lemonstudio-bench-") as folder:
        bench = Bench(QUICK if arguments.quick else Plan(), Path(folder))
        bench.run(set(arguments.only or ()))
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    sys.stdout.write(f"{report.table(bench.rows)}\n\n{machine}, {time.monotonic() - begun:.0f} s\n")
    for problem in bench.problems:
        sys.stdout.write(f"NOT GOOD: {problem}\n")
    return 1 if bench.problems else 0


if __name__ == "__main__":
    sys.exit(main())
