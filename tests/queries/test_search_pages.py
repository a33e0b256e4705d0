"""Pages of a search, with each strategy: the same as by plain conditions, page by page."""

import copy
import random
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.db.models import Q, QuerySet
from django.test.utils import CaptureQueriesContext

from gallery.models import Gallery, GalleryEntry, Generation, Mark, Membership, Person, Picture, State, Tag
from gallery.queries import search
from gallery.queries.search import PictureSearch, SearchQuery, Sort
from gallery.services.galleries import make_gallery
from tests.conftest import model

pytestmark = pytest.mark.database

MakePicture = Callable[..., Picture]
WAYS = [(3_000, 10, 30_000), (0, 1, 3), (0, 0, 0), (4, 1, 9), (15, 2, 20)]
NEW = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def crowd_rows(shared_rows: None) -> dict[str, Any]:
    """Seventy pictures of three authors. The teammate sees some in three ways; some are in the trash."""
    chance = random.Random(7)
    owner, teammate, administrator = (
        Person.objects.create_user(f"{name}@example.org", name=name) for name in ("Olivia", "Tom", "Ada")
    )
    designers = Group.objects.create(name="Designers")
    teammate.groups.add(designers)
    shown = Gallery.objects.create(owner=owner, name="Shown", shared_with_team=True)
    joined, by_group = make_gallery(administrator, "Joined"), make_gallery(owner, "By group")
    Membership.objects.create(gallery=joined, person=teammate)
    Membership.objects.create(gallery=by_group, group=designers)
    galleries = [shown, joined, by_group, make_gallery(owner, "Hidden")]
    tags = [Tag.objects.create(name=name) for name in ("Fruit", "Night")]
    for number in range(70):
        author = chance.choice([owner, owner, teammate, administrator])
        prompt = " ".join(chance.sample(["lemon", "lime", "pear", "plum", "fig"], 2)) + f" number{number}"
        slug = chance.choice(["dall-e-3", "flux-pro", "flux-pro"])
        generation = Generation.objects.create(author=author, model=model(slug), prompt=prompt, state=State.COMPLETED)
        width, height = chance.choice([(64, 64), (96, 64), (64, 96)])
        picture = Picture.objects.create(
            generation=generation,
            index=0,
            author=author,
            original="none.png",
            sha256=f"{number:064x}",
            format="PNG",
            byte_size=1,
            width=width,
            height=height,
            # Not in the order of ids, as after an import.
            created_at=NEW - timedelta(days=(number * 37) % 70),
            trashed_at=NEW if number % 11 == 0 else None,
        )
        for tag in tags:
            if chance.random() < 0.3:
                tag.pictures.add(picture)
        for gallery in galleries:
            if chance.random() < 0.25:
                status = chance.choice(GalleryEntry.Status.values)
                position = chance.choice([0, 0, 1.5, -2.25])
                GalleryEntry.objects.create(gallery=gallery, picture=picture, status=status, position=position)
        for person in (owner, teammate):
            if chance.random() < 0.4:
                rating = chance.choice([None, 1, 3, 3, 5])
                Mark.objects.create(person=person, picture=picture, favourite=chance.random() < 0.5, rating=rating)
    people = {"owner": owner, "teammate": teammate, "author": administrator.pk}
    return {"galleries": galleries, "shown": shown, "tags": tags, **people}


@pytest.fixture
def crowd(crowd_rows: dict[str, Any], db: None) -> dict[str, Any]:
    return copy.deepcopy(crowd_rows)


@pytest.fixture
def owner(crowd: dict[str, Any]) -> Person:
    person: Person = crowd["owner"]
    return person


@pytest.fixture
def teammate(crowd: dict[str, Any]) -> Person:
    person: Person = crowd["teammate"]
    return person


