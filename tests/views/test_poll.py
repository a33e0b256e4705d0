"""The poll of a page."""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from gallery.models import Gallery, Generation, Person, Picture, State, UpstreamAccount
from gallery.views.poll import POLLED_AT_ONCE
from tests.conftest import model, put

pytestmark = pytest.mark.database

MakeGeneration = Callable[..., Generation]
MakePicture = Callable[..., Picture]
LIVE = 'hx-post="/generations/poll/"'


def poll(client: Client, *pending: object, **more: str) -> Any:
    shown = [f"{one.pk}:{one.version}" if isinstance(one, Generation) else str(one) for one in pending]
    return client.post("/generations/poll/", {"pending": shown, **more}, headers={"HX-Request": "true"})


def cards(text: str) -> list[int]:
    return [int(pk) for pk in re.findall(r'<article id="generation-(\d+)"', text)]


def finish(generation: Generation) -> None:
    Generation.objects.filter(pk=generation.pk).update(state=State.SAVING, results=[{"url": "https://x.example/a.png"}])
    assert generation.complete(None)


def test_poll_without_changes_is_empty(as_owner: Client, make_generation: MakeGeneration) -> None:
    response = poll(as_owner, make_generation(), make_generation())
    assert response.status_code == 204
    assert response.content == b""


def test_poll_replaces_changed_cards_only(as_owner: Client, make_generation: MakeGeneration) -> None:
    same, sent, done = make_generation(), make_generation(), make_generation()
    sent.claim(1)
    finish(done)
    text = poll(as_owner, same, sent, done).content.decode()
    assert cards(text) == [sent.pk, done.pk]
    for one in (sent, done):
        assert f'<hx-partial hx-target="#generation-{one.pk}" hx-swap="outerMorph">' in text
    assert f'value="{sent.pk}:2"' in text
    assert "A picture is ready." in text
    assert "2 under way" in text
    assert LIVE in text


def test_poll_sends_each_change_once(as_owner: Client, make_generation: MakeGeneration) -> None:
    generation = make_generation()
    stale = f"{generation.pk}:{generation.version}"
    generation.claim(1)
    text = poll(as_owner, stale).content.decode()
    fresh = re.findall(r'name="pending" value="([^"]+)"', text)
    assert poll(as_owner, *fresh).status_code == 204


def test_poll_stops_when_all_have_ended(as_owner: Client, make_generation: MakeGeneration) -> None:
    generation = make_generation()
    finish(generation)
    text = poll(as_owner, generation).content.decode()
    assert '<div id="poller"></div>' in text
    assert LIVE not in text
    assert 'name="pending"' not in text


@pytest.mark.parametrize(("state", "polls"), [(State.QUEUED, True), (State.SAVING, True), (State.COMPLETED, False)])
def test_page_polls_only_while_generations_are_under_way(
    as_owner: Client, make_generation: MakeGeneration, state: State, polls: bool
) -> None:
    make_generation(state=state)
    assert (LIVE in as_owner.get("/").content.decode()) is polls


def test_team_page_polls_for_cards_of_others(
    as_teammate: Client, make_generation: MakeGeneration, team_gallery: Gallery
) -> None:
    generation = make_generation(gallery=team_gallery)
    assert LIVE in as_teammate.get("/?feed=team").content.decode()
    assert LIVE not in as_teammate.get("/").content.decode()
    generation.claim(1)
    assert LIVE in poll(as_teammate, generation, feed="team").content.decode()


def test_private_generations_of_others_stay_private(
    as_teammate: Client,
    as_administrator: Client,
    teammate: Person,
    make_generation: MakeGeneration,
    team_gallery: Gallery,
) -> None:
    secret = make_generation(prompt="A birthday surprise")
    shared = make_generation(gallery=team_gallery)
    mine = make_generation(author=teammate)
    text = poll(as_teammate, f"{secret.pk}:0", f"{shared.pk}:0", f"{mine.pk}:0", f"{mine.pk + 1000}:0").content.decode()
    assert cards(text) == [shared.pk, mine.pk]
    assert "surprise" not in text
    for stranger in (as_teammate, as_administrator):
        text = poll(stranger, f"{secret.pk}:0").content.decode()
        assert (cards(text), "surprise" in text) == ([], False)


