"""Downloads are built by tasks, and survive crashes, slow workers and full disks."""

import contextlib
import io
import json
import os
import sqlite3
import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone
from django_q.models import OrmQ
from PIL import Image

from gallery import services
from gallery.downloads import build
from gallery.engine import housekeeping
from gallery.images.convert import Format, Shape, convert
from gallery.models import Download, Gallery, Picture
from gallery.queries.downloads import contents
from lemonstudio.processes.tree import Studio, soon
from tests.conftest import put
from tests.engine.test_disk_full import ME, MEGABYTE, disk_at
from tests.support.studio import prepare

pytestmark = pytest.mark.database

MakePicture = Callable[..., Picture]
LONG_AGO = timedelta(minutes=5)


def noise(side: int = 400) -> bytes:
    file = io.BytesIO()
    Image.frombytes("RGB", (side, side), os.urandom(side * side * 3)).save(file, "PNG", compress_level=0)
    return file.getvalue()


@pytest.fixture
def make_download(make_picture: MakePicture, private_gallery: Gallery) -> Callable[..., Download]:
    """Makes a download of stored pictures, each half a megabyte as a PNG."""

    def make(count: int = 4, shape: Shape | None = None) -> Download:
        data = noise()
        for _ in range(count):
            picture = make_picture()
            name = default_storage.save("pictures/noise.png", ContentFile(data))
            Picture.objects.filter(pk=picture.pk).update(original=name, byte_size=len(data), width=400, height=400)
            put(picture, private_gallery)
        owner = private_gallery.owner
        pictures = contents(Picture.objects.visible_to(owner), private_gallery)
        shape = shape or Shape(Format.PNG)
        return services.downloads.request_download(owner, "Sketches", private_gallery, pictures, shape)

    return make


def files(download: Download) -> list[str]:
    try:
        return sorted(default_storage.listdir(download.folder)[1])
    except FileNotFoundError:
        return []


def work(download: Download) -> Download:
    build.work(download.pk)
    download.refresh_from_db()
    return download


class Killed(BaseException):
    """The program does not catch this error."""


def test_killed_build_resumes(make_download: Callable[..., Download], monkeypatch: Any) -> None:
    download = make_download()
    monkeypatch.setattr(build, "NOTE_SECONDS", 0.0)
    begun = 0

    def killed(*arguments: Any) -> bytes:
        nonlocal begun
        begun += 1
        if begun == 3:
            raise Killed
        return convert(*arguments)

    monkeypatch.setattr(build, "convert", killed)
    with pytest.raises(Killed):
        build.work(download.pk)
    download.refresh_from_db()
    assert (download.state, download.done, len(files(download))) == ("building", 2, 2)
    # No task goes on while another may be at work. After a silence, housekeeping enqueues a task.
    assert work(download).done == 2
    before = files(download)
    OrmQ.objects.all().delete()
    Download.objects.update(moved_at=timezone.now() - LONG_AGO)
    housekeeping.tidy_downloads()
    assert [message.func() for message in OrmQ.objects.all()] == ["gallery.tasks.build_download"]
    assert work(download).is_ready
    assert begun == 5, "finished files are not built again"
    assert set(before) < set(files(download))
    with zipfile.ZipFile(io.BytesIO(b"".join(build.ready(download).stream()))) as archive:
        assert archive.testzip() is None
        assert len(archive.namelist()) == 5


def test_silent_task_loses_its_claim(make_download: Callable[..., Download]) -> None:
    download = make_download()
    slow = build._Work(download, download.take())
    Download.objects.update(moved_at=timezone.now() - LONG_AGO)
    assert work(download).is_ready
    ready, kept = download.ready_at, files(download)
    slow.run()
    download.refresh_from_db()
    assert (download.is_ready, download.ready_at) == (True, ready)
    assert set(kept) <= set(files(download))
    with zipfile.ZipFile(io.BytesIO(b"".join(build.ready(download).stream()))) as archive:
        assert archive.testzip() is None


