"""The models: a generation's states, and the facts that a card shows."""

import threading
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.files.storage import default_storage
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from gallery.models import Gallery, GalleryEntry, Generation, ImageModel, Person, Picture, State, UpstreamAccount
from gallery.models.catalogue import size_in_pixels
from gallery.models.options import validate_options
from tests.conftest import model, put

pytestmark = pytest.mark.database

MakeGeneration = Callable[..., Generation]
MakePicture = Callable[..., Picture]
RESULTS = [{"url": "https://images.example/a.png"}]

# -- the states

MOVES: dict[str, tuple[Callable[[Generation], bool], State, set[State]]] = {
    "claim": (lambda one: one.claim(7), State.SUBMITTING, {State.QUEUED}),
    "put_back": (lambda one: one.put_back(), State.QUEUED, {State.SUBMITTING}),
    "accept": (
        lambda one: one.accept(task_id="t", poll_url="/t", processing=False, progress=None, due_at=timezone.now()),
        State.PENDING,
        {State.SUBMITTING, State.INTERRUPTED},
    ),
    "note_progress": (
        lambda one: one.note_progress(processing=True, progress=40),
        State.PROCESSING,
        {State.PENDING, State.PROCESSING},
    ),
    "deliver": (
        lambda one: one.deliver(RESULTS, fetch_by=timezone.now()),
        State.SAVING,
        {
            State.SUBMITTING,
            State.PENDING,
            State.PROCESSING,
            State.CANCELLED,
            State.FAILED,
            State.INTERRUPTED,
        },
    ),
    "complete": (lambda one: one.complete(Decimal("0.04")), State.COMPLETED, {State.SAVING}),
    "fail": (
        lambda one: one.fail("code", "Why."),
        State.FAILED,
        {State.QUEUED, State.SUBMITTING, State.PENDING, State.PROCESSING, State.SAVING},
    ),
    "interrupt": (lambda one: one.interrupt(), State.INTERRUPTED, {State.SUBMITTING}),
    "ask_again": (lambda one: one.ask_again(), State.PROCESSING, {State.SAVING}),
    "stop_waiting": (
        lambda one: one.stop_waiting(),
        State.CANCELLED,
        {State.QUEUED, State.SUBMITTING, State.PENDING, State.PROCESSING},
    ),
}


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("name", MOVES)
def test_move_is_made_from_its_states_only(make_generation: MakeGeneration, name: str, state: State) -> None:
    """Each move is made from its own states and from no others, and grows the version by one."""
    move, to, from_ = MOVES[name]
    generation = make_generation(state=state)
    moved = move(generation)
    generation.refresh_from_db()
    if name == "accept" and state == State.CANCELLED:
        # The studio has stopped waiting. It keeps the task id, so that it can keep a result.
        assert (moved, generation.state, generation.task_id) == (True, State.CANCELLED, "t")
        return
    assert moved is (state in from_)
    assert generation.state == (to if moved else state)
    assert generation.version == (2 if moved else 1)


@pytest.mark.parametrize("name", ["claim", "complete", "interrupt", "stop_waiting", "fail"])
def test_move_is_made_once(make_generation: MakeGeneration, name: str) -> None:
    """Two processes found the same state. One makes the move, and knows it."""
    move, to, from_ = MOVES[name]
    generation = make_generation(state=sorted(from_)[0])
    first, second = Generation.objects.get(pk=generation.pk), Generation.objects.get(pk=generation.pk)
    assert [move(first), move(second)] == [True, False]
    generation.refresh_from_db()
    assert (generation.state, generation.version) == (to, 2)


