"""What a card says about a generation: its words, its progress, and the best next step."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from gallery.models import Generation, Person, State
from gallery.models.states import ACCOUNT_CODES, ADMIN_HELPS, EDIT_HELPS, SHAPE_CODES, UNCLEAR_CHARGE
from gallery.web.cards import ERROR_TITLES, Card, cards_of, folded, retry_price, verdict
from tests.conftest import model

MakeGeneration = Callable[..., Generation]
RESULTS = [{"url": "http://127.0.0.1/1.png"}]


def card(generation: Generation) -> Card:
    """The card as the author sees it."""
    return Card(generation, generation.author)


@pytest.mark.parametrize(
    ("fields", "step"),
    [
        ({"state": State.COMPLETED}, ""),
        ({"state": State.INTERRUPTED}, ""),
        ({"state": State.CANCELLED}, ""),
        ({"error_code": "picture_unavailable", "results": RESULTS}, "fetch"),
        ({"error_code": "picture_unavailable"}, "retry"),
        ({"error_code": "model_not_found", "suggest": True}, "use_model"),
        ({"error_code": "model_not_found"}, "admin"),
        ({"error_code": "model_not_allowed"}, "admin"),
        ({"error_code": "access_denied"}, "admin"),
        ({"error_code": "content_policy_violation"}, "edit"),
        ({"error_code": "invalid_request_error"}, "edit"),
        ({"error_code": "payload_too_large"}, "edit"),
        ({"error_code": "gave_up_waiting"}, "retry"),
        ({"error_code": "never_heard_of"}, "retry"),
        ({"error_code": ""}, "retry"),
    ],
)
def test_card_offers_the_best_next_step(make_generation: MakeGeneration, fields: dict[str, Any], step: str) -> None:
    suggested = {"suggested_model": model("dall-e-2")} if fields.pop("suggest", False) else {}
    assert card(make_generation(**{"state": State.FAILED} | fields | suggested)).next_step == step


def test_all_errors_have_a_title(make_generation: MakeGeneration) -> None:
    assert card(make_generation(error_code="gave_up_waiting")).error_title == "Timed out"
    assert card(make_generation(error_code="never_heard_of")).error_title == "This one did not work"
    assert (EDIT_HELPS | ADMIN_HELPS | UNCLEAR_CHARGE | ACCOUNT_CODES | SHAPE_CODES) - set(ERROR_TITLES) == set()


@pytest.mark.parametrize(
    ("usual", "so_far", "fields", "left", "shown"),
    [
        (20, 5, {}, 15, 25),
        (20, 19.9, {}, 1, 95),
        (20, 25, {}, None, 95),
        (20, 5, {"progress": 80}, 15, 80),
        (None, 5, {}, None, None),
        (None, 5, {"progress": 0}, None, 0),
        (20, None, {}, None, None),
        (20, 5, {"state": State.FAILED}, None, 25),
        (0, 5, {}, None, None),
    ],
)
def test_card_shows_the_time_left(
    make_generation: MakeGeneration,
    usual: float | None,
    so_far: float | None,
    fields: dict[str, Any],
    left: int | None,
    shown: int | None,
) -> None:
    submitted = None if so_far is None else timezone.now() - timedelta(seconds=so_far)
    generation = make_generation(**{"state": State.PROCESSING, "submitted_at": submitted} | fields)
    generation.model.typical_seconds = usual
    assert card(generation).seconds_left == left
    assert card(generation).progress == shown


@pytest.mark.parametrize(
    ("state", "so_far", "slow", "longer"),
    [
        (State.PROCESSING, 31, 30, True),
        (State.PROCESSING, 29, 30, False),
        (State.PROCESSING, 31, None, False),
        (State.COMPLETED, 31, 30, False),
    ],
)
def test_card_says_that_it_takes_longer_than_usual(
    make_generation: MakeGeneration, state: State, so_far: int, slow: float | None, longer: bool
) -> None:
    generation = make_generation(state=state, submitted_at=timezone.now() - timedelta(seconds=so_far))
    generation.model.slow_seconds = slow
    assert card(generation).is_taking_longer is longer


def test_time_stops_at_the_end(make_generation: MakeGeneration) -> None:
    now = timezone.now()
    generation = make_generation(submitted_at=now - timedelta(seconds=60), finished_at=now - timedelta(seconds=20))
    assert card(generation).seconds_under_way == 40


def test_three_failures_of_one_kind_in_a_row_are_folded(make_generation: MakeGeneration, owner: Person) -> None:
    timed_out = [make_generation(state=State.FAILED, error_code="gave_up_waiting") for _ in range(3)]
    other = make_generation(state=State.FAILED, error_code="model_not_found")
    under_way = [make_generation(), make_generation(), make_generation()]
    pieces = folded(cards_of([*timed_out, other, *under_way], owner))
    assert [len(piece) for piece in pieces] == [3, 1, 1, 1, 1]


def test_again_costs_what_the_model_takes_for_that_many(make_generation: MakeGeneration, owner: Person) -> None:
    def price(slug: str, count: int) -> Decimal | None:
        return Card(make_generation(slug, options={}, count=count), owner).again_price

    assert price("midjourney", 4) == Decimal("0.20")
    assert price("flux-pro", 4) is None


@pytest.mark.parametrize(
    ("votes", "words"), [((2, 1, 0), "FLUX pro wins 2 : 1"), ((1, 1, 0), "A tie, 1 : 1"), ((0, 0, 0), None)]
)
def test_verdict_names_the_model_with_most_votes(
    votes: tuple[int, ...], words: str | None, make_generation: MakeGeneration, owner: Person
) -> None:
    cards = cards_of([make_generation(slug) for slug in ("flux-pro", "midjourney", "dall-e-2")], owner)
    for card, count in zip(cards, votes, strict=True):
        card.generation.vote_count = count  # type: ignore[attr-defined] # as `for_cards` annotates it
    said = verdict(cards)
    assert (said and said.words) == words


def test_retrying_has_a_price_where_all_prices_are_known(make_generation: MakeGeneration, owner: Person) -> None:
    failed = {"state": State.FAILED, "options": {}}
    known = [make_generation("midjourney", **failed), make_generation("midjourney", count=2, **failed)]
    assert retry_price(cards_of(known, owner)) == Decimal("0.15")
    assert retry_price(cards_of([*known, make_generation("flux-pro", **failed)], owner)) is None
    assert retry_price(cards_of([make_generation("midjourney", state=State.COMPLETED)], owner)) is None
