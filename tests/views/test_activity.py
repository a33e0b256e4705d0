"""The log of a gallery: each action has its line, and a line shows no picture that the reader may not see."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.files.base import ContentFile
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from gallery import services
from gallery.engine.ingest import ingest_result
from gallery.models import Activity, Gallery, GalleryEntry, Generation, Membership, Person, Picture, Role, State
from gallery.services import activity as service
from gallery.views import activity
from tests.conftest import png, put, signed_in

pytestmark = pytest.mark.database

MakePicture = Callable[..., Picture]
Verb = Activity.Verb


def log(gallery: Gallery) -> list[str]:
    """The lines, oldest first."""
    return [str(line) for line in Activity.objects.filter(gallery=gallery).order_by("pk")]


def page(client: Client, gallery: Gallery, query: str = "") -> str:
    answer = client.get(f"/galleries/{gallery.pk}/activity/{query}")
    assert answer.status_code == 200
    return unescape(re.sub(r"<[^>]+>", " ", answer.content.decode()))


def test_each_action_has_its_line(
    as_owner: Client,
    as_teammate: Client,
    teammate: Person,
    administrator: Person,
    private_gallery: Gallery,
    make_picture: MakePicture,
) -> None:
    group, picture = Group.objects.create(name="Design"), make_picture()
    base = f"/galleries/{private_gallery.pk}"
    as_owner.post(f"/pictures/{picture.pk}/save/", {"gallery": private_gallery.pk})
    as_owner.post(f"/pictures/{picture.pk}/save/", {"gallery": private_gallery.pk})
    as_owner.post(f"{base}/members/", {"who": f"person:{teammate.pk}", "role": Role.CONTRIBUTOR})
    as_owner.post(f"{base}/members/", {"who": f"group:{group.pk}", "role": Role.VIEWER})
    for status in ("approved", "approved", "shortlist", "draft"):
        as_teammate.post(f"{base}/decide/{picture.pk}/", {"status": status})
    as_owner.post(f"{base}/arrange/{picture.pk}/", {"what": "cover"})
    as_owner.post(f"{base}/arrange/{picture.pk}/", {"what": "cover"})
    as_owner.post(f"{base}/rename/", {"name": "Wall"})
    as_owner.post(f"{base}/rename/", {"name": "Wall"})
    as_owner.post(f"{base}/share/", {"shared": "on"})
    as_owner.post(f"{base}/share/", {"shared": "on"})
    as_owner.post(f"{base}/share/")
    member = Membership.objects.get(group=group)
    as_owner.post(f"{base}/members/{member.pk}/", {"role": Role.MANAGER})
    as_owner.post(f"{base}/members/{member.pk}/", {"role": Role.MANAGER})
    as_owner.post(f"{base}/members/{member.pk}/remove/")
    as_teammate.post(f"{base}/members/{Membership.objects.get().pk}/remove/")
    as_owner.post(f"{base}/remove/{picture.pk}/")
    assert log(private_gallery) == [
        "Olivia Owner added a picture",
        "Olivia Owner added Tom Teammate, who may contribute",
        "Olivia Owner added Design, who may view",
        "Tom Teammate approved a picture",
        "Tom Teammate put a picture on the shortlist",
        "Tom Teammate made a picture a draft again",
        "Olivia Owner picked a picture as the cover",
        "Olivia Owner renamed the gallery from “Sketches” to “Wall”",
        "Olivia Owner showed the gallery to the whole team",
        "Olivia Owner stopped showing the gallery to the whole team",
        "Olivia Owner changed the role of Design, who may manage",
        "Olivia Owner removed Design",
        "Tom Teammate left the gallery",
        "Olivia Owner took a picture out",
    ]
    text = " ".join(page(as_owner, private_gallery).split())
    places = [text.index(re.sub("^(Olivia Owner|Tom Teammate) ", "", line)) for line in reversed(log(private_gallery))]
    assert places == sorted(places), "the latest first"


def test_several_pictures_at_once_share_one_line(
    as_owner: Client, owner: Person, private_gallery: Gallery, make_picture: MakePicture
) -> None:
    chosen = [make_picture().pk for _ in range(12)]
    as_owner.post("/selection/save/", {"picture": chosen, "gallery": private_gallery.pk})
    assert log(private_gallery) == ["Olivia Owner added 12 pictures"]
    as_owner.post("/selection/save/", {"picture": chosen, "gallery": private_gallery.pk})
    services.galleries.save_picture(make_picture(), private_gallery)
    assert log(private_gallery) == ["Olivia Owner added 13 pictures"]


def test_later_action_or_another_person_starts_a_new_line(
    teammate: Person, private_gallery: Gallery, make_picture: MakePicture
) -> None:
    services.galleries.save_picture(make_picture(), private_gallery)
    services.galleries.save_picture(make_picture(author=teammate), private_gallery)
    services.galleries.save_picture(make_picture(), private_gallery)
    Activity.objects.update(created_at=timezone.now() - service.SAME - timedelta(seconds=1))
    services.galleries.save_picture(make_picture(), private_gallery)
    assert [line.split()[0] for line in log(private_gallery)] == ["Olivia", "Tom", "Olivia", "Olivia"]


def test_author_is_named_for_a_picture_that_arrives(
    make_generation: Callable[..., Generation], private_gallery: Gallery
) -> None:
    from django.core.files.storage import default_storage

    results = [{"file": default_storage.save(f"inbox/{n}.png", ContentFile(png()))} for n in range(2)]
    generation = make_generation(state=State.SAVING, gallery=private_gallery, results=results)
    for place, result in enumerate(results):
        ingest_result(generation, place, result)
    assert log(private_gallery) == ["Olivia Owner added 2 pictures"]
    assert set(GalleryEntry.objects.values_list("added_by__name", flat=True)) == {"Olivia Owner"}


def test_line_and_action_share_a_transaction(
    private_gallery: Gallery, make_picture: MakePicture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the line cannot be written, the action fails. If the action is rolled back, so is the line."""
    picture = make_picture()
    with transaction.atomic():
        services.galleries.save_picture(picture, private_gallery)
        transaction.set_rollback(True)
    assert log(private_gallery) == []

    def fail(*args: object, **kwargs: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("gallery.services.galleries.record", fail)
    with pytest.raises(RuntimeError):
        services.galleries.save_picture(picture, private_gallery)
    assert not GalleryEntry.objects.exists()


def test_line_needs_a_transaction(
    django_db_serialized_rollback: None, transactional_db: None, private_gallery: Gallery
) -> None:
    with pytest.raises(AssertionError):
        services.activity.record(private_gallery, private_gallery.owner, Verb.COMMENTED)


@pytest.mark.parametrize("how", ["trashed", "taken out", "deleted"])
def test_hidden_picture_is_mentioned_but_not_shown(
    how: str, as_teammate: Client, teammate: Person, owner: Person, private_gallery: Gallery, make_picture: MakePicture
) -> None:
    Membership.objects.create(gallery=private_gallery, person=teammate)
    picture = make_picture(prompt="Nobody's business")
    services.galleries.save_picture(picture, private_gallery)
    address = f"/galleries/{private_gallery.pk}/activity/"
    assert f"/pictures/{picture.pk}/?gallery=" in as_teammate.get(address).content.decode()
    if how == "taken out":
        services.galleries.remove_picture(picture, private_gallery)
    else:
        services.trash.trash(owner, [picture.pk])
        if how == "deleted":
            services.trash.delete_for_good(owner, [picture.pk])
    html = as_teammate.get(address).content.decode()
    assert "added a picture" in html
    assert f"/pictures/{picture.pk}/" not in html
    assert f"/media/{picture.pk}/" not in html
    assert "Nobody" not in html


def test_guests_and_deleted_people_have_a_name(owner: Person, private_gallery: Gallery) -> None:
    with transaction.atomic():
        services.activity.record(private_gallery, None, Verb.COMMENTED, guest="Carl")
        services.activity.record(private_gallery, None, Verb.LINK_MADE)
    assert log(private_gallery) == [
        "Carl (guest) commented on a picture",
        "Somebody made a public link",
    ]
    assert "Olivia Owner made this gallery" in " ".join(page(signed_in(owner), private_gallery).split())


def test_log_hides_labels_of_links(
    as_teammate: Client, teammate: Person, owner: Person, private_gallery: Gallery
) -> None:
    """Labels are for managers only; viewers read the log, too."""
    Membership.objects.create(gallery=private_gallery, person=teammate)
    settings = {"label": "The rival agency", "expires_at": timezone.now() + timedelta(days=1)}
    link, _ = services.share_links.make_link(private_gallery, owner, settings)
    services.share_links.revoke_link(link, owner)
    assert log(private_gallery) == ["Olivia Owner made a public link", "Olivia Owner ended a public link"]
    assert "rival" not in page(as_teammate, private_gallery)
    assert not Activity.objects.exclude(detail="").exists()


def test_days_follow_the_studio_time_zone(
    as_owner: Client, owner: Person, private_gallery: Gallery, settings: Any
) -> None:
    settings.TIME_ZONE = "Pacific/Auckland"
    with transaction.atomic():
        for _ in range(2):
            services.activity.record(private_gallery, owner, Verb.COVER)
    # 23:30 and 0:30 there, on one day in UTC.
    for line, hour in zip(Activity.objects.order_by("pk"), (11, 12), strict=True):
        Activity.objects.filter(pk=line.pk).update(created_at=datetime(2026, 7, 1, hour, 30, tzinfo=UTC))
    days = re.findall(r"\b\d July 2026", page(as_owner, private_gallery))
    assert days == ["2 July 2026", "1 July 2026"]


def test_pages_hold_each_line_once(
    as_owner: Client, owner: Person, private_gallery: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activity, "PAGE", 3)
    with transaction.atomic():
        for number in range(8):
            services.activity.record(private_gallery, owner, Verb.RENAMED, detail=f"number {number}")
    query, seen = "", []
    for _ in range(3):
        text = page(as_owner, private_gallery, query)
        seen += [int(number) for number in re.findall(r"number (\d)", text)]
        more = re.search(
            r'href="(\?before=\d+)"', as_owner.get(f"/galleries/{private_gallery.pk}/activity/{query}").content.decode()
        )
        query = more[1] if more else ""
    assert seen == [7, 6, 5, 4, 3, 2, 1, 0]
    assert not query
    assert "made this gallery" in text


def test_query_count_does_not_grow_with_lines(
    as_owner: Client, owner: Person, teammate: Person, private_gallery: Gallery, make_picture: MakePicture
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            page(as_owner, private_gallery)
        return len(captured)

    def happen() -> None:
        picture = make_picture()
        put(picture, private_gallery)
        with transaction.atomic():
            for actor in (owner, teammate):
                services.activity.record(private_gallery, actor, Verb.COMMENTED, picture=picture)

    happen()
    with_one = queries()
    for _ in range(20):
        happen()
    assert queries() == with_one


# -- members in the list of galleries


def test_list_of_galleries_shows_their_members(
    as_owner: Client, teammate: Person, private_gallery: Gallery, team_gallery: Gallery
) -> None:
    assert "Private" in as_owner.get("/galleries/").content.decode()
    Membership.objects.create(gallery=private_gallery, person=teammate)
    Membership.objects.create(gallery=private_gallery, group=Group.objects.create(name="Design"))
    for number in range(3):
        person = Person.objects.create_user(f"x{number}@example.org", name=f"X {number}")
        Membership.objects.create(gallery=private_gallery, person=person)
    text = " ".join(as_owner.get("/galleries/").content.decode().split())
    assert "5 members" in text
    assert 'title="Tom Teammate"' in text
    assert 'title="Design"' in text
    assert ">+1<" in text
    assert "Private" not in text


@pytest.mark.parametrize(
    ("name", "initials"),
    [("Olivia Owner", "OO"), ("zoë", "Z"), ("Jörg van der Berg", "JB"), ("李 小龍", "李小"), ("… !", "?"), ("", "O")],
)
def test_initials(name: str, initials: str, owner: Person) -> None:
    owner.name = name
    assert owner.initials == initials
