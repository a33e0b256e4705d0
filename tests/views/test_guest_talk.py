"""What guests say of pictures: likes, decisions and comments."""

import csv
import io
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from gallery import services
from gallery.models import Comment, Gallery, GuestAct, GuestVote, Notice, Person, Picture, ShareLink
from gallery.services.share_links import MOST_COMMENTS, MOST_OF_PLACE, MOST_VOTES
from tests.conftest import put
from tests.support.guests import below, named, share

pytestmark = pytest.mark.database

MakePicture = Callable[..., Picture]


@pytest.fixture
def picture(shown_picture: Picture) -> Picture:
    return shown_picture


# -- what guests say


def test_guests_like_and_comment_with_a_name(as_owner: Client, picture: Picture, owner: Person) -> None:
    gallery = picture.galleries.get()
    link, path = share(gallery, allow_votes=True, allow_comments=True)
    page = below(path, picture)
    nameless = Client()
    for name, sent in (("vote", {"like": "1"}), ("comment", {"text": "Hello"})):
        answer = nameless.post(f"{page}{name}/", sent)
        assert answer.status_code == 422
        assert "Say your name first" in answer.content.decode()
    for wrong in ("", " ", "x" * 81, "Ro\u202esa"):
        assert nameless.post(f"{page}name/", {"name": wrong}).status_code == 422
    assert not Comment.objects.exists()
    assert not GuestVote.objects.exists()

    rosa, ben = named(path, picture, " Rosa  <b> "), named(path, picture, "Ben")
    for client in (rosa, rosa, ben):
        assert client.post(f"{page}vote/", {"like": "1"})["Location"] == f"{page}#talk"
    text = "So <script>alert(1)</script>\r\nfresh"
    rosa.post(f"{page}comment/", {"text": text})
    said = Comment.objects.get()
    assert (said.gallery, said.picture, said.link, said.guest, said.author) == (
        gallery,
        picture,
        link,
        "Rosa <b>",
        None,
    )
    assert said.text == text.replace("\r\n", "\n")
    seen = ben.get(page).content.decode()
    assert "2 people like it" in seen
    assert "So &lt;script&gt;alert(1)&lt;/script&gt;" in seen
    assert "Rosa &lt;b&gt;" in seen
    assert '<span class="badge">guest</span>' in seen
    assert "You liked 1" in ben.get(path).content.decode()
    # Members read it on the picture's page.
    team = as_owner.get(f"/pictures/{picture.pk}/").content.decode()
    assert "Liked by Rosa &lt;b&gt;, Ben" in team
    assert "So &lt;script&gt;" in team
    assert '<span class="badge">guest</span>' in team
    ben.post(f"{page}vote/", {"like": "0"})
    assert [vote.guest for vote in GuestVote.objects.all()] == ["Rosa <b>"]
    # The fragment for htmx is the same as in the page.
    answer = ben.post(f"{page}vote/", {"like": "1"}, headers={"HX-Request": "true"})
    assert answer.content.decode().strip().startswith('<div id="talk"')
    assert "2 people like it" in answer.content.decode()


def test_database_counts_likes(picture: Picture) -> None:
    link, path = share(picture.galleries.get(), allow_votes=True)
    votes = [GuestVote(link=link, picture=picture, guest_key=f"{n}", guest="Many") for n in range(40)]
    GuestVote.objects.bulk_create(votes)
    rosa = named(path, picture)
    rosa.post(f"{below(path, picture)}vote/", {"like": "1"})
    with CaptureQueriesContext(connection) as captured:
        text = rosa.get(below(path, picture)).content.decode()
    assert "41 people like it" in text
    assert "You like it" in text
    asked = [query["sql"] for query in captured if "guestvote" in query["sql"]]
    assert len(asked) == 2
    assert all("COUNT(" in sql or "guest_key" in sql for sql in asked), "not all the keys"


def test_guests_of_one_link_do_not_see_another(picture: Picture, owner: Person) -> None:
    gallery = picture.galleries.get()
    (_, path), (_, other) = (share(gallery, allow_votes=True, allow_comments=True) for _ in range(2))
    rosa = named(path, picture)
    rosa.post(f"{below(path, picture)}comment/", {"text": "Heard here"})
    rosa.post(f"{below(path, picture)}vote/", {"like": "1"})
    services.comments.comment(gallery, picture, "The team only", author=owner)
    text = named(other, picture, "Ben").get(below(other, picture)).content.decode()
    for word in ("Heard here", "Rosa", "The team only", "likes it"):
        assert word not in text


@pytest.mark.parametrize(("votes", "comments"), [(False, False), (True, False), (False, True)])
def test_guests_do_only_what_the_link_allows(votes: bool, comments: bool, picture: Picture) -> None:
    _, path = share(picture.galleries.get(), allow_votes=votes, allow_comments=comments)
    page, guest = below(path, picture), Client()
    assert (guest.post(f"{page}name/", {"name": "Rosa"}).status_code == 302) is (votes or comments)
    assert (guest.post(f"{page}vote/", {"like": "1"}).status_code == 302) is votes
    assert (guest.post(f"{page}comment/", {"text": "Hello"}).status_code == 302) is comments
    assert (GuestVote.objects.exists(), Comment.objects.exists()) == (votes, comments)
    text = guest.get(page).content.decode()
    assert ("vote/" in text) is votes
    assert ("comment/" in text) is comments


