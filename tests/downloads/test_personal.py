"""The export of one person's data: what is in it, and who gets it."""

import csv
import io
import json
import zipfile
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client

from gallery import services
from gallery.downloads import build
from gallery.models import Download, Gallery, Generation, Mark, Person, Picture, PromptTemplate, SavedSearch, State
from tests.conftest import png, put, signed_in

Make = Callable[..., Any]


@pytest.fixture
def things(make_generation: Make, make_picture: Make, private_gallery: Gallery, owner: Person) -> Picture:
    """What Olivia has: a picture with a comment and a mark, one in the trash, an upload, and a file that is none."""
    picture: Picture = make_picture(prompt="=SUM(A1)", cost="0.04", options={"size": "512x512"})
    put(picture, private_gallery)
    services.comments.comment(private_gallery, picture, "Lovely", author=owner)
    Mark.objects.create(person=owner, picture=picture, favourite=True, rating=4)
    services.trash.trash(owner, [make_picture().pk])
    source = default_storage.save(f"uploads/{owner.pk}/{uuid4().hex}-64x48.png", ContentFile(png()))
    file = {"url": "https://x.example/a.svg", "kept": "kept/9-0-a.svg", "what": "an SVG file"}
    default_storage.save("kept/9-0-a.svg", ContentFile(b"<svg/>"))
    make_generation(
        state=State.COMPLETED, kind=Generation.Kind.EDIT, source_file=source, results=[file], prompt="Brighter"
    )
    PromptTemplate.objects.create(author=owner, name="Fruit", text="A {{fruit}}")
    SavedSearch.objects.create(person=owner, name="Lemons", query="q=lemon")
    return picture


def archive_of(client: Client, address: str) -> zipfile.ZipFile:
    """Ask for an export, let the tasks make it ready, and download it."""
    page = client.post(address)["Location"]
    download = Download.objects.get()
    build.work(download.pk)
    assert "Ready" in client.get(page).content.decode()
    answer = client.get(f"{page}file/")
    return zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content)))  # type: ignore[attr-defined]


def test_export_has_all_that_is_a_persons(
    things: Picture, as_owner: Client, owner: Person, teammate: Person, make_generation: Make
) -> None:
    make_generation(author=teammate, prompt="Tom’s secret", state=State.COMPLETED)
    archive = archive_of(as_owner, "/account/export/")
    assert archive.testzip() is None
    names = archive.namelist()
    assert [name for name in names if name.startswith("pictures/")] == [
        "pictures/001 =SUM(A1).png",
        "pictures/002 A lemon on a table.png",
    ]
    assert sum(name.startswith("uploads/") for name in names) == 1
    assert archive.read("files/9-0-a.svg") == b"<svg/>"
    account = json.loads(archive.read("account.json"))
    assert (account["name"], account["email"]) == ("Olivia Owner", "olivia@example.org")
    assert account["saved_searches"] == [{"name": "Lemons", "query": "q=lemon"}]
    requests = json.loads(archive.read("requests.json"))
    assert [one["prompt"] for one in requests] == ["=SUM(A1)", "A lemon on a table", "Brighter"]
    rows = list(csv.reader(io.StringIO(archive.read("requests.csv").decode("utf-8-sig"))))
    assert rows[1][4] == "'=SUM(A1)", "a spreadsheet must not run it"
    assert json.loads(archive.read("comments.json"))[0]["text"] == "Lovely"
    assert json.loads(archive.read("marks.json")) == [{"picture": things.pk, "favourite": True, "rating": 4}]
    assert json.loads(archive.read("templates.json"))[0]["text"] == "A {{fruit}}"
    assert [one["file"] for one in json.loads(archive.read("manifest.json"))["pictures"]] == [
        "pictures/001 =SUM(A1).png",
        "pictures/002 A lemon on a table.png",
    ]
    assert not any(b"secret" in archive.read(name) for name in names)


def test_person_without_anything_gets_their_account(as_teammate: Client) -> None:
    names = archive_of(as_teammate, "/account/export/").namelist()
    assert "account.json" in names
    assert not [name for name in names if "/" in name]


def test_export_goes_on_in_the_next_task(things: Picture, as_owner: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    as_owner.post("/account/export/")
    download = Download.objects.get()
    monkeypatch.setattr(build, "SLICE_SECONDS", 0.0)
    for _ in range(20):
        build.work(download.pk)
    download.refresh_from_db()
    assert download.is_ready
    places = list(download.items.values_list("place", flat=True))
    assert places == list(range(len(places)))


def test_export_of_another_person_needs_all_rights(
    things: Picture, owner: Person, as_administrator: Client, administrator: Person
) -> None:
    archive = archive_of(as_administrator, f"/settings/people/{owner.pk}/export/")
    assert json.loads(archive.read("account.json"))["email"] == "olivia@example.org"
    page = f"/downloads/{Download.objects.get().pk}/"
    Person.objects.filter(pk=administrator.pk).update(is_superuser=False)
    rights = ["view_person", "change_person", "view_picture", "view_generation"]
    administrator.user_permissions.set(Permission.objects.filter(codename__in=rights))
    clerk = signed_in(Person.objects.get(pk=administrator.pk))
    assert clerk.get(page).status_code == 404
    assert clerk.post(f"/settings/people/{owner.pk}/export/").status_code == 404
    assert b"Data of Olivia" not in clerk.get("/downloads/").content
