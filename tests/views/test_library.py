"""The page of all pictures: search, filters, pages, saved searches and addresses."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from gallery.models import Gallery, Mark, Person, Picture, SavedSearch, Tag
from gallery.views import library
from gallery.views.library import PAGE
from tests.conftest import model, put

pytestmark = pytest.mark.database

MakePicture = Callable[..., Picture]
HTMX = {"HX-Request": "true", "HX-Current-URL": "http://testserver/pictures/"}


def text_of(client: Client, address: str, **more: Any) -> str:
    response = client.get(address, **more)
    assert response.status_code == 200
    return str(response.content.decode())


def tiles(client: Client, address: str = "/pictures/", **more: Any) -> list[int]:
    return [int(pk) for pk in re.findall(r'id="picture-(\d+)"', text_of(client, address, **more))]


def chips(client: Client, address: str) -> list[tuple[str, str]]:
    """Each chip's words, and the address without it."""
    found = re.findall(r'class="chip" href="([^"]+)".*?aria-label="Take off: ([^"]+)"', text_of(client, address))
    return [(unescape(name), unescape(href)) for href, name in found]


@pytest.fixture
def page_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "PAGE", 2)


# -- the pictures


def test_empty_library_says_what_to_do(as_owner: Client) -> None:
    text = text_of(as_owner, "/pictures/")
    assert "No pictures yet" in text
    assert "Save this search" not in text


def test_library_shows_visible_pictures_newest_first(
    as_owner: Client, as_teammate: Client, as_administrator: Client, make_picture: MakePicture, team_gallery: Gallery
) -> None:
    one, shown, trashed = make_picture(), make_picture(), make_picture()
    put(shown, team_gallery)
    put(trashed, team_gallery)
    Picture.objects.filter(pk=trashed.pk).update(trashed_at=datetime.now(UTC))
    assert tiles(as_owner) == [shown.pk, one.pk]
    assert tiles(as_teammate) == [shown.pk]
    # Administrators see all pictures in the administration. This page is the same for all.
    assert tiles(as_administrator) == [shown.pk]
    assert "2 pictures" in text_of(as_owner, "/pictures/")
    assert "One picture" in text_of(as_teammate, "/pictures/")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=lemon", [0, 1]),
        ("q=LEM+tab", [0]),
        ("q=tom", [2]),
        ("q=citrus", [1]),
        ("q=nothing", []),
        ("q=%21%3F", [0, 1, 2]),
        ("tag=CITRUS", [1]),
        ("tag=other", []),
        ("favourite=on", [0]),
        ("rating=3", [1]),
        ("rating=5", []),
        ("shape=wide", [0]),
        ("shape=square", [1, 2]),
        ("since=2026-05-01", [1, 2]),
        ("until=2026-05-01", [0, 1]),
        ("since=2026-05-01&until=2026-05-01", [1]),
        ("q=lemon&shape=wide&favourite=on", [0]),
        ("q=lemon&rating=3&favourite=on", []),
    ],
)
def test_filter_finds_pictures(
    as_owner: Client, owner: Person, teammate: Person, make_picture: MakePicture, query: str, found: list[int]
) -> None:
    shown = Gallery.objects.create(owner=teammate, name="Tom’s", shared_with_team=True)
    pictures = [
        make_picture(prompt="A lemon on a table"),
        make_picture(prompt="Lemonade"),
        make_picture(prompt="A pear", author=teammate),
    ]
    put(pictures[2], shown)
    Tag.objects.create(name="Citrus").pictures.add(pictures[1])
    Picture.refresh_search_text([pictures[1].pk])
    Mark.objects.create(person=owner, picture=pictures[0], favourite=True, rating=2)
    Mark.objects.create(person=owner, picture=pictures[1], rating=4)
    # Marks of another person do not count.
    Mark.objects.create(person=teammate, picture=pictures[2], favourite=True, rating=5)
    for picture, width, day in zip(pictures, (96, 48, 48), ("2026-04-30", "2026-05-01", "2026-05-02"), strict=True):
        moment = datetime.fromisoformat(f"{day}T12:00:00+00:00")
        Picture.objects.filter(pk=picture.pk).update(width=width, created_at=moment)
    assert sorted(tiles(as_owner, f"/pictures/?{query}")) == [pictures[place].pk for place in found]


