"""Uploads, edits, variations and lineage."""

import io
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from PIL import Image

from gallery.forms import edits
from gallery.models import Budget, Gallery, Generation, ImageModel, Person, Picture, State
from gallery.web import uploads
from gallery.web.cards import Card, start_over_url
from tests.conftest import model, png, put, signed_in

MakeGeneration = Callable[..., Generation]
MakePicture = Callable[..., Picture]
HX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def empty_uploads(settings: Any, tmp_path: Any) -> None:
    """Each test begins with an empty storage, so that it can check what is left there."""
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def any_shape(db: None) -> ImageModel:
    """A model that edits pictures of any shape, with a mask or without."""
    return ImageModel.objects.create(
        slug="gpt-image-2",
        label="GPT Image 2",
        can_edit=True,
        max_count=4,
        price=Decimal("0.04"),
        position=5,
        options=[
            {
                "name": "size",
                "label": "Size",
                "choices": ["1024x1024", "1536x1024", "1024x1536"],
                "default": "1024x1024",
            }
        ],
    )


def mask(size: tuple[int, int] = (64, 48), box: tuple[int, int, int, int] = (20, 10, 40, 30)) -> SimpleUploadedFile:
    image = Image.new("RGBA", size, "black")
    image.paste((0, 0, 0, 0), box)
    return SimpleUploadedFile("mask.png", encoded(image), "image/png")


def encoded(image: Image.Image, format: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format)
    return buffer.getvalue()


def edit_page(picture: Picture) -> str:
    return f"/pictures/{picture.pk}/edit/"


def wanted(slug: str = "dall-e-2", **more: Any) -> dict[str, Any]:
    return {"prompt": "Add a bee", "model": model(slug).pk, "count": "1", "token": str(uuid4()), **more}


def stored() -> list[str]:
    """All names in storage below uploads/."""
    try:
        folders = default_storage.listdir("uploads")[0]
    except FileNotFoundError:
        return []
    return [
        f"uploads/{folder}/{name}" for folder in folders for name in default_storage.listdir(f"uploads/{folder}")[1]
    ]


def read(name: str) -> Image.Image:
    with default_storage.open(name) as file:
        return Image.open(io.BytesIO(file.read()))


def body(response: Any) -> bytes:
    return b"".join(response.streaming_content)


def bring(client: Client, data: bytes, name: str = "photo.png") -> Any:
    return client.post("/edit/", {"picture": SimpleUploadedFile(name, data)})


# -- the page of an edit


def test_page_offers_only_models_that_edit(as_owner: Client, make_picture: MakePicture) -> None:
    text = as_owner.get(edit_page(make_picture())).content.decode()
    assert re.findall(r"<option[^>]*>([^<]+)</option>", text.partition('id="edit-options"')[0]) == ["DALL·E 2"]
    assert "DALL·E 2 paints only what you mark." in text


def test_page_says_what_to_do_if_no_model_edits(as_owner: Client, make_picture: MakePicture) -> None:
    ImageModel.objects.update(can_edit=False, can_vary=False)
    picture = make_picture()
    assert "An administrator can allow it" in as_owner.get(edit_page(picture)).content.decode()
    assert edit_page(picture) not in as_owner.get(f"/pictures/{picture.pk}/").content.decode()


def test_page_asks_for_a_square_only_if_the_model_needs_one(
    as_owner: Client, make_picture: MakePicture, any_shape: ImageModel
) -> None:
    picture = make_picture()

    def asked(slug: str) -> list[str]:
        text = as_owner.get(edit_page(picture), {"model": model(slug).pk}, headers=HX).content.decode()
        return re.findall(r'name="fit" value="(\w+)"', text)

    assert asked("dall-e-2") == ["start", "centre", "end", "pad"]
    assert asked("gpt-image-2") == []
    Picture.objects.update(width=48)
    assert asked("dall-e-2") == []


