"""Share links: what guests see, what they do not see, and when access ends."""

import io
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import DatabaseError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from PIL import Image, PngImagePlugin

from gallery import services
from gallery.images import metadata
from gallery.models import (
    Comment,
    Gallery,
    GuestAct,
    GuestVote,
    Membership,
    PasswordTry,
    Person,
    Picture,
    Role,
    ShareLink,
)
from gallery.models.share_link import hashed
from gallery.services.share_links import MOST_COMMENTS, MOST_OF_PLACE, MOST_TRIES, MOST_TRIES_OF_ALL, MOST_VOTES
from gallery.views import guests
from gallery.web.guests import COOKIE, VISIT_COOKIE
from tests.conftest import put, signed_in

pytestmark = pytest.mark.database

MakePicture = Callable[..., Picture]
PROMPT = "A secret formula for lemonade"
WRONG, RIGHT = "not this one", "open sesame"


@pytest.fixture
def picture(make_picture: MakePicture, private_gallery: Gallery) -> Picture:
    """A picture with a thumbnail, and an original that contains its prompt."""
    picture = make_picture(prompt=PROMPT)
    texts, file = PngImagePlugin.PngInfo(), io.BytesIO()
    texts.add_text("parameters", PROMPT)
    Image.new("RGB", (64, 48), "#f2d64b").save(file, "PNG", pnginfo=texts)
    original = default_storage.save("pictures/with-prompt.png", ContentFile(file.getvalue()))
    default_storage.save(f"{original.removesuffix('.png')}-320.webp", ContentFile(b"thumbnail"))
    Picture.objects.filter(pk=picture.pk).update(original=original, thumbnails={"webp": [320]})
    put(picture, private_gallery)
    picture.refresh_from_db()
    return picture


def share(gallery: Gallery, password: str = "", **settings: Any) -> tuple[ShareLink, str]:
    """The link, and its path."""
    chosen = {"label": "The client", "expires_at": timezone.now() + timedelta(days=30), **settings}
    link, token = services.share_links.make_link(gallery, gallery.owner, chosen, password)
    return link, f"/s/{token}/"


def below(path: str, picture: Picture) -> str:
    return f"{path}{picture.entries.get().pk}/"


def all_addresses(path: str, picture: Picture) -> list[str]:
    page = below(path, picture)
    return [path, page, f"{page}320.webp", f"{page}download/"]


def named(path: str, picture: Picture, name: str = "Rosa") -> Client:
    """A guest who has said their name."""
    guest = Client()
    assert guest.post(f"{below(path, picture)}name/", {"name": name}).status_code == 302
    return guest


# -- making links


def form(**more: Any) -> dict[str, Any]:
    return {"label": "The client", "until": f"{timezone.localdate() + timedelta(days=7)}", **more}


def made(client: Client, gallery: Gallery, **more: Any) -> str:
    """The path of a link made through the form."""
    answer = client.post(f"/galleries/{gallery.pk}/links/", form(**more))
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    found = re.search(r'id="fresh-address">http://testserver(/s/[\w-]{43}/)<', answer.content.decode())
    assert found
    return found[1]


def test_link_is_shown_once_and_stored_as_a_hash(as_owner: Client, as_stranger: Client, picture: Picture) -> None:
    gallery = picture.galleries.get()
    path = made(as_owner, gallery, password=RIGHT, allow_votes="on")
    link = ShareLink.objects.get()
    token = path.split("/")[2]
    assert link.token_hash == hashed(token)
    assert (link.allow_votes, link.show_prompts, link.allow_downloads, link.allow_comments) == (True, *[False] * 3)
    assert link.last_day.date() == timezone.localdate() + timedelta(days=7)
    row = str(ShareLink.objects.values().get())
    assert token not in row
    assert RIGHT not in row
    for page in (f"/galleries/{gallery.pk}/links/", f"/galleries/{gallery.pk}/members/"):
        assert token not in as_owner.get(page).content.decode()
    assert as_stranger.get(path).status_code == 200


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("label", "", "Say whom it is for"),
        ("until", "", "Pick the last day"),
        ("until", "soon", "Write a date as year-month-day"),
        ("until", f"{timezone.localdate() - timedelta(days=1)}", "This day is over"),
        ("until", f"{timezone.localdate() + timedelta(days=366)}", "A year is the most"),
        ("password", "short", "at least 6 characters"),
    ],
)
def test_invalid_form_makes_no_link(
    field: str, value: str, said: str, as_owner: Client, private_gallery: Gallery
) -> None:
    answer = as_owner.post(f"/galleries/{private_gallery.pk}/links/", form(**{field: value}))
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert not ShareLink.objects.exists()


