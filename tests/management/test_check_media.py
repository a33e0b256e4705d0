"""`manage.py check_media` finds what is missing, damaged, or named by no row."""

import hashlib
import io
import os
import re
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_q.models import OrmQ

from gallery import services, tasks
from gallery.engine import housekeeping, media_check
from gallery.engine.ingest import ingest_results
from gallery.models import Gallery, Generation, GuestAct, MediaCheck, Person, Picture, ShareLink, State
from gallery.services import operations
from tests.conftest import png, signed_in

MakePicture = Callable[..., Picture]
MakeGeneration = Callable[..., Generation]
DAY = 24 * 3600


@pytest.fixture(autouse=True)
def media(tmp_path: Path, settings: Any) -> Path:
    settings.MEDIA_ROOT = str(tmp_path)
    return tmp_path


def check(*arguments: str) -> tuple[list[str], str]:
    """The lines that it prints, and the error that it ends with."""
    out, error = io.StringIO(), ""
    try:
        call_command("check_media", *arguments, stdout=out)
    except CommandError as problem:
        error = str(problem)
    return out.getvalue().splitlines(), error


def store(name: str, days_ago: float, data: bytes = b"x") -> str:
    name = default_storage.save(name, ContentFile(data))
    moment = time.time() - days_ago * DAY
    os.utime(default_storage.path(name), (moment, moment))
    return name


@pytest.fixture
def picture(make_picture: MakePicture) -> Picture:
    """With its thumbnails and the digest of its bytes, all older than a week."""
    picture = make_picture()
    picture.thumbnails = {"webp": [320, 480]}
    picture.sha256 = hashlib.sha256(png()).hexdigest()
    picture.save()
    for width in (320, 480):
        store(picture.thumbnail_name(width, "webp"), 8)
    moment = time.time() - 8 * DAY
    os.utime(default_storage.path(picture.original_name), (moment, moment))
    return picture


def test_complete_media_are_fine(picture: Picture, make_generation: MakeGeneration, owner: Person) -> None:
    kept, inbox = store("kept/x-0-abc.svg", 8), store("inbox/x-0-abc", 8)
    generation = make_generation(state=State.SAVING)
    names = [name.replace("x-", f"{generation.pk}-") for name in (kept, inbox)]
    for before, after in zip((kept, inbox), names, strict=True):
        Path(default_storage.path(before)).rename(default_storage.path(after))
    generation.results = [{"url": "", "kept": names[0]}, {"url": "", "file": names[1]}]
    generation.save()
    upload = store(f"uploads/{owner.pk}/a-8x8.png", 8)
    make_generation(source_file=upload, mask_file="", kind="edit")
    assert check("--hash") == (["The media are complete."], "")


def test_missing_original_and_wrong_size_are_found(picture: Picture, make_picture: MakePicture) -> None:
    other = make_picture()
    Path(default_storage.path(picture.original_name)).unlink()
    Path(default_storage.path(other.original_name)).write_bytes(b"short")
    lines, error = check()
    assert lines == [
        f"Missing original: {picture.original_name} (picture {picture.pk})",
        f"Of 5 bytes instead of {other.byte_size}: {other.original_name} (picture {other.pk})",
    ]
    assert error == "Missing or wrong: 2. Named by no row: 0."


def test_only_the_hash_shows_other_content_of_the_same_size(picture: Picture) -> None:
    path = Path(default_storage.path(picture.original_name))
    path.write_bytes(bytes(len(png())))
    assert check()[1] == ""
    assert check("--hash")[0] == [f"Other content than what was stored: {picture.original_name} (picture {picture.pk})"]


def test_missing_thumbnails_are_made_again_if_that_is_wanted(picture: Picture) -> None:
    Path(default_storage.path(picture.thumbnail_name(320, "webp"))).unlink()
    Path(default_storage.path(picture.thumbnail_name(480, "webp"))).unlink()
    lines, error = check()
    assert (len(lines), error) == (2, "Missing or wrong: 2. Named by no row: 0.")
    assert OrmQ.objects.count() == 0
    assert check("--repair")[0][-1] == "Thumbnails are made again for 1 pictures."
    picture.refresh_from_db()
    assert picture.thumbnails == {}
    assert OrmQ.objects.count() == 1