def test_library_filters_by_model_author_and_gallery(
    as_teammate: Client, owner: Person, teammate: Person, make_picture: MakePicture, team_gallery: Gallery
) -> None:
    theirs = make_picture(slug="dall-e-3")
    mine = make_picture(slug="flux-pro", author=teammate)
    put(theirs, team_gallery)
    for query, found in (
        (f"model={model('dall-e-3').pk}", theirs),
        (f"model={model('flux-pro').pk}", mine),
        (f"author={owner.pk}", theirs),
        (f"author={teammate.pk}", mine),
        (f"gallery={team_gallery.pk}", theirs),
    ):
        assert tiles(as_teammate, f"/pictures/?{query}") == [found.pk], query


def test_library_sorts(as_owner: Client, owner: Person, make_picture: MakePicture) -> None:
    first, second, third = (make_picture().pk for _ in range(3))
    Mark.objects.create(person=owner, picture_id=first, rating=3)
    assert tiles(as_owner, "/pictures/?sort=oldest") == [first, second, third]
    assert tiles(as_owner, "/pictures/?sort=rated") == [first, third, second]
    assert tiles(as_owner, "/pictures/?sort=hand") == [third, second, first]


# -- invalid filters


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("model=9999", "Model: The studio does not know this model."),
        ("author=x", "Author: There are no pictures by this name here."),
        ("gallery=9999", "Gallery: This gallery is not open to you, or is gone."),
        ("since=yesterday", "From: Write a date as year-month-day, such as 2026-05-31."),
        ("since=2026-05-02&until=2026-05-01", "To: This is before “From”, so nothing can be between."),
        ("rating=6", "My rating: Pick one of those shown."),
        ("shape=round", "Shape: Pick one of those shown."),
        ("sort=name", "Sort: Pick one of those shown."),
        ("q=!!!", "Search: This has no words in it. Search for letters or digits."),
        (f"q={'x' * 201}", "Search: A search may have 200 characters; shorten it."),
    ],
)
def test_invalid_filter_is_reported_and_ignored(
    as_owner: Client, make_picture: MakePicture, query: str, said: str
) -> None:
    picture = make_picture()
    assert said in unescape(text_of(as_owner, f"/pictures/?{query}"))
    assert tiles(as_owner, f"/pictures/?{query}") == [picture.pk]


def test_hidden_gallery_cannot_be_a_filter(
    as_teammate: Client, make_picture: MakePicture, private_gallery: Gallery
) -> None:
    put(make_picture(), private_gallery)
    text = text_of(as_teammate, f"/pictures/?gallery={private_gallery.pk}")
    assert "This gallery is not open to you, or is gone." in text
    assert private_gallery.name not in text


def test_empty_result_says_what_to_do(as_owner: Client, make_picture: MakePicture) -> None:
    make_picture()
    text = unescape(text_of(as_owner, "/pictures/?q=nothing"))
    assert "Nothing found" in text
    assert "No prompt, tag or author has “nothing” in it." in text
    assert 'href="/pictures/">Show all pictures' in text
    assert "Take a filter off" in text_of(as_owner, "/pictures/?q=nothing&shape=tall")


def test_search_words_are_escaped(as_owner: Client, make_picture: MakePicture) -> None:
    make_picture()
    text = text_of(as_owner, "/pictures/?q=<script>alert(1)</script>&tag=<b>")
    assert "<script>alert" not in text
    assert "<b>" not in text


# -- chips


def test_chips_name_filters_and_remove_them(
    as_owner: Client, owner: Person, make_picture: MakePicture, private_gallery: Gallery
) -> None:
    make_picture()
    query = (
        f"q=a+lemon&model={model().pk}&author={owner.pk}&gallery={private_gallery.pk}&tag=Night"
        "&since=2026-05-01&until=2026-05-31&rating=4&shape=wide&favourite=on&sort=oldest"
    )
    pairs = query.split("&")
    names = [
        "Search “a lemon”",
        "Model DALL·E 3",
        "Author Olivia Owner (me)",
        "Gallery Sketches",
        "Tag Night",
        "From 1 May 2026",
        "To 31 May 2026",
        "My rating 4 or more",
        "Shape Wide",
        "Only my favourites",
    ]
    off = ["/pictures/?" + "&".join(pair for pair in pairs if pair != one) for one in pairs[:-1]]
    assert chips(as_owner, f"/pictures/?{query}") == list(zip(names, off, strict=True))
    assert 'href="/pictures/"' in text_of(as_owner, f"/pictures/?{query}")