def test_card_of_another_person_has_no_buttons(
    as_teammate: Client, make_generation: MakeGeneration, team_gallery: Gallery
) -> None:
    waiting = make_generation(gallery=team_gallery)
    failed = make_generation(gallery=team_gallery, state=State.FAILED)
    text = poll(as_teammate, f"{waiting.pk}:0", f"{failed.pk}:0").content.decode()
    assert cards(text) == [waiting.pk, failed.pk]
    assert "<form" not in text


@pytest.mark.parametrize(
    "garbage",
    [
        "",
        ":",
        "x",
        "1",
        "-1:1",
        "1:1:1",
        "²:1",
        "٣:1",
        "9" * 30 + ":1",
        "1:" + "9" * 500,
        "1:<script>",
        "\x00:1",
        "1 OR 1=1:0",
    ],
)
def test_poll_ignores_garbage(as_owner: Client, make_generation: MakeGeneration, garbage: str) -> None:
    generation = make_generation()
    stale = f"{generation.pk}:0"
    assert poll(as_owner, garbage).status_code in (200, 204)
    assert poll(as_owner, garbage, stale).status_code == 200


def test_poll_for_no_cards_is_the_last(as_owner: Client) -> None:
    response = as_owner.post("/generations/poll/")
    assert '<div id="poller"></div>' in response.content.decode()


class EndsAfter:
    """Ends the newest generation after so many queries of a view, counted from the first that has these words."""

    def __init__(self, queries: int, begin: str = "") -> None:
        self.left, self.begin, self.has_begun = queries, begin, False

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        result = execute(sql, params, many, context)
        self.has_begun |= self.begin in sql
        self.left -= self.has_begun
        if self.has_begun and self.left == 0:
            finish(Generation.objects.latest("pk"))
        return result


@pytest.mark.parametrize("queries", range(1, 16))
@pytest.mark.parametrize("page", ["poll", "create", "feed", "gallery"])
def test_generation_that_ends_during_a_request_is_not_missed(
    as_owner: Client, make_generation: MakeGeneration, private_gallery: Gallery, page: str, queries: int
) -> None:
    generation = make_generation(gallery=private_gallery)
    pages = {"create": "/", "feed": "/generations/feed/", "gallery": f"/galleries/{private_gallery.pk}/"}
    with connection.execute_wrapper(EndsAfter(queries)):
        if page == "poll":
            text = poll(as_owner, generation, under_way="1").content.decode() or LIVE
        else:
            response = as_owner.get(pages[page])
            assert response.status_code == 200
            text = response.content.decode()
    assert LIVE in text or 'name="pending"' not in text
    if page == "poll" and LIVE not in text:
        assert cards(text) == [generation.pk]


@pytest.mark.parametrize("queries", range(2, 7))
def test_generation_that_ends_before_its_card_is_not_missed(
    as_owner: Client, make_generation: MakeGeneration, queries: int
) -> None:
    """The upstream may refuse it before the answer with its card."""
    earlier = make_generation(state=State.COMPLETED)
    with connection.execute_wrapper(EndsAfter(queries, begin='INSERT INTO "django_q_ormq"')):
        response = as_owner.post(f"/generations/{earlier.pk}/again/", headers={"HX-Request": "true"})
    new = Generation.objects.latest("pk")
    assert (new.pk > earlier.pk, new.state) == (True, State.COMPLETED)
    text = response.content.decode()
    assert cards(text) == [new.pk]
    assert LIVE in text or 'name="pending"' not in text


def test_action_on_one_card_keeps_polling_for_others(
    as_teammate: Client, teammate: Person, make_generation: MakeGeneration, team_gallery: Gallery
) -> None:
    make_generation(gallery=team_gallery)
    mine = make_generation(author=teammate)
    assert LIVE in as_teammate.get("/?feed=team").content.decode()
    response = as_teammate.post(f"/generations/{mine.pk}/cancel/", {"feed": "team"}, headers={"HX-Request": "true"})
    assert LIVE in response.content.decode()


def test_cards_loaded_by_scrolling_are_polled(
    as_teammate: Client, make_generation: MakeGeneration, team_gallery: Gallery
) -> None:
    address = "/generations/feed/?feed=team"
    generation = make_generation(gallery=team_gallery)
    assert LIVE in as_teammate.get(address).content.decode()
    finish(generation)
    assert LIVE not in as_teammate.get(address).content.decode()


def test_poll_has_a_limit_of_cards(as_owner: Client, make_generation: MakeGeneration) -> None:
    generation = make_generation()
    nonsense = [f"{generation.pk + 1 + number}:0" for number in range(POLLED_AT_ONCE)]
    assert poll(as_owner, *nonsense, f"{generation.pk}:0").status_code == 204