def test_guests_are_limited(picture: Picture) -> None:
    link, path = share(picture.galleries.get(), allow_votes=True, allow_comments=True)
    page, rosa = below(path, picture), named(path, picture)

    def say(text: str) -> Any:
        return rosa.post(f"{page}comment/", {"text": text})

    assert say(" \n ").status_code == 422
    assert say("x" * 2001).status_code == 422
    assert say("\r\n".join(["x"] * 1000) + "x").status_code == 302  # a line end is one character
    row = {"gallery": link.gallery, "picture": picture, "link": link, "guest": "Many", "text": "Hello"}
    Comment.objects.bulk_create(Comment(**row) for _ in range(MOST_COMMENTS - 1))
    answer = say("One more")
    assert answer.status_code == 422
    assert "Try again in 60 minutes." in answer.content.decode()
    assert "One more" in answer.content.decode(), "the input is kept"
    assert Comment.objects.count() == MOST_COMMENTS
    Comment.objects.update(created_at=timezone.now() - timedelta(hours=1))
    assert say("Later").status_code == 302
    votes = [GuestVote(link=link, picture=picture, guest_key=f"{n}", guest="Many") for n in range(MOST_VOTES)]
    GuestVote.objects.bulk_create(votes)
    answer = rosa.post(f"{page}vote/", {"like": "1"})
    assert answer.status_code == 422
    assert "Try again in 60 minutes." in answer.content.decode()
    assert GuestVote.objects.count() == MOST_VOTES


def test_one_address_cannot_use_up_what_is_there_for_all(picture: Picture) -> None:
    """A guest who drops the cookie is another guest, at the same address."""
    link, path = share(picture.galleries.get(), allow_votes=True, allow_comments=True)
    page = below(path, picture)

    def send(name: str, sent: dict[str, str], address: str) -> int:
        return named(path, picture).post(f"{page}{name}/", sent, REMOTE_ADDR=address).status_code

    for name, sent in (("vote", {"like": "1"}), ("comment", {"text": "Hello"})):
        codes = [send(name, sent, "198.51.100.7") for _ in range(MOST_OF_PLACE + 2)]
        assert codes == [302] * MOST_OF_PLACE + [422, 422]
        assert send(name, sent, "198.51.100.8") == 302
    assert GuestVote.objects.count() == Comment.objects.count() == MOST_OF_PLACE + 1
    assert not GuestAct.objects.filter(place__contains="198.51.100").exists()
    GuestAct.objects.update(created_at=timezone.now() - timedelta(hours=1, seconds=1))
    assert send("comment", {"text": "Later"}, "198.51.100.7") == 302
    assert GuestAct.objects.count() == 1, "what no longer counts is deleted"
    other, other_path = share(picture.galleries.get(), allow_comments=True)
    assert other.pk != link.pk
    comment = {"text": "Elsewhere"}
    assert named(other_path, picture).post(f"{below(other_path, picture)}comment/", comment).status_code == 302


def test_likes_that_are_taken_back_count(picture: Picture) -> None:
    _, path = share(picture.galleries.get(), allow_votes=True)
    page, rosa = below(path, picture), named(path, picture)
    for _ in range(MOST_OF_PLACE):
        assert rosa.post(f"{page}vote/", {"like": "1"}).status_code == 302
        assert rosa.post(f"{page}vote/", {"like": "0"}).status_code == 302
    answer = rosa.post(f"{page}vote/", {"like": "1"})
    assert answer.status_code == 422
    assert "Try again in 60 minutes." in answer.content.decode()


def test_forms_of_other_sites_are_refused(picture: Picture) -> None:
    _, path = share(picture.galleries.get(), allow_votes=True, allow_comments=True)
    page, guest = below(path, picture), Client(enforce_csrf_checks=True)
    text = guest.get(page).content.decode()
    for name, sent in (("name", {"name": "Rosa"}), ("vote", {"like": "1"}), ("comment", {"text": "Hello"})):
        assert guest.post(f"{page}{name}/", sent).status_code == 403
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', text)
    assert token
    answer = guest.post(f"{page}name/", {"name": "Rosa", "csrfmiddlewaretoken": token[1]})
    assert answer.status_code == 302


def test_first_heart_on_the_wall_asks_for_the_name_once(picture: Picture) -> None:
    _, path = share(picture.galleries.get(), allow_votes=True)
    page, guest, wall = below(path, picture), Client(), {"like": "1", "wall": "1"}
    asked = guest.post(f"{page}vote/", wall)
    assert asked.status_code == 422
    assert "Who are you?" in asked.content.decode()
    assert guest.post(f"{page}name/", {"name": " ", **wall}).status_code == 422
    assert not GuestVote.objects.exists()
    entry = picture.entries.get().pk
    assert guest.post(f"{page}name/", {"name": "Rosa", **wall})["Location"] == f"{path}#picture-{entry}"
    assert GuestVote.objects.get().guest == "Rosa"
    taken_back = guest.post(f"{page}vote/", {"like": "0", "wall": "1"}, headers={"HX-Request": "true"})
    assert f'id="acts-{entry}"' in taken_back.content.decode()
    assert not GuestVote.objects.exists()
    heart = guest.post(f"{page}vote/", wall, headers={"HX-Request": "true"}).content.decode()
    assert 'aria-pressed="true"' in heart
    assert "You liked 1" in heart


