"""Search: words, the search index of both databases, and pages of results."""

import random
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command
from django.core.management.sql import emit_post_migrate_signal
from django.db import connection
from django.db.models import F, Q, QuerySet
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django_q.models import OrmQ

from gallery import tasks
from gallery.db import search_index
from gallery.models import Gallery, GalleryEntry, Generation, Mark, Membership, Person, Picture, State, Tag
from gallery.queries import search
from gallery.queries.months import months_of
from gallery.queries.search import PictureSearch, SearchQuery, Sort
from gallery.services.galleries import make_gallery
from tests.conftest import model, put

pytestmark = pytest.mark.database

MakePicture = Callable[..., Picture]

# -- words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("A Lemon, on a table!", ["a", "lemon", "on", "table"]),
        ("Ünïcode STRASSE straße", ["unicode", "strasse"]),
        ("re-use foo_bar 3D", ["re", "use", "foo", "bar", "3d"]),
        ("don’t “quote” me", ["don", "t", "quote", "me"]),
        ("東京タワー red", ["東京タ", "京タワ", "タワー", "ワー", "ー", "red"]),
        ("दाल क़िला", ["दाल", "किला"]),
        ("ดอกไม้", ["ดอก", "อกไ", "กไม้", "ไม้", "ม้"]),
        ("می‌خواهم مَرحَبا", ["میخواهم", "مرحبا"]),
        ("Ελλάδα İstanbul", ["ελλαδα", "istanbul"]),
        ("x" * 100, ["x" * 60]),
        ("…!?", []),
        ("", []),
    ],
)
def test_text_is_split_into_words(text: str, words: list[str]) -> None:
    assert search_index.words(text) == words


def test_stored_text_has_a_space_before_each_word() -> None:
    assert search_index.text_of("A lemon", "a Lime") == " a lemon lime"
    assert search_index.text_of("", "") == ""


# -- the search index


def found(text: str) -> set[int]:
    return set(Picture.objects.search(text).values_list("pk", flat=True))


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        ("lemon", True),
        ("LEM", True),
        ("table lemon", True),
        ("emon", False),
        ("lemon chair", False),
        ("cafe", True),
        ("Café", True),
        ("owner", True),
        ("nowhere", False),
        ("東京", True),
        ("京タワー", True),
        ("京東", False),
        ("3d", True),
        ("007", True),
        ("1e5", True),
        ("", True),
        ("?!", True),
        ('"lemon" OR x', False),
        ("lemon* & (table | x)", False),
        ("'; drop", False),
    ],
)
def test_search_finds_beginnings_of_words(make_picture: MakePicture, text: str, is_found: bool) -> None:
    picture = make_picture(prompt="A lemon on a table, Café 東京タワー 3D 007 1e5")
    assert found(text) == ({picture.pk} if is_found else set())


@pytest.mark.parametrize(
    ("prompt", "found_by", "not_found_by"),
    [
        ("दाल और लौकी की सब्जी", ["दाल", "दा", "लौकी सब्जी", "सब्‍जी"], ["दुल", "कौ"]),
        ("தமிழ் நாடு", ["தமிழ்", "நா"], ["தமு"]),
        ("ดอกไม้สีแดงบนโต๊ะ", ["ดอกไม้", "สีแดง", "โต๊ะ", "ไม้สีแดงบ"], ["สีดำ", "แดงดอกไม้"]),
        ("ດອກໄມ້ສີແດງ", ["ດອກໄມ້", "ສີແດງ"], ["ສີດຳ"]),
        ("ផ្កាក្រហមនៅលើតុ", ["ក្រហម", "លើតុ"], ["ខៀវ"]),
        ("စားပွဲပေါ်မှာ ပန်းနီ", ["ပန်း", "ပွဲပေါ်"], ["ပန်းဖြူ"]),
    ],
)
def test_search_finds_words_of_other_scripts(
    make_picture: MakePicture, prompt: str, found_by: list[str], not_found_by: list[str]
) -> None:
    picture = make_picture(prompt=prompt)
    query = [search_index.asked_words(text) for text in (*found_by, *not_found_by)]
    for text, words in zip((*found_by, *not_found_by), query, strict=True):
        expected = {picture.pk} if text in found_by else set()
        assert found(text) == expected, text
        scanned = Picture.objects.filter(*(search_index.contains(word) for word in words))
        assert set(scanned.values_list("pk", flat=True)) == expected, text


