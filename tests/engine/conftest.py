"""An engine that tests turn by hand, talking HTTP to a scripted upstream."""

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from gallery import upstream
from gallery.engine import Engine, Timing, sent_mark
from gallery.models import Generation
from tests.support.hostile_host import HostileHost
from tests.support.stub_upstream import StubUpstream

KEY = "sk-test-0123456789abcdef"


@pytest.fixture
def stub() -> Iterator[StubUpstream]:
    with StubUpstream() as stub:
        yield stub


def forget_what_was_sent() -> None:
    """The database begins anew with each test, and the data folder does not."""
    sent_mark._path().unlink(missing_ok=True)
    shutil.rmtree(Path(settings.MEDIA_ROOT) / sent_mark.FOLDER, ignore_errors=True)


@pytest.fixture(autouse=True)
def nothing_was_sent() -> None:
    forget_what_was_sent()


# A test need not wait as long as the vendor asks.
QUICK = Timing(look_around=0.05, sweep=0.05, patience=0.0, poll=0.05, retries=(0.05,), late_poll=0.1, account_pause=0.3)


class EngineDriver:
    """Engines, what they asked to have ingested, and how often they had the administrators told."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self.ingested: list[int] = []
        self.told: list[str] = []
        self.engines: list[Engine] = []

    def engine(self, **changes: Any) -> Engine:
        client = upstream.Client(self.base_url, KEY, read_timeout=changes.pop("read_timeout", 5.0))
        posts_at_once = changes.pop("posts_at_once", 32)
        requests_per_minute = changes.pop("requests_per_minute", 60_000)
        engine = Engine(
            client,
            requests_per_minute=requests_per_minute,
            enqueue_ingest=self.ingested.append,
            posts_at_once=posts_at_once,
            tell_administrators=lambda: self.told.append("paused"),
            timing=replace(QUICK, **changes),
        )
        self.engines.append(engine)
        return engine


@pytest.fixture
def driver(stub: StubUpstream, django_db_serialized_rollback: None, transactional_db: None) -> Iterator[EngineDriver]:
    driver = EngineDriver(stub.base_url)
    yield driver
    for engine in driver.engines:
        engine.stopping.set()
        engine.client.close()


def turn(engine: Engine, until: Callable[[], bool], seconds: float = 8.0) -> None:
    """Turn the engine's loop until something has come true; fail if it does not in time."""
    give_up_at = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < give_up_at, "it did not come true in time"
        engine.turn()
        time.sleep(0.01)


def turn_until_sent(engine: Engine, stub: StubUpstream, requests: int = 1) -> None:
    """Until the upstream has so many requests. A row is `submitting` before anything is sent."""
    turn(engine, lambda: len(stub.requests) >= requests)


def turn_until_state(engine: Engine, generation: Generation, *states: str, seconds: float = 8.0) -> Generation:
    def reached() -> bool:
        generation.refresh_from_db()
        return generation.state in states

    turn(engine, reached, seconds)
    return generation


@pytest.fixture(scope="module")
def shared_host() -> Iterator[HostileHost]:
    with HostileHost() as host:
        yield host


@pytest.fixture
def host(shared_host: HostileHost) -> HostileHost:
    shared_host.requests.clear()
    shared_host.connections = 0
    return shared_host
