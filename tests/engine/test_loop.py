"""The engine against an upstream that does as it is told."""

import base64
import time
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone

from gallery.engine import Engine
from gallery.engine.inbox import mark_of, new_name
from gallery.models import Generation, ImageModel, Person, State, UpstreamAccount
from gallery.web.cards import Card
from tests.conftest import png
from tests.engine.conftest import EngineDriver, turn, turn_until_sent, turn_until_state
from tests.support.stub_upstream import Reply, Request, StubUpstream

pytestmark = pytest.mark.database

MakeGeneration = Callable[..., Generation]
PICTURE = {"url": "https://images.example/a.png", "revised_prompt": "A yellow lemon"}
DONE = {"created": 1, "data": [PICTURE]}
TASK = {"created": 1, "task_id": "img_1", "status": "pending", "poll_url": "/v1/tasks/img_1", "data": [{"url": ""}]}


def status(word: str, **more: Any) -> dict[str, Any]:
    return {"created": 1, "task_id": "img_1", "status": word, "data": [], **more}


def error(code: str, message: str = "No.", **more: Any) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "type": "error", **more}}


def posts(stub: StubUpstream) -> list[Request]:
    return [request for request in stub.requests if request.method == "POST"]


def test_sync_answer_is_delivered(driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration) -> None:
    generation = make_generation("dall-e-3", options={"size": "1024x1024", "style": "vivid"})
    stub.answer(json=DONE)
    turn_until_state(driver.engine(), generation, State.SAVING)
    assert generation.results == [PICTURE]
    assert driver.ingested == [generation.pk]
    sent = posts(stub)[0].json
    assert sent == {
        "model": "dall-e-3",
        "prompt": "A lemon on a table",
        "size": "1024x1024",
        "style": "vivid",
        "user": generation.author.opaque_id.hex,
    }


def test_async_answer_is_polled_where_it_says(
    driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration
) -> None:
    generation = make_generation()
    engine = driver.engine()
    stub.answer(json=TASK)
    turn_until_state(engine, generation, State.PENDING)
    assert (generation.task_id, generation.poll_url) == ("img_1", "/v1/tasks/img_1")
    stub.answer(json=status("processing", progress=40))
    turn_until_state(engine, generation, State.PROCESSING)
    turn(engine, lambda: Generation.objects.get(pk=generation.pk).progress == 40)
    stub.answer(json=status("completed", data=[PICTURE]))
    turn_until_state(engine, generation, State.SAVING)
    assert generation.results == [PICTURE]
    assert {request.path for request in stub.requests if request.method == "GET"} == {"/v1/tasks/img_1"}
    assert len(posts(stub)) == 1


def test_picture_inside_the_answer_is_stored_at_once(
    driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration
) -> None:
    generation = make_generation()
    stub.answer(json={"created": 1, "data": [{"b64_json": base64.b64encode(png()).decode()}]})
    turn_until_state(driver.engine(), generation, State.SAVING)
    with default_storage.open(generation.results[0]["file"]) as kept:
        assert kept.read() == png()


@pytest.mark.parametrize("said", ["content refused", ""])
def test_failed_task_says_why(
    said: str, driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration
) -> None:
    generation = make_generation()
    stub.answer(json=TASK)
    stub.answer(json=status("failed", **({"error": said} if said else {})))
    turn_until_state(driver.engine(), generation, State.FAILED)
    assert generation.error_message == (said or "The upstream could not make this picture and gave no reason.")
    assert generation.was_charged is False


def test_refusal_is_final_and_offers_the_suggested_model(
    driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration
) -> None:
    generation = make_generation()
    stub.answer(400, json=error("model_not_found", did_you_mean="no-such", suggestions=[{"id": "midjourney"}]))
    turn_until_state(driver.engine(), generation, State.FAILED)
    assert generation.error_code == "model_not_found"
    assert generation.suggested_model == ImageModel.objects.get(slug="midjourney")
    assert Card(generation, generation.author).next_step == "use_model"
    assert len(posts(stub)) == 1


def test_no_connection_means_queued_again(
    driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration
) -> None:
    """Nothing listens there: it surely was not taken, so it is sent when a server does."""
    generation = make_generation()
    driver.base_url = "http://127.0.0.1:1/v1"
    engine = driver.engine()
    turn(engine, lambda: Generation.objects.get(pk=generation.pk).attempts >= 2)
    assert Generation.objects.get(pk=generation.pk).state in (State.QUEUED, State.SUBMITTING)


