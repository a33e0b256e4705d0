"""From a delivered address to a kept picture."""

import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import OperationalError, connection
from django.utils import timezone
from PIL import Image

from gallery.engine import housekeeping, ingest
from gallery.engine.ingest import ingest_result, ingest_results, make_thumbnails
from gallery.engine.results import Deliveries
from gallery.models import Gallery, Generation, Picture, State
from gallery.services.generations import delete_file
from gallery.web.cards import Card
from gallery.web.pictures import files_of, full_url, original_url
from tests.conftest import png
from tests.support.stub_upstream import Reply, StubUpstream

pytestmark = pytest.mark.database

MakeGeneration = Callable[..., Generation]
PICTURE = png(1000, 600)


@pytest.fixture
def host(settings: Any) -> Iterator[StubUpstream]:
    """The upstream's image host, on a private address that is trusted by name."""
    with StubUpstream() as host:
        settings.LEMONSTUDIO_TRUSTED_ORIGINS = frozenset({host.origin})
        host.handler = lambda request: Reply(body=PICTURE)
        yield host


@pytest.fixture
def delivered(make_generation: MakeGeneration, host: StubUpstream) -> Callable[..., Generation]:
    def make(*paths: str, **fields: Any) -> Generation:
        results = [{"url": host.origin + path, "revised_prompt": f"as {path}"} for path in paths or ("/a.png",)]
        values = {"state": State.SAVING, "results": results, "count": len(results), **fields}
        return make_generation(**values)

    return make


def again(generation: Generation) -> Generation:
    ingest_results(generation.pk)
    generation.refresh_from_db()
    return generation


def test_original_is_kept_byte_for_byte(delivered: MakeGeneration) -> None:
    generation = again(delivered())
    assert generation.state == State.COMPLETED
    picture = generation.pictures.get()
    assert picture.original.read() == PICTURE
    month = f"{generation.created_at:%Y/%m}"
    assert str(picture.original).startswith(f"pictures/{month}/{picture.sha256[:2]}/{generation.pk}-0-")
    assert (picture.width, picture.height, picture.format, picture.byte_size) == (1000, 600, "PNG", len(PICTURE))
    assert picture.placeholder == ["#f2d64b"] * 4
    assert picture.revised_prompt == "as /a.png"


def test_thumbnails_in_three_widths(delivered: MakeGeneration) -> None:
    picture = again(delivered()).pictures.get()
    make_thumbnails(picture.pk)
    picture.refresh_from_db()
    assert picture.thumbnails == {"webp": [320, 480, 960], "avif": [320, 480, 960]}
    for format, widths in picture.thumbnails.items():
        for width in widths:
            with default_storage.open(picture.thumbnail_name(width, format)) as file, Image.open(file) as image:
                assert (image.width, image.format) == (width, format.upper())


def test_all_of_several(delivered: MakeGeneration) -> None:
    generation = again(delivered("/1.png", "/2.png", "/3.png", "/4.png"))
    assert [picture.revised_prompt for picture in generation.pictures.all()] == [f"as /{n}.png" for n in (1, 2, 3, 4)]


def test_running_twice_changes_nothing(delivered: MakeGeneration, host: StubUpstream) -> None:
    generation = again(delivered())
    kept = Picture.objects.get()
    again(generation)
    Generation.objects.update(state=State.SAVING)
    again(generation)
    assert Picture.objects.get() == kept
    assert len(host.requests) == 1


def test_picture_that_came_in_the_answer(make_generation: MakeGeneration) -> None:
    name = default_storage.save("inbox/1", ContentFile(PICTURE))
    generation = again(make_generation(state=State.SAVING, results=[{"url": "", "file": name}]))
    assert generation.pictures.get().original.read() == PICTURE
    assert not default_storage.exists(name)


def test_goes_into_the_gallery_it_was_made_for(delivered: MakeGeneration, private_gallery: Gallery) -> None:
    generation = again(delivered(gallery=private_gallery))
    assert list(private_gallery.pictures.all()) == list(generation.pictures.all())


def test_a_gallery_that_is_deleted_meanwhile_costs_no_picture(
    delivered: MakeGeneration, private_gallery: Gallery
) -> None:
    generation = delivered(gallery=private_gallery)
    private_gallery.delete()
    picture = ingest_result(generation, 0, generation.results[0])
    assert picture is not None
    assert picture.original.read() == PICTURE
    assert not picture.entries.exists()


