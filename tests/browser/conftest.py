"""A whole studio (web, worker, sandbox) in its own folder, and a real Chromium that opens it."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from lemonstudio.processes.tree import Studio
from tests.support.browser import FLAGS, NONE, environment, find
from tests.support.studio import prepare

PASSWORD = "a lemon a day"
# Only a failure takes so long; a studio and a browser share two cores with other tests.
expect.set_options(timeout=15_000)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Keep the tests of a module on one worker, because they share a studio. xdist ignores groups that come later."""
    item.add_marker(pytest.mark.browser)
    item.add_marker(pytest.mark.xdist_group(f"browser-{item.path.stem}"))


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of a new studio with an administrator and a team."""
    studio = Studio(tmp_path_factory.mktemp("prepared"))
    prepare(studio.data)
    studio.shell(
        "from gallery.models import Person;"
        f"Person.objects.create_superuser('ada@example.org', '{PASSWORD}', name='Ada Administrator');"
        f"Person.objects.create_user('olivia@example.org', '{PASSWORD}', name='Olivia Owner');"
        f"Person.objects.create_user('tom@example.org', '{PASSWORD}', name='Tom Teammate')"
    )
    return studio.data


@pytest.fixture(scope="module")
def set_up(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """The running studio of a module."""
    data = tmp_path_factory.mktemp("studio")
    shutil.copytree(prepared, data, dirs_exist_ok=True)
    studio = Studio(data)
    try:
        studio.start_prepared()
        yield studio
    finally:
        studio.stop()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    found = find()
    assert found, NONE
    with sync_playwright() as playwright:
        options: dict[str, Any] = {"executable_path": found.path, "args": FLAGS, "env": environment(found.path)}
        browser = playwright.chromium.launch(**options)
        yield browser
        browser.close()


# The session cookies of people by studio and e-mail: only the first visit of a module signs in through the form.
SIGNED_IN: dict[tuple[str, str], list[Any]] = {}


class Visit:
    """A browser context whose pages may neither break the Content-Security-Policy nor throw."""

    def __init__(self, browser: Browser, studio: Studio, **options: Any) -> None:
        options = {
            "base_url": studio.url,
            "viewport": {"width": 1440, "height": 900},
            "reduced_motion": "reduce",
            **options,
        }
        self.studio = studio
        self.context: BrowserContext = browser.new_context(**options)
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
        key = (self.studio.url, email)
        if key in SIGNED_IN:
            self.context.add_cookies(SIGNED_IN[key])
            self.page.goto("/")
        # The session may have been ended by an earlier test.
        if key not in SIGNED_IN or "/login/" in self.page.url:
            self.page.goto("/login/")
            self.page.get_by_label("E-mail").fill(email)
            self.page.get_by_label("Password").fill(PASSWORD)
            self.page.get_by_role("button", name="Sign in", exact=True).click()
        # The title begins with a number while something is under way.
        expect(self.page).to_have_title(re.compile(r"Create · Lemon Studio$"))
        # Before the modules have run, keys do nothing.
        self.page.wait_for_load_state("load")
        SIGNED_IN[key] = [cookie for cookie in self.context.cookies() if cookie["name"] == "sessionid"]
        return self.page

    def close(self) -> None:
        self.context.close()
        assert self.complaints == []


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
