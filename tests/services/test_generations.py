"""The commands on generations. Each one happens completely or not at all."""

import uuid
from collections.abc import Callable
from decimal import Decimal

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from gallery import services
from gallery.models import Gallery, GalleryEntry, Generation, ImageModel, Person, Picture, State
from tests.conftest import PASSWORD, model

pytestmark = pytest.mark.database

MakeGeneration = Callable[..., Generation]
RESULTS = [{"url": "https://images.example/a.png"}]


def submit(author: Person, slug: str = "midjourney", **fields: object) -> Generation:
    values = {"prompt": "A lemon", "options": {"size": "512x512"}, "count": 3} | fields
    return services.generations.submit(author, model=model(slug), **values)  # type: ignore[arg-type]


# -- submit


@pytest.mark.parametrize(("slug", "cost"), [("midjourney", Decimal("0.15")), ("flux-pro", None)])
def test_submit_estimates_the_cost(owner: Person, slug: str, cost: Decimal | None) -> None:
    generation = submit(owner, slug)
    assert (generation.state, generation.estimated_cost, generation.cost) == (State.QUEUED, cost, None)


def test_submit_with_a_known_token_raises_already_submitted(owner: Person) -> None:
    token = uuid.uuid4()
    first = submit(owner, token=token)
    with pytest.raises(services.generations.AlreadySubmitted) as raised:
        submit(owner, token=token, prompt="Something else")
    assert raised.value.generation == first
    assert OrmQ.objects.count() == 1


def test_submits_without_token_are_independent(owner: Person) -> None:
    assert submit(owner) != submit(owner)
    assert OrmQ.objects.count() == 2


# -- retry


def test_retry_copies_the_request_and_links_to_it(make_generation: MakeGeneration, team_gallery: Gallery) -> None:
    old = make_generation(state=State.FAILED, gallery=team_gallery, count=2, options={"size": "512x512"})
    new = services.generations.retry(old)
    assert new is not None
    assert (new.retry_of, new.gallery, new.count, new.options) == (old, team_gallery, 2, {"size": "512x512"})
    old.refresh_from_db()
    assert old.dismissed


def test_retry_happens_once(make_generation: MakeGeneration) -> None:
    generation = make_generation(state=State.INTERRUPTED)
    first, second = Generation.objects.get(pk=generation.pk), Generation.objects.get(pk=generation.pk)
    assert services.generations.retry(first) is not None
    assert services.generations.retry(second) is None
    assert OrmQ.objects.count() == 1


def test_retry_drops_options_that_the_model_no_longer_has(make_generation: MakeGeneration) -> None:
    old = make_generation(state=State.FAILED, options={"size": "999x999", "gone": "x"})
    new = services.generations.retry(old)
    assert new is not None
    assert new.options == {"size": "1024x1024"}


def test_retry_with_another_model_keeps_common_options(make_generation: MakeGeneration) -> None:
    old = make_generation(state=State.FAILED, count=4, options={"size": "1024x1024"})
    ImageModel.objects.filter(slug="dall-e-3").update(max_count=2)
    new = services.generations.retry(old, model("dall-e-3"))
    assert new is not None
    assert (new.count, new.estimated_cost) == (2, Decimal("0.08"))
    assert new.options == {"size": "1024x1024", "quality": "standard", "style": "vivid"}


def deliver_after_read(generation: Generation) -> Generation:
    """Read the row, then deliver a result: return the stale row of a request that has not written yet."""
    stale = Generation.objects.get(pk=generation.pk)
    assert generation.deliver(RESULTS, fetch_by=timezone.now())
    return stale


@pytest.mark.parametrize("state", [State.INTERRUPTED, State.FAILED, State.CANCELLED])
def test_retry_does_not_pay_again_if_a_result_arrives_meanwhile(make_generation: MakeGeneration, state: State) -> None:
    stale = deliver_after_read(make_generation(state=state))
    assert services.generations.retry(stale) is None
    assert Generation.objects.count() == 1
    assert not Generation.objects.get().dismissed


@pytest.mark.parametrize("state", [State.INTERRUPTED, State.FAILED, State.CANCELLED])
def test_dismiss_does_not_hide_a_result_that_arrives_meanwhile(make_generation: MakeGeneration, state: State) -> None:
    services.generations.dismiss(deliver_after_read(make_generation(state=state)))
    assert not Generation.objects.get().dismissed


@pytest.mark.parametrize(
    ("state", "dismissed"), [(State.FAILED, True), (State.QUEUED, False), (State.COMPLETED, False)]
)
def test_dismiss_takes_only_failed_generations_out_of_the_feed(
    make_generation: MakeGeneration, state: State, dismissed: bool
) -> None:
    services.generations.dismiss(make_generation(state=state))
    assert Generation.objects.get().dismissed is dismissed


# -- fetch again


@pytest.mark.parametrize(("results", "messages"), [(RESULTS, 1), ([], 0)])
def test_fetch_again_enqueues_once_if_there_are_results(
    make_generation: MakeGeneration, results: list[dict[str, str]], messages: int
) -> None:
    generation = make_generation(state=State.FAILED, results=results)
    assert services.generations.fetch_again(generation) is bool(messages)
    assert not services.generations.fetch_again(generation)
    assert OrmQ.objects.count() == messages


# -- galleries


def test_make_gallery_returns_the_owners_gallery_with_this_name(owner: Person, teammate: Person) -> None:
    first = services.galleries.make_gallery(owner, "Lemons")
    assert services.galleries.make_gallery(owner, "Lemons") == first
    assert services.galleries.make_gallery(teammate, "Lemons") != first


def test_picture_is_saved_and_removed_once(make_picture: Callable[..., Picture], team_gallery: Gallery) -> None:
    picture = make_picture()
    assert services.galleries.save_picture(picture, team_gallery)
    assert not services.galleries.save_picture(picture, team_gallery)
    services.galleries.remove_picture(picture, team_gallery)
    services.galleries.remove_picture(picture, team_gallery)
    assert not GalleryEntry.objects.exists()
    assert Picture.objects.get() == picture


# -- set-up


def test_set_up_happens_once(db: None) -> None:
    ada = services.people.set_up("Ada", "Ada@Example.org", PASSWORD)
    assert (ada.email, ada.is_superuser, ada.is_staff) == ("ada@example.org", True, True)
    with pytest.raises(services.people.AlreadySetUp):
        services.people.set_up("Eve", "eve@example.org", PASSWORD)
    assert Person.objects.get() == ada
