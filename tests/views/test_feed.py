"""The feed beside the composer."""

import re
from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from gallery.models import Gallery, Generation, Person, Picture, State
from gallery.views.cards import PAGE
from gallery.web.pictures import original_url
from tests.conftest import put

pytestmark = pytest.mark.database

MakeGeneration = Callable[..., Generation]
MakePicture = Callable[..., Picture]


def cards(client: Client, address: str) -> list[int]:
    return [int(pk) for pk in re.findall(r'<article id="generation-(\d+)"', client.get(address).content.decode())]


def more(client: Client, address: str) -> str | None:
    match = re.search(r'hx-get="([^"]+)" hx-trigger="revealed', client.get(address).content.decode())
    return match[1].replace("&amp;", "&") if match else None


def test_feed_shows_the_newest_first_in_pages(as_owner: Client, make_generation: MakeGeneration) -> None:
    newest_first = [make_generation(state=State.COMPLETED).pk for _ in range(2 * PAGE + 3)][::-1]
    assert cards(as_owner, "/") == newest_first[:PAGE]
    second = more(as_owner, "/")
    assert second
    assert cards(as_owner, second) == newest_first[PAGE : 2 * PAGE]
    third = more(as_owner, second)
    assert third
    assert cards(as_owner, third) == newest_first[2 * PAGE :]
    assert more(as_owner, third) is None


def test_new_card_does_not_shift_the_next_page(as_owner: Client, make_generation: MakeGeneration) -> None:
    newest_first = [make_generation().pk for _ in range(PAGE + 3)][::-1]
    second = more(as_owner, "/")
    assert second
    make_generation()
    Generation.objects.filter(pk=newest_first[PAGE - 1]).update(dismissed=True)
    assert cards(as_owner, second) == newest_first[PAGE:]


def test_exactly_one_page_has_no_next_page(as_owner: Client, make_generation: MakeGeneration) -> None:
    for _ in range(PAGE):
        make_generation()
    assert len(cards(as_owner, "/")) == PAGE
    assert more(as_owner, "/") is None


def test_next_page_works_without_htmx(as_owner: Client, make_generation: MakeGeneration) -> None:
    newest_first = [make_generation().pk for _ in range(PAGE + 2)][::-1]
    match = re.search(r'<a class="btn more" href="([^"]+)"', as_owner.get("/").content.decode())
    assert match
    assert cards(as_owner, match[1]) == newest_first[PAGE:]


@pytest.mark.parametrize("before", ["", "x", "-1", "²", "9" * 30, "1.5"])
def test_nonsense_opens_the_first_page(as_owner: Client, make_generation: MakeGeneration, before: str) -> None:
    generation = make_generation()
    assert cards(as_owner, f"/generations/feed/?before={before}") == [generation.pk]


def test_feed_can_show_own_or_team_cards(
    as_owner: Client,
    as_teammate: Client,
    teammate: Person,
    make_generation: MakeGeneration,
    make_picture: MakePicture,
    team_gallery: Gallery,
    private_gallery: Gallery,
) -> None:
    private = make_generation(gallery=private_gallery)
    on_its_way = make_generation(gallery=team_gallery)
    picture = make_picture()
    put(picture, team_gallery)
    sketch = make_picture()
    put(sketch, private_gallery)
    tom_s = make_generation(author=teammate)
    shared = [picture.generation_id, on_its_way.pk]
    assert cards(as_owner, "/") == [sketch.generation_id, *shared, private.pk]
    assert cards(as_owner, "/?feed=team") == [sketch.generation_id, *shared, private.pk]
    assert cards(as_teammate, "/") == [tom_s.pk]
    assert cards(as_teammate, "/?feed=team") == [tom_s.pk, *shared]
    assert cards(as_teammate, "/generations/feed/?feed=team") == [tom_s.pk, *shared]
    assert cards(as_teammate, f"/generations/feed/?feed=team&before={tom_s.pk}") == shared


def test_administrator_sees_no_more_than_others(as_administrator: Client, make_generation: MakeGeneration) -> None:
    make_generation()
    assert cards(as_administrator, "/?feed=team") == []


def test_team_feed_names_authors(as_teammate: Client, make_generation: MakeGeneration, team_gallery: Gallery) -> None:
    make_generation(gallery=team_gallery)
    assert "Olivia Owner" in as_teammate.get("/?feed=team").content.decode()


