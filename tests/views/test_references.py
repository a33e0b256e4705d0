"""Reference pictures: in the composer, at submit, on cards and pages, and with another try."""

import io
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from PIL import Image

from gallery.models import Gallery, Generation, ImageModel, Person, Picture, Reference, State
from gallery.models.generation_fields import fingerprint
from gallery.services import assets
from tests.conftest import model, png, put

MakeGeneration = Callable[..., Generation]
MakePicture = Callable[..., Picture]
HX = {"HX-Request": "true"}
PROMPT = "@1 on a blue table"
SEVERAL = {"endpoint": "/images/edits", "encoding": "multipart", "references": 3}


@pytest.fixture(autouse=True)
def empty_storage(settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture(autouse=True)
def takes_three(db: None) -> ImageModel:
    """FLUX pro takes three reference pictures; no other model takes any."""
    ImageModel.objects.filter(slug="flux-pro").update(routes={"references": SEVERAL})
    return model("flux-pro")


def form(*pictures: Picture, slug: str = "flux-pro", **changes: Any) -> dict[str, Any]:
    values = {"prompt": PROMPT, "model": model(slug).pk, "count": "1", "opt_size": "512x512", "token": uuid.uuid4()}
    return values | {"reference": [picture.pk for picture in pictures]} | changes


def bring(person: Person, data: bytes = b"", name: str = "a_red door.png") -> Picture:
    return assets.add(person, io.BytesIO(data or png()), name)


def file(data: bytes, name: str = "photo.png") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, data, "image/png")


def references_of(generation: Generation) -> list[int | None]:
    return list(generation.references.values_list("picture", flat=True))


# -- asking with references


def test_references_go_along_in_their_order(as_owner: Client, make_picture: MakePicture) -> None:
    one, two, three = make_picture(), make_picture(), make_picture()
    assert as_owner.post("/generations/", form(two, three, one)).status_code == 302
    made = Generation.objects.get(state=State.QUEUED)
    assert references_of(made) == [two.pk, three.pk, one.pk]
    assert made.files_to_send == [two.original_name, three.original_name, one.original_name]
    assert made.operation == "references"


def test_picture_that_a_person_does_not_see_is_not_sent(
    as_teammate: Client, make_picture: MakePicture, team_gallery: Gallery
) -> None:
    shown, secret = make_picture(), make_picture()
    put(shown, team_gallery)
    answer = as_teammate.post("/generations/", form(shown, secret), headers=HX)
    assert answer.status_code == 422
    text = answer.content.decode()
    assert "is not there any more, or is not open to you" in text
    assert f'data-reference="{shown.pk}"' in text
    assert f'data-reference="{secret.pk}"' not in text
    assert not Generation.objects.filter(state=State.QUEUED).exists()
    assert as_teammate.post("/generations/", form(shown), headers=HX).status_code == 200


@pytest.mark.parametrize(
    ("slug", "count", "said"),
    [
        ("dall-e-3", 1, "DALL·E 3 takes no reference pictures. Remove them, or choose another model."),
        ("flux-pro", 4, "FLUX pro takes 3 reference pictures at most; there are 4."),
    ],
)
def test_model_that_takes_fewer_says_so_before_anything_is_sent(
    as_owner: Client, make_picture: MakePicture, slug: str, count: int, said: str
) -> None:
    pictures = [make_picture() for _ in range(count)]
    wanted = form(*pictures, slug=slug, opt_size="1024x1024")
    assert said in as_owner.post("/generations/plan/", wanted, headers=HX).content.decode()
    answer = as_owner.post("/generations/", wanted, headers=HX)
    assert (answer.status_code, said in answer.content.decode()) == (422, True)
    assert not Generation.objects.filter(state=State.QUEUED).exists()


def test_compared_model_that_takes_none_refuses_the_whole(as_owner: Client, make_picture: MakePicture) -> None:
    answer = as_owner.post("/generations/", form(make_picture(), compare=[model("dall-e-3").pk]), headers=HX)
    assert "DALL·E 3 takes no reference pictures" in answer.content.decode()
    assert not Generation.objects.filter(state=State.QUEUED).exists()


def test_prompt_names_only_pictures_that_are_there(as_owner: Client, make_picture: MakePicture) -> None:
    answer = as_owner.post("/generations/", form(make_picture(), prompt="@1 beside @2"), headers=HX)
    assert "The prompt names @2; there is one." in answer.content.decode()
    assert as_owner.post("/generations/", form(make_picture(), prompt="Mail me@1.org"), headers=HX).status_code == 200