def test_two_claims_at_once_give_one_winner(
    django_db_serialized_rollback: None, transactional_db: None, make_generation: MakeGeneration
) -> None:
    generation = make_generation()
    start, claimed = threading.Barrier(4), []

    def claim(fence: int) -> None:
        start.wait()
        claimed.append(Generation.objects.get(pk=generation.pk).claim(fence))
        connection.close()

    threads = [threading.Thread(target=claim, args=[fence]) for fence in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(claimed) == [False, False, False, True]


def test_late_result_is_kept_and_returns_to_the_feed(make_generation: MakeGeneration) -> None:
    generation = make_generation(
        state=State.INTERRUPTED, dismissed=True, error_code="lost", error_message="Lost.", error_hint="Wait."
    )
    generation.deliver(RESULTS, fetch_by=timezone.now())
    generation.refresh_from_db()
    assert (generation.dismissed, generation.error_code, generation.error_message) == (False, "", "")
    assert generation.results == RESULTS


def test_cancelled_generation_is_still_polled(make_generation: MakeGeneration) -> None:
    soon = timezone.now()
    sent, queued = make_generation(state=State.PENDING, due_at=soon), make_generation(due_at=soon)
    assert sent.stop_waiting()
    assert queued.stop_waiting()
    sent.refresh_from_db()
    queued.refresh_from_db()
    assert (sent.due_at, queued.due_at) == (soon, None)


def test_put_back_leaves_another_claim(make_generation: MakeGeneration) -> None:
    first = make_generation()
    first.claim(1)
    assert first.put_back()
    second = Generation.objects.get(pk=first.pk)
    assert second.claim(2)
    assert not first.put_back()
    second.refresh_from_db()
    assert (second.state, second.fence) == (State.SUBMITTING, 2)


def test_put_back_clears_the_time_of_sending(make_generation: MakeGeneration) -> None:
    generation = make_generation()
    generation.claim(1)
    generation.put_back(timezone.now())
    generation.refresh_from_db()
    assert (generation.submitted_at, generation.attempts) == (None, 1)
    assert generation.due_at is not None


def test_successful_fetch_clears_the_error(make_generation: MakeGeneration) -> None:
    generation = make_generation(state=State.SAVING, results=RESULTS)
    generation.fail("picture_unavailable", "Could not be fetched.", "Fetch again.", from_=[State.SAVING])
    assert generation.fetch_again()
    assert generation.complete(None)
    generation.refresh_from_db()
    assert (generation.state, generation.error_code, generation.error_message) == (State.COMPLETED, "", "")


@pytest.mark.parametrize(
    ("state", "results", "fetches"),
    [
        (State.FAILED, RESULTS, True),
        (State.FAILED, [], False),
        (State.COMPLETED, RESULTS, True),
        (State.COMPLETED, [], False),
    ],
)
def test_fetch_again_needs_results_to_fetch(
    make_generation: MakeGeneration, state: State, results: list[Any], fetches: bool
) -> None:
    generation = make_generation(state=state, results=results, attempts=5)
    assert generation.fetch_again() is fetches
    generation.refresh_from_db()
    assert (generation.state, generation.attempts) == ((State.SAVING, 0) if fetches else (state, 5))


def test_expect_no_more_ignores_generations_under_way(make_generation: MakeGeneration) -> None:
    soon = timezone.now()
    for state, kept in ((State.PENDING, soon), (State.FAILED, None), (State.CANCELLED, None)):
        generation = make_generation(state=state, due_at=soon)
        generation.expect_no_more()
        generation.refresh_from_db()
        assert generation.due_at == kept


# -- facts for a card


@pytest.mark.parametrize(
    ("fields", "charged"),
    [
        ({"state": State.COMPLETED, "submitted_at": 1}, True),
        ({"state": State.FAILED, "submitted_at": 1, "results": RESULTS}, True),
        ({"state": State.CANCELLED, "submitted_at": 1, "results": RESULTS}, True),
        ({"state": State.QUEUED}, False),
        ({"state": State.CANCELLED}, False),
        ({"state": State.FAILED, "error_code": "anything"}, False),
        ({"state": State.FAILED, "submitted_at": 1, "error_code": "content_policy_violation"}, False),
        ({"state": State.FAILED, "submitted_at": 1, "error_code": "generation_failed"}, False),
        ({"state": State.FAILED, "submitted_at": 1, "error_code": "gave_up_waiting"}, None),
        ({"state": State.FAILED, "submitted_at": 1, "error_code": "async_task_not_found"}, None),
        ({"state": State.FAILED, "submitted_at": 1, "error_code": "malformed_answer"}, None),
        ({"state": State.FAILED, "submitted_at": 1, "due_at": 1}, None),
        ({"state": State.CANCELLED, "submitted_at": 1}, None),
        ({"state": State.INTERRUPTED, "submitted_at": 1}, None),
        ({"state": State.PENDING, "submitted_at": 1}, None),
    ],
)
def test_was_charged(make_generation: MakeGeneration, fields: dict[str, Any], charged: bool | None) -> None:
    now = timezone.now()
    times = {name: now for name in ("submitted_at", "due_at") if fields.get(name)}
    assert make_generation(**fields | times).was_charged is charged


@pytest.mark.parametrize(
    ("state", "count", "pictures", "missing"), [("completed", 4, 3, 1), ("completed", 2, 2, 0), ("saving", 4, 1, 0)]
)
def test_shortfall(
    make_generation: MakeGeneration, make_picture: MakePicture, state: str, count: int, pictures: int, missing: int
) -> None:
    generation = make_generation(state=state, count=count)
    for index in range(pictures):
        make_picture(generation, index=index)
    assert generation.shortfall == missing


def test_options_have_the_labels_of_the_model(db: None) -> None:
    options = {"size": "1792x1024", "quality": "hd", "style": "natural", "no_longer_there": "x"}
    assert model("dall-e-3").in_words(options) == [
        ("Size", "1792 × 1024"),
        ("Quality", "HD"),
        ("Style", "Natural"),
        ("no_longer_there", "x"),
    ]


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ({"size": "1792x1024"}, (1792, 1024)),
        ({"aspect_ratio": "16:9"}, (1024, 576)),
        ({"aspect_ratio": "16:0"}, (1024, 1024)),
        ({"size": "auto"}, (1024, 1024)),
        ({"size": "1x1"}, (1024, 1024)),
        ({}, (1024, 1024)),
    ],
)
def test_size_in_pixels(options: dict[str, str], size: tuple[int, int]) -> None:
    assert size_in_pixels(options) == size