def test_at_most_two_downloads_are_built_at_once(make_download: Callable[..., Download], monkeypatch: Any) -> None:
    """So at most two workers are kept from urgent tasks."""
    downloads = [make_download(1, Shape(format)) for format in (Format.PNG, Format.WEBP)]
    claims = [download.take() for download in downloads]
    assert all(claims)
    assert not downloads[0].take(), "another task has it"
    third = Download.objects.create(person=downloads[0].person, name="Third", key="third")
    OrmQ.objects.all().delete()
    build.work(third.pk)
    assert not OrmQ.objects.exists(), "the task at work enqueues the next"
    monkeypatch.setattr(build, "SLICE_SECONDS", 0.0)
    downloads[0].let_go(claims[0])
    build.work(downloads[0].pk)
    assert OrmQ.objects.get().task["args"] == (third.pk,), "it has waited longest"


def test_full_disk_fails_the_download(
    make_download: Callable[..., Download], tmp_path: Path, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with disk_at(tmp_path / "media") as disk:
        settings.MEDIA_ROOT = disk.folder
        download = make_download(4)
        disk.shrink(MEGABYTE if disk.is_real else MEGABYTE // 4, ME)
        try:
            assert work(download).has_failed
        finally:
            disk.grow(ME)
        assert "There is no room left" in download.problem
        assert "could not be made ready" in caplog.text
        assert not (disk.folder / download.folder).exists(), "parts would fill the disk further"
        services.downloads.retry_download(download)
        assert work(download).is_ready
        assert len(files(download)) == 5


def test_housekeeping_deletes_expired_and_orphaned_files(
    make_download: Callable[..., Download],
) -> None:
    expired, kept = work(make_download(1)), work(make_download(1, Shape(Format.WEBP)))
    Download.objects.filter(pk=expired.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    default_storage.save("packages/999999/1.png", ContentFile(b"left behind"))
    housekeeping.tidy_downloads()
    assert list(Download.objects.all()) == [kept]
    assert default_storage.listdir("packages") == ([str(kept.pk)], [])
    assert len(files(kept)) == 3
    assert Picture.objects.count() == 2
    assert all(default_storage.exists(picture.original_name) for picture in Picture.objects.all())


# -- the whole studio

ASK = """
from gallery import services
from gallery.models import Gallery, Person, Picture
from gallery.images.convert import Format, Shape
person = Person.objects.get(email="made-up-0@example.org")
pictures = list(Picture.objects.filter(author=person).order_by("-pk").values_list("pk", flat=True))
print(services.downloads.request_download(person, "All", None, pictures, Shape(Format.PNG)).pk)
"""
REMIND = """
from datetime import timedelta
from django.utils import timezone
from gallery.engine import housekeeping
from gallery.models import Download
Download.objects.update(moved_at=timezone.now() - timedelta(minutes=5))
housekeeping.tidy_downloads()
"""
CHECK = """
import io, json, zipfile
from gallery.downloads import build
from gallery.models import Download
download = Download.objects.get()
with zipfile.ZipFile(io.BytesIO(b"".join(build.ready(download).stream()))) as archive:
    left_out = download.items.exclude(problem="").count()
    print(json.dumps([archive.testzip(), len(archive.namelist()), download.total, left_out]))
"""


def progress(data: Path) -> tuple[str, int]:
    with contextlib.closing(sqlite3.connect(data / "studio.sqlite3", timeout=20)) as connection:
        state, done = connection.execute("SELECT state, done FROM gallery_download").fetchone()
        return state, done


@pytest.mark.process
def test_killed_studio_resumes_the_download(tmp_path: Path) -> None:
    studio = Studio(tmp_path)
    try:
        prepare(tmp_path)
        studio.manage("make_pictures", "600", "--files", "3")
        studio.start_prepared()
        studio.shell(ASK)
        soon(lambda: progress(tmp_path)[1] > 5, 60)
        studio.kill()
        state, before = progress(tmp_path)
        assert state == "building"
        studio.start()
        studio.shell(REMIND)
        soon(lambda: progress(tmp_path)[0] == "ready", 120)
        broken, names, total, left_out = json.loads(studio.shell(CHECK))
        assert (broken, names, left_out) == (None, total + 1, 0)
        assert 5 < before < total
    finally:
        studio.stop()
        studio.kill()
