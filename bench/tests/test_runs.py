"""The benchmark as it is run, with a plain implementation in the studio's place."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bench.__main__ import main
from bench.orders import at_once
from bench.parts import Bench
from bench.plan import QUICK, Steady
from bench.sides import Plain, Side
from bench.tests.test_bench import post
from bench.upstream import Upstream


def well(upstream: Upstream, requests_per_minute: int | None) -> Side:
    return Plain(upstream)


def posting_twice(upstream: Upstream, requests_per_minute: int | None) -> Side:
    """One of the prompts was asked for before."""
    post(upstream, at_once("bench-sync", QUICK.singles)[-1])
    return Plain(upstream)


def losing(upstream: Upstream, requests_per_minute: int | None) -> Side:
    """Its tasks ask at an address where no server listens."""
    side = Plain(upstream)
    side.env["BENCH_ORIGIN"] = "http://127.0.0.1:1"
    return side


@pytest.mark.process
@pytest.mark.parametrize(
    ("studio", "status", "said"),
    [(well, 0, ""), (posting_twice, 1, "0 lost, 1 POSTed twice"), (losing, 1, "2 lost, 0 POSTed twice")],
)
def test_exit_status(
    studio: Callable[[Upstream, int | None], Side], status: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The plain way in the studio's place, in three guises; everything else is the benchmark as it is run."""
    assert main(["--quick", "--only", "one"], studio) == status
    printed = capsys.readouterr().out
    assert "overhead of one, 2 in a row" in printed
    assert ("NOT GOOD" in printed) == bool(status)
    assert said in printed


@pytest.mark.process
def test_results_that_are_found_late_are_a_problem(tmp_path: Path) -> None:
    """Every poll comes later than a hundredth of the least."""
    bench = Bench(replace(QUICK, steady=Steady(5.0, 1.0, 0.0, 1.0), slack=0.01), tmp_path, well)
    bench.run({"steady"})
    assert len(bench.problems) == 1
    assert "detection p95" in bench.problems[0]
    assert any("no schedule's p95 is below" in row[0] for row in bench.rows)
