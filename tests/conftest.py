"""The standing cast, and the things they have."""

import hashlib
import io
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import hypothesis
import pytest
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import Storage, default_storage
from django.db import connections, transaction
from django.test import Client, override_settings
from PIL import Image

from gallery.models import Gallery, GalleryEntry, Generation, ImageModel, Person, Picture, State
from tests.support.properties import PROFILE
from tests.support.s3_proxy import S3Proxy

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


QUICK_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def quick_passwords(settings: Any) -> None:
    settings.PASSWORD_HASHERS = QUICK_HASHERS


@pytest.fixture(scope="module")
def shared_rows(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """What a module's fixtures write below this one is there for each of its tests, and gone after the last.

    Each test still rolls back what it writes. They take `copy.deepcopy` of the objects, as Django's TestCase does.
    """
    # TestCase closes the connection after each test, and this transaction would be over.
    with (
        django_db_blocker.unblock(),
        mock.patch.object(connections["default"], "close"),
        override_settings(PASSWORD_HASHERS=QUICK_HASHERS),
        transaction.atomic(),
    ):
        yield
        transaction.set_rollback(True)


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


def create_generation(author: Person, slug: str = "flux-pro", **fields: Any) -> Generation:
    values = {"author": author, "prompt": "A lemon on a table", "options": {"size": "512x512"}, **fields}
    return Generation.objects.create(model=model(slug), **values)


@pytest.fixture
def make_generation(owner: Person) -> Callable[..., Generation]:
    def make(*args: Any, author: Person = owner, **fields: Any) -> Generation:
        return create_generation(author, *args, **fields)

    return make


def png(width: int = 64, height: int = 48, colour: str = "#f2d64b") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(file, "PNG")
    return file.getvalue()


def create_picture(author: Person, generation: Generation | None = None, index: int = 0, **fields: Any) -> Picture:
    generation = generation or create_generation(author, state=State.COMPLETED, **fields)
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


@pytest.fixture
def make_picture(owner: Person) -> Callable[..., Picture]:
    def make(generation: Generation | None = None, index: int = 0, author: Person = owner, **fields: Any) -> Picture:
        return create_picture(author, generation, index, **fields)

    return make


@pytest.fixture
def team_gallery(owner: Person) -> Gallery:
    return Gallery.objects.create(owner=owner, name="For the team", shared_with_team=True)


@pytest.fixture
def private_gallery(owner: Person) -> Gallery:
    return Gallery.objects.create(owner=owner, name="Sketches")


def send(generation: Generation, fence: int = 1) -> Generation:
    """As an engine with this fence does, up to the moment at which the request goes out."""
    assert generation.claim(fence)
    assert Generation.note_sent([generation.pk], fence) == {generation.pk}
    generation.refresh_from_db()
    return generation


def put(picture: Picture, gallery: Gallery) -> None:
    GalleryEntry.objects.create(picture=picture, gallery=gallery)


# -- a bucket


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    from moto.server import ThreadedMotoServer  # takes a second, and few tests need it

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3_proxy(s3_server: str) -> Iterator[S3Proxy]:
    with S3Proxy(s3_server) as proxy:
        yield proxy


@pytest.fixture
def bucket_options(s3_server: str, s3_proxy: S3Proxy, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The options of a storage whose bucket is new and stands behind the proxy. It soon gives up."""
    import boto3

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    name = f"lemon-{uuid.uuid4().hex}"
    boto3.client("s3", endpoint_url=s3_server, region_name="us-east-1").create_bucket(Bucket=name)
    return {
        "bucket_name": name,
        "endpoint_url": s3_proxy.url,
        "region_name": "us-east-1",
        "addressing_style": "path",
        "signature_version": "s3v4",
        "file_overwrite": False,
        "querystring_auth": True,
        "max_memory_size": 2**20,
        "read_seconds": 0.5,
        "tries": 1,
    }


@pytest.fixture
def bucket(bucket_options: dict[str, Any]) -> Storage:
    from lemonstudio.storage.bucket import BucketStorage

    return BucketStorage(**bucket_options)
