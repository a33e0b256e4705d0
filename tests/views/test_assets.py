"""Pictures that people bring, in the library: uploading, finding, sharing, exporting."""

import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from PIL import Image

from gallery import services
from gallery.downloads.build import caption
from gallery.engine import housekeeping
from gallery.images.convert import Format, Shape, convert
from gallery.models import Gallery, Generation, GroupLimit, ImageModel, Person, Picture, State
from gallery.models.catalogue import UPLOADED
from gallery.queries.catalogue.diff import compare
from gallery.queries.limits import limits_of
from gallery.services import assets
from tests.conftest import png, put

MakePicture = Callable[..., Picture]
JSON = {"Accept": "application/json"}


@pytest.fixture(autouse=True)
def empty_storage(settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path


def photo() -> bytes:
    """A JPEG that tells where it was taken."""
    image, buffer = Image.new("RGB", (60, 40), "#f2d64b"), io.BytesIO()
    exif = Image.Exif()
    exif[0x010E] = "Where I live"
    image.save(buffer, "JPEG", exif=exif)
    return buffer.getvalue()


def file(data: bytes, name: str = "our_logo.png") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, data)


@pytest.fixture
def logo(owner: Person) -> Picture:
    return assets.add(owner, io.BytesIO(png()), "our_logo.png", "logo")


def test_uploads_stay_in_the_library(as_owner: Client, owner: Person) -> None:
    sent = {"pictures": [file(png(20, 20)), file(photo(), "Beach.jpg")], "kind": "product"}
    answer = as_owner.post("/uploads/", sent)
    assert answer["Location"] == "/pictures/?kind=product"
    found = as_owner.get("/pictures/?kind=product").context["pictures"]
    assert [(one.generation.prompt, one.kind, one.author) for one in found] == [
        ("Beach", "product", owner),
        ("our logo", "product", owner),
    ]
    assert as_owner.get("/pictures/?kind=logo").context["pictures"] == []
    assert [one.generation.prompt for one in as_owner.get("/pictures/?q=beach").context["pictures"]] == ["Beach"]


def test_metadata_is_not_kept(as_owner: Client) -> None:
    as_owner.post("/uploads/", {"pictures": file(photo(), "Beach.jpg")})
    with default_storage.open(Picture.objects.get().original_name) as stored:
        data = stored.read()
    assert b"Where I live" not in data
    assert Image.open(io.BytesIO(data)).size == (60, 40)


def test_what_is_no_picture_is_refused(as_owner: Client) -> None:
    answer = as_owner.post("/uploads/", {"pictures": file(b"%PDF-1.7", "brand.pdf")})
    assert (answer.status_code, "brand.pdf" in answer.content.decode()) == (422, True)
    assert as_owner.post("/uploads/", {}).status_code == 422
    assert as_owner.post("/uploads/", {"pictures": file(png()), "kind": "made"}).status_code == 422
    assert not Picture.objects.exists()
    assert not Generation.objects.exists()


def test_script_gets_a_fragment_or_a_sentence(as_owner: Client) -> None:
    good = as_owner.post("/uploads/", {"pictures": file(png())}, headers=JSON)
    assert f"/pictures/{Picture.objects.get().pk}/" in good.content.decode()
    bad = as_owner.post("/uploads/", {"pictures": file(b"x", "x.png")}, headers=JSON)
    assert (bad.status_code, bad["Content-Type"]) == (422, "text/plain")


def test_same_picture_again_is_the_one_that_is_there(as_owner: Client, logo: Picture) -> None:
    as_owner.post("/uploads/", {"pictures": file(png())})
    assert list(Picture.objects.all()) == [logo]


def test_upload_is_seen_by_its_author_until_it_is_in_a_gallery(
    as_teammate: Client, logo: Picture, team_gallery: Gallery
) -> None:
    assert as_teammate.get(f"/pictures/{logo.pk}/").status_code == 404
    put(logo, team_gallery)
    page = as_teammate.get(f"/pictures/{logo.pk}/").content.decode()
    assert "our logo" in page
    assert "Save kind" not in page


