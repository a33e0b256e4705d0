"""What is wrong with the ledger is found, and random events in random order leave nothing to find."""

import logging
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from importlib import import_module
from random import Random
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command

from gallery import services, tasks
from gallery.engine import housekeeping
from gallery.models import Generation, LedgerEntry, Person, State, ledger
from gallery.models.states import GAVE_UP, PICTURE_UNAVAILABLE
from gallery.queries.ledger import discrepancies
from tests.models.ledger_cases import (
    EACH,
    NOW,
    ask,
    budget_of,
    deliver,
    results,
    story,
)

pytestmark = [pytest.mark.database, pytest.mark.usefixtures("ledger_is_right")]

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
    if what in NEEDS_A_REQUEST and not expected.was_sent:
        return
    if what == "claim":
        one.claim(1)
    elif what == "note sent" and Generation.note_sent([one.pk], 1):
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


# What follows only from a request that went out.
NEEDS_A_REQUEST = {"accept", "deliver", "refuse", "interrupt"}
# Events in each state. live() ignores those that cannot happen.
ENDED = ["refund", "expect no more", "accept", "deliver", "fetch again", "put back"]
HAPPENS = {
    State.QUEUED: ["claim", "claim", "cancel"],
    State.SUBMITTING: [
        "note sent",
        "note sent",
        "accept",
        "accept",
        "deliver",
        "refuse",
        "put back",
        "interrupt",
        "cancel",
    ],
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
