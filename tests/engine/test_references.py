"""Reference pictures on their way to the upstream."""

import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.core.files.storage import default_storage
from django.utils import timezone

from gallery import services
from gallery.models import Generation, ImageModel, Person, Picture, State
from gallery.services.generations import GenerationSpec
from gallery.upstream.bodies import Attachment, form_body
from tests.conftest import model, png
from tests.engine.conftest import EngineDriver, turn_until_state
from tests.engine.test_edits import form_of
from tests.engine.test_loop import DONE, posts
from tests.support.stub_upstream import StubUpstream

pytestmark = pytest.mark.database

MakePicture = Callable[..., Picture]


@pytest.fixture
def pictures(make_picture: MakePicture, django_db_serialized_rollback: None, transactional_db: None) -> list[Picture]:
    ImageModel.objects.filter(slug="flux-pro").update(
        routes={"references": {"endpoint": "/images/edits", "encoding": "multipart", "references": 2}}
    )
    return [make_picture(), make_picture()]


def ask(person: Person, *pictures: Picture, prompt: str = "@1 in the style of @2") -> Generation:
    spec = GenerationSpec(model("flux-pro"), prompt, {"size": "512x512"}, references=pictures)
    return services.generations.submit_all(person, [spec])[0]


def test_originals_go_along_and_the_prompt_names_them_in_words(
    driver: EngineDriver, stub: StubUpstream, owner: Person, pictures: list[Picture]
) -> None:
    asked = ask(owner, *pictures)
    stub.answer(json=DONE)
    turn_until_state(driver.engine(), asked, State.SAVING)
    (sent,) = posts(stub)
    assert sent.path == "/v1/images/edits"
    assert sent.body.count(b'name="image[]"; filename=') == 2
    assert sent.body.count(png()) == 2
    assert form_of(sent).fields["prompt"] == "image 1 in the style of image 2"
    assert asked.prompt == "@1 in the style of @2"


@pytest.mark.parametrize("how", ["trash", "for good"])
def test_reference_that_is_deleted_while_queued_ends_it_and_costs_nothing(
    how: str, driver: EngineDriver, stub: StubUpstream, owner: Person, pictures: list[Picture]
) -> None:
    asked = ask(owner, *pictures)
    Picture.objects.filter(pk=pictures[1].pk).update(trashed_at=timezone.now())
    if how == "for good":
        assert pictures[1].delete_for_good()
    turn_until_state(driver.engine(), asked, State.FAILED)
    assert (asked.error_code, posts(stub)) == ("source_gone", [])
    assert asked.error_message == "@2 was deleted while this waited, so nothing was sent."
    assert asked.was_charged is False
    assert asked.booked == 0


def test_original_that_is_missing_ends_it(
    driver: EngineDriver, stub: StubUpstream, owner: Person, pictures: list[Picture]
) -> None:
    asked = ask(owner, pictures[0])
    default_storage.delete(pictures[0].original_name)
    turn_until_state(driver.engine(), asked, State.FAILED)
    assert (asked.error_code, posts(stub)) == ("source_gone", [])


def test_refusal_names_only_models_that_take_as_many(
    driver: EngineDriver, stub: StubUpstream, owner: Person, pictures: list[Picture]
) -> None:
    error = {"code": "model_not_found", "message": "No such model", "did_you_mean": ["dall-e-3", "midjourney"]}
    ImageModel.objects.filter(slug="midjourney").update(routes=model("flux-pro").routes)
    asked = ask(owner, *pictures)
    stub.answer(404, json={"error": error})
    turn_until_state(driver.engine(), asked, State.FAILED)
    assert asked.suggested_model == model("midjourney")


def test_sixteen_large_pictures_are_streamed(tmp_path: Path) -> None:
    """16 files of 20 MB, as the storage opens them, in a body that is never in memory as a whole."""
    path = tmp_path / "large.png"
    with path.open("wb") as file:
        file.write(png())
        file.truncate(20 * 2**20)

    def attachments() -> Iterator[tuple[str, Attachment]]:
        for _ in range(16):
            yield "image[]", Attachment(path.open("rb"), path.stat().st_size)

    tracemalloc.start()
    files = list(attachments())
    body = form_body({"prompt": "A lemon"}, files)
    assert sum(map(len, body)) == len(body) > 16 * 20 * 2**20
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    for _, attachment in files:
        attachment.file.close()
    assert peak < 4 * 2**20
