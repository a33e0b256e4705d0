"""Search: words, the search index of both databases, and pages of results."""

from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest
from django.core.management import CommandError, call_command
from django.core.management.sql import emit_post_migrate_signal
from django.db import connection
from django.db.models import F
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django_q.models import OrmQ

from gallery import tasks
from gallery.db import search_index
from gallery.models import Gallery, GalleryEntry, Membership, Person, Picture, Tag
from gallery.queries.months import months_of
from gallery.queries.search import PictureSearch, SearchQuery, Sort
from tests.conftest import model, put

pytestmark = pytest.mark.database

MakePicture = Callable[..., Picture]


def found(text: str) -> set[int]:
    return set(Picture.objects.search(text).values_list("pk", flat=True))


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