def test_only_chip_leads_to_all_pictures(as_owner: Client, make_picture: MakePicture) -> None:
    make_picture()
    assert chips(as_owner, "/pictures/?q=lemon&model=&since=&x=y") == [("Search “lemon”", "/pictures/")]
    assert chips(as_owner, "/pictures/?model=&sort=oldest") == []


# -- with htmx


def test_htmx_gets_the_search_and_its_address(as_owner: Client, make_picture: MakePicture) -> None:
    picture = make_picture()
    response = as_owner.get("/pictures/?q=lemon&model=&sort=newest", headers=HTMX)
    text = response.content.decode()
    assert response["HX-Push-Url"] == "/pictures/?q=lemon"
    assert "<html" not in text
    assert 'id="finder"' in text
    assert f'id="picture-{picture.pk}"' in text


@pytest.mark.parametrize(
    ("before", "after", "header"),
    [
        ("/pictures/", "q=l", "HX-Push-Url"),
        ("/pictures/?q=l", "q=le", "HX-Replace-Url"),
        ("/pictures/?q=l&shown=120", "q=le", "HX-Replace-Url"),
        ("/pictures/?q=l&shape=wide", "q=le", "HX-Push-Url"),
        ("/pictures/?q=le", "q=le", None),
    ],
)
def test_typing_on_adds_no_history_entry(as_owner: Client, before: str, after: str, header: str | None) -> None:
    headers = {**HTMX, "HX-Current-URL": f"http://testserver{before}"}
    response = as_owner.get(f"/pictures/?{after}", headers=headers)
    said = {name: response.get(name) for name in ("HX-Push-Url", "HX-Replace-Url") if response.get(name)}
    assert said == ({header: f"/pictures/?{after}"} if header else {})


def test_history_gets_the_whole_page(as_owner: Client) -> None:
    response = as_owner.get("/pictures/?q=x", headers={**HTMX, "HX-History-Restore-Request": "true"})
    assert b"<html" in response.content
    assert not response.has_header("HX-Push-Url")


# -- paging


@pytest.mark.usefixtures("page_of_two")
@pytest.mark.parametrize("sort", ["newest", "oldest", "rated"])
def test_pages_work_without_scripts(as_owner: Client, owner: Person, make_picture: MakePicture, sort: str) -> None:
    pictures = [make_picture() for _ in range(5)]
    Mark.objects.create(person=owner, picture=pictures[2], rating=3)
    address = f"/pictures/?sort={sort}&q=lemon"
    seen: list[int] = []
    for _ in range(3):
        text = text_of(as_owner, address)
        seen += tiles(as_owner, address)
        more = re.search(r'class="btn more" href="([^"]+)"', text)
        address = unescape(more[1]) if more else ""
        assert ("Back to the beginning" in text) == (len(seen) > 2)
    assert address == ""
    order = {"newest": [4, 3, 2, 1, 0], "oldest": [0, 1, 2, 3, 4], "rated": [2, 4, 3, 1, 0]}
    assert seen == [pictures[place].pk for place in order[sort]]


@pytest.mark.usefixtures("page_of_two")
def test_loading_more_updates_the_address(as_owner: Client, make_picture: MakePicture) -> None:
    pictures = [make_picture().pk for _ in range(5)][::-1]
    text = text_of(as_owner, "/pictures/?q=lemon")
    seen, addresses = pictures[:2], []
    while more := re.search(r'hx-get="([^"]+)" hx-select=".tile, .more, .month, .row-end"', text):
        response = as_owner.get(unescape(more[1]), headers=HTMX)
        text = response.content.decode()
        assert '<form id="find"' not in text
        seen += [int(pk) for pk in re.findall(r'id="picture-(\d+)"', text)]
        addresses.append(response["HX-Replace-Url"])
    assert seen == pictures
    assert addresses == ["/pictures/?q=lemon&shown=4", "/pictures/?q=lemon&shown=6"]
    # The address opens all that was loaded, and goes on from there.
    assert tiles(as_owner, addresses[0]) == pictures[:4]
    assert tiles(as_owner, addresses[1]) == pictures
    again = re.search(r'hx-get="([^"]+)" hx-select=".tile, .more, .month, .row-end"', text_of(as_owner, addresses[0]))
    assert again
    response = as_owner.get(unescape(again[1]), headers=HTMX)
    assert response["HX-Replace-Url"] == addresses[1]