@pytest.mark.parametrize("break_off", ["reset", "drop"])
def test_broken_connection_means_interrupted_and_never_sent_again(
    break_off: str, driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration
) -> None:
    generation = make_generation()
    getattr(stub, break_off)()
    engine = driver.engine()
    turn_until_state(engine, generation, State.INTERRUPTED)
    for _ in range(20):
        engine.turn()
        time.sleep(0.01)
    assert len(posts(stub)) == 1
    assert generation.was_charged is None


@pytest.mark.parametrize("code", [500, 502, 504])
def test_error_after_taking_means_interrupted(
    code: int, driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration
) -> None:
    generation = make_generation()
    stub.answer(code, json=error("upstream_error", "Bad day."))
    turn_until_state(driver.engine(), generation, State.INTERRUPTED)
    assert generation.error_message == "Bad day."
    assert len(posts(stub)) == 1


def test_retryable_503_is_sent_again(driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration) -> None:
    generation = make_generation()
    stub.answer(503, json=error("all_channels_failed", retryable=True))
    stub.answer(json=DONE)
    turn_until_state(driver.engine(), generation, State.SAVING)
    assert len(posts(stub)) == 2


def test_rate_limit_holds_the_whole_account_as_long_as_told(
    driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration
) -> None:
    first, second = make_generation(), make_generation()
    stub.handler = lambda request: DONE
    stub.answer(429, json=error("rate_limit_exceeded"), headers={"Retry-After": "2"})
    engine = driver.engine(posts_at_once=1)
    turn(engine, lambda: UpstreamAccount.load().is_paused)
    held_at = time.monotonic()
    turn_until_state(engine, first, State.SAVING)
    turn_until_state(engine, second, State.SAVING)
    assert posts(stub)[1].at - held_at > 1.8
    assert not UpstreamAccount.load().is_paused


@pytest.mark.parametrize(
    ("code", "body"),
    [
        (401, error("invalid_api_key", "This key is wrong.")),
        (402, error("insufficient_balance", "The account is empty.", balance_usd="0.42")),
    ],
)
def test_account_trouble_pauses_the_queue_and_fails_no_generation(
    code: int,
    body: dict[str, Any],
    driver: EngineDriver,
    stub: StubUpstream,
    make_generation: MakeGeneration,
) -> None:
    generations = [make_generation() for _ in range(3)]
    stub.handler = lambda request: Reply.of_json(body, code)
    engine = driver.engine(posts_at_once=1)
    turn(engine, lambda: len(posts(stub)) >= 3)
    account = UpstreamAccount.load()
    assert account.pause_message == body["error"]["message"]
    assert account.balance_usd == (Decimal("0.42") if code == 402 else None)
    assert {Generation.objects.get(pk=one.pk).state for one in generations} <= {State.QUEUED, State.SUBMITTING}
    gaps = [later.at - earlier.at for earlier, later in zip(posts(stub)[1:], posts(stub)[2:], strict=False)]
    assert all(gap > 0.25 for gap in gaps), "one at a time asks whether it is over"
    stub.handler = lambda request: DONE
    for one in generations:
        turn_until_state(engine, one, State.SAVING)
    assert not UpstreamAccount.load().is_paused


def test_lost_task_fails(driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration) -> None:
    generation = make_generation()
    stub.answer(json=TASK)
    stub.handler = lambda request: Reply.of_json(error("async_task_not_found"), 404)
    turn_until_state(driver.engine(), generation, State.FAILED)
    assert generation.error_code == "async_task_not_found"
    assert generation.due_at is None
    assert len(stub.requests) == 1 + 3


def test_task_that_is_not_known_at_once_is_asked_about_again(
    driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration
) -> None:
    generation = make_generation()
    stub.answer(json=TASK)
    stub.answer(404, json=error("async_task_not_found"))
    stub.answer(404, json=error("async_task_not_found"))
    stub.answer(json=status("completed", data=[PICTURE]))
    turn_until_state(driver.engine(), generation, State.SAVING)
    assert generation.results == [PICTURE]


def test_old_task_that_is_not_known_is_lost_at_once(
    driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration
) -> None:
    now = timezone.now()
    generation = make_generation(
        state=State.PROCESSING, task_id="img_1", due_at=now, accepted_at=now - timedelta(minutes=2)
    )
    stub.handler = lambda request: Reply.of_json(error("async_task_not_found"), 404)
    turn_until_state(driver.engine(), generation, State.FAILED)
    assert len(stub.requests) == 1


