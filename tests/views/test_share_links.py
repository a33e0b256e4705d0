"""Share links: making, changing and ending them."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from gallery import services
from gallery.models import (
    Comment,
    Gallery,
    Membership,
    Person,
    Picture,
    Role,
    ShareLink,
)
from gallery.models.share_link import hashed
from tests.conftest import signed_in
from tests.support.guests import RIGHT, all_addresses, below, link_form, share

pytestmark = pytest.mark.database

MakePicture = Callable[..., Picture]


@pytest.fixture
def picture(shown_picture: Picture) -> Picture:
    return shown_picture


# -- making links


def made(client: Client, gallery: Gallery, **more: Any) -> str:
    """The path of a link made through the form."""
    answer = client.post(f"/galleries/{gallery.pk}/links/", link_form(**more))
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


def test_kept_link_can_be_copied_again_until_it_is_forgotten(
    as_owner: Client, as_stranger: Client, private_gallery: Gallery, settings: Any
) -> None:
    path = made(as_owner, private_gallery, keep="on")
    link = ShareLink.objects.get()
    assert path.split("/")[2] not in str(ShareLink.objects.values().get())
    page = f"/galleries/{private_gallery.pk}/links/"
    copy = f'data-copy="http://testserver{path}"'
    assert copy in as_owner.get(page).content.decode()
    # With another key the link goes on; to copy it again needs the old one.
    old, settings.SECRET_KEY = settings.SECRET_KEY, "another key " * 5
    assert as_stranger.get(path).status_code == 200
    assert services.share_links.token_of(link) is None
    settings.SECRET_KEY_FALLBACKS = [old]
    assert services.share_links.token_of(link) == path.split("/")[2]
    settings.SECRET_KEY = old
    as_owner.post(f"{page}{link.pk}/", link_form(keep="on"))
    assert copy in as_owner.get(page).content.decode()
    as_owner.post(f"{page}{link.pk}/", link_form())
    assert path not in as_owner.get(page).content.decode()
    link.refresh_from_db()
    assert not link.is_kept
    assert as_stranger.get(path).status_code == 200


def test_share_is_a_dialog_over_the_gallery(as_owner: Client, private_gallery: Gallery) -> None:
    page = f"/galleries/{private_gallery.pk}/links/"
    assert f'hx-get="{page}" hx-target="#dialog"' in as_owner.get(f"/galleries/{private_gallery.pk}/").content.decode()
    text = as_owner.get(page, headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in text
    assert 'id="dialog-title"' in text
    assert 'name="label" value="Guests"' in text
    share(private_gallery, label="Guests")
    assert 'name="label" value="Guests 2"' in as_owner.get(page).content.decode()


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
    answer = as_owner.post(f"/galleries/{private_gallery.pk}/links/", link_form(**{field: value}))
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
    assert as_teammate.post(base, link_form()).status_code == (200 if may else 404)
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
    assert as_owner.post(f"/galleries/{private_gallery.pk}/links/{link.pk}/", link_form()).status_code == 302
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
