"""The machine's clock is put forward or back by two hours while work is under way.

Nobody can move the clock of the machine that runs the tests. What a jump changes is the distance between now and the
times that are written down; so the times that are written down are moved instead, all of them at one moment and in the
opposite direction. Monotonic clocks do not take part in a jump, and do not here.
"""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.apps import apps
from django.db import transaction
from django.db.models import DateTimeField, F
from django.utils import timezone

from gallery.models import Generation, State, UpstreamAccount
from tests.conftest import png
from tests.engine.conftest import EngineDriver, turn, turn_until_state
from tests.support.stub_upstream import Reply, StubUpstream, WorkingUpstream
from tests.support.studio import working_studio

pytestmark = pytest.mark.database

MakeGeneration = Callable[..., Generation]
DONE = {"created": 1, "data": [{"url": "https://images.example/a.png"}]}
TASK = {"created": 1, "task_id": "img_1", "status": "pending", "data": []}
FINISHED = {"created": 1, "task_id": "img_1", "status": "completed", "data": [{"url": "https://images.example/a.png"}]}
FORWARD, BACK = 2, -2


def jump(hours: float) -> None:
    """What the clock's jump by so many hours looks like from the database."""
    with transaction.atomic():
        for model in apps.get_models():
            times = [one.name for one in model._meta.local_concrete_fields if isinstance(one, DateTimeField)]
            if times:
                model._base_manager.update(**{name: F(name) - timedelta(hours=hours) for name in times})


@pytest.mark.process
@pytest.mark.parametrize("hours", [FORWARD, BACK])
def test_whole_studio_goes_on(hours: int, tmp_path: Path) -> None:
    """Requests are being answered, tasks are being polled, and more pictures wait than there are workers."""
    under_way = [f"sync {seconds} no {seconds}" for seconds in (2, 3, 4)]
    under_way += [f"task {seconds} no {seconds}" for seconds in (4, 5, 6)]
    waiting = [f"sync 0 no {number}" for number in range(8)]
    with WorkingUpstream(png(512, 512)) as upstream, working_studio(tmp_path, upstream) as studio:
        # No picture comes before the clock has jumped, however long that takes.
        upstream.fetches_go_on.clear()
        studio.submit(*under_way, *waiting)
        upstream.wait_for(len(under_way + waiting), 20)
        studio.shell(f"from tests.engine.test_clocks import jump; jump({hours})")
        assert studio.states()["completed"] == 0
        upstream.fetches_go_on.set()
        studio.submit("sync 0 afterwards")
        studio.completes(len(under_way + waiting) + 1, seconds=60)
        assert set(upstream.posts.values()) == {1}


@pytest.mark.parametrize("hours", [FORWARD, BACK])
def test_lease_of_a_dead_engine_runs_out(
    hours: int, driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration
) -> None:
    stub.handler = lambda request: DONE
    dead, next_one = driver.engine(lease=1), driver.engine(lease=1)
    turn(dead, lambda: bool(dead.fence))
    next_one.turn()
    jump(hours)
    turn_until_state(next_one, make_generation(), State.SAVING, seconds=5)


def test_lease_of_a_living_engine_stays_its_own(
    driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration
) -> None:
    """What it is sending is not declared interrupted by another one that believes the clock."""
    generation = make_generation()
    stub.handler = lambda request: Reply.of_json(DONE, delay=1)
    first, second = driver.engine(), driver.engine(patience=3)
    turn(first, lambda: bool(stub.requests))
    jump(FORWARD)
    states = set()

    def delivered() -> bool:
        second.turn()
        generation.refresh_from_db()
        states.add(generation.state)
        return generation.state == State.SAVING

    turn(first, delivered)
    assert State.INTERRUPTED not in states


@pytest.mark.parametrize("hours", [FORWARD, BACK])
def test_pause_lasts_no_longer_than_it_was_to(
    hours: int, driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration
) -> None:
    generation = make_generation()
    limit = {"error": {"code": "rate_limit_exceeded", "message": "Wait."}}
    stub.answer(429, json=limit, headers={"Retry-After": "2"})
    stub.handler = lambda request: Reply.of_json(DONE, delay=0.3)
    engine = driver.engine()
    turn(engine, lambda: UpstreamAccount.load().is_paused)
    jump(hours)
    turn_until_state(engine, generation, State.SAVING, seconds=6)
    assert stub.requests[1].at - stub.requests[0].at > 1.9
    turn(engine, lambda: not UpstreamAccount.load().is_paused)


@pytest.mark.parametrize("hours", [FORWARD, BACK])
def test_pause_that_another_engine_began_ends(
    hours: int, driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration
) -> None:
    UpstreamAccount.pause("rate_limit_exceeded", "Wait.", "", seconds=1)
    jump(hours)
    stub.handler = lambda request: DONE
    turn_until_state(driver.engine(), make_generation(), State.SAVING)


@pytest.mark.parametrize("hours", [FORWARD, BACK])
def test_what_waits_to_be_sent_again_is_sent(
    hours: int, driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration
) -> None:
    generation = make_generation()
    stub.answer(503, json={"error": {"code": "overloaded", "message": "Later.", "retryable": True}})
    stub.handler = lambda request: DONE
    engine = driver.engine(retries=(0.5,))
    turn(engine, lambda: Generation.objects.filter(state=State.QUEUED, attempts=1).exists())
    jump(hours)
    turn_until_state(engine, generation, State.SAVING)


@pytest.mark.parametrize("hours", [FORWARD, BACK])
def test_next_engine_goes_on_polling(
    hours: int, driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration
) -> None:
    stub.answer(json=TASK)
    stub.handler = lambda request: FINISHED
    generation = make_generation()
    first = driver.engine()
    turn_until_state(first, generation, State.PENDING)
    first.stopping.set()
    jump(hours)
    UpstreamAccount.objects.update(lease_until=None)
    turn_until_state(driver.engine(), generation, State.SAVING)


@pytest.mark.parametrize("hours", [FORWARD, BACK])
def test_delivery_whose_message_was_lost_is_fetched(
    hours: int, driver: EngineDriver, make_generation: MakeGeneration
) -> None:
    due_at = timezone.now() + timedelta(seconds=1)
    generation = make_generation(state=State.SAVING, results=DONE["data"], due_at=due_at)
    jump(hours)
    turn(driver.engine(), lambda: driver.ingested == [generation.pk])
