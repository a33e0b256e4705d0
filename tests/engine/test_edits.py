"""Edits and variations on their way to the upstream, and what is left of their files."""

import io
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadhandler import MemoryFileUploadHandler
from django.http.multipartparser import MultiPartParser
from django.test import Client
from django.utils import timezone

from gallery import services, tasks
from gallery.engine import housekeeping, sending
from gallery.models import Generation, ImageModel, Person, State, UpstreamAccount
from gallery.web.cards import Card
from tests.conftest import model, png
from tests.engine.conftest import EngineDriver, turn, turn_until_state
from tests.engine.test_loop import DONE, PICTURE, TASK, error, posts, status
from tests.support.stub_upstream import Reply, Request, StubUpstream

pytestmark = pytest.mark.database

IMAGE, MASK = png(48, 48), png(48, 48, "#000000")
MakeGeneration = Callable[..., Generation]


@dataclass(frozen=True)
class Form:
    path: str
    fields: dict[str, str]
    files: dict[str, bytes]
    types: dict[str, str]


class InMemory(MemoryFileUploadHandler):
    def handle_raw_input(self, *args: Any, **kwargs: Any) -> None:
        self.activated = True


def form_of(request: Request) -> Form:
    head = {"CONTENT_TYPE": request.headers["content-type"], "CONTENT_LENGTH": len(request.body)}
    fields, found = MultiPartParser(head, io.BytesIO(request.body), [InMemory()]).parse()
    files: dict[str, Any] = found.dict()
    return Form(
        request.path,
        {name: str(fields[name]) for name in fields},
        {name: file.read() for name, file in files.items()},
        {name: str(file.content_type) for name, file in files.items()},
    )


def store(data: bytes, person: Person) -> str:
    return default_storage.save(f"uploads/{person.pk}/{os.urandom(16).hex()}.png", ContentFile(data))


@pytest.fixture
def make_edit(make_generation: MakeGeneration, owner: Person) -> MakeGeneration:
    def make(kind: str = "edit", *, masked: bool = True, **fields: Any) -> Generation:
        files = {"source_file": store(IMAGE, owner)}
        if masked and kind == "edit":
            files["mask_file"] = store(MASK, owner)
        usual = {"prompt": "Add a bee", "options": {"size": "512x512"}}
        return make_generation("dall-e-2", kind=kind, **(usual | files | fields))

    return make


# -- what is sent


def test_an_edit_is_sent_as_a_form_with_its_files(
    driver: EngineDriver, stub: StubUpstream, make_edit: MakeGeneration
) -> None:
    edit = make_edit(count=2)
    stub.answer(json=DONE)
    turn_until_state(driver.engine(), edit, State.SAVING)
    assert edit.results == [PICTURE]
    assert driver.ingested == [edit.pk]
    (sent,) = map(form_of, posts(stub))
    assert sent.path == "/v1/images/edits"
    assert sent.files == {"image": IMAGE, "mask": MASK}
    assert sent.types == {"image": "image/png", "mask": "image/png"}
    assert sent.fields == {
        "model": "dall-e-2",
        "prompt": "Add a bee",
        "n": "2",
        "size": "512x512",
        "user": edit.author.opaque_id.hex,
    }


def test_an_edit_of_all_of_it_has_no_mask(driver: EngineDriver, stub: StubUpstream, make_edit: MakeGeneration) -> None:
    edit = make_edit(masked=False)
    stub.answer(json=DONE)
    turn_until_state(driver.engine(), edit, State.SAVING)
    assert form_of(posts(stub)[0]).files == {"image": IMAGE}


def test_a_variation_is_sent_without_a_prompt(
    driver: EngineDriver, stub: StubUpstream, make_edit: MakeGeneration
) -> None:
    variation = make_edit("variation", count=3)
    stub.answer(json=DONE)
    turn_until_state(driver.engine(), variation, State.SAVING)
    (sent,) = map(form_of, posts(stub))
    assert (sent.path, sent.files) == ("/v1/images/variations", {"image": IMAGE})
    assert "prompt" not in sent.fields
    assert (sent.fields["n"], sent.fields["size"]) == ("3", "512x512")


def test_an_edit_may_take_a_task(driver: EngineDriver, stub: StubUpstream, make_edit: MakeGeneration) -> None:
    edit = make_edit()
    engine = driver.engine()
    stub.answer(json=TASK)
    turn_until_state(engine, edit, State.PENDING)
    stub.answer(json=status("completed", data=[PICTURE]))
    turn_until_state(engine, edit, State.SAVING)
    assert len(posts(stub)) == 1


