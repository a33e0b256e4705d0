"""Downloads: one picture in another format, archives of galleries and selections, and who may fetch them."""

import gc
import io
import json
import shutil
import subprocess
import tracemalloc
import zipfile
from collections.abc import Callable, Generator
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.signals import request_finished
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from PIL import Image

from gallery.downloads import build
from gallery.images.convert import CONVERSIONS
from gallery.models import Download, DownloadItem, Gallery, GalleryEntry, Membership, Person, Picture, Role, Tag
from gallery.views.downloads import STREAMS, ArchiveStream
from tests.conftest import png, put, signed_in

pytestmark = pytest.mark.database

MakePicture = Callable[..., Picture]


@pytest.fixture
def pictures(make_picture: MakePicture, private_gallery: Gallery, owner: Person) -> list[Picture]:
    """Three pictures in a gallery, arranged by hand with the oldest first."""
    made = [make_picture(prompt=prompt, cost="0.0400") for prompt in ("A lemon: cut?", "CON", "Ein Zitrönchen 🍋")]
    for number, picture in enumerate(made):
        GalleryEntry.objects.create(gallery=private_gallery, picture=picture, position=3 - number, status="approved")
    Tag.objects.create(name="Fruit").pictures.add(made[0])
    return made


@pytest.fixture
def viewer(teammate: Person, private_gallery: Gallery) -> Person:
    Membership.objects.create(gallery=private_gallery, person=teammate, role=Role.VIEWER)
    return teammate


def body(response: Any) -> bytes:
    assert response.status_code in (200, 206), response
    data = b"".join(response.streaming_content)
    assert int(response["Content-Length"]) == len(data)
    return data


def hang_up(response: Any) -> None:
    """Close the answer, as a server does when the reader is gone. The test's database connection stays open."""
    with mock.patch.object(request_finished, "send"):
        response.close()


def opened(response: Any) -> zipfile.ZipFile:
    archive = zipfile.ZipFile(io.BytesIO(body(response)))
    assert archive.testzip() is None
    return archive


def made_ready(download: Download) -> Download:
    """Do the work of the background tasks."""
    for _ in range(50):
        build.work(download.pk)
        download.refresh_from_db()
        if not download.is_under_way:
            return download
    raise AssertionError("it does not come to an end")


def ask(client: Client, gallery: Gallery, **form: Any) -> Any:
    return client.post(f"/galleries/{gallery.pk}/download/", {"format": "original", **form})


def download_of(client: Client, gallery: Gallery, **form: Any) -> Download:
    """Ask for settings that need the background task."""
    response = ask(client, gallery, format="webp", **form)
    assert response.status_code == 302, response.content
    return Download.objects.get(pk=response["Location"].rstrip("/").rpartition("/")[2])


# -- one picture


def test_picture_is_exported_in_another_format_and_size(as_owner: Client, make_picture: MakePicture) -> None:
    picture = make_picture(prompt="Take me away")
    default_storage.delete(picture.original_name)
    default_storage.save(picture.original_name, ContentFile(png(1300, 650)))
    Picture.objects.update(width=1300, height=650)
    address = f"/pictures/{picture.pk}/export/"
    assert "512 px" in as_owner.get(address).content.decode()
    assert "2048 px" not in as_owner.get(address).content.decode(), "pictures are never enlarged"
    response = as_owner.get(address, {"format": "webp", "side": "512", "settings": "on"})
    assert response["Content-Disposition"] == f'attachment; filename="lemon-studio-{picture.generation_id}-1-512.webp"'
    assert response["Cache-Control"] == "private, no-store"
    image = Image.open(io.BytesIO(response.content))
    assert (image.format, image.size) == ("WEBP", (512, 256))
    assert b"Take me away" in response.content
    assert b"Take me away" not in as_owner.get(address, {"format": "webp"}).content


def test_original_ignores_other_settings(as_owner: Client, make_picture: MakePicture) -> None:
    picture = make_picture()
    address = f"/pictures/{picture.pk}/export/"
    response: Any = as_owner.get(address, {"format": "original", "side": "512", "settings": "on"}, follow=True)
    assert b"".join(response.streaming_content) == png()


@pytest.mark.parametrize("asked", [{"format": "gif"}, {"format": "webp", "side": "4000"}, {"format": ""}])
def test_unknown_format_or_size_is_refused(asked: dict[str, str], as_owner: Client, make_picture: MakePicture) -> None:
    response = as_owner.get(f"/pictures/{make_picture().pk}/export/", asked)
    assert response.status_code == 422
    assert "Pick" in response.content.decode()


