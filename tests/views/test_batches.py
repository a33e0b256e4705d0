"""Batches: their plan, and how they are made, cancelled, retried and voted on."""

import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils.html import escape

from gallery import services
from gallery.models import Batch, Budget, Generation, ImageModel, Person, Picture, State, Vote
from tests.conftest import model

MakeGeneration = Callable[..., Generation]
MakePicture = Callable[..., Picture]
HX = {"HX-Request": "true"}


def form(slug: str = "dall-e-3", **changes: Any) -> dict[str, Any]:
    values = {"prompt": "A {red|green} door", "model": model(slug).pk, "count": "1", "token": uuid.uuid4()}
    return values | changes


def send(client: Client, **changes: Any) -> Any:
    return client.post("/generations/", form(**changes), headers=HX)


def pks(*slugs: str) -> list[int]:
    return [model(slug).pk for slug in slugs]


# -- the plan


@pytest.mark.parametrize(
    ("changes", "cost", "note"),
    [
        ({}, "2 pictures · $0.08", "2 prompts"),
        ({"prompt": "A door"}, "$0.04", ""),
        ({"prompt": ""}, "$0.04", ""),
        ({"prompt": "one\ntwo\nthree", "per_line": "on"}, "3 pictures · $0.12", "3 prompts"),
        ({"prompt": "A door", "slug": "midjourney", "count": "4"}, "$0.20", ""),
        ({"prompt": "A door", "compare": ["midjourney"]}, "2 pictures · $0.09", "2 models"),
        ({"compare": ["midjourney", "flux-pro"]}, "6 pictures · at least $0.18", "2 prompts × 3 models"),
        ({"prompt": "A door", "slug": "flux-pro"}, "", ""),
    ],
)
def test_plan_says_number_and_cost(as_owner: Client, changes: dict[str, Any], cost: str, note: str) -> None:
    changes["compare"] = pks(*changes.get("compare", ()))
    text = " ".join(as_owner.post("/generations/plan/", form(**changes), headers=HX).content.decode().split())
    assert f'<hx-partial hx-target="#cost" hx-swap="innerHTML">{cost}' in text
    assert note in text
    assert Generation.objects.count() == 0


def test_plan_counts_prices_by_option(as_owner: Client) -> None:
    ImageModel.objects.filter(slug="dall-e-3").update(prices=[{"when": {"quality": "hd"}, "price": "0.08"}])
    text = as_owner.post("/generations/plan/", form(prompt="A door", opt_quality="hd"), headers=HX).content.decode()
    assert "$0.08" in text


def test_plan_of_an_invalid_form_is_empty(as_owner: Client) -> None:
    answer = as_owner.post("/generations/plan/", form(count="9"), headers=HX)
    assert answer.status_code == 200
    assert "$" not in answer.content.decode()


# -- sending


def test_wildcards_make_one_batch(as_owner: Client, owner: Person) -> None:
    assert send(as_owner).status_code == 200
    batch = Batch.objects.get()
    assert (batch.kind, batch.prompt, batch.author) == (Batch.Kind.PROMPTS, "A {red|green} door", owner)
    made = list(batch.generations.order_by("pk").values_list("prompt", "estimated_cost"))
    assert made == [("A red door", Decimal("0.0400")), ("A green door", Decimal("0.0400"))]


def test_comparison_sends_each_model_its_own_options(as_owner: Client) -> None:
    send(as_owner, prompt="A door", opt_size="1792x1024", opt_quality="hd", compare=pks("flux-pro", "dall-e-2"))
    batch = Batch.objects.get()
    assert batch.kind == Batch.Kind.COMPARISON
    asked = {one.model.slug: one.options for one in batch.generations.select_related("model")}
    assert asked == {
        "dall-e-3": {"size": "1792x1024", "quality": "hd", "style": "vivid"},
        "flux-pro": {"size": "1024x1024"},
        "dall-e-2": {"size": "1024x1024"},
    }


def test_same_model_twice_is_one_request(as_owner: Client) -> None:
    send(as_owner, prompt="A door", compare=pks("dall-e-3"))
    assert Generation.objects.count() == 1
    assert not Batch.objects.exists()


def test_form_sent_twice_makes_one_batch(as_owner: Client) -> None:
    twice = form()
    for _ in range(2):
        as_owner.post("/generations/", twice, headers=HX)
    assert Batch.objects.count() == 1
    assert Generation.objects.count() == 2


def test_empty_wildcard_is_refused(as_owner: Client) -> None:
    assert send(as_owner, prompt="{|}").status_code == 422
    assert send(as_owner, prompt="{a|b}", per_line="on").status_code == 200