def test_link_lasts_thirty_days_by_default(as_owner: Client, private_gallery: Gallery) -> None:
    text = as_owner.get(f"/galleries/{private_gallery.pk}/links/").content.decode()
    assert f'value="{timezone.localdate() + timedelta(days=30)}"' in text


@pytest.mark.parametrize("role", [None, Role.VIEWER, Role.CONTRIBUTOR, Role.MANAGER])
def test_only_managers_share(role: str | None, as_teammate: Client, teammate: Person, private_gallery: Gallery) -> None:
    link, _ = share(private_gallery)
    if role:
        Membership.objects.create(gallery=private_gallery, person=teammate, role=role)
    base = f"/galleries/{private_gallery.pk}/links/"
    may = role == Role.MANAGER
    assert as_teammate.get(base).status_code == (200 if may else 404)
    assert as_teammate.post(base, form()).status_code == (200 if may else 404)
    assert as_teammate.get(f"{base}{link.pk}/").status_code == (200 if may else 404)
    assert as_teammate.post(f"{base}{link.pk}/revoke/").status_code == (302 if may else 404)
    link.refresh_from_db()
    assert link.is_alive is not may
    assert as_teammate.post(f"{base}revoke/").status_code == (302 if may else 404)
    assert ShareLink.objects.alive().exists() is not may


def test_link_of_another_gallery_is_not_found(
    as_owner: Client, private_gallery: Gallery, team_gallery: Gallery
) -> None:
    link, _ = share(team_gallery)
    base = f"/galleries/{private_gallery.pk}/links/"
    assert as_owner.post(f"{base}{link.pk}/revoke/").status_code == 404
    assert as_owner.get(f"{base}{link.pk}/").status_code == 404
    as_owner.post(f"{base}revoke/")
    link.refresh_from_db()
    assert link.is_alive


def test_badge_shows_a_working_link(as_owner: Client, private_gallery: Gallery) -> None:
    link, _ = share(private_gallery)
    badge = re.compile(r"<span[^>]*>Link</span>")
    for page in ("/galleries/", f"/galleries/{private_gallery.pk}/"):
        link.revoked_at = None
        link.save()
        assert badge.search(as_owner.get(page).content.decode())
        link.revoke()
        assert not badge.search(as_owner.get(page).content.decode())


# -- what guests see


def test_guest_needs_no_account_and_search_engines_are_kept_out(as_stranger: Client, picture: Picture) -> None:
    _, path = share(picture.galleries.get(), allow_downloads=True)
    for address in all_addresses(path, picture):
        answer = as_stranger.get(address)
        assert answer.status_code == 200, address
        assert answer["Referrer-Policy"] == "no-referrer"
        assert "noindex" in answer["X-Robots-Tag"]
        is_file = answer["Content-Type"].startswith("image/")
        assert answer["Cache-Control"] == ("private, no-cache" if is_file else "private, no-store")
        if not is_file:
            assert '<meta name="robots" content="noindex">' in answer.content.decode()
            assert 'class="rail"' not in answer.content.decode()


def test_guest_sees_no_people_or_prompts(as_stranger: Client, picture: Picture, owner: Person) -> None:
    Picture.objects.update(revised_prompt=f"{PROMPT}, revised")
    gallery = picture.galleries.get()
    services.comments.comment(gallery, picture, "Between us", author=owner)
    link, path = share(gallery, allow_downloads=True, allow_votes=True, allow_comments=True)
    page = below(path, picture)
    for address in (path, page):
        text = as_stranger.get(address).content.decode()
        assert 'alt="Picture 1"' in text
        for word in ("Olivia", "olivia@", PROMPT, "secret", "Between us", "The client", "flux-pro", picture.digest):
            assert word not in text, word
        assert f"/pictures/{picture.pk}" not in text
        assert "/media/" not in text
    answer = as_stranger.get(f"{page}download/")
    for word in ("Olivia", "lemonade", "client", "flux"):
        assert word not in str(answer.headers)
    assert answer["Content-Disposition"] == 'attachment; filename="sketches-1.png"'
    assert PROMPT.encode() not in answer.content
    image = Image.open(io.BytesIO(answer.content))
    assert (image.size, image.info) == ((64, 48), {})
    # Members still see all of it.
    with default_storage.open(picture.original_name) as file:
        assert PROMPT.encode() in file.read()
    link.show_prompts = True
    link.save()
    for address in (path, page):
        assert f'alt="{PROMPT}"' in as_stranger.get(address).content.decode()
    assert PROMPT.encode() not in as_stranger.get(f"{page}download/").content