def test_damaged_picture_cannot_be_converted(as_owner: Client, make_picture: MakePicture) -> None:
    picture = make_picture()
    default_storage.delete(picture.original_name)
    address = f"/pictures/{picture.pk}/export/?format=webp"
    assert as_owner.get(address).status_code == 404
    default_storage.save(picture.original_name, ContentFile(png()[:-30]))
    response = as_owner.get(address)
    assert response.status_code == 422
    assert "could not be converted: its end is missing" in response.content.decode()


def test_conversion_beyond_the_limit_says_try_again(as_owner: Client, make_picture: MakePicture) -> None:
    address = f"/pictures/{make_picture().pk}/export/?format=png"
    CONVERSIONS.enter()
    CONVERSIONS._here += 2  # two that wait
    try:
        response = as_owner.get(address)
    finally:
        CONVERSIONS._here -= 2
        CONVERSIONS.leave()
    assert (response.status_code, response["Retry-After"]) == (429, "10")
    assert as_owner.get(address).status_code == 200


# -- few: at once


def test_archive_holds_a_gallery(as_owner: Client, pictures: list[Picture], private_gallery: Gallery) -> None:
    response = ask(as_owner, private_gallery)
    assert response["Content-Disposition"] == 'attachment; filename="Sketches.zip"'
    assert not Download.objects.exists()
    archive = opened(response)
    names = ["manifest.json", "001 A lemon cut.png", "002 CON.png", "003 Ein Zitrönchen 🍋.png"]
    assert archive.namelist() == names
    assert archive.read("002 CON.png") == png()
    manifest = json.loads(archive.read("manifest.json"))
    assert (manifest["of"], manifest["left_out"]) == ("Sketches", [])
    first = manifest["pictures"][0]
    expected = {
        "file": "001 A lemon cut.png",
        "bytes": len(png()),
        "sha256": pictures[0].sha256,
        "prompt": "A lemon: cut?",
        "model": "flux-pro",
        "options": {"size": "512x512"},
        "author": "Olivia Owner",
        "made_at": pictures[0].created_at.isoformat(),
        "tags": ["Fruit"],
        "status": "approved",
        "cost_usd": "0.0400",
    }
    assert {name: first[name] for name in expected} == expected
    assert [one["prompt"] for one in manifest["pictures"]] == [one.generation.prompt for one in pictures]


def test_unzip_reads_the_archive(
    as_owner: Client, pictures: list[Picture], private_gallery: Gallery, tmp_path: Path
) -> None:
    unzip = shutil.which("unzip")
    if not unzip:
        pytest.skip("no unzip here")
    path = tmp_path / "archive.zip"
    path.write_bytes(body(ask(as_owner, private_gallery)))
    assert subprocess.run([unzip, "-tq", path], capture_output=True, check=False).returncode == 0


def test_viewer_downloads_everything_but_costs(
    viewer: Person, pictures: list[Picture], private_gallery: Gallery
) -> None:
    archive = opened(ask(signed_in(viewer), private_gallery))
    assert len(archive.namelist()) == 4
    assert b"cost" not in archive.read("manifest.json")


def test_selection_leaves_out_hidden_pictures(
    as_teammate: Client, viewer: Person, pictures: list[Picture], make_picture: MakePicture
) -> None:
    hidden = make_picture()
    chosen = [pictures[0].pk, pictures[2].pk, hidden.pk]
    asked = as_teammate.post("/selection/download/", {"picture": chosen})
    assert "Download 2 pictures" in asked.content.decode()
    response = as_teammate.post("/selection/download/", {"picture": chosen, "format": "original"})
    assert response["Content-Disposition"] == 'attachment; filename="2 pictures.zip"'
    archive = opened(response)
    assert archive.namelist() == ["manifest.json", "001 Ein Zitrönchen 🍋.png", "002 A lemon cut.png"]


def test_empty_download_is_refused(as_owner: Client, private_gallery: Gallery, make_picture: MakePicture) -> None:
    assert "There is no picture in it yet" in ask(as_owner, private_gallery).content.decode()
    picture = make_picture()
    put(picture, private_gallery)
    default_storage.delete(picture.original_name)
    response = ask(as_owner, private_gallery)
    assert response.status_code == 422
    assert "could be read" in response.content.decode()