def test_model_that_needs_a_picture_is_not_asked_without_one(as_owner: Client, make_picture: MakePicture) -> None:
    ImageModel.objects.filter(slug="flux-pro").update(can_generate=False)
    answer = as_owner.post("/generations/", form(prompt="A lemon"), headers=HX)
    assert "FLUX pro needs a reference picture." in answer.content.decode()
    assert as_owner.post("/generations/", form(make_picture()), headers=HX).status_code == 200


def test_picture_that_the_model_does_not_take_as_it_is_is_prepared(as_owner: Client, owner: Person) -> None:
    ImageModel.objects.filter(slug="flux-pro").update(edit_max_side=64)
    large, small = bring(owner, png(128, 96)), bring(owner, png(60, 40))
    sent = form(large, small)
    as_owner.post("/generations/", sent)
    made = Generation.objects.get(state=State.QUEUED)
    assert made.source_file.startswith(f"uploads/{owner.pk}/")
    assert made.reference_files == [small.original_name]
    with default_storage.open(made.source_file) as stored:
        assert Image.open(stored).size == (64, 48)
    # Sent twice, it leaves no second file.
    as_owner.post("/generations/", sent)
    assert default_storage.listdir(f"uploads/{owner.pk}")[1] == [made.source_file.rpartition("/")[2]]


def test_references_count_for_a_duplicate(as_owner: Client, make_picture: MakePicture) -> None:
    one, two = make_picture(), make_picture()
    as_owner.post("/generations/", form(one))
    made = Generation.objects.get(state=State.QUEUED)
    assert made.fingerprint == fingerprint(made.model_id, PROMPT, made.options, [one.sha256])
    Generation.objects.filter(pk=made.pk).update(state=State.COMPLETED)
    make_picture(made)
    assert as_owner.post("/generations/", form(one), headers=HX).status_code == 409
    assert as_owner.post("/generations/", form(two), headers=HX).status_code == 200
    assert as_owner.post("/generations/", form(prompt=PROMPT.replace("@1", "A")), headers=HX).status_code == 200


# -- bringing and picking them


def test_files_of_a_plain_form_become_references(as_owner: Client, owner: Person) -> None:
    sent = form(reference_files=[file(png(20, 20), "one.png"), file(png(30, 20), "two.png")], prompt="@2 in @1")
    assert as_owner.post("/generations/", sent).status_code == 302
    made = Generation.objects.get(state=State.QUEUED)
    assert [picture.generation.prompt for picture in Picture.objects.filter(used_by__generation=made)] == ["one", "two"]
    assert all(picture.author == owner for picture in Picture.objects.all())


def test_file_that_is_no_picture_is_refused_and_the_others_stay(as_owner: Client) -> None:
    sent = form(reference_files=[file(png(), "one.png"), file(b"%PDF", "two.pdf")])
    answer = as_owner.post("/generations/", sent, headers=HX)
    text = answer.content.decode()
    assert answer.status_code == 422
    assert "two.pdf" in text
    assert f'data-reference="{Picture.objects.get().pk}"' in text
    assert not Generation.objects.filter(state=State.QUEUED).exists()


def test_upload_answers_with_its_place(as_owner: Client) -> None:
    answer = as_owner.post("/references/add/", {"picture": file(png())})
    assert f'data-reference="{Picture.objects.get().pk}"' in answer.content.decode()
    refused = as_owner.post("/references/add/", {"picture": file(b"no picture")})
    assert (refused.status_code, refused["Content-Type"]) == (422, "text/plain")


def test_items_are_those_that_a_person_sees(as_teammate: Client, make_picture: MakePicture) -> None:
    assert as_teammate.get("/references/items/", {"picture": make_picture().pk}).content.strip() == b""


def test_pictures_to_pick_are_found_by_words_and_kind(
    as_owner: Client, owner: Person, make_picture: MakePicture
) -> None:
    made, brought = make_picture(prompt="A lemon"), bring(owner)
    every = as_owner.get("/references/pick/", headers=HX).content.decode()
    photos = as_owner.get("/references/pick/", {"kind": "photo"}, headers=HX).content.decode()
    lemons = as_owner.get("/references/pick/", {"q": "lemon"}).content.decode()
    found = [[f'data-add-reference="{one.pk}"' in text for one in (made, brought)] for text in (every, photos, lemons)]
    assert found == [[True, True], [False, True], [True, False]]