def test_too_many_requests_are_refused_with_the_limit(as_owner: Client, settings: Any) -> None:
    settings.LEMONSTUDIO_MAX_PER_SUBMIT = 5
    answer = send(as_owner, prompt="{1|2|3|4|5|6}")
    assert answer.status_code == 422
    assert "more than 5 prompts" in answer.content.decode()
    assert send(as_owner, prompt="{1|2|3}", compare=pks("flux-pro")).status_code == 422
    assert not Generation.objects.exists()


def test_batch_beyond_the_budget_sends_nothing(as_owner: Client, owner: Person) -> None:
    Budget.objects.create(person=owner, amount=Decimal("0.10"))
    answer = send(as_owner, prompt="{1|2|3}")
    assert answer.status_code == 422
    assert "$0.12" in answer.content.decode()
    assert not Generation.objects.exists()
    assert not Batch.objects.exists()


# -- duplicates


@pytest.fixture
def red_door(make_generation: MakeGeneration, make_picture: MakePicture) -> Picture:
    options = {"size": "1024x1024", "quality": "standard", "style": "vivid"}
    made = make_generation("dall-e-3", prompt="A red door", options=options, state=State.COMPLETED)
    return make_picture(made)


def test_duplicate_is_shown_first(as_owner: Client, red_door: Picture) -> None:
    answer = send(as_owner, prompt="A red door")
    assert answer.status_code == 409
    text = answer.content.decode()
    assert f"/pictures/{red_door.pk}/" in text
    assert "Generate anyway" in text
    assert Generation.objects.count() == 1


def test_generate_anyway_makes_a_duplicate(as_owner: Client, red_door: Picture) -> None:
    assert send(as_owner, prompt="A red door", again="all").status_code == 200
    assert Generation.objects.count() == 2


def test_duplicate_is_shown_without_scripts(as_owner: Client, red_door: Picture) -> None:
    answer = as_owner.post("/generations/", form(prompt="A red door"))
    assert answer.status_code == 409
    assert "<html" in answer.content.decode()
    assert escape("You already made this") in answer.content.decode()


def test_batch_can_skip_duplicates(as_owner: Client, red_door: Picture) -> None:
    answer = send(as_owner)
    assert answer.status_code == 409
    assert "Only the 1 new" in answer.content.decode()
    assert send(as_owner, again="new").status_code == 200
    assert list(Generation.objects.exclude(state=State.COMPLETED).values_list("prompt", flat=True)) == ["A green door"]


@pytest.mark.parametrize("changes", [{"opt_quality": "hd"}, {"prompt": "A red door."}, {"slug": "flux-pro"}])
def test_changed_request_is_no_duplicate(as_owner: Client, red_door: Picture, changes: dict[str, Any]) -> None:
    assert send(as_owner, **({"prompt": "A red door"} | changes)).status_code == 200


def test_private_picture_of_a_teammate_is_no_duplicate(as_teammate: Client, red_door: Picture) -> None:
    assert send(as_teammate, prompt="A red door").status_code == 200


def test_vary_repeats_the_request_at_once(as_owner: Client, red_door: Picture) -> None:
    answer = as_owner.post(f"/generations/{red_door.generation_id}/again/", headers=HX)
    assert answer.status_code == 200
    new = Generation.objects.latest("pk")
    assert (new.prompt, new.parent, new.options) == ("A red door", red_door, red_door.generation.options)


def test_vary_pressed_twice_makes_one_request(as_owner: Client, red_door: Picture) -> None:
    for _ in range(2):
        as_owner.post(f"/generations/{red_door.generation_id}/again/", {"token": str(uuid.UUID(int=7))}, headers=HX)
    assert Generation.objects.count() == 2


def test_remix_fills_in_all_settings_and_keeps_the_parent(as_owner: Client, red_door: Picture) -> None:
    shown = as_owner.get(f"/?remix={red_door.pk}")
    assert shown.context["form"].initial["parent"] == red_door.pk
    assert "A red door" in shown.content.decode()
    send(as_owner, prompt="A red door at night", parent=red_door.pk)
    assert Generation.objects.latest("pk").parent == red_door


def test_remix_of_a_hidden_picture_opens_an_empty_form(as_teammate: Client, red_door: Picture) -> None:
    shown = as_teammate.get(f"/?remix={red_door.pk}")
    assert "A red door" not in shown.content.decode()
    assert send(as_teammate, prompt="Mine", parent=red_door.pk).status_code == 422