def test_missing_file_is_left_out_and_named(
    as_owner: Client, pictures: list[Picture], private_gallery: Gallery
) -> None:
    default_storage.delete(pictures[1].original_name)
    archive = opened(ask(as_owner, private_gallery))
    assert len(archive.namelist()) == 3
    left_out = json.loads(archive.read("manifest.json"))["left_out"]
    assert left_out == [{"picture": pictures[1].pk, "because": "its file is missing from storage"}]


def test_streams_are_limited_and_free_their_place(
    as_owner: Client, pictures: list[Picture], private_gallery: Gallery
) -> None:
    begun = [ask(as_owner, private_gallery) for _ in range(4)]
    response = ask(as_owner, private_gallery)
    assert (response.status_code, response["Retry-After"]) == (429, "10")
    next(iter(begun[0].streaming_content))
    for one in begun:  # one that was read a little, and three that were never read
        hang_up(one)
    assert not STREAMS.is_full
    assert STREAMS._here == 0
    body(ask(as_owner, private_gallery))


def test_small_archive_takes_a_place_before_reading(
    as_owner: Client, pictures: list[Picture], private_gallery: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    here: list[int] = []
    at_once = build.at_once

    def watched(*args: Any) -> Any:
        here.append(STREAMS._here)
        return at_once(*args)

    monkeypatch.setattr(build, "at_once", watched)
    begun = [ask(as_owner, private_gallery) for _ in range(4)]
    assert ask(as_owner, private_gallery).status_code == 429
    assert here == [1, 2, 3, 4], "no file was read for the fifth"
    for one in begun:
        hang_up(one)
    for picture in pictures:
        default_storage.delete(picture.original_name)
    assert ask(as_owner, private_gallery).status_code == 422
    assert STREAMS._here == 0


def test_failed_answer_frees_its_place(as_owner: Client, pictures: list[Picture], private_gallery: Gallery) -> None:
    """A file cannot be closed, or the answer is dropped without a close, as a failing middleware does."""

    def breaks() -> Generator[bytes, None, None]:
        try:
            yield b"P"
        finally:
            raise OSError("gone")

    stream = ArchiveStream().of(breaks())
    next(iter(stream))
    with pytest.raises(OSError, match="gone"):
        stream.close()
    assert STREAMS._here == 0

    response = ask(as_owner, private_gallery)
    assert STREAMS._here == 1
    del response
    gc.collect()
    assert STREAMS._here == 0


# -- many: made ready in the background


def test_large_gallery_is_built_in_the_background(
    as_owner: Client, owner: Person, pictures: list[Picture], private_gallery: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "FEW_PICTURES", 2)
    # Each task ends after its first picture.
    monkeypatch.setattr(build, "SLICE_SECONDS", 0.0)
    response = ask(as_owner, private_gallery)
    download = Download.objects.get()
    assert response["Location"] == f"/downloads/{download.pk}/"
    build.work(download.pk)
    page = as_owner.get(response["Location"]).content.decode()
    assert "1 of 3 pictures" in page
    assert "hx-trigger" in page
    assert as_owner.get(f"/downloads/{download.pk}/file/").status_code == 404
    assert "Being made ready: 1 of 3" in as_owner.get("/downloads/").content.decode()
    shutil.rmtree(default_storage.path(f"packages/{download.pk}"), ignore_errors=True)  # another test's, of this number
    made_ready(download)
    fragment = as_owner.get(response["Location"], headers={"HX-Request": "true"}).content.decode()
    assert "The download is ready." in fragment
    assert f'href="/downloads/{download.pk}/file/"' in fragment
    assert "hx-trigger" not in fragment
    answer = as_owner.get(f"/downloads/{download.pk}/file/")
    assert answer["Content-Disposition"] == 'attachment; filename="Sketches.zip"'
    archive = opened(answer)
    assert archive.namelist()[0] == "manifest.json"
    assert archive.read("001 A lemon cut.png") == png()
    assert [one["tags"] for one in json.loads(archive.read("manifest.json"))["pictures"]] == [["Fruit"], [], []]
    folder = default_storage.listdir(f"packages/{download.pk}")[1]
    assert len(folder) == 1, "the manifest; originals are not copied"


def test_archive_holds_converted_pictures(as_owner: Client, pictures: list[Picture], private_gallery: Gallery) -> None:
    download = made_ready(download_of(as_owner, private_gallery, side="512", settings="on"))
    archive = opened(as_owner.get(f"/downloads/{download.pk}/file/"))
    for name, picture in zip(archive.namelist()[1:], pictures, strict=True):
        image = Image.open(io.BytesIO(archive.read(name)))
        assert (name.rpartition(".")[2], image.format) == ("webp", "WEBP")
        assert picture.generation.prompt.encode() in archive.read(name)


def test_broken_download_resumes(as_owner: Client, pictures: list[Picture], private_gallery: Gallery) -> None:
    download = made_ready(download_of(as_owner, private_gallery))
    address = f"/downloads/{download.pk}/file/"
    first = as_owner.get(address)
    etag, whole = first["ETag"], body(first)
    assert download.byte_size == len(whole)
    for asked, begin, end in (("100-", 100, len(whole)), ("0-0", 0, 1), ("-7", len(whole) - 7, len(whole))):
        response = as_owner.get(address, headers={"Range": f"bytes={asked}", "If-Range": etag})
        assert response.status_code == 206
        assert response["Content-Range"] == f"bytes {begin}-{end - 1}/{len(whole)}"
        assert body(response) == whole[begin:end]
    assert as_owner.get(address, headers={"Range": f"bytes={len(whole)}-"}).status_code == 416
    for headers in ({"Range": "bytes=5-", "If-Range": '"another"'}, {"Range": "bytes=-"}, {"Range": "lines=1-2"}):
        assert body(as_owner.get(address, headers=headers)) == whole
    assert as_owner.head(address)["Content-Length"] == str(len(whole))


def test_page_names_a_missing_file(as_owner: Client, pictures: list[Picture], private_gallery: Gallery) -> None:
    default_storage.delete(pictures[1].original_name)
    download = made_ready(download_of(as_owner, private_gallery))
    assert len(opened(as_owner.get(f"/downloads/{download.pk}/file/")).namelist()) == 3
    page = as_owner.get(f"/downloads/{download.pk}/").content.decode()
    assert "Left out: 1" in page
    assert "002 CON.webp: its file is missing from storage" in page


def test_failed_download_can_be_retried(as_owner: Client, pictures: list[Picture], private_gallery: Gallery) -> None:
    for picture in pictures:
        default_storage.delete(picture.original_name)
    download = made_ready(download_of(as_owner, private_gallery))
    assert download.has_failed
    page = as_owner.get(f"/downloads/{download.pk}/").content.decode()
    assert "could be read" in page
    assert "Try again" in page
    for picture in pictures:
        default_storage.save(picture.original_name, ContentFile(png()))
    as_owner.post(f"/downloads/{download.pk}/retry/")
    assert made_ready(download).is_ready
    assert len(opened(as_owner.get(f"/downloads/{download.pk}/file/")).namelist()) == 4


def test_person_has_two_downloads_at_a_time(
    as_owner: Client, pictures: list[Picture], private_gallery: Gallery
) -> None:
    one = download_of(as_owner, private_gallery)
    assert download_of(as_owner, private_gallery) == one, "the same download is under way"
    other = download_of(as_owner, private_gallery, side="512")
    response = ask(as_owner, private_gallery, format="png")
    assert response.status_code == 422
    assert "Wait until one of them is" in response.content.decode()
    assert Download.objects.count() == 2
    made_ready(other)
    assert download_of(as_owner, private_gallery, side="1024") != one


def test_download_can_be_cancelled_while_it_is_built(
    as_owner: Client, pictures: list[Picture], private_gallery: Gallery
) -> None:
    download = download_of(as_owner, private_gallery)
    as_owner.post(f"/downloads/{download.pk}/delete/")
    build.work(download.pk)
    assert not Download.objects.exists()
    assert not DownloadItem.objects.exists()


# -- permissions


def everywhere(client: Client, download: Download) -> list[int]:
    """The status of each address, also for a browser that has cached it."""
    etag = {"If-None-Match": f'"{download.etag}"', "If-Modified-Since": "Sat, 21 Nov 2026 11:00:00 GMT"}
    addresses = (f"/downloads/{download.pk}/", f"/downloads/{download.pk}/file/")
    answers = [client.get(address, headers=headers) for address in addresses for headers in ({}, etag)]
    for answer in answers:
        hang_up(answer)
    return [answer.status_code for answer in answers]


def test_download_ends_with_access_to_the_gallery(
    viewer: Person, pictures: list[Picture], private_gallery: Gallery, as_owner: Client, as_administrator: Client
) -> None:
    client = signed_in(viewer)
    download = made_ready(download_of(client, private_gallery))
    assert everywhere(client, download) == [200] * 4
    for other in (as_owner, as_administrator):
        assert everywhere(other, download) == [404] * 4, "it is another person's"
    private_gallery.memberships.all().delete()
    assert everywhere(client, download) == [404] * 4
    assert download.name not in client.get("/downloads/").content.decode()
    for act in ("retry", "delete"):
        assert client.post(f"/downloads/{download.pk}/{act}/").status_code == 404
    assert ask(client, private_gallery).status_code == 404


def test_archive_is_withheld_if_a_picture_left_the_gallery(
    viewer: Person, pictures: list[Picture], private_gallery: Gallery
) -> None:
    client = signed_in(viewer)
    download = made_ready(download_of(client, private_gallery))
    GalleryEntry.objects.filter(picture=pictures[0]).delete()
    assert everywhere(client, download) == [200, 200, 404, 404]
    assert "has changed since" in client.get(f"/downloads/{download.pk}/").content.decode()


@pytest.mark.parametrize("gone", ["removed", "trashed", "deleted"])
def test_missing_picture_ends_a_download_of_a_selection(
    gone: str, viewer: Person, pictures: list[Picture], private_gallery: Gallery
) -> None:
    client = signed_in(viewer)
    form = {"picture": [one.pk for one in pictures], "format": "jpeg"}
    assert client.post("/selection/download/", form).status_code == 302
    download = made_ready(Download.objects.get())
    assert everywhere(client, download) == [200] * 4
    if gone == "removed":
        GalleryEntry.objects.filter(picture=pictures[0]).delete()
    else:
        Picture.objects.filter(pk=pictures[0].pk).update(trashed_at=timezone.now())
    if gone == "deleted":
        pictures[0].delete_for_good()
    assert everywhere(client, download) == [404] * 4
    assert "3 pictures" not in client.get("/downloads/").content.decode()


def test_download_expires(as_owner: Client, pictures: list[Picture], private_gallery: Gallery) -> None:
    download = made_ready(download_of(as_owner, private_gallery))
    assert download.expires_at is not None
    assert abs(download.expires_at - timezone.now() - timedelta(days=7)) < timedelta(minutes=1)
    Download.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert everywhere(as_owner, download) == [404] * 4


# -- cost


def test_query_count_does_not_grow_with_pictures(
    as_owner: Client, pictures: list[Picture], private_gallery: Gallery, make_picture: MakePicture
) -> None:
    def queries() -> list[int]:
        download = made_ready(download_of(as_owner, private_gallery))
        counts = []
        for address in (f"/galleries/{private_gallery.pk}/download/", f"/downloads/{download.pk}/file/", "/downloads/"):
            with CaptureQueriesContext(connection) as captured:
                hang_up(as_owner.get(address))
            counts.append(len(captured))
        with CaptureQueriesContext(connection) as captured:
            body(ask(as_owner, private_gallery))
        return [*counts, len(captured)]

    few = queries()
    for _ in range(6):
        put(make_picture(), private_gallery)
    assert queries() == few
    assert max(few) < 20


def test_large_archive_takes_little_memory(
    as_owner: Client, pictures: list[Picture], private_gallery: Gallery, make_picture: MakePicture
) -> None:
    """The same 1.5 MB 300 times: 450 MB."""
    size, many = 1_500_000, 300
    name = default_storage.save("pictures/large.png", ContentFile(bytes(size)))
    Picture.objects.update(original=name, byte_size=size)
    download = made_ready(download_of(as_owner, private_gallery))
    download.items.filter(place__gt=0).delete()
    crc = build._measure(name)[1]
    DownloadItem.objects.bulk_create(
        DownloadItem(
            download=download, place=n, picture=pictures[0], name=f"{n}.png", file=name, byte_size=size, crc32=crc
        )
        for n in range(1, many + 1)
    )
    tracemalloc.start()
    try:
        ready = build.ready(download)
        total = sum(len(piece) for piece in ready.stream())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        default_storage.delete(name)
    assert total == ready.archive.size > many * size
    assert peak < 4 * 2**20, f"{peak / 2**20:.1f} MiB"