def test_address_begins_with_a_reference_and_a_model_that_takes_it(as_owner: Client, make_picture: MakePicture) -> None:
    picture = make_picture()
    shown = as_owner.get("/", {"reference": picture.pk}).context["form"]
    assert (shown.references, shown.chosen) == ([picture], model("flux-pro"))
    assert as_owner.get("/", {"reference": "x"}).context["form"].references == []


def test_continue_takes_the_picture_and_its_settings(as_owner: Client, make_picture: MakePicture) -> None:
    picture = make_picture(options={"size": "512x512"})
    shown = as_owner.get("/", {"continue": picture.pk}).context["form"]
    assert (shown.references, shown["prompt"].value(), shown["opt_size"].value()) == ([picture], "", "512x512")


def test_options_of_a_request_with_references(as_owner: Client, make_picture: MakePicture) -> None:
    fidelity = {"name": "fidelity", "label": "Fidelity", "choices": ["low", "high"], "default": "low"}
    ImageModel.objects.filter(slug="flux-pro").update(options=[fidelity | {"operations": ["references"]}])
    chosen = {"model": model("flux-pro").pk}
    assert "opt_fidelity" not in as_owner.get("/generations/options/", chosen).content.decode()
    chosen["reference"] = make_picture().pk
    assert "opt_fidelity" in as_owner.get("/generations/options/", chosen).content.decode()


def test_composer_says_how_many_references_models_take(as_owner: Client) -> None:
    text = as_owner.get("/").content.decode()
    assert text.count("up to 3 references") == 1


# -- afterwards


def asked_with(make_generation: MakeGeneration, *pictures: Picture, **fields: Any) -> Generation:
    first, *further = [picture.original_name for picture in pictures]
    made = make_generation(source_file=first, reference_files=further, **fields)
    Reference.attach(made, pictures)
    return made


def test_result_shows_what_it_came_from(
    as_owner: Client, make_generation: MakeGeneration, make_picture: MakePicture
) -> None:
    source = make_picture(prompt="A yellow door")
    result = make_picture(asked_with(make_generation, source, state=State.COMPLETED))
    page = as_owner.get(f"/pictures/{result.pk}/").content.decode()
    assert "<h2>Made from</h2>" in page
    assert 'alt="@1: A yellow door"' in page
    assert f"/pictures/{result.pk}/" in as_owner.get(f"/pictures/{source.pk}/").content.decode()
    assert 'alt="@1: A yellow door"' in as_owner.get("/").content.decode()


def test_source_that_is_not_shared_is_not_shown_with_its_result(
    as_teammate: Client, make_generation: MakeGeneration, make_picture: MakePicture, team_gallery: Gallery
) -> None:
    source = make_picture(prompt="A secret door")
    result = make_picture(asked_with(make_generation, source, state=State.COMPLETED))
    put(result, team_gallery)
    page = as_teammate.get(f"/pictures/{result.pk}/").content.decode()
    assert "@1 is not shown to you, or is gone." in page
    assert "secret" not in page + as_teammate.get("/?feed=team").content.decode()
    assert as_teammate.get(f"/generations/{result.generation_id}/source/").status_code == 404


def test_retry_and_again_carry_references(
    as_owner: Client, make_generation: MakeGeneration, make_picture: MakePicture
) -> None:
    one, two = make_picture(), make_picture()
    failed = asked_with(make_generation, one, two, state=State.FAILED)
    as_owner.post(f"/generations/{failed.pk}/retry/", headers=HX)
    again = Generation.objects.get(retry_of=failed)
    assert (references_of(again), again.files_to_send) == ([one.pk, two.pk], failed.files_to_send)
    as_owner.post(f"/generations/{again.pk}/again/", headers=HX)
    assert references_of(Generation.objects.latest("pk")) == [one.pk, two.pk]
    remixed = as_owner.get("/", {"remix": make_picture(again).pk}).context["form"]
    assert remixed.references == [one, two]


def test_retry_without_its_reference_sends_nothing(
    as_owner: Client, make_generation: MakeGeneration, make_picture: MakePicture
) -> None:
    source = make_picture()
    failed = asked_with(make_generation, source, state=State.FAILED)
    Picture.objects.filter(pk=source.pk).update(trashed_at=timezone.now())
    answer = as_owner.post(f"/generations/{failed.pk}/retry/", headers=HX)
    assert "is not there any more" in answer["HX-Trigger"]
    as_owner.post("/queue/retry/")
    assert not Generation.objects.filter(state=State.QUEUED).exists()
    failed.refresh_from_db()
    assert not failed.dismissed
