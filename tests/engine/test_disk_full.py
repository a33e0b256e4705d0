"""The disk is full while pictures arrive, or while the database writes.

A real full disk where the tests may mount one (a small tmpfs). Elsewhere the kernel's limit on the size of a file,
under which the same writes fail; FULL_DISK=limit (a variable of the environment) takes that way everywhere.
"""

import base64
import contextlib
import io
import os
import resource
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from PIL import Image

from gallery.engine import Timing, inbox
from gallery.engine.inbox import mark_of
from gallery.engine.ingest import ingest_results
from gallery.engine.results import Results, keep_results, results_left_behind
from gallery.engine.storage_watch import ANSWER_BYTES, StorageWatch
from gallery.models import Generation, Picture, State, UpstreamAccount
from gallery.upstream import Answer, Result, Status
from lemonstudio.processes.tree import soon
from tests.engine.conftest import EngineDriver, turn
from tests.support.stub_upstream import Reply, Request, StubUpstream, WorkingUpstream
from tests.support.studio import working_studio

MakeGeneration = Callable[..., Generation]
MEGABYTE = 2**20
# Too little for the picture; and where it is a limit on files, enough for a database.
ROOM = 5 * MEGABYTE
# Longer than a lease, so that it is free when there is room again.
FULL_SECONDS = 10
whole_studio = [
    pytest.mark.process,
    pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="a limit for other processes is Linux's"),
]


class Disk:
    """A folder on a disk of its own, where root can have that; else a folder that some processes cannot fill."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        may_mount = os.geteuid() == 0 and os.environ.get("FULL_DISK") != "limit"
        self.is_real = may_mount and self._mount("-t", "tmpfs", "-o", f"size={64 * MEGABYTE}")

    def _mount(self, *options: str) -> bool:
        command = ["mount", *options, "tmpfs", str(self.folder)]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def _resize(self, size: int) -> bool:
        return self._mount("-o", f"remount,size={size}")

    def shrink(self, room: int, processes: Iterable[int]) -> None:
        """Leave so much room: to everybody together, or by the limit to these processes for each file."""
        if self.is_real:
            # It can become no smaller than what is in it, and that may be growing.
            soon(lambda: self._resize(self._used() + room))
        else:
            self._limit(room, processes)

    def grow(self, processes: Iterable[int]) -> None:
        if self.is_real:
            assert self._resize(64 * MEGABYTE)
        else:
            self._limit(resource.RLIM_INFINITY, processes)

    def _used(self) -> int:
        now = os.statvfs(self.folder)
        return (now.f_blocks - now.f_bfree) * now.f_frsize

    def _limit(self, size: int, processes: Iterable[int]) -> None:
        for pid in processes:
            with contextlib.suppress(ProcessLookupError):
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    def close(self) -> None:
        if self.is_real:
            subprocess.run(["umount", "--lazy", str(self.folder)], check=True)


@contextlib.contextmanager
def disk_at(folder: Path) -> Iterator[Disk]:
    disk = Disk(folder)
    try:
        yield disk
    finally:
        disk.close()


@pytest.fixture(scope="module")
def picture() -> bytes:
    """Larger than the room, smaller than what is kept in memory while it is fetched."""
    file = io.BytesIO()
    Image.frombytes("RGB", (1500, 1400), os.urandom(1500 * 1400 * 3)).save(file, "PNG", compress_level=0)
    assert ROOM < file.tell() < 8 * MEGABYTE
    return file.getvalue()


@pytest.fixture
def upstream(picture: bytes) -> Iterator[WorkingUpstream]:
    with WorkingUpstream(picture) as upstream:
        yield upstream


# -- one picture, in this process

ME = [os.getpid()]


@pytest.fixture
def full(tmp_path: Path, settings: Any) -> Iterator[Disk]:
    """The disk that pictures are kept on has no room for one."""
    with disk_at(tmp_path / "media") as disk:
        settings.MEDIA_ROOT = disk.folder
        # What is held for storage lies there, too.
        settings.DATA_DIR = disk.folder
        disk.shrink(ROOM, ME)
        try:
            yield disk
        finally:
            disk.grow(ME)


@pytest.mark.django_db
def test_picture_inside_an_answer_waits_for_room(
    full: Disk, picture: bytes, make_generation: MakeGeneration, caplog: pytest.LogCaptureFixture
) -> None:
    """And the part of it that did find room is not taken for what another engine left."""
    generation, kept, watch = make_generation(), list[Results](), StorageWatch(Timing())
    answer = Answer(Status.COMPLETED, results=(Result(b64=base64.b64encode(picture).decode()),))
    thread = threading.Thread(
        target=lambda: kept.append(keep_results(generation.pk, mark_of(generation), answer, watch))
    )
    thread.start()
    soon(lambda: "No room for a picture" in caplog.text)
    left_meanwhile = results_left_behind(generation)
    full.grow(ME)
    thread.join(20)
    ((result,),) = kept
    with default_storage.open(result["file"]) as file:
        assert file.read() == picture
    assert left_meanwhile == []
    assert results_left_behind(generation) == [result]


def test_picture_that_waits_for_room_outlives_the_lease(
    full: Disk,
    picture: bytes,
    driver: EngineDriver,
    stub: StubUpstream,
    make_generation: MakeGeneration,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Another engine takes over while the first one still holds the only copy in its hands."""
    generation = make_generation()
    full.grow(ME)

    def answer(request: Request) -> Any:
        full.shrink(ROOM, ME)
        return {"created": 1, "data": [{"b64_json": base64.b64encode(picture).decode()}]}

    stub.handler = answer
    first, second = driver.engine(), driver.engine()
    turn(first, lambda: "No room for a picture" in caplog.text)
    UpstreamAccount.objects.update(lease_until=None)
    turn(second, lambda: not Generation.objects.filter(state=State.SUBMITTING).exists())
    full.grow(ME)
    turn(first, lambda: not first.sender.on_its_way)
    while Generation.objects.filter(state=State.SAVING).exists():
        ingest_results(generation.pk)
    with Picture.objects.get().original.open() as file:
        assert file.read() == picture


