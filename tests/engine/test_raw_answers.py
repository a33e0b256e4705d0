"""What is kept of an answer beside the row, how long, and what reading it again brings."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone
from django_q.models import OrmQ

from gallery import tasks
from gallery.engine import housekeeping, raw_answers
from gallery.models import Generation, RawAnswer, State
from gallery.models.raw_answer import KEPT_OF_EACH
from gallery.web.cards import Card
from tests.engine.conftest import EngineDriver, turn_until_state
from tests.support.stub_upstream import StubUpstream

MakeGeneration = Callable[..., Generation]
URL = "https://images.example/a.png"
ODD = {"created": 1, "strange": {"field": 7}}


def keep(generation: Generation, document: Any, *, is_poll: bool = False, status: int = 200) -> RawAnswer:
    body = document if isinstance(document, str) else json.dumps(document)
    return RawAnswer.objects.create(generation=generation, status=status, body=body, is_poll=is_poll)


@pytest.fixture
def interrupted(make_generation: MakeGeneration) -> Generation:
    return make_generation("dall-e-3", state=State.INTERRUPTED, submitted_at=timezone.now())


def test_answer_that_was_not_understood_is_kept(
    driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration
) -> None:
    generation = make_generation("dall-e-3")
    stub.answer(json=ODD, headers={"X-Request-Id": "req_1"})
    turn_until_state(driver.engine(), generation, State.INTERRUPTED)
    raw = RawAnswer.objects.get(generation=generation)
    assert (json.loads(raw.body), raw.status, raw.is_poll) == (ODD, 200, False)
    assert raw.headers["x-request-id"] == "req_1"
    assert generation.upstream_ids == {"request_id": "req_1"}


def test_ids_and_usage_of_request_and_poll_are_in_the_row(
    driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration
) -> None:
    generation = make_generation()
    stub.answer(json={"id": "t1", "status": "queued"}, headers={"X-Request-Id": "req_1"})
    done = {"status": "completed", "data": [{"url": URL}]}
    stub.answer(json={**done, "billing_transaction_id": "bill_1", "usage": {"output_tokens": 1056}})
    turn_until_state(driver.engine(), generation, State.SAVING)
    assert generation.upstream_ids == {"id": "t1", "request_id": "req_1", "billing_transaction_id": "bill_1"}
    assert generation.usage == {"output_tokens": 1056}
    assert [raw.is_poll for raw in generation.raw_answers.all()] == [False, True]


def test_what_would_mend_a_request_is_for_administrators(
    driver: EngineDriver,
    stub: StubUpstream,
    make_generation: MakeGeneration,
    as_owner: Browser,
    as_administrator: Browser,
) -> None:
    generation = make_generation()
    stub.answer(400, json={"error": {"message": "No.", "code": "invalid_value", "allowed_resolutions": ["1k", "2k"]}})
    turn_until_state(driver.engine(), generation, State.FAILED)
    card = Card(generation, generation.author)
    assert (generation.error_code, card.next_step) == ("invalid_request_error", "edit")
    assert card.advice == [("Code", "invalid_value"), ("Allowed resolutions", "1k, 2k")]
    assert "1k, 2k" not in as_owner.get(reverse("create")).content.decode()
    page = as_administrator.get(reverse("admin:gallery_generation_change", args=[generation.pk])).content.decode()
    assert "1k, 2k" in page


def test_only_the_first_and_the_latest_answers_are_kept(interrupted: Generation) -> None:
    kept = [keep(interrupted, {"number": number}).pk for number in range(KEPT_OF_EACH + 3)]
    raw_answers._trim(interrupted.pk)
    left = list(RawAnswer.objects.values_list("pk", flat=True))
    assert left == [kept[0], *kept[-KEPT_OF_EACH + 1 :]]


def test_housekeeping_deletes_answers_of_what_ended_long_ago(interrupted: Generation) -> None:
    old = keep(interrupted, ODD)
    keep(interrupted, ODD)
    RawAnswer.objects.filter(pk=old.pk).update(received_at=timezone.now() - timedelta(days=31))
    housekeeping.delete_old_rows()
    assert old.pk not in RawAnswer.objects.values_list("pk", flat=True)
    assert RawAnswer.objects.count() == 1


def test_reading_again_finds_pictures(interrupted: Generation, capsys: pytest.CaptureFixture[str]) -> None:
    keep(interrupted, {"data": [{"url": "/files/a.png"}]})
    call_command("reread_answers")
    interrupted.refresh_from_db()
    assert interrupted.state == State.SAVING
    assert interrupted.results[0]["url"].endswith("/files/a.png")
    assert interrupted.results[0]["url"].startswith("http")
    assert OrmQ.objects.count() == 1
    assert "1 in its answer" in capsys.readouterr().out


def test_reading_again_finds_a_task(interrupted: Generation) -> None:
    keep(interrupted, {"job_id": "t1", "status": "queued"})
    call_command("reread_answers", interrupted.pk)
    interrupted.refresh_from_db()
    assert (interrupted.state, interrupted.task_id) == (State.PENDING, "t1")
    assert interrupted.due_at is not None


@pytest.mark.parametrize("body", ["<html>", "{}", '{"data": [{"b64_json": "[base64: 9000 characters]"}]}'])
def test_reading_again_changes_nothing_that_is_still_not_understood(interrupted: Generation, body: str) -> None:
    keep(interrupted, body)
    call_command("reread_answers", interrupted.pk)
    interrupted.refresh_from_db()
    assert (interrupted.state, interrupted.results) == (State.INTERRUPTED, [])


def test_reading_again_leaves_alone_what_has_its_pictures(make_generation: MakeGeneration) -> None:
    generation = make_generation(state=State.COMPLETED)
    keep(generation, {"data": [{"url": URL}]})
    call_command("reread_answers", generation.pk)
    generation.refresh_from_db()
    assert generation.state == State.COMPLETED


def test_reading_again_names_what_is_not_there(db: None) -> None:
    with pytest.raises(CommandError, match="No such generation: 4711"):
        call_command("reread_answers", 4711)


def test_preview_of_a_task_that_was_given_up_is_found(make_generation: MakeGeneration) -> None:
    generation = make_generation(state=State.FAILED, task_id="t1", error_code="gave_up_waiting")
    keep(generation, {"status": "processing", "data": [{"url": URL}]}, is_poll=True)
    tasks.reread(generation.pk)
    generation.refresh_from_db()
    assert (generation.state, generation.results[0]["url"]) == (State.SAVING, URL)


def test_administrator_has_an_answer_read_again(interrupted: Generation, as_administrator: Browser) -> None:
    keep(interrupted, {"data": [{"url": URL}]})
    form = {"action": "read_again", "_selected_action": [interrupted.pk]}
    as_administrator.post(reverse("admin:gallery_generation_changelist"), form)
    (message,) = OrmQ.objects.all()
    assert message.func() == "gallery.tasks.reread"


def test_administrator_finds_a_generation_by_the_upstreams_id(
    make_generation: MakeGeneration, as_administrator: Browser
) -> None:
    make_generation(upstream_ids={"request_id": "req_4711"}, prompt="A lemon in the search")
    make_generation(prompt="Another one")
    page = as_administrator.get(reverse("admin:gallery_generation_changelist"), {"q": "req_4711"}).content.decode()
    assert "A lemon in the search" in page
    assert "Another one" not in page


def test_refused_prompt_says_nothing_about_the_model(make_generation: MakeGeneration) -> None:
    ended = {"submitted_at": timezone.now(), "finished_at": timezone.now()}
    for _ in range(4):
        generation = make_generation(state=State.COMPLETED, **ended)
        for code in ("content_policy_violation", "refused_on_the_way", "insufficient_quota"):
            make_generation(state=State.FAILED, error_code=code, **ended)
    housekeeping.learn_durations()
    generation.model.refresh_from_db()
    assert generation.model.success_rate == 1.0
