"""What a round asks for: each generation with its model, its prompt, whose it is, and when."""

from collections.abc import Sequence
from dataclasses import dataclass

PEOPLE = 10


@dataclass(frozen=True, slots=True)
class Order:
    # Unique in its round, and with a number at its end, by which the upstream chooses how long a task takes.
    prompt: str
    model: str
    person: int = 0
    # Seconds after the round has begun.
    at: float = 0.0


def at_once(model: str, count: int, person: int | None = None) -> list[Order]:
    """By one person, or by ten in turn."""
    return [Order(f"{model}-{number}", model, number % PEOPLE if person is None else person) for number in range(count)]


def regularly(model: str, count: int, every: float, *, first: float = 0.0, person: int | None = None) -> list[Order]:
    return [
        Order(order.prompt, model, order.person, first + number * every)
        for number, order in enumerate(at_once(model, count, person))
    ]


def between(orders: Sequence[Order], begin: float, end: float) -> list[Order]:
    """Those of a part of the round."""
    return [order for order in orders if begin <= order.at < end]
