"""What guests see through a share link, what they do not see, and the password before it."""

import io
import re
import zipfile
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
from PIL import Image

from gallery import services
from gallery.images import metadata
from gallery.models import (
    Gallery,
    PasswordTry,
    Person,
    Picture,
    ShareLink,
)
from gallery.services.share_links import MOST_TRIES, MOST_TRIES_OF_ALL
from gallery.views import guests
from gallery.web.guests import COOKIE, VISIT_COOKIE
from tests.conftest import put
from tests.support.guests import PROMPT, RIGHT, WRONG, all_addresses, below, link_form, named, share, unlock

pytestmark = pytest.mark.database

MakePicture = Callable[..., Picture]


@pytest.fixture
def picture(shown_picture: Picture) -> Picture:
    return shown_picture


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
    assert queries() == with_one <= 9


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


def test_guest_page_opens_with_the_cover(
    as_stranger: Client, picture: Picture, make_picture: MakePicture, private_gallery: Gallery
) -> None:
    newer = make_picture()
    put(newer, private_gallery)
    _, path = share(private_gallery)
    cover = re.compile(r'class="guest-cover pic [^"]*" href="([^"]+)"')
    Picture.objects.filter(pk=newer.pk).update(thumbnails={"webp": [320]})
    for chosen, shown in ((None, newer), (picture, picture)):
        Gallery.objects.update(cover=chosen)
        found = cover.search(as_stranger.get(path).content.decode())
        assert found
        assert found[1] == below(path, shown)
    private_gallery.entries.filter(picture=picture).delete()
    assert below(path, newer) in as_stranger.get(path).content.decode()


def test_guest_downloads_all_pictures_without_their_metadata(
    picture: Picture, make_picture: MakePicture, private_gallery: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = make_picture()
    put(lost, private_gallery)
    default_storage.delete(lost.original_name)
    _, path = share(private_gallery, allow_downloads=True, allow_votes=True)
    guest = named(path, picture)

    def archive(query: str = "") -> zipfile.ZipFile:
        answer = guest.get(f"{path}download/{query}")
        assert answer["Content-Disposition"].startswith('attachment; filename="sketches')
        return zipfile.ZipFile(io.BytesIO(answer.getvalue()))

    files = archive()
    assert files.namelist() == ["sketches-002.png", "missing.txt"]
    assert "could not be read: 1." in files.read("missing.txt").decode()
    data = files.read("sketches-002.png")
    assert PROMPT.encode() not in data
    assert Image.open(io.BytesIO(data)).size == (64, 48)
    guest.post(f"{below(path, picture)}vote/", {"like": "1"})
    assert archive("?mine=like").namelist() == ["sketches-001.png"]
    monkeypatch.setattr(guests, "PER_ARCHIVE", 1)
    assert "Download 2–2" in guest.get(path).content.decode()
    assert archive("?part=2").namelist() == ["sketches-002.png"]
    assert guest.get(f"{path}download/?part=3").status_code == 404
    with guests.GUEST_STREAMS.turn(), guests.GUEST_STREAMS.turn():
        assert guest.get(f"{path}download/").status_code == 429
    ShareLink.objects.update(allow_downloads=False)
    assert guest.get(f"{path}download/").status_code == 404


# -- a password


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
    as_owner.post(edit, link_form(label="Renamed"))
    assert is_open(path)
    as_owner.post(edit, link_form(password="another one"))
    assert not is_open(path)
    assert unlock(guest, path, RIGHT).status_code == 422
    assert unlock(guest, path, "another one").status_code == 302
    as_owner.post(edit, link_form(no_password="on"))
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
