"""What an engine does with a request budget that is too small for all its polls."""

import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.utils import timezone

from gallery.engine.rate_limit import BURST_SECONDS, Budget
from gallery.models import Generation, State
from gallery.upstream import RateLimit
from tests.engine.conftest import EngineDriver, turn
from tests.support.stub_upstream import Request, StubUpstream

MakeGeneration = Callable[..., Generation]
PICTURE = {"url": "https://images.example/a.png", "revised_prompt": "A yellow lemon"}
DONE = {"created": 1, "data": [PICTURE]}
WORKING = {"created": 1, "status": "processing", "data": []}
COMPLETED = {"created": 1, "status": "completed", "data": [PICTURE]}


def accepted(make_generation: MakeGeneration, name: str, slug: str = "flux-pro", **fields: Any) -> Generation:
    """One that the upstream took some seconds ago, and that is due to be asked about."""
    seconds = fields.pop("seconds", 4.0)
    return make_generation(
        slug,
        **{
            "state": State.PROCESSING,
            "task_id": name,
            "poll_url": f"/v1/tasks/{name}",
            "accepted_at": timezone.now() - timedelta(seconds=seconds),
            "due_at": timezone.now() - timedelta(seconds=0.1),
            **fields,
        },
    )


def remember(make_generation: MakeGeneration, slug: str, seconds: float, times: int = 100) -> None:
    """So many of the model's tasks took so long."""
    began = timezone.now() - timedelta(hours=1)
    ended = began + timedelta(seconds=seconds)
    for _ in range(times):
        make_generation(
            slug,
            state=State.COMPLETED,
            accepted_at=began,
            unfinished_at=ended,
            delivered_at=ended,
            finished_at=ended,
        )


def polled(stub: StubUpstream) -> list[str]:
    """The tasks that were asked about, in the order in which the requests came."""
    return [request.path.rpartition("/")[2] for request in list(stub.requests) if request.method == "GET"]


def methods(stub: StubUpstream) -> list[str]:
    return [request.method for request in list(stub.requests)]


def most_in_a_window(moments: Iterable[float], seconds: float) -> int:
    """The most requests in any time as long as this."""
    window: deque[float] = deque()
    most = 0
    for moment in sorted(moments):
        window.append(moment)
        while window[0] < moment - seconds:
            window.popleft()
        most = max(most, len(window))
    return most


# -- whom to ask first


def test_slow_model_s_tasks_wait_for_those_that_are_likely_done(
    driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration
) -> None:
    """All were accepted at the same moment; 30 requests may go at once, and 10 more each second.

    There are more of either than are looked at: requests that go out together come in any order.
    """
    remember(make_generation, "flux-pro", 60.0)
    remember(make_generation, "midjourney", 2.0)
    for number in range(80):
        accepted(make_generation, f"slow-{number}")
        accepted(make_generation, f"fast-{number}", "midjourney")
    stub.handler = lambda request: WORKING
    engine = driver.engine(requests_per_minute=600)
    turn(engine, lambda: len(polled(stub)) >= 50, seconds=30)
    first = polled(stub)[:50]
    assert {name.rpartition("-")[0] for name in first} == {"fast"}
    assert len(set(first)) == len(first)


def test_all_are_asked_about_where_the_budget_allows(
    driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration
) -> None:
    """The forecast orders the polls; it leaves no task out."""
    remember(make_generation, "flux-pro", 60.0)
    slow = [accepted(make_generation, f"slow-{number}") for number in range(20)]
    stub.handler = lambda request: WORKING
    turn(driver.engine(poll=60.0), lambda: len(polled(stub)) >= len(slow))
    assert Counter(polled(stub)) == {one.task_id: 1 for one in slow}


def test_cancelled_ones_are_polled_last_but_are_polled(
    driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration
) -> None:
    """The cancelled ones are even older, and their pictures may have been paid for."""
    waited_for = [accepted(make_generation, f"waited-for-{number}", seconds=20.0) for number in range(65)]
    cancelled = [
        accepted(make_generation, f"cancelled-{number}", seconds=25.0, state=State.CANCELLED) for number in range(20)
    ]
    stub.handler = lambda request: COMPLETED
    engine = driver.engine(requests_per_minute=600)
    turn(engine, lambda: len(polled(stub)) >= 30, seconds=20)
    assert {name.rpartition("-")[0] for name in polled(stub)[:30]} == {"waited-for"}
    ended = {one.pk for one in cancelled}
    turn(engine, lambda: not Generation.objects.exclude(state=State.SAVING).exists(), seconds=30)
    assert Counter(polled(stub)) == {one.task_id: 1 for one in [*waited_for, *cancelled]}
    assert ended <= set(driver.ingested)


def test_submits_go_before_polls(driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration) -> None:
    """Two requests a second, and tasks to ask about that alone would take all of them."""
    for number in range(30):
        accepted(make_generation, f"task-{number}")
    queued = [make_generation("dall-e-3") for _ in range(14)]
    stub.handler = lambda request: DONE if request.method == "POST" else WORKING
    engine = driver.engine(requests_per_minute=120)
    turn(engine, lambda: not Generation.objects.filter(state=State.QUEUED).exists(), seconds=20)
    # What the budget gains while the engine claims may go to a poll; that is little.
    assert len(polled(stub)) < len(queued) / 2
    before = len(polled(stub))
    turn(engine, lambda: len(polled(stub)) >= before + 3, seconds=20)
    assert methods(stub).count("POST") == len(queued)


