"""While a person has paused the studio, the engine sends nothing and finishes what is out."""

import time
from collections.abc import Callable
from datetime import timedelta

from django.utils import timezone

from gallery import services
from gallery.models import Generation, State, UpstreamAccount
from tests.engine.conftest import EngineDriver, turn, turn_until_sent, turn_until_state
from tests.support.stub_upstream import StubUpstream

MakeGeneration = Callable[..., Generation]


def test_paused_engine_sends_nothing_and_finishes_what_is_out(
    driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration
) -> None:
    picture = {"created": 1, "data": [{"url": "https://images.example.org/1.png"}]}
    synchronous, queued = make_generation(), make_generation(created_at=timezone.now())
    Generation.objects.filter(pk=queued.pk).update(due_at=timezone.now() + timedelta(minutes=5))
    stub.answer(json=picture, delay=0.5)
    engine = driver.engine()
    turn_until_sent(engine, stub)
    services.operations.pause("Ada")
    Generation.objects.filter(pk=queued.pk).update(due_at=None)
    task = make_generation(
        state=State.PROCESSING, task_id="img_1", poll_url=f"{stub.base_url}/images/img_1", due_at=timezone.now()
    )
    stub.handler = lambda request: {"task_id": "img_1", "status": "completed", **picture}
    turn_until_state(engine, synchronous, State.SAVING)
    turn_until_state(engine, task, State.SAVING)
    quiet_until = time.monotonic() + 0.3
    turn(engine, lambda: time.monotonic() > quiet_until)
    queued.refresh_from_db()
    assert (queued.state, UpstreamAccount.load().pause_code) == (State.QUEUED, "paused_by_hand")
    services.operations.resume()
    turn_until_state(engine, queued, State.SAVING)


def test_upstream_in_trouble_does_not_end_a_pause_by_hand(
    driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration
) -> None:
    generation = make_generation()
    stub.answer(402, {"error": {"code": "insufficient_balance", "message": "Empty."}}, delay=0.3)
    stub.handler = lambda request: {"created": 1, "data": [{"url": "https://images.example.org/1.png"}]}
    engine = driver.engine()
    turn_until_sent(engine, stub)
    services.operations.pause("Ada")
    turn_until_state(engine, generation, State.QUEUED)
    quiet_until = time.monotonic() + 0.8  # longer than the pause for an empty account
    turn(engine, lambda: time.monotonic() > quiet_until)
    assert (len(stub.requests), UpstreamAccount.load().pause_code) == (1, "paused_by_hand")
    services.operations.resume()
    turn_until_state(engine, generation, State.SAVING)
