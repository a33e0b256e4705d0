"""One picture: its page, its files, and saving it to a gallery."""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from gallery.models import Gallery, Generation, Membership, Person, Picture, Role, State
from gallery.web.pictures import original_url
from tests.conftest import png, put

MakeGeneration = Callable[..., Generation]
MakePicture = Callable[..., Picture]
HX = {"HX-Request": "true"}
THUMBNAIL = b"a thumbnail of it"


@pytest.fixture
def picture(make_picture: MakePicture) -> Picture:
    """A private picture with one thumbnail."""
    picture = make_picture()
    default_storage.save(picture.thumbnail_name(320, "webp"), ContentFile(THUMBNAIL))
    picture.thumbnails = {"webp": [320]}
    picture.save()
    return picture


def page_of(picture: Picture) -> str:
    return f"/pictures/{picture.pk}/"


def thumbnail_of(picture: Picture) -> str:
    return f"/media/{picture.pk}/{picture.digest}/320.webp"


def files_of(picture: Picture) -> list[str]:
    return [original_url(picture), thumbnail_of(picture), f"{page_of(picture)}download/"]


def body(response: Any) -> bytes:
    return b"".join(response.streaming_content)


# -- the page


def test_page_shows_all_details(
    as_owner: Client, make_generation: MakeGeneration, make_picture: MakePicture, team_gallery: Gallery
) -> None:
    now = timezone.now()
    generation = make_generation(
        "dall-e-3",
        state=State.COMPLETED,
        options={"size": "1024x1024", "quality": "hd", "style": "natural"},
        submitted_at=now - timedelta(seconds=12),
        delivered_at=now,
        cost=Decimal("0.04"),
    )
    picture = make_picture(generation)
    Picture.objects.update(revised_prompt="A ripe lemon on an oak table")
    put(picture, team_gallery)
    response = as_owner.get(page_of(picture))
    text = response.content.decode()
    assert dict(response.context["details"]) == {
        "Model": "DALL·E 3",
        "Size": "1024 × 1024",
        "Quality": "HD",
        "Style": "Natural",
        "File": "64 × 48 PNG, 0.0 MB",
        "Took": "12 s",
        "Cost": "$0.04",
    }
    for said in (
        "A lemon on a table",
        "A ripe lemon on an oak table",
        "Olivia Owner",
        'alt="A lemon on a table"',
        f'href="/galleries/{team_gallery.pk}/"',
        f'href="/?prompt_of={generation.pk}"',
        f'href="/pictures/{picture.pk}/download/"',
    ):
        assert said in text


@pytest.mark.parametrize(
    ("cost", "pictures", "shown"),
    [
        (Decimal("0.04"), 1, "$0.04"),
        (Decimal("0.10"), 2, "$0.05"),
        (Decimal("0.0025"), 1, "$0.0025"),
        (Decimal("10"), 1, "$10"),
        (Decimal("0"), 1, "$0"),
    ],
)
def test_page_shows_the_cost_of_one_picture(
    as_owner: Client,
    make_generation: MakeGeneration,
    make_picture: MakePicture,
    cost: Decimal,
    pictures: int,
    shown: str,
) -> None:
    generation = make_generation(state=State.COMPLETED, cost=cost, count=pictures)
    made = [make_picture(generation, index=index) for index in range(pictures)]
    assert ("Cost", shown) in as_owner.get(page_of(made[0])).context["details"]


def test_long_prompt_is_shortened_in_the_alternative_text_only(as_owner: Client, make_picture: MakePicture) -> None:
    text = as_owner.get(page_of(make_picture(prompt="lemon " * 100))).content.decode()
    alt = re.search(r'alt="(lemon[^"]*)"', text)
    assert alt
    assert len(alt[1]) == 200
    assert "lemon " * 99 + "lemon" in text


