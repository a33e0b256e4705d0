"""Previous and next pictures in the list that a picture was opened from."""

import re
from collections.abc import Callable
from html import unescape

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from gallery.models import Batch, Gallery, GalleryEntry, Generation, Mark, Person, Picture, State
from gallery.queries.navigation import EACH_SIDE
from tests.conftest import put

pytestmark = pytest.mark.database

MakePicture = Callable[..., Picture]
MakeGeneration = Callable[..., Generation]


def page(client: Client, pk: int, query: str) -> str:
    response = client.get(f"/pictures/{pk}/?{query}" if query else f"/pictures/{pk}/")
    assert response.status_code == 200
    return unescape(response.content.decode())


def strip(client: Client, pk: int, query: str) -> list[int]:
    """The pictures of the strip, with the picture itself."""
    found = re.search(r'<nav class="strip".*?</nav>', page(client, pk, query), re.DOTALL)
    return [int(one) for one in re.findall(r'href="/pictures/(\d+)/', found[0])] if found else [pk]


def links(client: Client, pk: int, query: str) -> dict[str, str]:
    return dict(re.findall(r'rel="(prev|next)" href="([^"]+)"', page(client, pk, query)))


def walk(client: Client, pk: int, query: str) -> list[int]:
    """The whole list, walked to its end and back. Both directions must agree."""

    def go(begin: int, rel: str) -> list[int]:
        way = [begin]
        while address := links(client, way[-1], query).get(rel):
            assert address.endswith(f"/?{query}" if query else "/"), "the list is kept"
            way.append(int(address.split("/")[2]))
            assert len(way) < 50, "it goes round in circles"
        return way

    onward = go(pk, "next")
    whole = go(onward[-1], "prev")[::-1]
    assert whole[-len(onward) :] == onward
    return whole


def back(client: Client, pk: int, query: str) -> str:
    found = re.search(r'class="btn back" href="([^"]+)"', page(client, pk, query))
    assert found
    return found[1]


@pytest.fixture
def lemons(make_picture: MakePicture, owner: Person, team_gallery: Gallery) -> list[int]:
    """Six pictures in the team's gallery, rated 4, none, 4, 2, none, 4. The odd ones are favourites.

    Order by hand: the last one first, then those of the same place, by age.
    """
    pictures = [make_picture(prompt=f"{'Lemon' if number != 2 else 'Pear'} {number}") for number in range(6)]
    for picture, rating in zip(pictures, (4, None, 4, 2, None, 4), strict=True):
        Mark.objects.create(person=owner, picture=picture, rating=rating, favourite=picture.pk % 2 == 1)
        put(picture, team_gallery)
    GalleryEntry.objects.filter(picture=pictures[0]).update(position=1.5, status="approved")
    GalleryEntry.objects.filter(picture=pictures[3]).update(status="approved")
    return [picture.pk for picture in pictures]


@pytest.mark.parametrize(
    ("query", "order"),
    [
        ("in=library", [5, 4, 3, 2, 1, 0]),
        ("in=library&sort=oldest", [0, 1, 2, 3, 4, 5]),
        # Pictures of the same rating are sorted by age. Those without a rating come last.
        ("in=library&sort=rated", [5, 2, 0, 3, 4, 1]),
        ("in=library&rating=3&sort=rated", [5, 2, 0]),
        ("in=library&q=lemon", [5, 4, 3, 1, 0]),
        ("in=library&q=lemon&sort=rated", [5, 0, 3, 4, 1]),
        ("in=gallery:{gallery}", [0, 5, 4, 3, 2, 1]),
        ("in=gallery:{gallery}&sort=newest", [5, 4, 3, 2, 1, 0]),
        ("in=gallery:{gallery}&status=approved", [0, 3]),
        ("in=gallery:{gallery}&q=lemon&sort=oldest", [0, 1, 3, 4, 5]),
        ("in=mine", [5, 4, 3, 2, 1, 0]),
        ("in=team", [5, 4, 3, 2, 1, 0]),
        ("", [5, 4, 3, 2, 1, 0]),
    ],
)
def test_navigation_follows_the_list(
    as_owner: Client, team_gallery: Gallery, lemons: list[int], query: str, order: list[int]
) -> None:
    query = query.format(gallery=team_gallery.pk)
    wanted = [lemons[place] for place in order]
    assert walk(as_owner, lemons[0], query) == wanted
    assert strip(as_owner, wanted[1], query) == wanted
    # The list itself shows the same.
    kind, _, filters = query.removeprefix("in=").partition("&")
    if kind.startswith(("library", "gallery")):
        address = back(as_owner, lemons[0], query)
        assert address.partition("?")[2] == filters
        listed = as_owner.get(address).content.decode()
        assert [int(pk) for pk in re.findall(r'id="picture-(\d+)"', listed)] == wanted
        assert f'href="/pictures/{wanted[0]}/?{query}"' in unescape(listed)


