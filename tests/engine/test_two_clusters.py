"""Two clusters with one database: on PostgreSQL on purpose, on SQLite because it was started twice by mistake."""

import signal
import threading
import time
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import pytest

from lemonstudio.processes.tree import MARK, signal_all, soon
from tests.conftest import png
from tests.support.stub_upstream import WorkingUpstream
from tests.support.studio import Database, WorkingStudio, prepare

pytestmark = [
    pytest.mark.database,
    pytest.mark.process,
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks for processes in /proc"),
]
EACH = 60
# An answer may wait so long for its turn while the machine is busy.
NOISE_SECONDS = 5
# Each has a key of its own, so that the upstream can tell who asks.
KEYS = ("sk-cluster-one-0123456789", "sk-cluster-two-0123456789")


@pytest.fixture
def upstream() -> Iterator[WorkingUpstream]:
    with WorkingUpstream(png(512, 512)) as upstream:
        yield upstream


@pytest.fixture
def clusters(upstream: WorkingUpstream, tmp_path: Path) -> Iterator[WorkingStudio]:
    """Two workers, marked by their keys, and no web server."""
    database = Database(tmp_path)
    studio = WorkingStudio(tmp_path, upstream, database, LEMONSTUDIO_REQUESTS_PER_MINUTE="6000")
    prepare(tmp_path, database)
    processes = [studio.launch("worker", LEMONDATA_API_KEY=key, **{MARK: key + studio.mark}) for key in KEYS]
    try:
        yield studio
    finally:
        for key, process in zip(KEYS, processes, strict=True):
            signal_all(key + studio.mark, signal.SIGKILL)
            process.wait(10)
        database.close()


class LeaseWatch(threading.Thread):
    """Looks at the lease again and again."""

    def __init__(self, database: Database) -> None:
        super().__init__(daemon=True)
        self._database = database
        self._ended = threading.Event()
        self.seen: list[tuple[int, str]] = []

    def run(self) -> None:
        while not self._ended.wait(0.02):
            now = self._database.ask("SELECT fence, holder FROM gallery_upstreamaccount")[0]
            if not self.seen or self.seen[-1] != now:
                self.seen.append((now[0], now[1]))

    def end(self) -> None:
        self._ended.set()
        self.join(10)


@pytest.fixture
def watch(clusters: WorkingStudio) -> Iterator[LeaseWatch]:
    watch = LeaseWatch(clusters.database)
    watch.start()
    yield watch
    watch.end()


def asked(upstream: WorkingUpstream) -> list[tuple[float, str, str]]:
    """When, by which cluster, and the prompt where it was a POST: what came to the upstream's API, in order."""
    return [
        (one.at, one.headers["authorization"].removeprefix("Bearer "), one.json["prompt"] if one.body else "")
        for one in list(upstream.requests)
        if "authorization" in one.headers
    ]


def test_one_of_two_is_killed(clusters: WorkingStudio, upstream: WorkingUpstream, watch: LeaseWatch) -> None:
    soon(lambda: len(watch.seen) and watch.seen[-1][1], 20)
    # The last few are on their way when the cluster is killed.
    seconds = [0.5 + number % 6 for number in range(EACH - 5)] + [30] * 5
    sync = [f"sync {seconds[number]} no {number}" for number in range(EACH)]
    tasks = [f"task {1 + number % 8} no {number}" for number in range(EACH)]
    clusters.submit(*(prompt for pair in zip(sync, tasks, strict=True) for prompt in pair))
    soon(lambda: set(sync[-5:]) <= {prompt for _, _, prompt in asked(upstream)}, 30)
    soon(lambda: clusters.states()["completed"] >= EACH // 4, 30)

    killed = asked(upstream)[-1][1]
    signal_all(killed + clusters.mark, signal.SIGKILL)
    killed_at = time.monotonic()
    soon(lambda: asked(upstream)[-1][1] != killed, 30)
    # Pictures that it was just fetching are fetched again when their time is up; here that is now.
    clusters.let_due("saving")
    soon(lambda: not clusters.under_way(), 60)

    # Nothing is lost: what is not completed was on its way when its engine was killed, so its outcome is unknown.
    states = clusters.states()
    assert states.total() == states["completed"] + states["interrupted"] == 2 * EACH, clusters.rows()
    sent = {prompt: at for at, _, prompt in asked(upstream) if prompt}
    query = "SELECT prompt FROM gallery_generation WHERE state = 'interrupted'"
    interrupted = {prompt for (prompt,) in clusters.database.ask(query)}
    assert {prompt for prompt in sync if prompt.startswith("sync 30 ")} <= interrupted
    for prompt in interrupted & sent.keys():
        taken_for = float(prompt.split()[1]) if prompt.startswith("sync") else 0
        assert killed_at - NOISE_SECONDS - taken_for < sent[prompt] <= killed_at + NOISE_SECONDS
    # Nothing is paid for twice.
    assert set(upstream.posts.values()) == {1}
    # One at a time talks to the upstream: first the one, then the other.
    turns = [key for key, _ in groupby(key for _, key, _ in asked(upstream))]
    assert len(turns) == 2
    assert turns[0] == killed
    # A fence has one holder, and the next holder's is higher. Nobody takes what another one holds: there were two, or
    # three where the machine was so busy that a renewal came late.
    fences = [fence for fence, holder in watch.seen if holder]
    assert fences == sorted(set(fences))
    assert len(fences) <= 3
