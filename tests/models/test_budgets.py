"""Budgets hold, and people read what is left of them."""

import uuid
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django_q.models import OrmQ

from gallery import services
from gallery.models import Batch, Budget, Generation, ImageModel, LedgerEntry, OverBudget, Person, ledger
from tests.conftest import model, send
from tests.models.ledger_cases import EACH, Clock, accept, ask, budget_of, deliver, story

pytestmark = [pytest.mark.database, pytest.mark.usefixtures("ledger_is_right")]


def test_budget_can_be_used_to_its_last_cent(owner: Person) -> None:
    budget_of(owner, "0.30")
    for _ in range(6):
        ask(owner, count=1)
    with pytest.raises(OverBudget) as raised:
        ask(owner, count=1)
    assert [raised.value.left, raised.value.needed] == [0, EACH]
    assert Generation.objects.count() == 6


def test_released_money_may_be_spent_again(owner: Person) -> None:
    budget_of(owner, "0.15")
    ask(owner).stop_waiting()
    deliver(send(ask(owner)), 1)
    ask(owner, count=2)
    with pytest.raises(OverBudget):
        ask(owner, count=1)


def test_request_over_budget_leaves_no_rows(owner: Person) -> None:
    budget_of(owner, "0.10")
    spec = services.generations.GenerationSpec(model("midjourney"), "A lemon", {"size": "512x512"})
    batch = Batch(author=owner, kind=Batch.Kind.PROMPTS, prompt="A lemon")
    with pytest.raises(OverBudget) as raised:
        services.generations.submit_all(owner, [spec, spec, spec], batch=batch)
    assert raised.value.needed == Decimal("0.15")
    assert not Generation.objects.exists()
    assert not Batch.objects.exists()
    assert not LedgerEntry.objects.exists()
    assert not OrmQ.objects.exists()


def test_retry_over_budget_keeps_the_old_card(owner: Person) -> None:
    generation = send(ask(owner))
    generation.interrupt()
    budget_of(owner, "0.20")
    generation.refresh_from_db()
    with pytest.raises(OverBudget):
        services.generations.retry(generation)
    generation.refresh_from_db()
    assert not generation.dismissed


def test_form_sent_twice_is_accepted_with_an_empty_budget(owner: Person) -> None:
    budget_of(owner, "0.15")
    token = uuid.uuid4()
    ask(owner, token=token)
    with pytest.raises(services.generations.AlreadySubmitted):
        ask(owner, token=token)


def test_new_budget_counts_the_whole_month(owner: Person, designers: Group) -> None:
    ask(owner)
    own, common = budget_of(owner, "0.20"), budget_of(designers, "0.30")
    month = ledger.this_month()
    assert (own.spent(month), common.spent(month)) == (Decimal("0.15"), Decimal("0.15"))
    with pytest.raises(OverBudget):
        ask(owner, count=2)
    ask(owner, count=1)


def test_recreated_budget_counts_earlier_spending(owner: Person, designers: Group) -> None:
    for who in (owner, designers):
        budget_of(who, "1")
    generation = ask(owner)
    Budget.objects.all().delete()
    assert deliver(send(generation), 2)
    assert story(generation) == [("reserved", "+0.15"), ("settled", "-0.05")]
    assert {budget_of(who, "1").spent(ledger.this_month()) for who in (owner, designers)} == {Decimal("0.10")}


def test_group_shares_its_budget(owner: Person, teammate: Person, designers: Group) -> None:
    teammate.groups.add(designers)
    budget_of(designers, "0.25")
    ask(owner)
    with pytest.raises(OverBudget):
        ask(teammate)
    ask(teammate, count=2)


def test_group_pays_for_its_members_at_the_time_of_the_request(
    owner: Person, teammate: Person, administrator: Person, designers: Group
) -> None:
    budget = budget_of(designers, "1")
    month = ledger.this_month()
    ask(teammate)
    teammate.groups.add(designers)
    assert budget.spent(month) == 0
    leaving = accept(ask(owner))
    owner.groups.remove(designers)
    assert budget.spent(month) == Decimal("0.15")
    ask(owner)
    assert deliver(leaving, 1)
    assert budget.spent(month) == Decimal("0.05")


def test_all_budgets_must_suffice_and_the_tightest_is_named(owner: Person, designers: Group) -> None:
    own, common = budget_of(owner, "0.10"), budget_of(designers, "0.05")
    with pytest.raises(OverBudget) as raised:
        ask(owner)
    assert raised.value.budget == common
    common.delete()
    with pytest.raises(OverBudget) as raised:
        ask(owner)
    assert raised.value.budget == own


def test_budget_of_zero_allows_free_requests(owner: Person) -> None:
    budget_of(owner, "0")
    with pytest.raises(OverBudget):
        ask(owner, count=1)
    with pytest.raises(OverBudget) as raised:
        ask(owner, slug="flux-pro")  # its cost is unknown
    assert raised.value.needed == 0
    ImageModel.objects.filter(slug="flux-pro").update(price=0)
    ask(owner, slug="flux-pro")


