"""A courier that tests turn by hand, talking HTTP to a scripted upstream."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from gallery.engine import Courier, Timing
from gallery.models import Generation
from gallery.upstream import client as upstream
from tests.stub_upstream import StubUpstream

KEY = "sk-test-0123456789abcdef"


@pytest.fixture
def stub() -> Iterator[StubUpstream]:
    with StubUpstream() as stub:
        yield stub


# A test need not wait as long as the vendor asks.
QUICK = Timing(look_around=0.05, sweep=0.05, patience=0.0, poll=0.05, retries=(0.05,), late_poll=0.1, account_pause=0.3)


class Engine:
    """Couriers, what they asked to have mirrored, and how often they had the administrators told."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self.mirrored: list[int] = []
        self.told: list[str] = []
        self.couriers: list[Courier] = []

    def courier(self, **changes: Any) -> Courier:
        client = upstream.Client(self.base_url, KEY, read_timeout=changes.pop("read_timeout", 5.0))
        posts_at_once = changes.pop("posts_at_once", 32)
        requests_per_minute = changes.pop("requests_per_minute", 60_000)
        courier = Courier(
            client,
            requests_per_minute=requests_per_minute,
            wake_mirror=self.mirrored.append,
            posts_at_once=posts_at_once,
            tell_administrators=lambda: self.told.append("paused"),
            timing=replace(QUICK, **changes),
        )
        self.couriers.append(courier)
        return courier


@pytest.fixture
def engine(stub: StubUpstream, django_db_serialized_rollback: None, transactional_db: None) -> Iterator[Engine]:
    engine = Engine(stub.base_url)
    yield engine
    for courier in engine.couriers:
        courier.stopping.set()
        courier.client.close()


def turn(courier: Courier, until: Callable[[], bool], seconds: float = 8.0) -> None:
    """Turn the courier's loop until something has come true; fail if it does not in time."""
    give_up_at = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < give_up_at, "it did not come true in time"
        courier.turn()
        time.sleep(0.01)


def turn_until_state(courier: Courier, generation: Generation, *states: str, seconds: float = 8.0) -> Generation:
    def reached() -> bool:
        generation.refresh_from_db()
        return generation.state in states

    turn(courier, reached, seconds)
    return generation