def test_cost_is_settled_by_what_came(delivered: MakeGeneration, host: StubUpstream) -> None:
    host.handler = lambda request: Reply(status=404) if request.path == "/2.png" else Reply(body=PICTURE)
    generation = again(delivered("/1.png", "/2.png", attempts=4, estimated_cost="0.0800"))
    assert generation.state == State.COMPLETED
    assert str(generation.cost) == "0.0800", "both were made and paid for"
    assert generation.shortfall == 1


@pytest.mark.parametrize(
    "reply", [Reply(status=404), Reply(status=500), Reply(body=b"<html>sorry</html>"), Reply(body=b'{"error": "gone"}')]
)
def test_dead_address_is_tried_five_times_with_growing_waits(
    reply: Reply, delivered: MakeGeneration, host: StubUpstream
) -> None:
    host.handler = lambda request: reply
    generation = delivered()
    waits = []
    while again(generation).state == State.SAVING:
        assert generation.due_at is not None
        waits.append(generation.due_at)
    assert len(host.requests) == 5
    assert waits == sorted(waits)
    assert (generation.state, generation.error_code) == (State.FAILED, "picture_unavailable")
    assert generation.was_charged is True
    assert generation.can_fetch
    assert not Picture.objects.exists()


def test_task_is_asked_for_a_fresh_address(delivered: MakeGeneration, host: StubUpstream) -> None:
    host.handler = lambda request: Reply(status=404)
    generation = again(delivered(task_id="img_1"))
    assert (generation.state, generation.attempts) == (State.PROCESSING, 1)
    assert generation.due_at is not None


def test_refused_address_is_refused_once_until_it_is_trusted(
    make_generation: MakeGeneration, host: StubUpstream, settings: Any
) -> None:
    trusted, settings.LEMONSTUDIO_TRUSTED_ORIGINS = settings.LEMONSTUDIO_TRUSTED_ORIGINS, frozenset()
    generation = make_generation(state=State.SAVING, results=[{"url": f"{host.origin}/a.png"}])
    assert again(generation).state == State.FAILED
    assert host.requests == []
    assert "LEMONSTUDIO_TRUSTED_ORIGINS" in generation.error_hint
    settings.LEMONSTUDIO_TRUSTED_ORIGINS = trusted
    assert generation.fetch_again()
    assert again(generation).state == State.COMPLETED


def test_fetch_again_costs_nothing_and_completes(delivered: MakeGeneration, host: StubUpstream) -> None:
    host.handler = lambda request: Reply(status=404)
    generation = again(delivered(attempts=4))
    assert generation.state == State.FAILED
    host.handler = lambda request: Reply(body=PICTURE)
    assert generation.fetch_again()
    assert again(generation).state == State.COMPLETED


def test_no_room_is_waited_for(delivered: MakeGeneration, tmp_path: Path, settings: Any) -> None:
    """No truncated file ever counts as kept; it completes when there is room."""
    generation = delivered()
    blocked = tmp_path / "a file where a folder should be"
    blocked.write_bytes(b"")
    kept_at = settings.MEDIA_ROOT
    settings.MEDIA_ROOT = blocked
    assert again(generation).state == State.SAVING
    assert generation.due_at is not None
    assert not Picture.objects.exists()
    settings.MEDIA_ROOT = kept_at
    assert again(generation).state == State.COMPLETED


def test_missing_picture_of_a_set_can_be_fetched_later(delivered: MakeGeneration, host: StubUpstream) -> None:
    host.handler = lambda request: Reply(status=404) if request.path == "/2.png" else Reply(body=PICTURE)
    generation = again(delivered("/1.png", "/2.png", attempts=4))
    assert (generation.state, generation.shortfall, generation.can_fetch) == (State.COMPLETED, 1, True)
    host.handler = lambda request: Reply(body=PICTURE)
    assert generation.fetch_again()
    assert again(generation).pictures.count() == 2
    assert not generation.can_fetch


def test_an_unforeseen_error_counts_as_a_try(delivered: MakeGeneration, settings: Any) -> None:
    settings.LEMONSTUDIO_TRUSTED_ORIGINS = frozenset({"no origin at all"})
    generation = again(delivered())
    assert (generation.state, generation.attempts) == (State.SAVING, 1)


# -- what is no picture


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


def encoded(format: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 48), (200, 30, 60)).save(buffer, format, **options)
    return buffer.getvalue()


