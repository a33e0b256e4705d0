"""A refusal holds only what it concerns: one request, one model, what costs too much, or the whole account."""

import time
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from django.utils import timezone

from gallery.engine import Engine
from gallery.models import Generation, ImageModel, Person, State, UpstreamAccount
from gallery.models.generation_queryset import NONE
from tests.conftest import model
from tests.engine.conftest import EngineDriver, turn, turn_until_state
from tests.support.stub_upstream import Reply, Request, StubUpstream

MakeGeneration = Callable[..., Generation]
DONE = {"created": 1, "data": [{"url": "https://images.example/a.png"}]}
# How an OpenAI-like server or a proxy says that it will not serve this now.
REFUSALS = {
    "429": (429, "rate_limit_exceeded"),
    "429 quota": (429, "insufficient_quota"),
    "401": (401, "invalid_api_key"),
    "402": (402, "insufficient_balance"),
}
# The waits of a real studio take half a minute; these keep their order.
WAITS: dict[str, Any] = {"account_pause": 1.5, "rate_limit": 1.5, "second_opinion": 0.1, "holds": (0.5, 1.0, 2.0)}


def error(code: str, message: str = "No.", **more: Any) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "type": "error", **more}}


def refusing(stub: StubUpstream, wants: Callable[[dict[str, Any]], bool], kind: str, **more: Any) -> None:
    """Refuse the POSTs that `wants` describes; take the others."""
    http_status, code = REFUSALS[kind]

    def handler(request: Request) -> Any:
        if request.method == "POST" and wants(request.json):
            return Reply.of_json(error(code, **more), http_status)
        return DONE

    stub.handler = handler


def posted(stub: StubUpstream) -> list[str]:
    """The prompts, in the order in which they were sent."""
    return [request.json["prompt"] for request in list(stub.requests) if request.method == "POST"]


