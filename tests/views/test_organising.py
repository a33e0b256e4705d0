"""Favourites, ratings, tags, the trash and the selection, by their addresses."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from gallery import services
from gallery.models import Gallery, Generation, Mark, Membership, Person, Picture, Role, State, Tag
from gallery.web.pictures import original_url
from gallery.web.responses import MOST_AT_ONCE
from tests.conftest import put

pytestmark = pytest.mark.database

MakeGeneration = Callable[..., Generation]
MakePicture = Callable[..., Picture]
HX = {"HX-Request": "true"}
JSON = {"Accept": "application/json"}


@pytest.fixture
def picture(make_picture: MakePicture, team_gallery: Gallery) -> Picture:
    """A picture of the owner in the team's gallery, with a thumbnail."""
    picture = make_picture()
    default_storage.save(picture.thumbnail_name(320, "webp"), ContentFile(b"a thumbnail"))
    Picture.objects.filter(pk=picture.pk).update(thumbnails={"webp": [320]})
    put(picture, team_gallery)
    return Picture.objects.get(pk=picture.pk)


def page_of(picture: Picture, action: str = "") -> str:
    return f"/pictures/{picture.pk}/{action}"


def text(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return str(response.content.decode())


def pressed(html: str) -> list[str]:
    return re.findall(r'id="favourite-\d+-(?:here-)?button" aria-pressed="(\w+)"', html)


# -- marks


@pytest.mark.parametrize("place", ["/pictures/", "gallery", "picture", "/"])
def test_favourite_is_visible_to_its_person_only(
    place: str, picture: Picture, team_gallery: Gallery, as_owner: Client, as_teammate: Client
) -> None:
    address = {"gallery": f"/galleries/{team_gallery.pk}/", "picture": page_of(picture)}.get(place, place)
    # A card has a second heart, for screens without a mouse.
    assert set(pressed(text(as_owner, address))) == {"false"}
    response = as_owner.post(page_of(picture, "favourite/"), {"favourite": "1"})
    assert (response.status_code, response["Location"]) == (302, page_of(picture))
    assert set(pressed(text(as_owner, address))) == {"true"}
    assert "true" not in pressed(text(as_teammate, address))


def test_favourite_by_htmx_renders_the_button_again(picture: Picture, as_teammate: Client) -> None:
    answer = as_teammate.post(page_of(picture, "favourite/"), {"favourite": "1"}, headers=HX).content.decode()
    assert pressed(answer) == ["true"]
    assert 'name="favourite" value="0"' in answer
    answer = as_teammate.post(page_of(picture, "favourite/"), {"favourite": "0"}, headers=HX).content.decode()
    assert pressed(answer) == ["false"]


def test_rating_is_stored_and_cleared(picture: Picture, as_teammate: Client) -> None:
    def checked() -> list[str]:
        inputs = re.findall(r'<input type="radio" name="rating"[^>]*>', text(as_teammate, page_of(picture)))
        return [value for one in inputs if " checked" in one for value in re.findall(r'value="(\d)"', one)]

    assert checked() == ["0"]
    assert as_teammate.post(page_of(picture, "rating/"), {"rating": "4"}, headers=HX).status_code == 204
    assert checked() == ["4"]
    assert as_teammate.post(page_of(picture, "rating/"), {"rating": "0"}).status_code == 302
    assert checked() == ["0"]


@pytest.mark.parametrize("address", ["/pictures/", "gallery", "/"])
def test_query_count_does_not_grow_with_marked_pictures(
    address: str, as_owner: Client, owner: Person, make_picture: MakePicture, team_gallery: Gallery
) -> None:
    address = f"/galleries/{team_gallery.pk}/" if address == "gallery" else address
    counts = []
    for _ in range(2):
        for _ in range(3):
            picture = make_picture()
            put(picture, team_gallery)
            services.marks.favourite(owner, [picture.pk])
        as_owner.get(address)
        with CaptureQueriesContext(connection) as queries:
            assert set(pressed(text(as_owner, address))) == {"true"}
        counts.append(len(queries))
    assert counts[0] == counts[1]


# -- tags


def test_several_tags_are_added_at_once(picture: Picture, as_owner: Client) -> None:
    answer = as_owner.post(page_of(picture, "tags/"), {"tags": "Lemon, still life & co"}, headers=HX)
    assert answer.status_code == 200
    html = answer.content.decode()
    assert 'href="/pictures/?tag=Lemon"' in html
    link = re.findall(r'href="(/pictures/\?tag=still[^"]*)"', html)[0]
    assert f'id="picture-{picture.pk}"' in text(as_owner, link)
    assert f'id="picture-{picture.pk}"' not in text(as_owner, "/pictures/?tag=nothing")


def test_invalid_tag_says_what_to_do(picture: Picture, as_owner: Client) -> None:
    answer = as_owner.post(page_of(picture, "tags/"), {"tags": "x" * 61}, headers=HX)
    assert answer.status_code == 422
    assert "a tag has 60 characters at most" in answer.content.decode()
    assert "x" * 61 in answer.content.decode(), "the input is kept"
    as_owner.post(page_of(picture, "tags/"), {"tags": "x" * 61})
    assert "a tag has 60 characters at most" in text(as_owner, page_of(picture))


def test_tag_is_escaped(picture: Picture, as_owner: Client) -> None:
    as_owner.post(page_of(picture, "tags/"), {"tags": "<b>bold</b>"})
    html = text(as_owner, page_of(picture))
    assert "&lt;b&gt;bold&lt;/b&gt;" in html
    assert "<b>bold" not in html


def test_contributors_tag_pictures(
    picture: Picture, team_gallery: Gallery, teammate: Person, as_teammate: Client
) -> None:
    services.tags.tag([picture.pk], ["Fruit"])
    off = page_of(picture, f"tags/{Tag.objects.get().pk}/remove/")
    assert "Add tags" not in text(as_teammate, page_of(picture))
    assert as_teammate.post(page_of(picture, "tags/"), {"tags": "Lemon"}).status_code == 404
    assert as_teammate.post(off).status_code == 404
    Membership.objects.create(gallery=team_gallery, person=teammate, role=Role.CONTRIBUTOR)
    assert "Add tags" in text(as_teammate, page_of(picture))
    as_teammate.post(page_of(picture, "tags/"), {"tags": "Lemon"})
    assert [tag.name for tag in picture.tags.all()] == ["Fruit", "Lemon"]
    as_teammate.post(off)
    assert [tag.name for tag in picture.tags.all()] == ["Lemon"]


# -- the trash


def files_of(picture: Picture) -> list[tuple[str, str]]:
    """Addresses of the files, and the ETags that a browser has cached."""
    return [
        (original_url(picture), picture.digest),
        (f"/media/{picture.pk}/{picture.digest}/320.webp", f"{picture.digest}-320-webp"),
        (page_of(picture, "download/"), picture.digest),
    ]


@pytest.mark.parametrize("who", ["as_owner", "as_teammate", "as_administrator"])
def test_trashed_picture_has_no_address(
    who: str, picture: Picture, as_owner: Client, team_gallery: Gallery, request: pytest.FixtureRequest
) -> None:
    client: Client = request.getfixturevalue(who)
    addresses = [*files_of(picture), (page_of(picture), ""), (page_of(picture, "edit/"), "")]
    for address, _ in addresses:
        assert client.get(address).status_code == 200
    as_owner.post(page_of(picture, "trash/"))
    for address, etag in addresses:
        assert client.get(address).status_code == 404
        assert client.get(address, headers={"If-None-Match": f'"{etag}"'}).status_code == 404
    for action in ("save/", "favourite/", "tags/", "vary/", "trash/"):
        assert client.post(page_of(picture, action)).status_code == 404
    as_owner.post(page_of(picture, "restore/"))
    for address, _ in addresses:
        assert client.get(address).status_code == 200


def test_trashed_picture_is_in_no_list(
    picture: Picture,
    make_generation: MakeGeneration,
    make_picture: MakePicture,
    as_owner: Client,
    team_gallery: Gallery,
) -> None:
    child = make_picture(make_generation(state=State.COMPLETED, parent=picture, prompt="A remix"))
    places = ["/", "/?feed=team", "/pictures/", "/galleries/", f"/galleries/{team_gallery.pk}/", page_of(child)]
    assert all(page_of(picture) in text(as_owner, place) or place == "/galleries/" for place in places)
    assert f"/media/{picture.pk}/" in text(as_owner, "/galleries/")
    as_owner.post(page_of(picture, "trash/"))
    as_owner.get("/trash/")  # shows the message with Undo
    for place in places:
        html = text(as_owner, place)
        assert page_of(picture) not in html
        assert f"/media/{picture.pk}/" not in html
    assert "0 pictures" in text(as_owner, "/galleries/")
    assert 'name="parent"' not in text(as_owner, f"/?remix={picture.pk}")


def test_trash_shows_own_pictures_only(picture: Picture, as_owner: Client, as_teammate: Client) -> None:
    thumbnail = f"/trash/{picture.pk}/{picture.digest}/"
    assert as_owner.get(thumbnail).status_code == 404
    as_owner.post(page_of(picture, "trash/"))
    assert f'src="{thumbnail}"' in text(as_owner, "/trash/")
    shown: Any = as_owner.get(thumbnail)
    assert b"".join(shown.streaming_content) == b"a thumbnail"
    assert as_teammate.get(thumbnail).status_code == 404
    assert as_teammate.get(thumbnail, headers={"If-None-Match": shown["ETag"]}).status_code == 404
    assert "The trash is empty" in text(as_teammate, "/trash/")


def test_message_has_undo_without_scripts(picture: Picture, as_owner: Client) -> None:
    response = as_owner.post(page_of(picture, "trash/"), headers={"Referer": "http://testserver/galleries/"})
    assert response["Location"] == "http://testserver/galleries/"
    html = text(as_owner, "/galleries/")
    assert "1 picture moved to trash." in html
    assert re.search(rf'action="/trash/restore/">.*name="picture" value="{picture.pk}".*Undo</button>', html, re.DOTALL)
    as_owner.post("/trash/restore/", {"picture": picture.pk})
    assert Picture.objects.kept().exists()


def test_trashing_from_its_page_leads_to_the_next_picture(make_picture: MakePicture, as_owner: Client) -> None:
    older, newer = make_picture(), make_picture()
    assert f'name="next" value="{older.pk}"' in text(as_owner, page_of(newer))
    assert as_owner.post(page_of(newer, "trash/"), {"next": older.pk})["Location"] == page_of(older)
    assert 'name="next" value=""' in text(as_owner, page_of(older))
    assert as_owner.post(page_of(older, "trash/"), {"next": ""})["Location"] == "/pictures/"


def test_trashing_never_redirects_to_another_site(picture: Picture, as_owner: Client) -> None:
    response = as_owner.post(page_of(picture, "trash/"), headers={"Referer": "https://evil.example/"})
    assert response["Location"] == "/pictures/"


def test_person_deletes_pictures_for_good(
    picture: Picture, make_picture: MakePicture, as_owner: Client, owner: Person
) -> None:
    other = make_picture()
    services.trash.trash(owner, [picture.pk, other.pk])
    # The button of one picture deletes that one, not the ticked ones.
    as_owner.post("/trash/delete/", {"picture": [picture.pk, other.pk], "only": picture.pk})
    assert Picture.objects.get() == other
    assert not default_storage.exists(picture.original_name)


# -- the selection


@pytest.fixture
def mixed(make_picture: MakePicture, make_generation: MakeGeneration, teammate: Person, team_gallery: Gallery) -> Any:
    """Two pictures of the owner, and two of the teammate: one shared, one private."""
    own = [make_picture(), make_picture()]
    shown = make_picture(make_generation(author=teammate, state=State.COMPLETED))
    put(shown, team_gallery)
    hidden = make_picture(make_generation(author=teammate, state=State.COMPLETED))
    return own, shown, hidden


def ids(mixed: Any) -> list[int]:
    return [picture.pk for picture in (*mixed[0], mixed[1], mixed[2])]


def test_selection_trashes_own_pictures_only(mixed: Any, as_owner: Client) -> None:
    own = [picture.pk for picture in mixed[0]]
    answer = as_owner.post("/selection/trash/", {"picture": ids(mixed)}, headers=JSON).json()
    assert answer["pictures"] == own
    assert answer["said"] == "2 pictures moved to trash. 1 is not yours, and stays."
    assert Picture.objects.kept().count() == 2
    back = as_owner.post(answer["undo"], {"picture": answer["pictures"]}, headers=JSON).json()
    assert back["pictures"] == own
    assert Picture.objects.kept().count() == 4


def test_selection_marks_visible_pictures_only(mixed: Any, as_owner: Client) -> None:
    answer = as_owner.post("/selection/favourite/", {"picture": ids(mixed)}, headers=HX)
    assert pressed(answer.content.decode()) == ["true"] * 3
    assert set(Mark.objects.values_list("picture", flat=True)) == set(ids(mixed)[:3])


def test_selection_is_tagged(mixed: Any, as_owner: Client) -> None:
    asked = as_owner.post("/selection/tag/", {"picture": ids(mixed)})
    assert asked.content.decode().count('name="picture"') == 4
    refused = as_owner.post("/selection/tag/", {"picture": ids(mixed), "tags": ","}, headers=HX)
    assert refused.status_code == 422
    done = as_owner.post("/selection/tag/", {"picture": ids(mixed), "tags": "Lemon", "then": "/galleries/"})
    assert done["Location"] == "/galleries/"
    # An owner tags pictures of others in their own gallery.
    assert set(Tag.objects.get().pictures.values_list("pk", flat=True)) == set(ids(mixed)[:3])
    assert "3 pictures tagged. 1 is not yours to tag." in text(as_owner, "/galleries/")


def test_selection_is_added_to_a_gallery(mixed: Any, as_owner: Client, team_gallery: Gallery) -> None:
    asked = as_owner.post("/selection/save/", {"picture": ids(mixed)}, headers=HX)
    assert "For the team" in asked.content.decode()
    as_owner.post("/selection/save/", {"picture": ids(mixed), "gallery": team_gallery.pk})
    assert set(team_gallery.pictures.all()) == {*mixed[0], mixed[1]}
    as_owner.post("/selection/save/", {"picture": ids(mixed), "new_gallery": "New"})
    assert set(Gallery.objects.get(name="New").pictures.all()) == set(mixed[0])


def test_teammate_cannot_add_to_a_gallery_of_another_person(
    mixed: Any, as_teammate: Client, team_gallery: Gallery
) -> None:
    before = team_gallery.entries.count()
    response = as_teammate.post("/selection/save/", {"picture": ids(mixed), "gallery": team_gallery.pk})
    assert response.status_code == 422
    assert team_gallery.entries.count() == before


@pytest.mark.parametrize("name", ["trash", "favourite", "tag", "save"])
@pytest.mark.parametrize(
    ("chosen", "said"),
    [([], "Select a picture first."), (range(1, MOST_AT_ONCE + 2), "Select 500 pictures at the most.")],
)
def test_selection_that_is_empty_or_too_large_is_refused(name: str, chosen: Any, said: str, as_owner: Client) -> None:
    response = as_owner.post(f"/selection/{name}/", {"picture": list(chosen)})
    assert response["Location"] == "/pictures/"
    assert said in text(as_owner, "/pictures/")
    assert as_owner.post(f"/selection/{name}/", {"picture": list(chosen)}, headers=HX).status_code == 422


def test_tiles_have_a_checkbox(picture: Picture, team_gallery: Gallery, as_teammate: Client) -> None:
    for address in ("/pictures/", f"/galleries/{team_gallery.pk}/"):
        html = text(as_teammate, address)
        assert f'<input type="checkbox" form="selection" name="picture" value="{picture.pk}"' in html
        assert '<form id="selection"' in html
        assert page_of(picture, "trash/") not in html, "only the owner can trash it"