def test_nothing_is_sent_without_room_for_its_answer(
    full: Disk,
    driver: EngineDriver,
    stub: StubUpstream,
    make_generation: MakeGeneration,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    free = ROOM
    monkeypatch.setattr(inbox, "_free_bytes", lambda folder: free)  # a limit on files shows nowhere else
    stub.handler = lambda request: Reply(how="hang")
    for _ in range(4):
        make_generation()
    engine = driver.engine(storage_probe=0.1)
    turn(engine, lambda: UpstreamAccount.load().pause_code == "storage_full")
    assert stub.requests == []
    free = 3 * ANSWER_BYTES
    full.grow(ME)
    turn(engine, lambda: not UpstreamAccount.load().is_paused and len(stub.requests) == 3)
    until = time.monotonic() + 0.3
    turn(engine, lambda: time.monotonic() > until)
    assert len(stub.requests) == 3


def test_part_of_a_picture_is_not_kept(
    full: Disk, upstream: WorkingUpstream, make_generation: MakeGeneration, settings: Any
) -> None:
    settings.LEMONSTUDIO_TRUSTED_ORIGINS = frozenset({upstream.origin})
    generation = make_generation(state=State.SAVING, results=[{"url": f"{upstream.origin}/pictures/1.png"}])
    ingest_results(generation.pk)
    generation.refresh_from_db()
    assert generation.state == State.SAVING
    assert not Picture.objects.exists()
    full.grow(ME)
    ingest_results(generation.pk)
    generation.refresh_from_db()
    assert generation.state == State.COMPLETED
    with Picture.objects.get().original.open() as file:
        assert file.read() == upstream.picture


def test_part_of_a_picture_does_not_stay_on_the_disk(
    full: Disk, upstream: WorkingUpstream, make_generation: MakeGeneration, settings: Any
) -> None:
    """Or what is full fills further with every try."""
    settings.LEMONSTUDIO_TRUSTED_ORIGINS = frozenset({upstream.origin})
    ingest_results(make_generation(state=State.SAVING, results=[{"url": f"{upstream.origin}/pictures/1.png"}]).pk)
    assert [path for path in full.folder.rglob("*") if path.is_file()] == []


# -- a whole studio


class TestWholeStudio:
    pytestmark = whole_studio

    def test_pictures_wait_for_room(self, upstream: WorkingUpstream, tmp_path: Path) -> None:
        with disk_at(tmp_path / "media") as disk, working_studio(tmp_path, upstream) as studio:
            # Long enough for the disk to be full by the time of the answers.
            studio.submit("sync 3 by its address", "inside 3 in the answer", "task 3 by a task")
            upstream.wait_for(3, 20)
            disk.shrink(ROOM, studio.processes())
            soon(lambda: len(upstream.fetches) >= 2, 20)
            # The one in the answer is held in the data folder, if only the media have no room.
            states = ["saving"] if disk.is_real else ["saving", "submitting"]
            soon(lambda: sorted(studio.states()) == states, 5)
            assert studio.database.ask("SELECT COUNT(*) FROM gallery_picture") == [(0,)]
            disk.grow(studio.processes())
            # The next try would come by itself after a while.
            studio.let_due("saving")
            studio.completes(3, 60)
            for (name,) in studio.database.ask("SELECT original FROM gallery_picture"):
                assert (tmp_path / "media" / name).read_bytes() == upstream.picture
            assert set(upstream.posts.values()) == {1}

    @pytest.mark.skipif(os.environ.get("TEST_DATABASE") == "postgres", reason="the database's disk is the server's")
    def test_database_waits_for_room(self, upstream: WorkingUpstream, tmp_path: Path) -> None:
        """Requests are answered while nothing of it can be written down."""
        under_way = [f"sync {seconds} no {seconds}" for seconds in (2, 3, 4)]
        under_way += [f"task {seconds} no {seconds}" for seconds in (1, 2, 3)]
        with disk_at(tmp_path / "data") as disk, working_studio(disk.folder, upstream) as studio:
            studio.submit(*under_way)
            upstream.wait_for(len(under_way), 20)
            disk.shrink(0, studio.processes())
            time.sleep(FULL_SECONDS)
            assert studio.states() == {"submitting": 3, "pending": 3}
            disk.grow(studio.processes())
            studio.completes(len(under_way), 60)
            assert set(upstream.posts.values()) == {1}
            assert studio.database.ask("PRAGMA integrity_check") == [("ok",)]