def test_orphans_are_found_after_a_day_and_deleted_only_on_request(picture: Picture, owner: Person) -> None:
    young = store("pictures/2026/11/999-0-abc.png", 0.5)
    recent = store("kept/999-0-abc.svg", 3)
    old = [
        store(f"pictures/2026/11/{picture.generation_id}-7-abc.png", 8),
        store(f"pictures/{picture.generation_id}-0-960.webp", 8),
        store("inbox/999-0-abc", 8),
        store(f"uploads/{owner.pk}/b-8x8.png", 8),
    ]
    lines, error = check("--repair")
    assert sorted(lines) == sorted(f"Named by no row: {name}" for name in [recent, *old])
    assert error == "Missing or wrong: 0. Named by no row: 5."
    assert all(default_storage.exists(name) for name in [young, recent, *old])
    assert check("--delete-orphans")[0][-1] == "Deleted: 4 files that no row names."
    assert [name for name in [young, recent, *old] if default_storage.exists(name)] == [young, recent]
    assert default_storage.exists(picture.original_name)


def lose_rows(picture: Picture) -> str:
    """An older database: the request is still in the queue, and its picture in storage. Return its name."""
    name = f"pictures/{picture.generation.created_at:%Y/%m}/ab/{picture.generation_id}-0-0123456789ab.png"
    default_storage.save(name, ContentFile(png()))
    Picture.objects.filter(pk=picture.pk).delete()
    Generation.objects.filter(pk=picture.generation_id).update(state=State.QUEUED, results=[], finished_at=None)
    return name


def test_picture_of_a_queued_request_is_adopted_instead_of_paid_again(picture: Picture) -> None:
    name = lose_rows(picture)
    assert f"Given back to generation {picture.generation_id}: {name}" in check("--adopt")[0]
    generation = Generation.objects.get(pk=picture.generation_id)
    assert generation.state == State.SAVING
    message = OrmQ.objects.get().task
    assert message["func"] == "gallery.tasks.ingest"
    ingest_results(generation.pk)
    generation.refresh_from_db()
    adopted = generation.pictures.get()
    assert (generation.state, adopted.sha256) == (State.COMPLETED, hashlib.sha256(png()).hexdigest())
    assert not default_storage.exists(name)
    assert name not in " ".join(check("--adopt")[0])


@pytest.mark.parametrize("why", ["under way", "deleted since", "of an earlier time", "of another month", "no number"])
def test_what_may_not_belong_to_a_request_is_only_listed(why: str, picture: Picture) -> None:
    name = lose_rows(picture)
    row = Generation.objects.filter(pk=picture.generation_id)
    if why == "under way":
        row.update(state=State.PROCESSING, task_id="img_1")
    elif why == "deleted since":
        row.update(state=State.COMPLETED, results=[{"url": ""}], deleted_results=[0])
    elif why == "of another month":
        row.update(created_at=timezone.now() - timedelta(days=40))
    elif why == "no number":
        Path(default_storage.path(name)).rename(default_storage.path(name).replace(f"{picture.generation_id}-0", "x"))
        name = name.replace(f"{picture.generation_id}-0", "x")
    age = timedelta(days=8 if why == "of an earlier time" else 0).total_seconds()
    os.utime(default_storage.path(name), (time.time() - age, time.time() - age))
    before = row.get().state
    lines, _ = check("--adopt")
    assert not [line for line in lines if line.startswith("Given back")]
    assert row.get().state == before
    assert default_storage.exists(name)


def test_missing_newest_originals_are_told_once_a_day(
    picture: Picture, make_picture: MakePicture, as_administrator: Client, caplog: pytest.LogCaptureFixture
) -> None:
    media_check.look_at_newest()
    assert not MediaCheck.objects.exists()
    make_picture()
    Path(default_storage.path(picture.original_name)).unlink()
    for _ in range(2):
        media_check.look_at_newest()
    found = MediaCheck.objects.get()
    assert found.findings == [f"Missing original: {picture.original_name} (picture {picture.pk})"]
    assert caplog.text.count("Do the media belong to this database?") == 1
    assert "1 file is missing or wrong." in as_administrator.get(reverse("admin:index")).content.decode()
    MediaCheck.objects.create(finished_at=timezone.now())
    assert "missing or wrong" not in as_administrator.get(reverse("admin:index")).content.decode()


def test_thumbnails_that_are_being_made_are_no_orphans(picture: Picture) -> None:
    Picture.objects.update(thumbnails={})
    assert check() == (["The media are complete."], "")


def test_a_missing_kept_file_and_a_missing_source_are_found(make_generation: MakeGeneration) -> None:
    make_generation(state=State.COMPLETED, results=[{"url": "", "kept": "kept/1-0-gone.svg"}])
    waits = make_generation(source_file="uploads/1/gone.png", kind="edit")
    assert check()[0] == [
        "Missing kept file: kept/1-0-gone.svg",
        f"Missing file of generation {waits.pk}: uploads/1/gone.png",
    ]


