"""The limits that the benchmark compares with, checked against values that are computed by hand."""

import random
import time
from itertools import pairwise
from math import inf
from statistics import mean

import pytest

from bench.limit import STEP, least_percentile, least_percentile_at_once, once_each
from bench.orders import at_once
from bench.plan import BURST_SECONDS, Steady
from bench.report import percentile
from bench.upstream import duration
from gallery.engine import rate_limit

SHORTEST, LONGEST, GAP = 10.0, 60.0, 3.0


# Coarser and quicker than the step of the benchmark.
COARSE = 0.25


def least(polls: float, percent: float = 95.0, step: float = COARSE) -> float:
    return least_percentile(polls, shortest=SHORTEST, longest=LONGEST, gap=GAP, percent=percent, step=step)


def done(age: float) -> float:
    """The share of tasks that are done at this age."""
    return min(1.0, max(0.0, (age - SHORTEST) / (LONGEST - SHORTEST)))


def polls_of(schedule: list[float]) -> float:
    """The average number of polls of a task: each poll is for the tasks that were not done at the poll before."""
    return sum(1 - done(before) for before in [0.0, *schedule[:-1]])


def late_share(schedule: list[float], seconds: float) -> float:
    """The share of tasks that are found more than `seconds` after they were done."""
    return sum(max(0.0, done(poll - seconds) - done(before)) for before, poll in pairwise([0.0, *schedule]))


# -- values computed by hand


def test_single_poll_must_wait_for_the_longest_task() -> None:
    """The poll is at 60 s. One in 20 tasks is done by 12.5 s, and has then waited 47.5 s or more."""
    assert least(1.0, step=STEP) == pytest.approx(47.5, abs=2 * STEP)


def test_less_than_one_poll_is_infinitely_late() -> None:
    assert least(0.99) == inf


@pytest.mark.parametrize("polls", [1.1, 1.2, 1.38])
def test_some_tasks_get_a_second_poll(polls: float) -> None:
    """Polls at a and at 60 s are 1 + (60 - a)/50 polls on average. A task that is done at 12.5 s waits until a."""
    first = LONGEST - (polls - 1) * (LONGEST - SHORTEST)
    schedule = [first, LONGEST]
    assert polls_of(schedule) == pytest.approx(polls)
    assert late_share(schedule, first - 12.5) == pytest.approx(0.05)
    assert least(polls, step=STEP) == pytest.approx(first - 12.5, abs=2 * STEP)


def test_unlimited_polls_leave_the_gap() -> None:
    """With a poll every 3 s, delays are even from 0 to 3 s, and their 95th percentile is 2.85 s."""
    assert least(1_000.0, step=STEP) == pytest.approx(0.95 * GAP, abs=2 * STEP)
    assert least(1_000.0, percent=50, step=STEP) == pytest.approx(0.5 * GAP, abs=2 * STEP)


def test_more_polls_are_never_worse() -> None:
    found = [least(polls) for polls in (1.0, 1.05, 1.3, 1.6, 16 / 9, 2.0, 3.0, 5.0, 8.0, 12.0, 50.0)]
    assert found == sorted(found, reverse=True)
    assert found[0] > 2 * found[4] > 4 * found[-1]


def test_higher_percentile_is_never_earlier() -> None:
    found = [least(16 / 9, percent) for percent in (20, 50, 80, 95, 99)]
    assert found == sorted(found)


def test_result_scales_with_the_unit_of_time() -> None:
    """Minutes instead of seconds give the same result in minutes."""
    minutes = least_percentile(1.5, shortest=SHORTEST / 60, longest=LONGEST / 60, gap=GAP / 60, step=COARSE / 60)
    assert minutes * 60 == pytest.approx(least(1.5), abs=COARSE)


# -- against schedules


def random_schedule(dice: random.Random) -> list[float]:
    """Polls at any moments, not only at multiples of the step, up to an age at which all tasks are done."""
    polls = [dice.uniform(GAP, LONGEST)]
    slowest = dice.choice([4.0, 10.0, 25.0, 50.0])
    while polls[-1] < LONGEST:
        polls.append(polls[-1] + dice.uniform(GAP, GAP + slowest))
    return polls


def test_no_schedule_falls_below() -> None:
    dice = random.Random(20)
    for _ in range(25):
        schedule = random_schedule(dice)
        assert late_share(schedule, least(polls_of(schedule)) - 2 * COARSE) >= 0.05 - 1e-6, schedule


