"""The steps of a generation, as the ledger sees them."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import Group
from django.utils import timezone

from gallery import services
from gallery.models import Budget, Generation, LedgerEntry, Person
from tests.conftest import model, send

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


def budget_of(who: Person | Group, amount: str) -> Budget:
    owned = {"person": who} if isinstance(who, Person) else {"group": who}
    return Budget.objects.create(amount=Decimal(amount), **owned)
