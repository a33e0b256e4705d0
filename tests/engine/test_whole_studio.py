"""The studio as a process tree against an upstream that is not the sandbox."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lemonstudio.processes.tree import Studio
from tests.conftest import png
from tests.engine.conftest import KEY
from tests.support.stub_upstream import Reply, Request, StubUpstream
from tests.support.studio import prepare

pytestmark = pytest.mark.process

SUBMIT = """
import json, sys
from gallery import services
from gallery.models import ImageModel, Person
person, _ = Person.objects.get_or_create(email="olivia@example.org", name="Olivia")
model = ImageModel.objects.get(slug="{slug}")
print(services.generations.submit(person, model=model, prompt="A lemon", options={{"size": "512x512"}}, count=1).pk)
"""
LOOK = """
import json
from gallery.models import Generation
row = Generation.objects.get(pk={pk})
print(json.dumps([row.state, [[one.width, one.height, one.format, one.thumbnails] for one in row.pictures.all()]]))
"""


@pytest.fixture
def image_host() -> Iterator[StubUpstream]:
    with StubUpstream() as host:
        host.handler = lambda request: Reply(body=png(512, 512), headers={"Content-Type": "image/png"})
        yield host


def ended(studio: Studio, pk: str) -> Any:
    """State and pictures, once the thumbnails are made."""
    give_up_at = time.monotonic() + 40
    while True:
        state, pictures = json.loads(studio.shell(LOOK.format(pk=pk)))
        if state == "completed" and all(picture[3] for picture in pictures):
            return pictures
        assert time.monotonic() < give_up_at, (state, pictures)
        time.sleep(0.2)


def test_another_server_that_speaks_the_contract(stub: StubUpstream, image_host: StubUpstream, tmp_path: Path) -> None:
    polls = 0

    def answer(request: Request) -> Any:
        nonlocal polls
        if request.method == "POST" and request.json["model"] == "dall-e-3":
            return {"created": 1, "data": [{"url": f"{image_host.origin}/sync.png"}]}
        if request.method == "POST":
            return {"created": 1, "task_id": "img_7", "status": "pending", "poll_url": "/v1/tasks/img_7", "data": []}
        polls += 1
        if polls == 1:
            return {"created": 1, "task_id": "img_7", "status": "processing", "data": []}
        return {
            "created": 1,
            "task_id": "img_7",
            "status": "completed",
            "data": [{"url": f"{image_host.origin}/a.png"}],
        }

    stub.handler = answer
    studio = Studio(
        tmp_path,
        LEMONDATA_BASE_URL=stub.base_url,
        LEMONDATA_API_KEY=KEY,
        LEMONSTUDIO_TRUSTED_ORIGINS=image_host.origin,
    )
    try:
        prepare(tmp_path)
        studio.start_prepared()
        waiting = [studio.shell(SUBMIT.format(slug=slug)) for slug in ("dall-e-3", "flux-pro")]
        for pk in waiting:
            ((width, height, format, thumbnails),) = ended(studio, pk)
            assert (width, height, format) == (512, 512, "PNG")
            assert set(thumbnails) >= {"webp"}
    finally:
        studio.stop()
    assert [request.method for request in stub.requests].count("POST") == 2
    assert {request.headers["authorization"] for request in stub.requests} == {f"Bearer {KEY}"}
    assert len(image_host.requests) == 2
    assert not [request for request in image_host.requests if "authorization" in request.headers]


def test_untrusted_private_address_is_not_fetched(stub: StubUpstream, image_host: StubUpstream, tmp_path: Path) -> None:
    stub.handler = lambda request: {"created": 1, "data": [{"url": f"{image_host.origin}/a.png"}]}
    studio = Studio(tmp_path, LEMONDATA_BASE_URL=stub.base_url, LEMONDATA_API_KEY=KEY)
    try:
        prepare(tmp_path)
        studio.start_prepared()
        pk = studio.shell(SUBMIT.format(slug="dall-e-3"))
        give_up_at = time.monotonic() + 20
        while json.loads(studio.shell(LOOK.format(pk=pk)))[0] != "failed":
            assert time.monotonic() < give_up_at
            time.sleep(0.2)
    finally:
        studio.stop()
    assert image_host.requests == []
