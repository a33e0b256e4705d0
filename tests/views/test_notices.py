"""Notices: for the people concerned, not for the one who acted, and not about hidden pictures."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from gallery import services
from gallery.engine import housekeeping
from gallery.models import Gallery, GalleryEntry, Membership, Notice, Person, Picture, Role
from gallery.models.activity import KEEP_NOTICES
from gallery.queries.roles import Action, people_who_may
from tests.conftest import put, signed_in

MakePicture = Callable[..., Picture]


@pytest.fixture
def picture(make_picture: MakePicture, private_gallery: Gallery, teammate: Person) -> Picture:
    """A picture of the owner, in a gallery to which the teammate contributes."""
    picture = make_picture()
    put(picture, private_gallery)
    Membership.objects.create(gallery=private_gallery, person=teammate, role=Role.CONTRIBUTOR)
    return picture


def messages(person: Person) -> list[str]:
    return [str(notice) for notice in Notice.objects.visible_to(person).order_by("pk")]


def comment(gallery: Gallery, picture: Picture, by: Person | None = None, **more: object) -> None:
    with transaction.atomic():
        services.activity.tell_of_comment(gallery, picture, by=by, **more)  # type: ignore[arg-type]


# -- recipients


def test_author_gets_notices_of_decisions_by_others_only(
    as_owner: Client, as_teammate: Client, owner: Person, teammate: Person, picture: Picture, private_gallery: Gallery
) -> None:
    address = f"/galleries/{private_gallery.pk}/decide/{picture.pk}/"
    as_owner.post(address, {"status": "shortlist"})
    assert messages(owner) == []
    as_teammate.post(address, {"status": "draft"})
    as_teammate.post(address, {"status": "approved"})
    as_teammate.post(address, {"status": "approved"})
    # Only the latest decision is unread.
    assert messages(owner) == ["Tom Teammate approved your picture in “Sketches”"]
    assert messages(teammate) == []


def test_author_and_commenters_get_a_notice_of_a_comment(
    owner: Person, teammate: Person, administrator: Person, picture: Picture, private_gallery: Gallery
) -> None:
    Membership.objects.create(gallery=private_gallery, person=administrator)
    comment(private_gallery, picture, by=administrator, earlier=[teammate.pk, administrator.pk])
    assert messages(owner) == ["Ada Administrator commented on your picture in “Sketches”"]
    assert messages(teammate) == ["Ada Administrator commented on a picture in “Sketches”"]
    assert messages(administrator) == []


def test_managers_get_a_notice_of_a_guest_comment(
    owner: Person, teammate: Person, administrator: Person, make_picture: MakePicture, private_gallery: Gallery
) -> None:
    group = Group.objects.create(name="Design")
    administrator.groups.add(group)
    Membership.objects.create(gallery=private_gallery, group=group, role=Role.MANAGER)
    Membership.objects.create(gallery=private_gallery, person=teammate, role=Role.CONTRIBUTOR)
    mia = Person.objects.create_user("mia@example.org", name="Mia")
    theirs = make_picture(author=mia)
    put(theirs, private_gallery)
    comment(private_gallery, theirs, guest="Carl")
    assert set(people_who_may(Action.SHARE, private_gallery)) == {owner, administrator}
    assert messages(owner) == messages(administrator) == ["Carl (guest) commented on a picture in “Sketches”"]
    assert messages(teammate) == []
    # The author does not see the gallery. They get notices as soon as they do.
    assert messages(mia) == []
    Membership.objects.create(gallery=private_gallery, person=mia)
    assert messages(mia) == ["Carl (guest) commented on your picture in “Sketches”"]


def test_new_members_get_a_notice_also_through_a_group(
    as_owner: Client, owner: Person, teammate: Person, administrator: Person, private_gallery: Gallery
) -> None:
    group = Group.objects.create(name="Design")
    administrator.groups.add(group)
    owner.groups.add(group)
    for who in (f"person:{teammate.pk}", f"group:{group.pk}"):
        as_owner.post(f"/galleries/{private_gallery.pk}/members/", {"who": who, "role": Role.VIEWER})
    assert messages(teammate) == messages(administrator) == ["Olivia Owner made you a member of “Sketches” (Viewer)"]
    assert messages(owner) == []
    assert "of “Sketches”" in signed_in(teammate).get("/notices/").content.decode()


# -- hidden pictures


@pytest.mark.parametrize("how", ["no member any more", "picture in the trash", "picture taken out", "gallery deleted"])
def test_notice_of_a_hidden_picture_is_not_shown(
    how: str, owner: Person, teammate: Person, as_teammate: Client, picture: Picture, private_gallery: Gallery
) -> None:
    comment(private_gallery, picture, by=owner, earlier=[teammate.pk])
    notice = Notice.objects.get()
    assert messages(teammate)
    assert "1 unread" in as_teammate.get("/account/").content.decode()
    if how == "no member any more":
        services.galleries.remove_member(Membership.objects.get(), by=owner)
    elif how == "picture in the trash":
        services.trash.trash(owner, [picture.pk])
    elif how == "picture taken out":
        services.galleries.remove_picture(picture, private_gallery)
    else:
        private_gallery.delete()
    assert messages(teammate) == []
    assert "unread" not in as_teammate.get("/account/").content.decode()
    assert "Olivia" not in as_teammate.get("/notices/").content.decode()
    assert as_teammate.get(f"/notices/{notice.pk}/").status_code == 404


# -- reading


def test_opening_a_notice_marks_it_read(
    as_owner: Client, as_teammate: Client, owner: Person, teammate: Person, picture: Picture, private_gallery: Gallery
) -> None:
    services.galleries.decide(GalleryEntry.objects.get(), "approved", teammate)
    comment(private_gallery, picture, by=teammate)
    decided, commented = Notice.objects.order_by("pk")
    assert as_teammate.get(f"/notices/{decided.pk}/").status_code == 404
    assert "2 unread" in as_owner.get("/account/").content.decode()
    as_owner.head(f"/notices/{decided.pk}/")
    assert "2 unread" in as_owner.get("/account/").content.decode(), "a prefetch does not mark it read"
    page = f"/pictures/{picture.pk}/?gallery={private_gallery.pk}"
    assert as_owner.get(f"/notices/{decided.pk}/")["Location"] == f"{page}#places"
    assert as_owner.get(f"/notices/{commented.pk}/")["Location"] == f"{page}#comments"
    assert "unread" not in as_owner.get("/account/").content.decode()
    assert "Approved by Tom Teammate" in as_owner.get(page).content.decode()


def test_mark_all_read_marks_own_notices_only(owner: Person, teammate: Person, as_owner: Client) -> None:
    for person in (owner, teammate):
        Notice.objects.create(person=person, kind=Notice.Kind.CAME)
    assert "Mark all read" in as_owner.get("/notices/").content.decode()
    as_owner.post("/notices/read/")
    assert list(Notice.objects.unread().values_list("person", flat=True)) == [teammate.pk]
    assert "Mark all read" not in as_owner.get("/notices/").content.decode()


def test_empty_list_says_so(as_owner: Client) -> None:
    assert "No notifications" in as_owner.get("/notices/").content.decode()


# -- cost


def test_bell_costs_at_most_two_queries_a_page(
    as_owner: Client, owner: Person, teammate: Person, private_gallery: Gallery, make_picture: MakePicture
) -> None:
    def asked(address: str, **headers: str) -> list[str]:
        with CaptureQueriesContext(connection) as captured:
            as_owner.get(address, headers=headers)
        return [query["sql"] for query in captured if "gallery_notice" in query["sql"]]

    assert len(asked("/account/")) == 1
    for _ in range(120):
        Notice.objects.create(person=owner, kind=Notice.Kind.MEMBER, gallery=private_gallery, actor=teammate)
    assert len(asked("/account/")) == 2
    assert "99+ unread" in as_owner.get("/account/").content.decode()
    assert asked("/generations/feed/", **{"HX-Request": "true"}) == []


def test_query_count_does_not_grow_with_notices(
    as_owner: Client, owner: Person, teammate: Person, private_gallery: Gallery, make_picture: MakePicture
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            as_owner.get("/notices/")
        return len(captured)

    def happen() -> None:
        picture = make_picture()
        put(picture, private_gallery)
        comment(private_gallery, picture, by=teammate)

    happen()
    with_one = queries()
    for _ in range(30):
        happen()
    assert queries() == with_one
    assert len(as_owner.get("/notices/").context["notices"]) == 31


def test_old_notices_are_deleted(owner: Person) -> None:
    old, new = (Notice.objects.create(person=owner, kind=Notice.Kind.CAME) for _ in range(2))
    Notice.objects.filter(pk=old.pk).update(created_at=timezone.now() - KEEP_NOTICES - timedelta(minutes=1))
    Notice.objects.filter(pk=new.pk).update(created_at=timezone.now() - KEEP_NOTICES + timedelta(minutes=1))
    housekeeping.delete_old_rows()
    assert list(Notice.objects.all()) == [new]


# -- through the views


def test_comment_makes_notices_and_a_line_in_the_log(
    as_teammate: Client, as_owner: Client, owner: Person, picture: Picture, private_gallery: Gallery
) -> None:
    as_teammate.post(f"/galleries/{private_gallery.pk}/comment/{picture.pk}/", {"text": "Lovely"})
    assert messages(owner) == ["Tom Teammate commented on your picture in “Sketches”"]
    assert [str(line) for line in private_gallery.activities.all()] == ["Tom Teammate commented on a picture"]
    notice = Notice.objects.get()
    assert "Lovely" in as_owner.get(f"/notices/{notice.pk}/", follow=True).content.decode()


def test_guest_comment_makes_a_notice_for_managers(
    owner: Person, teammate: Person, picture: Picture, private_gallery: Gallery
) -> None:
    settings = {"label": "The client", "expires_at": timezone.now() + timedelta(days=1), "allow_comments": True}
    link, _ = services.share_links.make_link(private_gallery, owner, settings)
    services.comments.comment(private_gallery, picture, "Lovely", link=link, guest="Rosa")
    assert messages(owner) == ["Rosa (guest) commented on your picture in “Sketches”"]
    assert messages(teammate) == []
    services.share_links.revoke_links(private_gallery, owner)
    assert [str(line) for line in private_gallery.activities.order_by("pk")] == [
        "Olivia Owner made a share link",
        "Rosa (guest) commented on a picture",
        "Olivia Owner revoked a share link",
    ]
