"""The orders of a round: each is a generation with its model, prompt, person and time."""

from collections.abc import Sequence
from dataclasses import dataclass

PEOPLE = 10


@dataclass(frozen=True, slots=True)
class Order:
    # Unique in its round. The number at its end tells the upstream how long the task takes.
    prompt: str
    model: str
    person: int = 0
    # Seconds after the beginning of the round.
    at: float = 0.0


def at_once(model: str, count: int, person: int | None = None) -> list[Order]:
    """Orders at the beginning of a round, by one person or by ten people in turn."""
    return [Order(f"{model}-{number}", model, number % PEOPLE if person is None else person) for number in range(count)]


def regularly(model: str, count: int, every: float, *, first: float = 0.0, person: int | None = None) -> list[Order]:
    """Orders with `every` seconds between them."""
    return [
        Order(order.prompt, model, order.person, first + number * every)
        for number, order in enumerate(at_once(model, count, person))
    ]


def between(orders: Sequence[Order], begin: float, end: float) -> list[Order]:
    """The orders from `begin` to before `end`, in seconds."""
    return [order for order in orders if begin <= order.at < end]
