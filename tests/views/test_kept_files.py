"""A delivered file that is no picture: its card, and how it is saved and deleted."""

from collections.abc import Callable

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client
from django.urls import reverse

from gallery.models import Gallery, Generation, LedgerEntry, Picture, State
from gallery.services import trash

SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
MakeGeneration = Callable[..., Generation]


@pytest.fixture
def delivered(make_generation: MakeGeneration) -> Generation:
    name = default_storage.save("kept/7-0-abc.svg", ContentFile(SVG))
    file = {"url": "https://x.example/a", "revised_prompt": "", "kept": name, "what": "an SVG file"}
    return make_generation(state=State.COMPLETED, results=[file])


def address(generation: Generation, view: str = "generation_file", index: int = 0) -> str:
    return reverse(view, args=[generation.pk, index])


def test_card_names_the_file_and_offers_to_save_it(as_owner: Client, delivered: Generation) -> None:
    page = as_owner.get("/").content.decode()
    assert "The service delivered an SVG file that the studio cannot show." in page
    assert address(delivered) in page
    for useless in ("Fetch again", "Try again", "trash"):
        assert useless not in page[page.index(f'id="generation-{delivered.pk}"') : page.index("</article>")]


def test_card_says_why_a_picture_is_not_shown(as_owner: Client, delivered: Generation) -> None:
    results = [{**delivered.results[0], "what": "a PNG file", "why": "its end is missing"}]
    Generation.objects.filter(pk=delivered.pk).update(results=results)
    assert b"a PNG file that the studio cannot show: its end is missing." in as_owner.get("/").content


def test_teammate_sees_the_card_but_cannot_save_the_file(
    as_teammate: Client, delivered: Generation, team_gallery: Gallery
) -> None:
    Generation.objects.filter(pk=delivered.pk).update(gallery=team_gallery)
    page = as_teammate.get("/?feed=team").content.decode()
    assert address(delivered) not in page
    assert as_teammate.get(address(delivered)).status_code == 404


def test_file_is_sent_unchanged_and_as_an_attachment(as_owner: Client, delivered: Generation) -> None:
    response = as_owner.get(address(delivered))
    assert b"".join(response) == SVG
    assert response["Content-Type"] == "application/octet-stream"
    assert response["Content-Disposition"] == f'attachment; filename="lemon-studio-{delivered.pk}-1.svg"'
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Security-Policy"] == "sandbox; default-src 'none'"


def test_other_addresses_have_no_file(as_owner: Client, delivered: Generation, make_generation: MakeGeneration) -> None:
    assert as_owner.get(address(delivered, index=1)).status_code == 404
    assert as_owner.get(address(make_generation(results=[{"url": "x"}]))).status_code == 404


def test_deleting_a_file_keeps_its_cost(as_owner: Client, delivered: Generation) -> None:
    name, entries = delivered.kept_files[0].name, LedgerEntry.objects.count()
    assert as_owner.post(address(delivered, "generation_file_delete")).status_code == 302
    delivered.refresh_from_db()
    assert not default_storage.exists(name)
    assert (delivered.kept_files, delivered.dismissed, delivered.can_fetch) == ([], True, False)
    assert LedgerEntry.objects.count() == entries
    assert as_owner.get(address(delivered)).status_code == 404
    # The button was pressed twice.
    assert as_owner.post(address(delivered, "generation_file_delete")).status_code == 302


def test_card_stays_while_it_has_a_file(delivered: Generation, make_picture: Callable[..., Picture]) -> None:
    Generation.objects.filter(pk=delivered.pk).update(results=[*delivered.results, {"url": "https://x.example/b"}])
    picture = make_picture(generation=delivered, index=1)
    trash.trash(delivered.author, [picture.pk])
    delivered.refresh_from_db()
    assert not delivered.dismissed
