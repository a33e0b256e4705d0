"""The ledger has the known cost of each generation after any course of events, and budgets hold."""

import logging
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from importlib import import_module
from random import Random
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import transaction
from django.utils import timezone
from django_q.models import OrmQ

from gallery import services, tasks
from gallery.engine import housekeeping
from gallery.models import Batch, Budget, Generation, ImageModel, LedgerEntry, OverBudget, Person, State, ledger
from gallery.models.states import GAVE_UP, PICTURE_UNAVAILABLE
from gallery.queries.ledger import discrepancies
from tests.conftest import model

pytestmark = pytest.mark.database

Clock = Callable[[datetime], None]
EACH = Decimal("0.05")  # Midjourney's price
NOW = timezone.now


def ask(author: Person, count: int = 3, slug: str = "midjourney", **more: Any) -> Generation:
    options = {"size": "512x512"}
    return services.generations.submit(
        author, model=model(slug), prompt="A lemon", options=options, count=count, **more
    )


def results(pictures: int) -> list[dict[str, str]]:
    return [{"url": f"https://images.example/{number}.png"} for number in range(pictures)]


def deliver(generation: Generation, pictures: int = 3) -> bool:
    return generation.deliver(results(pictures), fetch_by=NOW())


def send(generation: Generation) -> Generation:
    assert generation.claim(1)
    return generation


def accept(generation: Generation) -> Generation:
    assert send(generation).accept(task_id="t", poll_url="/t", processing=True, progress=None, due_at=NOW())
    return generation


def complete(generation: Generation) -> None:
    generation.refresh_from_db()
    assert generation.complete(generation.cost_of_results)
    generation.refresh_from_db()


def story(generation: Generation) -> list[tuple[str, str]]:
    rows = LedgerEntry.objects.filter(generation=generation).order_by("pk")
    return [(entry.kind, f"{entry.amount:+.2f}") for entry in rows]


