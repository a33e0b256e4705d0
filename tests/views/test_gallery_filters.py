"""The same search and filters inside a gallery."""

import re
from collections.abc import Callable
from html import unescape

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from gallery.models import Gallery, GalleryEntry, Person, Picture
from gallery.views import library
from tests.conftest import put

pytestmark = pytest.mark.database

MakePicture = Callable[..., Picture]
HTMX = {"HX-Request": "true", "HX-Current-URL": "http://testserver/galleries/"}


def text_of(client: Client, gallery: Gallery, query: str = "") -> str:
    response = client.get(f"/galleries/{gallery.pk}/{query}")
    assert response.status_code == 200
    return unescape(response.content.decode())


def tiles(client: Client, gallery: Gallery, query: str = "") -> list[int]:
    return [int(pk) for pk in re.findall(r'id="picture-(\d+)"', text_of(client, gallery, query))]


@pytest.fixture
def three(make_picture: MakePicture, team_gallery: Gallery) -> list[int]:
    """Three pictures in the team's gallery: the first is approved, the second was moved to the front."""
    pictures = [make_picture(prompt=prompt) for prompt in ("A lemon", "Lemonade", "A pear")]
    for picture in pictures:
        put(picture, team_gallery)
    GalleryEntry.objects.filter(picture=pictures[0]).update(status="approved")
    GalleryEntry.objects.filter(picture=pictures[1]).update(position=1)
    return [picture.pk for picture in pictures]


def test_gallery_keeps_its_order_by_hand(as_teammate: Client, team_gallery: Gallery, three: list[int]) -> None:
    first, second, third = three
    assert tiles(as_teammate, team_gallery) == [second, third, first]
    assert tiles(as_teammate, team_gallery, "?sort=hand") == [second, third, first]
    assert tiles(as_teammate, team_gallery, "?sort=newest") == [third, second, first]
    assert tiles(as_teammate, team_gallery, "?sort=oldest") == [first, second, third]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?q=lemon", [1, 0]),
        ("?status=approved", [0]),
        ("?status=draft", [1, 2]),
        ("?status=shortlist", []),
        ("?q=lemon&status=draft&sort=oldest", [1]),
    ],
)
def test_filter_finds_pictures(
    as_teammate: Client, team_gallery: Gallery, three: list[int], query: str, found: list[int]
) -> None:
    assert tiles(as_teammate, team_gallery, query) == [three[place] for place in found]


def test_search_stays_in_the_gallery(
    as_owner: Client, make_picture: MakePicture, team_gallery: Gallery, three: list[int]
) -> None:
    make_picture(prompt="Lemon elsewhere")
    assert len(tiles(as_owner, team_gallery, "?q=lemon")) == 2
    assert "Nothing found" in text_of(as_owner, team_gallery, "?q=elsewhere")


def test_trashed_picture_is_not_shown(as_owner: Client, team_gallery: Gallery, three: list[int]) -> None:
    Picture.objects.filter(pk=three[0]).update(trashed_at="2026-05-01T00:00Z")
    assert tiles(as_owner, team_gallery) == three[:0:-1][::-1]


def test_chips_and_the_form_stay_in_the_gallery(as_teammate: Client, team_gallery: Gallery, three: list[int]) -> None:
    text = text_of(as_teammate, team_gallery, "?q=lemon&status=approved")
    address = f"/galleries/{team_gallery.pk}/"
    assert f'method="get" action="{address}"' in text
    assert f'class="chip" href="{address}?status=approved"' in text
    assert f'class="chip" href="{address}?q=lemon"' in text
    assert "Take off: Decision Approved" in text
    # A gallery has no filter by gallery. Searches are saved in the library only.
    assert 'name="gallery"' not in text
    assert "Save this search" not in text


def test_library_has_no_status_filter(as_owner: Client, three: list[int]) -> None:
    text = as_owner.get("/pictures/?status=approved").content.decode()
    assert len(re.findall(r'id="picture-\d+"', text)) == 3
    assert "Take off" not in text


def test_pages_keep_the_order_by_hand(
    as_owner: Client, team_gallery: Gallery, make_picture: MakePicture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library, "PAGE", 2)
    pictures = [make_picture() for _ in range(5)]
    for place, picture in enumerate(pictures):
        GalleryEntry.objects.create(gallery=team_gallery, picture=picture, position=(place * 2.5) % 4)
    by_hand = sorted(GalleryEntry.objects.all(), key=lambda entry: (entry.position, entry.pk), reverse=True)
    address, seen = f"/galleries/{team_gallery.pk}/", []
    while address:
        response = as_owner.get(address, headers=HTMX if "top=" in address else {})
        text = response.content.decode()
        seen += [int(pk) for pk in re.findall(r'id="picture-(\d+)"', text)]
        more = re.search(r'hx-get="([^"]+)" hx-select', text)
        address = unescape(more[1]) if more else ""
    assert seen == [entry.picture_id for entry in by_hand]
    assert response["HX-Replace-Url"] == f"/galleries/{team_gallery.pk}/?shown=6"


def test_htmx_gets_the_search_results(as_teammate: Client, team_gallery: Gallery, three: list[int]) -> None:
    response = as_teammate.get(f"/galleries/{team_gallery.pk}/?q=pear", headers=HTMX)
    assert response["HX-Push-Url"] == f"/galleries/{team_gallery.pk}/?q=pear"
    assert b"<html" not in response.content
    assert b'id="finder"' in response.content


def test_stranger_to_the_gallery_cannot_search_it(as_teammate: Client, private_gallery: Gallery) -> None:
    for query in ("", "?q=x", "?after=1&top=-&shown=40"):
        assert as_teammate.get(f"/galleries/{private_gallery.pk}/{query}", headers=HTMX).status_code == 404


def test_invalid_name_keeps_the_pictures_on_the_page(as_owner: Client, team_gallery: Gallery, three: list[int]) -> None:
    response = as_owner.post(f"/galleries/{team_gallery.pk}/rename/", {"name": ""})
    assert response.status_code == 422
    assert len(re.findall(r'id="picture-\d+"', response.content.decode())) == 3


def test_query_count_does_not_grow_with_pictures(
    as_owner: Client, owner: Person, make_picture: MakePicture, team_gallery: Gallery
) -> None:
    asked = ["", "?q=lemon", "?status=draft", "?sort=rated", "?sort=newest&shape=wide", "?after=1~1&top=-&shown=40"]

    def queries() -> list[int]:
        counts = []
        for query in asked:
            with CaptureQueriesContext(connection) as captured:
                as_owner.get(f"/galleries/{team_gallery.pk}/{query}", headers=HTMX if "top" in query else {})
            counts.append(len(captured))
        return counts

    put(make_picture(), team_gallery)
    with_one = queries()
    for _ in range(19):
        put(make_picture(), team_gallery)
    assert queries() == with_one
