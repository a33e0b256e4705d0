"""The commands on marks, tags and the trash. Each one happens completely or not at all."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Group
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from gallery import services
from gallery.engine import housekeeping
from gallery.engine.ingest import ingest_results, make_thumbnails
from gallery.models import (
    Gallery,
    Generation,
    LedgerEntry,
    Mark,
    Membership,
    Person,
    Picture,
    PromptTemplate,
    Role,
    State,
    Tag,
    ledger,
)
from gallery.models.picture import KEEP_TRASH
from gallery.queries.cards import for_cards
from gallery.services.errors import InvalidInput
from gallery.services.tags import MOST_TAGS
from tests.conftest import put

pytestmark = pytest.mark.database

MakeGeneration = Callable[..., Generation]
MakePicture = Callable[..., Picture]
RESULTS = [{"url": "https://images.example/a.png"}, {"url": "https://images.example/b.png"}]


@pytest.fixture
def picture(make_picture: MakePicture) -> Picture:
    return make_picture()


@pytest.fixture
def two_of_one(make_generation: MakeGeneration, make_picture: MakePicture) -> list[Picture]:
    """Both pictures of one paid generation."""
    generation = make_generation(state=State.COMPLETED, results=RESULTS, count=2, cost=Decimal("0.1"))
    return [make_picture(generation, index=index) for index in range(2)]


# -- marks


def test_marks_belong_to_one_person(picture: Picture, owner: Person, teammate: Person) -> None:
    services.marks.favourite(owner, [picture.pk])
    services.marks.rate(owner, picture, 4)
    services.marks.rate(teammate, picture, 1)
    marks = Mark.objects.order_by("rating").values_list("person", "favourite", "rating")
    assert list(marks) == [(teammate.pk, False, 1), (owner.pk, True, 4)]
    assert vars(Picture.objects.marked_by(owner).get())["is_favourite"]
    assert not vars(Picture.objects.marked_by(teammate).get())["is_favourite"]


def test_removing_a_favourite_keeps_the_rating(picture: Picture, owner: Person) -> None:
    services.marks.favourite(owner, [picture.pk])
    services.marks.rate(owner, picture, 5)
    services.marks.favourite(owner, [picture.pk], wanted=False)
    assert Mark.objects.values_list("favourite", "rating").get() == (False, 5)
    services.marks.rate(owner, picture, None)
    assert Mark.objects.values_list("favourite", "rating").get() == (False, None)


@pytest.mark.parametrize("rating", [0, 6, -1])
def test_rating_outside_one_to_five_is_refused(picture: Picture, owner: Person, rating: int) -> None:
    with pytest.raises(InvalidInput):
        services.marks.rate(owner, picture, rating)
    assert not Mark.objects.exists()


# -- tags


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("lemon", ["lemon"]),
        (" still   life ,Lemon,, lemon ", ["still life", "Lemon"]),
        ("Äpfel, äpfel", ["Äpfel"]),
        ("Cafe\u0301", ["Café"]),
        ("x" * 60, ["x" * 60]),
    ],
)
def test_tag_names_are_split_and_normalised(text: str, names: list[str]) -> None:
    assert services.tags.tag_names(text) == names


@pytest.mark.parametrize("text", ["", " , ", "x" * 61, "a\x00b", "a\u202eb"])
def test_invalid_tag_names_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        services.tags.tag_names(text)


@pytest.mark.django_db
@pytest.mark.parametrize(("first", "second"), [("Lemon", "lemon"), ("ÄPFEL", "äpfel"), ("Œuvre", "œuvre")])
def test_tags_that_differ_in_case_are_one_tag(
    picture: Picture, make_picture: MakePicture, first: str, second: str
) -> None:
    services.tags.tag([picture.pk], [first])
    services.tags.tag([picture.pk, make_picture().pk], [second])
    assert [(tag.name, tag.pictures.count()) for tag in Tag.objects.all()] == [(first, 2)]


def test_pictures_are_found_by_their_tags(picture: Picture) -> None:
    services.tags.tag([picture.pk], ["Breakfast"])
    assert Picture.objects.search("breakf").get() == picture
    services.tags.untag(picture, Tag.objects.get().pk)
    assert not Picture.objects.search("breakf").exists()


def test_picture_cannot_have_too_many_tags(picture: Picture, make_picture: MakePicture) -> None:
    names = [f"tag {number}" for number in range(MOST_TAGS)]
    services.tags.tag([picture.pk], names)
    # Tags that the picture has already do not count twice.
    services.tags.tag([picture.pk], names[:5])
    other = make_picture()
    with pytest.raises(InvalidInput, match="more than 30"):
        services.tags.tag([other.pk, picture.pk], ["one more"])
    assert not other.tags.exists(), "all of them or none"
    assert not Tag.objects.filter(name="one more").exists()


def test_only_author_and_contributors_may_tag(
    picture: Picture, owner: Person, teammate: Person, private_gallery: Gallery
) -> None:
    put(picture, private_gallery)
    assert services.tags.taggable(owner).get() == picture
    assert not services.tags.taggable(teammate).exists()
    Gallery.objects.update(shared_with_team=True)
    assert not services.tags.taggable(teammate).exists(), "a viewer does not tag"
    member = Membership.objects.create(gallery=private_gallery, person=teammate, role=Role.VIEWER)
    assert not services.tags.taggable(teammate).exists()
    Membership.objects.filter(pk=member.pk).update(role=Role.CONTRIBUTOR)
    assert services.tags.taggable(teammate).get() == picture
    member.delete()
    group = Group.objects.create(name="Design")
    teammate.groups.add(group)
    Membership.objects.create(gallery=private_gallery, group=group, role=Role.MANAGER)
    assert services.tags.taggable(teammate).get() == picture
    services.trash.trash(owner, [picture.pk])
    assert not services.tags.taggable(owner).exists()


def test_tagging_takes_constant_queries(make_picture: MakePicture) -> None:
    pictures = [make_picture().pk for _ in range(12)]
    services.tags.tag(pictures[:1], ["warm up"])
    counts = []
    for some in (pictures[:2], pictures[2:]):
        with CaptureQueriesContext(connection) as queries:
            services.tags.tag(some, ["lemon", "table"])
        counts.append(len(queries))
    # The second time the tags exist already.
    assert counts[1] <= counts[0]
    assert Tag.objects.get(name="lemon").pictures.count() == 12


# -- the trash


def test_only_the_author_trashes_and_restores_a_picture(picture: Picture, owner: Person, administrator: Person) -> None:
    assert services.trash.trash(administrator, [picture.pk]) == []
    assert services.trash.trash(owner, [picture.pk, 10**9]) == [picture.pk]
    assert services.trash.trash(owner, [picture.pk]) == [], "it is there already"
    assert services.trash.restore(administrator, [picture.pk]) == []
    assert services.trash.restore(owner, [picture.pk]) == [picture.pk]
    assert Picture.objects.kept().get() == picture


def test_trashed_picture_is_hidden_everywhere(picture: Picture, owner: Person, team_gallery: Gallery) -> None:
    put(picture, team_gallery)
    services.trash.trash(owner, [picture.pk])
    assert not Picture.objects.visible_to(owner).exists()
    assert Gallery.covers([team_gallery.pk], 4) == {}
    assert vars(Gallery.objects.with_counts().get())["picture_count"] == 0
    spec = services.generations.GenerationSpec(
        picture.generation.model, picture.generation.prompt, picture.generation.options
    )
    assert services.plans.find_duplicates(owner, [spec]) == ([], [spec])
    services.trash.restore(owner, [picture.pk])
    assert Gallery.covers([team_gallery.pk], 4) == {team_gallery.pk: [picture]}
    assert vars(Gallery.objects.with_counts().get())["picture_count"] == 1
    assert services.plans.find_duplicates(owner, [spec])[0] == [picture]


def test_card_leaves_the_feed_with_its_last_picture(two_of_one: list[Picture], owner: Person) -> None:
    one, other = two_of_one
    services.trash.trash(owner, [one.pk])
    assert Generation.objects.in_feed().exists()
    services.trash.trash(owner, [other.pk])
    assert not Generation.objects.in_feed().exists()
    services.trash.restore(owner, [one.pk])
    assert Generation.objects.in_feed().exists()


def test_card_stays_while_a_paid_picture_can_be_fetched(
    make_generation: MakeGeneration, make_picture: MakePicture, owner: Person
) -> None:
    picture = make_picture(make_generation(state=State.COMPLETED, results=RESULTS, count=2))
    services.trash.trash(owner, [picture.pk])
    generation = Generation.objects.in_feed().get()
    assert generation.can_fetch


def test_delete_for_good_removes_the_files_and_keeps_the_ledger(
    two_of_one: list[Picture], owner: Person, team_gallery: Gallery
) -> None:
    one, other = two_of_one
    generation = one.generation
    ledger.book(generation, Decimal("0.1"), LedgerEntry.Kind.SETTLED)
    put(one, team_gallery)
    Gallery.objects.update(cover=one)
    services.marks.favourite(owner, [one.pk])
    services.tags.tag([one.pk], ["lemon"])
    child = Generation.objects.create(author=owner, model=generation.model, prompt="Remix", parent=one)
    template = PromptTemplate.objects.create(author=owner, name="Fruit", text="A fruit", example=one)
    thumbnail = default_storage.save(one.thumbnail_name(320, "webp"), ContentFile(b"small"))
    Picture.objects.filter(pk=one.pk).update(thumbnails={"webp": [320]})
    booked = list(LedgerEntry.objects.values())

    services.trash.trash(owner, [one.pk])
    assert services.trash.delete_for_good(owner, [one.pk, other.pk]) == 1, "only pictures in the trash are deleted"

    assert Picture.objects.get() == other
    assert default_storage.exists(other.original_name)
    assert not default_storage.exists(one.original_name)
    assert not default_storage.exists(thumbnail)
    assert list(LedgerEntry.objects.values()) == booked != []
    for row in (child, template, generation):
        row.refresh_from_db()
    assert (child.parent, template.example, generation.deleted_results) == (None, None, [0])
    assert Gallery.objects.get().cover is None


def test_only_the_author_deletes_for_good(picture: Picture, owner: Person, administrator: Person) -> None:
    services.trash.trash(owner, [picture.pk])
    assert services.trash.delete_for_good(administrator, [picture.pk]) == 0
    assert services.trash.delete_for_good(owner, [picture.pk]) == 1


def test_picture_that_was_restored_meanwhile_is_not_deleted(picture: Picture, owner: Person) -> None:
    services.trash.trash(owner, [picture.pk])
    seen_in_trash = Picture.objects.in_trash_of(owner).get()
    services.trash.restore(owner, [picture.pk])
    assert not seen_in_trash.delete_for_good()
    assert default_storage.exists(picture.original_name)


@pytest.mark.parametrize("gone", ["trashed", "deleted for good"])
def test_deleted_pictures_are_not_fetched_again(two_of_one: list[Picture], owner: Person, gone: str) -> None:
    generation = two_of_one[0].generation
    pictures = [picture.pk for picture in two_of_one]
    services.trash.trash(owner, pictures)
    if gone != "trashed":
        services.trash.delete_for_good(owner, pictures)
    generation.refresh_from_db()
    assert (generation.is_missing_pictures, generation.can_fetch, generation.shortfall) == (False, False, 0)
    assert not services.generations.fetch_again(generation)
    [card] = for_cards(Generation.objects.all(), owner)
    assert (card.can_fetch, card.shortfall) == (False, 0)


def test_ingest_skips_results_whose_pictures_were_deleted(
    make_generation: MakeGeneration, make_picture: MakePicture, owner: Person
) -> None:
    # Nothing listens at these addresses, so a fetch of the first one would fail.
    results = [{"url": "http://127.0.0.1:9/deleted.png"}, {"url": "http://127.0.0.1:9/kept.png"}]
    generation = make_generation(state=State.COMPLETED, results=results, count=2)
    first, _ = make_picture(generation, index=0), make_picture(generation, index=1)
    services.trash.trash(owner, [first.pk])
    services.trash.delete_for_good(owner, [first.pk])
    Generation.objects.update(state=State.SAVING)
    ingest_results(generation.pk)
    generation.refresh_from_db()
    assert (generation.state, generation.attempts) == (State.COMPLETED, 0)
    assert [picture.index for picture in Picture.objects.all()] == [1]


def test_thumbnails_of_a_picture_that_is_deleted_meanwhile_are_removed(
    picture: Picture, owner: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = default_storage.save
    saved: list[str] = []

    def delete_row_and_save(name: str, content: ContentFile[bytes]) -> str:
        if not saved:
            Picture.objects.filter(pk=picture.pk).delete()
        saved.append(save(name, content))
        return saved[-1]

    monkeypatch.setattr(default_storage, "save", delete_row_and_save)
    make_thumbnails(picture.pk)
    assert saved
    assert not any(default_storage.exists(name) for name in saved)


def test_housekeeping_deletes_pictures_that_were_trashed_long_ago(make_picture: MakePicture, owner: Person) -> None:
    old, young, kept = make_picture(), make_picture(), make_picture()
    services.trash.trash(owner, [old.pk, young.pk])
    now = timezone.now()
    Picture.objects.filter(pk=old.pk).update(trashed_at=now - KEEP_TRASH - timedelta(minutes=1))
    Picture.objects.filter(pk=young.pk).update(trashed_at=now - KEEP_TRASH + timedelta(hours=1))
    housekeeping.empty_trash()
    assert set(Picture.objects.all()) == {young, kept}
    assert not default_storage.exists(old.original_name)


def test_trash_restore_and_favourite_take_constant_queries(make_picture: MakePicture, owner: Person) -> None:
    pictures = [make_picture().pk for _ in range(12)]
    counts = []
    for some in (pictures[:2], pictures[2:]):
        with CaptureQueriesContext(connection) as queries:
            assert services.trash.trash(owner, some) == some
            assert services.trash.restore(owner, some) == some
            services.marks.favourite(owner, some)
        counts.append(len(queries))
    assert counts[0] == counts[1]


# -- galleries


def test_save_pictures_ignores_other_peoples_pictures(
    make_picture: MakePicture, make_generation: MakeGeneration, owner: Person, teammate: Person, team_gallery: Gallery
) -> None:
    own = [make_picture(), make_picture()]
    other = make_picture(make_generation(author=teammate, state=State.COMPLETED))
    put(own[0], team_gallery)
    chosen = [picture.pk for picture in [*own, other]]
    assert services.galleries.save_pictures(owner, chosen, team_gallery) == (2, 1)
    assert set(team_gallery.pictures.all()) == set(own)
    assert services.galleries.save_pictures(owner, chosen, team_gallery) == (2, 0)