def test_guest_looks_through_their_own_choices(
    picture: Picture, make_picture: MakePicture, private_gallery: Gallery
) -> None:
    others = [make_picture() for _ in range(3)]
    for one in others:
        put(one, private_gallery)
    _, path = share(private_gallery, allow_votes=True, allow_decisions=True)
    rosa, ben = named(path, picture), named(path, picture, "Ben")
    for liked in (picture, others[1]):
        rosa.post(f"{below(path, liked)}vote/", {"like": "1"})
    rosa.post(f"{below(path, others[0])}decide/", {"decision": "approved"})

    def shown(guest: Client, query: str) -> list[int]:
        return [int(pk) for pk in re.findall(r'id="picture-(\d+)"', guest.get(f"{path}{query}").content.decode())]

    liked_entries = [others[1].entries.get().pk, picture.entries.get().pk]
    assert shown(rosa, "?mine=like") == liked_entries
    assert shown(rosa, "?mine=approved") == [others[0].entries.get().pk]
    assert shown(ben, "?mine=like") == []
    assert len(shown(rosa, "?mine=nonsense")) == 4
    page = rosa.get(f"{path}{liked_entries[0]}/?mine=like").content.decode()
    assert "Picture 1 of 2" in page
    assert f'rel="next" href="{path}{liked_entries[1]}/?mine=like"' in page
    bar = rosa.get(path).content.decode()
    assert "You liked 2" in bar
    assert "Approved 1" in bar
    assert "You liked" not in ben.get(path).content.decode()


def test_guest_decides_and_the_team_sees_who_chose_what(
    as_owner: Client, picture: Picture, private_gallery: Gallery, make_picture: MakePicture, owner: Person
) -> None:
    other = make_picture(prompt="=cmd|' /C calc'!A0")
    put(other, private_gallery)
    _, path = share(private_gallery, allow_votes=True, allow_decisions=True)
    page, rosa, ben = below(path, picture), named(path, picture), named(path, picture, "Ben")
    assert Client().post(f"{page}decide/", {"decision": "approved"}).status_code == 422
    assert rosa.post(f"{page}decide/", {"decision": "changes", "note": "x" * 1001}).status_code == 422
    assert rosa.post(f"{page}decide/", {"decision": "perhaps"}).status_code == 422
    assert not GuestVote.objects.exists()
    rosa.post(f"{page}decide/", {"decision": "approved"})
    rosa.post(f"{page}decide/", {"decision": "changes", "note": "A little\r\nbrighter"})
    ben.post(f"{page}decide/", {"decision": "approved"})
    ben.post(f"{below(path, other)}vote/", {"like": "1"})
    assert list(GuestVote.objects.values_list("guest", "kind", "note")) == [
        ("Rosa", "changes", "A little\nbrighter"),
        ("Ben", "approved", ""),
        ("Ben", "like", ""),
    ]
    # Guests see only their own decision.
    assert "A little\nbrighter" in rosa.get(page).content.decode()
    assert "brighter" not in ben.get(page).content.decode()

    gallery = f"/galleries/{private_gallery.pk}/"
    text = as_owner.get(gallery).content.decode()
    assert 'title="Approved: Ben"' in text
    assert 'title="Changes wanted: Rosa"' in text

    def found(query: str) -> list[int]:
        return [int(pk) for pk in re.findall(r'id="picture-(\d+)"', as_owner.get(gallery + query).content.decode())]

    assert found("?choice=changes") == [picture.pk]
    assert found("?guest=Ben") == [other.pk, picture.pk]
    assert found("?choice=like&guest=Rosa") == []
    detail = as_owner.get(f"/pictures/{picture.pk}/").content.decode()
    assert "A little\nbrighter" in detail
    table = as_owner.get(f"{gallery}choices/").getvalue().decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(table)))
    assert [(row[0], row[3], row[4], row[5]) for row in rows[1:]] == [
        ("1", "Ben", "Liked", ""),
        ("2", "Rosa", "Changes wanted", "A little\nbrighter"),
        ("2", "Ben", "Approved", ""),
    ]
    assert rows[1][2].startswith("'=cmd")
    assert Notice.objects.filter(person=owner, kind=Notice.Kind.DECIDED, guest="Rosa").exists()
    assert "asked for changes to a picture" in as_owner.get(f"{gallery}activity/").content.decode()
    rosa.post(f"{page}decide/", {"decision": ""})
    assert not GuestVote.objects.filter(guest="Rosa").exists()
    ShareLink.objects.update(allow_decisions=False)
    assert rosa.post(f"{page}decide/", {"decision": "approved"}).status_code == 404