def test_no_mixture_of_schedules_falls_below() -> None:
    """Some tasks use one schedule and some another: the bound is for the average number of polls of all tasks."""
    dice = random.Random(21)
    for _ in range(25):
        one, other, share = random_schedule(dice), random_schedule(dice), dice.random()
        bound = least(share * polls_of(one) + (1 - share) * polls_of(other)) - 2 * COARSE
        assert share * late_share(one, bound) + (1 - share) * late_share(other, bound) >= 0.05 - 1e-6, (one, other)


def test_finer_steps_change_the_result_by_less_than_two_steps() -> None:
    assert least(16 / 9, step=0.1) <= least(16 / 9, step=0.5) < least(16 / 9, step=0.1) + 2 * 0.5


# -- all at once


def test_one_poll_each_in_the_order_of_sending() -> None:
    """Two requests at once, then one a second; three submits and three polls. Two are sent at 0 s, the third at 1 s."""
    assert once_each([1.0, 2.0, 3.0], per_second=1.0, burst=2.0) == [2.0 - 1.0, 3.0 - 2.0, 4.0 - 1.0 - 3.0]


def test_least_of_a_single_task() -> None:
    """A single task is sent at 0 s, and polled 1 s later, when half of such tasks are done."""
    found = least_percentile_at_once(95, 1, per_second=1.0, burst=1.0, shortest=0.5, longest=1.5)
    assert found == pytest.approx(1.0 - 0.55)


def test_least_of_a_thousand_is_close_to_one_poll_each() -> None:
    """By hand: all but 50 tasks are polled at an age of 57 s on average. A task of 10 s has then waited 47 s."""
    durations = [duration(order.prompt, SHORTEST, LONGEST) for order in at_once("bench-async", 1000)]
    thousand = {"per_second": 1000 / 60, "burst": 50.0}
    bounds = [
        least_percentile_at_once(percent, 1000, **thousand, shortest=SHORTEST, longest=LONGEST) for percent in (50, 95)
    ]
    each = once_each(durations, **thousand)
    assert bounds[1] == pytest.approx(47.0, abs=0.1)
    assert bounds[1] <= percentile(each, 95) <= bounds[1] + 0.6
    assert 0 < bounds[0] <= percentile(each, 50)


@pytest.mark.parametrize("order", ["as sent", "backwards", "shuffled", "the first ones last"])
@pytest.mark.parametrize("percent", [50, 95])
def test_no_order_of_polls_falls_below(order: str, percent: int) -> None:
    """Each task is polled until it is done, at the end of the queue each time. Durations are random."""
    count, per_second, burst = 600, 10.0, 30.0
    bound = least_percentile_at_once(
        percent, count, per_second=per_second, burst=burst, shortest=SHORTEST, longest=LONGEST
    )
    reached = mean(percentile(delays_of(order, count, per_second, burst, seed), percent) for seed in range(5))
    assert reached >= bound


def delays_of(order: str, count: int, per_second: float, burst: float, seed: int) -> list[float]:
    dice = random.Random(seed)
    durations = [dice.uniform(SHORTEST, LONGEST) for _ in range(count)]
    ready = [max(0.0, (number + 1 - burst) / per_second) + durations[number] for number in range(count)]
    queue = list(range(count))
    if order == "backwards":
        queue.reverse()
    elif order == "shuffled":
        dice.shuffle(queue)
    elif order == "the first ones last":
        queue = queue[count // 20 :] + queue[: count // 20]
    delays: list[float] = []
    sent = count
    for number in queue:
        sent += 1
        now = (sent - burst) / per_second
        if now < ready[number]:
            queue.append(number)  # the loop reaches this one later
        else:
            delays.append(now - ready[number])
    return delays


# -- the values of the rounds


def test_steady_round_leaves_the_polls_that_the_limit_is_computed_for() -> None:
    """6 of 16.7 requests a second are submits; the other 10.7 are 1.78 polls for each task."""
    assert Steady().polls == pytest.approx(1.78, abs=0.01)
    assert 18.6 <= least(Steady().polls, step=STEP) <= 18.9


def test_burst_is_the_studios() -> None:
    assert BURST_SECONDS == rate_limit.BURST_SECONDS


def test_durations_are_even_in_any_part_of_a_round() -> None:
    for first in (0, 360, 700):
        some = [duration(f"bench-async-{number}", SHORTEST, LONGEST) for number in range(first, first + 300)]
        for percent in (5, 50, 95):
            assert percentile(some, percent) == pytest.approx(SHORTEST + percent / 2, abs=0.5)


def test_limits_are_computed_within_seconds() -> None:
    """The benchmark can print them: they take less than half a second of processor time on an idle machine."""
    begun = time.process_time()
    least(Steady().polls, step=STEP)
    assert time.process_time() - begun < 5