def run_for(engine: Engine, seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        engine.turn()
        time.sleep(0.01)


def seconds_until_saved(engine: Engine, generation: Generation) -> float:
    started = time.monotonic()
    turn_until_state(engine, generation, State.SAVING, seconds=30)
    return time.monotonic() - started


# -- one model is refused


@pytest.mark.parametrize("kind", REFUSALS)
def test_other_models_pass_within_seconds_while_one_model_is_refused(
    kind: str, driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration, teammate: Person
) -> None:
    """With the waits of a real studio: the pause lasts for 20 or 30 s."""
    refusing(stub, lambda body: body["model"] == "flux-pro", kind)
    refused = make_generation("flux-pro", prompt="refused")
    innocent = make_generation("dall-e-3", prompt="innocent")
    theirs = make_generation("dall-e-3", prompt="theirs", author=teammate)
    engine = driver.engine(posts_at_once=1, account_pause=30.0)
    assert seconds_until_saved(engine, innocent) < 12
    assert seconds_until_saved(engine, theirs) < 8
    turn(engine, lambda: posted(stub).count("refused") == 2)
    later = make_generation("dall-e-3", prompt="later")
    assert seconds_until_saved(engine, later) < 8
    refused.refresh_from_db()
    assert refused.state == State.QUEUED
    assert posted(stub).count("refused") == 2
    assert not UpstreamAccount.load().is_paused


@pytest.mark.parametrize("kind", REFUSALS)
def test_held_model_is_tried_one_at_a_time_and_goes_on_by_itself(
    kind: str, driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration
) -> None:
    refusing(stub, lambda body: body["model"] == "flux-pro", kind)
    held = [make_generation("flux-pro", prompt=f"held {number}") for number in range(6)]
    engine = driver.engine(posts_at_once=1, **WAITS)
    passing = make_generation("dall-e-3", prompt="passing")
    turn_until_state(engine, passing, State.SAVING)
    turn(engine, lambda: bool(UpstreamAccount.load().holds) and not UpstreamAccount.load().is_paused)
    turn(engine, lambda: "turns FLUX" in Generation.objects.get(pk=held[0].pk).error_message)
    before = len(posted(stub))
    run_for(engine, 0.9)
    assert len(posted(stub)) - before <= 2, "held for half a second, then for a second"
    stub.handler = lambda request: DONE
    for one in held:
        turn_until_state(engine, one, State.SAVING)
        assert one.error_message == ""
    assert UpstreamAccount.load().holds == []


def test_hold_is_known_to_the_next_engine(
    driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration
) -> None:
    refusing(stub, lambda body: body["model"] == "flux-pro", "402")
    make_generation("flux-pro", prompt="held")
    first = driver.engine(posts_at_once=1, **{**WAITS, "holds": (60.0,)})
    turn_until_state(first, make_generation("dall-e-3", prompt="passing"), State.SAVING)
    turn(first, lambda: bool(UpstreamAccount.load().holds) and not UpstreamAccount.load().is_paused)
    UpstreamAccount.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    first.stopping.set()
    before = posted(stub).count("held")
    second = driver.engine(**WAITS)
    run_for(second, 0.5)
    assert second.fence
    assert posted(stub).count("held") == before
    # An administrator lets it go on.
    stub.handler = lambda request: DONE
    UpstreamAccount.resume()
    turn_until_state(second, Generation.objects.get(prompt="held"), State.SAVING)


# -- one request is refused


@pytest.mark.parametrize("kind", REFUSALS)
def test_other_requests_of_the_model_pass_while_one_request_is_refused(
    kind: str, driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration
) -> None:
    refusing(stub, lambda body: body["prompt"] == "refused", kind)
    refused = make_generation(prompt="refused")
    innocent = [make_generation(prompt=f"innocent {number}") for number in range(3)]
    engine = driver.engine(posts_at_once=1, **WAITS)
    for one in innocent:
        turn_until_state(engine, one, State.SAVING)
    turn(engine, lambda: Generation.objects.get(pk=refused.pk).due_at is not None)
    refused.refresh_from_db()
    assert refused.error_message == "The service turns this request away at the moment: No."
    assert not UpstreamAccount.load().is_paused
    assert UpstreamAccount.load().holds == []
    stub.handler = lambda request: DONE
    turn_until_state(engine, refused, State.SAVING)


# -- the whole account is refused


def test_a_told_wait_is_kept_by_all(driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration) -> None:
    for slug in ("flux-pro", "dall-e-3", "midjourney"):
        make_generation(slug, prompt=slug)
    stub.answer(429, json=error("rate_limit_exceeded"), headers={"Retry-After": "2"})
    stub.handler = lambda request: DONE
    engine = driver.engine(posts_at_once=1, **WAITS)
    turn(engine, lambda: len(posted(stub)) == 4, seconds=12)
    moments = [request.at for request in stub.requests]
    assert moments[1] - moments[0] > 1.9


def test_probes_change_the_model_then_the_request_and_prefer_cheap_ones_and_another_person(
    make_generation: MakeGeneration, owner: Person, teammate: Person
) -> None:
    just_now = timezone.now()
    refused = make_generation("flux-pro", refused_at=just_now, estimated_cost="0.01")
    same_model = make_generation("flux-pro", estimated_cost="0.02")
    dear = make_generation("dall-e-3", estimated_cost="0.08")
    cheap = make_generation("midjourney", estimated_cost="0.03")
    theirs = make_generation("midjourney", estimated_cost="0.03", author=teammate)
    order = []
    for seconds in range(1, 7):
        row = Generation.objects.next_to_probe(NONE)
        assert row is not None
        order.append(row)
        Generation.objects.filter(pk=row.pk).update(refused_at=just_now + timedelta(seconds=seconds))
    assert order == [theirs, dear, same_model, cheap, dear, refused]


def test_refused_account_is_asked_with_another_request_each_time(
    driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration
) -> None:
    refusing(stub, lambda body: True, "401")
    for number in range(3):
        make_generation(prompt=f"{number}")
    engine = driver.engine(posts_at_once=1, account_pause=0.2, second_opinion=0.1)
    turn(engine, lambda: len(posted(stub)) >= 8)
    prompts = posted(stub)
    assert all(one != other for one, other in pairwise(prompts))
    assert set(prompts) == {"0", "1", "2"}
    assert UpstreamAccount.load().is_paused
    assert Generation.objects.filter(state__in=(State.QUEUED, State.SUBMITTING)).count() == 3


def test_few_others_are_asked_before_a_pause_is_over(
    driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration
) -> None:
    refusing(stub, lambda body: True, "402")
    for number in range(12):
        make_generation(prompt=f"{number}")
    engine = driver.engine(posts_at_once=1, account_pause=30.0, second_opinion=0.05)
    turn(engine, lambda: len(posted(stub)) == 6)
    run_for(engine, 0.7)
    assert len(posted(stub)) == 6, "the first, and five more"


def test_no_request_is_risked_before_the_pause_of_a_server_in_trouble_is_over(
    driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration
) -> None:
    """What it takes and loses may have been charged."""
    stub.handler = lambda request: Reply.of_json(error("internal_error"), 500)
    for number in range(12):
        make_generation(prompt=f"{number}")
    engine = driver.engine(posts_at_once=1, second_opinion=0.05)
    turn(engine, lambda: UpstreamAccount.load().is_paused, seconds=20)
    sent = len(posted(stub))
    run_for(engine, 0.7)
    assert len(posted(stub)) == sent


@pytest.mark.parametrize(
    ("headers", "message", "seconds"),
    [
        ({"Retry-After": "3600"}, "No.", 3600),
        ({"Retry-After": "9999999"}, "No.", 86_400),
        ({"retry-after-ms": "90500"}, "No.", 90.5),
        ({}, "Rate limit reached. Please try again in 1m30s.", 90),
        ({"Retry-After": "70"}, "Please try again in 2s.", 70),
        ({}, "Slow down.", 20),
    ],
)
def test_account_waits_as_long_as_told(
    headers: dict[str, str],
    message: str,
    seconds: float,
    driver: EngineDriver,
    stub: StubUpstream,
    make_generation: MakeGeneration,
) -> None:
    make_generation()
    stub.answer(429, json=error("rate_limit_exceeded", message), headers=headers)
    engine = driver.engine()
    turn(engine, lambda: UpstreamAccount.load().is_paused)
    account = UpstreamAccount.load()
    assert account.resume_at is not None
    assert (account.resume_at - timezone.now()).total_seconds() == pytest.approx(seconds, abs=3)
    assert account.seconds_paused == pytest.approx(seconds, abs=3)
    assert bool(driver.told) is (seconds > 600), "a long limit is worth an e-mail"


# -- what costs more than the balance


def too_dear() -> dict[str, Any]:
    return error(
        "insufficient_balance", balance_usd="0.12", estimated_cost_usd="0.35", suggestions=[{"id": "dall-e-3"}]
    )


def test_only_what_costs_more_than_the_balance_waits(
    driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration
) -> None:
    def handler(request: Request) -> Any:
        return Reply.of_json(too_dear(), 402) if request.json.get("n", 1) > 1 else DONE

    stub.handler = handler
    dear = [make_generation("flux-pro", count=4, prompt=f"dear {number}", estimated_cost="0.35") for number in range(3)]
    engine = driver.engine(posts_at_once=1, **{**WAITS, "holds": (5.0,)})
    cheap = [make_generation("flux-pro", prompt=f"cheap {number}", estimated_cost="0.05") for number in range(3)]
    for one in cheap:
        turn_until_state(engine, one, State.SAVING)
    assert sum(prompt.startswith("dear") for prompt in posted(stub)) == 1
    account = UpstreamAccount.load()
    assert not account.is_paused
    assert account.balance_usd == Decimal("0.12")
    dear[0].refresh_from_db()
    assert dear[0].state == State.QUEUED
    assert dear[0].error_message == "This costs about $0.35, and the account’s balance is $0.12."
    assert dear[0].suggested_model == model("dall-e-3")
    turn(engine, lambda: "costs more" in Generation.objects.get(pk=dear[2].pk).error_message)
    # The balance was raised: one finds out, and the others follow.
    stub.handler = lambda request: DONE
    for one in dear:
        turn_until_state(engine, one, State.SAVING)
        assert one.error_message == ""
        assert one.suggested_model is None
    assert len(posted(stub)) == 7


def test_model_waits_whose_price_the_studio_does_not_know(
    driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration
) -> None:
    def handler(request: Request) -> Any:
        return Reply.of_json(too_dear(), 402) if request.json["model"] == "flux-pro" else DONE

    stub.handler = handler
    for number in range(4):
        make_generation("flux-pro", prompt=f"dear {number}")
    engine = driver.engine(posts_at_once=1, **{**WAITS, "holds": (60.0,)})
    turn_until_state(engine, make_generation("dall-e-3", prompt="cheap"), State.SAVING)
    run_for(engine, 0.3)
    assert sum(prompt.startswith("dear") for prompt in posted(stub)) == 1
    assert not UpstreamAccount.load().is_paused


def test_balance_without_a_price_pauses_all(
    driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration
) -> None:
    make_generation()
    stub.answer(402, json=error("insufficient_balance", balance_usd="0.12"))
    engine = driver.engine()
    turn(engine, lambda: UpstreamAccount.load().is_paused)
    assert UpstreamAccount.load().balance_usd == Decimal("0.12")


# -- no channel


def test_request_that_no_channel_takes_fails_without_a_charge(
    driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration
) -> None:
    generation = make_generation("flux-pro")
    alternatives = [{"id": "dall-e-3", "status": "available", "tags": []}]
    body = error("all_channels_failed", "No channel is configured.", retryable=False, alternatives=alternatives)
    stub.answer(503, json=body)
    turn_until_state(driver.engine(), generation, State.FAILED)
    assert generation.error_message == "No channel is configured."
    assert generation.was_charged is False
    assert generation.suggested_model == ImageModel.objects.get(slug="dall-e-3")
    assert len(posted(stub)) == 1


@pytest.mark.parametrize("more", [{}, {"retryable": None}])
def test_outcome_stays_unknown_where_it_is_not_said_that_no_channel_took_it(
    more: dict[str, Any], driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration
) -> None:
    generation = make_generation()
    stub.answer(503, json=error("all_channels_failed", **more))
    turn_until_state(driver.engine(), generation, State.INTERRUPTED)
    assert generation.was_charged is None


# -- slower before a limit is met


def test_engine_slows_down_to_what_an_answer_says_is_left(
    driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration
) -> None:
    """Two more may go until the window is over; then the rest goes."""
    left = iter(range(2, -1, -1))
    window_ends = time.time() + 3

    def handler(request: Request) -> Reply:
        remaining = next(left, 100)
        reset = window_ends if remaining < 100 else time.time() + 60
        return Reply.of_json(DONE, headers={"X-RateLimit-Remaining": str(remaining), "X-RateLimit-Reset": str(reset)})

    stub.handler = handler
    engine = driver.engine(posts_at_once=1)
    first = make_generation()
    turn_until_state(engine, first, State.SAVING)
    for _ in range(6):
        make_generation()
    turn(engine, lambda: not Generation.objects.exclude(state=State.SAVING).exists(), seconds=15)
    early = [request for request in stub.requests if request.at < engine_time(window_ends)]
    assert len(early) <= 3
    assert not UpstreamAccount.load().is_paused


def engine_time(wall: float) -> float:
    """By the monotonic clock."""
    return time.monotonic() + wall - time.time()