@pytest.mark.usefixtures("page_of_two")
def test_address_far_down_opens_the_last_part_only(
    as_owner: Client, make_picture: MakePicture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library, "COMING_BACK", 4)
    pictures = [make_picture().pk for _ in range(9)][::-1]
    text, addresses = text_of(as_owner, "/pictures/"), []
    while more := re.search(r'hx-get="([^"]+)" hx-select=".tile, .more, .month, .row-end"', text):
        response = as_owner.get(unescape(more[1]), headers=HTMX)
        text = response.content.decode()
        addresses.append(response["HX-Replace-Url"])
    assert addresses == [
        "/pictures/?shown=4",
        f"/pictures/?after={pictures[3]}",
        f"/pictures/?after={pictures[3]}&shown=4",
        f"/pictures/?after={pictures[7]}",
    ]
    assert tiles(as_owner, addresses[2]) == pictures[4:8]
    assert tiles(as_owner, "/pictures/?shown=99999") == pictures[:4]


@pytest.mark.parametrize("query", ["after=x", "after=-1", f"after={'9' * 30}", "shown=x", "shown=-5", "top=1"])
def test_nonsense_opens_the_first_page(as_owner: Client, make_picture: MakePicture, query: str) -> None:
    picture = make_picture()
    assert tiles(as_owner, f"/pictures/?{query}") == [picture.pk]


def test_last_page_says_so(as_owner: Client, make_picture: MakePicture) -> None:
    picture = make_picture()
    assert "There is nothing further down." in text_of(as_owner, f"/pictures/?after={picture.pk}")


# -- counting


@pytest.mark.usefixtures("page_of_two")
def test_count_follows_after_the_page(
    as_owner: Client, as_teammate: Client, make_picture: MakePicture, private_gallery: Gallery
) -> None:
    for number in range(5):
        put(make_picture(prompt=f"Lemon {number % 2}"), private_gallery)
    text = text_of(as_owner, "/pictures/?q=lemon")
    assert "More than 2 pictures" in text
    address = re.search(r'hx-get="(/pictures/count/[^"]*)"', text)
    assert address
    assert text_of(as_owner, unescape(address[1])).strip() == "5 pictures"
    text = text_of(as_owner, f"/galleries/{private_gallery.pk}/?q=lemon+0")
    address = re.search(r'hx-get="(/pictures/count/[^"]*)"', text)
    assert address
    assert text_of(as_owner, unescape(address[1])).strip() == "3 pictures"
    assert as_teammate.get(unescape(address[1])).status_code == 404
    assert text_of(as_owner, "/pictures/count/").strip() == "5 pictures"
    # A result of one page was counted with it.
    text = text_of(as_owner, "/pictures/?q=1")
    assert "2 pictures" in text
    assert "/pictures/count/" not in text