def test_picture_outside_the_filter_leads_back_into_the_list(as_owner: Client, lemons: list[int]) -> None:
    """A person removes the heart in the list of favourites, and can still go on."""
    pear = lemons[2]
    assert links(as_owner, pear, "in=library&q=lemon") == {
        "prev": f"/pictures/{lemons[3]}/?in=library&q=lemon",
        "next": f"/pictures/{lemons[1]}/?in=library&q=lemon",
    }


def test_address_keeps_known_parameters_only(as_owner: Client, lemons: list[int]) -> None:
    address = links(as_owner, lemons[3], "in=library&sort=newest&q=+lemon&model=x&shape=&evil=%22%3E")["next"]
    assert address == f"/pictures/{lemons[1]}/?in=library&q=lemon"


def test_strip_has_a_fixed_number_on_each_side(as_owner: Client, make_picture: MakePicture) -> None:
    pks = [make_picture().pk for _ in range(2 * EACH_SIDE + 5)][::-1]
    for query in ("in=library", "in=mine", ""):
        here = EACH_SIDE + 2
        assert strip(as_owner, pks[here], query) == pks[here - EACH_SIDE : here + EACH_SIDE + 1]
        assert strip(as_owner, pks[1], query) == pks[: EACH_SIDE + 2]


def test_feed_keeps_the_order_of_a_batch(
    as_owner: Client, owner: Person, make_generation: MakeGeneration, make_picture: MakePicture
) -> None:
    before = make_picture()
    batch = Batch.objects.create(author=owner, kind=Batch.Kind.PROMPTS, prompt="Fruit")
    rows = [make_generation(state=State.COMPLETED, batch=batch, count=2) for _ in range(3)]
    of_batch = [make_picture(row, index=index).pk for row in rows for index in range(2)]
    # Navigation skips generations that have no picture or were dismissed, and pictures in the trash.
    make_generation(state=State.FAILED, batch=batch)
    make_picture(make_generation(state=State.COMPLETED, dismissed=True))
    thrown_away = make_picture()
    Picture.objects.filter(pk=thrown_away.pk).update(trashed_at=timezone.now())
    after = make_picture()
    assert walk(as_owner, before.pk, "in=mine") == [after.pk, *of_batch, before.pk]
    assert walk(as_owner, of_batch[0], f"in=batch:{batch.pk}") == of_batch
    assert back(as_owner, of_batch[0], f"in=batch:{batch.pk}") == f"/batches/{batch.pk}/"
    # The batch is longer than the range that is read around it. Its first picture is next to a newer one.
    many = [make_generation(state=State.COMPLETED, batch=batch) for _ in range(4 * EACH_SIDE)]
    long = [make_picture(row).pk for row in many]
    newest = make_picture()
    assert links(as_owner, long[0], "in=mine")["prev"] == f"/pictures/{newest.pk}/?in=mine"
    assert links(as_owner, long[-1], "in=mine")["next"] == f"/pictures/{after.pk}/?in=mine"
    shown = re.findall(r'class="pic-link" href="([^"]+)"', as_owner.get("/").content.decode())
    assert shown[0] == f"/pictures/{newest.pk}/?in=mine"


