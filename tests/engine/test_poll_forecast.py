"""When a task is likely to be done, and what polling by that is worth."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from gallery.engine import Timing
from gallery.engine.poll_forecast import ENOUGH, GUESSES, LONGER, Forecast, Forecasts
from gallery.models import Generation, State
from tests.conftest import model

MakeGeneration = Callable[..., Generation]
# Of a model whose tasks take 10 to 60 s, each known to the second.
KNOWN = [(10 + number / 2, 10 + number / 2) for number in range(101)]
AGES = [number / 2 for number in range(2_000)]


# -- one model's forecast


def test_expects_nothing_before_the_first_known_duration() -> None:
    assert Forecast([(3, 3)] * ENOUGH).wait_squared(0, 2.9) == 0


@pytest.mark.parametrize("observed", [[], [(20, 20)] * (ENOUGH - 1)], ids=["no history", "too little history"])
def test_longest_since_the_last_poll_counts_without_enough_history(observed: list[tuple[float, float]]) -> None:
    forecast = Forecast(observed)
    assert forecast.wait_squared(0, 6) == pytest.approx(6**2 / 3)
    assert forecast.wait_squared(300, 306) == forecast.wait_squared(0, 6)
    assert forecast.wait_squared(0, 7) > forecast.wait_squared(300, 306)


def test_hand_computed_with_history() -> None:
    """Done between 8 and 12 s counts as done at 8.5, 9.5, 10.5 and 11.5 s."""
    forecast = Forecast([(8, 12)] * ENOUGH)
    seen = ENOUGH * (3.5**2 + 2.5**2 + 1.5**2 + 0.5**2)
    guessed = 7**2 + 2**2
    assert forecast.wait_squared(0, 12) == pytest.approx((seen + guessed) / (4 * ENOUGH + len(GUESSES)))
    # It was not done at 9 s: one of four shares is out, and the guess of 5 s.
    seen = ENOUGH * (2.5**2 + 1.5**2 + 0.5**2)
    assert forecast.wait_squared(9, 12) == pytest.approx((seen + 2**2) / (3 * ENOUGH + len(GUESSES) - 1))


def test_many_observations_outweigh_the_guesses() -> None:
    """Of tasks that take 20 s, one of 25 s has most likely waited for 5 s."""
    assert Forecast([(20, 20)] * 100).wait_squared(0, 25) == pytest.approx(5**2, rel=0.1)


@pytest.mark.parametrize("observed", [[], KNOWN, [(0, 3)] * ENOUGH, [(20, 20)] * 100])
@pytest.mark.parametrize("asked", [0, 4, 9.5, 33, 61, 639, 641, 5_000])
def test_grows_with_age_from_nothing(observed: list[tuple[float, float]], asked: float) -> None:
    forecast = Forecast(observed)
    expected = [forecast.wait_squared(asked, asked + age) for age in AGES]
    assert expected[0] == 0, "a task that was just asked about has waited for nothing"
    assert expected == sorted(expected)


def test_wait_counts_more_than_in_proportion() -> None:
    forecast = Forecast([(20, 20)] * 100)
    assert forecast.wait_squared(0, 40) > 3 * forecast.wait_squared(0, 30)


def test_older_than_all_that_is_known() -> None:
    """It lasts a quarter again, and then every second counts."""
    oldest = max(GUESSES)
    forecast = Forecast(KNOWN)
    assert forecast.wait_squared(oldest, LONGER * oldest) == 0
    assert forecast.wait_squared(oldest, LONGER * oldest + 7) == pytest.approx(7**2)


@pytest.mark.parametrize("observed", [[], KNOWN, [(2, 2)] * 100], ids=["no history", "10 to 60 s", "2 s"])
def test_nothing_starves(observed: list[tuple[float, float]]) -> None:
    """Whenever it was asked about last, by twice that age it beats one that has surely waited ten seconds."""
    forecast = Forecast(observed)
    for asked in AGES:
        assert forecast.wait_squared(asked, 2 * asked + 60) > 10**2, asked


# -- learning


def task(make_generation: MakeGeneration, unfinished: float | None, delivered: float, **fields: Any) -> Generation:
    """One that the upstream took; so many seconds later it was seen unfinished, and delivered."""
    accepted = fields.pop("accepted_at", timezone.now() - timedelta(seconds=100))
    return make_generation(
        **{
            "state": State.COMPLETED,
            "accepted_at": accepted,
            "unfinished_at": None if unfinished is None else accepted + timedelta(seconds=unfinished),
            "delivered_at": accepted + timedelta(seconds=delivered),
            "finished_at": accepted + timedelta(seconds=delivered + 1),
            **fields,
        }
    )


def durations(slug: str = "flux-pro", latest: int = 100) -> list[tuple[float, float]]:
    return Generation.objects.task_durations(model(slug).pk, latest)


def test_durations_are_what_was_seen(make_generation: MakeGeneration) -> None:
    task(make_generation, 9, 12)
    task(make_generation, None, 4)
    assert sorted(durations()) == [(0, 4), (9, 12)]


def test_durations_are_of_one_model_s_tasks_that_were_delivered(make_generation: MakeGeneration) -> None:
    task(make_generation, 9, 12, slug="midjourney")
    for state in (State.PROCESSING, State.CANCELLED, State.FAILED, State.SAVING):
        task(make_generation, 9, 12, state=state)
    # Answered at once: it never was a task.
    now = timezone.now()
    make_generation(state=State.COMPLETED, submitted_at=now, delivered_at=now, finished_at=now)
    assert durations() == []
    assert durations("midjourney") == [(9, 12)]


def test_latest_durations_count(make_generation: MakeGeneration) -> None:
    now = timezone.now()
    for number in (3, 1, 2, 4):
        task(make_generation, number, number + 3, accepted_at=now - timedelta(hours=number))
    assert durations(latest=2) == [(1, 4), (2, 5)]


def test_poll_forecasts_learn_from_rows(make_generation: MakeGeneration) -> None:
    for _ in range(ENOUGH):
        task(make_generation, 8, 12)
    slow, fast = model("flux-pro").pk, model("midjourney").pk
    forecasts = Forecasts()
    assert forecasts.of(slow).wait_squared(0, 12) == Forecast().wait_squared(0, 12)
    forecasts.learn([slow, fast, slow])
    assert forecasts.of(slow).wait_squared(0, 12) == pytest.approx(Forecast([(8, 12)] * ENOUGH).wait_squared(0, 12))
    assert forecasts.of(fast).wait_squared(0, 12) == Forecast().wait_squared(0, 12)


def test_poll_forecasts_learn_anew_after_a_while_only(
    make_generation: MakeGeneration, django_assert_num_queries: Any
) -> None:
    pk = model("flux-pro").pk
    forecasts = Forecasts()
    with django_assert_num_queries(1):
        forecasts.learn([pk])
    for _ in range(ENOUGH):
        task(make_generation, 8, 12)
    with django_assert_num_queries(0):
        forecasts.learn([pk])
    forecasts = Forecasts()
    forecasts.LEARN_AGAIN = 0.0
    forecasts.learn([pk])
    task(make_generation, 2, 3)
    forecasts.learn([pk])
    assert forecasts.of(pk).wait_squared(0, 4) == pytest.approx(
        Forecast([(8, 12)] * ENOUGH + [(2, 3)]).wait_squared(0, 4)
    )


@pytest.mark.parametrize(("age", "wait"), [(0, 3), (60, 3), (120, 3), (240, 6), (400, 10), (9_000, 10)])
def test_old_task_is_asked_about_less_often(age: float, wait: float) -> None:
    assert Timing().poll_after(age) == pytest.approx(wait)
