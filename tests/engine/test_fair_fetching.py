"""A picture host that is slow delays its own pictures, and no others."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from gallery.engine.fetchers import EACH_HOST, EACH_PERSON, Fetchers, Job, job_of
from gallery.engine.ingest import PICTURE_SECONDS
from gallery.models import Generation, State
from lemonstudio.processes.tree import Studio, soon
from tests.conftest import png
from tests.engine.conftest import KEY
from tests.support.stub_upstream import Reply, StubUpstream
from tests.support.studio import Database, prepare

MakeGeneration = Callable[..., Generation]
PICTURE = png(512, 512)
# Above the lowest speed, so that only the deadline ends it.
DRIPPING = Reply(body=bytes(10**6), how="drip", every=0.0005)


class Work:
    """What is being ingested; each goes on until it may end."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.may_end: dict[int, threading.Event] = {}
        self.is_over = False

    def __call__(self, pk: int) -> None:
        self.begun.append(pk)
        if not self.is_over:
            self.may_end.setdefault(pk, threading.Event()).wait(20)

    def end(self, *pks: int) -> None:
        for pk in pks:
            self.may_end.setdefault(pk, threading.Event()).set()


def job(pk: int, person: int = 1, *hosts: str) -> Job:
    return Job(pk, person, frozenset(hosts))


@pytest.fixture
def work() -> Iterator[Work]:
    work = Work()
    yield work
    work.is_over = True
    work.end(*work.begun)


def test_a_host_gets_its_share(work: Work) -> None:
    pool = Fetchers(work)
    for pk in range(1, 6):
        pool.add(job(pk, pk, "slow.example"))
    pool.add(job(9, 9, "quick.example"))
    soon(lambda: sorted(work.begun) == [1, 2, 9])
    assert EACH_HOST == 2
    work.end(1)
    soon(lambda: sorted(work.begun) == [1, 2, 3, 9])
    work.end(2, 3, 4, 5)
    soon(lambda: len(work.begun) == 6)


def test_a_person_gets_a_share(work: Work) -> None:
    pool = Fetchers(work)
    for pk in range(1, 9):
        pool.add(job(pk, 1, f"{pk}.example"))
    pool.add(job(20, 2, "20.example"))
    soon(lambda: sorted(work.begun) == [1, 2, 3, 4, 20])
    assert EACH_PERSON == 4


def test_people_with_the_fewest_under_way_come_first(work: Work) -> None:
    pool = Fetchers(work)
    for pk in range(1, 5):
        for person in range(1, 5):
            pool.add(job(10 * person + pk, person))
    soon(lambda: len(work.begun) == 16)
    pool.add(job(15, 1))
    pool.add(job(51, 5))
    work.end(21)
    soon(lambda: len(work.begun) == 17)
    assert work.begun[-1] == 51


def test_nothing_is_ingested_by_two_threads(work: Work) -> None:
    pool = Fetchers(work)
    for _ in range(3):
        pool.add(job(1))
    pool.add(job(2))
    soon(lambda: sorted(work.begun) == [1, 2])
    work.end(1)
    time.sleep(0.1)
    assert sorted(work.begun) == [1, 2]


def test_an_error_gives_its_place_to_the_next() -> None:
    begun: list[int] = []

    def fail(pk: int) -> None:
        begun.append(pk)
        raise ValueError(pk)

    pool = Fetchers(fail)
    for pk in range(1, 8):
        pool.add(job(pk, 1, "one.example"))
    soon(lambda: sorted(begun) == list(range(1, 8)))


def test_nothing_is_begun_once_the_cluster_stops(work: Work) -> None:
    pool = Fetchers(work, asked_to_stop=lambda: True, put_off_seconds=1000)
    pool.add(job(1))
    time.sleep(0.1)
    assert work.begun == []