REFERENCE = {
    "endpoint": "/images/generations",
    "encoding": "multipart",
    "references": 1,
    "fields": {"operation": "image-to-image"},
}
SIZE = {"name": "size", "label": "Size", "choices": ["512x512"], "default": ""}
RESOLUTION = {"name": "resolution", "label": "Resolution", "choices": ["1k"], "default": "", "operations": ["generate"]}


def test_an_edit_takes_the_route_of_its_model(
    driver: EngineDriver, stub: StubUpstream, make_edit: MakeGeneration
) -> None:
    ImageModel.objects.filter(slug="dall-e-2").update(routes={"edit": REFERENCE}, options=[SIZE, RESOLUTION])
    edit = make_edit(options={"size": "512x512", "resolution": "1k"})
    stub.answer(json=DONE)
    turn_until_state(driver.engine(), edit, State.SAVING)
    (sent,) = map(form_of, posts(stub))
    assert sent.path == "/v1/images/generations"
    assert sent.fields["operation"] == "image-to-image"
    assert "resolution" not in sent.fields, "it belongs to new pictures only"
    assert sent.files == {"image": IMAGE}, "the route takes no mask"


def test_all_reference_pictures_go_along(
    driver: EngineDriver, stub: StubUpstream, make_edit: MakeGeneration, owner: Person
) -> None:
    several = {"endpoint": "/images/edits", "encoding": "multipart", "references": 3}
    ImageModel.objects.filter(slug="dall-e-2").update(routes={"references": several})
    further = [store(MASK, owner), store(IMAGE, owner)]
    asked = make_edit("create", reference_files=further)
    stub.answer(json=DONE)
    turn_until_state(driver.engine(), asked, State.SAVING)
    (sent,) = posts(stub)
    assert sent.path == "/v1/images/edits"
    assert sent.body.count(b'name="image[]"; filename=') == 3
    assert sent.body.count(IMAGE) == 2
    assert sent.body.count(MASK) == 1


def test_more_pictures_than_the_model_takes_are_not_sent(
    driver: EngineDriver, stub: StubUpstream, make_edit: MakeGeneration, owner: Person
) -> None:
    edit = make_edit(reference_files=[store(IMAGE, owner)])
    turn_until_state(driver.engine(), edit, State.FAILED)
    assert (edit.error_code, posts(stub)) == ("too_many_images", [])
    assert "nothing was sent" in edit.error_message


LENDS = {**REFERENCE, "lent": 16}


def lent(stub: StubUpstream, client: Client, name: str = "image_urls") -> list[bytes]:
    """The pictures behind the addresses of the one request, as the upstream fetches them."""
    (sent,) = posts(stub)
    assert sent.headers["content-type"] == "application/json"
    addresses = sent.json[name]
    paths = [one.removeprefix("https://lends.example.org") for one in (addresses if name[-1] == "s" else [addresses])]
    return [client.get(path).getvalue() for path in paths]


def test_several_pictures_are_lent_where_the_model_takes_one_file(
    driver: EngineDriver, stub: StubUpstream, make_edit: MakeGeneration, owner: Person, client: Client, settings: Any
) -> None:
    settings.LEMONSTUDIO_PUBLIC_URL = "https://lends.example.org"
    ImageModel.objects.filter(slug="dall-e-2").update(routes={"references": LENDS})
    asked = make_edit("create", reference_files=[store(MASK, owner)])
    stub.answer(json=DONE)
    turn_until_state(driver.engine(), asked, State.SAVING)
    assert lent(stub, client) == [IMAGE, MASK]
    (sent,) = posts(stub)
    assert sent.path == "/v1/images/generations"
    assert (sent.json["operation"], sent.json["prompt"]) == ("image-to-image", "Add a bee")


def test_one_picture_is_sent_as_a_file_although_it_could_be_lent(
    driver: EngineDriver, stub: StubUpstream, make_edit: MakeGeneration, settings: Any
) -> None:
    settings.LEMONSTUDIO_PUBLIC_URL = "https://lends.example.org"
    ImageModel.objects.filter(slug="dall-e-2").update(routes={"references": LENDS})
    asked = make_edit("create")
    stub.answer(json=DONE)
    turn_until_state(driver.engine(), asked, State.SAVING)
    assert form_of(posts(stub)[0]).files == {"image": IMAGE}


def test_model_that_takes_addresses_only_gets_one(
    driver: EngineDriver, stub: StubUpstream, make_edit: MakeGeneration, client: Client, settings: Any
) -> None:
    settings.LEMONSTUDIO_PUBLIC_URL = "https://lends.example.org"
    route = {"endpoint": "/images/generations", "lent": 1}
    ImageModel.objects.filter(slug="dall-e-2").update(routes={"edit": route})
    edit = make_edit()
    stub.answer(json=DONE)
    turn_until_state(driver.engine(), edit, State.SAVING)
    assert lent(stub, client, "image_url") == [IMAGE]