TIFF = encoded("TIFF")
ANIMATION = {"save_all": True, "append_images": [Image.new("RGB", (64, 48))]}
# The file, what it is, and why it is not shown where that is not plain from what it is.
NO_PICTURES = {
    "SVG": (SVG, "an SVG file", ""),
    "BMP": (encoded("BMP"), "a BMP file", ""),
    "TIFF": (TIFF, "a TIFF file", ""),
    "PDF": (b"%PDF-1.7 and so on", "a PDF file", ""),
    "film": (b"\0\0\0\x18ftypmp42" + bytes(40), "an MP4 file", ""),
    "unknown": (bytes(100), "a file of an unknown kind", ""),
    "too large": (png(8000, 6000), "a PNG file", "it has 8000 × 6000 pixels, 48 million; 40 million are the most"),
}


def kept(generation: Generation) -> bytes:
    [file] = generation.kept_files
    with default_storage.open(file.name) as stored:
        return bytes(stored.read())


@pytest.mark.parametrize("name", NO_PICTURES)
def test_what_is_no_picture_is_kept_as_a_file_at_once(name: str, delivered: MakeGeneration, host: StubUpstream) -> None:
    data, what, why = NO_PICTURES[name]
    host.handler = lambda request: Reply(body=data, headers={"Content-Type": "image/png"})
    generation = again(delivered(estimated_cost="0.0400"))
    assert len(host.requests) == 1
    assert (generation.state, str(generation.cost)) == (State.COMPLETED, "0.0400")
    assert kept(generation) == data
    assert (generation.kept_files[0].what, generation.kept_files[0].why) == (what, why)
    assert not Picture.objects.exists()
    assert (generation.can_fetch, generation.can_retry, generation.shortfall) == (False, False, 0)


@pytest.mark.parametrize(
    ("data", "format", "is_as_delivered"),
    [
        (encoded("AVIF"), "AVIF", True),
        (encoded("GIF"), "GIF", True),
        (encoded("GIF", **ANIMATION), "GIF", False),
        (encoded("PNG", **ANIMATION), "PNG", False),
        (encoded("WEBP", **ANIMATION), "WEBP", False),
        (PICTURE + b"\n", "PNG", True),
        (b"\n" + PICTURE, "PNG", False),
    ],
)
def test_what_can_be_shown_is_a_picture_and_kept_byte_for_byte(
    data: bytes, format: str, is_as_delivered: bool, delivered: MakeGeneration, host: StubUpstream
) -> None:
    host.handler = lambda request: Reply(body=data, headers={"Content-Type": "text/plain"})
    picture = again(delivered()).pictures.get()
    assert picture.original.read() == data
    assert (picture.format, picture.is_as_delivered) == (format, is_as_delivered)
    assert full_url(picture) == original_url(picture), "until there is a still"
    make_thumbnails(picture.pk)
    picture.refresh_from_db()
    assert (full_url(picture) == original_url(picture)) is is_as_delivered
    for width in picture.thumbnails["webp"]:
        with default_storage.open(picture.thumbnail_name(width, "webp")) as file, Image.open(file) as image:
            assert (image.format, image.width, getattr(image, "n_frames", 1)) == ("WEBP", width, 1)


def test_a_still_of_the_full_size_is_not_what_lists_show(delivered: MakeGeneration, host: StubUpstream) -> None:
    frames = Image.new("RGB", (1500, 900)), Image.new("RGB", (1500, 900), "red")
    buffer = io.BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:])
    host.handler = lambda request: Reply(body=buffer.getvalue())
    picture = again(delivered()).pictures.get()
    make_thumbnails(picture.pk)
    picture.refresh_from_db()
    assert picture.thumbnails == {"webp": [320, 480, 960, 1500], "avif": [320, 480, 960]}
    assert files_of(picture).src.endswith("/960.webp")
    assert full_url(picture).endswith("/1500.webp")


def test_a_damaged_file_is_fetched_again_before_it_is_kept(delivered: MakeGeneration, host: StubUpstream) -> None:
    host.handler = lambda request: Reply(body=PICTURE[:-200])
    generation = delivered()
    while again(generation).state == State.SAVING:
        assert not generation.kept_files
    assert len(host.requests) == 5
    assert generation.state == State.COMPLETED
    assert kept(generation) == PICTURE[:-200]
    assert generation.kept_files[0].sentence == (
        "The service delivered a PNG file that the studio cannot show: its end is missing."
    )


def test_a_file_that_came_in_the_answer_is_kept_without_another_try(make_generation: MakeGeneration) -> None:
    for data in (TIFF, PICTURE[:-200], b"not base64 at all!"):
        name = default_storage.save("inbox/1", ContentFile(data))
        generation = again(make_generation(state=State.SAVING, results=[{"url": "", "file": name}]))
        assert kept(generation) == data
        assert not default_storage.exists(name)