def test_error_under_an_unknown_status_counts_when_it_comes_twice(
    driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration
) -> None:
    generation = make_generation()
    stub.answer(json=TASK)
    stub.answer(json=status("wobbling", error={"message": "The lemon fell over."}))
    stub.answer(json=status("processing"))
    stub.answer(json=status("wobbling", error={"message": "The lemon fell over."}))
    stub.answer(json=status("wobbling", error={"message": "The lemon fell over."}))
    turn_until_state(driver.engine(), generation, State.FAILED)
    assert (generation.error_message, len(stub.requests)) == ("The lemon fell over.", 5)


def test_giving_up_names_the_word_that_is_not_known(
    driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration
) -> None:
    ImageModel.objects.update(give_up_after=1)
    generation = make_generation()
    stub.handler = lambda request: TASK if request.method == "POST" else status("wobbling")
    turn_until_state(driver.engine(), generation, State.FAILED)
    assert "“wobbling”" in generation.error_message


def test_picture_that_stands_in_each_answer_is_taken_before_giving_up(
    driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration
) -> None:
    ImageModel.objects.update(give_up_after=1)
    generation = make_generation()
    stub.handler = lambda request: TASK if request.method == "POST" else status("processing", data=[PICTURE])
    turn_until_state(driver.engine(), generation, State.SAVING)
    assert generation.results == [PICTURE]


def test_poll_that_fails_is_asked_again(
    driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration
) -> None:
    generation = make_generation()
    stub.answer(json=TASK)
    stub.answer(500, json=error("internal_error"))
    stub.answer(body=b"<html>not json</html>")
    stub.drop()
    stub.answer(json=status("completed", data=[PICTURE]))
    turn_until_state(driver.engine(), generation, State.SAVING)
    assert len(posts(stub)) == 1


def test_completed_without_address_is_asked_for_five_times(
    driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration
) -> None:
    generation = make_generation()
    stub.handler = lambda request: TASK if request.method == "POST" else status("completed", data=[{"url": ""}])
    turn_until_state(driver.engine(), generation, State.FAILED)
    assert generation.error_code == "picture_unavailable"
    assert len(stub.requests) == 1 + 5


def test_never_ending_task_is_given_up_and_still_kept_when_it_comes(
    driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration
) -> None:
    ImageModel.objects.update(give_up_after=1)
    generation = make_generation()
    answers = {"GET": status("pending"), "POST": TASK}
    stub.handler = lambda request: answers[request.method]
    engine = driver.engine()
    turn_until_state(engine, generation, State.FAILED)
    assert generation.error_code == "gave_up_waiting"
    answers["GET"] = status("completed", data=[PICTURE])
    turn_until_state(engine, generation, State.SAVING)
    assert generation.results == [PICTURE]


# -- cancelling


def test_cancelled_before_sending_is_never_sent(
    driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration
) -> None:
    generation = make_generation()
    assert generation.stop_waiting()
    engine = driver.engine()
    for _ in range(20):
        engine.turn()
        time.sleep(0.01)
    assert stub.requests == []
    assert generation.was_charged is False


def test_cancelled_between_claim_and_request_is_never_sent(
    driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration
) -> None:
    generation = make_generation()
    engine = driver.engine()
    turn(engine, lambda: bool(engine.sender.on_its_way))
    assert generation.stop_waiting()
    turn(engine, lambda: not engine.sender.on_its_way)
    generation.refresh_from_db()
    assert (generation.state, generation.was_charged) == (State.CANCELLED, False)
    assert stub.requests == []


@pytest.mark.parametrize("slow", ["sync", "async"])
def test_result_of_a_cancelled_one_is_kept(
    slow: str, driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration
) -> None:
    generation = make_generation()
    engine = driver.engine()
    if slow == "sync":
        stub.answer(json=DONE, delay=0.5)
        turn_until_sent(engine, stub)
    else:
        stub.handler = lambda request: TASK if request.method == "POST" else status("pending")
        turn_until_state(engine, generation, State.PENDING)
        stub.handler = lambda request: status("completed", data=[PICTURE])
    assert generation.stop_waiting()
    turn_until_state(engine, generation, State.CANCELLED, State.SAVING)
    turn_until_state(engine, generation, State.SAVING)
    assert generation.results == [PICTURE]


# -- engines that come and go


def test_only_one_engine_works(driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration) -> None:
    stub.handler = lambda request: DONE
    engines = [driver.engine(), driver.engine()]
    generations = [make_generation() for _ in range(10)]

    def done() -> bool:
        for engine in engines:
            engine.turn()
        return not Generation.objects.exclude(state=State.SAVING).exists()

    turn(engines[0], done)
    assert len(posts(stub)) == len(generations)
    assert [bool(engine.fence) for engine in engines].count(True) == 1


