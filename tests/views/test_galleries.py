"""Galleries: how they are made, shared, renamed and deleted, and their pictures."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from gallery.models import Gallery, GalleryEntry, Generation, Person, Picture
from gallery.views.galleries import COVER, PAGE
from gallery.web.pictures import original_url
from tests.conftest import put

MakeGeneration = Callable[..., Generation]
MakePicture = Callable[..., Picture]


def tiles(client: Client, address: str) -> list[int]:
    return [int(pk) for pk in re.findall(r'id="picture-(\d+)"', client.get(address).content.decode())]


def page_of(gallery: Gallery, action: str = "") -> str:
    return f"/galleries/{gallery.pk}/{action}"


# -- the list


def test_empty_list_says_what_to_do(as_owner: Client) -> None:
    assert "No galleries yet" in as_owner.get("/galleries/").content.decode()


def test_list_has_own_and_team_galleries(
    as_owner: Client, as_teammate: Client, team_gallery: Gallery, private_gallery: Gallery
) -> None:
    def listed(client: Client) -> list[Gallery]:
        return [row["gallery"] for row in client.get("/galleries/").context["galleries"]]

    assert listed(as_owner) == [private_gallery, team_gallery]
    assert listed(as_teammate) == [team_gallery]
    text = as_teammate.get("/galleries/").content.decode()
    assert "Sketches" not in text
    assert "by Olivia Owner" in text
    assert "by Olivia Owner" not in as_owner.get("/galleries/").content.decode()


def test_cover_shows_the_latest_four_pictures(
    as_owner: Client, make_picture: MakePicture, team_gallery: Gallery
) -> None:
    pictures = [make_picture() for _ in range(COVER + 2)]
    for picture in pictures:
        put(picture, team_gallery)
    response = as_owner.get("/galleries/")
    assert response.context["galleries"][0]["cover"] == pictures[::-1][:COVER]
    assert f"{COVER + 2} pictures" in response.content.decode()


def test_query_count_does_not_grow_with_galleries(
    as_owner: Client, owner: Person, make_picture: MakePicture, team_gallery: Gallery
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            as_owner.get("/galleries/")
        return len(captured)

    put(make_picture(), team_gallery)
    with_one = queries()
    for number in range(19):
        put(make_picture(), Gallery.objects.create(owner=owner, name=f"Gallery {number}"))
    assert queries() == with_one


# -- make and rename


def test_new_gallery_is_private(as_owner: Client, owner: Person) -> None:
    response = as_owner.post("/galleries/new/", {"name": "  Lemons  "})
    made = Gallery.objects.get()
    assert response["Location"] == page_of(made)
    assert (made.name, made.owner, made.shared_with_team) == ("Lemons", owner, False)


BAD_NAMES = [
    ("", "Give the gallery a name."),
    ("   ", "Give the gallery a name."),
    ("x" * 121, "at most 120 characters"),
    ("Sketches", "You have a gallery of this name already."),
]


@pytest.mark.parametrize(("name", "said"), BAD_NAMES)
def test_invalid_name_is_refused_and_stays_in_the_form(
    as_owner: Client, private_gallery: Gallery, name: str, said: str
) -> None:
    response = as_owner.post("/galleries/new/", {"name": name})
    text = response.content.decode()
    assert response.status_code == 422
    assert said in text
    assert f'value="{name}"' in text or not name.strip()
    assert Gallery.objects.count() == 1


@pytest.mark.parametrize(("name", "said"), BAD_NAMES)
def test_gallery_cannot_be_renamed_to_an_invalid_name(
    as_owner: Client, private_gallery: Gallery, team_gallery: Gallery, name: str, said: str
) -> None:
    response = as_owner.post(page_of(team_gallery, "rename/"), {"name": name})
    text = response.content.decode()
    assert response.status_code == 422
    assert said in text
    assert ">For the team</h1>" in text
    team_gallery.refresh_from_db()
    assert team_gallery.name == "For the team"


def test_two_people_may_use_the_same_gallery_name(
    as_teammate: Client, teammate: Person, private_gallery: Gallery
) -> None:
    as_teammate.post("/galleries/new/", {"name": "Sketches"})
    assert Gallery.objects.get(owner=teammate).name == "Sketches"


@pytest.mark.parametrize("name", ["Lemons & limes", "Sketches"])
def test_owner_renames_a_gallery(as_owner: Client, private_gallery: Gallery, name: str) -> None:
    text = as_owner.post(page_of(private_gallery, "rename/"), {"name": name}, follow=True).content.decode()
    assert "Renamed." in text
    assert f'<h1 dir="auto">{name.replace("&", "&amp;")}</h1>' in text


def test_name_is_escaped(as_owner: Client, owner: Person) -> None:
    made = Gallery.objects.create(owner=owner, name="<script>alert(1)</script>")
    for address in ("/", "/galleries/", page_of(made)):
        text = as_owner.get(address).content.decode()
        assert "<script>alert" not in text
        assert "&lt;script&gt;alert(1)" in text


# -- one gallery


def test_empty_gallery_says_what_to_do(as_owner: Client, private_gallery: Gallery) -> None:
    assert "Nothing in here yet" in as_owner.get(page_of(private_gallery)).content.decode()


def test_pages_show_the_latest_pictures_first(
    as_owner: Client, make_generation: MakeGeneration, make_picture: MakePicture, team_gallery: Gallery
) -> None:
    generation = make_generation()
    pictures = [make_picture(generation, index=index) for index in range(PAGE + 2)]
    for picture in pictures:
        put(picture, team_gallery)
    latest_first = [picture.pk for picture in pictures][::-1]
    assert tiles(as_owner, page_of(team_gallery)) == latest_first[:PAGE]
    more = re.search(r'hx-get="([^"]+)" hx-select', as_owner.get(page_of(team_gallery)).content.decode())
    assert more
    assert tiles(as_owner, more[1]) == latest_first[PAGE:]


@pytest.mark.parametrize("before", ["", "x", "-1", "9" * 30])
def test_nonsense_opens_the_first_page(
    as_owner: Client, make_picture: MakePicture, team_gallery: Gallery, before: str
) -> None:
    picture = make_picture()
    put(picture, team_gallery)
    assert tiles(as_owner, f"{page_of(team_gallery)}?before={before}") == [picture.pk]


def test_query_count_does_not_grow_with_pictures(
    as_owner: Client, make_picture: MakePicture, team_gallery: Gallery
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            as_owner.get(page_of(team_gallery))
        return len(captured)

    put(make_picture(), team_gallery)
    with_one = queries()
    for _ in range(19):
        put(make_picture(), team_gallery)
    assert queries() == with_one


def test_teammate_can_view_but_not_change(
    as_teammate: Client, make_picture: MakePicture, team_gallery: Gallery
) -> None:
    picture = make_picture()
    put(picture, team_gallery)
    text = as_teammate.get(page_of(team_gallery)).content.decode()
    assert f'id="picture-{picture.pk}"' in text
    for action in ("rename", "share", "delete", "remove"):
        assert f"{page_of(team_gallery, action)}/" not in text


# -- sharing


def test_owner_shares_with_the_team_and_stops(
    as_owner: Client, as_teammate: Client, make_picture: MakePicture, private_gallery: Gallery
) -> None:
    picture = make_picture()
    put(picture, private_gallery)

    def seen() -> list[int]:
        addresses = [page_of(private_gallery), f"/pictures/{picture.pk}/", original_url(picture)]
        return [as_teammate.get(address).status_code for address in addresses]

    assert seen() == [404, 404, 404]
    text = as_owner.post(page_of(private_gallery, "share/"), {"shared": "on"}, follow=True).content.decode()
    assert "The whole team can see this gallery now." in text
    assert seen() == [200, 200, 200]
    text = as_owner.post(page_of(private_gallery, "share/"), follow=True).content.decode()
    assert "Only you and its members see this gallery now." in text
    assert seen() == [404, 404, 404]


# -- removing and deleting


@pytest.mark.parametrize("htmx", [True, False], ids=["htmx", "plain"])
def test_removed_picture_still_exists(
    as_owner: Client, make_picture: MakePicture, team_gallery: Gallery, htmx: bool
) -> None:
    picture = make_picture()
    put(picture, team_gallery)
    headers = {"HX-Request": "true"} if htmx else {}
    address = page_of(team_gallery, f"remove/{picture.pk}/")
    response: Any = as_owner.post(address, headers=headers)
    said = response["HX-Trigger"] if htmx else as_owner.get(response["Location"]).content.decode()
    assert "Taken out of this gallery." in said
    assert tiles(as_owner, page_of(team_gallery)) == []
    assert as_owner.get(original_url(picture)).status_code == 200


def test_deleting_a_gallery_keeps_its_pictures(
    as_owner: Client, make_generation: MakeGeneration, make_picture: MakePicture, team_gallery: Gallery
) -> None:
    picture = make_picture(gallery=team_gallery)
    on_its_way = make_generation(gallery=team_gallery)
    put(picture, team_gallery)
    text = as_owner.post(page_of(team_gallery, "delete/"), follow=True).content.decode()
    assert "The gallery “For the team” is deleted. Its pictures are kept." in text
    assert not Gallery.objects.exists()
    assert not GalleryEntry.objects.exists()
    assert default_storage.exists(picture.original_name)
    on_its_way.refresh_from_db()
    assert on_its_way.gallery is None
    assert as_owner.get(f"/pictures/{picture.pk}/").status_code == 200