def test_index_follows_changes(make_picture: MakePicture) -> None:
    one, other = make_picture(prompt="A lemon"), make_picture(prompt="A lime")
    assert found("lemon") == {one.pk}
    Picture.objects.filter(pk=one.pk).update(search_text=search_index.text_of("A pear"))
    assert (found("lemon"), found("pear"), found("lime")) == (set(), {one.pk}, {other.pk})
    one.refresh_from_db()
    one.width = 100
    one.save()
    assert found("pear") == {one.pk}
    other.delete()
    assert found("lime") == set()


def test_only_few_ids_are_listed(make_picture: MakePicture) -> None:
    pictures = {make_picture(prompt=f"A lemon {number}").pk for number in range(3)}
    assert set(search_index.few(["lemon"], 3) or ()) == pictures
    assert search_index.few(["lemon"], 2) is None
    assert search_index.few(["nothing"], 2) == []


@pytest.mark.skipif(connection.vendor != "sqlite", reason="only SQLite loses triggers")
def test_lost_triggers_are_restored(make_picture: MakePicture) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER gallery_picture_search_insert")
    lost = make_picture(prompt="A pineapple")
    assert found("pineapple") == set()
    emit_post_migrate_signal(verbosity=0, interactive=False, db="default")
    assert found("pineapple") == {lost.pk}
    kept = make_picture(prompt="A pineapple again")
    assert found("pineapple") == {lost.pk, kept.pk}
    assert not search_index.mend(connection)


# -- stored search words


def test_new_picture_has_its_words_and_model(make_picture: MakePicture) -> None:
    picture = make_picture(prompt="Zest", slug="dall-e-3")
    picture.refresh_from_db()
    assert picture.model == model("dall-e-3")
    assert picture.search_text == " zest olivia owner"


@pytest.mark.parametrize(
    ("width", "height", "shape"),
    [(64, 64, "square"), (104, 100, "square"), (106, 100, "wide"), (100, 106, "tall"), (1920, 1080, "wide")],
)
def test_picture_has_a_shape(make_picture: MakePicture, width: int, height: int, shape: str) -> None:
    picture = make_picture()
    Picture.objects.filter(pk=picture.pk).update(width=width, height=height)
    picture.refresh_from_db()
    assert picture.shape == shape


def test_tags_are_found_after_a_refresh(make_picture: MakePicture) -> None:
    picture, other = make_picture(), make_picture()
    Tag.objects.create(name="Still Life").pictures.add(picture)
    Picture.refresh_search_text([picture.pk])
    assert found("still life") == {picture.pk}
    with CaptureQueriesContext(connection) as captured:
        Picture.refresh_search_text([picture.pk, other.pk])
    assert not [one for one in captured if one["sql"].startswith("UPDATE")]


def test_renamed_person_is_found_by_the_new_name(
    as_administrator: Client, owner: Person, make_picture: MakePicture
) -> None:
    picture = make_picture()
    page = reverse("admin:gallery_person_change", args=[owner.pk])
    form = as_administrator.get(page).context["adminform"].form
    data = {name: value for name, value in form.initial.items() if isinstance(value, str | int) and value is not False}
    management = {
        f"{formset.formset.prefix}-{name}": 0
        for formset in as_administrator.get(page).context["inline_admin_formsets"]
        for name in ("TOTAL_FORMS", "INITIAL_FORMS")
    }
    answer = as_administrator.post(page, {**data, **management, "name": "Olivia Quince"})
    assert answer.status_code == 302, answer.context["errors"]
    assert found("quince") == set()
    sent = [one.task["args"] for one in OrmQ.objects.all() if one.task["func"] == "gallery.tasks.refresh_search"]
    assert sent == [(owner.pk,)]
    tasks.refresh_search(owner.pk)
    assert found("quince") == {picture.pk}
    assert found("owner") == set()