def lose_lease(engine: Engine) -> None:
    """As if its process had been killed: it never renews again, and the lease runs out."""
    UpstreamAccount.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    engine.stopping.set()


def test_next_engine_goes_on_polling_and_posts_nothing_twice(
    driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration
) -> None:
    generation = make_generation()
    stub.handler = lambda request: TASK if request.method == "POST" else status("pending")
    first = driver.engine()
    turn_until_state(first, generation, State.PENDING)
    lose_lease(first)
    stub.handler = lambda request: status("completed", data=[PICTURE])
    turn_until_state(driver.engine(), generation, State.SAVING)
    assert len(posts(stub)) == 1


def test_what_a_lost_engine_was_sending_is_interrupted(
    driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration
) -> None:
    generation = make_generation()
    stub.answer(json=DONE, delay=1.0)
    first = driver.engine()
    turn_until_sent(first, stub)
    UpstreamAccount.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    second = driver.engine()
    second.turn()
    generation.refresh_from_db()
    assert generation.state == State.INTERRUPTED
    # The first was only slow: what it brings back was paid for, and is kept.
    turn(second, lambda: bool(first.outcomes))
    first.handle_outcomes()
    generation.refresh_from_db()
    assert generation.state == State.SAVING
    assert len(posts(stub)) == 1


def test_what_a_killed_engine_had_claimed_and_not_sent_is_sent_by_the_next(
    driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration
) -> None:
    """The loop that would let it go ahead is gone, or comes back too late."""
    stub.handler = lambda request: DONE
    generation = make_generation()
    first, second = driver.engine(), driver.engine()
    turn(first, lambda: bool(first.sender.on_its_way))
    UpstreamAccount.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    turn_until_state(second, generation, State.SAVING)
    first.handle_outcomes()
    turn(second, lambda: not first.sender._pool.busy)
    first.handle_outcomes()
    generation.refresh_from_db()
    assert generation.state == State.SAVING
    assert len(posts(stub)) == 1


def test_what_a_slow_engine_says_does_not_take_another_s_claim(
    driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration
) -> None:
    """It has queued the row again, has lost the database over that, and comes back when another one is sending it."""
    generation = make_generation()
    stub.answer(503, json={"error": {"code": "all_channels_failed", "message": "No.", "retryable": True}})
    first = driver.engine()
    turn(first, lambda: bool(posts(stub)))
    while not first.outcomes:
        time.sleep(0.01)
    Generation.objects.filter(pk=generation.pk).update(state=State.QUEUED)
    lose_lease(first)
    stub.answer(json=DONE, delay=1.0)
    second = driver.engine()
    turn_until_state(second, generation, State.SUBMITTING)
    first.handle_outcomes()
    turn_until_state(second, generation, State.SAVING)
    assert len(posts(stub)) == 2


def test_stop_waits_for_what_is_on_its_way_and_lets_go(
    driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration
) -> None:
    generation = make_generation()
    stub.answer(json=DONE, delay=0.5)
    engine = driver.engine()
    turn_until_sent(engine, stub)
    engine.stopping.set()
    engine.run()
    generation.refresh_from_db()
    assert generation.state == State.SAVING
    assert not UpstreamAccount.is_held()


def test_stop_does_not_wait_for_ever(driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration) -> None:
    generation = make_generation()
    stub.hang()
    engine = driver.engine(drain=0.3)
    turn_until_sent(engine, stub)
    engine.stopping.set()
    engine.run()
    generation.refresh_from_db()
    assert generation.state == State.INTERRUPTED


def test_lost_ingest_message_is_sent_again(driver: EngineDriver, make_generation: MakeGeneration) -> None:
    generation = make_generation(state=State.SAVING, results=[PICTURE], due_at=timezone.now() - timedelta(seconds=1))
    turn(driver.engine(), lambda: driver.ingested == [generation.pk])
    generation.refresh_from_db()
    assert generation.due_at is not None
    assert generation.due_at > timezone.now()


# -- fairness and budget


def test_people_take_turns(make_generation: MakeGeneration, owner: Person, teammate: Person) -> None:
    many = [make_generation(author=owner) for _ in range(5)]
    one = make_generation(author=teammate)
    assert [row.pk for row in Generation.objects.next_fairly(3)] == [many[0].pk, one.pk, many[1].pk]


def test_who_has_much_under_way_waits_for_who_has_little(
    make_generation: MakeGeneration, owner: Person, teammate: Person
) -> None:
    for _ in range(3):
        make_generation(author=owner, state=State.PENDING)
    make_generation(author=owner)
    one = make_generation(author=teammate)
    assert [row.pk for row in Generation.objects.next_fairly(1)] == [one.pk]