def test_nothing_is_lent_without_the_setting(
    driver: EngineDriver, stub: StubUpstream, make_edit: MakeGeneration, owner: Person
) -> None:
    ImageModel.objects.filter(slug="dall-e-2").update(routes={"references": LENDS})
    asked = make_edit("create", reference_files=[store(MASK, owner)])
    turn_until_state(driver.engine(), asked, State.FAILED)
    assert (asked.error_code, posts(stub)) == ("too_many_images", [])


# -- what may be sent again


@pytest.mark.parametrize("kind", ["edit", "variation"])
@pytest.mark.parametrize("break_off", ["reset", "drop"])
def test_broken_connection_means_interrupted_and_never_sent_again(
    break_off: str, kind: str, driver: EngineDriver, stub: StubUpstream, make_edit: MakeGeneration
) -> None:
    edit = make_edit(kind)
    getattr(stub, break_off)()
    engine = driver.engine()
    turn_until_state(engine, edit, State.INTERRUPTED)
    for _ in range(20):
        engine.turn()
        time.sleep(0.01)
    assert len(posts(stub)) == 1
    assert edit.was_charged is None


def test_what_was_surely_not_taken_is_sent_again_as_it_was(
    driver: EngineDriver, stub: StubUpstream, make_edit: MakeGeneration
) -> None:
    edit = make_edit()
    stub.answer(429, json=error("rate_limit_exceeded"), headers={"Retry-After": "1"})
    stub.answer(json=DONE)
    turn_until_state(driver.engine(), edit, State.SAVING)
    first, second = map(form_of, posts(stub))
    assert first == second


def test_a_engine_that_died_while_sending_sends_nothing_twice(
    driver: EngineDriver, stub: StubUpstream, make_edit: MakeGeneration
) -> None:
    edit = make_edit()
    edit.claim(fence=1)
    assert Generation.note_sent([edit.pk], fence=1) == {edit.pk}
    engine = driver.engine()
    turn_until_state(engine, edit, State.INTERRUPTED)
    assert stub.requests == []


# -- files that cannot be read


@pytest.mark.parametrize("lost", ["source_file", "mask_file"])
def test_without_its_file_it_fails_and_nothing_is_sent_or_charged(
    lost: str, driver: EngineDriver, stub: StubUpstream, make_edit: MakeGeneration
) -> None:
    edit = make_edit(estimated_cost=Decimal("0.02"))
    default_storage.delete(getattr(edit, lost))
    turn_until_state(driver.engine(), edit, State.FAILED)
    assert stub.requests == []
    card = Card(edit, edit.author)
    assert card.error_title == "The picture to start from is gone"
    assert "nothing was sent" in edit.error_message
    assert edit.was_charged is False
    assert edit.costs_by_now[0] == 0
    assert card.next_step == "edit"


def test_a_name_that_leads_out_of_the_storage_is_no_file(
    driver: EngineDriver, stub: StubUpstream, make_edit: MakeGeneration
) -> None:
    edit = make_edit(source_file="../../etc/hostname")
    turn_until_state(driver.engine(), edit, State.FAILED)
    assert stub.requests == []


def test_a_missing_file_says_nothing_about_the_account(
    driver: EngineDriver, stub: StubUpstream, make_edit: MakeGeneration, make_generation: MakeGeneration
) -> None:
    """Nobody was asked: a pause goes on until the upstream itself says that it is over."""
    edit, other = make_edit(), make_generation()
    default_storage.delete(edit.source_file)
    UpstreamAccount.load()
    UpstreamAccount.pause("insufficient_balance", "Empty.", "", seconds=0)
    paused_at = UpstreamAccount.load().paused_at
    stub.handler = lambda request: Reply.of_json(error("insufficient_balance"), 402)
    engine = driver.engine()
    turn_until_state(engine, edit, State.FAILED)
    assert UpstreamAccount.load().paused_at == paused_at
    turn(engine, lambda: len(posts(stub)) == 2)
    assert UpstreamAccount.load().paused_at == paused_at
    assert Generation.objects.get(pk=other.pk).state in (State.QUEUED, State.SUBMITTING)