@pytest.fixture(autouse=True)
def ledger_is_right(db: None) -> Iterator[None]:
    """At the end of each test, each generation is booked at its cost."""
    yield
    assert [str(one) for one in discrepancies()] == []


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Sets the time of later requests and entries."""

    def to(moment: datetime) -> None:
        monkeypatch.setattr(timezone, "now", lambda: moment)
        monkeypatch.setattr(Generation._meta.get_field("created_at"), "_get_default", lambda: moment)

    return to


@pytest.fixture
def designers(owner: Person) -> Group:
    group = Group.objects.create(name="Designers")
    owner.groups.add(group)
    return group


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


# -- budgets


def budget_of(who: Person | Group, amount: str) -> Budget:
    owned = {"person": who} if isinstance(who, Person) else {"group": who}
    return Budget.objects.create(amount=Decimal(amount), **owned)


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


# -- checks


def tamper(**changes: Any) -> Generation:
    generation = Generation.objects.get()
    Generation.objects.filter(pk=generation.pk).update(**changes)
    return generation


@pytest.fixture
def mend() -> Iterator[None]:
    """For tests that break the ledger: empties it before the check at the end."""
    yield
    LedgerEntry.objects.all()._raw_delete("default")
    Generation.objects.all().delete()


def found() -> list[str]:
    return [discrepancy.says for discrepancy in discrepancies()]


def test_check_finds_a_wrong_sum(owner: Person, mend: None) -> None:
    ask(owner)
    tamper(booked=Decimal("0.10"), estimated_cost=Decimal("0.10"))
    assert found() == ["its entries add up to 0.1500, and 0.1000 is booked"]


def test_check_finds_an_end_without_an_entry(owner: Person, mend: None) -> None:
    ask(owner)
    tamper(state=State.CANCELLED)
    assert found() == ["0.1500 is booked, and by what is known it costs 0.0000"]


def test_check_finds_an_entry_of_another_person(owner: Person, teammate: Person, mend: None) -> None:
    ask(owner)
    tamper(author=teammate)
    assert found() == ["an entry is booked to the wrong person"]


def test_check_finds_missing_entries(owner: Person, mend: None) -> None:
    ask(owner)
    LedgerEntry.objects.all()._raw_delete("default")
    assert found() == ["its entries add up to 0.0000, and 0.1500 is booked"]


def test_command_accepts_a_right_ledger(owner: Person, capsys: pytest.CaptureFixture[str]) -> None:
    ask(owner)
    call_command("check_ledger")
    assert capsys.readouterr().out == "The ledger adds up.\n"


def test_command_prints_errors_and_fails(owner: Person, mend: None, capsys: pytest.CaptureFixture[str]) -> None:
    generation = ask(owner)
    tamper(state=State.CANCELLED)
    with pytest.raises(CommandError, match="wrong in 1 place") as raised:
        call_command("check_ledger")
    assert raised.value.returncode == 1
    said = f"Generation {generation.pk}: 0.1500 is booked, and by what is known it costs 0.0000\n"
    assert capsys.readouterr().out == said


def test_housekeeping_logs_errors(owner: Person, mend: None, caplog: pytest.LogCaptureFixture) -> None:
    ask(owner)
    with caplog.at_level(logging.ERROR, logger="gallery.engine.housekeeping"):
        tasks.tidy_up()
        assert caplog.messages == []
        generation = tamper(state=State.CANCELLED)
        tasks.tidy_up()
    [said] = caplog.messages
    assert said.startswith(f"The ledger is wrong. Generation {generation.pk}: 0.1500 is booked")


def test_housekeeping_leaves_old_errors_to_the_command(owner: Person, mend: None) -> None:
    ask(owner)
    tamper(state=State.CANCELLED, created_at=NOW() - timedelta(days=3))
    assert housekeeping.check_ledger() == 0
    assert len(found()) == 1


def test_check_takes_one_query(owner: Person, django_assert_num_queries: Any) -> None:
    for _ in range(3):
        ask(owner)
    with django_assert_num_queries(1):
        assert found() == []


# -- before the ledger


def test_migration_books_older_generations(make_generation: Callable[..., Generation]) -> None:
    long_ago = datetime(2026, 3, 5, tzinfo=UTC)
    sent = {"submitted_at": long_ago, "created_at": long_ago, "estimated_cost": Decimal("0.15"), "count": 3}
    rows = {
        "completed": make_generation(state=State.COMPLETED, cost=Decimal("0.10"), results=results(2), **sent),
        "unfetched": make_generation(state=State.FAILED, results=results(2), error_code=PICTURE_UNAVAILABLE, **sent),
        "under way": make_generation(state=State.PROCESSING, **sent),
        "interrupted": make_generation(state=State.INTERRUPTED, **sent),
        "gave up": make_generation(state=State.FAILED, error_code=GAVE_UP, **sent),
        "failed": make_generation(state=State.FAILED, error_code="too_yellow", **sent),
        "never sent": make_generation(state=State.CANCELLED, **{**sent, "submitted_at": None}),
        "no price": make_generation(state=State.COMPLETED, results=results(1), **{**sent, "estimated_cost": None}),
    }
    book = import_module("gallery.migrations.0010_book_what_came_before").book
    for _ in range(2):  # a second time changes nothing
        book(apps, None)
        assert {name: story(row) for name, row in rows.items()} == {
            "completed": [("settled", "+0.10")],
            "unfetched": [("settled", "+0.10")],
            "under way": [("reserved", "+0.15")],
            "interrupted": [("reserved", "+0.15")],
            "gave up": [("reserved", "+0.15")],
            "failed": [],
            "never sent": [],
            "no price": [],
        }
    assert set(LedgerEntry.objects.values_list("month", flat=True)) == {date(2026, 3, 1)}


def test_older_generation_is_booked_at_its_end(make_generation: Callable[..., Generation]) -> None:
    long_ago = datetime(2026, 3, 5, tzinfo=UTC)
    old = make_generation(
        state=State.PROCESSING, estimated_cost=Decimal("0.15"), count=3, created_at=long_ago, submitted_at=long_ago
    )
    assert deliver(old, 2)
    assert story(old) == [("settled", "+0.10")]
    assert LedgerEntry.objects.get().month == date(2026, 3, 1)


# -- random events in random order


class Expected:
    """The expected cost of a generation, counted by the test from its events."""

    def __init__(self, generation: Generation) -> None:
        self.generation = generation
        self.was_sent = self.has_ended = self.is_free = False
        self.delivered: int | None = None

    @property
    def costs(self) -> Decimal:
        if self.delivered is not None:
            return EACH * self.delivered
        return Decimal(0) if self.has_ended and self.is_free else EACH * self.generation.count


def live(expected: Expected, what: str, pictures: int) -> None:
    """Apply an event to the generation, if it can happen now."""
    one = Generation.objects.get(pk=expected.generation.pk)
    if what == "claim" and one.claim(1):
        expected.was_sent = True
    elif what == "put back" and one.put_back(NOW()):
        expected.was_sent = False
    elif what == "accept" and one.accept(task_id="t", poll_url="", processing=True, progress=None, due_at=NOW()):
        expected.has_ended = one.state == State.CANCELLED
    elif what == "deliver" and one.deliver(results(pictures), fetch_by=NOW()):
        expected.delivered, expected.has_ended = pictures, False
    elif what == "refuse" and one.fail("too_yellow", "", from_=[State.SUBMITTING, State.PROCESSING]):
        expected.has_ended = expected.is_free = True
    elif (what == "give up" and one.fail(GAVE_UP, "", due_at=NOW(), from_=[State.PROCESSING])) or (
        what == "interrupt" and one.interrupt()
    ):
        expected.has_ended = True
    elif what == "cancel" and one.stop_waiting():
        expected.has_ended, expected.is_free = True, not expected.was_sent
    elif what == "refund":
        one.expect_no_more(refunded=True)
        expected.is_free |= one.state in (State.CANCELLED, State.FAILED)
    elif what == "expect no more":
        one.expect_no_more()
    elif what == "ask again":
        one.ask_again(attempts=1, due_at=NOW())
    elif what == "last fetch":
        one.fetch_last_time(NOW())
    elif what == "unfetchable":
        one.fail(PICTURE_UNAVAILABLE, "", from_=[State.SAVING])
    elif what == "complete":
        one.complete(one.cost_of_results)
    elif what == "fetch again":
        services.generations.fetch_again(one)


# Events in each state. live() ignores those that cannot happen.
ENDED = ["refund", "expect no more", "accept", "deliver", "fetch again", "put back"]
HAPPENS = {
    State.QUEUED: ["claim", "claim", "cancel"],
    State.SUBMITTING: ["accept", "accept", "deliver", "refuse", "put back", "interrupt", "cancel"],
    State.PROCESSING: ["deliver", "deliver", "refuse", "give up", "cancel", "last fetch"],
    State.SAVING: ["complete", "complete", "unfetchable", "ask again", "cancel"],
    State.COMPLETED: ["fetch again", "deliver", "expect no more"],
    State.FAILED: ENDED,
    State.CANCELLED: ENDED,
    State.INTERRUPTED: ["accept", "deliver", "refund", "cancel"],
}


@pytest.mark.parametrize("seed", range(40))
def test_ledger_is_right_after_random_events(seed: int, owner: Person, designers: Group) -> None:
    chance, month = Random(seed), ledger.this_month()
    budgets = [budget_of(owner, "100"), budget_of(designers, "100")]
    expected, other = Expected(ask(owner, 4)), ask(owner, 1)
    written: list[Any] = []
    happened = []
    for _ in range(14):
        state = State(Generation.objects.get(pk=expected.generation.pk).state)
        happened.append(chance.choice(HAPPENS[state]))
        live(expected, happened[-1], pictures=chance.randint(1, 4))
        assert [str(one) for one in discrepancies()] == [], happened
        before, written = written, list(LedgerEntry.objects.order_by("pk").values())
        assert written[: len(before)] == before, "the past has changed"
        assert Generation.objects.get(pk=expected.generation.pk).booked == expected.costs, happened
        assert {budget.spent(month) for budget in budgets} == {expected.costs + other.booked}