def test_guest_sees_pictures_of_the_gallery_only(
    as_stranger: Client, picture: Picture, make_picture: MakePicture, team_gallery: Gallery, private_gallery: Gallery
) -> None:
    elsewhere = make_picture()
    put(elsewhere, team_gallery)
    Picture.objects.filter(pk=elsewhere.pk).update(thumbnails={"webp": [320]})
    _, path = share(private_gallery, allow_downloads=True, allow_votes=True, allow_comments=True)
    assert re.findall(r'id="picture-(\d+)"', as_stranger.get(path).content.decode()) == [f"{picture.entries.get().pk}"]
    guest = named(path, picture)
    for address in all_addresses(path, elsewhere)[1:]:
        assert guest.get(address).status_code == 404, address
    assert guest.post(f"{below(path, elsewhere)}vote/", {"like": "1"}).status_code == 404
    assert guest.post(f"{below(path, elsewhere)}comment/", {"text": "Hello"}).status_code == 404
    # A made-up size does not give the original. Trashed and removed pictures are not found.
    assert guest.get(f"{below(path, picture)}640.webp").status_code == 404
    addresses = all_addresses(path, picture)[1:]
    Picture.objects.filter(pk=picture.pk).update(trashed_at=timezone.now())
    assert [guest.get(address).status_code for address in addresses] == [404] * 3
    Picture.objects.filter(pk=picture.pk).update(trashed_at=None)
    private_gallery.entries.all().delete()
    assert [guest.get(address).status_code for address in addresses] == [404] * 3
    assert "Nothing here yet" in guest.get(path).content.decode()


def test_guest_downloads_only_if_the_link_allows_it(as_stranger: Client, picture: Picture) -> None:
    _, path = share(picture.galleries.get())
    page = below(path, picture)
    assert "download" not in as_stranger.get(page).content.decode().lower()
    assert as_stranger.get(f"{page}download/").status_code == 404


