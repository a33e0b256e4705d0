"""A database that was put back by hand is older than what the studio has sent: it starts paused."""

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.core.files.storage import default_storage

from gallery import services
from gallery.engine import sent_mark
from gallery.models import Generation, State, UpstreamAccount
from lemonstudio.storage import entries
from tests.engine.conftest import EngineDriver, turn, turn_until_sent, turn_until_state
from tests.support.stub_upstream import StubUpstream

pytestmark = pytest.mark.database
MakeGeneration = Callable[..., Generation]
DONE = {"created": 1, "data": [{"url": "https://images.example.org/1.png"}]}


@pytest.fixture
def sent(driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration) -> Generation:
    """One request was sent, and the studio has stopped since."""
    stub.handler = lambda request: DONE
    generation, engine = make_generation(), driver.engine()
    turn_until_state(engine, generation, State.SAVING)
    turn(engine, lambda: bool(entries(default_storage, sent_mark.FOLDER)))
    engine.stopping.set()
    engine.run()
    return generation


def put_back(generation: Generation) -> None:
    """The database is as it was before the request was sent."""
    Generation.objects.filter(pk=generation.pk).update(
        state=State.QUEUED, submitted_at=None, due_at=None, results=[], fence=0
    )
    UpstreamAccount.objects.update(sent_mark=0, fence=0, holder="", lease_until=None)


def forget_here() -> None:
    (Path(settings.DATA_DIR) / sent_mark.FILE).unlink()


@pytest.mark.parametrize("known_by", ["data folder", "storage"])
def test_older_database_pauses_and_shows_what_would_be_sent_again(
    known_by: str,
    sent: Generation,
    driver: EngineDriver,
    stub: StubUpstream,
    make_generation: MakeGeneration,
    caplog: pytest.LogCaptureFixture,
) -> None:
    if known_by == "storage":
        forget_here()
    put_back(sent)
    engine = driver.engine()
    turn(engine, lambda: UpstreamAccount.load().is_paused)
    for _ in range(5):
        engine.turn()
    account = UpstreamAccount.load()
    assert (account.pause_code, len(stub.requests)) == ("restored", 1)
    assert "put back by hand" in account.pause_message
    assert "put back by hand" in caplog.text
    assert driver.told == ["paused"]
    assert UpstreamAccount.is_worth_telling(timedelta(hours=1))
    assert services.operations.waiting().count == 1
    assert services.operations.cancel_queued() == 1
    services.operations.resume()
    later = make_generation()
    turn_until_state(engine, later, State.SAVING)
    assert len(stub.requests) == 2


def test_resumed_studio_is_not_paused_again(sent: Generation, driver: EngineDriver, stub: StubUpstream) -> None:
    """Neither by the next start, nor by another machine, which knows of more that was sent."""
    put_back(sent)
    turn(driver.engine(), lambda: UpstreamAccount.load().is_paused)
    services.operations.resume()
    sent_mark.write_here(5)
    UpstreamAccount.objects.update(lease_until=None)
    turn_until_sent(driver.engine(), stub, 2)
    assert not UpstreamAccount.load().is_paused


def test_machine_that_waits_for_the_lease_tells_what_it_has_sent(
    driver: EngineDriver, make_generation: MakeGeneration
) -> None:
    """Of several machines, another one has the account, and knows of less."""
    holder = driver.engine()
    turn(holder, lambda: bool(holder.fence))
    UpstreamAccount.resume()
    make_generation()
    sent_mark.write_here(7)
    waiting = driver.engine()
    waiting.turn()
    assert UpstreamAccount.load().pause_code == "restored"
    assert not waiting.fence


def test_older_database_without_a_queue_goes_on(sent: Generation, driver: EngineDriver) -> None:
    UpstreamAccount.objects.update(sent_mark=0)
    engine = driver.engine()
    turn(engine, lambda: bool(engine.fence))
    account = UpstreamAccount.load()
    assert (account.is_paused, account.sent_mark) == (False, 1)


def test_added_machine_does_not_pause(
    sent: Generation, driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration
) -> None:
    """Its data folder is new, or it was idle for long."""
    sent_mark.write_here(0)
    make_generation()
    turn_until_sent(driver.engine(), stub, 2)
    assert not UpstreamAccount.load().is_paused
    assert sent_mark.read_here() == 2


def test_damaged_mark_is_written_anew(
    sent: Generation, driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration
) -> None:
    (Path(settings.DATA_DIR) / sent_mark.FILE).write_text("?")
    make_generation()
    turn_until_sent(driver.engine(), stub, 2)
    assert sent_mark.read_here() == 2
    assert os.stat(Path(settings.DATA_DIR) / sent_mark.FILE).st_mode & 0o077 == 0
