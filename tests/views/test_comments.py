"""What the team says about a picture, gallery by gallery."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from gallery import services
from gallery.models import Comment, Gallery, GuestVote, Membership, Person, Picture, Role
from gallery.views import comments
from tests.conftest import put

MakePicture = Callable[..., Picture]
HTMX = {"HX-Request": "true"}


@pytest.fixture
def picture(make_picture: MakePicture, private_gallery: Gallery) -> Picture:
    picture = make_picture()
    put(picture, private_gallery)
    return picture


def join(gallery: Gallery, person: Person, role: str = Role.VIEWER) -> None:
    Membership.objects.create(gallery=gallery, person=person, role=role)


def say(client: Client, gallery: Gallery, picture: Picture, text: str = "Lovely", **more: Any) -> Any:
    return client.post(f"/galleries/{gallery.pk}/comment/{picture.pk}/", {"text": text}, **more)


def like(gallery: Gallery, picture: Picture, *guests: str) -> None:
    """Each call makes a new share link."""
    settings = {"label": "A friend", "expires_at": timezone.now() + timedelta(days=1)}
    link, _ = services.share_links.make_link(gallery, gallery.owner, settings)
    votes = [GuestVote(link=link, picture=picture, guest=guest, guest_key=guest) for guest in guests]
    GuestVote.objects.bulk_create(votes)


def page(client: Client, picture: Picture) -> str:
    return client.get(f"/pictures/{picture.pk}/").content.decode()


@pytest.mark.parametrize("role", [None, *Role.values])
def test_members_read_and_write_comments(
    role: str | None, as_teammate: Client, teammate: Person, as_owner: Client, picture: Picture
) -> None:
    gallery = picture.galleries.get()
    if role:
        join(gallery, teammate, role)
    assert say(as_owner, gallery, picture, "From the owner").status_code == 302
    answer = say(as_teammate, gallery, picture, "From a member")
    assert answer.status_code == (302 if role else 404)
    if role:
        assert answer["Location"] == f"/pictures/{picture.pk}/#comments-{gallery.pk}"
        assert "From the owner" in page(as_teammate, picture)
        assert "From a member" in page(as_owner, picture)
    assert Comment.objects.count() == (2 if role else 1)


@pytest.mark.parametrize("role", Role.values)
def test_author_and_managers_delete_a_comment(
    role: str, as_teammate: Client, teammate: Person, owner: Person, picture: Picture
) -> None:
    gallery = picture.galleries.get()
    join(gallery, teammate, role)
    own = services.comments.comment(gallery, picture, "Mine", author=teammate)
    theirs = services.comments.comment(gallery, picture, "Theirs", author=owner)
    may = role == Role.MANAGER
    text = page(as_teammate, picture)
    assert f"/comments/{own.pk}/delete/" in text
    assert (f"/comments/{theirs.pk}/delete/" in text) is may
    assert as_teammate.post(f"/comments/{own.pk}/delete/").status_code == 302
    assert as_teammate.post(f"/comments/{theirs.pk}/delete/", headers=HTMX).status_code == (200 if may else 404)
    assert list(Comment.objects.all()) == ([] if may else [theirs])


def test_former_member_loses_access_to_comments(
    as_teammate: Client, teammate: Person, picture: Picture, team_gallery: Gallery
) -> None:
    """Not even their own, although they still see the picture elsewhere."""
    gallery = picture.galleries.get()
    join(gallery, teammate, Role.MANAGER)
    own = services.comments.comment(gallery, picture, "Said there", author=teammate)
    put(picture, team_gallery)
    assert "Said there" in page(as_teammate, picture)
    Membership.objects.all().delete()
    assert "Said there" not in page(as_teammate, picture)
    assert "Sketches" not in page(as_teammate, picture)
    assert as_teammate.post(f"/comments/{own.pk}/delete/").status_code == 404
    assert say(as_teammate, gallery, picture).status_code == 404


def test_administrator_sees_the_picture_without_comments(
    as_administrator: Client, picture: Picture, owner: Person
) -> None:
    services.comments.comment(picture.galleries.get(), picture, "Between us", author=owner)
    assert "Between us" not in page(as_administrator, picture)


def test_picture_outside_the_gallery_takes_no_comments(
    as_owner: Client, picture: Picture, make_picture: MakePicture, owner: Person
) -> None:
    gallery = picture.galleries.get()
    assert say(as_owner, gallery, make_picture()).status_code == 404
    own = services.comments.comment(gallery, picture, "Lovely", author=owner)
    gallery.entries.all().delete()
    assert "Lovely" not in page(as_owner, picture)
    assert as_owner.post(f"/comments/{own.pk}/delete/").status_code == 404
    put(picture, gallery)
    assert "Lovely" in page(as_owner, picture), "the comments return with the picture"
    Picture.objects.filter(pk=picture.pk).update(trashed_at=timezone.now())
    assert say(as_owner, gallery, picture).status_code == 404


def test_htmx_gets_the_fragment(as_owner: Client, picture: Picture) -> None:
    gallery = picture.galleries.get()
    answer = say(as_owner, gallery, picture, "So <b>lovely</b>\r\nindeed", headers=HTMX)
    text = answer.content.decode()
    assert (answer.status_code, answer.templates[0].name) == (200, "comments/_talk.html")
    assert f'<section id="comments-{gallery.pk}"' in text
    assert "So &lt;b&gt;lovely&lt;/b&gt;\nindeed" in text
    for wrong, said in (("  ", "Write something first"), ("x" * 2001, "2,000 are the most")):
        answer = say(as_owner, gallery, picture, wrong, headers=HTMX)
        assert answer.status_code == 422
        assert said in answer.content.decode()
        without = say(as_owner, gallery, picture, wrong, follow=True)
        assert said in without.content.decode()
    assert Comment.objects.count() == 1


def test_comment_has_a_person_or_a_guest(picture: Picture, owner: Person) -> None:
    gallery = picture.galleries.get()
    for author, guest in ((None, ""), (owner, "Rosa")):
        with pytest.raises(IntegrityError), transaction.atomic():
            services.comments.comment(gallery, picture, "Lovely", author=author, guest=guest)


def test_query_count_does_not_grow_with_comments(
    as_owner: Client, owner: Person, picture: Picture, team_gallery: Gallery
) -> None:
    settings = {"label": "A friend", "expires_at": timezone.now() + timedelta(days=1)}

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            page(as_owner, picture)
        return len(captured)

    def talk(gallery: Gallery, guest: str) -> None:
        link, _ = services.share_links.make_link(gallery, owner, settings)
        services.comments.comment(gallery, picture, "Lovely", author=owner)
        services.comments.comment(gallery, picture, "Nice", link=link, guest=guest)
        GuestVote.objects.create(link=link, picture=picture, guest=guest, guest_key=guest)

    talk(picture.galleries.get(), "Rosa")
    before = queries()
    put(picture, team_gallery)
    for guest in ("Ben", "Lea", "Kim"):
        talk(team_gallery, guest)
    assert queries() == before
    text = page(as_owner, picture)
    assert "Liked by Rosa <span" in text
    assert "Liked by Ben, Lea, Kim <span" in text


def test_busy_gallery_hides_no_comments_of_another(
    as_owner: Client, owner: Person, picture: Picture, team_gallery: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comments, "SHOWN", 2)
    put(picture, team_gallery)
    services.comments.comment(picture.galleries.get(name="Sketches"), picture, "Said first", author=owner)
    for number in range(3):
        services.comments.comment(team_gallery, picture, f"Flood {number}", author=owner)
    text = page(as_owner, picture)
    assert "Said first" in text
    assert "Flood 0" not in text
    assert text.index("Flood 1</p>") < text.index("Flood 2</p>")


def test_many_guests_are_counted(
    as_owner: Client, picture: Picture, team_gallery: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The latest guests of each gallery are named, from all its links together."""
    monkeypatch.setattr(comments, "NAMED", 2)
    put(picture, team_gallery)
    gallery = picture.galleries.get(name="Sketches")
    like(gallery, picture, "Rosa", "Ben", "Lea")
    like(gallery, picture, "<b>Kim")
    like(team_gallery, picture, "Ida", "Max")
    text = page(as_owner, picture)
    assert "Liked by Lea, &lt;b&gt;Kim and 2 more <span" in text
    assert "Liked by Ida, Max <span" in text