def test_trouble_of_the_storage_means_queued_again(
    driver: EngineDriver, stub: StubUpstream, make_edit: MakeGeneration, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit = make_edit()
    read, tries = default_storage.open, 0

    def sometimes(name: str, mode: str = "rb") -> Any:
        nonlocal tries
        tries += 1
        if tries <= 2:
            raise OSError("Input/output error")
        return read(name, mode)

    monkeypatch.setattr(sending, "default_storage", type("Storage", (), {"open": staticmethod(sometimes)}))
    stub.answer(json=DONE)
    turn_until_state(driver.engine(), edit, State.SAVING)
    assert tries > 2
    assert len(posts(stub)) == 1


# -- many at once


def test_files_that_are_in_memory_at_once_are_bounded(
    driver: EngineDriver, stub: StubUpstream, make_edit: MakeGeneration, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "FILES_AT_ONCE", 2)
    lock, under_way, most = threading.Lock(), 0, 0

    def answer(request: Request) -> Any:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        time.sleep(0.2)
        with lock:
            under_way -= 1
        return DONE

    stub.handler = answer
    edits = [make_edit() for _ in range(6)]
    engine = driver.engine()
    for edit in edits:
        turn_until_state(engine, edit, State.SAVING)
    assert most == 2
    assert len(posts(stub)) == 6


def test_what_waits_for_its_turn_at_a_stop_is_queued_and_not_sent(
    driver: EngineDriver, stub: StubUpstream, make_edit: MakeGeneration, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "FILES_AT_ONCE", 1)
    release = threading.Event()

    def answer(request: Request) -> Any:
        release.wait(20)
        return DONE

    stub.handler = answer
    first, second = make_edit(), make_edit()
    engine = driver.engine()
    turn(engine, lambda: len(posts(stub)) == 1 and len(engine.sender.on_its_way) == 2)
    engine.stopping.set()

    def handled(state: State) -> None:
        """As at a stop: what comes back is handled, and nothing is begun."""
        give_up_at = time.monotonic() + 15
        while not Generation.objects.filter(state=state).exists():
            assert time.monotonic() < give_up_at
            engine.handle_outcomes()
            time.sleep(0.01)

    handled(State.QUEUED)
    release.set()
    handled(State.SAVING)
    assert len(posts(stub)) == 1
    assert {Generation.objects.get(pk=one.pk).state for one in (first, second)} == {State.SAVING, State.QUEUED}


# -- models that are named instead


@pytest.mark.parametrize(
    ("changes", "fits"),
    [
        ({"can_edit": True, "edit_square": True, "edit_max_bytes": 4_000_000}, True),
        ({"can_edit": True}, True),
        ({"can_edit": False}, False),
        ({"can_edit": True, "edit_max_bytes": 1_000_000}, False),
    ],
)
def test_only_a_model_that_can_do_it_is_offered_instead(
    changes: dict[str, Any], fits: bool, driver: EngineDriver, stub: StubUpstream, make_edit: MakeGeneration
) -> None:
    ImageModel.objects.filter(slug="flux-pro").update(**changes)
    edit = make_edit()
    stub.answer(400, json=error("model_not_found", suggestions=[{"id": "midjourney"}, {"id": "flux-pro"}]))
    turn_until_state(driver.engine(), edit, State.FAILED)
    assert edit.suggested_model == (model("flux-pro") if fits else None)


# -- files of no more use


@pytest.fixture
def storage(settings: Any, tmp_path: Path) -> Path:
    """A storage of its own."""
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


def aged(name: str, hours: float) -> str:
    then = (timezone.now() - timedelta(hours=hours)).timestamp()
    os.utime(default_storage.path(name), (then, then))
    return name


def test_uploads_that_nothing_goes_with_are_deleted_after_a_day(
    storage: Path, owner: Person, make_generation: MakeGeneration
) -> None:
    left = aged(store(IMAGE, owner), 25)
    fresh = aged(store(IMAGE, owner), 23)
    used, mask = aged(store(IMAGE, owner), 999), aged(store(MASK, owner), 999)
    make_generation("dall-e-2", kind="edit", source_file=used, mask_file=mask, state=State.COMPLETED)
    other = default_storage.save("uploads/note.txt", ContentFile(b"not ours"))
    aged(other, 999)
    housekeeping.delete_unused_uploads()
    there = {name: default_storage.exists(name) for name in (left, fresh, used, mask, other)}
    assert there == {left: False, fresh: True, used: True, mask: True, other: True}


def test_housekeeping_works_without_any_upload(storage: Path, db: None) -> None:
    tasks.tidy_up()
    assert not (storage / "uploads").exists()


def test_what_is_kept_can_be_asked_for_until_it_is_deleted(storage: Path, owner: Person, teammate: Person) -> None:
    upload = services.edits.keep_upload(owner, io.BytesIO(IMAGE))
    assert services.edits.uploaded(owner, upload) is not None
    assert services.edits.uploaded(teammate, upload) is None
    aged(f"uploads/{owner.pk}/{upload}", 25)
    tasks.tidy_up()
    assert services.edits.uploaded(owner, upload) is None