def test_use_prompt_fills_in_the_prompt_only(as_owner: Client, red_door: Picture) -> None:
    form_shown = as_owner.get(f"/?prompt_of={red_door.generation_id}").context["form"]
    assert form_shown.initial["prompt"] == "A red door"
    assert "parent" not in form_shown.initial


# -- after sending


@pytest.fixture
def comparison(owner: Person, make_generation: MakeGeneration) -> Batch:
    batch = Batch.objects.create(author=owner, kind=Batch.Kind.COMPARISON, prompt="A door")
    for slug, state in (("dall-e-3", State.COMPLETED), ("flux-pro", State.FAILED), ("midjourney", State.QUEUED)):
        make_generation(slug, prompt="A door", batch=batch, state=state, submitted_at=None)
    return batch


def test_cancel_all_cancels_each_generation(as_owner: Client, comparison: Batch) -> None:
    as_owner.post(f"/batches/{comparison.pk}/cancel/")
    states = list(comparison.generations.order_by("pk").values_list("state", flat=True))
    assert states == [State.COMPLETED, State.FAILED, State.CANCELLED]


def test_retry_repeats_failed_generations_only(as_owner: Client, comparison: Batch) -> None:
    for _ in range(2):
        as_owner.post(f"/batches/{comparison.pk}/retry/")
    again = comparison.generations.exclude(retry_of=None).get()
    assert (again.model.slug, again.state) == ("flux-pro", State.QUEUED)


def test_page_shows_the_batch_in_order(as_owner: Client, comparison: Batch) -> None:
    text = as_owner.get(f"/batches/{comparison.pk}/").content.decode()
    ids = [f'id="generation-{pk}"' for pk in comparison.generations.order_by("pk").values_list("pk", flat=True)]
    assert sorted(ids, key=text.index) == ids


def test_person_has_one_vote_and_can_move_or_remove_it(as_owner: Client, owner: Person, comparison: Batch) -> None:
    first, second, _ = comparison.generations.order_by("pk")
    answer = as_owner.post(f"/generations/{first.pk}/vote/", headers=HX)
    assert 'aria-pressed="true"' in answer.content.decode()
    as_owner.post(f"/generations/{second.pk}/vote/")
    assert Vote.objects.get().generation == second
    as_owner.post(f"/generations/{second.pk}/vote/")
    assert not Vote.objects.exists()


def test_teammate_who_sees_a_comparison_can_vote(
    as_teammate: Client, teammate: Person, comparison: Batch, team_gallery: Any, make_picture: MakePicture
) -> None:
    from tests.conftest import put

    first = comparison.generations.order_by("pk")[0]
    assert as_teammate.post(f"/generations/{first.pk}/vote/").status_code == 404
    put(make_picture(first), team_gallery)
    as_teammate.post(f"/generations/{first.pk}/vote/")
    assert Vote.objects.get().person == teammate
    assert as_teammate.post(f"/batches/{comparison.pk}/cancel/").status_code == 404


def test_generation_outside_a_comparison_takes_no_votes(as_owner: Client, make_generation: MakeGeneration) -> None:
    as_owner.post(f"/generations/{make_generation().pk}/vote/")
    assert not Vote.objects.exists()


def test_prompt_history_has_each_prompt_once_newest_first(
    as_owner: Client, owner: Person, teammate: Person, make_generation: MakeGeneration
) -> None:
    for prompt in ("one", "two", "one"):
        make_generation(prompt=prompt)
    make_generation(prompt="not mine", author=teammate)
    assert as_owner.get("/prompts/").json() == {"prompts": ["one", "two"]}


def test_retry_beyond_the_budget_keeps_the_old_generation(as_owner: Client, owner: Person, comparison: Batch) -> None:
    comparison.generations.update(model=model("midjourney"), state=State.FAILED)
    Budget.objects.create(person=owner, amount=Decimal("0.10"))
    as_owner.post(f"/batches/{comparison.pk}/retry/")
    assert not comparison.generations.exclude(retry_of=None).exists()
    assert not comparison.generations.filter(dismissed=True).exists()


def test_batches_cost_the_feed_the_same_queries_as_one(
    as_owner: Client, owner: Person, django_assert_num_queries: Any, make_generation: MakeGeneration
) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    def submit() -> None:
        services.generations.submit_all(
            owner,
            [services.generations.GenerationSpec(model("flux-pro"), f"Door {number}") for number in range(3)],
            batch=Batch(author=owner, kind=Batch.Kind.PROMPTS, prompt="Doors"),
        )

    make_generation()
    submit()
    with CaptureQueriesContext(
        connection,
    ) as few:
        as_owner.get("/")
    for _ in range(5):
        submit()
    with django_assert_num_queries(len(few)):
        as_owner.get("/")
