"""A gallery's order by hand: who may change it, where pictures go, and that moves at once do not clash."""

import random
from collections.abc import Callable
from itertools import pairwise
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from gallery import services
from gallery.models import Gallery, GalleryEntry, Membership, Person, Picture, Role
from tests.conftest import put

pytestmark = pytest.mark.database

MakePicture = Callable[..., Picture]
JSON = {"Accept": "application/json"}


def order(gallery: Gallery) -> list[int]:
    return list(gallery.entries.order_by("-position", "-pk").values_list("picture", flat=True))


def move(client: Client, gallery: Gallery, picture: int, what: str, of: object = "", **headers: str) -> Any:
    form = {"what": what, "of": of}
    return client.post(f"/galleries/{gallery.pk}/arrange/{picture}/", form, headers=headers or JSON)


@pytest.fixture
def row(make_picture: MakePicture, private_gallery: Gallery) -> list[int]:
    """Five pictures in their order; all at the place of a new picture."""
    pictures = [make_picture() for _ in range(5)]
    for picture in pictures:
        put(picture, private_gallery)
    return [picture.pk for picture in reversed(pictures)]


def test_picture_moves_before_after_to_front_and_to_end(
    as_owner: Client, private_gallery: Gallery, row: list[int]
) -> None:
    a, b, c, d, e = row
    for picture, what, of, wanted in (
        (d, "before", b, [a, d, b, c, e]),
        (a, "after", c, [d, b, c, a, e]),
        (e, "before", d, [e, d, b, c, a]),
        (e, "after", a, [d, b, c, a, e]),
        (c, "front", "", [c, d, b, a, e]),
        (d, "end", "", [c, b, a, e, d]),
        (c, "before", c, [c, b, a, e, d]),
        (b, "after", c, [c, b, a, e, d]),
    ):
        response = move(as_owner, private_gallery, picture, what, of)
        assert response.status_code == 200
        assert response.json()["said"]
        assert order(private_gallery) == wanted
    listed = as_owner.get(f"/galleries/{private_gallery.pk}/").content.decode()
    assert sorted(row, key=lambda pk: listed.index(f'id="picture-{pk}"')) == [c, b, a, e, d]


def test_new_pictures_stay_before_moved_ones(
    as_owner: Client, make_picture: MakePicture, private_gallery: Gallery, row: list[int]
) -> None:
    a, b, c, d, e = row
    move(as_owner, private_gallery, e, "after", b)
    new = make_picture()
    put(new, private_gallery)
    assert order(private_gallery) == [new.pk, a, b, e, c, d]


def test_places_never_run_out(private_gallery: Gallery, row: list[int]) -> None:
    """A hundred moves between the same two: halves would run out of digits, and places would be equal."""
    a, b, c, *_ = row
    entries = {entry.picture_id: entry for entry in private_gallery.entries.all()}
    for turn in range(120):
        services.galleries.move_beside(entries[(b, c)[turn % 2]], entries[a], after=True)
        wanted = [a, *((b, c) if turn % 2 == 0 else (c, b)), *row[3:]]
        assert order(private_gallery) == wanted
    positions = sorted(private_gallery.entries.filter(picture__in=(a, b, c)).values_list("position", flat=True))
    assert all(other - one > 1e-9 for one, other in pairwise(positions))


def test_moves_give_the_same_order_as_a_list(private_gallery: Gallery, row: list[int]) -> None:
    dice = random.Random(4)
    wanted = list(row)
    for _ in range(150):
        moved, other = dice.sample(row, 2)
        after = dice.random() < 0.5
        wanted.remove(moved)
        wanted.insert(wanted.index(other) + after, moved)
        entries = {entry.picture_id: entry for entry in private_gallery.entries.all()}
        services.galleries.move_beside(entries[moved], entries[other], after=after)
        assert order(private_gallery) == wanted


@pytest.mark.parametrize(
    ("role", "may"), [(None, False), (Role.VIEWER, False), (Role.CONTRIBUTOR, False), (Role.MANAGER, True)]
)
def test_only_managers_arrange(
    as_teammate: Client, teammate: Person, private_gallery: Gallery, row: list[int], role: Role | None, may: bool
) -> None:
    if role:
        Membership.objects.create(gallery=private_gallery, person=teammate, role=role)
    a, b, c, d, e = row
    response = move(as_teammate, private_gallery, c, "before", a)
    assert response.status_code == (200 if may else 404)
    assert order(private_gallery) == ([c, a, b, d, e] if may else row)
    if role:
        text = as_teammate.get(f"/galleries/{private_gallery.pk}/").content.decode()
        assert ("data-arrange=" in text) == may
        assert "data-arrange=" not in as_teammate.get(f"/galleries/{private_gallery.pk}/?sort=newest").content.decode()


def test_move_beside_a_missing_picture_says_what_to_do(
    as_owner: Client, make_picture: MakePicture, private_gallery: Gallery, row: list[int]
) -> None:
    for of in (make_picture().pk, "", "x", "9" * 30):
        response = move(as_owner, private_gallery, row[0], "after", of)
        assert response.status_code == 409
        assert "Reload the page" in response.json()["said"]
        plain = as_owner.post(f"/galleries/{private_gallery.pk}/arrange/{row[0]}/", {"what": "after", "of": of})
        assert plain["Location"] == f"/galleries/{private_gallery.pk}/"
    assert move(as_owner, private_gallery, make_picture().pk, "front").status_code == 404
    assert order(private_gallery) == row


def test_moves_at_once_are_all_kept(
    django_db_serialized_rollback: None, transactional_db: None, make_picture: MakePicture, private_gallery: Gallery
) -> None:
    """Each thread moves another picture behind the first. In the end all are there, at different places."""
    pictures = [make_picture() for _ in range(7)]
    for picture in pictures:
        put(picture, private_gallery)
    first, *rest = order(private_gallery)
    entries = {entry.picture_id: entry for entry in GalleryEntry.objects.filter(gallery=private_gallery)}
    movers = rest[-4:]
    barrier, problems = Barrier(len(movers)), []

    def run(picture: int) -> None:
        try:
            barrier.wait(20)
            for _ in range(5):
                services.galleries.move_beside(entries[picture], entries[first], after=True)
        except Exception as problem:  # noqa: BLE001 the test reports it
            problems.append(problem)
        finally:
            connection.close()

    threads = [Thread(target=run, args=(picture,)) for picture in movers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert problems == []
    after = order(private_gallery)
    assert after[0] == first
    assert set(after[1:5]) == set(movers)
    assert after[5:] == rest[:-4]
    positions = list(GalleryEntry.objects.filter(gallery=private_gallery, picture__in=movers).values_list("position"))
    assert len(set(positions)) == len(movers)
