"""Regular work: lost messages, usual durations, old rows and files."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone
from django_q.models import OrmQ, Schedule, Task

from gallery import services, tasks
from gallery.engine import housekeeping
from gallery.enqueue import enqueue_submit
from gallery.models import Gallery, Generation, GuestAct, ImageModel, Picture, ShareLink, State
from tests.conftest import model

pytestmark = pytest.mark.database

MakeGeneration = Callable[..., Generation]
MakePicture = Callable[..., Picture]


def age(picture: Picture, minutes: float) -> Picture:
    Picture.objects.filter(pk=picture.pk).update(created_at=timezone.now() - timedelta(minutes=minutes))
    return picture


# -- thumbnails whose message was lost


def test_finds_pictures_that_wait_for_thumbnails_too_long(make_picture: MakePicture) -> None:
    lost = age(make_picture(), 3)
    age(make_picture(), 1)
    done = age(make_picture(), 3)
    Picture.objects.filter(pk=done.pk).update(thumbnails={"webp": [320]})
    assert housekeeping.pictures_without_thumbnails() == [lost.pk]


def test_finds_none_while_the_queue_is_long(make_picture: MakePicture) -> None:
    age(make_picture(), 3)
    for number in range(housekeeping.REMEMBERED + 1):
        enqueue_submit(number)
    assert housekeeping.pictures_without_thumbnails() == []


def test_acts_of_guests_are_forgotten_after_an_hour(team_gallery: Gallery) -> None:
    fields = {"label": "Client", "expires_at": timezone.now()}
    services.share_links.make_link(team_gallery, team_gallery.owner, fields)
    link = ShareLink.objects.get()
    for minutes in (59, 61):
        at = timezone.now() - timedelta(minutes=minutes)
        GuestAct.objects.create(link=link, kind=GuestAct.Kind.LIKE, place=str(minutes), created_at=at)
    housekeeping.delete_old_rows()
    assert [act.place for act in GuestAct.objects.all()] == ["59"]


# -- durations


def made(make_generation: MakeGeneration, seconds: float | None, slug: str = "flux-pro", **fields: object) -> None:
    now = timezone.now()
    submitted = None if seconds is None else now - timedelta(seconds=seconds)
    values = {"state": State.COMPLETED, "submitted_at": submitted, "delivered_at": now, "finished_at": now}
    make_generation(slug, **values | fields)


def learned(slug: str = "flux-pro") -> Any:
    housekeeping.learn_durations()
    return ImageModel.objects.values_list("typical_seconds", "slow_seconds").get(slug=slug)


def test_learns_what_a_model_usually_takes(make_generation: MakeGeneration) -> None:
    for seconds in range(1, 22):
        made(make_generation, seconds)
    assert learned() == (pytest.approx(11, abs=0.01), pytest.approx(20, abs=0.01))
    assert learned("dall-e-3") == (None, None)


@pytest.mark.parametrize(("known", "learns"), [(2, False), (3, True)])
def test_two_are_too_few(make_generation: MakeGeneration, known: int, learns: bool) -> None:
    for _ in range(known):
        made(make_generation, 10)
    assert (learned()[0] is not None) is learns


def test_learns_from_what_was_delivered_only(make_generation: MakeGeneration) -> None:
    for _ in range(3):
        made(make_generation, 10)
        made(make_generation, 999, state=State.FAILED)
        made(make_generation, None)
        made(make_generation, 999, delivered_at=None)
        made(make_generation, 999, "midjourney")
    assert learned() == (pytest.approx(10, abs=0.01), pytest.approx(10, abs=0.01))


def test_learns_from_the_latest(make_generation: MakeGeneration) -> None:
    long_ago = timezone.now() - timedelta(days=9)
    for _ in range(3):
        made(
            make_generation,
            None,
            submitted_at=long_ago - timedelta(seconds=999),
            delivered_at=long_ago,
            finished_at=long_ago,
        )
    for _ in range(housekeeping.REMEMBERED):
        made(make_generation, 10)
    assert learned() == (pytest.approx(10, abs=0.01), pytest.approx(10, abs=0.01))


# -- rows of no more use


@pytest.mark.parametrize(("days", "kept"), [(6, True), (8, False)])
@pytest.mark.parametrize("success", [True, False])
def test_results_of_tasks_are_kept_for_a_week(db: None, days: int, kept: bool, success: bool) -> None:
    then = timezone.now() - timedelta(days=days)
    Task.objects.create(id="x", name="x", func="f", started=then, stopped=then, success=success)
    housekeeping.delete_old_rows()
    assert Task.objects.exists() is kept


def test_sessions_that_have_run_out_go(db: None) -> None:
    now = timezone.now()
    Session.objects.create(session_key="old", session_data="", expire_date=now - timedelta(seconds=1))
    Session.objects.create(session_key="new", session_data="", expire_date=now + timedelta(days=1))
    housekeeping.delete_old_rows()
    assert list(Session.objects.values_list("pk", flat=True)) == ["new"]


# -- all together


def test_tidying_up_does_it_all_and_may_run_twice(make_picture: MakePicture, make_generation: MakeGeneration) -> None:
    lost = age(make_picture(), 3)
    for _ in range(3):
        made(make_generation, 10)
    tasks.tidy_up()
    tasks.tidy_up()
    sent = [(message.task["func"], message.task["args"]) for message in OrmQ.objects.all()]
    assert set(sent) == {("gallery.tasks.thumbnails", (lost.pk,))}
    assert model("flux-pro").typical_seconds == pytest.approx(10, abs=0.01)


def test_it_is_on_the_schedule(db: None) -> None:
    schedule = Schedule.objects.get(func="gallery.tasks.tidy_up")
    assert (schedule.schedule_type, schedule.minutes, schedule.repeats) == (Schedule.MINUTES, 5, -1)