def plainly(person: Person, query: SearchQuery, gallery: Gallery | None) -> list[int]:
    """The same search by plain conditions."""
    rows: QuerySet[Picture] = Picture.objects.visible_to(person)
    if gallery:
        rows = rows.filter(galleries=gallery)
    for word in query.words:
        rows = rows.filter(search_text__contains=f" {word}")
    plain = {
        "model": query.model,
        "author": query.author,
        "shape": query.shape,
        "tags__name__iexact": query.tag,
        "created_at__date__gte": query.since,
        "created_at__date__lte": query.until,
    }
    rows = rows.filter(**{name: value for name, value in plain.items() if value})
    if query.gallery:
        rows = rows.filter(pk__in=GalleryEntry.objects.filter(gallery=query.gallery).values("picture"))
    if query.favourite:
        rows = rows.filter(pk__in=person.marks.filter(favourite=True).values("picture"))
    if query.rating:
        rows = rows.filter(pk__in=person.marks.filter(rating__gte=query.rating).values("picture"))
    if query.status:
        rows = rows.filter(pk__in=GalleryEntry.objects.filter(gallery=gallery, status=query.status).values("picture"))
    ids = set(rows.values_list("pk", flat=True))
    if query.sort == Sort.HAND:
        entries = GalleryEntry.objects.filter(gallery=gallery, picture__in=ids).order_by("-position", "-pk")
        return list(entries.values_list("picture", flat=True))
    ratings = dict(person.marks.exclude(rating=None).values_list("picture", "rating"))
    if query.sort == Sort.RATED:
        return sorted(ids, key=lambda pk: (ratings.get(pk, 0), pk), reverse=True)
    return sorted(ids, reverse=query.sort == Sort.NEWEST)


QUESTIONS: list[dict[str, Any]] = [
    {},
    {"sort": Sort.OLDEST},
    {"sort": Sort.RATED},
    {"words": ("lemon",)},
    {"words": ("lem", "pl"), "sort": Sort.OLDEST},
    {"words": ("number3",), "sort": Sort.RATED},
    {"words": ("nothing",)},
    {"model": "dall-e-3"},
    {"author": True},
    {"author": "me"},
    {"author": "me", "model": "flux-pro", "sort": Sort.RATED},
    {"shape": "tall", "words": ("fig",)},
    {"tag": "fRUIT"},
    {"tag": "no such tag"},
    {"favourite": True},
    {"favourite": True, "sort": Sort.OLDEST, "words": ("lime",)},
    {"rating": 3},
    {"rating": 3, "sort": Sort.RATED, "model": "flux-pro"},
    {"since": date(2026, 4, 20), "until": date(2026, 5, 20)},
    {"until": date(2026, 5, 1), "sort": Sort.OLDEST},
    {"since": date(2026, 5, 1), "shape": "wide", "sort": Sort.RATED},
    {"since": date(2027, 1, 1)},
]


def pages(pictures: PictureSearch, size: int) -> list[int]:
    """All results, page by page."""
    ids: list[int] = []
    after = ""
    while True:
        page = pictures.page(size, after)
        assert len(page.ids) == size or not page.after
        ids += page.ids
        assert len(set(ids)) == len(ids), "the same picture twice"
        after = page.after
        if not after:
            return ids


@pytest.fixture(params=WAYS, ids=str)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in zip(("FEW_IDS", "SCAN_PER_RESULT", "SCAN_LIMIT"), request.param, strict=True):
        monkeypatch.setattr(search, name, value)


def asked(question: dict[str, Any], person: Person, crowd: dict[str, Any]) -> SearchQuery:
    question = dict(question)
    if "model" in question:
        question["model"] = model(question["model"]).pk
    if "author" in question:
        question["author"] = person.pk if question["author"] == "me" else crowd["author"]
    return SearchQuery(**question)


@pytest.mark.usefixtures("way")
def test_pages_agree_with_plain_conditions(crowd: dict[str, Any], owner: Person, teammate: Person) -> None:
    something = 0
    for person in (owner, teammate):
        visible = list(Gallery.objects.visible_to(person).values_list("pk", flat=True))
        for question in QUESTIONS:
            for inside in (None, crowd["shown"].pk):
                query = asked({**question, "gallery": inside}, person, crowd)
                expected = plainly(person, query, None)
                pictures = PictureSearch(person, query, visible=visible)
                assert pages(pictures, 7) == expected, (person, question, inside)
                assert pictures.count() == len(expected)
                something += bool(expected)
    assert something > 50


