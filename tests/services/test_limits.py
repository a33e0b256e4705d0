"""Rights and limits of groups: every way to ask for a picture obeys them."""

import threading
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from gallery import services
from gallery.models import Generation, GroupLimit, GroupRight, OverLimit, Person, Picture, State
from gallery.queries.limits import Limits, limits_of, rights_against
from gallery.services.generations import AlreadySubmitted, GenerationSpec, submit_all
from tests.conftest import model

pytestmark = pytest.mark.database

HD = {"size": "1024x1024", "quality": "hd"}


@pytest.fixture
def printers(db: None) -> Group:
    return Group.objects.create(name="Print")


def only_for(group: Group, **about: Any) -> GroupRight:
    right = GroupRight.objects.create(**about)
    right.groups.add(group)
    return right


def ask(person: Person, count: int = 1, **options: Any) -> list[Generation]:
    return submit_all(person, [GenerationSpec(model(), f"A lemon {one}", options) for one in range(count)])


# -- rights


@pytest.mark.parametrize(
    ("about", "options", "is_refused"),
    [
        ({}, {}, True),
        ({"option": "quality", "choices": ["hd"]}, HD, True),
        ({"option": "quality", "choices": ["hd"]}, {"quality": "standard"}, False),
        ({"option": "quality", "choices": ["hd"]}, {}, False),
        ({"option": "quality"}, {"quality": "standard"}, True),
        ({"longer_than": 1024}, {"size": "1792x1024"}, True),
        ({"longer_than": 1024}, {"size": "1024x1024"}, False),
        ({"longer_than": 1024, "option": "quality"}, {"size": "1792x1024"}, False),
    ],
)
def test_what_is_for_a_group_is_refused_to_others(
    owner: Person, printers: Group, about: dict[str, Any], options: dict[str, str], is_refused: bool
) -> None:
    only_for(printers, model=model(), **about)
    if is_refused:
        with pytest.raises(OverLimit, match=r"is for other groups only: Print\."):
            ask(owner, 1, **options)
        assert not Generation.objects.exists()
        owner.groups.add(printers)
    assert ask(owner, 1, **options)


def test_right_about_any_model_leaves_models_without_the_option_alone(owner: Person, printers: Group) -> None:
    only_for(printers, option="quality", choices=["hd"])
    assert submit_all(owner, [GenerationSpec(model("flux-pro"), "A lemon", {"size": "512x512"})])
    with pytest.raises(OverLimit):
        ask(owner, 1, **HD)


def test_each_right_that_concerns_a_model_must_name_a_group(owner: Person, printers: Group) -> None:
    only_for(printers, model=model())
    only_for(Group.objects.create(name="Art"), model=model(), option="quality", choices=["hd"])
    owner.groups.add(printers)
    assert ask(owner)
    with pytest.raises(OverLimit, match="Art"):
        ask(owner, 1, **HD)


def test_superuser_has_neither_rights_against_nor_limits(administrator: Person, printers: Group) -> None:
    only_for(printers, model=model())
    GroupLimit.objects.create(requests_per_day=0)
    assert ask(administrator)


def test_retry_by_a_model_for_others_is_refused_and_the_card_stays(
    owner: Person, printers: Group, make_generation: Callable[..., Generation]
) -> None:
    failed = make_generation(state=State.FAILED)
    only_for(printers, model=model())
    with pytest.raises(OverLimit):
        services.generations.retry(failed, model())
    failed.refresh_from_db()
    assert not failed.dismissed


# -- limits


def test_requests_of_a_day_are_limited_all_or_none(owner: Person) -> None:
    GroupLimit.objects.create(requests_per_day=3)
    ask(owner, 2)
    with pytest.raises(OverLimit, match="This is 2 requests, and 1 of your 3 for today are left"):
        ask(owner, 2)
    assert Generation.objects.count() == 2
    ask(owner)
    Generation.objects.update(created_at=timezone.now() - timedelta(days=1))
    assert ask(owner, 3)


def test_requests_under_way_are_limited(owner: Person) -> None:
    GroupLimit.objects.create(under_way=2)
    first = ask(owner, 2)[0]
    with pytest.raises(OverLimit, match="You may have 2 requests under way at once, and there are 2"):
        ask(owner)
    Generation.objects.filter(pk=first.pk).update(state=State.COMPLETED)
    assert ask(owner)


def test_storage_is_limited(owner: Person, make_picture: Callable[..., Picture]) -> None:
    picture = make_picture()
    GroupLimit.objects.create(storage_mb=5)
    Picture.objects.update(byte_size=4_999_999)
    ask(owner)
    Picture.objects.update(byte_size=5_000_000)
    with pytest.raises(OverLimit, match="Your pictures take 5 MB, and 5 MB is yours to use"):
        ask(owner)
    assert picture.author == owner


def test_limits_of_others_do_not_count(owner: Person, teammate: Person, printers: Group) -> None:
    GroupLimit.objects.create(requests_per_day=1)
    GroupLimit.objects.create(group=printers, requests_per_day=0)
    ask(teammate)
    assert ask(owner)


def test_most_generous_group_counts(owner: Person, printers: Group) -> None:
    art = Group.objects.create(name="Art")
    GroupLimit.objects.create(requests_per_day=1, under_way=1)
    GroupLimit.objects.create(group=printers, requests_per_day=5, under_way=9)
    assert limits_of(owner) == Limits(per_day=1, most_under_way=1)
    owner.groups.add(printers, art)
    assert limits_of(owner) == Limits(per_day=5, most_under_way=9)
    GroupLimit.objects.create(group=art, requests_per_day=20)
    assert limits_of(owner) == Limits(per_day=20)


def test_form_that_is_sent_twice_is_one_request_also_at_the_limit(owner: Person) -> None:
    GroupLimit.objects.create(requests_per_day=1)
    token = uuid.uuid4()
    specs = [GenerationSpec(model(), "A lemon")]
    submit_all(owner, specs, token=token)
    with pytest.raises(AlreadySubmitted):
        submit_all(owner, specs, token=token)


def test_there_is_one_row_for_everyone_else(db: None) -> None:
    GroupLimit.objects.create(requests_per_day=1)
    with pytest.raises(IntegrityError), transaction.atomic():
        GroupLimit.objects.create(requests_per_day=2)


def test_questions_cost_the_same_for_many_rows(owner: Person, printers: Group, django_assert_num_queries: Any) -> None:
    for number in range(5):
        only_for(printers, option=f"option_{number}")
        group = Group.objects.create(name=f"Group {number}")
        GroupLimit.objects.create(group=group, requests_per_day=9, under_way=9, storage_mb=9)
        owner.groups.add(group)
    with django_assert_num_queries(2):
        assert len(rights_against(owner)) == 5
    with django_assert_num_queries(4):
        limits_of(owner)


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_submits_at_the_same_moment_do_not_slip_by(owner: Person) -> None:
    GroupLimit.objects.create(requests_per_day=2)
    start = threading.Barrier(4)

    def one() -> None:
        try:
            start.wait()
            ask(owner)
        except OverLimit:
            pass
        finally:
            connection.close()

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Generation.objects.count() == 2