def test_page_begins_with_the_closest_size(as_owner: Client, make_picture: MakePicture, any_shape: ImageModel) -> None:
    picture = make_picture()
    for width, height, size in ((64, 48, "1536x1024"), (48, 64, "1024x1536"), (64, 60, "1024x1024")):
        Picture.objects.update(width=width, height=height)
        form = as_owner.get(edit_page(picture)).context["form"]
        assert form["opt_size"].value() == size


def test_picking_a_model_shows_its_options_and_cost(
    as_owner: Client, make_picture: MakePicture, any_shape: ImageModel
) -> None:
    asked = {"model": str(any_shape.pk), "count": "3", "opt_size": "1024x1536"}
    response = as_owner.get(edit_page(make_picture()), asked, headers=HX)
    text = response.content.decode()
    assert "<canvas" not in text
    assert 'value="1024x1536" checked' in text
    assert "$0.12" in text.partition("<hx-partial")[2]


def test_earlier_edit_can_be_changed_and_repeated(
    as_owner: Client, as_teammate: Client, make_picture: MakePicture, make_generation: MakeGeneration,
    team_gallery: Gallery,
) -> None:  # fmt: skip
    picture = make_picture()
    put(picture, team_gallery)
    earlier = make_generation("dall-e-2", kind="edit", parent=picture, prompt="Add a wasp", count=3, state=State.FAILED)
    address = f"{edit_page(picture)}?prompt_from={earlier.pk}"
    form = as_owner.get(address).context["form"]
    assert (form["prompt"].value(), form["count"].value()) == ("Add a wasp", 3)
    assert as_teammate.get(address).context["form"]["prompt"].value() == "", "not the prompt of another person"


# -- an edit


def test_edit_is_queued_with_its_picture_and_mask(as_owner: Client, make_picture: MakePicture) -> None:
    picture = make_picture()
    response = as_owner.post(edit_page(picture), wanted(mask=mask(), fit="end", count="2", opt_size="512x512"))
    assert (response.status_code, response["Location"]) == (302, "/")
    edit = Generation.objects.latest("pk")
    assert (edit.kind, edit.parent, edit.prompt, edit.count) == ("edit", picture, "Add a bee", 2)
    assert (edit.state, edit.options) == (State.QUEUED, {"size": "512x512"})
    assert (read(edit.source_file).size, read(edit.mask_file).size) == ((48, 48), (48, 48))
    # The last 48 of 64 pixels are sent: the mark from 20 to 40 becomes 4 to 24.
    alpha = read(edit.mask_file).getchannel("A")
    assert [alpha.getpixel((x, 20)) for x in (2, 5, 22, 26)] == [255, 0, 0, 255]
    assert sorted(stored()) == sorted([edit.source_file, edit.mask_file])


def test_same_form_with_another_mask_is_another_edit(as_owner: Client, make_picture: MakePicture) -> None:
    picture, sent = make_picture(), wanted(fit="end")
    for box in ((20, 10, 40, 30), (20, 10, 40, 30), (30, 10, 40, 30)):
        as_owner.post(edit_page(picture), sent | {"mask": mask(box=box)})
    assert Generation.objects.filter(kind="edit").count() == 2


@pytest.mark.parametrize("takes_mask", [True, False])
def test_page_says_whether_the_model_takes_a_mask(
    as_owner: Client, make_picture: MakePicture, any_shape: ImageModel, takes_mask: bool
) -> None:
    any_shape.routes = {"edit": {"endpoint": "/images/edits", "encoding": "multipart", "references": 1}}
    any_shape.routes["edit"]["mask"] = takes_mask
    any_shape.save()
    address = edit_page(make_picture())
    for headers in ({}, {"HX-Request": "true"}):
        text = as_owner.get(address, {"model": any_shape.pk}, headers=headers).content.decode()
        assert ("data-no-mask" in text) is not takes_mask
        assert ("GPT Image 2 takes no mask." in text) is not takes_mask
    assert "data-no-mask" not in as_owner.get(address, {"model": model("dall-e-2").pk}).content.decode()


