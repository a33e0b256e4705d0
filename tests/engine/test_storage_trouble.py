"""Storage is away for a while, or full: what was paid for is kept, nothing more is spent, and all goes on by itself."""

import base64
import random
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone

from gallery.engine import Engine, inbox, storage_watch
from gallery.engine.ingest import ingest_results
from gallery.engine.results import Deliveries
from gallery.models import Generation, Picture, State, UpstreamAccount
from lemonstudio.storage import StorageError
from tests.conftest import png
from tests.engine.conftest import EngineDriver, turn
from tests.support.s3_proxy import S3Proxy
from tests.support.stub_upstream import Reply, Request, StubUpstream

MakeGeneration = Callable[..., Generation]
INSIDE = {"created": 1, "data": [{"b64_json": base64.b64encode(png()).decode()}]}
QUICK = {"storage_probe": 0.2, "storage_tell": 0.4}


@pytest.fixture
def s3(bucket_options: dict[str, Any], s3_proxy: S3Proxy, settings: Any, tmp_path: Path) -> Iterator[S3Proxy]:
    """Media are in a bucket behind a proxy, and the machine's own folder is empty."""
    settings.DATA_DIR = tmp_path
    bucket_options["read_seconds"] = 5
    backend = {"BACKEND": "lemonstudio.storage.bucket.BucketStorage", "OPTIONS": bucket_options}
    settings.STORAGES = settings.STORAGES | {"default": backend}
    yield s3_proxy
    s3_proxy.trouble = ""


def held(folder: Path) -> list[Path]:
    return sorted((folder / inbox.HELD).glob("*"))


def ingest_all(engine: Engine, count: int) -> None:
    """Turn the engine and run the ingest until so many pictures are here."""

    def here() -> bool:
        for pk in Generation.objects.filter(state=State.SAVING).values_list("pk", flat=True):
            ingest_results(pk)
        return Picture.objects.count() == count and not Generation.objects.under_way().exists()

    turn(engine, here, 30)


@pytest.mark.parametrize("trouble", ["slow_down", "cut"])
def test_outage_loses_no_picture_that_came_inside_the_answer(
    trouble: str,
    s3: S3Proxy,
    driver: EngineDriver,
    stub: StubUpstream,
    make_generation: MakeGeneration,
    tmp_path: Path,
) -> None:
    generations = [make_generation() for _ in range(4)]
    stub.handler = lambda request: Reply.of_json(INSIDE, delay=0.3)
    engine = driver.engine(**QUICK)
    turn(engine, lambda: len(stub.requests) == len(generations))
    s3.trouble = trouble
    turn(engine, lambda: Generation.objects.filter(state=State.SAVING).count() == 4, 15)
    assert len(held(tmp_path)) == 4
    for generation in generations:
        ingest_results(generation.pk)
    assert set(Generation.objects.values_list("state", "attempts")) == {(State.SAVING, 0)}
    s3.trouble = ""
    ingest_all(engine, 4)
    assert held(tmp_path) == []
    turn(engine, lambda: default_storage.listdir(inbox.INBOX)[1] == [])
    assert len(stub.requests) == 4


def test_outage_is_no_attempt_for_a_picture_that_came_by_its_address(
    s3: S3Proxy, driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration, settings: Any
) -> None:
    settings.LEMONSTUDIO_TRUSTED_ORIGINS = frozenset({stub.origin})
    stub.handler = lambda request: Reply(body=png(), headers={"Content-Type": "image/png"})
    generation = make_generation(
        state=State.SAVING, results=[{"url": f"{stub.origin}/a.png"}], delivered_at=timezone.now()
    )
    s3.trouble = "slow_down"
    waits = []
    for minutes in (0, 1, 10, 10, 10, 10):
        Generation.objects.update(delivered_at=timezone.now() - timedelta(minutes=minutes))
        ingest_results(generation.pk)
        generation.refresh_from_db()
        assert (generation.state, generation.attempts) == (State.SAVING, 0)
        assert generation.due_at is not None
        waits.append((generation.due_at - timezone.now()).total_seconds())
    assert waits[0] < waits[1] < waits[2] <= 60
    assert UpstreamAccount.load().pause_code == "storage_unavailable"
    s3.trouble = ""
    engine = driver.engine(**QUICK)
    turn(engine, lambda: not UpstreamAccount.load().is_paused)
    ingest_results(generation.pk)
    generation.refresh_from_db()
    assert generation.state == State.COMPLETED