def test_previous_and_next_follow_the_feed(
    as_owner: Client, make_picture: MakePicture, make_generation: MakeGeneration
) -> None:
    oldest = make_picture()
    generation = make_generation(state=State.COMPLETED, count=2)
    first, second = make_picture(generation), make_picture(generation, index=1)
    newest = make_picture()
    order = [newest, first, second, oldest]
    for before, picture, after in zip([None, *order], order, [*order[1:], None], strict=False):
        text = as_owner.get(page_of(picture)).content.decode()
        links = dict(re.findall(r'rel="(prev|next)" href="([^"?]+)', text))
        wanted = {"prev": before, "next": after}
        assert links == {rel: page_of(other) for rel, other in wanted.items() if other}


def test_teammate_navigates_through_shared_pictures_only(
    as_teammate: Client, teammate: Person, make_generation: MakeGeneration, make_picture: MakePicture,
    team_gallery: Gallery,
) -> None:  # fmt: skip
    newest = make_picture()
    make_picture()
    shown = make_picture()
    make_picture()
    make_picture(make_generation(author=teammate, state=State.COMPLETED))
    oldest_shared = Picture.objects.earliest("pk")
    put(newest, team_gallery)
    put(shown, team_gallery)
    response = as_teammate.get(page_of(shown))
    assert (response.context["previous"], response.context["next"]) == (None, oldest_shared)


def test_page_hides_private_galleries_from_a_teammate(
    as_teammate: Client, picture: Picture, team_gallery: Gallery, private_gallery: Gallery
) -> None:
    put(picture, team_gallery)
    put(picture, private_gallery)
    text = as_teammate.get(page_of(picture)).content.decode()
    assert "For the team" in text
    assert "Sketches" not in text
    assert f"/pictures/{picture.pk}/save/" not in text


def test_query_count_does_not_grow_with_pictures(as_owner: Client, make_picture: MakePicture) -> None:
    def queries(picture: Picture) -> int:
        with CaptureQueriesContext(connection) as captured:
            as_owner.get(page_of(picture))
        return len(captured)

    for _ in range(3):
        make_picture()
    with_three = queries(Picture.objects.all()[1])
    for _ in range(20):
        make_picture()
    assert queries(Picture.objects.all()[10]) == with_three


# -- the files


def test_original_is_sent_as_it_was_delivered(as_owner: Client, picture: Picture) -> None:
    response = as_owner.get(original_url(picture))
    assert body(response) == png()
    assert response["Content-Type"] == "image/png"
    assert response["Content-Length"] == str(len(png()))


def test_thumbnail_is_sent(as_owner: Client, picture: Picture) -> None:
    response = as_owner.get(thumbnail_of(picture))
    assert body(response) == THUMBNAIL
    assert response["Content-Type"] == "image/webp"


def test_download_has_a_descriptive_name(as_owner: Client, picture: Picture) -> None:
    response = as_owner.get(f"{page_of(picture)}download/")
    assert body(response) == png()
    name = f"lemon-studio-{picture.generation_id}-1.png"
    assert response["Content-Disposition"] == f'attachment; filename="{name}"'


@pytest.mark.parametrize("number", range(3), ids=["original", "thumbnail", "download"])
def test_only_browsers_cache_files(as_owner: Client, picture: Picture, number: int) -> None:
    address = files_of(picture)[number]
    response = as_owner.get(address)
    assert response["Cache-Control"] == "private, max-age=31536000, immutable"
    assert response["X-Content-Type-Options"] == "nosniff"
    again = as_owner.get(address, headers={"If-None-Match": response["ETag"]})
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", response["ETag"])
    assert again["Cache-Control"] == response["Cache-Control"]
    changed = as_owner.get(address, headers={"If-None-Match": '"something else"'})
    assert changed.status_code == 200
    assert as_owner.head(address).status_code == 200


def test_each_file_has_its_own_etag(as_owner: Client, picture: Picture) -> None:
    assert as_owner.get(original_url(picture))["ETag"] != as_owner.get(thumbnail_of(picture))["ETag"]


