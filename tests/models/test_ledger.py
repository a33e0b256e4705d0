"""The ledger has the known cost of each generation after any course of events."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction

from gallery import services
from gallery.models import Budget, Generation, ImageModel, LedgerEntry, OverBudget, Person, State, ledger
from gallery.models.states import GAVE_UP, PICTURE_UNAVAILABLE
from tests.conftest import send
from tests.models.ledger_cases import EACH, NOW, Clock, accept, ask, complete, deliver, results, story

pytestmark = [pytest.mark.database, pytest.mark.usefixtures("ledger_is_right")]


# -- ends


def test_submit_reserves_the_estimate(owner: Person) -> None:
    generation = ask(owner)
    assert story(generation) == [("reserved", "+0.15")]
    assert generation.booked == Decimal("0.15")
    entry = LedgerEntry.objects.get()
    assert (entry.person, entry.month) == (owner, ledger.this_month())


def test_completion_settles_the_reservation(owner: Person) -> None:
    generation = send(ask(owner))
    assert deliver(generation)
    assert story(generation) == [("reserved", "+0.15"), ("settled", "+0.00")]
    complete(generation)
    assert story(generation) == [("reserved", "+0.15"), ("settled", "+0.00")]


def test_fewer_pictures_cost_less(owner: Person) -> None:
    generation = accept(ask(owner))
    deliver(generation, 2)
    complete(generation)
    assert story(generation) == [("reserved", "+0.15"), ("settled", "-0.05")]
    assert generation.cost == Decimal("0.10")


@pytest.mark.parametrize("asked_for", [1, 3])
def test_extra_pictures_cost_nothing(owner: Person, asked_for: int) -> None:
    generation = accept(ask(owner, count=asked_for))
    deliver(generation, 6)
    complete(generation)
    assert generation.cost == EACH * asked_for
    assert generation.extra_results == 6 - asked_for


@pytest.mark.parametrize(
    ("price_per", "charged", "shown"),
    [
        ("", {2: "0.10", 3: "0.15", 6: "0.15"}, "0.15"),
        ("delivered", {2: "0.10", 3: "0.15", 6: "0.30"}, "0.15"),
        ("request", {2: "0.05", 3: "0.05", 6: "0.05"}, "0.05"),
    ],
)
@pytest.mark.parametrize("came", [2, 3, 6])
def test_price_is_charged_for_what_the_model_says(
    owner: Person, price_per: str, came: int, charged: dict[int, str], shown: str
) -> None:
    ImageModel.objects.filter(slug="midjourney").update(price_per=price_per)
    generation = accept(ask(owner))
    assert (generation.estimated_cost, generation.booked) == (Decimal(shown), Decimal(shown))
    ImageModel.objects.filter(slug="midjourney").update(price_per="")
    deliver(generation, came)
    complete(generation)
    assert generation.cost == generation.booked == Decimal(charged[came])


def test_request_that_brings_nothing_costs_nothing(owner: Person) -> None:
    ImageModel.objects.filter(slug="midjourney").update(price_per="request")
    generation = accept(ask(owner))
    generation.fail("generation_failed", "No luck.")
    generation.refresh_from_db()
    assert generation.booked == 0


def test_failure_at_the_upstream_is_released(owner: Person) -> None:
    generation = accept(ask(owner))
    assert generation.fail("too_yellow", "No lemons.")
    assert story(generation) == [("reserved", "+0.15"), ("released", "-0.15")]


def test_refusal_is_released(owner: Person) -> None:
    generation = send(ask(owner))
    assert generation.fail("content_policy_violation", "No.", from_=[State.SUBMITTING])
    assert story(generation) == [("reserved", "+0.15"), ("released", "-0.15")]


def test_cancel_before_sending_is_released(owner: Person) -> None:
    generation = ask(owner)
    assert generation.stop_waiting()
    assert story(generation) == [("reserved", "+0.15"), ("released", "-0.15")]


def test_cancel_after_put_back_is_released(owner: Person) -> None:
    generation = send(ask(owner))
    assert generation.put_back()
    assert story(generation) == [("reserved", "+0.15")]
    assert generation.stop_waiting()
    assert story(generation) == [("reserved", "+0.15"), ("released", "-0.15")]


def test_cancel_while_sending_is_released_only_if_it_was_not_taken(owner: Person) -> None:
    generation = send(ask(owner))
    assert generation.stop_waiting()
    assert story(generation) == [("reserved", "+0.15")]
    assert not generation.put_back()
    generation.expect_no_more(refunded=True)
    assert story(generation) == [("reserved", "+0.15"), ("released", "-0.15")]


def test_cancel_after_sending_stays_reserved_until_the_end(owner: Person) -> None:
    generation = accept(ask(owner))
    assert generation.stop_waiting()
    generation.expect_no_more()
    assert story(generation) == [("reserved", "+0.15")]


def test_refund_is_remembered(owner: Person) -> None:
    generation = accept(ask(owner))
    generation.stop_waiting()
    generation.expect_no_more(refunded=True)
    generation.expect_no_more()
    generation.refresh_from_db()
    assert generation.was_charged is False
    assert generation.booked == 0


@pytest.mark.parametrize("end", ["cancelled", "gave up"])
def test_late_result_is_booked_after_its_release(end: str, owner: Person) -> None:
    generation = accept(ask(owner))
    if end == "cancelled":
        generation.stop_waiting()
    else:
        generation.fail(GAVE_UP, "", due_at=NOW())
    generation.expect_no_more(refunded=True)
    assert deliver(generation, 2)
    complete(generation)
    assert story(generation) == [("reserved", "+0.15"), ("released", "-0.15"), ("settled", "+0.10")]


def test_interruption_stays_reserved(owner: Person) -> None:
    generation = send(ask(owner))
    assert generation.interrupt()
    assert story(generation) == [("reserved", "+0.15")]


def test_delivery_after_interruption_is_settled(owner: Person) -> None:
    generation = send(ask(owner))
    generation.interrupt()
    assert deliver(generation, 1)
    assert story(generation) == [("reserved", "+0.15"), ("settled", "-0.10")]


def test_interruption_with_stored_results_is_settled(owner: Person) -> None:
    """The engine stored the results of the answer, and was then killed."""
    generation = send(ask(owner))
    Generation.objects.filter(pk=generation.pk).update(results=results(2))
    assert generation.interrupt()
    assert story(generation) == [("reserved", "+0.15"), ("settled", "-0.05")]


@pytest.mark.parametrize("code", [GAVE_UP, "async_task_not_found", PICTURE_UNAVAILABLE, "malformed_answer"])
def test_unknown_outcome_keeps_the_estimate(code: str, owner: Person) -> None:
    generation = accept(ask(owner))
    assert generation.fail(code, "", due_at=NOW() if code == GAVE_UP else None)
    assert story(generation) == [("reserved", "+0.15")]
    Generation.objects.update(accepted_at=NOW() - timedelta(days=2))
    Generation.objects.stop_looking_after(NOW() - timedelta(days=1))
    assert story(generation) == [("reserved", "+0.15")]


def test_paid_result_that_cannot_be_fetched_is_settled(owner: Person) -> None:
    generation = accept(ask(owner))
    deliver(generation, 2)
    assert generation.fail(PICTURE_UNAVAILABLE, "", from_=[State.SAVING])
    assert story(generation) == [("reserved", "+0.15"), ("settled", "-0.05")]


@pytest.mark.parametrize("how", ["failed", "completed"])
def test_fetching_again_costs_nothing(how: str, owner: Person) -> None:
    generation = accept(ask(owner))
    deliver(generation, 2)
    if how == "failed":
        generation.fail(PICTURE_UNAVAILABLE, "", from_=[State.SAVING])
    else:
        complete(generation)
    before = story(generation)
    generation.refresh_from_db()
    assert services.generations.fetch_again(generation)
    assert story(generation) == before
    assert generation.ask_again(attempts=1, due_at=NOW())
    assert generation.fetch_last_time(NOW())
    complete(generation)
    assert story(generation) == before


def test_more_pictures_after_a_second_answer_are_booked(owner: Person) -> None:
    generation = accept(ask(owner))
    deliver(generation, 1)
    generation.ask_again(attempts=1, due_at=NOW())
    assert deliver(generation, 3)
    assert story(generation) == [("reserved", "+0.15"), ("settled", "-0.10"), ("settled", "+0.10")]


@pytest.mark.parametrize("price", [None, Decimal(0)])
def test_generation_without_a_price_has_no_entries(price: Decimal | None, owner: Person) -> None:
    ImageModel.objects.filter(slug="midjourney").update(price=price)
    for end in ("completed", "failed", "cancelled"):
        generation = ask(owner)
        if end == "cancelled":
            generation.stop_waiting()
        elif end == "failed":
            send(generation).fail("too_yellow", "")
        else:
            deliver(send(generation))
            complete(generation)
        assert story(generation) == []


def test_retry_has_its_own_reservation(owner: Person) -> None:
    old = send(ask(owner))
    old.interrupt()
    old.refresh_from_db()
    new = services.generations.retry(old)
    assert new is not None
    assert story(old) == story(new) == [("reserved", "+0.15")]


def test_fine_price_is_rounded_once(owner: Person) -> None:
    row = {"when": {"size": "512x512"}, "price": "0.00335"}
    ImageModel.objects.filter(slug="midjourney").update(prices=[row])
    generation = ask(owner)
    generation.refresh_from_db()
    assert generation.booked == generation.estimated_cost == Decimal("0.0100")  # of 0.01005
    assert LedgerEntry.objects.get().amount == Decimal("0.0100")
    deliver(send(generation), 1)
    generation.refresh_from_db()
    assert generation.booked == Decimal("0.0033")


# -- append only


def test_entries_cannot_be_changed_or_deleted(owner: Person) -> None:
    ask(owner)
    entry = LedgerEntry.objects.get()
    entry.amount = Decimal(0)
    for attempt in (
        entry.save,
        entry.delete,
        LedgerEntry.objects.all().delete,
        lambda: LedgerEntry.objects.update(amount=0),
        lambda: LedgerEntry.objects.bulk_update([entry], ["amount"]),
    ):
        with pytest.raises(TypeError, match="only ever added to"), transaction.atomic():
            attempt()
    assert LedgerEntry.objects.get().amount == Decimal("0.15")


# -- months


def test_cost_belongs_to_the_month_of_the_request(owner: Person, clock: Clock) -> None:
    Budget.objects.create(person=owner, amount=Decimal("0.15"))
    clock(datetime(2026, 10, 31, 23, 59, tzinfo=UTC))
    late = accept(ask(owner))
    with pytest.raises(OverBudget):
        ask(owner, count=1)
    clock(datetime(2026, 11, 1, 0, 1, tzinfo=UTC))
    deliver(late, 1)
    early = ask(owner)
    october, november = date(2026, 10, 1), date(2026, 11, 1)
    assert LedgerEntry.objects.filter(month=october).total() == Decimal("0.05")
    assert LedgerEntry.objects.filter(month=november).total() == early.booked == Decimal("0.15")
    assert Budget.objects.get().spent(october) == Decimal("0.05")


def test_month_follows_the_studio_time_zone(owner: Person, clock: Clock, settings: Any) -> None:
    settings.TIME_ZONE = "Pacific/Auckland"
    clock(datetime(2026, 10, 31, 12, 0, tzinfo=UTC))  # there, it is the first of November
    ask(owner)
    assert LedgerEntry.objects.get().month == date(2026, 11, 1)


@pytest.mark.parametrize(
    ("month", "after"), [("2026-01-01", "2026-02-01"), ("2026-12-01", "2027-01-01"), ("2028-02-01", "2028-03-01")]
)
def test_month_after(month: str, after: str) -> None:
    assert ledger.month_after(date.fromisoformat(month)) == date.fromisoformat(after)