@pytest.mark.parametrize(
    ("name", "value"), [("LEMONSTUDIO_ACCEL_PREFIX", "/protected-media/"), ("LEMONSTUDIO_S3_BUCKET", "pictures")]
)
def test_thumbnails_reveal_nothing_of_the_storage(
    name: str, value: str, as_stranger: Client, picture: Picture, settings: Any
) -> None:
    """Neither the name, which has a month in it, nor the time of the file."""
    setattr(settings, name, value)
    _, path = share(picture.galleries.get())
    address = f"{below(path, picture)}320.webp"
    answer = as_stranger.get(address)
    assert (answer.status_code, answer["Content-Type"], answer.content) == (200, "image/webp", b"thumbnail")
    assert (answer["Cache-Control"], answer["X-Content-Type-Options"]) == ("private, no-cache", "nosniff")
    for header in ("Location", "X-Accel-Redirect", "Last-Modified"):
        assert header not in answer.headers
    again = as_stranger.get(address, headers={"If-None-Match": answer["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    default_storage.delete(picture.thumbnail_name(320, "webp"))
    assert as_stranger.get(address).status_code == 404


def test_downloads_by_guests_leave_threads_free(
    as_stranger: Client, picture: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, path = share(picture.galleries.get(), allow_downloads=True)
    page = below(path, picture)
    monkeypatch.setattr(metadata, "HAND_SECONDS", 0.01)
    with metadata.HANDS.turn(), metadata.HANDS.turn():
        answer = as_stranger.get(f"{page}download/")
        assert (answer.status_code, answer["Retry-After"]) == (429, "10")
        text = answer.content.decode()
        assert "Many are downloading just now" in text
        assert f'href="{page}"' in text
    assert as_stranger.get(f"{page}download/").status_code == 200


def test_picture_without_thumbnails_does_not_give_its_original(as_stranger: Client, picture: Picture) -> None:
    Picture.objects.update(thumbnails={})
    _, path = share(picture.galleries.get())
    assert "<img" not in as_stranger.get(path).content.decode().partition("<footer")[0]
    assert "being made ready" in as_stranger.get(below(path, picture)).content.decode()


def test_guest_pages_keep_the_order_by_hand(
    as_stranger: Client, private_gallery: Gallery, make_picture: MakePicture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guests, "PAGE", 2)
    pictures = [make_picture() for _ in range(5)]
    for one in pictures:
        put(one, private_gallery)
    services.galleries.move_to_front(private_gallery.entries.get(picture=pictures[1]))
    order = [pictures[1], *(pictures[place] for place in (4, 3, 2, 0))]
    wanted = [one.entries.get().pk for one in order]
    _, path = share(private_gallery)
    found: list[int] = []
    address = path
    while address:
        text = as_stranger.get(address).content.decode()
        found += map(int, re.findall(r'id="picture-(\d+)"', text))
        more = re.search(r'class="btn more" href="([^"]+)"', text)
        address = more[1] if more else ""
    assert found == wanted
    walked, address = [], f"{path}{wanted[0]}/"
    while address:
        walked.append(int(address.split("/")[3]))
        text = as_stranger.get(address).content.decode()
        assert f"Picture {len(walked)} of 5" in text
        following = re.search(r'rel="next" href="([^"]+)"', text)
        address = following[1] if following else ""
    assert walked == wanted
    assert f'rel="prev" href="{path}{wanted[3]}/"' in text
    assert f'href="{path}?page=3#picture-{wanted[4]}"' in text


def test_query_count_does_not_grow_with_pictures(
    as_stranger: Client, private_gallery: Gallery, make_picture: MakePicture
) -> None:
    _, path = share(private_gallery, allow_votes=True, allow_comments=True, show_prompts=True)
    put(make_picture(), private_gallery)
    guest = named(path, private_gallery.pictures.get())
    guest.get(path)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert guest.get(path).status_code == 200
        return len(captured)

    with_one = queries()
    for _ in range(9):
        put(make_picture(), private_gallery)
    assert queries() == with_one <= 6


# -- end of access


@pytest.mark.parametrize("how", ["expired", "revoked", "all revoked", "gallery deleted"])
def test_dead_link_says_so_even_for_cached_files(
    how: str, as_owner: Client, as_stranger: Client, picture: Picture
) -> None:
    gallery = picture.galleries.get()
    link, path = share(gallery, allow_downloads=True, allow_votes=True, allow_comments=True)
    addresses = all_addresses(path, picture)
    answers = [as_stranger.get(address) for address in addresses]
    assert [answer.status_code for answer in answers] == [200] * 4
    remembered = [answer.headers.get("ETag", "*") for answer in answers]
    for address, etag in list(zip(addresses, remembered, strict=True))[2:]:
        assert as_stranger.get(address, headers={"If-None-Match": etag}).status_code == 304
    page = below(path, picture)
    base = f"/galleries/{gallery.pk}"
    if how == "expired":
        ShareLink.objects.update(expires_at=timezone.now())
    elif how == "revoked":
        as_owner.post(f"{base}/links/{link.pk}/revoke/")
    elif how == "all revoked":
        as_owner.post(f"{base}/links/revoke/")
    else:
        as_owner.post(f"{base}/delete/")
    for address, etag in zip(addresses, remembered, strict=True):
        for headers in ({}, {"If-None-Match": etag}):
            answer = as_stranger.get(address, headers=headers)
            assert answer.status_code == 410, address
            assert "This has been taken down" in answer.content.decode()
            assert "Sketches" not in answer.content.decode()
            assert answer["Cache-Control"] == "private, no-store"
    for name, sent in (("name", {"name": "Rosa"}), ("vote", {"like": "1"}), ("comment", {"text": "Hello"})):
        assert as_stranger.post(f"{page}{name}/", sent).status_code == 410
    assert as_stranger.post(f"{path}password/", {"password": RIGHT}).status_code == 410
    assert not Comment.objects.exists()


def test_dead_link_cannot_be_revived(as_owner: Client, private_gallery: Gallery) -> None:
    link, _ = share(private_gallery)
    link.revoke()
    assert as_owner.post(f"/galleries/{private_gallery.pk}/links/{link.pk}/", form()).status_code == 302
    link.refresh_from_db()
    assert not link.is_alive


def test_unknown_token_looks_the_same_at_all_addresses(as_stranger: Client, as_owner: Client, picture: Picture) -> None:
    _, path = share(picture.galleries.get())
    unknown = f"/s/{'x' * 43}/"
    pages = {
        client.get(address).content
        for client in (as_stranger, as_owner)
        for address in (*all_addresses(unknown, picture), f"{path}0/", f"{path}0/320.webp")
    }
    assert len(pages) == 1
    assert as_stranger.get(unknown).status_code == 404
    assert as_stranger.get(unknown)["Referrer-Policy"] == "no-referrer"


# -- a password


def unlock(client: Client, path: str, password: str, **more: Any) -> Any:
    return client.post(f"{path}password/", {"password": password, **more})


def test_password_protects_all_addresses(picture: Picture) -> None:
    _, path = share(picture.galleries.get(), RIGHT, allow_downloads=True, allow_votes=True, allow_comments=True)
    guest, page = Client(), below(path, picture)

    def statuses() -> list[int]:
        return [guest.get(address).status_code for address in all_addresses(path, picture)]

    for address in (path, page):
        text = guest.get(address).content.decode()
        assert "This gallery is password-protected" in text
        assert "Sketches" not in text
    assert statuses() == [200, 200, 404, 404]
    assert guest.post(f"{page}name/", {"name": "Rosa"}).status_code == 404
    assert guest.post(f"{page}comment/", {"text": "Hello"}).status_code == 404
    answer = unlock(guest, path, WRONG)
    assert answer.status_code == 422
    assert "This is not the password" in answer.content.decode()
    assert WRONG not in answer.content.decode()
    assert COOKIE not in answer.cookies
    # It leads to the page asked for, and to no other site.
    entry = picture.entries.get().pk
    assert unlock(guest, path, RIGHT, entry=f"{entry}")["Location"] == page
    assert "Sketches" in guest.get(path).content.decode()
    assert statuses() == [200] * 4
    other = Client()
    assert unlock(other, path, RIGHT, entry="//evil.example/")["Location"] == path


def test_cookie_is_for_one_link_and_ends_with_the_password(settings: Any, as_owner: Client, picture: Picture) -> None:
    settings.SESSION_COOKIE_SECURE = True
    gallery = picture.galleries.get()
    link, path = share(gallery, RIGHT)
    other, other_path = share(gallery, RIGHT)
    guest = Client()
    cookie = unlock(guest, path, RIGHT).cookies[COOKIE]
    assert (cookie["path"], cookie["httponly"], cookie["samesite"], cookie["secure"]) == (path, True, "Lax", True)
    value = cookie.value
    assert RIGHT not in value

    def is_open(at: str) -> bool:
        return "Sketches" in guest.get(at).content.decode()

    # (The test client sends all cookies to all addresses.)
    assert is_open(path)
    assert not is_open(other_path)
    guest.cookies[COOKIE] = f"{value}x"
    assert not is_open(path)
    guest.cookies[COOKIE] = value
    edit = f"/galleries/{gallery.pk}/links/{link.pk}/"
    as_owner.post(edit, form(label="Renamed"))
    assert is_open(path)
    as_owner.post(edit, form(password="another one"))
    assert not is_open(path)
    assert unlock(guest, path, RIGHT).status_code == 422
    assert unlock(guest, path, "another one").status_code == 302
    as_owner.post(edit, form(no_password="on"))
    link.refresh_from_db()
    assert not link.has_password
    assert is_open(path)
    other.refresh_from_db()
    assert other.has_password


def test_guessing_is_blocked_after_ten_tries(picture: Picture) -> None:
    gallery = picture.galleries.get()
    link, path = share(gallery, RIGHT)
    _, other_path = share(gallery, RIGHT)
    guest = Client()
    for _ in range(MOST_TRIES):
        assert unlock(guest, path, WRONG).status_code == 422
    # Even the right password is refused until the time is over.
    answer = unlock(guest, path, RIGHT)
    assert answer.status_code == 429
    assert "Try again in 15 minutes." in answer.content.decode()
    assert 14 * 60 < int(answer["Retry-After"]) <= 15 * 60
    assert PasswordTry.objects.filter(link=link).count() == MOST_TRIES
    assert "127.0.0.1" not in str(list(PasswordTry.objects.values()))
    # The block is for this link, from this address.
    assert unlock(Client(), other_path, RIGHT).status_code == 302
    assert unlock(Client(REMOTE_ADDR="192.0.2.7"), path, RIGHT).status_code == 302
    PasswordTry.objects.update(at=timezone.now() - timedelta(minutes=15))
    assert unlock(guest, path, RIGHT).status_code == 302
    assert not PasswordTry.objects.filter(link=link).exists()


def test_guessing_from_many_addresses_is_blocked(picture: Picture) -> None:
    link, path = share(picture.galleries.get(), RIGHT)
    tries = [PasswordTry(link=link, place=f"{number}") for number in range(MOST_TRIES_OF_ALL)]
    PasswordTry.objects.bulk_create(tries)
    assert unlock(Client(), path, RIGHT).status_code == 429


def test_address_comes_from_a_trusted_proxy(settings: Any, picture: Picture) -> None:
    _, path = share(picture.galleries.get(), RIGHT)

    def wrong(forwarded: str) -> int:
        guest = Client(headers={"X-Forwarded-For": forwarded})
        return int(unlock(guest, path, WRONG).status_code)

    # The setting does not trust the header yet.
    assert [wrong(f"192.0.2.{number}") for number in range(MOST_TRIES + 1)][-1] == 429
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    # Only the last address is the proxy's. The guest can make up the others.
    statuses = [wrong(f"198.51.100.{number}, 192.0.2.1") for number in range(MOST_TRIES + 1)]
    assert statuses == [422] * MOST_TRIES + [429]
    assert wrong("192.0.2.2") == 422


# -- visits


def test_browser_is_counted_once(as_owner: Client, picture: Picture, monkeypatch: pytest.MonkeyPatch) -> None:
    link, path = share(picture.galleries.get(), RIGHT)

    def visits() -> int:
        link.refresh_from_db()
        return link.visits

    guest = Client()
    guest.get(path)
    assert visits() == 0
    unlock(guest, path, RIGHT)
    for address in all_addresses(path, picture) * 2:
        guest.get(address)
    assert visits() == 1
    assert link.last_visit_at is not None
    cookie = guest.cookies[VISIT_COOKIE]
    assert (cookie["path"], cookie["max-age"], cookie["httponly"]) == (path, "", True)
    # Members do not count as visitors.
    unlock(as_owner, path, RIGHT)
    as_owner.get(path)
    assert visits() == 1

    def fail(link: ShareLink) -> None:
        raise DatabaseError("locked")

    monkeypatch.setattr(ShareLink, "count_visit", fail)
    other = Client()
    unlock(other, path, RIGHT)
    assert other.get(path).status_code == 200


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
    assert "You like it" in ben.get(path).content.decode()
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
    assert all("COUNT(" in sql or "LIMIT 1" in sql for sql in asked), "not all the keys"


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


# -- administration


def test_administrator_revokes_a_link_and_sees_no_hash(as_administrator: Client, private_gallery: Gallery) -> None:
    link, path = share(private_gallery, RIGHT)
    address = "/admin/gallery/sharelink/"
    for page in (address, f"{address}{link.pk}/change/"):
        text = as_administrator.get(page).content.decode()
        assert "The client" in text
        for secret in (link.token_hash, link.password, path.split("/")[2]):
            assert secret not in text
    as_administrator.post(f"{address}{link.pk}/change/", {"label": "Changed", "token_hash": "x", "password": "x"})
    as_administrator.post(address, {"action": "revoke", "_selected_action": [link.pk]})
    link.refresh_from_db()
    assert (link.label, link.has_password, link.is_alive) == ("The client", True, False)
    assert as_administrator.post(f"{address}{link.pk}/delete/", {"post": "yes"}).status_code == 403


def test_links_of_a_former_member_can_be_ended_by_others(
    as_owner: Client, teammate: Person, private_gallery: Gallery
) -> None:
    """The page names who made each link."""
    member = Membership.objects.create(gallery=private_gallery, person=teammate, role=Role.MANAGER)
    path = made(signed_in(teammate), private_gallery)
    answer = as_owner.post(f"/galleries/{private_gallery.pk}/members/{member.pk}/remove/", follow=True)
    assert "1 link that they made still works" in answer.content.decode()
    text = as_owner.get(f"/galleries/{private_gallery.pk}/links/").content.decode()
    assert "made by Tom Teammate" in text
    assert Client().get(path).status_code == 200


@pytest.mark.parametrize("allow_downloads", [False, True])
def test_full_size_still_of_an_animation_needs_the_right_to_download(
    picture: Picture, as_stranger: Client, allow_downloads: bool
) -> None:
    for width in (320, 2000):
        default_storage.save(picture.thumbnail_name(width, "webp"), ContentFile(b"RIFF"))
    Picture.objects.filter(pk=picture.pk).update(thumbnails={"webp": [320, 2000]}, is_as_delivered=False)
    _, path = share(picture.galleries.get(), allow_downloads=allow_downloads)
    page = below(path, picture)
    assert as_stranger.get(f"{page}320.webp").status_code == 200
    assert as_stranger.get(f"{page}2000.webp").status_code == (200 if allow_downloads else 404)
    assert ("2000.webp" in as_stranger.get(page).content.decode()) is allow_downloads