@pytest.mark.usefixtures("page_of_two")
def test_count_stops_at_its_limit(as_owner: Client, make_picture: MakePicture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gallery.queries.search.COUNT_LIMIT", 3)
    monkeypatch.setattr(library, "COUNT_LIMIT", 3)
    for _ in range(3):
        make_picture()
    assert text_of(as_owner, "/pictures/count/").strip() == "3 pictures"
    make_picture()
    assert text_of(as_owner, "/pictures/count/").strip() == "More than 3 pictures"


@pytest.mark.usefixtures("page_of_two")
def test_wall_names_months_once_and_the_bar_leads_to_them(as_owner: Client, make_picture: MakePicture) -> None:
    pictures = [make_picture() for _ in range(4)]
    for picture, month in zip(pictures, (1, 3, 3, 3), strict=True):
        Picture.objects.filter(pk=picture.pk).update(created_at=datetime(2026, month, 2, tzinfo=UTC))
    named = re.compile(r'data-month="([^"]+)">([^<]+)<')
    text = text_of(as_owner, "/pictures/")
    assert named.findall(text) == [("2026-03", "March 2026")]
    more = re.search(r'hx-get="([^"]+)" hx-select', text)
    assert more
    # The next pictures go on in the same month.
    assert named.findall(text_of(as_owner, unescape(more[1]), headers=HTMX)) == [("2026-01", "January 2026")]
    address = re.search(r'data-months="([^"]+)"', text)
    assert address
    march, january = as_owner.get(unescape(address[1])).json()["months"]
    assert (march["label"], march["count"], january["key"]) == ("March 2026", 3, "2026-01")
    assert tiles(as_owner, january["url"]) == [pictures[0].pk]
    answer = as_owner.get(january["url"], headers=HTMX)
    assert answer["HX-Push-Url"] == january["url"]
    assert "data-month=" not in text_of(as_owner, "/pictures/?sort=rated")


# -- suggested tags


def test_suggested_tags_are_of_visible_pictures(
    as_owner: Client, as_teammate: Client, make_picture: MakePicture, team_gallery: Gallery
) -> None:
    shown, hidden = make_picture(), make_picture()
    put(shown, team_gallery)
    Tag.objects.create(name="Seen").pictures.add(shown)
    Tag.objects.create(name="<Secret>").pictures.add(hidden)
    Tag.objects.create(name="Unused")

    def offered(client: Client) -> list[str]:
        return re.findall(r'value="([^"]+)"', text_of(client, "/pictures/tags/"))

    assert offered(as_owner) == ["&lt;Secret&gt;", "Seen"]
    assert offered(as_teammate) == ["Seen"]


# -- saved searches


def test_person_saves_opens_and_deletes_a_search(as_owner: Client, owner: Person, make_picture: MakePicture) -> None:
    make_picture()
    page = text_of(as_owner, "/pictures/?q=lemon&shape=wide")
    query = re.search(r'name="query" value="([^"]*)"', page)
    assert query
    data = {"name": " Wide lemons ", "query": unescape(query[1])}
    text = as_owner.post("/searches/", data, follow=True).content.decode()
    assert "Saved as “Wide lemons”." in text
    saved = SavedSearch.objects.get(person=owner)
    assert (saved.name, saved.query) == ("Wide lemons", "q=lemon&shape=wide")
    assert 'href="/pictures/?q=lemon&amp;shape=wide">Wide lemons</a>' in text
    text = as_owner.post(f"/searches/{saved.pk}/delete/", follow=True).content.decode()
    assert "The saved search “Wide lemons” is gone." in text
    assert "Saved searches" not in text


def test_saved_searches_are_private(as_owner: Client, as_teammate: Client, owner: Person) -> None:
    saved = SavedSearch.objects.create(person=owner, name="Mine", query="q=x")
    assert "Mine" in text_of(as_owner, "/pictures/")
    assert "Mine" not in text_of(as_teammate, "/pictures/").replace("Mine</a>", "")
    assert as_teammate.post(f"/searches/{saved.pk}/delete/").status_code == 404
    # Another person may use the same name.
    assert as_teammate.post("/searches/", {"name": "Mine", "query": "q=y"}).status_code == 302


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ("q=lemon&after=5&shown=80&x=<script>", "q=lemon"),
        ("model=9999&q=a", "q=a"),
        ("//evil.example/", ""),
        ("q=%C3%A4&sort=oldest", "q=%C3%A4&sort=oldest"),
    ],
)
def test_only_valid_filters_are_saved(as_owner: Client, owner: Person, query: str, kept: str) -> None:
    response = as_owner.post("/searches/", {"name": "One", "query": query})
    assert SavedSearch.objects.get(person=owner).query == kept
    assert response["Location"] == f"/pictures/?{kept}"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", "Give the search a name."),
        ("x" * 81, "A name may have 80 characters; shorten it."),
        ("Taken", "You have a saved search of this name already."),
    ],
)
@pytest.mark.parametrize("htmx", [True, False], ids=["htmx", "plain"])
def test_invalid_name_of_a_search_is_refused(
    as_owner: Client, owner: Person, make_picture: MakePicture, name: str, said: str, htmx: bool
) -> None:
    make_picture()
    SavedSearch.objects.create(person=owner, name="Taken", query="q=x")
    response: Any = as_owner.post("/searches/", {"name": name, "query": "q=lemon"}, headers=HTMX if htmx else {})
    text = response.content.decode()
    assert response.status_code == 422
    assert said in text
    assert ("<html" in text) == (not htmx)
    if not htmx:
        assert "Search “lemon”" in text
        assert f'value="{name}"' in text
    assert SavedSearch.objects.count() == 1