def test_guests_do_not_read_what_the_file_was_called(
    as_stranger: Client, owner: Person, logo: Picture, private_gallery: Gallery
) -> None:
    put(logo, private_gallery)
    settings = {"label": "A friend", "expires_at": timezone.now() + timedelta(days=1), "show_prompts": True}
    _, token = services.share_links.make_link(private_gallery, owner, settings)
    page = as_stranger.get(f"/s/{token}/{logo.entries.get().pk}/")
    assert page.status_code == 200
    assert "our logo" not in page.content.decode()


def test_page_of_an_upload_offers_no_prompt(as_owner: Client, logo: Picture) -> None:
    page = as_owner.get(f"/pictures/{logo.pk}/").content.decode()
    assert "<span>Logo</span>" in page
    assert "Use prompt" not in page
    assert f"?remix={logo.pk}" not in page
    assert as_owner.get("/", {"remix": logo.pk}).context["form"]["prompt"].value() == ""


def test_author_says_what_an_upload_is(as_owner: Client, logo: Picture, make_picture: MakePicture) -> None:
    as_owner.post(f"/pictures/{logo.pk}/kind/", {"kind": "sketch"})
    logo.refresh_from_db()
    assert logo.kind == "sketch"
    assert as_owner.post(f"/pictures/{make_picture().pk}/kind/", {"kind": "sketch"}).status_code == 404
    as_owner.post(f"/pictures/{logo.pk}/kind/", {"kind": "made"})
    logo.refresh_from_db()
    assert logo.kind == "sketch"


def test_upload_is_no_request(as_owner: Client, logo: Picture) -> None:
    generation = logo.generation
    assert generation.state == State.COMPLETED
    assert not generation.is_missing_pictures
    assert as_owner.get("/").context["cards"] == []
    assert as_owner.get("/prompts/").json() == {"prompts": []}
    assert as_owner.get("/usage/").context["usage"].is_empty


def test_upload_counts_for_the_limit_of_storage_and_not_of_requests(as_owner: Client, owner: Person) -> None:
    GroupLimit.objects.create(requests_per_day=0, storage_mb=1)
    assert as_owner.post("/uploads/", {"pictures": file(png())}).status_code == 302
    assert limits_of(owner).today == 0
    Picture.objects.update(byte_size=2_000_000)
    answer = as_owner.post("/uploads/", {"pictures": file(png(20, 20))})
    assert "Your pictures take 2 MB, and 1 MB is yours to use." in answer.content.decode()
    assert Picture.objects.count() == 1


def test_upload_is_no_model_of_the_catalogue(as_owner: Client, as_administrator: Client, logo: Picture) -> None:
    assert UPLOADED not in as_administrator.get("/admin/gallery/imagemodel/").content.decode()
    assert ImageModel.objects.filter(slug=UPLOADED).exists()
    assert [one.slug for one in compare([], ImageModel.objects.of_upstream(), []).all if one.slug == UPLOADED] == []
    ImageModel.objects.filter(slug=UPLOADED).update(success_rate=None)
    housekeeping.learn_durations()
    assert ImageModel.objects.get(slug=UPLOADED).success_rate is None
    assert "Uploaded" not in as_owner.get("/pictures/").content.decode()


def test_export_does_not_say_that_a_model_made_an_upload(logo: Picture, make_picture: MakePicture) -> None:
    shape = Shape(Format.PNG, settings=True)

    def exported(picture: Picture) -> bytes:
        with default_storage.open(picture.original_name) as stored:
            return convert(stored, shape, caption(picture))

    assert b"trainedAlgorithmicMedia" in exported(make_picture())
    assert b"trainedAlgorithmicMedia" not in exported(logo)