def test_poll_shows_a_pause_and_its_end(as_owner: Client, make_generation: MakeGeneration) -> None:
    generation = make_generation()
    UpstreamAccount.pause("insufficient_balance", "The account is empty.", "Top it up.", seconds=60)
    assert "The studio’s balance at the service is used up." in poll(as_owner, generation).content.decode()
    assert poll(as_owner, generation, paused="insufficient_balance").status_code == 204
    UpstreamAccount.resume()
    response = poll(as_owner, generation, paused="insufficient_balance")
    assert response.status_code == 200
    assert "The studio’s balance at the service is used up." not in response.content.decode()


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"state": State.QUEUED}, "Next up"),
        ({"state": State.SUBMITTING}, "Sending…"),
        ({"state": State.PENDING}, "Generating"),
        ({"state": State.PROCESSING, "progress": 40}, '<progress max="100" value="40"'),
        ({"state": State.SAVING}, "Almost there"),
        ({"state": State.FAILED, "error_code": "content_policy_violation"}, "The service declined this prompt"),
        ({"state": State.FAILED, "submitted_at": None}, "Nothing was charged."),
        ({"state": State.FAILED, "results": [{"url": ""}], "submitted_at": timezone.now()}, "It was charged."),
        ({"state": State.INTERRUPTED}, "It may have been charged. Check before you try again."),
        ({"state": State.CANCELLED}, "Cancelled"),
    ],
)
def test_card_shows_its_state(
    as_owner: Client, make_generation: MakeGeneration, fields: dict[str, Any], says: str
) -> None:
    text = poll(as_owner, f"{make_generation(**fields).pk}:0").content.decode()
    assert says in text


def test_queued_card_shows_its_place(as_owner: Client, make_generation: MakeGeneration) -> None:
    make_generation(), make_generation(state=State.COMPLETED)
    assert "2nd in line" in poll(as_owner, f"{make_generation().pk}:0").content.decode()


@pytest.mark.parametrize(
    ("states", "said"),
    [
        ([State.COMPLETED], "A picture is ready."),
        ([State.COMPLETED] * 2, "2 pictures are ready."),
        ([State.FAILED], "One has ended without a picture."),
        ([State.COMPLETED, State.FAILED, State.CANCELLED], "A picture is ready. 2 have ended without a picture."),
    ],
)
def test_ends_are_announced(as_owner: Client, make_generation: MakeGeneration, states: list[State], said: str) -> None:
    made = [make_generation(state=state) for state in states]
    text = poll(as_owner, *(f"{one.pk}:0" for one in made)).content.decode()
    assert f'<hx-partial hx-target="#live" hx-swap="innerHTML"><span data-ended>{said}</span></hx-partial>' in text


def test_sending_is_not_announced(as_owner: Client, make_generation: MakeGeneration) -> None:
    generation = make_generation()
    generation.claim(1)
    assert "#live" not in poll(as_owner, generation).content.decode()


def test_query_count_does_not_grow_with_cards(
    as_owner: Client, make_picture: MakePicture, make_generation: MakeGeneration, team_gallery: Gallery
) -> None:
    def queries(*shown: str) -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert len(cards(poll(as_owner, *shown).content.decode())) == len(shown)
        return len(captured)

    pictures = [make_picture(make_generation(state=State.COMPLETED, cost=Decimal(1))) for _ in range(10)]
    for picture in pictures:
        make_picture(picture.generation, index=1)
        put(picture, team_gallery)
    failed = [make_generation(state=State.FAILED, suggested_model=model("dall-e-2")) for _ in range(5)]
    waiting = [make_generation(gallery=team_gallery) for _ in range(5)]
    shown = [f"{one.pk}:0" for one in [*(picture.generation for picture in pictures), *failed, *waiting]]
    assert queries(shown[0], shown[10], *shown[15:17]) == queries(*shown)


def test_poll_updates_an_outdated_badge(as_owner: Client, make_generation: MakeGeneration) -> None:
    """The last generation under way may be on another page of the feed."""
    make_generation(state=State.COMPLETED)
    response = as_owner.post("/generations/poll/", {"under_way": "1"}, headers={"HX-Request": "true"})
    assert response.status_code == 200
    assert 'id="poller"></div>' in response.content.decode()