def test_no_more_lines_than_the_limit(make_picture: MakePicture) -> None:
    for _ in range(4):
        Path(default_storage.path(make_picture().original_name)).unlink()
    lines, error = check("--limit", "2")
    assert len([line for line in lines if re.match("Missing original", line)]) == 2
    assert lines[-1] == "More are counted and not shown; --limit shows more."
    assert error.startswith("Missing or wrong: 4.")


def test_check_in_slices_finds_the_same(picture: Picture, make_picture: MakePicture, owner: Person) -> None:
    """After each row and each folder another slice goes on; messages that come twice count once."""
    second, third = make_picture(), make_picture()
    for broken in (picture, third):
        Path(default_storage.path(broken.original_name)).unlink()
    orphans = [store(name, 8) for name in ("inbox/999-0-abc", "pictures/2026/11/9-0-abc.png", "uploads/1/b-8x8.png")]
    assert operations.check_media(with_hash=True)
    assert not operations.check_media(with_hash=False)
    message = OrmQ.objects.get().task
    assert message["func"] == "gallery.tasks.check_media"
    [pk] = message["args"]
    slices = 1
    while media_check.work(pk, seconds=-1):
        slices += 1
    assert slices > 6
    assert media_check.work(pk) is False
    check = MediaCheck.objects.get(pk=pk)
    assert check.finished_at is not None
    assert check.findings == [
        f"Missing original: {picture.original_name} (picture {picture.pk})",
        f"Other content than what was stored: {second.original_name} (picture {second.pk})",
        f"Missing original: {third.original_name} (picture {third.pk})",
        *(f"Named by no row: {name}" for name in orphans),
    ]
    assert (check.broken, check.orphans) == (3, 3)


def test_slice_that_another_process_has_done_does_not_count(picture: Picture) -> None:
    assert operations.check_media(with_hash=False)
    check = MediaCheck.objects.get()
    late = MediaCheck.objects.get()
    assert media_check.work(check.pk) is False
    late.note(MediaCheck.Stage.PICTURES, "1", ["Missing original: x"], orphans=0)
    assert not late.keep((MediaCheck.Stage.PICTURES, ""))
    check.refresh_from_db()
    assert (check.broken, check.findings) == (0, [])


def test_check_that_no_process_works_on_is_taken_up_again(picture: Picture) -> None:
    assert operations.check_media(with_hash=False)
    assert housekeeping.forgotten_media_checks() == []
    MediaCheck.objects.update(worked_at=timezone.now() - timedelta(minutes=11))
    assert housekeeping.forgotten_media_checks() == [MediaCheck.objects.get().pk]


def test_button_starts_a_check_and_its_page_shows_what_it_found(as_administrator: Client, picture: Picture) -> None:
    Path(default_storage.path(picture.original_name)).unlink()
    page = as_administrator.get(reverse("admin:gallery_mediacheck_changelist")).content.decode()
    assert "Check now" in page
    said = as_administrator.post(reverse("admin:gallery_mediacheck_start"), follow=True).content.decode()
    assert "The check has begun." in said
    check = MediaCheck.objects.get()
    tasks.check_media(check.pk)
    page = as_administrator.get(reverse("admin:gallery_mediacheck_change", args=[check.pk])).content.decode()
    assert f"Missing original: {picture.original_name}" in page


def test_check_is_started_only_by_who_may_add_one(teammate: Person) -> None:
    teammate.is_staff = True
    teammate.save()
    teammate.user_permissions.add(Permission.objects.get(codename="view_mediacheck"))
    viewer = signed_in(teammate)
    assert "Check now" not in viewer.get(reverse("admin:gallery_mediacheck_changelist")).content.decode()
    assert viewer.post(reverse("admin:gallery_mediacheck_start")).status_code == 403
    assert not MediaCheck.objects.exists()


def test_guests_acts_can_be_looked_at_and_not_changed(as_administrator: Client, team_gallery: Gallery) -> None:
    works_until = {"label": "Client", "expires_at": timezone.now()}
    services.share_links.make_link(team_gallery, team_gallery.owner, works_until)
    link = ShareLink.objects.get()
    act = GuestAct.objects.create(link=link, kind=GuestAct.Kind.LIKE, place="a1b2")
    assert "a1b2" in as_administrator.get(reverse("admin:gallery_guestact_changelist")).content.decode()
    change = reverse("admin:gallery_guestact_change", args=[act.pk])
    assert as_administrator.get(change).status_code == 200
    assert as_administrator.post(change, {"place": "x"}).status_code == 403