@pytest.mark.database
def test_a_stop_gives_back_what_has_not_begun_and_what_is_cut_off(work: Work, make_generation: MakeGeneration) -> None:
    later = timezone.now() + timedelta(seconds=PICTURE_SECONDS)
    rows = [make_generation(state=State.SAVING, due_at=later) for _ in range(3)]
    Generation.objects.filter(pk__in=[row.pk for row in rows[:2]]).update(ingest_until=later)
    pool = Fetchers(work)
    for row in rows:
        pool.add(job(row.pk, 1, "one.example"))
    soon(lambda: len(work.begun) == 2)
    asked_at = time.monotonic()
    pool.stop(seconds=0.2)
    assert time.monotonic() - asked_at < 2
    seconds = []
    for row in rows:
        row.refresh_from_db()
        assert row.due_at is not None
        seconds.append((row.due_at - timezone.now()).total_seconds())
    # By the time that the first two are fetched elsewhere, this process has ended.
    assert min(seconds[:2]) > 10
    assert max(seconds[:2]) < 20
    assert all(Generation(pk=row.pk).claim_ingest(60) is (row is rows[2]) for row in rows)
    assert seconds[2] <= 0
    pool.add(job(99))
    time.sleep(0.1)
    assert 99 not in work.begun


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
@pytest.mark.database
def test_what_waits_for_its_share_is_not_asked_for_again(work: Work, make_generation: MakeGeneration) -> None:
    rows = [make_generation(state=State.SAVING, due_at=timezone.now()) for _ in range(3)]
    pool = Fetchers(work, put_off_seconds=0.1)
    for row in rows:
        pool.add(job(row.pk, 1, "one.example"))
    waiting = rows[2]
    soon(lambda: Generation.objects.filter(pk=waiting.pk, due_at__gt=timezone.now() + timedelta(seconds=60)).exists())
    work.end(*(row.pk for row in rows))
    soon(lambda: len(work.begun) == 3)
    time.sleep(0.3)  # its threads end before the database does


@pytest.mark.database
def test_a_job_knows_the_hosts_of_its_pictures(make_generation: MakeGeneration, settings: Any) -> None:
    settings.LEMONDATA_BASE_URL = "https://api.example/v1"
    results = [{"url": "https://A.example/1.png"}, {"url": "/2.png"}, {"url": "", "file": "inbox/1"}]
    generation = make_generation(state=State.SAVING, results=results)
    assert job_of(generation.pk) == job(generation.pk, generation.author_id, "a.example", "api.example")
    generation.complete(None)
    assert job_of(generation.pk) is None


# -- a whole studio

SUBMIT = """
from gallery import services
from gallery.models import ImageModel, Person
person, _ = Person.objects.get_or_create(email="{who}@example.org", name="{who}")
model = ImageModel.objects.get(slug="dall-e-3")
for prompt in {prompts}:
    services.generations.submit(person, model=model, prompt=prompt, options={{"size": "512x512"}}, count=1)
"""


@pytest.mark.process
def test_eight_dripping_hosts_delay_only_their_own_pictures(stub: StubUpstream, tmp_path: Path) -> None:
    with ExitStack() as stack:
        hosts = [stack.enter_context(StubUpstream()) for _ in range(9)]
        for host in hosts[:8]:
            host.handler = lambda request: DRIPPING
        hosts[8].handler = lambda request: Reply(body=PICTURE)
        stub.handler = lambda request: {
            "created": 1,
            "data": [{"url": f"{hosts[int(request.json['prompt'])].origin}/a.png"}],
        }
        database = Database(tmp_path, None)
        studio = Studio(
            tmp_path,
            DATABASE_URL=database.url,
            LEMONDATA_BASE_URL=stub.base_url,
            LEMONDATA_API_KEY=KEY,
            LEMONSTUDIO_TRUSTED_ORIGINS=",".join(host.origin for host in hosts),
        )
        stack.callback(studio.kill)
        prepare(tmp_path, database)
        studio.start_prepared()
        studio.shell(SUBMIT.format(who="Slow", prompts=json.dumps([str(number) for number in range(8)])))
        soon(lambda: database.ask("SELECT COUNT(*) FROM gallery_generation WHERE state = 'saving'") == [(8,)], 30)
        # A person's share is each process's, and which process hears of what is chance.
        soon(lambda: sum(len(host.requests) for host in hosts[:8]) >= EACH_PERSON, 30)
        submit = SUBMIT.format(who="Quick", prompts='["8"]')
        studio.shell(submit)
        delivered_by = time.monotonic()
        pictures = "SELECT COUNT(*), MIN(CASE WHEN thumbnails = '{}' THEN 0 ELSE 1 END) FROM gallery_picture"
        soon(lambda: database.ask(pictures)[0][0] == 1, 5)
        # Thumbnails, mails and downloads have the task workers, which fetch nothing.
        soon(lambda: database.ask(pictures)[0][1] == 1, 20)
        assert time.monotonic() - delivered_by < 25
        assert all(len(host.requests) <= 1 for host in hosts[:8])
        assert len(hosts[8].requests) == 1
        asked_at = time.monotonic()
        studio.stop()
        assert time.monotonic() - asked_at < 25
        states = database.ask("SELECT state, COUNT(*) FROM gallery_generation GROUP BY state ORDER BY state")
        assert states == [("completed", 1), ("saving", 8)]
        due = database.ask("SELECT COUNT(*) FROM gallery_generation WHERE state = 'saving' AND due_at IS NOT NULL")
        assert due == [(8,)]
