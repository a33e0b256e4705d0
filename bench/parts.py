"""The parts of the benchmark. Each adds rows to the table, and its problems."""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench import downloads, library, limit, report
from bench.orders import Order, at_once, between, regularly
from bench.plan import BURST_SECONDS, PLENTY, QUICK, USUAL_LIMIT, Plan
from bench.rounds import Conditions, Figures, Idle, Make, Round, generate, idle
from bench.sides import Ours, Plain, Side
from bench.upstream import Upstream, duration, noisy_png

# Makes the side that is judged. The second argument is the requests a minute; None stands for the usual limit.
Studio = Callable[[Upstream, int | None], Side]
PARTS = ("idle", "one", "sync", "async", "steady", "mixed", "library", "downloads")
# These make very many pictures first. A quick run leaves them out, except with --only.
LARGE = {"library", "downloads"}


def note(text: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")


def problems_of(label: str, figures: Figures) -> list[str]:
    """The problems of a round: generations that cost money and brought nothing, or that were paid twice."""
    if not (figures.lost or figures.posted_twice):
        return []
    return [f"{label}: {figures.lost} lost, {figures.posted_twice} POSTed twice, ends {sorted(figures.ends)}"]


def too_slow(label: str, detections: list[float], least: float, slack: float | None) -> list[str]:
    """A problem if the 95th percentile is more than `slack` times the least delay; none if `slack` is None."""
    reached = report.percentile(detections, 95)
    # The percentile of no detections is NaN, which counts as a problem too.
    if slack is None or reached <= least * slack:
        return []
    return [f"{label}: detection p95 is {reached:.1f} s, more than {slack:.2f} × {least:.1f} s"]


class Bench:
    def __init__(self, plan: Plan, folder: Path, studio: Studio = Ours, plain: "dict[str, Any] | None" = None) -> None:
        """Two that are compared share what they know of the plain way, in `plain`."""
        self.plan = plan
        self.known: dict[str, Any] = {} if plain is None else plain
        self.studio: Make = lambda upstream: studio(upstream, None)
        self.unlimited: Make = lambda upstream: studio(upstream, PLENTY)
        picture = folder / "picture.png"
        picture.write_bytes(noisy_png())
        self.conditions = Conditions(picture, plan.times)
        self.rows: list[tuple[str, str, str]] = []
        self.problems: list[str] = []

    def parts(self, only: set[str]) -> list[str]:
        """These parts, or all that belong to the plan, in their order."""
        chosen = only or (set(PARTS) - LARGE if self.plan is QUICK else set(PARTS))
        return [name for name in PARTS if name in chosen]

    def run(self, only: set[str]) -> None:
        large = (self.library, self.downloads)
        parts = (self.idle, self.one, self.sync, self.asynchronous, self.steady, self.mixed, *large)
        for name, measure in zip(PARTS, parts, strict=True):
            if name in self.parts(only):
                measure()

    # -- the parts

    def idle(self) -> None:
        def words(result: Idle) -> tuple[str, str]:
            return f"{result.start:.1f} s", f"{result.memory.pss:.0f} MiB (worker {result.worker_memory.pss:.0f})"

        note("idle")
        ours = words(idle(self.studio, self.conditions, rest=self.plan.rest))
        if "idle" not in self.known:
            self.known["idle"] = words(idle(Plain, self.conditions, rest=self.plan.rest))
        plain = self.known["idle"]
        self.rows += [("start", ours[0], f"{plain[0]}, no web"), ("idle memory", ours[1], f"{plain[1]}, no web")]

    def one(self) -> None:
        label, orders = f"overhead of one, {self.plan.singles} in a row", at_once("bench-sync", self.plan.singles)
        ours = self._round(label, self.studio, orders, one_at_a_time=True)
        plain = self._plain(orders, one_at_a_time=True).figures().overheads
        self.rows += [
            (f"{label}, p50 / p95", report.spread(ours.figures().overheads, "ms"), report.spread(plain, "ms")),
            *_click_rows(label, ours),
        ]

    def sync(self) -> None:
        plain: dict[int, Round] = {}
        for count in self.plan.at_once:
            label = f"{count} at once"
            ours = self._round(label, self.unlimited, at_once("bench-sync", count))
            some = min(count, self.plan.plain_at_once)
            if some not in plain:
                plain[some] = self._plain(at_once("bench-sync", some))
            other = plain[some]
            plain_wall = f"{other.figures().wall:.1f} s" + (f" for {some}" if some < count else "")
            self.rows += [
                (f"{label}: wall", f"{ours.figures().wall:.1f} s", plain_wall),
                (f"{label}: lost", str(ours.figures().lost), str(other.figures().lost)),
                *_click_rows(label, ours, other),
                (f"{label}: peak memory, PSS (RSS)", _memory(ours), _memory(other)),
                (f"{label}: most under way", str(ours.most_at_once), str(other.most_at_once)),
            ]

    def asynchronous(self) -> None:
        label, few = f"{self.plan.tasks} tasks", f" (of {self.plan.plain_tasks})"
        orders = at_once("bench-async", self.plan.tasks)
        ours = self._round(label, self.unlimited, orders)
        plain = self._plain(at_once("bench-async", self.plan.plain_tasks))
        self.rows += [
            (f"{label}: wall", f"{ours.figures().wall:.0f} s", f"{plain.figures().wall:.0f} s{few}"),
            (f"{label}: lost", str(ours.figures().lost), f"{plain.figures().lost}{few}"),
            *_task_rows(label, ours, plain, few),
        ]
        if self.plan.limited:
            label += f", {USUAL_LIMIT:,} requests a minute"
            self.rows += [
                *_task_rows(label, self._round(label, self.studio, orders)),
                *self._limits_at_once(label, orders),
            ]

    def _limits_at_once(self, label: str, orders: list[Order]) -> list[tuple[str, str, str]]:
        times, per_second = self.plan.times, USUAL_LIMIT / 60
        burst = per_second * BURST_SECONDS
        durations = [duration(order.prompt, times.shortest, times.longest) for order in orders]
        each = limit.once_each(durations, per_second=per_second, burst=burst)
        least = [
            limit.least_percentile_at_once(
                percent,
                len(orders),
                per_second=per_second,
                burst=burst,
                shortest=times.shortest,
                longest=times.longest,
            )
            for percent in (50, 95)
        ]
        return [
            (f"{label}: one poll each, none in vain, p50 / p95", report.spread(each, "s"), ""),
            (f"{label}: no schedule is below, p50 / p95", f"{least[0]:.2f} / {least[1]:.2f} s", ""),
        ]

    def steady(self) -> None:
        steady, times = self.plan.steady, self.plan.times
        label = f"{steady.per_second:.0f} tasks a second, {USUAL_LIMIT:,} requests a minute"
        orders = regularly("bench-async", steady.count, 1 / steady.per_second)
        ours = self._round(label, self.studio, orders)
        counting = ours.figures(between(orders, steady.begin, steady.end))
        least = limit.least_percentile(steady.polls, shortest=times.shortest, longest=times.longest)
        self.rows += [
            (f"{label}: detection p50 / p95", report.spread(counting.detections, "s"), ""),
            (f"{label}: no schedule's p95 is below", f"{least:.1f} s", ""),
            (f"{label}: polls per generation", f"{counting.polls:.2f} (there are {steady.polls:.2f})", ""),
            (f"{label}: lost", f"{ours.figures().lost} of {steady.count}", ""),
            (f"{label}: peak memory, PSS (RSS)", _memory(ours), ""),
        ]
        self.problems += too_slow(label, counting.detections, least, self.plan.slack)

    def mixed(self) -> None:
        mixed = self.plan.mixed
        label = f"{mixed.slow} POSTs that hang and {mixed.tasks} tasks"
        slow = at_once("bench-slow", mixed.slow, person=0)
        tasks = at_once("bench-async", mixed.tasks, person=1)
        # The first single comes when nearly all of the others have been asked for.
        singles = regularly("bench-sync", mixed.singles, mixed.every, first=mixed.every, person=2)
        ours = self._round(label, self.unlimited, [*slow, *tasks, *singles])
        everything = ours.figures()
        self.rows += [
            (f"{label}: a teammate's overhead, p50 / p95", report.spread(ours.figures(singles).overheads, "ms"), ""),
            (f"{label}: lost, POSTed twice", f"{everything.lost}, {everything.posted_twice}", ""),
            (f"{label}: detection p50 / p95", report.spread(ours.figures(tasks).detections, "s"), ""),
            (f"{label}: peak memory, PSS (RSS)", _memory(ours), ""),
            (f"{label}: most under way", str(ours.most_at_once), ""),
        ]
        self._crowd(mixed.crowd)

    def _crowd(self, count: int) -> None:
        label = f"a teammate's one after {count}, {USUAL_LIMIT:,} requests a minute"
        crowd, late = at_once("bench-sync", count, person=0), Order(f"bench-late-{count}", "bench-sync", person=1)
        ours = self._round(label, self.studio, [*crowd, late])
        last = max(ours.figures(crowd).waits, default=float("nan"))
        waited = ours.figures([late]).waits
        words = f"{waited[0]:.2f} s" if waited else "never"
        self.rows.append((f"{label}: asked to POSTed", f"{words} (the others' last: {last:.0f} s)", ""))

    def library(self) -> None:
        rows, problems = library.measure(library.QUICK if self.plan.slack is None else library.Size(), note)
        self.rows += rows
        self.problems += problems

    def downloads(self) -> None:
        rows, problems = downloads.measure(downloads.QUICK if self.plan.slack is None else downloads.Size(), note)
        self.rows += rows
        self.problems += problems

    # -- rounds

    def _round(self, label: str, make: Make, orders: list[Order], *, one_at_a_time: bool = False) -> Round:
        """Measure a round of the studio, and record its problems."""
        done = self._measure(f"studio: {label}", make, orders, one_at_a_time)
        self.problems += problems_of(label, done.figures())
        return done

    def _plain(self, orders: list[Order], *, one_at_a_time: bool = False) -> Round:
        label = f"plain: {len(orders)} × {orders[0].model}{', one at a time' if one_at_a_time else ''}"
        if label not in self.known:
            self.known[label] = self._measure(label, Plain, orders, one_at_a_time)
        done: Round = self.known[label]
        return done

    def _measure(self, label: str, make: Make, orders: list[Order], one_at_a_time: bool) -> Round:
        note(label)
        done = generate(make, self.conditions, orders, patience=self.plan.patience, one_at_a_time=one_at_a_time)
        figures = done.figures()
        note(f"  wall {figures.wall:.1f} s, cpu {done.cpu:.1f} s, lost {figures.lost}, ends {sorted(figures.ends)}")
        return done


def _memory(result: Round) -> str:
    return f"{result.peak.pss:.0f} ({result.peak.rss:.0f}) MiB"


def _click_rows(label: str, ours: Round, plain: Round | None = None) -> list[tuple[str, str, str]]:
    """How long people wait for an answer to a click, and what a generation costs the processor."""

    def words(done: Round) -> str:
        each = 1000 * done.cpu / max(1, len(done.orders))
        return f"{done.cpu:.1f} s, of that the worker {done.worker_cpu:.1f} s; {each:.0f} ms each"

    return [
        (f"{label}: answer to a click, p50 / p95", report.spread(ours.figures().clicks, "ms"), ""),
        (f"{label}: processor time", words(ours), words(plain) if plain else ""),
    ]


def _task_rows(label: str, ours: Round, plain: Round | None = None, few: str = "") -> list[tuple[str, str, str]]:
    """The rows of a round with tasks. The plain side knows no rate limit, so a limited round has no `plain`."""
    rows = []
    for title, figure in (
        ("detection p50 / p95", lambda result: report.spread(result.figures().detections, "s")),
        ("polls per generation", lambda result: f"{result.figures().polls:.1f}"),
        ("worker's processor time", lambda result: f"{result.worker_cpu:.0f} s"),
        ("peak memory, PSS (RSS)", _memory),
    ):
        rows.append((f"{label}: {title}", figure(ours), f"{figure(plain)}{few}" if plain else ""))
    return rows
