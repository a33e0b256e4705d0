"""From a delivered address to a kept picture."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from PIL import Image

from gallery.engine.ingest import ingest_result, ingest_results, make_thumbnails
from gallery.models import Gallery, Generation, Picture, State
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
    assert picture.original.read() == PICTURE
    assert not picture.entries.exists()


def test_cost_is_settled_by_what_came(delivered: MakeGeneration, host: StubUpstream) -> None:
    host.handler = lambda request: Reply(status=404) if request.path == "/2.png" else Reply(body=PICTURE)
    generation = again(delivered("/1.png", "/2.png", attempts=4, estimated_cost="0.0800"))
    assert generation.state == State.COMPLETED
    assert str(generation.cost) == "0.0800", "both were made and paid for"
    assert generation.shortfall == 1


@pytest.mark.parametrize(
    "reply", [Reply(status=404), Reply(status=500), Reply(body=b"<html>sorry</html>"), Reply(body=PICTURE[:-200])]
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


def test_refused_address_is_refused_once(make_generation: MakeGeneration, host: StubUpstream, settings: Any) -> None:
    settings.LEMONSTUDIO_TRUSTED_ORIGINS = frozenset()
    generation = make_generation(state=State.SAVING, results=[{"url": f"{host.origin}/a.png"}])
    assert again(generation).state == State.FAILED
    assert host.requests == []


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