def test_without_a_mask_the_whole_picture_may_change(
    as_owner: Client, make_picture: MakePicture, any_shape: ImageModel
) -> None:
    as_owner.post(edit_page(make_picture()), wanted("gpt-image-2"))
    edit = Generation.objects.latest("pk")
    assert (edit.kind, edit.mask_file) == ("edit", "")
    assert read(edit.source_file).size == (64, 48)


def test_padded_picture_needs_no_mask(as_owner: Client, make_picture: MakePicture) -> None:
    as_owner.post(edit_page(make_picture()), wanted(fit="pad"))
    edit = Generation.objects.latest("pk")
    assert read(edit.mask_file).getchannel("A").getpixel((30, 2)) == 0
    assert read(edit.source_file).size == (64, 64)


def test_padded_picture_has_no_mask_for_a_model_that_takes_none(
    as_owner: Client, make_picture: MakePicture, any_shape: ImageModel
) -> None:
    any_shape.edit_square = True
    any_shape.routes = {"edit": {"endpoint": "/images/edits", "encoding": "multipart", "references": 1}}
    any_shape.save()
    as_owner.post(edit_page(make_picture()), wanted("gpt-image-2", fit="pad"))
    edit = Generation.objects.latest("pk")
    assert (edit.kind, edit.mask_file) == ("edit", "")
    sent = read(edit.source_file)
    assert (sent.size, sent.getchannel("A").getpixel((30, 2))) == ((64, 64), 0)
    assert stored() == [edit.source_file]


def test_several_prompts_go_with_one_picture(as_owner: Client, make_picture: MakePicture) -> None:
    as_owner.post(edit_page(make_picture()), wanted(mask=mask(), prompt="Add a {bee|wasp}"))
    edits = list(Generation.objects.filter(kind="edit").order_by("pk"))
    assert [edit.prompt for edit in edits] == ["Add a bee", "Add a wasp"]
    assert len({edit.source_file for edit in edits}) == 1
    assert len({edit.batch for edit in edits} - {None}) == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"prompt": ""}, "Say what to change first."),
        ({"prompt": "x" * 4001}, "4,000 is the most"),
        ({"mask": None}, "DALL·E 2 paints only what is marked. Mark the part of the picture that is to change."),
        ({"mask": mask(box=(0, 0, 0, 0))}, "DALL·E 2 paints only what is marked."),
        ({"mask": mask((48, 64))}, "The mask has 48 × 64 pixels; it needs the proportions of the picture, 64 × 48."),
        ({"mask": SimpleUploadedFile("mask.png", b"<svg/>")}, "The mask cannot be used: it is an SVG file."),
        ({"fit": "diagonal"}, "Pick one of the parts that are shown."),
        ({"count": "5"}, "DALL·E 2 makes 4 pictures at once at the most."),
        ({"opt_size": "1x1"}, "This model does not have 1x1 here"),
        ({"opt_style": "vivid"}, "DALL·E 2 has no option “style”."),
        ({"token": "nonsense"}, "Something is wrong with this page."),
    ],
)
@pytest.mark.parametrize("headers", [{}, HX])
def test_invalid_edit_is_refused_with_a_reason(
    change: dict[str, Any], said: str, headers: dict[str, str], as_owner: Client, make_picture: MakePicture
) -> None:
    if (uploaded := change.get("mask")) is not None:
        uploaded.seek(0)
    form = {name: value for name, value in wanted(**{"mask": mask(), **change}).items() if value is not None}
    response = as_owner.post(edit_page(make_picture()), form, headers=headers)
    text = response.content.decode()
    assert response.status_code == 422
    assert said in text
    assert ("<canvas" in text) is not bool(headers), "a fragment leaves the canvas and its drawing alone"
    assert not Generation.objects.filter(kind="edit").exists()
    assert stored() == []


def test_model_that_does_not_edit_is_refused(as_owner: Client, make_picture: MakePicture) -> None:
    for slug in ("dall-e-3", "flux-pro"):
        response = as_owner.post(edit_page(make_picture()), wanted(slug, mask=mask()))
        assert response.status_code == 422
        assert "This model is not on offer; pick another." in response.content.decode()


