"""One engine at a time talks to the account, however much there is to do."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from gallery.models import Generation, Person, State, UpstreamAccount
from tests.engine.conftest import EngineDriver, turn, turn_until_sent
from tests.support.stub_upstream import Request, StubUpstream

pytestmark = pytest.mark.database

MakeGeneration = Callable[..., Generation]
DONE = {"created": 1, "data": [{"url": "https://images.example/a.png", "revised_prompt": ""}]}


class SlowList(list[int]):
    """As long as a commit takes while other processes write into the same file."""

    def append(self, one: int) -> None:
        time.sleep(0.05)
        super().append(one)


def test_many_answers_at_once_do_not_cost_the_lease(
    driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration
) -> None:
    """Else another engine would take rows for lost whose answers are only waiting to be handled."""
    driver.ingested = SlowList()
    go = threading.Event()

    def answer(request: Request) -> Any:
        go.wait(60)
        return DONE

    stub.handler = answer
    for _ in range(120):
        make_generation("dall-e-3")
    timing = {"lease": 3.0, "renew": 0.2, "slice": 0.2, "contend": 0.2, "drain": 1.0, "read_timeout": 60}
    first, second = (driver.engine(posts_at_once=160, **timing) for _ in range(2))
    turn(first, lambda: first.fence > 0)
    threads = [threading.Thread(target=engine.run, daemon=True) for engine in (first, second)]
    for thread in threads:
        thread.start()
    stub.wait_for(120, 40)
    go.set()
    give_up_at = time.monotonic() + 60
    while Generation.objects.exclude(state=State.SAVING).exists():
        assert time.monotonic() < give_up_at, "not all answers were handled"
        assert not Generation.objects.filter(state=State.INTERRUPTED).exists()
        time.sleep(0.05)
    assert UpstreamAccount.load().fence == first.fence == 1
    for engine in (first, second):
        engine.stopping.set()
    for thread in threads:
        thread.join(10)


def test_one_persons_hanging_requests_leave_threads_for_others(
    driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration, teammate: Person
) -> None:
    go = threading.Event()

    def answer(request: Request) -> Any:
        go.wait(60)
        return DONE

    stub.handler = answer
    for _ in range(20):
        make_generation("dall-e-3")
    engine = driver.engine(posts_at_once=16)
    turn(engine, lambda: len(stub.requests) == 14)
    late = make_generation("dall-e-3", author=teammate)
    turn_until_sent(engine, stub, 15)
    assert Generation.objects.get(pk=late.pk).state == State.SUBMITTING
    go.set()
    turn(engine, lambda: not Generation.objects.exclude(state=State.SAVING).exists())