def test_navigation_hides_pictures_that_the_person_may_not_see(
    as_teammate: Client, teammate: Person, make_generation: MakeGeneration, make_picture: MakePicture,
    team_gallery: Gallery, private_gallery: Gallery,
) -> None:  # fmt: skip
    first, hidden, second, third = (make_picture() for _ in range(4))
    for picture in (first, second, third):
        put(picture, team_gallery)
    for picture in (first, hidden, second, third):
        put(picture, private_gallery)
    mine = make_picture(make_generation(author=teammate, state=State.COMPLETED))
    shown = [third.pk, second.pk, first.pk]
    for query in (f"in=gallery:{team_gallery.pk}", ""):
        assert walk(as_teammate, second.pk, query) == shown
    for query in ("in=library", "in=team"):
        assert walk(as_teammate, second.pk, query) == [mine.pk, *shown]
    # The list belongs to others, is gone, or is nonsense: only visible pictures of the author remain.
    for query in (f"in=gallery:{private_gallery.pk}", "in=gallery:999999", "in=batch:1", "in=mine", "in=", "in=x:y"):
        text = page(as_teammate, second.pk, query)
        assert "Sketches" not in text
        assert re.search(r'class="btn back" href="/"', text)
        assert strip(as_teammate, second.pk, query) == shown
    assert as_teammate.get(f"/pictures/{hidden.pk}/?in=gallery:{team_gallery.pk}").status_code == 404


def test_picture_outside_the_gallery_is_not_linked_to_it(
    as_owner: Client, make_picture: MakePicture, team_gallery: Gallery, lemons: list[int]
) -> None:
    elsewhere = make_picture()
    for sort in ("", "&sort=newest"):
        assert f"in=gallery:{team_gallery.pk}" not in page(
            as_owner, elsewhere.pk, f"in=gallery:{team_gallery.pk}{sort}"
        )


def test_trashing_goes_on_to_the_next_picture(as_owner: Client, team_gallery: Gallery, lemons: list[int]) -> None:
    query = f"in=gallery:{team_gallery.pk}&q=lemon"
    text = page(as_owner, lemons[5], query)
    form = re.search(r'<form[^>]+action="/pictures/\d+/trash/".*?</form>', text, re.DOTALL)
    assert form
    fields = dict(re.findall(r'name="(next|navigation|then)" value="([^"]*)"', form[0]))
    assert fields == {"next": str(lemons[4]), "navigation": query, "then": f"/galleries/{team_gallery.pk}/?q=lemon"}
    response = as_owner.post(f"/pictures/{lemons[5]}/trash/", fields)
    assert unescape(response["Location"]) == f"/pictures/{lemons[4]}/?{query}"
    # After the last picture it goes back to the list, and to no other address.
    last = as_owner.post(f"/pictures/{lemons[4]}/trash/", {**fields, "next": ""})
    assert last["Location"] == f"/galleries/{team_gallery.pk}/?q=lemon"
    away = as_owner.post(f"/pictures/{lemons[3]}/trash/", {"next": "", "then": "https://evil.example/"})
    assert away["Location"] == "/pictures/"


@pytest.mark.parametrize(
    "query", ["in=library", "in=library&q=lemon&sort=rated", "in=gallery:{gallery}", "in=mine", "in=team"]
)
def test_query_count_does_not_grow_with_pictures(
    as_owner: Client, make_picture: MakePicture, team_gallery: Gallery, lemons: list[int], query: str
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            page(as_owner, lemons[0], query.format(gallery=team_gallery.pk))
        return len(captured)

    def make(count: int) -> None:
        for number in range(count):
            put(make_picture(prompt=f"Lemon of many, {number}"), team_gallery)

    # More pictures than the strip shows change nothing.
    make(20)
    some = queries()
    make(40)
    assert queries() == some