def test_too_large_mask_is_refused(
    as_owner: Client, make_picture: MakePicture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edits, "MAX_MASK_BYTES", 50)
    response = as_owner.post(edit_page(make_picture()), wanted(mask=mask()))
    assert "Save it smaller, and choose it again." in response.content.decode()


def test_form_sent_twice_makes_one_edit(as_owner: Client, make_picture: MakePicture) -> None:
    picture, form = make_picture(), wanted()
    for _ in range(2):
        response = as_owner.post(edit_page(picture), form | {"mask": mask()})
        assert (response.status_code, response["Location"]) == (302, "/")
    edit = Generation.objects.get(kind="edit")
    assert sorted(stored()) == sorted([edit.source_file, edit.mask_file]), "the second form leaves no files"


def test_edit_beyond_the_budget_is_refused(
    as_owner: Client, owner: Person, make_picture: MakePicture, any_shape: ImageModel
) -> None:
    Budget.objects.create(person=owner, amount=Decimal("0.05"))
    response = as_owner.post(edit_page(make_picture()), wanted("gpt-image-2", count="2"), headers=HX)
    assert response.status_code == 422
    assert "This would cost $0.08" in response.content.decode()
    assert stored() == []


def test_edit_leads_to_the_feed(as_owner: Client, make_picture: MakePicture) -> None:
    response = as_owner.post(edit_page(make_picture()), wanted(mask=mask()), headers=HX)
    assert response["HX-Redirect"] == "/"
    text = as_owner.get("/").content.decode()
    assert re.search(r'<p class="meta">\s*<span>Edit</span>\s*<span>DALL·E 2</span>', text)


def test_anyone_who_sees_a_picture_may_edit_it(
    as_teammate: Client, teammate: Person, make_picture: MakePicture, team_gallery: Gallery
) -> None:
    picture = make_picture()
    assert as_teammate.post(edit_page(picture), wanted(mask=mask())).status_code == 404
    put(picture, team_gallery)
    as_teammate.post(edit_page(picture), wanted(mask=mask()))
    edit = Generation.objects.get(kind="edit")
    assert (edit.author, edit.parent) == (teammate, picture)
    assert edit.source_file.startswith(f"uploads/{teammate.pk}/")


def test_gallery_of_another_person_is_refused(
    as_teammate: Client, make_picture: MakePicture, team_gallery: Gallery
) -> None:
    picture = make_picture()
    put(picture, team_gallery)
    response = as_teammate.post(edit_page(picture), wanted(mask=mask(), gallery=team_gallery.pk))
    assert "This gallery is not yours" in response.content.decode()


def test_picture_without_its_file_is_refused(as_owner: Client, make_picture: MakePicture) -> None:
    picture = make_picture()
    default_storage.delete(picture.original_name)
    response = as_owner.post(edit_page(picture), wanted(mask=mask()))
    assert response.status_code == 422
    assert "missing from the studio" in response.content.decode()


