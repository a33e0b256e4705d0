"""How soon results can be known at the best, where the request budget is too small to ask about all of them often.

A figure under a short budget says little by itself. Here is what it is measured against: the least that any schedule
of polls can reach which knows how long tasks take as a whole, evenly from `shortest` to `longest` seconds, but not how
long a single one takes. docs/benchmark.md tells in words what is computed, and what is not claimed.
"""

from collections.abc import Sequence
from itertools import accumulate
from math import ceil, inf

# Seconds between the moments at which a schedule may ask.
STEP = 0.1
# Above every price of a poll, in chances of being late, at which a schedule still hesitates.
DEAREST = 4.0
GOLDEN = (5**0.5 - 1) / 2


def least_percentile(
    polls: float, *, shortest: float, longest: float, gap: float = 3.0, percent: float = 95.0, step: float = STEP
) -> float:
    """The least `percent`th percentile of detection, in s, with so many polls for each task on average.

    No task is asked about twice within `gap` seconds, nor so soon after it was accepted. Infinite below one poll: no
    result is known without it.

    Asking at multiples of `step` only costs little: a schedule whose polls are put off to the next multiple asks no
    more often, keeps its gaps, and finds nothing more than a step later. So what is returned is reached by a schedule,
    and is less than two steps above the least that one reaches which asks at any moment.
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
    """Of one task among many alike; ages, gap and patience count in steps."""

    def __init__(self, shortest: float, longest: float, gap: float, step: float) -> None:
        self._gap = max(1, ceil(gap / step - 1e-9))
        # The share that is done, by age; long enough that the last poll has its place.
        ages = range(ceil(longest / step) + self._gap + 1)
        self._done = [min(1.0, max(0.0, (age * step - shortest) / (longest - shortest))) for age in ages]

    def can_be_found(self, patience: int, polls: float, late: float) -> bool:
        """Whether so many polls on average suffice for a chance of `late` to be found later than `patience`.

        By duality: no, if there is a price of a poll for which even the cheapest schedule costs more than such a one
        would. What it costs, less the price of the polls that there are, is concave in the price: a golden-section
        search finds the price at which it is the most.
        """

        def too_much(price: float) -> float:
            return self._least_cost(patience, price) - price * polls - late

        low, high = 0.0, DEAREST
        left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
        at_left, at_right = too_much(left), too_much(right)
        while max(at_left, at_right) <= 1e-9 and high - low > 1e-4:
            if at_left < at_right:
                low, left, at_left = left, right, at_right
                right = low + GOLDEN * (high - low)
                at_right = too_much(right)
            else:
                high, right, at_right = right, left, at_left
                left = high - GOLDEN * (high - low)
                at_left = too_much(left)
        return max(at_left, at_right) <= 1e-9

    def _least_cost(self, patience: int, price: float) -> float:
        """Of the best schedule: `price` for each poll, and the chance that the result is found too late.

        From the last age to the first: `cost[age]` is what is still to come when the last poll was at this age, in
        shares of all tasks. The next one is either so soon that nothing it finds is late, or finds late all that were
        done more than `patience` before.
        """
        done, end = self._done, len(self._done)
        cost = [0.0] * end
        # The least over all later polls: what is to come then, and the share that was done too early for it.
        least_from = [inf] * (end + 1)
        for age in reversed(range(end)):
            if done[age] < 1:
                soon = min(cost[age + self._gap : age + patience + 1], default=inf)
                later = least_from[min(end, age + max(self._gap, patience))] - done[age]
                cost[age] = price * (1 - done[age]) + min(soon, later)
            too_early = done[age - patience] if age >= patience else 0.0
            least_from[age] = min(least_from[age + 1], cost[age] + too_early)
        return cost[0]


# -- all at once: the account sends `burst` requests at once and then `per_second`, submits before polls


def once_each(durations: Sequence[float], *, per_second: float, burst: float) -> list[float]:
    """Detection in s, if each is polled once, in the order of sending, and none of those polls is in vain."""
    count = len(durations)
    return [
        max(0.0, (count + number - burst) / per_second - _sent_at(number, per_second, burst) - duration)
        for number, duration in enumerate(durations, start=1)
    ]


def least_percentile_at_once(
    percent: float, count: int, *, per_second: float, burst: float, shortest: float, longest: float
) -> float:
    """What no schedule can fall below, in s: the `percent`th percentile of detection of so many asked for at once.

    The first poll of a task comes at an age that has nothing to do with its duration. All but `given_up`, which may be
    found as late as you like, take at least the first places in the queue of polls, so the mean of those ages is
    known; and the chance that a task was done more than so long ago is convex in the age up to `longest`, so that it
    is the least where all have that mean. The fewest seconds are taken over all numbers of those given up.
    """
    sent = list(accumulate((_sent_at(number, per_second, burst) for number in range(1, count + 1)), initial=0.0))
    polled = list(accumulate(((count + number - burst) / per_second for number in range(1, count + 1)), initial=0.0))
    least = inf
    for given_up in range(int(count * (1 - percent / 100) + 1e-9) + 1):
        kept = count - given_up
        # The last ones sent are those that can be young.
        mean_age = (polled[kept] - (sent[count] - sent[given_up])) / kept
        late = (count * (1 - percent / 100) - given_up) / kept
        least = min(least, mean_age - (shortest + (longest - shortest) * late))
    return max(0.0, least)


def _sent_at(number: int, per_second: float, burst: float) -> float:
    return max(0.0, (number - burst) / per_second)
