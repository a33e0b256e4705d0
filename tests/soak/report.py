"""The tables that a soak prints at the end."""

import signal
from collections.abc import Sequence
from statistics import quantiles

from tests.soak.judge import Verdict
from tests.soak.killer import MOMENTS, WEB
from tests.soak.watch import Kill


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---", *("---:" for _ in head[1:])], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _spread(seconds: list[float | None]) -> str:
    known = sorted(number for number in seconds if number is not None)
    if not known:
        return "–"
    cuts = quantiles(known, n=20, method="inclusive") if len(known) > 1 else known * 19
    return f"{cuts[9]:.1f} / {cuts[18]:.1f}"


def kills(done: Sequence[Kill]) -> str:
    """A table by victim: for each state, the number of kills with a row in it, and the number of those rows."""
    head = ("killed", "times", "engine at work", *MOMENTS, "work again, s", "web again, s")
    rows = [_victim(name, [kill for kill in done if kill.victim == name]) for name in _names(done)]
    hard = [kill for kill in done if kill.signal == signal.SIGKILL]
    return table(head, [*rows, _victim("all kill -9", hard)])


def _names(done: Sequence[Kill]) -> list[str]:
    return sorted({kill.victim for kill in done}, key=lambda name: (name.startswith("SIGTERM"), name))


def _victim(name: str, kills: Sequence[Kill]) -> list[str]:
    moments = [
        f"{sum(kill.counts[moment] > 0 for kill in kills)} ({sum(kill.counts[moment] for kill in kills)})"
        for moment in MOMENTS
    ]
    return [
        name,
        str(len(kills)),
        str(sum(kill.engine_at_work for kill in kills)),
        *moments,
        _spread([kill.worked_after for kill in kills if kill.victim not in WEB]),
        _spread([kill.answered_after for kill in kills if kill.victim in WEB or "supervisor" in name]),
    ]


def ends(verdict: Verdict) -> str:
    states = sorted({end for _, end in verdict.ends})
    kinds = sorted({kind for kind, _ in verdict.ends})
    rows = [[kind, *(str(verdict.ends[kind, state]) for state in states)] for kind in kinds]
    sums = [str(sum(verdict.ends[kind, state] for kind in kinds)) for state in states]
    return table(("kind", *states), [*rows, ["all", *sums]])


def figures(verdict: Verdict) -> str:
    return "\n".join(f"{name}: {number}" for name, number in verdict.figures.items())