# -- the queue


def test_turns_are_fair(make_generation: MakeGeneration, owner: Person, teammate: Person) -> None:
    mine = [make_generation() for _ in range(3)]
    toms = [make_generation(author=teammate) for _ in range(2)]
    assert Generation.objects.next_fairly(10) == [mine[0], toms[0], mine[1], toms[1], mine[2]]
    mine[0].claim(1)
    assert Generation.objects.next_fairly(3) == [toms[0], mine[1], toms[1]]


def test_generation_that_waits_for_a_retry_has_no_turn(make_generation: MakeGeneration) -> None:
    now = timezone.now()
    make_generation(due_at=now + timedelta(minutes=1))
    due = make_generation(due_at=now - timedelta(minutes=1))
    assert Generation.objects.next_fairly(10) == [due]


# -- the catalogue

SIZE = {"name": "size", "label": "Size", "choices": ["1x1", "2x2"], "default": "1x1"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "Options are a list."),
        (["size"], "a name and a label"),
        ([{"name": "size"}], "a name and a label"),
        ([SIZE | {"extra": 1}], "which has no “extra”"),
        ([SIZE | {"name": "Size"}], "is no field name"),
        ([SIZE | {"name": ""}], "is no field name"),
        ([SIZE | {"name": 1}], "is no field name"),
        ([SIZE | {"name": "x" * 41}], "is no field name"),
        *[
            ([SIZE | {"name": name}], "filled in by the studio itself")
            for name in ("model", "prompt", "n", "user", "response_format")
        ],
        ([SIZE, SIZE], "is there twice"),
        ([SIZE | {"choices": []}], "a list of texts"),
        ([SIZE | {"choices": "1x1"}], "a list of texts"),
        ([SIZE | {"choices": [1]}], "a list of texts"),
        ([SIZE | {"choices": [""], "default": ""}], "a list of texts"),
        ([SIZE | {"default": "3x3"}], "not among its choices"),
        ([SIZE | {"default": ["1x1"]}], "not among its choices"),
        ([SIZE | {"label": None}], "label"),
        ([SIZE | {"label": ""}], "label"),
    ],
)
def test_bad_options_are_refused(options: Any, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        validate_options(options)


def test_good_options_are_accepted() -> None:
    validate_options([])
    validate_options([SIZE, SIZE | {"name": "aspect_ratio_2"}])


def test_initial_catalogue_is_valid(db: None) -> None:
    assert ImageModel.objects.count() == 7
    for one in ImageModel.objects.all():
        one.full_clean()


# -- people, galleries, pictures, the account


@pytest.mark.parametrize("email", ["olivia@example.org", "OLIVIA@EXAMPLE.ORG"])
def test_email_is_unique(owner: Person, email: str) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Person.objects.bulk_create([Person(email=email, name="Another")])


def test_gallery_name_is_unique_per_owner(private_gallery: Gallery) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Gallery.objects.create(owner=private_gallery.owner, name=private_gallery.name)


def test_picture_is_in_a_gallery_once(make_picture: MakePicture, team_gallery: Gallery) -> None:
    picture = make_picture()
    put(picture, team_gallery)
    with pytest.raises(IntegrityError), transaction.atomic():
        GalleryEntry.objects.create(picture=picture, gallery=team_gallery)


def test_galleries_are_newest_first_with_their_counts(make_picture: MakePicture, owner: Person) -> None:
    made = [Gallery.objects.create(owner=owner, name=f"Gallery {number}") for number in range(3)]
    put(make_picture(), made[0])
    listed = Gallery.objects.visible_to(owner).with_counts()
    assert [(one.name, getattr(one, "picture_count", None)) for one in listed] == [
        ("Gallery 2", 0),
        ("Gallery 1", 0),
        ("Gallery 0", 1),
    ]


def test_result_makes_one_picture(make_picture: MakePicture) -> None:
    picture = make_picture()
    with pytest.raises(IntegrityError), transaction.atomic():
        make_picture(picture.generation)


def test_deleting_a_picture_deletes_its_files(make_picture: MakePicture) -> None:
    picture = make_picture()
    picture.thumbnails = {"webp": [320]}
    original, thumbnail = picture.original_name, picture.thumbnail_name(320, "webp")
    default_storage.save(thumbnail, picture.original)
    picture.delete()
    assert not default_storage.exists(original)
    assert not default_storage.exists(thumbnail)


def test_lease_has_one_holder(db: None) -> None:
    fence = UpstreamAccount.take_lease("first", 60)
    assert fence is not None
    assert UpstreamAccount.take_lease("second", 60) is None
    assert UpstreamAccount.renew_lease("first", fence, 60)
    assert not UpstreamAccount.renew_lease("second", fence, 60)
    UpstreamAccount.release_lease("second", fence)
    assert UpstreamAccount.is_held()
    UpstreamAccount.release_lease("first", fence)
    assert not UpstreamAccount.is_held()
    assert UpstreamAccount.take_lease("second", 60) == fence + 1


def test_expired_lease_is_free(db: None) -> None:
    old = UpstreamAccount.take_lease("first", -1)
    assert old is not None
    assert UpstreamAccount.take_lease("second", 60) == old + 1
    assert not UpstreamAccount.renew_lease("first", old, 60)


def test_longer_pause_keeps_the_start_of_the_first(db: None) -> None:
    UpstreamAccount.pause("rate_limit_exceeded", "Slowly.", "", seconds=10)
    began = UpstreamAccount.load().paused_at
    UpstreamAccount.pause("insufficient_balance", "Empty.", "", seconds=20, balance_usd=Decimal("0.42"))
    account = UpstreamAccount.load()
    assert (account.paused_at, account.pause_code, account.balance_usd) == (
        began,
        "insufficient_balance",
        Decimal("0.42"),
    )
    assert 18 <= account.seconds_paused <= 20
    UpstreamAccount.resume()
    account = UpstreamAccount.load()
    assert (account.is_paused, account.paused_at, account.seconds_paused) == (False, None, 0)
