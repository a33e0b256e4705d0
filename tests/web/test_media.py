"""The three ways to serve files; S3 is a local server."""

import base64
import gc
import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client
from django.utils import timezone

from gallery.downloads import build
from gallery.engine import Timing
from gallery.engine.inbox import mark_of
from gallery.engine.ingest import ingest_results, make_thumbnails
from gallery.engine.results import Results, keep_results
from gallery.engine.storage_watch import StorageWatch
from gallery.management import backups
from gallery.models import Download, Generation, Picture, State
from gallery.upstream import Answer, Result, Status
from gallery.web import media
from gallery.web.media import LARGE_FILE
from gallery.web.pictures import original_url
from tests.conftest import png

MakePicture = Callable[..., Picture]
BUCKET = "lemon-media"


@pytest.fixture
def s3(s3_server: str, settings: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    """The studio's media are in a bucket, with the settings of lemonstudio/settings.py."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    client = boto3.client("s3", endpoint_url=s3_server, region_name="us-east-1")
    client.create_bucket(Bucket=BUCKET)
    settings.LEMONSTUDIO_S3_BUCKET = BUCKET
    settings.STORAGES = settings.STORAGES | {
        "default": {
            "BACKEND": "lemonstudio.storage.bucket.BucketStorage",
            "OPTIONS": {
                "bucket_name": BUCKET,
                "endpoint_url": s3_server,
                "region_name": "us-east-1",
                "addressing_style": "path",
                "signature_version": "s3v4",
                "default_acl": None,
                "file_overwrite": False,
                "querystring_auth": True,
                "querystring_expire": 60,
            },
        }
    }
    return s3_server


def test_studio_serves_files_itself(as_owner: Client, make_picture: MakePicture) -> None:
    picture = make_picture()
    answer = as_owner.get(original_url(picture))
    assert answer.getvalue() == png()
    assert answer["Cache-Control"] == "private, max-age=31536000, immutable"
    assert answer["X-Content-Type-Options"] == "nosniff"


@pytest.fixture
def large(make_picture: MakePicture, monkeypatch: pytest.MonkeyPatch) -> Picture:
    """Its original is as large as a file may be without a limit."""
    monkeypatch.setattr(media, "LARGE_FILE_SECONDS", 0.05)
    picture = make_picture()
    default_storage.delete(picture.original_name)
    name = default_storage.save(picture.original_name, ContentFile(bytes(LARGE_FILE)))
    assert name == picture.original_name
    return picture


def test_slow_readers_of_originals_leave_threads_to_others(
    as_owner: Client, large: Picture, make_picture: MakePicture
) -> None:
    small = make_picture()
    reading: list[Any] = [as_owner.get(original_url(large)) for _ in range(3)]
    assert [answer.status_code for answer in reading] == [200, 200, 200]
    turned_away = as_owner.get(original_url(large))
    assert (turned_away.status_code, turned_away["Retry-After"]) == (429, "5")
    assert turned_away["Cache-Control"] == "no-store"
    # Neither small files nor files that the browser has need a place.
    assert as_owner.get(original_url(small)).status_code == 200
    etag = {"If-None-Match": reading[0]["ETag"]}
    assert as_owner.get(original_url(large), headers=etag).status_code == 304
    assert len(reading[0].getvalue()) == LARGE_FILE, "read to its end, it gives its place back"
    again: Any = as_owner.get(original_url(large))
    assert again.status_code == 200
    assert as_owner.get(original_url(large)).status_code == 429
    for answer in (*reading[1:], again):
        answer.getvalue()
    after: list[Any] = [as_owner.get(original_url(large)) for _ in range(3)]
    assert [answer.status_code for answer in after] == [200, 200, 200]
    for answer in after:
        answer.getvalue()


def test_an_answer_that_is_never_closed_gives_its_place_back(as_owner: Client, large: Picture) -> None:
    for _ in range(5):
        answer: Any = as_owner.get(original_url(large))
        assert answer.status_code == 200
        del answer
        gc.collect()


def test_nginx_and_s3_need_no_places(as_owner: Client, large: Picture, settings: Any) -> None:
    settings.LEMONSTUDIO_ACCEL_PREFIX = "/protected-media/"
    assert {as_owner.get(original_url(large)).status_code for _ in range(8)} == {200}


def test_nginx_serves_files(as_owner: Client, as_teammate: Client, make_picture: MakePicture, settings: Any) -> None:
    settings.LEMONSTUDIO_ACCEL_PREFIX = "/protected-media/"
    picture = make_picture()
    answer = as_owner.get(original_url(picture))
    assert answer["X-Accel-Redirect"] == f"/protected-media/{picture.original_name}"
    assert (answer["Content-Type"], answer.content) == ("image/png", b"")
    download = as_owner.get(f"/pictures/{picture.pk}/download/")
    assert download["Content-Disposition"] == f'attachment; filename="{picture.download_name}"'
    assert "X-Accel-Redirect" not in as_teammate.get(original_url(picture)).headers


def _kept(generation: Generation, inline: str) -> Results:
    answer = Answer(Status.COMPLETED, results=(Result("", inline, ""),))
    return keep_results(generation.pk, mark_of(generation), answer, StorageWatch(Timing()))


@pytest.mark.django_db
def test_picture_is_stored_on_s3_and_served_by_a_signed_address(
    s3: str, as_owner: Client, as_teammate: Client, make_generation: Callable[..., Generation]
) -> None:
    generation = make_generation(state=State.SAVING, due_at=timezone.now())
    inline = base64.b64encode(png()).decode()
    generation.results = _kept(generation, inline)
    generation.save()
    ingest_results(generation.pk)
    generation.refresh_from_db()
    assert generation.state == State.COMPLETED
    picture = generation.pictures.get()
    make_thumbnails(picture.pk)
    picture.refresh_from_db()
    assert default_storage.exists(picture.original_name)
    assert default_storage.listdir("inbox")[1] == []

    answer = as_owner.get(original_url(picture))
    assert answer.status_code == 302
    assert answer["Location"].startswith(f"{s3}/{BUCKET}/pictures/")
    assert "max-age=120" in answer["Cache-Control"]
    fetched = requests.get(answer["Location"], timeout=10)
    assert (fetched.status_code, fetched.content, fetched.headers["Content-Type"]) == (200, png(), "image/png")
    download = requests.get(as_owner.get(f"/pictures/{picture.pk}/download/")["Location"], timeout=10)
    assert download.headers["Content-Disposition"] == f'attachment; filename="{picture.download_name}"'
    assert as_teammate.get(original_url(picture)).status_code == 404
    width = picture.thumbnails["webp"][0]
    thumbnail = as_owner.get(f"/media/{picture.pk}/{picture.digest}/{width}.webp")
    assert requests.get(thumbnail["Location"], timeout=10).headers["Content-Type"] == "image/webp"

    picture.delete()
    assert not default_storage.exists(picture.original_name)


def test_bucket_is_read_through_the_studio_if_browsers_cannot_reach_it(
    s3: str, as_owner: Client, make_picture: MakePicture, settings: Any
) -> None:
    settings.LEMONSTUDIO_S3_SERVE = "studio"
    picture = make_picture()
    answer = as_owner.get(original_url(picture))
    assert (answer.status_code, answer.getvalue(), answer["Content-Length"]) == (200, png(), str(len(png())))
    assert answer["Cache-Control"] == "private, max-age=31536000, immutable"
    assert as_owner.get(original_url(picture), headers={"If-None-Match": answer["ETag"]}).status_code == 304
    default_storage.delete(picture.original_name)
    assert as_owner.get(original_url(picture)).status_code == 404


def test_browsers_are_sent_to_the_public_address_of_the_bucket(
    s3: str, as_owner: Client, make_picture: MakePicture, settings: Any
) -> None:
    """The studio stores at one address; what it signs for browsers holds for the other."""
    inside, public = s3, s3.replace("127.0.0.1", "localhost")
    options = settings.STORAGES["default"]["OPTIONS"] | {"public_endpoint_url": public}
    settings.STORAGES = settings.STORAGES | {"default": settings.STORAGES["default"] | {"OPTIONS": options}}
    settings.LEMONSTUDIO_S3_SECONDS = 3600
    answer = as_owner.get(original_url(make_picture()))
    assert answer["Location"].startswith(f"{public}/{BUCKET}/pictures/")
    assert answer["Cache-Control"] == "private, max-age=1440"
    fetched = requests.get(answer["Location"].replace(public, inside), headers={"Host": public[7:]}, timeout=10)
    assert (fetched.content, fetched.headers["Cache-Control"]) == (png(), "private, max-age=31536000, immutable")


@pytest.mark.django_db
def test_existing_file_on_s3_is_not_overwritten(s3: str) -> None:
    first = default_storage.save("pictures/one.png", ContentFile(b"first"))
    second = default_storage.save("pictures/one.png", ContentFile(b"second"))
    assert first != second
    with default_storage.open(first) as kept:
        assert kept.read() == b"first"


@pytest.mark.django_db
def test_archive_reads_from_s3(s3: str, as_owner: Client, make_picture: MakePicture) -> None:
    pictures = [make_picture(), make_picture()]
    default_storage.delete(pictures[0].original_name)
    form = {"picture": [one.pk for one in pictures], "format": "original"}
    answer: Any = as_owner.post("/selection/download/", form)
    with zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))) as archive:
        assert archive.read(archive.namelist()[1]) == png()
        assert len(archive.namelist()) == 2
    as_owner.post("/selection/download/", form | {"format": "webp"})
    download = Download.objects.get()
    build.work(download.pk)
    answer = as_owner.get(f"/downloads/{download.pk}/file/")
    with zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))) as archive:
        assert archive.testzip() is None
        assert len(archive.namelist()) == 2
    assert len(default_storage.listdir(download.folder)[1]) == 2
    as_owner.post(f"/downloads/{download.pk}/delete/")
    assert default_storage.listdir(download.folder) == ([], [])


def test_backup_lists_what_is_on_s3_and_finds_what_has_gone(s3: str, tmp_path: Path) -> None:
    boto3.resource("s3", endpoint_url=s3, region_name="us-east-1").Bucket(BUCKET).objects.all().delete()
    kept, gone, other = (default_storage.save(f"pictures/{name}.png", ContentFile(png())) for name in "abc")
    default_storage.save("packages/1/part.zip", ContentFile(b"made anew"))
    listed = backups.write_manifest(tmp_path / "media.jsonl")
    assert (listed.files, listed.size) == (3, 3 * len(png()))
    assert list(backups.changed_on_s3(tmp_path / "media.jsonl")) == []
    default_storage.delete(gone)
    default_storage.delete(other)
    default_storage.save(other, ContentFile(b"shorter"))
    assert list(backups.changed_on_s3(tmp_path / "media.jsonl")) == [gone, other]
    assert default_storage.exists(kept)