def test_budget_is_kept(driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration) -> None:
    """60 a minute: three may go at once, and then one a second."""
    stub.handler = lambda request: DONE
    generations = [make_generation() for _ in range(6)]
    engine = driver.engine(requests_per_minute=60)
    started = time.monotonic()
    turn(engine, lambda: len(posts(stub)) == 5, seconds=6)
    assert 1.7 <= time.monotonic() - started < 4
    assert len(generations) == 6


def test_stop_begins_when_it_is_asked_for(
    driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration
) -> None:
    """The worker that the engine lives in may still be busy with a task: nothing new is sent meanwhile."""
    engine = driver.engine()
    engine._asked_to_stop = lambda: True
    make_generation()
    engine.run()
    assert engine.stopped.is_set()
    assert stub.requests == []


# -- pauses, strays, and odd answers


def test_answers_to_earlier_requests_do_not_end_a_pause(
    driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration
) -> None:
    """A 429 says “wait”; that a request sent before it goes well says nothing about that."""
    slow = make_generation()
    stub.handler = lambda request: Reply.of_json(DONE, delay=0.4)
    engine = driver.engine()
    turn(engine, lambda: bool(posts(stub)))
    stub.handler = lambda request: Reply.of_json(error("rate_limit_exceeded"), 429, headers={"Retry-After": "3"})
    for _ in range(3):
        make_generation()
    turn_until_state(engine, slow, State.SAVING)
    sent = len(posts(stub))
    assert UpstreamAccount.load().is_paused
    stub.handler = lambda request: DONE
    turn(engine, lambda: not Generation.objects.exclude(state=State.SAVING).exists())
    assert posts(stub)[sent].at - posts(stub)[sent - 1].at > 2.8
    assert not UpstreamAccount.load().is_paused


def test_waiting_for_the_account_is_no_attempt_in_vain(
    driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration
) -> None:
    generation = make_generation()
    stub.answer(401, json=error("invalid_api_key"))
    stub.answer(401, json=error("invalid_api_key"))
    stub.answer(json=DONE)
    turn_until_state(driver.engine(), generation, State.SAVING)
    assert generation.attempts == 0


def test_stray_is_found_while_the_engine_lives(driver: EngineDriver, make_generation: MakeGeneration) -> None:
    """Claimed by an engine that had lost its lease while it waited for the database."""
    engine = driver.engine()
    turn(engine, lambda: bool(engine.fence))
    generation = make_generation(state=State.SUBMITTING, fence=engine.fence - 1, submitted_at=timezone.now())
    turn_until_state(engine, generation, State.INTERRUPTED)


def test_pictures_that_a_lost_engine_had_stored_are_kept(driver: EngineDriver, make_generation: MakeGeneration) -> None:
    generation = make_generation(state=State.SUBMITTING)
    name = default_storage.save(new_name(generation.pk, mark_of(generation), 0, len(png())), ContentFile(png()))
    turn_until_state(driver.engine(), generation, State.SAVING)
    assert generation.results[0]["file"] == name


def test_base64_without_padding(driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration) -> None:
    data = png() + b"x" * (1 + len(png()) % 3)
    generation = make_generation()
    stub.answer(json={"created": 1, "data": [{"b64_json": base64.b64encode(data).decode().rstrip("=")}]})
    turn_until_state(driver.engine(), generation, State.SAVING)
    with default_storage.open(generation.results[0]["file"]) as kept:
        assert kept.read() == data


def test_known_addresses_are_tried_once_more_when_the_task_is_gone(
    driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration
) -> None:
    """Three of four are here; that the upstream forgets the task must not hide them."""
    generation = make_generation(
        state=State.PROCESSING, task_id="img_1", results=[PICTURE] * 4, count=4, due_at=timezone.now(), attempts=1
    )
    stub.handler = lambda request: Reply.of_json(error("async_task_not_found"), 404)
    turn_until_state(driver.engine(), generation, State.SAVING)
    assert generation.attempts == 4
    assert driver.ingested == [generation.pk]


@pytest.mark.parametrize(
    ("http_status", "code", "told"), [(402, "insufficient_balance", 1), (429, "rate_limit_exceeded", 0)]
)
def test_administrators_are_told_of_a_pause_once_but_not_of_a_mere_limit(
    http_status: int, code: str, told: int, driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration
) -> None:
    generation = make_generation()
    for _ in range(3):
        stub.answer(http_status, json=error(code), headers={"Retry-After": "1"})
    engine = driver.engine(account_pause=0.1)
    stub.handler = lambda _: DONE
    turn_until_state(engine, generation, State.SAVING)
    assert len(driver.told) == told