def test_full_storage_is_reported(as_owner: Client, make_picture: MakePicture, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = make_picture()

    def full(*_: Any, **__: Any) -> str:
        raise OSError("No space left on device")

    monkeypatch.setattr(type(default_storage), "save", full, raising=False)
    response = as_owner.post(edit_page(picture), wanted(mask=mask()))
    assert "could not store the picture just now. Try again in a moment." in response.content.decode()
    assert "could not store" in bring(as_owner, png()).content.decode()


# -- retry


def test_retry_sends_the_same_files(as_owner: Client, make_picture: MakePicture) -> None:
    as_owner.post(edit_page(make_picture()), wanted(mask=mask()))
    first = Generation.objects.get(kind="edit")
    Generation.objects.filter(pk=first.pk).update(state=State.INTERRUPTED)
    as_owner.post(f"/generations/{first.pk}/retry/")
    again = Generation.objects.latest("pk")
    assert again.retry_of == first
    for name in ("kind", "parent", "source_file", "mask_file", "options"):
        assert getattr(again, name) == getattr(first, name)


def test_refused_edit_leads_back_to_the_picture(
    as_owner: Client, make_generation: MakeGeneration, make_picture: MakePicture
) -> None:
    picture, upload = make_picture(), f"{uuid4().hex}-64x48.png"
    refused = {"state": State.FAILED, "error_code": "invalid_request_error"}
    edit = make_generation("dall-e-2", kind="edit", parent=picture, source_file="uploads/1/x.png", **refused)
    of_upload = make_generation("dall-e-2", kind="edit", source_file=f"uploads/1/{upload}", **refused)
    text = as_owner.get("/").content.decode()
    assert f'href="/pictures/{picture.pk}/edit/?prompt_from={edit.pk}"' in text
    assert f'href="/edit/{upload}/?prompt_from={of_upload.pk}"' in text
    assert "data-fill-prompt" not in "".join(re.findall(r"<a[^>]*prompt_from[^>]*>", text))


# -- uploads


@pytest.mark.parametrize(("format", "name"), [("PNG", "png"), ("JPEG", "jpg"), ("WEBP", "png")])
def test_upload_opens_on_its_own_page(format: str, name: str, as_owner: Client, owner: Person) -> None:
    response = bring(as_owner, encoded(Image.new("RGB", (300, 200), "#f2d64b"), format))
    assert response.status_code == 302
    assert re.fullmatch(rf"/edit/[0-9a-f]{{32}}-300x200\.{name}/", response["Location"])
    page = as_owner.get(response["Location"])
    assert (page.context["source"].width, page.context["source"].height) == (300, 200)
    assert f'src="{response["Location"]}file/"' in page.content.decode()
    assert stored() == [f"uploads/{owner.pk}/{response['Location'].split('/')[2]}"]


def test_upload_is_visible_to_its_owner_only(
    as_owner: Client, as_teammate: Client, as_administrator: Client, as_stranger: Client
) -> None:
    address = bring(as_owner, png())["Location"]
    response = as_owner.get(f"{address}file/")
    assert Image.open(io.BytesIO(body(response))).size == (64, 48)
    assert response["Content-Type"] == "image/png"
    assert response["Cache-Control"].startswith("private")
    assert response["X-Content-Type-Options"] == "nosniff"
    for client in (as_teammate, as_administrator):
        assert client.get(address).status_code == 404
        assert client.get(f"{address}file/").status_code == 404
        assert client.post(address, wanted(mask=mask())).status_code == 404
    assert as_stranger.get(f"{address}file/").status_code == 302


@pytest.mark.parametrize("name", ["x.png", f"{'0' * 32}-9x9.png", f"{'0' * 32}-9x9.svg", "..", f"{'0' * 32}.png"])
def test_unknown_upload_is_not_found(name: str, as_owner: Client) -> None:
    for address in (f"/edit/{name}/", f"/edit/{name}/file/"):
        assert as_owner.get(address).status_code == 404


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "This file is empty. Choose another."),
        (b"nothing", "This file cannot be used: it is text. Choose a PNG, JPEG, WebP, AVIF or GIF picture."),
        (b"GIF89a", "This file cannot be used: its end is missing."),
        (b"\0\0\0\x18ftypheic" + bytes(99), "Choose a JPEG instead: open the photo and export it as JPEG."),
        (
            png(8000, 6000),
            "8000 × 6000 pixels, 48 million; 40 million are the most. Make it smaller, and choose it again.",
        ),
        (png()[:-20], "This file cannot be used: its end is missing."),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "This file cannot be used: it is damaged."),
    ],
)
def test_upload_that_is_no_picture_is_refused(data: bytes, said: str, as_owner: Client) -> None:
    response = bring(as_owner, data)
    assert response.status_code == 422
    assert said in response.content.decode()
    assert stored() == []


