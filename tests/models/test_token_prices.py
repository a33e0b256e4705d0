"""Costs by the tokens that the upstream counted, and models without a price."""

from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from gallery.models import Budget, Generation, ImageModel, Person
from gallery.models.ledger import OverBudget, over_budget_message
from gallery.models.token_prices import cost_from_usage, validate_token_prices
from gallery.services.generations import submit
from tests.conftest import model

PRICES = {"text_input": "5", "image_input": "8", "image_output": "30"}
USAGE = {
    "input_tokens": 1_100,
    "output_tokens": 2_000,
    "total_tokens": 3_100,
    "input_tokens_details": {"text_tokens": 100, "image_tokens": 1_000},
}


def test_each_kind_of_token_has_its_price() -> None:
    assert cost_from_usage(PRICES, USAGE) == Decimal("0.0685")


def test_input_without_details_counts_as_text() -> None:
    assert cost_from_usage(PRICES, {"input_tokens": 1_000_000, "output_tokens": 0}) == Decimal(5)


@pytest.mark.parametrize(
    "usage",
    [
        {},
        {"input_tokens": 5},
        {"input_tokens": 0, "output_tokens": 0},
        {"input_tokens": -1, "output_tokens": 5},
        {"input_tokens": True, "output_tokens": 5},
        {"input_tokens": "5", "output_tokens": 5},
        {"input_tokens": 5, "output_tokens": 5, "input_tokens_details": {"image_tokens": 6}},
    ],
)
def test_invalid_usage_has_no_cost(usage: dict[str, Any]) -> None:
    assert cost_from_usage(PRICES, usage) is None


def test_token_without_a_price_has_no_cost() -> None:
    assert cost_from_usage({"text_input": "5", "image_output": "30"}, USAGE) is None


@pytest.mark.parametrize(
    "prices", [[], {"image": "5"}, {"text_input": 5}, {"text_input": "dear"}, {"text_input": "-1"}]
)
def test_bad_token_prices_are_refused(prices: Any) -> None:
    with pytest.raises(ValidationError):
        validate_token_prices(prices)


def test_request_is_settled_by_its_tokens() -> None:
    generation = Generation(model=ImageModel(token_prices=PRICES), count=2, estimated_cost=Decimal("0.5"))
    generation.results = [{"url": "https://x.example/1"}]
    generation.__dict__["usage"] = USAGE
    assert generation.cost_of_results == Decimal("0.0685")
    generation.__dict__["usage"] = {}
    assert generation.cost_of_results == Decimal("0.25"), "without a count, the estimate for the delivered pictures"


# -- models without a price


def ask(person: Person, slug: str = "flux-pro") -> Generation:
    return submit(person, model=model(slug), prompt="x", options={}, count=1)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("rule", "has_budget", "is_staff", "allowed"),
    [
        ("without_budget", False, False, True),
        ("without_budget", True, True, False),
        ("allowed", True, False, True),
        ("administrators", False, False, False),
        ("administrators", True, True, True),
        ("never", False, True, False),
    ],
)
def test_rule_decides_who_may_use_a_model_without_a_price(
    owner: Person, settings: Any, rule: str, has_budget: bool, is_staff: bool, allowed: bool
) -> None:
    settings.LEMONSTUDIO_UNPRICED_MODELS = rule
    owner.is_staff = is_staff
    if has_budget:
        Budget.objects.create(person=owner, amount=Decimal(10))
    if allowed:
        assert ask(owner).estimated_cost is None
        return
    with pytest.raises(OverBudget) as caught:
        ask(owner)
    assert "does not know what this model costs" in over_budget_message(caught.value)
    assert not Generation.objects.exists()


@pytest.mark.django_db
def test_rule_does_not_apply_to_models_with_a_price(owner: Person, settings: Any) -> None:
    settings.LEMONSTUDIO_UNPRICED_MODELS = "never"
    assert ask(owner, "midjourney").estimated_cost == Decimal("0.05")


@pytest.mark.django_db
def test_free_model_costs_nothing(owner: Person, settings: Any) -> None:
    settings.LEMONSTUDIO_UNPRICED_MODELS = "never"
    ImageModel.objects.filter(slug="flux-pro").update(
        lifecycle={"is_free": True, "free_until": "2999-01-01T00:00:00+00:00"}
    )
    assert ask(owner).estimated_cost == 0
    ImageModel.objects.filter(slug="flux-pro").update(
        lifecycle={"is_free": True, "free_until": "2020-01-01T00:00:00+00:00"}
    )
    with pytest.raises(OverBudget):
        ask(owner)
