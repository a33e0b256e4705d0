"""Asks for generations, waits for them, and prints the results as JSON. Runs as a process with the side's settings.

`python -m bench.ask studio|plain patience one-at-a-time`, with the orders as JSON on stdin.
"""

import json
import sys
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from operator import attrgetter
from pathlib import Path
from typing import Any

import django

from bench.orders import Order

Rows = list[dict[str, Any]]


def _seconds(moment: datetime | None) -> float | None:
    return moment.timestamp() if moment else None


class StudioAsker:
    """Asks through the service that the form's view calls, in the names of several people."""

    def __init__(self, orders: Sequence[Order]) -> None:
        from gallery.models import ImageModel, Person

        self.models = {
            slug: ImageModel.objects.get_or_create(slug=slug, defaults={"label": slug})[0]
            for slug in {order.model for order in orders}
        }
        self.people = {
            number: Person.objects.get_or_create(
                email=f"bench-{number}@example.org", defaults={"name": f"Person {number}"}
            )[0]
            for number in {order.person for order in orders}
        }

    def ask(self, order: Order) -> None:
        from gallery import services

        author, model = self.people[order.person], self.models[order.model]
        services.generations.submit(author, model=model, prompt=order.prompt, options={}, count=1)

    def unfinished(self, prompts: list[str]) -> int:
        from gallery.models import Generation

        return Generation.objects.under_way().count()

    def rows(self, prompts: list[str]) -> Rows:
        from gallery.models import Generation

        return [
            {
                "prompt": row.prompt,
                "asked_at": _seconds(row.created_at),
                "noticed_at": _seconds(row.delivered_at),
                "stored_at": _seconds(row.finished_at) if self._is_stored(row) else None,
                "end": row.error_code or row.state,
            }
            for row in Generation.objects.filter(prompt__in=prompts).prefetch_related("pictures")
        ]

    @staticmethod
    def _is_stored(generation: Any) -> bool:
        return generation.state == "completed" and any(
            Path(picture.original.path).stat().st_size == picture.byte_size for picture in generation.pictures.all()
        )


class PlainAsker:
    """Asks by a background task of the plain side."""

    def __init__(self, orders: Sequence[Order]) -> None:
        pass

    def ask(self, order: Order) -> None:
        from django_q.tasks import async_task

        async_task("bench.plain.generate", order.model, order.prompt, task_name=order.prompt)

    def unfinished(self, prompts: list[str]) -> int:
        from django_q.models import Task

        return len(prompts) - int(Task.objects.filter(name__in=prompts).count())

    def rows(self, prompts: list[str]) -> Rows:
        from django_q.models import Task

        return [
            {
                "prompt": task.name,
                "asked_at": _seconds(task.started),
                "noticed_at": task.result["noticed_at"] if task.success else None,
                "stored_at": _seconds(task.stopped) if task.success and Path(task.result["path"]).exists() else None,
                "end": "completed" if task.success else str(task.result)[-200:],
            }
            for task in Task.objects.filter(name__in=prompts)
        ]


def wait_until(done: Callable[[], bool], seconds: float, step: float) -> None:
    give_up_at = time.monotonic() + seconds
    while not done() and time.monotonic() < give_up_at:
        time.sleep(step)


def main(side: str, orders: list[Order], patience: float, one_at_a_time: bool) -> Rows:
    django.setup()
    asker: StudioAsker | PlainAsker = StudioAsker(orders) if side == "studio" else PlainAsker(orders)
    prompts = [order.prompt for order in orders]
    begun = time.monotonic()
    for number, order in enumerate(sorted(orders, key=attrgetter("at"))):
        time.sleep(max(0.0, begun + order.at - time.monotonic()))
        asker.ask(order)
        if one_at_a_time:
            wait_until(lambda: not asker.unfinished(prompts[: number + 1]), patience, 0.02)  # noqa: B023 called here
            # Vary the pause, so that orders meet loops that run at intervals at different moments.
            time.sleep(0.2 + number % 10 * 0.037)
    wait_until(lambda: not asker.unfinished(prompts), patience, 0.25)
    return asker.rows(prompts)


if __name__ == "__main__":
    _, _side, _patience, _one_at_a_time = sys.argv
    _orders = [Order(**order) for order in json.load(sys.stdin)]
    json.dump(main(_side, _orders, float(_patience), _one_at_a_time == "1"), sys.stdout)
