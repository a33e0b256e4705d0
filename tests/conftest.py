"""The standing cast, and the things they have."""

import hashlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client
from PIL import Image

from gallery.models import Gallery, GalleryEntry, Generation, ImageModel, Person, Picture, State
from tests.support.properties import PROFILE

hypothesis.settings.load_profile(PROFILE)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Make sure that groups are kept together: some pytest-xdist does not with some pytest, and does not say so."""
    if not getattr(session.config.option, "loadgroup", False):
        return
    for item in session.items:
        if item.get_closest_marker("xdist_group") and "@" not in item.nodeid.rpartition("]")[2]:
            raise pytest.UsageError(f"--dist loadgroup does not keep {item.nodeid} with its group.")


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Files have no place in a test's name: some tell the second they were made in, so each process has its own."""
    return argname if isinstance(val, bytes) and len(val) > 20 else None


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """A database file: several threads and the live server's share it, as in the real studio."""
    database = settings.DATABASES["default"]
    if database["ENGINE"].endswith("sqlite3"):
        database.setdefault("TEST", {})["NAME"] = str(Path(settings.DATA_DIR) / "test.sqlite3")


@pytest.fixture(autouse=True)
def quick_passwords(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


PASSWORD = "correct horse battery"


@pytest.fixture
def owner(db: None) -> Person:
    """Makes pictures."""
    return Person.objects.create_user("olivia@example.org", PASSWORD, name="Olivia Owner")


@pytest.fixture
def teammate(db: None) -> Person:
    """Looks at what the owner shows to the team."""
    return Person.objects.create_user("tom@example.org", PASSWORD, name="Tom Teammate")


@pytest.fixture
def administrator(db: None) -> Person:
    return Person.objects.create_superuser("ada@example.org", PASSWORD, name="Ada Administrator")


def signed_in(person: Person) -> Client:
    client = Client()
    client.force_login(person)
    return client


@pytest.fixture
def as_owner(owner: Person) -> Client:
    return signed_in(owner)


@pytest.fixture
def as_teammate(teammate: Person) -> Client:
    return signed_in(teammate)


@pytest.fixture
def as_administrator(administrator: Person) -> Client:
    return signed_in(administrator)


@pytest.fixture
def as_stranger(db: None) -> Client:
    """Nobody is signed in."""
    return Client()


def model(slug: str = "dall-e-3") -> ImageModel:
    return ImageModel.objects.get(slug=slug)


@pytest.fixture
def make_generation(owner: Person) -> Callable[..., Generation]:
    def make(slug: str = "flux-pro", **fields: Any) -> Generation:
        values = {"author": owner, "prompt": "A lemon on a table", "options": {"size": "512x512"}, **fields}
        return Generation.objects.create(model=model(slug), **values)

    return make


def png(width: int = 64, height: int = 48, colour: str = "#f2d64b") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def make_picture(make_generation: Callable[..., Generation]) -> Callable[..., Picture]:
    def make(generation: Generation | None = None, index: int = 0, **fields: Any) -> Picture:
        generation = generation or make_generation(state=State.COMPLETED, **fields)
        data = png()
        return Picture.objects.create(
            generation=generation,
            index=index,
            author=generation.author,
            original=default_storage.save(f"pictures/{generation.pk}-{index}.png", ContentFile(data)),
            sha256=hashlib.sha256(f"{generation.pk}-{index}".encode()).hexdigest(),
            format="PNG",
            byte_size=len(data),
            width=64,
            height=48,
            placeholder=["#ffffff", "#eeeeee", "#dddddd", "#cccccc"],
        )

    return make


@pytest.fixture
def team_gallery(owner: Person) -> Gallery:
    return Gallery.objects.create(owner=owner, name="For the team", shared_with_team=True)


@pytest.fixture
def private_gallery(owner: Person) -> Gallery:
    return Gallery.objects.create(owner=owner, name="Sketches")


def put(picture: Picture, gallery: Gallery) -> None:
    GalleryEntry.objects.create(picture=picture, gallery=gallery)
