"""How soon results can be detected at best, if the rate limit is too low to poll all tasks often.

A measured delay under a low limit says little by itself, so it is compared with the bounds computed here: the least
delay that any schedule of polls can reach. Such a schedule knows that tasks take evenly from `shortest` to `longest`
seconds, but not how long a single task takes. docs/benchmark.md says what is computed, and what is not claimed.
"""

from collections.abc import Sequence
from itertools import accumulate
from math import ceil, inf

# Seconds between the moments at which a schedule may poll.
STEP = 0.1
# The upper end of the search for the price of a poll, as a chance of being late. It is above the price that matters.
DEAREST = 4.0
GOLDEN = (5**0.5 - 1) / 2


def least_percentile(
    polls: float, *, shortest: float, longest: float, gap: float = 3.0, percent: float = 95.0, step: float = STEP
) -> float:
    """The least `percent`th percentile of the detection delay, in seconds, with `polls` polls per task on average.

    No task is polled within `gap` seconds of its last poll, or of its acceptance. The result is infinite below one
    poll, because no result is known without a poll.

    Schedules here poll only at multiples of `step`, which costs little. Take any schedule and put off each poll to the
    next multiple: it polls no more often, keeps its gaps, and finds each result less than a step later. So a schedule
    reaches the returned delay, and it is less than two steps above the least delay without multiples.
    """
    if polls < 1:
        return inf
    tasks = _Tasks(shortest, longest, gap, step)
    late = 1 - percent / 100
    too_little, enough = 0, ceil(longest / step)
    while enough - too_little > 1:
        patience = (too_little + enough) // 2
        if tasks.can_be_found(patience, polls, late):
            enough = patience
        else:
            too_little = patience
    return round(enough * step, 6)


class _Tasks:
    """The schedules of one task among many equal ones. Ages, `gap` and `patience` are numbers of steps."""

    def __init__(self, shortest: float, longest: float, gap: float, step: float) -> None:
        self._gap = max(1, ceil(gap / step - 1e-9))
        # The share of tasks that are done, by age. The list is long enough for the last poll.
        ages = range(ceil(longest / step) + self._gap + 1)
        self._done = [min(1.0, max(0.0, (age * step - shortest) / (longest - shortest))) for age in ages]

    def can_be_found(self, patience: int, polls: float, late: float) -> bool:
        """Whether `polls` polls on average suffice, if a share of `late` may be found later than `patience`.

        This uses duality: polls get a price. The answer is no if some price makes even the cheapest schedule cost more
        than `late` plus `polls` polls. The difference is concave in the price, so a golden-section search finds its
        maximum.
        """

        def excess(price: float) -> float:
            return self._least_cost(patience, price) - price * polls - late

        low, high = 0.0, DEAREST
        left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
        at_left, at_right = excess(left), excess(right)
        while max(at_left, at_right) <= 1e-9 and high - low > 1e-4:
            if at_left < at_right:
                low, left, at_left = left, right, at_right
                right = low + GOLDEN * (high - low)
                at_right = excess(right)
            else:
                high, right, at_right = right, left, at_left
                left = high - GOLDEN * (high - low)
                at_left = excess(left)
        return max(at_left, at_right) <= 1e-9

    def _least_cost(self, patience: int, price: float) -> float:
        """The cost of the best schedule: `price` for each poll, plus the chance that the result is found too late.

        It is computed from the last age to the first. `cost[age]` is the cost that is still to come after a poll at
        this age, in shares of all tasks. If the next poll is soon, it finds nothing late. Otherwise, it finds tasks
        late that were done more than `patience` before it.
        """
        done, end = self._done, len(self._done)
        cost = [0.0] * end
        # The least over all later polls of the cost after that poll plus the share that was done too early for it.
        least_from = [inf] * (end + 1)
        for age in reversed(range(end)):
            if done[age] < 1:
                soon = min(cost[age + self._gap : age + patience + 1], default=inf)
                later = least_from[min(end, age + max(self._gap, patience))] - done[age]
                cost[age] = price * (1 - done[age]) + min(soon, later)
            too_early = done[age - patience] if age >= patience else 0.0
            least_from[age] = min(least_from[age + 1], cost[age] + too_early)
        return cost[0]


# -- many tasks at once: the account sends `burst` requests at once and then `per_second`, submits before polls


def once_each(durations: Sequence[float], *, per_second: float, burst: float) -> list[float]:
    """Detection delays in seconds if each task is polled once, in the order of sending, after it is done."""
    count = len(durations)
    return [
        max(0.0, (count + number - burst) / per_second - _sent_at(number, per_second, burst) - duration)
        for number, duration in enumerate(durations, start=1)
    ]


def least_percentile_at_once(
    percent: float, count: int, *, per_second: float, burst: float, shortest: float, longest: float
) -> float:
    """A lower bound for any schedule: the `percent`th percentile of the detection delay of `count` tasks at once, in s.

    The age of a task at its first poll does not depend on its duration. `given_up` tasks may be found as late as you
    like. The first polls of all others take at least the first places in the queue of polls. That gives the mean of
    those ages. A task of a given age was done more than some time ago with a chance that is convex in the age, up to
    `longest`. So that chance is least if all ages equal the mean. The bound is the least over all `given_up`.
    """
    sent = list(accumulate((_sent_at(number, per_second, burst) for number in range(1, count + 1)), initial=0.0))
    polled = list(accumulate(((count + number - burst) / per_second for number in range(1, count + 1)), initial=0.0))
    least = inf
    for given_up in range(int(count * (1 - percent / 100) + 1e-9) + 1):
        kept = count - given_up
        # The tasks that were sent last can be the youngest.
        mean_age = (polled[kept] - (sent[count] - sent[given_up])) / kept
        late = (count * (1 - percent / 100) - given_up) / kept
        least = min(least, mean_age - (shortest + (longest - shortest) * late))
    return max(0.0, least)


def _sent_at(number: int, per_second: float, burst: float) -> float:
    return max(0.0, (number - burst) / per_second)