def test_next_page_stays_in_the_team_feed(
    as_teammate: Client, make_generation: MakeGeneration, team_gallery: Gallery
) -> None:
    newest_first = [make_generation(gallery=team_gallery).pk for _ in range(PAGE + 2)][::-1]
    second = more(as_teammate, "/?feed=team")
    assert second
    assert cards(as_teammate, second) == newest_first[PAGE:]


@pytest.mark.parametrize("feed", ["mine", "team"])
def test_dismissed_cards_are_not_shown(as_owner: Client, make_generation: MakeGeneration, feed: str) -> None:
    make_generation(state=State.FAILED, dismissed=True)
    kept = make_generation(state=State.FAILED)
    assert cards(as_owner, f"/?feed={feed}") == [kept.pk]


def test_team_feed_drops_cards_of_unshared_galleries(
    as_teammate: Client, make_picture: MakePicture, team_gallery: Gallery
) -> None:
    picture = make_picture()
    put(picture, team_gallery)
    assert cards(as_teammate, "/?feed=team") == [picture.generation_id]
    Gallery.objects.update(shared_with_team=False)
    assert cards(as_teammate, "/?feed=team") == []


def test_team_feed_shows_shared_pictures_only(
    as_teammate: Client, make_picture: MakePicture, team_gallery: Gallery
) -> None:
    """A teammate's card shows the picture in the team's gallery, not the others of the same request."""
    shared = make_picture()
    kept_private = make_picture(shared.generation, index=1)
    put(shared, team_gallery)
    text = as_teammate.get("/?feed=team").content.decode()
    assert f'href="/pictures/{shared.pk}/?in=team"' in text
    assert f"/pictures/{kept_private.pk}/" not in text
    assert original_url(kept_private) not in text


def test_team_feed_drops_pictures_removed_from_the_gallery(
    as_owner: Client, as_teammate: Client, make_picture: MakePicture, team_gallery: Gallery
) -> None:
    picture = make_picture(gallery=team_gallery)
    put(picture, team_gallery)
    as_owner.post(f"/galleries/{team_gallery.pk}/remove/{picture.pk}/")
    assert cards(as_teammate, "/?feed=team") == []


def test_empty_box_has_the_shape_of_the_picture(as_owner: Client, make_generation: MakeGeneration) -> None:
    make_generation(options={"size": "1792x1024"}, count=3)
    text = as_owner.get("/").content.decode()
    assert re.search(r'class="card tint-\d ar-175"', text)
    assert text.count('<div class="slot"></div>') == 3


@pytest.mark.parametrize("address", ["/", "/generations/feed/", "/?feed=team", "/generations/feed/?feed=team"])
def test_query_count_does_not_grow_with_cards(
    as_owner: Client, make_picture: MakePicture, team_gallery: Gallery, address: str
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            as_owner.get(address)
        return len(captured)

    def one_more() -> None:
        picture = make_picture(gallery=team_gallery)
        make_picture(picture.generation, index=1)
        put(picture, team_gallery)

    one_more()
    queries()
    with_one = queries()
    for _ in range(PAGE - 1):
        one_more()
    assert len(cards(as_owner, address)) == PAGE
    assert queries() == with_one


def test_card_mentions_extra_pictures(
    as_owner: Client, make_generation: MakeGeneration, make_picture: MakePicture
) -> None:
    results = [{"url": f"https://images.example/{number}.png"} for number in range(6)]
    generation = make_generation(state=State.COMPLETED, results=results)
    for index in range(6):
        make_picture(generation, index)
    assert "6 came, 1 was asked for" in as_owner.get("/").content.decode()
    Generation.objects.update(count=6)
    assert "asked for</span>" not in as_owner.get("/").content.decode()


def test_card_shows_the_remedy_to_administrators_only(
    as_owner: Client, owner: Person, make_generation: MakeGeneration
) -> None:
    details = {"allowed_resolutions": "1k, 2k"}
    make_generation(state=State.FAILED, error_code="invalid_request_error", error_details=details)
    assert "Allowed resolutions: 1k, 2k" not in as_owner.get("/").content.decode()
    Person.objects.filter(pk=owner.pk).update(is_staff=True)
    assert "Allowed resolutions: 1k, 2k" in as_owner.get("/").content.decode()