def test_upload_needs_a_file(as_owner: Client) -> None:
    response = as_owner.post("/edit/", {})
    assert (response.status_code, "Choose a picture first." in response.content.decode()) == (422, True)


def test_too_large_upload_is_refused_and_leaves_no_file(as_owner: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "MAX_UPLOAD_BYTES", 200_000)
    monkeypatch.setattr(edits, "MAX_UPLOAD_BYTES", 200_000)
    kept: list[int] = []
    clean = edits.UploadForm.clean_picture

    def measured(form: Any) -> Any:
        kept.append(form.cleaned_data["picture"].size)
        return clean(form)

    monkeypatch.setattr(edits.UploadForm, "clean_picture", measured)
    response = bring(as_owner, bytes(5_000_000))
    assert response.status_code == 422
    assert "This file is larger than" in response.content.decode()
    assert 200_000 < kept[0] < 300_000


def test_request_beyond_all_limits_is_refused(as_owner: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "MAX_REQUEST_BYTES", 1000)
    assert bring(as_owner, bytes(2000)).status_code == 413


def test_upload_of_a_stranger_is_not_read(as_stranger: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def read(*_: Any, **__: Any) -> None:
        raise AssertionError("it was read")

    monkeypatch.setattr(uploads.BoundedUpload, "handle_raw_input", read)
    for address in ("/edit/", "/pictures/1/edit/", f"/edit/{'0' * 32}-9x9.png/"):
        response = as_stranger.post(address, {"picture": SimpleUploadedFile("a.png", png())})
        assert (response.status_code, response["Location"].startswith("/login/")) == (302, True)


def test_other_sites_cannot_send_these_forms(owner: Person, make_picture: MakePicture) -> None:
    """The views skip the middleware's check only until they have set the limits of the upload."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)
    picture = make_picture()
    upload = bring(signed_in(owner), png())["Location"]
    addresses = ["/edit/", edit_page(picture), upload, f"/pictures/{picture.pk}/vary/", f"{upload}vary/"]
    for address in addresses:
        assert client.post(address, {"picture": SimpleUploadedFile("a.png", png())}).status_code == 403
    page = client.get("/edit/").content.decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    assert token
    form = {"csrfmiddlewaretoken": token[1], "picture": SimpleUploadedFile("a.png", png())}
    assert client.post("/edit/", form).status_code == 302
    assert client.post("/edit/", form, headers={"X-CSRFToken": token[1]}).status_code == 422, "the file was read before"


def test_upload_can_be_edited(as_owner: Client, owner: Person) -> None:
    address = bring(as_owner, png())["Location"]
    assert as_owner.post(address, wanted(mask=mask())).status_code == 302
    edit = Generation.objects.get()
    assert (edit.kind, edit.parent, edit.author) == ("edit", None, owner)
    assert read(edit.source_file).size == (48, 48)
    # The file that was sent can be edited again, under its name in the row.
    again = as_owner.get(start_over_url(edit))
    assert again.context["form"]["prompt"].value() == "Add a bee"


# -- variations


def test_variations_take_one_click(as_owner: Client, make_picture: MakePicture) -> None:
    picture = make_picture(prompt="A lemon on a table", options={"size": "512x512"})
    text = as_owner.get(f"/pictures/{picture.pk}/").content.decode()
    form = text.partition(f'action="/pictures/{picture.pk}/vary/"')[2].partition("</form>")[0]
    sent = dict(re.findall(r'name="(token|model)" value="([^"]+)"', form))
    for _ in range(2):
        response = as_owner.post(f"/pictures/{picture.pk}/vary/", {**sent, "count": "3"})
        assert (response.status_code, response["Location"]) == (302, "/")
    variation = Generation.objects.get(kind="variation")
    assert (variation.parent, variation.model, variation.count) == (picture, model("dall-e-2"), 3)
    assert (variation.prompt, variation.options) == ("A lemon on a table", {"size": "1024x1024"})
    assert read(variation.source_file).size == (48, 48)
    assert stored() == [variation.source_file]


def test_upload_can_be_varied(as_owner: Client) -> None:
    address = bring(as_owner, png())["Location"]
    as_owner.post(f"{address}vary/", {"model": model("dall-e-2").pk, "count": "1", "fit": "start"})
    variation = Generation.objects.get()
    assert (variation.kind, variation.parent) == ("variation", None)
    assert variation.prompt == "Variation of an uploaded picture"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"count": "5"}, "DALL·E 2 makes 4 at once at the most."),
        ({"count": "two"}, "Say how many, as a number."),
        ({"count": "0"}, "One picture is the least."),
        ({"slug": "dall-e-3"}, "This model is not on offer for variations; pick another."),
        ({"fit": "pad"}, "Pick one of the parts that are shown."),
    ],
)
def test_invalid_variations_are_refused_with_a_reason(
    change: dict[str, str], said: str, as_owner: Client, make_picture: MakePicture
) -> None:
    picture = make_picture()
    form = {"model": model(change.pop("slug", "dall-e-2")).pk, "count": "1", **change}
    response = as_owner.post(f"/pictures/{picture.pk}/vary/", form, follow=True)
    assert response.redirect_chain == [(f"/pictures/{picture.pk}/", 302)]
    assert said in response.content.decode()
    assert not Generation.objects.filter(kind="variation").exists()


# -- lineage


def lineage(client: Client, picture: Picture) -> str:
    text: str = client.get(f"/pictures/{picture.pk}/").content.decode()
    return re.sub(r"\s+", " ", text.partition('<div class="lineage">')[2].partition("<dl")[0])


@pytest.mark.parametrize(
    ("kind", "said"), [("edit", "Edited from"), ("variation", "Variation of"), ("create", "Remixed from")]
)
def test_picture_shows_its_parent_and_children(
    kind: str, said: str, as_owner: Client, make_picture: MakePicture, make_generation: MakeGeneration
) -> None:
    parent = make_picture(prompt="The first one")
    child = make_picture(make_generation("dall-e-2", kind=kind, parent=parent, state=State.COMPLETED, prompt="Later"))
    assert re.search(rf'{said} <a href="/pictures/{parent.pk}/">The first one</a>', lineage(as_owner, child))
    assert f'href="/pictures/{child.pk}/"' in lineage(as_owner, parent)
    assert "Made from this one" not in lineage(as_owner, child)
    assert lineage(as_owner, make_picture()) == ""


def test_picture_shows_its_lineage(
    as_owner: Client, as_teammate: Client, make_picture: MakePicture, make_generation: MakeGeneration,
    team_gallery: Gallery,
) -> None:  # fmt: skip
    line = [make_picture(prompt="Step 0")]
    for step in range(1, 5):
        made = make_generation("dall-e-2", kind="edit", parent=line[-1], state=State.COMPLETED, prompt=f"Step {step}")
        line.append(make_picture(made))
    text = lineage(as_owner, line[-1])
    assert [int(pk) for pk in re.findall(r'href="/pictures/(\d+)/"', text)] == [
        line[3].pk,
        *(picture.pk for picture in line[:3]),
    ]
    for picture in (line[-1], line[1]):
        put(picture, team_gallery)
    assert re.findall(r'href="/pictures/(\d+)/"', lineage(as_teammate, line[-1])) == [str(line[1].pk)]


def test_edit_of_a_trashed_picture_asks_for_another(
    as_owner: Client, as_teammate: Client, make_picture: MakePicture, make_generation: MakeGeneration
) -> None:
    parent = make_picture()
    failed = make_generation("dall-e-2", kind="edit", parent=parent, state=State.FAILED)
    Picture.objects.filter(pk=parent.pk).update(trashed_at=timezone.now())
    response = as_owner.get(start_over_url(failed), follow=True)
    assert response.redirect_chain == [("/edit/", 302)]
    assert "Choose another one" in response.content.decode()
    assert as_teammate.get(start_over_url(failed)).status_code == 404


def test_edit_cannot_be_retried_with_another_model(as_owner: Client, make_generation: MakeGeneration) -> None:
    failed = make_generation("dall-e-2", kind="edit", state=State.FAILED, source_file="uploads/1/a.png")
    as_owner.post(f"/generations/{failed.pk}/retry/", {"model": "flux-schnell"})
    assert not failed.retries.exists()


def test_hidden_parent_is_not_shown(
    as_teammate: Client, as_administrator: Client, make_picture: MakePicture, make_generation: MakeGeneration,
    team_gallery: Gallery,
) -> None:  # fmt: skip
    parent = make_picture(prompt="A secret")
    source = default_storage.save("uploads/1/a.png", ContentFile(png()))
    edit = make_generation("dall-e-2", kind="edit", parent=parent, source_file=source, state=State.COMPLETED)
    child = make_picture(edit)
    put(child, team_gallery)
    text = as_teammate.get(f"/pictures/{child.pk}/").content.decode()
    assert "a picture that is not shown to you" in text
    assert "A secret" not in text
    assert f"/pictures/{parent.pk}/" not in text
    assert as_teammate.get(f"/generations/{edit.pk}/source/").status_code == 404
    assert "A secret" in lineage(as_administrator, child)


def test_hidden_children_are_not_shown(
    as_teammate: Client, make_picture: MakePicture, make_generation: MakeGeneration, team_gallery: Gallery
) -> None:
    parent = make_picture()
    edits = [make_generation("dall-e-2", kind="edit", parent=parent, state=State.COMPLETED) for _ in range(2)]
    private, shown = (make_picture(edit) for edit in edits)
    put(parent, team_gallery)
    put(shown, team_gallery)
    text = lineage(as_teammate, parent)
    assert f"/pictures/{shown.pk}/" in text
    assert f"/pictures/{private.pk}/" not in text


def test_uploaded_source_is_shown_to_its_owner_only(
    as_owner: Client, as_teammate: Client, as_administrator: Client, owner: Person, make_picture: MakePicture,
    make_generation: MakeGeneration, team_gallery: Gallery,
) -> None:  # fmt: skip
    source = default_storage.save(f"uploads/{owner.pk}/{uuid4().hex}.png", ContentFile(png()))
    edit = make_generation("dall-e-2", kind="edit", source_file=source, state=State.COMPLETED)
    child = make_picture(edit)
    put(child, team_gallery)
    address = f"/generations/{edit.pk}/source/"
    assert address in lineage(as_owner, child)
    assert address not in lineage(as_teammate, child)
    assert "Edited from a picture that is not in the studio." in lineage(as_teammate, child)
    assert body(as_owner.get(address)) == png()
    assert as_teammate.get(address).status_code == 404
    assert as_administrator.get(address).status_code == 200
    default_storage.delete(source)
    assert as_owner.get(address).status_code == 404


def test_query_count_does_not_grow_with_children(
    as_owner: Client, make_picture: MakePicture, make_generation: MakeGeneration
) -> None:
    parent = make_picture()
    edit = make_generation("dall-e-2", kind="edit", parent=parent, state=State.COMPLETED, count=30)

    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as asked:
            assert as_owner.get(f"/pictures/{parent.pk}/").status_code == 200
        return len(asked)

    make_picture(edit)
    few = queries()
    for index in range(1, 20):
        make_picture(edit, index=index)
    assert queries() == few
    text = lineage(as_owner, parent)
    assert text.count("<li>") == 12
    assert "there are more" in text


# -- cards


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"size": "auto"}, "ar-165"),
        ({}, "ar-165"),
        ({"size": "1024x1536"}, "ar-065"),
        ({"aspect_ratio": "1:1"}, "ar-100"),
    ],
)
def test_card_has_the_shape_of_the_source_by_default(
    options: dict[str, str], expected: str, make_generation: MakeGeneration
) -> None:
    source = f"uploads/1/{uuid4().hex}-1280x768.png"
    edit = make_generation("dall-e-2", kind="edit", options=options, source_file=source)
    assert Card(edit, edit.author).ratio_class == expected