def test_unknown_price_is_allowed_while_money_is_left(owner: Person, settings: Any) -> None:
    settings.LEMONSTUDIO_UNPRICED_MODELS = "allowed"
    budget_of(owner, "0.15")
    ask(owner, slug="flux-pro")
    ask(owner)
    with pytest.raises(OverBudget):
        ask(owner, slug="flux-pro")


def test_late_result_may_exceed_the_budget(owner: Person) -> None:
    """It is paid for already. The next request is refused."""
    budget_of(owner, "0.15")
    late = accept(ask(owner))
    late.stop_waiting()
    late.expect_no_more(refunded=True)
    ask(owner)
    assert deliver(late)
    state = ledger.budget_state(owner)
    assert state is not None
    assert [state.spent, state.left, state.percent, state.percent_shown] == [Decimal("0.30"), 0, 200, 100]
    with pytest.raises(OverBudget):
        ask(owner, count=1)


def test_budgets_of_others_do_not_count(owner: Person, teammate: Person, designers: Group) -> None:
    budget_of(teammate, "0")
    budget_of(Group.objects.create(name="Marketing"), "0")
    ask(owner)


@pytest.mark.parametrize("who", ["both", "neither"])
def test_budget_is_for_one_person_or_one_group(who: str, owner: Person, designers: Group) -> None:
    budget = Budget(amount=1, **({"person": owner, "group": designers} if who == "both" else {}))
    with pytest.raises(ValidationError, match="for just one of them"):
        budget.full_clean()


# -- what is left, in words


def test_person_without_a_budget_has_no_state(owner: Person, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        assert ledger.budget_state(owner) is None


def test_state_is_of_the_tightest_budget(owner: Person, designers: Group, django_assert_num_queries: Any) -> None:
    budget_of(owner, "10")
    budget_of(designers, "2.50")
    for _ in range(4):
        ask(owner, count=4)
    with django_assert_num_queries(2):
        state = ledger.budget_state(owner)
    assert state is not None
    assert (state.name, state.is_own, state.whose) == ("Designers", False, "Designers")
    assert (state.amount, state.spent, state.left) == (Decimal("2.50"), Decimal("0.80"), Decimal("1.70"))
    assert state.share == pytest.approx(0.32)
    assert state.percent == 32
    assert state.in_words == "$1.70 of $2.50 left this month"
    assert not state.is_warning


@pytest.mark.parametrize(
    ("amount", "percent", "warns", "is_over"),
    [
        ("0.20", 75, False, False),
        ("0.18", 83, True, False),
        ("0.15", 100, True, True),
        ("0.10", 150, True, True),
        ("0", 100, True, True),
    ],
)
def test_budget_warns_from_80_per_cent(amount: str, percent: int, warns: bool, is_over: bool, owner: Person) -> None:
    ask(owner)
    state = budget_of(owner, amount).state(ledger.this_month())
    assert (state.percent, state.is_warning, state.is_over) == (percent, warns, is_over)
    assert (state.whose, "used up" in state.in_words) == ("Your budget", is_over)


def test_exactly_80_per_cent_warns(owner: Person) -> None:
    ask(owner, count=4)
    assert budget_of(owner, "0.25").state(ledger.this_month()).is_warning


@pytest.mark.parametrize(
    ("amount", "said", "said_with_cents"),
    [
        ("10", "$10", "$10.00"),
        ("0.2", "$0.20", "$0.20"),
        ("0.0035", "$0.0035", "$0.0035"),
        ("1250.5", "$1,250.50", "$1,250.50"),
        ("-0.05", "-$0.05", "-$0.05"),
        ("0", "$0", "$0.00"),
    ],
)
def test_amount_in_dollars(amount: str, said: str, said_with_cents: str) -> None:
    assert ledger.in_dollars(Decimal(amount)) == said
    assert ledger.in_dollars(Decimal(amount), cents=True) == said_with_cents


def test_refusal_over_budget_is_in_plain_words(owner: Person, designers: Group, clock: Clock) -> None:
    clock(datetime(2026, 11, 21, tzinfo=UTC))
    own, common = budget_of(owner, "10"), budget_of(designers, "4")
    say = ledger.over_budget_message
    assert say(OverBudget(own, Decimal("0.30"), Decimal("0.50"))) == (
        "This would cost $0.50, and $0.30 of your budget is left this month. "
        "Ask for fewer pictures or a cheaper model, or ask an administrator for more."
    )
    assert say(OverBudget(common, Decimal(0), Decimal("0.50"))) == (
        "The budget of Designers of $4 for this month is used up. "
        "It begins anew on 1 December, or ask an administrator for more."
    )
    assert say(OverBudget(own, Decimal(0), Decimal(0))) == (
        "Your budget of $10 for this month is used up, and no price is set for this model. "
        "It begins anew on 1 December, or ask an administrator for more."
    )