@pytest.mark.parametrize("role", Role.values)
def test_only_managers_remove_likes(
    role: str,
    as_teammate: Client,
    teammate: Person,
    picture: Picture,
    team_gallery: Gallery,
    make_picture: MakePicture,
) -> None:
    gallery, other = picture.galleries.get(), make_picture()
    join(gallery, teammate, role)
    put(picture, team_gallery)
    put(other, gallery)
    like(gallery, picture, "Rosa", "Ben")
    like(gallery, picture, "Lea")
    like(gallery, other, "Kim")
    like(team_gallery, picture, "Ida")
    address, may = f"/galleries/{gallery.pk}/likes/{picture.pk}/remove/", role == Role.MANAGER
    text = page(as_teammate, picture)
    assert (f'action="{address}"' in text) is may
    assert f"/galleries/{team_gallery.pk}/likes/" not in text
    answer = as_teammate.post(address, headers=HTMX)
    assert answer.status_code == (200 if may else 404)
    left = {"Kim", "Ida"} if may else {"Rosa", "Ben", "Lea", "Kim", "Ida"}
    assert set(GuestVote.objects.values_list("guest", flat=True)) == left
    if may:
        assert "Removed: what guests liked and decided." in answer["HX-Trigger"]
        plain = as_teammate.post(address)
        assert plain["Location"] == f"/pictures/{picture.pk}/#comments-{gallery.pk}"
    assert as_teammate.post(f"/galleries/{team_gallery.pk}/likes/{picture.pk}/remove/").status_code == 404


@pytest.mark.parametrize(
    "address",
    [
        *(f"/galleries/1/{what}/%s/" for what in ("comment", "decide", "arrange", "remove")),
        "/pictures/1/tags/%s/remove/",
    ],
)
def test_number_beyond_64_bits_is_not_found(address: str, as_owner: Client, picture: Picture) -> None:
    """Beyond 64 bits SQLite raises."""
    first = picture.pk if "pictures" in address else picture.galleries.get().pk
    for number in (2**63, 10**20):
        asked = address.replace("/1/", f"/{first}/") % number
        assert as_owner.post(asked, {"text": "Lovely", "status": "approved"}).status_code == 404