def test_polls_go_on_while_every_thread_for_posts_waits(
    driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration
) -> None:
    """Submits first is no reason to ask about nothing for as long as an upstream lets them hang."""
    hanging = threading.Event()

    def answer(request: Request) -> Any:
        if request.method == "POST":
            hanging.wait(30)
            return DONE
        return COMPLETED

    task = accepted(make_generation, "task")
    for _ in range(9):
        make_generation("dall-e-3")
    stub.handler = answer
    engine = driver.engine(posts_at_once=8)
    try:
        turn(engine, lambda: Generation.objects.get(pk=task.pk).state == State.SAVING)
        # One of the threads is kept for another person.
        assert methods(stub).count("POST") == 7
    finally:
        hanging.set()


# -- how often


@pytest.mark.parametrize("requests_per_minute", [60_000, 900], ids=["plenty", "short"])
def test_no_task_is_asked_about_twice_within_the_wait(
    requests_per_minute: int, driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration
) -> None:
    for number in range(20):
        accepted(make_generation, f"task-{number}", seconds=4.0 + number)
    stub.handler = lambda request: WORKING
    engine = driver.engine(requests_per_minute=requests_per_minute, poll=0.4)
    turn(engine, lambda: len(polled(stub)) >= 80, seconds=30)
    by_task: dict[str, list[float]] = {}
    for request in list(stub.requests):
        by_task.setdefault(request.path, []).append(request.at)
    gaps = [later - earlier for moments in by_task.values() for earlier, later in pairwise(moments)]
    assert len(gaps) >= 40
    assert min(gaps) >= 0.4


def test_no_window_has_more_than_budget_and_burst(
    driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration
) -> None:
    """1,200 a minute: 20 a second, and 60 at once. Both kinds of requests, and far more than that to ask."""
    for number in range(150):
        accepted(make_generation, f"task-{number}")
    for _ in range(30):
        make_generation("dall-e-3")
    stub.handler = lambda request: DONE if request.method == "POST" else WORKING
    engine = driver.engine(requests_per_minute=1_200)
    turn(engine, lambda: len(stub.requests) >= 150, seconds=40)
    moments = [request.at for request in list(stub.requests)]
    assert {"GET", "POST"} == set(methods(stub))
    for window in (0.5, 1.0, 2.0):
        # Where threads were held up, requests come closer together than they were sent: by two seconds at the most.
        assert most_in_a_window(moments, window) <= 60 + 20 * (window + 2.0), window


def test_a_minute_never_has_more_than_the_limit_and_a_burst() -> None:
    """The budget alone by a clock of its own: a greedy spender, one that pauses, and every window of 60 s."""
    limit, now, moments = 1_000, 0.0, list[float]()
    budget = Budget(limit, clock=lambda: now)
    for step in range(6_000):
        now = step * 0.05
        if step % 2_400 < 1_800:
            available = budget.available()
            budget.spend(available)
            moments += [now] * available
    burst = limit / 60 * BURST_SECONDS
    assert limit < most_in_a_window(moments, 60.0) <= limit + burst


def test_what_was_not_used_is_not_saved_up() -> None:
    """Ten idle minutes allow a burst, and no more."""
    now = 0.0
    budget = Budget(1_000, clock=lambda: now)
    budget.spend(budget.available())
    assert budget.available() == 0
    now = 600.0
    assert budget.available() == int(1_000 / 60 * BURST_SECONDS)


# -- what the upstream says is left


def test_what_is_left_is_spread_over_its_window() -> None:
    """Ten requests for twenty seconds: one every two seconds, and the account's own rate afterwards."""
    now = 100.0
    budget = Budget(60_000, clock=lambda: now)
    budget.heed(RateLimit(10, reset_at=120.0))
    sent = []
    while now < 119.9:
        available = budget.available()
        budget.spend(available)
        sent += [now] * available
        now += 0.1
    assert 9 <= len(sent) <= 12
    assert most_in_a_window(sent, 10.0) <= 6
    now = 121.0
    assert budget.available() > 100


def test_nothing_goes_while_nothing_is_left() -> None:
    now = 100.0
    budget = Budget(60_000, clock=lambda: now)
    budget.heed(RateLimit(0, reset_at=110.0))
    now = 109.0
    assert budget.available() == 0
    now = 112.0
    assert budget.available() > 0


def test_plenty_left_changes_nothing() -> None:
    now = 100.0
    budget = Budget(1_000, clock=lambda: now)
    budget.heed(RateLimit(900, reset_at=110.0))
    budget.heed(None)
    assert budget.available() == int(1_000 / 60 * BURST_SECONDS)


def test_same_word_of_the_upstream_counts_once() -> None:
    now = 100.0
    budget = Budget(60_000, clock=lambda: now)
    limit = RateLimit(4, reset_at=104.0)
    budget.heed(limit)
    budget.spend(budget.available())
    now = 102.0
    budget.heed(limit)
    assert budget.available() == 2
