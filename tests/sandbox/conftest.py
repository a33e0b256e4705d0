"""One real sandbox for the whole folder: a process of its own, spoken to over HTTP."""

import io
import os
import select
import subprocess
import sys
import time
from base64 import b64decode
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
SECRET = "a secret that the tests know"
KEY = "sk-sandbox-test"


@dataclass
class Upstream:
    url: str  # ends in /v1
    session: requests.Session

    @property
    def root(self) -> str:
        return self.url.removesuffix("/v1")

    def get(self, path: str, **more) -> requests.Response:
        return self.session.get(self.root + path, timeout=10, **more)

    def post(self, **body) -> requests.Response:
        return self.session.post(self.url + "/images/generations", json=body, timeout=10)

    def send(self, what: str, files: dict[str, bytes], **fields: object) -> requests.Response:
        """A form to /images/edits or /images/variations."""
        return self.session.post(f"{self.url}/images/{what}", data=fields, files=files, timeout=60)

    def edit(self, image: bytes, mask: bytes | None = None, **fields: object) -> requests.Response:
        if fields.get("model") == "nano-banana-pro":
            return self.send("generations", {"image": image}, operation="image-to-image", **fields)
        return self.send("edits", {"image": image} | ({"mask": mask} if mask else {}), **fields)

    def pictures(self, answer: requests.Response) -> list[Image.Image]:
        """What an answer brought, a task followed to its end."""
        assert answer.status_code == 200, answer.text
        body = answer.json()
        items = self.follow(body, 60)[-1]["data"] if "task_id" in body else body["data"]
        assert items
        opened: list[Image.Image] = []
        for item in items:
            file = requests.get(item["url"], timeout=60).content if "url" in item else b64decode(item["b64_json"])
            opened.append(Image.open(io.BytesIO(file)))
            opened[-1].load()
        return opened

    def follow(self, answer: dict, until: float = 5.0) -> list[dict]:
        """Every answer to polling a task, up to and with the one that ends it."""
        seen = []
        end = time.monotonic() + until
        while time.monotonic() < end:
            polled = self.get(answer["poll_url"])
            assert polled.status_code == 200, polled.text
            seen.append(polled.json())
            if seen[-1]["status"] in ("completed", "failed"):
                return seen
            time.sleep(0.03)
        raise AssertionError(f"no end in {until} s: {seen[-1]}")


def launch(runner: str = "", **environment: str) -> tuple[subprocess.Popen[str], str]:
    """A sandbox on a free port, started by the module `runner` if one is given, and its line of greeting."""
    modules = [runner, "lemonstudio.sandbox"] if runner else ["lemonstudio.sandbox"]
    process = subprocess.Popen(
        [sys.executable, "-m", *modules, "--port", "0"],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        text=True,
        close_fds=False,
    )
    assert process.stdout is not None
    readable, _, _ = select.select([process.stdout], [], [], 15)
    if not readable:
        process.kill()
        raise AssertionError("the sandbox did not start")
    return process, process.stdout.readline()


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sandbox")
    process, line = launch(
        LEMONSTUDIO_SANDBOX_SPEED="20", LEMONSTUDIO_SANDBOX_SECRET=SECRET, LEMONSTUDIO_DATA=str(folder)
    )
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {KEY}"
    session.trust_env = False
    try:
        yield Upstream(line.removeprefix("Sandbox upstream at ").strip(), session)
    finally:
        session.close()
        process.terminate()
        process.communicate(timeout=10)