@pytest.mark.parametrize(
    "address",
    [
        "/media/{pk}/ffffffffffffffff/original/",
        "/media/{pk}/ffffffffffffffff/320.webp",
        "/media/{pk}/{digest}/321.webp",
        "/media/{pk}/{digest}/320.avif",
        "/media/{pk}/{digest}/320.png",
        "/media/{pk}/{digest}/99999999999999999999.webp",
        "/media/999999/{digest}/original/",
        "/media/99999999999999999999999999/{digest}/original/",
        "/media/{pk}/../original/",
    ],
)
def test_unknown_addresses_are_not_found(as_owner: Client, picture: Picture, address: str) -> None:
    assert as_owner.get(address.format(pk=picture.pk, digest=picture.digest)).status_code == 404


def test_lost_file_is_not_found(as_owner: Client, picture: Picture) -> None:
    default_storage.delete(picture.original_name)
    assert as_owner.get(original_url(picture)).status_code == 404
    assert as_owner.get(page_of(picture)).status_code == 200


def test_media_folder_is_not_served(as_owner: Client, picture: Picture) -> None:
    assert as_owner.get(f"/media/{picture.original_name}").status_code == 404


# -- permissions


def seen_by(client: Client, picture: Picture) -> set[int]:
    """The statuses of all addresses of this picture, asked with and without headers of a cache."""
    statuses = {client.get(page_of(picture)).status_code}
    for address in files_of(picture):
        statuses.add(client.get(address).status_code)
        for etag in (f'"{picture.digest}"', f'"{picture.digest}-320-webp"', "*"):
            statuses.add(client.get(address, headers={"If-None-Match": etag}).status_code)
    return statuses - {304}


def test_private_picture_is_not_found_by_others(
    as_teammate: Client, picture: Picture, private_gallery: Gallery
) -> None:
    put(picture, private_gallery)
    assert seen_by(as_teammate, picture) == {404}
    etag = {"If-None-Match": f'"{picture.digest}"'}
    assert as_teammate.get(original_url(picture), headers=etag).status_code == 404


@pytest.mark.parametrize(
    ("is_staff", "may_view", "seen"), [(True, True, 200), (True, False, 404), (False, True, 404), (False, False, 404)]
)
def test_administrator_with_permission_sees_all_pictures(
    as_teammate: Client, teammate: Person, picture: Picture, is_staff: bool, may_view: bool, seen: int
) -> None:
    Person.objects.filter(pk=teammate.pk).update(is_staff=is_staff)
    if may_view:
        teammate.user_permissions.add(Permission.objects.get(codename="view_picture"))
    assert seen_by(as_teammate, picture) == {seen}
    assert as_teammate.get(f"{page_of(picture)}save/").status_code == 404


def test_shared_picture_is_visible_while_it_is_shared(
    as_owner: Client, as_teammate: Client, picture: Picture, private_gallery: Gallery, team_gallery: Gallery
) -> None:
    put(picture, private_gallery)
    put(picture, team_gallery)
    assert seen_by(as_teammate, picture) == {200}
    as_owner.post(f"/galleries/{team_gallery.pk}/share/")
    assert seen_by(as_teammate, picture) == {404}
    etag = {"If-None-Match": f'"{picture.digest}"'}
    assert as_teammate.get(original_url(picture), headers=etag).status_code == 404
    assert seen_by(as_owner, picture) == {200}


def test_strangers_are_asked_to_sign_in(as_stranger: Client, picture: Picture, team_gallery: Gallery) -> None:
    put(picture, team_gallery)
    assert seen_by(as_stranger, picture) == {302}


# -- saving to a gallery