def test_nothing_is_sent_while_storage_is_away(
    s3: S3Proxy, driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration
) -> None:
    def answer(request: Request) -> Any:
        if len(stub.requests) == 1:
            s3.trouble = "slow_down"
        return INSIDE

    stub.handler = answer
    engine = driver.engine(**QUICK)
    make_generation()
    turn(engine, lambda: Generation.objects.filter(state=State.SAVING).exists())
    make_generation()
    turn(engine, lambda: UpstreamAccount.load().is_paused_for_storage)
    turn(engine, lambda: bool(driver.told))
    until = time.monotonic() + 1
    turn(engine, lambda: time.monotonic() > until)
    assert (len(stub.requests), driver.told) == (1, ["paused"])
    assert UpstreamAccount.load().pause_hint
    s3.trouble = ""
    turn(engine, lambda: len(stub.requests) == 2)
    turn(engine, lambda: not UpstreamAccount.load().is_paused)


def test_refusal_for_money_outlasts_storage_trouble(s3: S3Proxy, driver: EngineDriver) -> None:
    """One of the two pauses does not end the other."""
    engine = driver.engine(**QUICK)
    turn(engine, lambda: bool(engine.fence))
    UpstreamAccount.pause("insufficient_balance", "No money.", "", seconds=60)
    s3.trouble = "slow_down"
    engine.storage.note(OSError(5, "away"))
    until = time.monotonic() + 1
    turn(engine, lambda: time.monotonic() > until)
    s3.trouble = ""
    turn(engine, lambda: engine.storage.is_well)
    turn(engine, lambda: engine.gate.paused)
    assert UpstreamAccount.load().pause_code == "insufficient_balance"


def test_stop_in_the_middle_of_an_outage_loses_nothing(
    s3: S3Proxy, driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration, tmp_path: Path
) -> None:
    def answer(request: Request) -> Any:
        s3.trouble = "slow_down"
        return INSIDE

    generation = make_generation()
    stub.handler = answer
    first = driver.engine(drain=2.0, **QUICK)
    turn(first, lambda: bool(stub.requests))
    first.stopping.set()
    first.run()
    assert len(held(tmp_path)) == 1
    s3.trouble = ""
    ingest_all(driver.engine(**QUICK), 1)
    generation.refresh_from_db()
    assert (generation.state, Picture.objects.count()) == (State.COMPLETED, 1)


def test_answer_goes_straight_to_the_bucket_if_the_machine_has_no_room(
    s3: S3Proxy, settings: Any, tmp_path: Path
) -> None:
    settings.DATA_DIR = tmp_path / "a file"
    settings.DATA_DIR.touch()
    assert not inbox.keep("inbox/1-0-a-b-3", b"abc", is_well=True, note=lambda problem: None)
    with default_storage.open("inbox/1-0-a-b-3") as file:
        assert file.read() == b"abc"
    s3.trouble = "slow_down"
    with pytest.raises(StorageError):
        inbox.keep("inbox/2-0-a-b-3", b"abc", is_well=True, note=lambda problem: None)


def test_trouble_at_random_loses_nothing_and_pays_nothing_twice(
    s3: S3Proxy, driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration, settings: Any
) -> None:
    """The soak in small: answers come while storage changes its mind, and the engine is stopped in the middle."""
    settings.LEMONSTUDIO_TRUSTED_ORIGINS = frozenset({stub.origin})
    chance = random.Random(11)
    s3.seconds = 0.2
    troubles = [chance.choice(["slow_down", "cut", "delay", ""]) for _ in range(7)]
    by_address = {"created": 1, "data": [{"url": f"{stub.origin}/a.png"}]}

    def answer(request: Request) -> Reply:
        if request.method == "GET":
            return Reply(body=png())
        return Reply.of_json(chance.choice([INSIDE, by_address]), delay=chance.uniform(0, 2))

    stub.handler = answer
    for _ in range(8):
        make_generation()
    change_at = 0.0

    def all_troubles_but(left: int) -> bool:
        nonlocal change_at
        if len(troubles) > left and time.monotonic() >= change_at:
            s3.trouble, change_at = troubles.pop(), time.monotonic() + chance.uniform(0.2, 0.8)
        for pk in Generation.objects.filter(state=State.SAVING).values_list("pk", flat=True):
            ingest_results(pk)
        return len(troubles) <= left

    first = driver.engine(drain=5.0, **QUICK)
    turn(first, lambda: all_troubles_but(4), 30)
    first.stopping.set()
    first.run()
    second = driver.engine(**QUICK)
    turn(second, lambda: all_troubles_but(0), 30)
    s3.trouble = ""
    ingest_all(second, 8)
    assert set(Generation.objects.values_list("state", flat=True)) == {State.COMPLETED}
    assert sum(request.method == "POST" for request in stub.requests) == 8


def test_kill_before_the_row_is_written_loses_nothing(
    s3: S3Proxy, driver: EngineDriver, make_generation: MakeGeneration
) -> None:
    """An engine died that had received the answer, and the next one has interrupted the row meanwhile."""
    generations = [make_generation(state=state, submitted_at=timezone.now()) for state in ("submitting", "interrupted")]
    for one in generations:
        path = inbox.new_name(one.pk, inbox.mark_of(one), 0, len(png()))
        assert inbox.keep(path, png(), is_well=False, note=lambda problem: None)
    ingest_all(driver.engine(**QUICK), 2)
    assert set(Generation.objects.values_list("state", flat=True)) == {State.COMPLETED}