@pytest.mark.usefixtures("way")
def test_gallery_pages_agree_with_plain_conditions(crowd: dict[str, Any], teammate: Person) -> None:
    shown = crowd["shown"]
    hand: list[dict[str, Any]] = [{**one, "sort": Sort.HAND} for one in QUESTIONS if "sort" not in one]
    for question in [*QUESTIONS, *hand, {"status": "approved"}, {"status": "draft", "sort": Sort.HAND}]:
        query = asked(question, teammate, crowd)
        assert pages(PictureSearch(teammate, query, gallery=shown), 5) == plainly(teammate, query, shown), question


def test_new_pictures_do_not_shift_the_next_page(crowd: dict[str, Any], owner: Person) -> None:
    pictures = PictureSearch(owner, SearchQuery())
    first = pictures.page(5)
    before = pictures.page(5, first.after).ids
    generation = Generation.objects.create(author=owner, model=model(), prompt="New", state=State.COMPLETED)
    newest = Picture.objects.filter(author=owner).latest("pk")
    newest.pk, newest.generation, newest._state.adding = None, generation, True
    newest.trashed_at = None
    newest.save()
    assert PictureSearch(owner, SearchQuery()).page(5).ids[0] == newest.pk
    assert PictureSearch(owner, SearchQuery()).page(5, first.after).ids == before


@pytest.mark.parametrize("after", ["", "x", "-1", "9" * 30, "1~2", "~", "1~", "nan~1", "inf~1", "²"])
@pytest.mark.parametrize("sort", [Sort.NEWEST, Sort.RATED])
def test_invalid_place_opens_the_first_page(crowd: dict[str, Any], owner: Person, sort: Sort, after: str) -> None:
    if (sort, after) == (Sort.RATED, "1~2"):
        return
    pictures = PictureSearch(owner, SearchQuery(sort=sort))
    assert pictures.page(5, after) == pictures.page(5)


def test_order_by_hand_needs_a_gallery(owner: Person) -> None:
    with pytest.raises(ValueError, match="in a gallery only"):
        PictureSearch(owner, SearchQuery(sort=Sort.HAND))


def test_count_stops_at_its_limit(crowd: dict[str, Any], owner: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "COUNT_LIMIT", 5)
    assert PictureSearch(owner, SearchQuery()).count() == 6


def test_tags_are_of_visible_pictures(crowd: dict[str, Any], owner: Person, teammate: Person) -> None:
    fruit, night = crowd["tags"]
    visible = list(Gallery.objects.visible_to(teammate).values_list("pk", flat=True))
    seen = Picture.objects.filter(Q(author=teammate) | Q(entries__gallery__in=visible)).values("pk")
    night.pictures.set(Picture.objects.exclude(pk__in=seen))
    assert PictureSearch(teammate, SearchQuery(), visible=visible).tags(10) == [fruit.name]
    assert PictureSearch(owner, SearchQuery()).tags(10) == [fruit.name, night.name]
    assert PictureSearch(owner, SearchQuery()).tags(1) == [fruit.name]


@pytest.mark.parametrize("question", QUESTIONS, ids=str)
def test_count_is_that_of_all_pages(crowd: dict[str, Any], teammate: Person, question: dict[str, Any]) -> None:
    visible = list(Gallery.objects.visible_to(teammate).values_list("pk", flat=True))
    found = PictureSearch(teammate, asked(question, teammate, crowd), visible=visible)
    assert found.count() == len(found.page(10_000).ids)


@pytest.mark.parametrize("question", QUESTIONS, ids=str)
def test_query_count_does_not_grow_with_pictures(
    crowd: dict[str, Any], teammate: Person, question: dict[str, Any]
) -> None:
    """No picture costs its own query."""
    visible = list(Gallery.objects.visible_to(teammate).values_list("pk", flat=True))
    with CaptureQueriesContext(connection) as captured:
        PictureSearch(teammate, asked(question, teammate, crowd), visible=visible).page(20)
    assert len(captured) <= 10
