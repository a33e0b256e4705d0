"""A whole studio (web, worker, sandbox) in a folder of its own, and a real Chromium to look at it with."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PASSWORD = "a lemon a day"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One studio and one browser for all of these, so one process."""
    for item in items:
        if "tests/browser" in str(item.path):
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.xdist_group("browser"))


def two_free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]


class Studio:
    """The process tree that `make run` starts."""

    def __init__(self, data: Path, **env: str) -> None:
        self.data = data
        self.port, sandbox_port = two_free_ports()
        self.url = f"http://127.0.0.1:{self.port}"
        self.env = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("LEMON", "DATABASE"))},
            "LEMONSTUDIO_ENV": "local",
            "LEMONSTUDIO_DATA": str(data),
            "LEMONSTUDIO_SANDBOX_PORT": str(sandbox_port),
            "LEMONSTUDIO_SANDBOX_SPEED": "4",
            "LEMONSTUDIO_WORKERS": "2",
            "PORT": str(self.port),
            **env,
        }
        self.process: subprocess.Popen[bytes] | None = None

    def manage(self, *arguments: str, **more: Any) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(command, cwd=ROOT, env=self.env, text=True, capture_output=True, **more)
        assert done.returncode == 0, done.stderr
        return done

    def start(self) -> None:
        self.manage("prepare")
        self.process = subprocess.Popen([sys.executable, "manage.py", "studio"], cwd=ROOT, env=self.env)
        give_up_at = time.monotonic() + 40
        while not self.is_healthy():
            assert self.process.poll() is None, "the studio ended"
            assert time.monotonic() < give_up_at, "the studio did not become healthy"
            time.sleep(0.1)

    def is_healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(30)

    def shell(self, code: str) -> str:
        return self.manage("shell", "-v0", "-c", code).stdout.strip()


@pytest.fixture(scope="session")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    studio = Studio(tmp_path_factory.mktemp("studio"))
    try:
        studio.start()
        yield studio
    finally:
        studio.stop()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    assert CHROMIUM, "The browser tests need Chromium: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


class Visit:
    """A browser context whose pages may neither break the Content-Security-Policy nor throw."""

    def __init__(self, browser: Browser, studio: Studio, **options: Any) -> None:
        options = {"viewport": {"width": 1440, "height": 900}, "reduced_motion": "reduce", **options}
        self.context: BrowserContext = browser.new_context(base_url=studio.url, **options)
        self.context.set_default_timeout(15_000)
        self.complaints: list[str] = []
        self.page = self.open_page()

    def open_page(self) -> Page:
        page = self.context.new_page()
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._listen)
        return page

    def _listen(self, message: ConsoleMessage) -> None:
        if message.type == "error" and "Content Security Policy" in message.text:
            self.complaints.append(message.text)

    def sign_in(self, email: str) -> Page:
        self.page.goto("/login/")
        self.page.get_by_label("E-mail").fill(email)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Sign in").click()
        expect(self.page).to_have_title("Create · Lemon Studio")
        return self.page

    def close(self) -> None:
        self.context.close()
        assert self.complaints == []


@pytest.fixture(scope="session")
def set_up(studio: Studio, browser: Browser) -> Studio:
    """The first administrator and the team, made the way a person makes them."""
    visit = Visit(browser, studio)
    page = visit.page
    page.goto("/")
    expect(page).to_have_url(f"{studio.url}/setup/")
    page.get_by_label("Name").fill("Ada Administrator")
    page.get_by_label("E-mail").fill("ada@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Open the studio").click()
    expect(page).to_have_title("Create · Lemon Studio")
    visit.close()
    studio.shell(
        "from gallery.models import Person;"
        f"Person.objects.create_user('olivia@example.org', '{PASSWORD}', name='Olivia Owner');"
        f"Person.objects.create_user('tom@example.org', '{PASSWORD}', name='Tom Teammate')"
    )
    return studio


@pytest.fixture
def owner_page(set_up: Studio, browser: Browser) -> Iterator[Page]:
    visit = Visit(browser, set_up)
    yield visit.sign_in("olivia@example.org")
    visit.close()


@pytest.fixture
def teammate_page(set_up: Studio, browser: Browser) -> Iterator[Page]:
    visit = Visit(browser, set_up)
    yield visit.sign_in("tom@example.org")
    visit.close()


@pytest.fixture
def administrator_page(set_up: Studio, browser: Browser) -> Iterator[Page]:
    visit = Visit(browser, set_up)
    yield visit.sign_in("ada@example.org")
    visit.close()


@pytest.fixture
def phone_page(set_up: Studio, browser: Browser) -> Iterator[Page]:
    visit = Visit(browser, set_up, viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    yield visit.sign_in("olivia@example.org")
    visit.close()