def test_picture_that_another_process_moves_is_left_to_it(s3: S3Proxy, tmp_path: Path) -> None:
    with inbox._held("inbox/1-0-a-b-3", b"abc"):
        assert inbox.move_held() == set()
    assert inbox.move_held() == {1}
    assert held(tmp_path) == []


# -- whose picture it is


def leave(name: str) -> str:
    return default_storage.save(f"{inbox.INBOX}/{name}-{len(png())}", ContentFile(png()))


@pytest.mark.django_db
@pytest.mark.parametrize("mark", ["0123456789abcdef-0123456789ab", "0123456789ab"])
def test_picture_of_another_generation_of_the_same_number_is_not_taken(
    mark: str, make_generation: MakeGeneration, caplog: pytest.LogCaptureFixture
) -> None:
    """A database was restored that is older than the files. The second name is of a version that wrote no marks."""
    number = make_generation().pk + 1
    name = leave(f"{number}-0-{mark}")
    time.sleep(0.05)
    generation = make_generation(state=State.FAILED, submitted_at=timezone.now())
    assert generation.pk == number
    for _ in range(2):
        Deliveries(lambda pk: None, fetch_by=60).sweep_inbox(())
    generation.refresh_from_db()
    assert (generation.state, generation.results) == (State.FAILED, [])
    assert default_storage.exists(name)
    assert caplog.text.count(name) == 1


@pytest.mark.django_db
def test_picture_that_an_earlier_version_left_is_taken(make_generation: MakeGeneration) -> None:
    generation = make_generation(state=State.INTERRUPTED, submitted_at=timezone.now() - timedelta(seconds=5))
    name = leave(f"{generation.pk}-0-0123456789ab")
    Deliveries(lambda pk: None, fetch_by=60).sweep_inbox(())
    generation.refresh_from_db()
    assert [result["file"] for result in generation.results] == [name]


# -- the loop


def test_slow_storage_does_not_cost_the_lease(
    s3: S3Proxy, driver: EngineDriver, make_generation: MakeGeneration
) -> None:
    """Strays are looked for with one listing, however many there are, and the loop turns on meanwhile."""
    for _ in range(20):
        make_generation(state=State.SUBMITTING, submitted_at=timezone.now())
    s3.seconds = 1.0
    s3.trouble = "delay"
    engine = driver.engine(sweep=60.0, **QUICK)
    longest = 0.0

    def all_interrupted() -> bool:
        nonlocal longest
        begun_at = time.monotonic()
        engine.turn()
        longest = max(longest, time.monotonic() - begun_at)
        return not Generation.objects.filter(state=State.SUBMITTING).exists()

    turn(engine, all_interrupted)
    assert longest < 0.9
    assert sum("prefix=inbox" in request for request in s3.requests) in (1, 2)


def test_what_never_reached_the_socket_is_queued_again_at_a_stop(
    driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration
) -> None:
    """One is at the upstream; the other waits for the only thread."""
    stub.handler = lambda request: Reply(how="hang")
    sent, unsent = make_generation(), make_generation()
    engine = driver.engine(posts_at_once=2, drain=0.2)
    engine.sender._pool.size = 1
    engine.sender._most_each = 2
    turn(engine, lambda: bool(stub.requests))
    assert engine.fence
    waiting = Generation.objects.get(pk=unsent.pk)
    assert waiting.state == State.QUEUED
    assert engine.sender._claim(waiting, engine.fence)
    engine.stopping.set()
    engine.run()
    states = dict(Generation.objects.values_list("pk", "state"))
    assert states == {sent.pk: State.INTERRUPTED, unsent.pk: State.QUEUED}


def test_what_another_engine_interrupted_unsent_is_queued_again(
    driver: EngineDriver, stub: StubUpstream, make_generation: MakeGeneration
) -> None:
    """Its own engine was slow, and lost its lease between the claim and the request."""
    stub.handler = lambda request: INSIDE
    generation, asked_again = make_generation(), make_generation()
    engine = driver.engine()
    turn(engine, lambda: bool(engine.fence))
    turn(engine, lambda: len(stub.requests) == 2)
    for one in (generation, asked_again):
        one.refresh_from_db()
    Generation.objects.update(state=State.INTERRUPTED, results=[], finished_at=timezone.now(), fence=engine.fence)
    make_generation(retry_of=asked_again)
    for one in Generation.objects.filter(pk__in=[generation.pk, asked_again.pk]):
        engine.sender._not_taken(one)
    states = dict(Generation.objects.values_list("pk", "state"))
    assert (states[generation.pk], states[asked_again.pk]) == (State.QUEUED, State.INTERRUPTED)


def test_pause_for_storage_says_what_it_is_about() -> None:
    assert set(storage_watch.WORDS) == {"storage_full", "storage_unavailable"}