def test_text_instead_of_a_picture_is_a_failure_with_the_text_kept(make_generation: MakeGeneration) -> None:
    name = default_storage.save("inbox/1", ContentFile(b"not base64 at all!"))
    generation = again(make_generation(state=State.SAVING, results=[{"url": "", "file": name}]))
    assert (generation.state, generation.error_code) == (State.FAILED, "not_a_picture")
    assert generation.error_message == "It sent text, which you can download."
    assert (generation.was_charged, generation.can_fetch, Card(generation, generation.author).next_step) == (
        True,
        False,
        "retry",
    )


def test_an_address_is_tried_where_the_file_in_the_answer_is_damaged(
    delivered: MakeGeneration, host: StubUpstream
) -> None:
    name = default_storage.save("inbox/1", ContentFile(PICTURE[:-200]))
    generation = delivered(results=[{"url": f"{host.origin}/a.png", "file": name}])
    assert again(generation).pictures.get().original.read() == PICTURE
    host.handler = lambda request: Reply(status=404)
    generation = delivered(results=[{"url": f"{host.origin}/a.png", "file": name}], attempts=4)
    assert kept(again(generation)) == PICTURE[:-200]


def test_a_file_that_is_gone_is_not_offered_to_be_fetched(make_generation: MakeGeneration) -> None:
    """Another task may just have taken it, so it is looked for again first."""
    results = [{"url": "", "file": "inbox/that-is-gone"}]
    generation = make_generation(state=State.SAVING, results=results)
    while again(generation).state == State.SAVING:
        assert generation.attempts < 5
    assert (generation.state, generation.can_fetch) == (State.FAILED, False)


@pytest.mark.parametrize("result", [{"url": ""}, {"url": "nonsense://x"}])
def test_what_cannot_be_mended_is_final_at_once(result: dict[str, str], make_generation: MakeGeneration) -> None:
    generation = again(make_generation(state=State.SAVING, results=[result]))
    assert (generation.state, generation.error_code) == (State.FAILED, "picture_unavailable")
    assert (generation.can_fetch, generation.fetch_again(), Card(generation, generation.author).next_step) == (
        False,
        False,
        "retry",
    )
    assert "“Retry” asks for a new picture" in generation.error_hint


def test_a_file_that_is_too_large_is_fetched_once(
    delivered: MakeGeneration, host: StubUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "MAX_BYTES", 1000)
    host.handler = lambda request: Reply(body=bytes(2000))
    generation = again(delivered())
    assert len(host.requests) == 1
    assert (generation.state, generation.can_fetch) == (State.FAILED, False)


def test_a_relative_address_is_meant_from_the_upstream_and_gets_no_key(
    make_generation: MakeGeneration, host: StubUpstream, settings: Any
) -> None:
    settings.LEMONDATA_BASE_URL, settings.LEMONDATA_API_KEY = f"{host.origin}/v1", "secret-key"
    port = host.origin.rpartition(":")[2]
    results = [{"url": "/files/a.png"}, {"url": f"//127.0.0.1:{port}/files/b.png"}]
    generation = again(make_generation(state=State.SAVING, results=results, count=2))
    assert generation.pictures.count() == 2
    assert [request.path for request in host.requests] == ["/files/a.png", "/files/b.png"]
    assert not any("secret-key" in str(vars(request)) for request in host.requests)


def test_pictures_and_files_of_one_generation_are_all_kept(delivered: MakeGeneration, host: StubUpstream) -> None:
    host.handler = lambda request: Reply(body=SVG if request.path == "/2" else PICTURE)
    generation = again(delivered("/1", "/2", "/3"))
    assert (generation.state, generation.pictures.count(), len(generation.kept_files)) == (State.COMPLETED, 2, 1)
    assert (generation.shortfall, generation.can_fetch) == (0, False)


def test_running_twice_keeps_a_file_once(delivered: MakeGeneration, host: StubUpstream) -> None:
    host.handler = lambda request: Reply(body=SVG)
    generation = again(delivered())
    Generation.objects.update(state=State.SAVING)
    again(generation)
    assert len(host.requests) == 1
    files = len(default_storage.listdir("kept")[1])
    # Another task that began before: what it keeps is not noted, and deleted again.
    assert ingest_result(generation, 0, {"url": f"{host.origin}/a.png"}) is None
    assert len(default_storage.listdir("kept")[1]) == files
    assert kept(again(generation)) == SVG


