"""The buttons on a generation's card."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django_q.models import OrmQ

from gallery.models import Generation, ImageModel, State
from tests.conftest import model

MakeGeneration = Callable[..., Generation]
HX = {"HX-Request": "true"}
ACTIONS = ["cancel", "retry", "dismiss", "fetch"]
FETCHABLE = {
    "state": State.FAILED,
    "error_code": "picture_unavailable",
    "results": [{"url": "https://x.example/a.png"}],
}


def act(client: Client, generation: Generation, action: str, htmx: bool = True, **form: str) -> Any:
    address = f"/generations/{generation.pk}/{action}/"
    return client.post(address, form, headers=HX if htmx else {})


def messages() -> list[tuple[str, int]]:
    return [(message.task["func"], message.task["args"][0]) for message in OrmQ.objects.all()]


# -- permissions


@pytest.mark.parametrize("action", ACTIONS)
def test_other_people_cannot_act(
    as_teammate: Client, as_stranger: Client, make_generation: MakeGeneration, action: str
) -> None:
    generation = make_generation(**FETCHABLE)
    before = Generation.objects.values().get()
    assert act(as_teammate, generation, action).status_code == 404
    assert act(as_stranger, generation, action, htmx=False)["Location"].startswith("/login/")
    assert act(as_stranger, generation, action)["HX-Redirect"] == "/login/?next=/"
    assert Generation.objects.values().get() == before
    assert messages() == []


@pytest.mark.parametrize("action", ACTIONS)
def test_action_needs_a_post(as_owner: Client, make_generation: MakeGeneration, action: str) -> None:
    assert as_owner.get(f"/generations/{make_generation().pk}/{action}/").status_code == 405


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("pk", ["0", "999999", "9" * 30])
def test_unknown_generation_is_not_found(as_owner: Client, action: str, pk: str) -> None:
    assert as_owner.post(f"/generations/{pk}/{action}/").status_code == 404


@pytest.mark.parametrize("action", ACTIONS)
def test_action_works_without_htmx(as_owner: Client, make_generation: MakeGeneration, action: str) -> None:
    response = act(as_owner, make_generation(), action, htmx=False)
    assert (response.status_code, response["Location"]) == (302, "/")


# -- cancel


@pytest.mark.parametrize("state", [State.QUEUED, State.SUBMITTING, State.PENDING, State.PROCESSING])
def test_cancel_stops_waiting(as_owner: Client, make_generation: MakeGeneration, state: State) -> None:
    generation = make_generation(state=state)
    text = act(as_owner, generation, "cancel").content.decode()
    generation.refresh_from_db()
    assert generation.state == State.CANCELLED
    assert f'<article id="generation-{generation.pk}"' in text
    assert "Cancelled" in text
    assert '<div id="poller"></div>' in as_owner.post("/generations/poll/").content.decode(), "nothing to wait for"


@pytest.mark.parametrize("state", [State.SAVING, State.COMPLETED, State.FAILED, State.INTERRUPTED])
def test_cancel_can_come_too_late(as_owner: Client, make_generation: MakeGeneration, state: State) -> None:
    generation = make_generation(state=state)
    assert act(as_owner, generation, "cancel").status_code == 200
    generation.refresh_from_db()
    assert (generation.state, generation.version) == (state, 1)


# -- retry


@pytest.mark.parametrize("state", [State.FAILED, State.INTERRUPTED, State.CANCELLED])
def test_retry_replaces_the_card(as_owner: Client, make_generation: MakeGeneration, state: State) -> None:
    old = make_generation(state=state, options={"size": "512x512"}, count=3)
    text = act(as_owner, old, "retry").content.decode()
    new = Generation.objects.exclude(pk=old.pk).get()
    old.refresh_from_db()
    assert (new.state, new.retry_of, new.author) == (State.QUEUED, old, old.author)
    assert (new.prompt, new.options, new.count, new.model) == (old.prompt, old.options, 3, old.model)
    assert (old.state, old.dismissed) == (state, True)
    assert f'<article id="generation-{new.pk}"' in text
    assert 'hx-post="/generations/poll/"' in text
    assert messages() == [("gallery.tasks.submit", new.pk)]


@pytest.mark.parametrize("htmx", [True, False], ids=["htmx", "plain"])
def test_retry_twice_makes_one_generation(as_owner: Client, make_generation: MakeGeneration, htmx: bool) -> None:
    old = make_generation(state=State.INTERRUPTED)
    act(as_owner, old, "retry", htmx)
    response = act(as_owner, old, "retry", htmx)
    assert Generation.objects.count() == 2
    assert len(messages()) == 1
    said = response["HX-Trigger"] if htmx else as_owner.get("/").content.decode()
    assert "There is nothing to ask for again here any more." in said


@pytest.mark.parametrize("state", [State.QUEUED, State.SUBMITTING, State.PENDING, State.SAVING, State.COMPLETED])
def test_generation_that_did_not_fail_cannot_be_retried(
    as_owner: Client, make_generation: MakeGeneration, state: State
) -> None:
    act(as_owner, make_generation(state=state), "retry")
    assert Generation.objects.count() == 1
    assert messages() == []


def test_retry_with_another_model_sends_its_options(as_owner: Client, make_generation: MakeGeneration) -> None:
    old = make_generation(state=State.FAILED, count=4, error_code="model_not_found", suggested_model=model("dall-e-3"))
    assert "Use DALL·E 3 instead" in as_owner.get("/").content.decode()
    act(as_owner, old, "retry", model="dall-e-3")
    new = Generation.objects.exclude(pk=old.pk).get()
    assert (new.model, new.count) == (model("dall-e-3"), 1)
    assert new.options == {"size": "1024x1024", "quality": "standard", "style": "vivid"}
    assert str(new.estimated_cost) == "0.0400"


WAITING = {
    "error_code": "insufficient_balance",
    "error_message": "This costs about $0.35, and the account’s balance is $0.12.",
    "error_hint": "It is sent as soon as the balance is high enough. Cheaper requests go on.",
}


def test_card_waiting_for_balance_offers_a_cheaper_model(as_owner: Client, make_generation: MakeGeneration) -> None:
    old = make_generation("flux-pro", suggested_model=model("dall-e-3"), **WAITING)
    page = as_owner.get("/").content.decode()
    assert "This costs about $0.35" in page
    assert "Use DALL·E 3 instead" in page
    act(as_owner, old, "retry", model="dall-e-3")
    old.refresh_from_db()
    assert (old.state, old.dismissed) == (State.CANCELLED, True)
    assert Generation.objects.exclude(pk=old.pk).get().model == model("dall-e-3")


def test_sent_generation_cannot_change_to_a_cheaper_model(as_owner: Client, make_generation: MakeGeneration) -> None:
    old = make_generation("flux-pro", state=State.SUBMITTING, suggested_model=model("dall-e-3"), **WAITING)
    act(as_owner, old, "retry", model="dall-e-3")
    old.refresh_from_db()
    assert old.state == State.SUBMITTING
    assert Generation.objects.count() == 1


@pytest.mark.parametrize(
    ("own_enabled", "instead"), [(False, ""), (True, "dall-e-2"), (True, "no-such"), (False, "dall-e-2")]
)
def test_retry_with_a_disabled_model_asks_no_model(
    as_owner: Client, make_generation: MakeGeneration, own_enabled: bool, instead: str
) -> None:
    old = make_generation("flux-pro", state=State.FAILED)
    ImageModel.objects.filter(slug="flux-pro").update(enabled=own_enabled)
    ImageModel.objects.filter(slug="dall-e-2").update(enabled=False)
    act(as_owner, old, "retry", model=instead)
    assert list(Generation.objects.all()) == [old]
    assert not Generation.objects.get().dismissed
    assert messages() == []


@pytest.mark.parametrize(
    ("fields", "button"),
    [
        ({"error_code": "content_policy_violation"}, "Edit prompt"),
        ({"error_code": "gave_up_waiting"}, "Try again"),
        ({"error_code": "access_denied"}, "Copy for an administrator"),
        ({"error_code": "picture_unavailable", "results": [{"url": "https://x.example/a.png"}]}, "Fetch again"),
    ],
)
def test_failed_card_offers_what_helps(
    as_owner: Client, make_generation: MakeGeneration, fields: dict[str, Any], button: str
) -> None:
    make_generation(state=State.FAILED, **fields)
    assert f">{button}</" in as_owner.get("/").content.decode()


# -- dismiss


@pytest.mark.parametrize(
    ("state", "goes"),
    [
        (State.FAILED, True),
        (State.INTERRUPTED, True),
        (State.CANCELLED, True),
        (State.QUEUED, False),
        (State.PROCESSING, False),
        (State.COMPLETED, False),
    ],
)
def test_dismiss_removes_ended_cards_from_the_feed(
    as_owner: Client, make_generation: MakeGeneration, state: State, goes: bool
) -> None:
    generation = make_generation(state=state)
    response = act(as_owner, generation, "dismiss")
    generation.refresh_from_db()
    assert generation.dismissed is goes
    # htmx puts the answer in the card's place: a card that stays must not vanish from the page.
    assert (f'<article id="generation-{generation.pk}"' in response.content.decode()) is not goes


# -- fetch again


def test_fetch_again_costs_nothing(as_owner: Client, make_generation: MakeGeneration) -> None:
    generation = make_generation(**FETCHABLE)
    text = act(as_owner, generation, "fetch").content.decode()
    generation.refresh_from_db()
    assert (generation.state, generation.attempts, generation.version) == (State.SAVING, 0, 2)
    assert generation.due_at is not None
    assert messages() == [("gallery.tasks.ingest", generation.pk)]
    assert "Almost there" in text
    assert 'hx-post="/generations/poll/"' in text


@pytest.mark.parametrize(
    "fields", [{"state": State.FAILED}, {**FETCHABLE, "state": State.SAVING}, {"state": State.COMPLETED}]
)
def test_fetch_again_needs_a_result_to_fetch(
    as_owner: Client, make_generation: MakeGeneration, fields: dict[str, Any]
) -> None:
    generation = make_generation(**fields)
    assert act(as_owner, generation, "fetch").status_code == 200
    generation.refresh_from_db()
    assert (generation.state, generation.version) == (fields["state"], 1)
    assert messages() == []
