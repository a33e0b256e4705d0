"""Files in the three ways in which they are handed out, against a server that speaks S3."""

import base64
import io
import zipfile
from collections.abc import Callable
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
from gallery.models import Download, Generation, Picture, State
from gallery.upstream import Answer, Result, Status
from gallery.web.pictures import original_url
from tests.conftest import png

MakePicture = Callable[..., Picture]
BUCKET = "lemon-media"


@pytest.fixture
def s3(s3_server: str, settings: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    """The studio's media are in a bucket; the settings are those that lemonstudio/settings.py makes."""
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


def test_by_this_process(as_owner: Client, make_picture: MakePicture) -> None:
    picture = make_picture()
    answer = as_owner.get(original_url(picture))
    assert answer.getvalue() == png()
    assert answer["Cache-Control"] == "private, max-age=31536000, immutable"
    assert answer["X-Content-Type-Options"] == "nosniff"


def test_by_nginx(as_owner: Client, as_teammate: Client, make_picture: MakePicture, settings: Any) -> None:
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
def test_a_picture_comes_home_to_s3_and_leaves_by_a_signed_address(
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


@pytest.mark.django_db
def test_a_name_that_is_taken_on_s3_is_not_written_over(s3: str) -> None:
    first = default_storage.save("pictures/one.png", ContentFile(b"first"))
    second = default_storage.save("pictures/one.png", ContentFile(b"second"))
    assert first != second
    with default_storage.open(first) as kept:
        assert kept.read() == b"first"


@pytest.mark.django_db
def test_archive_of_what_is_on_s3(s3: str, as_owner: Client, make_picture: MakePicture) -> None:
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
