"""However many ask at once, a budget lets through what it has and no more."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from gallery import services
from gallery.models import Budget, Generation, LedgerEntry, OverBudget, Person, State, ledger
from gallery.queries.ledger import discrepancies
from tests.conftest import PASSWORD, model, signed_in

pytestmark = pytest.mark.database

ASKED, ENOUGH_FOR = 40, 10
PRICE = Decimal("0.05")  # Midjourney's
PATIENCE = 120.0


@pytest.fixture
def people(django_db_serialized_rollback: None, transactional_db: None) -> list[Person]:
    """Four who share a budget for ten pictures."""
    designers = Group.objects.create(name="Designers")
    people = [
        Person.objects.create_user(f"{name}@example.org", PASSWORD, name=name.title())
        for name in ("dora", "dan", "dilek", "dmitri")
    ]
    designers.user_set.add(*people)
    Budget.objects.create(group=designers, amount=PRICE * ENOUGH_FOR)
    return people


@pytest.fixture(autouse=True)
def it_adds_up(people: list[Person]) -> Iterator[None]:
    yield
    assert [str(one) for one in discrepancies()] == []


def all_at_once(*jobs: Callable[[], Any]) -> list[Any]:
    """Run each in a thread with a database connection of its own; answer what they return, or the error they raise."""
    start = threading.Barrier(len(jobs))
    came: list[Any] = [None] * len(jobs)

    def run(place: int, job: Callable[[], Any]) -> None:
        try:
            start.wait(PATIENCE)
            came[place] = job()
        except Exception as problem:  # noqa: BLE001 the test judges it
            came[place] = problem
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair, daemon=True) for pair in enumerate(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive(), "a thread waits for ever"
    return came


def ask(person: Person, count: int = 1) -> Generation:
    wanted = {"prompt": "A lemon", "options": {"size": "512x512"}, "count": count}
    return services.generations.submit(person, model=model("midjourney"), **wanted)  # type: ignore[arg-type]


def test_services_let_just_enough_through(people: list[Person]) -> None:
    came = all_at_once(*(lambda person=people[number % 4]: ask(person) for number in range(ASKED)))
    assert Counter(type(one) for one in came) == {Generation: ENOUGH_FOR, OverBudget: ASKED - ENOUGH_FOR}
    assert Generation.objects.count() == ENOUGH_FOR
    assert LedgerEntry.objects.all().total() == PRICE * ENOUGH_FOR


def test_the_page_lets_just_enough_through(people: list[Person]) -> None:
    browsers = [signed_in(people[number % 4]) for number in range(ASKED)]
    midjourney = model("midjourney")

    def press_generate(browser: Client, number: int) -> int:
        form = {"prompt": f"Lemon {number}", "model": midjourney.pk, "count": "1", "opt_size": "512x512"}
        return browser.post("/generations/", form).status_code

    came = all_at_once(*(partial(press_generate, *pair) for pair in zip(browsers, range(ASKED), strict=True)))
    assert Counter(came) == {302: ENOUGH_FOR, 422: ASKED - ENOUGH_FOR}
    assert Generation.objects.count() == ENOUGH_FOR
    assert LedgerEntry.objects.all().total() == PRICE * ENOUGH_FOR


def test_own_budgets_count_beside_the_common_one(people: list[Person]) -> None:
    for person, pictures in zip(people, (1, 2, 3, 20), strict=True):
        Budget.objects.create(person=person, amount=PRICE * pictures)
    came = all_at_once(*(lambda person=people[number % 4]: ask(person) for number in range(ASKED)))
    made = Counter(one.author_id for one in came if isinstance(one, Generation))
    assert sum(made.values()) == ENOUGH_FOR
    for person, most in zip(people, (1, 2, 3, 20), strict=True):
        assert made[person.pk] <= most


def test_ends_and_new_requests_at_the_same_time(people: list[Person]) -> None:
    """Ten are under way and come to nothing while forty more are asked for: no more than ten are ever paid for."""
    under_way = [ask(people[number % 4]) for number in range(ENOUGH_FOR)]
    for generation in under_way:
        assert generation.claim(1)
    jobs: list[Callable[[], Any]] = [
        *(lambda one=one: one.fail("too_yellow", "No lemons.") for one in under_way),
        *(lambda person=people[number % 4]: ask(person) for number in range(ASKED - ENOUGH_FOR)),
    ]
    came = all_at_once(*jobs)
    assert came[:ENOUGH_FOR] == [True] * ENOUGH_FOR
    assert {type(one) for one in came[ENOUGH_FOR:]} <= {Generation, OverBudget}
    spent = Budget.objects.get().spent(ledger.this_month())
    assert spent == PRICE * sum(isinstance(one, Generation) for one in came[ENOUGH_FOR:])
    assert spent <= PRICE * ENOUGH_FOR


def test_one_end_is_booked_once_however_many_bring_it(people: list[Person]) -> None:
    generation = ask(people[0], 4)
    generation.claim(1)
    delivered = [{"url": "https://images.example/1.png"}]
    jobs: list[Callable[[], Any]] = [
        lambda: Generation.objects.get(pk=generation.pk).deliver(delivered, fetch_by=timezone.now()),
        lambda: Generation.objects.get(pk=generation.pk).fail("too_yellow", "", from_=[State.SUBMITTING]),
        lambda: Generation.objects.get(pk=generation.pk).interrupt(),
        lambda: Generation.objects.get(pk=generation.pk).stop_waiting(),
        lambda: Generation.objects.get(pk=generation.pk).expect_no_more(refunded=True),
    ] * 4
    came = all_at_once(*jobs)
    assert not [one for one in came if isinstance(one, Exception)]


def test_several_retries_at_once_and_results_that_arrive_meanwhile(people: list[Person]) -> None:
    """None waits for another that waits for it."""
    Budget.objects.update(amount=100)
    generations = [ask(people[0]) for _ in range(12)]
    for generation in generations:
        generation.claim(1)
        generation.interrupt()

    def retry_all(of: list[Generation]) -> int:
        with transaction.atomic():
            return sum(services.generations.retry(Generation.objects.get(pk=one.pk)) is not None for one in of)

    def arrive(generation: Generation) -> bool:
        return generation.deliver([{"url": "https://images.example/1.png"}], fetch_by=timezone.now())

    came = all_at_once(
        lambda: retry_all(generations[:6]),
        lambda: retry_all(generations[6:]),
        *(lambda one=one: arrive(one) for one in generations),
    )
    assert not [one for one in came if isinstance(one, Exception)]