def test_one_of_two_processes_fetches_what_both_were_told_of(delivered: MakeGeneration, host: StubUpstream) -> None:
    generation = delivered("/1", "/2")
    another = Generation(pk=generation.pk)
    assert another.claim_ingest(60)
    assert again(generation).state == State.SAVING
    assert host.requests == []
    # The other one died, or it has put it off.
    Generation.objects.update(ingest_until=timezone.now())
    assert (again(generation).state, generation.ingest_until) == (State.COMPLETED, None)
    assert [request.path for request in host.requests] == ["/1", "/2"]
    another.release_ingest()
    assert not another.claim_ingest(60)


def test_process_goes_on_with_a_claim_that_it_could_not_release(delivered: MakeGeneration, host: StubUpstream) -> None:
    generation = delivered()

    def away(execute: Any, sql: str, *others: Any) -> Any:
        if sql.startswith("SELECT") and '"gallery_picture"' in sql:
            raise OperationalError("the database is away")
        return execute(sql, *others)

    with connection.execute_wrapper(away), pytest.raises(OperationalError):
        ingest_results(generation.pk)
    assert again(generation).state == State.COMPLETED


def test_picture_of_a_fresh_answer_comes_in_beside_the_kept_file(
    make_generation: MakeGeneration, host: StubUpstream
) -> None:
    inline = default_storage.save("inbox/1", ContentFile(SVG))
    results = [{"url": "", "file": inline}, {"url": f"{host.origin}/b.png"}]
    generation = again(make_generation(state=State.SAVING, results=results, count=2))
    assert (generation.pictures.count(), kept(generation)) == (1, SVG)
    Generation.objects.update(state=State.PROCESSING)
    fresh = [{"url": f"{host.origin}/a.png"}, {"url": f"{host.origin}/b.png"}]
    Deliveries(lambda pk: None, fetch_by=60).deliver(generation, fresh)
    generation = again(generation)
    assert (generation.state, generation.pictures.count(), kept(generation)) == (State.COMPLETED, 2, SVG)
    assert (generation.pictures_stored, generation.can_fetch) == (2, False)
    # The picture stands for the result now: the file goes without a trace.
    assert delete_file(generation, 0)
    generation.refresh_from_db()
    assert (generation.deleted_results, generation.can_fetch) == ([], False)


def test_address_is_fetched_where_the_file_in_the_answer_is_no_picture(
    delivered: MakeGeneration, host: StubUpstream
) -> None:
    name = default_storage.save("inbox/1", ContentFile(SVG))
    host.handler = lambda request: Reply(status=500)
    generation = again(delivered(results=[{"url": f"{host.origin}/a.png", "file": name}], attempts=4))
    assert (generation.state, kept(generation), generation.can_fetch) == (State.COMPLETED, SVG, True)
    host.handler = lambda request: Reply(body=PICTURE)
    assert generation.fetch_again()
    generation = again(generation)
    assert (generation.pictures.get().original.read(), kept(generation)) == (PICTURE, SVG)
    assert (generation.can_fetch, default_storage.exists(name)) == (False, False)


@pytest.mark.parametrize("latest", [SVG, b"%PDF-1.7 and so on"])
def test_of_two_files_for_a_result_the_first_is_kept_unless_it_is_a_text(
    latest: bytes, make_generation: MakeGeneration
) -> None:
    for first, stays in ((TIFF, TIFF), (b"not base64 at all!", latest)):
        names = [default_storage.save("inbox/1", ContentFile(data)) for data in (first, latest)]
        generation = again(make_generation(state=State.SAVING, results=[{"url": "", "file": names[0]}]))
        Deliveries(lambda pk: None, fetch_by=60).deliver(
            generation, [{"url": "", "file": names[1]}], from_=[State.COMPLETED, State.FAILED]
        )
        generation = again(generation)
        assert (generation.state, kept(generation), generation.can_fetch) == (State.COMPLETED, stays, False)
        assert not any(default_storage.exists(name) for name in names)


def test_a_kept_file_without_a_row_is_swept_after_a_day(
    delivered: MakeGeneration, host: StubUpstream, settings: Any
) -> None:
    host.handler = lambda request: Reply(body=SVG)
    generation = again(delivered())
    stray = default_storage.save(f"kept/{generation.pk}-0-stray.svg", ContentFile(SVG))
    orphan = default_storage.save("kept/999999-0-stray.svg", ContentFile(SVG))
    housekeeping.delete_stray_files()
    assert default_storage.exists(stray)
    for name in default_storage.listdir("kept")[1]:
        os.utime(default_storage.path(f"kept/{name}"), (0, 0))
    housekeeping.delete_stray_files()
    assert not default_storage.exists(stray)
    assert not default_storage.exists(orphan)
    assert kept(generation) == SVG