# -- pages of a search, with each strategy


WAYS = [(3_000, 10, 30_000), (0, 1, 3), (0, 0, 0), (4, 1, 9), (15, 2, 20)]
NEW = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture
def crowd(owner: Person, teammate: Person, administrator: Person, db: None) -> dict[str, Any]:
    """Seventy pictures of three authors. The teammate sees some in three ways; some are in the trash."""
    chance = random.Random(7)
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
    return {"galleries": galleries, "shown": shown, "author": administrator.pk, "tags": tags}


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


def test_months_lead_to_their_first_page(owner: Person, make_picture: MakePicture, teammate: Person) -> None:
    days = [datetime(2025, 11, 30, 12, tzinfo=UTC), *(datetime(2026, 3, day, 12, tzinfo=UTC) for day in (1, 31))]
    pictures = [make_picture() for _ in days]
    for picture, day in zip(pictures, days, strict=True):
        Picture.objects.filter(pk=picture.pk).update(created_at=day)
    newest = PictureSearch(owner, SearchQuery())
    months = months_of(newest)
    assert [(month.day, month.count) for month in months] == [(date(2026, 3, 1), 2), (date(2025, 11, 1), 1)]
    assert newest.page(1, f"{months[1].last + 1}").ids == [pictures[0].pk]
    oldest = PictureSearch(owner, SearchQuery(sort=Sort.OLDEST))
    assert oldest.page(1, f"{months[0].first - 1}").ids == [pictures[1].pk]
    assert months_of(PictureSearch(teammate, SearchQuery())) == []


@pytest.mark.parametrize("question", QUESTIONS, ids=str)
def test_query_count_does_not_grow_with_pictures(
    crowd: dict[str, Any], teammate: Person, question: dict[str, Any]
) -> None:
    """No picture costs its own query."""
    visible = list(Gallery.objects.visible_to(teammate).values_list("pk", flat=True))
    with CaptureQueriesContext(connection) as captured:
        PictureSearch(teammate, asked(question, teammate, crowd), visible=visible).page(20)
    assert len(captured) <= 10


# -- many pictures


def test_command_makes_pictures(owner: Person) -> None:
    call_command("make_pictures", "60", "--files", "2", stderr=None, stdout=None)
    pictures = Picture.objects.all()
    assert len(pictures) == 60
    assert len({picture.original_name for picture in pictures}) == 2
    assert len({picture.author_id for picture in pictures}) > 3
    assert owner.pk in {picture.author_id for picture in pictures}
    assert pictures.filter(tags__isnull=False).exists()
    assert pictures.filter(galleries__isnull=False).exists()
    assert pictures.filter(marks__rating__isnull=False).exists()
    assert not GalleryEntry.objects.exclude(gallery__owner=F("picture__author")).exists()
    one = pictures.exclude(search_text="").first()
    assert one
    assert one.pk in found(one.generation.prompt)
    assert one.original.size == one.byte_size
    assert all(one.original.storage.exists(one.thumbnail_name(width, "webp")) for width in one.thumbnails["webp"])


@pytest.mark.parametrize("count", ["0", "-5"])
def test_command_makes_at_least_one_picture(db: None, count: str) -> None:
    with pytest.raises(CommandError, match="one picture"):
        call_command("make_pictures", count)


def test_picture_in_a_gallery_is_visible(make_picture: MakePicture, teammate: Person, private_gallery: Gallery) -> None:
    """The page has its own conditions of visibility. They must agree with those of a single picture."""
    picture = make_picture()
    put(picture, private_gallery)
    assert PictureSearch(teammate, SearchQuery()).page(5).ids == []
    Membership.objects.create(gallery=private_gallery, person=teammate)
    visible = list(Gallery.objects.visible_to(teammate).values_list("pk", flat=True))
    assert PictureSearch(teammate, SearchQuery(), visible=visible).page(5).ids == [picture.pk]