def test_save_offers_own_galleries(
    as_owner: Client, teammate: Person, picture: Picture, private_gallery: Gallery, team_gallery: Gallery
) -> None:
    Gallery.objects.create(owner=teammate, name="Tom's", shared_with_team=True)
    put(picture, private_gallery)
    text = as_owner.get(f"{page_of(picture)}save/", headers=HX).content.decode()
    assert f'name="gallery" value="{team_gallery.pk}"' in text
    assert f'name="gallery" value="{private_gallery.pk}"' not in text
    assert "In it already" in text
    assert "Tom" not in text
    assert "<html" not in text
    assert "<html" in as_owner.get(f"{page_of(picture)}save/").content.decode()


@pytest.mark.parametrize("htmx", [True, False], ids=["htmx", "plain"])
def test_saving_twice_makes_one_entry(as_owner: Client, picture: Picture, team_gallery: Gallery, htmx: bool) -> None:
    for _ in range(2):
        form = {"gallery": team_gallery.pk}
        response = as_owner.post(f"{page_of(picture)}save/", form, headers=HX if htmx else {})
        if htmx:
            assert json.loads(response["HX-Trigger"])["toast"]["message"] == "Saved to “For the team”."
        else:
            assert "Saved to “For the team”." in as_owner.get(response["Location"]).content.decode()
    assert list(team_gallery.pictures.all()) == [picture]


@pytest.mark.parametrize(("name", "galleries"), [("Lemons", 2), (" Sketches ", 1)])
def test_picture_is_saved_to_a_gallery_by_name(
    as_owner: Client, picture: Picture, private_gallery: Gallery, name: str, galleries: int
) -> None:
    as_owner.post(f"{page_of(picture)}save/", {"new_gallery": name})
    assert Gallery.objects.count() == galleries
    assert list(Gallery.objects.get(name=name.strip()).pictures.all()) == [picture]


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({}, "Pick a gallery, or name a new one."),
        ({"gallery": "", "new_gallery": " "}, "Pick a gallery, or name a new one."),
        ({"gallery": "999999"}, "This gallery is not yours, or is gone."),
        ({"gallery": "x"}, "This gallery is not yours, or is gone."),
        ({"new_gallery": "x" * 121}, "at most 120 characters"),
    ],
)
@pytest.mark.parametrize("htmx", [True, False], ids=["htmx", "plain"])
def test_invalid_form_says_what_is_wrong(
    as_owner: Client, picture: Picture, form: dict[str, str], said: str, htmx: bool
) -> None:
    response = as_owner.post(f"{page_of(picture)}save/", form, headers=HX if htmx else {})
    assert response.status_code == 422
    assert said in response.content.decode()
    assert not Gallery.objects.exists()


def test_gallery_of_another_person_is_refused(as_owner: Client, teammate: Person, picture: Picture) -> None:
    toms = Gallery.objects.create(owner=teammate, name="Tom's", shared_with_team=True)
    assert as_owner.post(f"{page_of(picture)}save/", {"gallery": toms.pk}).status_code == 422
    assert not toms.pictures.exists()


def test_picture_of_another_person_cannot_be_saved(
    as_teammate: Client, teammate: Person, picture: Picture, team_gallery: Gallery
) -> None:
    """Not even a visible one: its author decides who sees it."""
    put(picture, team_gallery)
    mine = Gallery.objects.create(owner=teammate, name="Mine")
    assert as_teammate.post(f"{page_of(picture)}save/", {"gallery": mine.pk}).status_code == 404
    assert as_teammate.get(f"{page_of(picture)}save/").status_code == 404
    assert not mine.pictures.exists()


def test_contributor_saves_a_picture_into_the_shared_gallery(
    as_teammate: Client, teammate: Person, private_gallery: Gallery, make_picture: Callable[..., Picture]
) -> None:
    Membership.objects.create(gallery=private_gallery, person=teammate, role=Role.CONTRIBUTOR)
    own = make_picture(author=teammate)
    assert "Sketches" in as_teammate.get(f"/pictures/{own.pk}/save/").content.decode()
    as_teammate.post(f"/pictures/{own.pk}/save/", {"gallery": private_gallery.pk})
    assert own.galleries.get() == private_gallery