def test_saving_with_htmx_gets_the_list_and_a_message(as_owner: Client) -> None:
    response: Any = as_owner.post("/searches/", {"name": "One", "query": "q=x"}, headers=HTMX)
    assert 'id="searches"' in response.content.decode()
    assert "Saved as" in response["HX-Trigger"]
    response = as_owner.post(f"/searches/{SavedSearch.objects.get().pk}/delete/", headers=HTMX)
    assert "is gone" in response["HX-Trigger"]
    assert "Saved searches" not in response.content.decode()


# -- tiles


@pytest.mark.parametrize(("cookie", "size"), [("1", 1), ("5", 5), ("9", 3), ("x", 3), ("²", 3), (None, 3)])
def test_tiles_have_the_chosen_size(as_owner: Client, make_picture: MakePicture, cookie: str | None, size: int) -> None:
    make_picture()
    if cookie:
        as_owner.cookies["tiles"] = cookie
    text = text_of(as_owner, "/pictures/")
    assert f'class="rows tiles" data-size="{size}"' in text
    assert f'step="1" value="{size}"' in text


def test_query_count_does_not_grow_with_pictures(
    as_teammate: Client, owner: Person, teammate: Person, make_picture: MakePicture
) -> None:
    """Nor with galleries, tags, marks and authors."""

    def queries(query: str = "") -> int:
        with CaptureQueriesContext(connection) as captured:
            as_teammate.get(f"/pictures/{query}")
        return len(captured)

    def add(number: int) -> None:
        author = teammate if number % 2 else owner
        picture = make_picture(author=author)
        gallery = Gallery.objects.create(owner=author, name=f"Gallery {number}", shared_with_team=True)
        put(picture, gallery)
        Tag.objects.create(name=f"tag {number}").pictures.add(picture)
        Mark.objects.create(person=teammate, picture=picture, favourite=True, rating=3)

    add(0)
    add(1)
    asked = ["", "?q=lemon", "?favourite=on", "?sort=rated", "?rating=1&sort=oldest", "?shape=wide&q=a"]
    with_two = [queries(one) for one in asked]
    for number in range(2, PAGE):
        add(number)
    assert [queries(one) for one in asked] == with_two
    assert max(with_two) <= 16


# -- days that some databases and time zones do not have


@pytest.mark.parametrize("day", ["0001-01-01", "1969-12-31", "3000-01-01", "9999-12-31"])
@pytest.mark.parametrize("name", ["since", "until"])
def test_a_day_out_of_range_is_told_and_does_not_filter(as_owner: Client, name: str, day: str) -> None:
    response = as_owner.get(f"/pictures/?{name}={day}")
    assert response.status_code == 200
    assert "Pick a day between 1970 and 2999." in response.content.decode()


@pytest.mark.parametrize("query", ["since=1970-01-01", "until=2999-12-31"])
@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Niue"])
def test_the_first_and_the_last_day_can_be_searched(as_owner: Client, query: str, zone: str, settings: Any) -> None:
    settings.TIME_ZONE = zone
    assert as_owner.get(f"/pictures/?{query}").status_code == 200


def test_a_saved_search_with_a_day_out_of_range_can_be_opened(as_owner: Client, owner: Person) -> None:
    as_owner.post("/searches/", {"name": "The end", "query": "until=9999-12-31"})
    for saved in SavedSearch.objects.filter(person=owner):
        assert as_owner.get(f"/pictures/?{saved.query}").status_code == 200
    SavedSearch.objects.create(person=owner, name="From before", query="until=9999-12-31")
    text = as_owner.get("/pictures/").content.decode()
    assert "From before" in text
    assert as_owner.get("/pictures/?until=9999-12-31").status_code == 200
