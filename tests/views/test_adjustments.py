"""Adjusting a picture: the page, whose the versions are, and what a failure leaves behind."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.test import Client
from PIL import Image

from gallery import services
from gallery.images.adjust import Adjustment
from gallery.models import Gallery, Generation, GroupLimit, Person, Picture
from gallery.queries.limits import limits_of
from gallery.queries.usage import asked_for_in
from gallery.services.errors import InvalidInput
from tests.conftest import png, put

MakePicture = Callable[..., Picture]


@pytest.fixture(autouse=True)
def empty_storage(settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path


def files() -> set[str]:
    return {str(one) for one in Path(default_storage.path("pictures")).rglob("*") if one.is_file()}


def adjust(client: Client, picture: Picture, **data: Any) -> Any:
    return client.post(f"/pictures/{picture.pk}/adjust/", data)


def test_one_version_for_each_shape(as_owner: Client, make_picture: MakePicture, private_gallery: Gallery) -> None:
    picture = make_picture()
    answer = adjust(
        as_owner, picture, shapes=["1:1", "9:16", "own"], own_shape="3 : 2", gallery=private_gallery.pk, focus_x="0"
    )
    versions = Picture.objects.exclude(pk=picture.pk).order_by("index")
    assert answer["Location"] == f"/pictures/{versions[0].pk}/"
    assert [(one.width, one.height) for one in versions] == [(48, 48), (27, 48), (64, 48), (64, 43)]
    assert {one.model_id for one in versions} == {picture.model_id}
    assert set(private_gallery.pictures.all()) == set(versions)
    generation = versions[0].generation
    assert (generation.kind, generation.parent, generation.prompt) == ("adjusted", picture, picture.generation.prompt)
    with default_storage.open(versions[1].original_name) as file:
        assert Image.open(file).size == (27, 48)


def test_version_costs_nothing_and_counts_as_no_request(
    as_owner: Client, owner: Person, make_picture: MakePicture
) -> None:
    GroupLimit.objects.create(group=None, requests_per_day=5)
    picture = make_picture()
    before = limits_of(owner)
    adjust(as_owner, picture, mirror="on")
    made = Generation.objects.get(kind="adjusted")
    assert made not in asked_for_in(made.created_at.date().replace(day=1))
    assert limits_of(owner) == before
    assert made not in Generation.objects.in_feed()
    call_command("check_ledger")


def test_version_says_where_it_comes_from(as_owner: Client, make_picture: MakePicture) -> None:
    picture = make_picture()
    page = as_owner.get(adjust(as_owner, picture, turns="1")["Location"]).content.decode()
    assert "Adjusted from" in page
    assert f'href="/pictures/{picture.pk}/"' in page
    assert "Adjusted: " in as_owner.get(f"/pictures/{picture.pk}/").content.decode()


def test_teammate_adjusts_what_they_see_and_keeps_it_alone(
    as_teammate: Client, teammate: Person, owner: Person, make_picture: MakePicture, team_gallery: Gallery
) -> None:
    picture = make_picture()
    assert adjust(as_teammate, picture, mirror="on").status_code == 404
    put(picture, team_gallery)
    adjust(as_teammate, picture, mirror="on")
    version = Picture.objects.get(author=teammate)
    assert not Picture.objects.visible_to(owner).filter(pk=version.pk).exists()


def test_same_version_again_is_the_one_that_is_there(as_owner: Client, make_picture: MakePicture) -> None:
    picture = make_picture()
    first, again = (adjust(as_owner, picture, shapes=["1:1"])["Location"] for _ in range(2))
    assert first == again
    assert Picture.objects.count() == 2


def test_versions_of_the_same_content_are_one(as_owner: Client, make_picture: MakePicture) -> None:
    adjust(as_owner, make_picture(), shapes=["1:1"], own_shape="1:1")
    assert Picture.objects.count() == 2


def test_logo_is_chosen_from_the_visible_logos(
    as_owner: Client, owner: Person, teammate: Person, make_picture: MakePicture
) -> None:
    picture = make_picture()
    mine = services.assets.add(owner, io.BytesIO(png(20, 20, "#000000")), "logo.png", "logo")
    theirs = services.assets.add(teammate, io.BytesIO(png(30, 20)), "theirs.png", "logo")
    services.assets.add(owner, io.BytesIO(png(10, 20)), "photo.png", "photo")
    page = as_owner.get(f"/pictures/{picture.pk}/adjust/")
    assert list(page.context["form"].fields["logo"].queryset) == [mine]
    assert adjust(as_owner, picture, logo=theirs.pk).status_code == 422
    adjust(as_owner, picture, logo=mine.pk, logo_size="50", place="top-left")
    version = Picture.objects.get(generation__kind="adjusted")
    with default_storage.open(version.original_name) as file:
        assert Image.open(file).getpixel((4, 4)) == (0, 0, 0)


def test_version_of_an_upload_is_an_upload(as_owner: Client, owner: Person) -> None:
    photo = services.assets.add(owner, io.BytesIO(png()), "beach.png", "photo")
    as_owner.get(adjust(as_owner, photo, turns="2")["Location"])
    assert Picture.objects.get(generation__parent=photo).kind == "photo"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({}, "Choose what to change first"),
        ({"shapes": ["own"], "has_background": ""}, "Choose what to change first"),
        ({"own_shape": "wide"}, "such as 3:2"),
        ({"own_shape": "0:1"}, "such as 3:2"),
        ({"shapes": ["5:5"]}, "5:5"),
        ({"zoom": "401"}, "400"),
        ({"has_background": "on", "background": "red"}, "such as #f2d64b"),
        ({"turns": "4"}, "4"),
    ],
)
def test_invalid_input_is_said_and_nothing_is_made(
    as_owner: Client, make_picture: MakePicture, data: dict[str, Any], said: str
) -> None:
    answer = adjust(as_owner, make_picture(), **data)
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert Picture.objects.count() == 1


def test_missing_file_leaves_nothing_behind(as_owner: Client, make_picture: MakePicture) -> None:
    picture = make_picture()
    default_storage.delete(picture.original_name)
    answer = adjust(as_owner, picture, mirror="on")
    assert answer.status_code == 422
    assert "could not reach its files" in answer.content.decode()
    assert files() == set()
    assert Generation.objects.count() == 1


def test_files_of_a_failed_version_are_removed(owner: Person, make_picture: MakePicture) -> None:
    picture = make_picture()
    default_storage.delete(picture.original_name)
    default_storage.save(picture.original_name, io.BytesIO(png()[:-20]))
    before = files()
    with pytest.raises(InvalidInput, match="cannot be read"):
        services.adjustments.adjust(owner, picture, Adjustment(turns=1), [None, (1, 1)])
    assert files() == before


def test_full_quota_refuses_before_any_work(as_owner: Client, make_picture: MakePicture) -> None:
    GroupLimit.objects.create(group=None, storage_mb=0)
    answer = adjust(as_owner, make_picture(), mirror="on")
    assert answer.status_code == 422
    assert Picture.objects.count() == 1
