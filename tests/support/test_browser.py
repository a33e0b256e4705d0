"""Which browser the browser tests take."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import browser
from tests.support.browser import Found, Source, choose


def source(name: str, *, is_there: bool = False, can_be_had: bool = False) -> Source:
    return Source(
        name,
        look=lambda: Path(f"/{name}") if is_there else None,
        get=lambda: Path(f"/got/{name}") if can_be_had else None,
    )


def starts(path: Path) -> bool:
    return True


def test_the_first_that_is_there_is_taken() -> None:
    sources = [source("one", can_be_had=True), source("two", is_there=True), source("three", is_there=True)]
    assert choose(sources, starts, may_download=True) == Found(Path("/two"), "two")


def test_nothing_is_downloaded_while_there_is_one() -> None:
    def fail() -> None:
        raise AssertionError

    sources = [Source("one", look=lambda: None, get=fail), source("two", is_there=True)]
    assert choose(sources, starts, may_download=True) == Found(Path("/two"), "two")


def test_the_first_that_can_be_had_is_downloaded() -> None:
    sources = [source("one"), source("two", can_be_had=True), source("three", can_be_had=True)]
    assert choose(sources, starts, may_download=True) == Found(Path("/got/two"), "two")
    assert choose(sources, starts, may_download=False) is None


def test_one_that_does_not_start_is_passed_over() -> None:
    sources = [source("one", is_there=True, can_be_had=True), source("two", can_be_had=True)]
    found = choose(sources, lambda path: path == Path("/got/two"), may_download=True)
    assert found == Found(Path("/got/two"), "two")


def test_there_may_be_none() -> None:
    assert choose([source("one"), source("two")], starts, may_download=True) is None
    assert choose([source("one", is_there=True)], lambda path: False, may_download=True) is None


def test_order_of_the_sources() -> None:
    names = [one.name for one in browser.SOURCES]
    assert names == ["installed", "Playwright's download", "the system's package", "an npm package"]


@pytest.fixture
def on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Put a command of this name where commands are looked for, and nothing else."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(browser, "APPLICATIONS", (str(tmp_path / "Applications" / "Chrome"),))

    def put(name: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("#!/bin/sh\n")
        path.chmod(0o755)
        return path

    return put


def test_installed_browsers_are_found_by_their_commands(on_path: Callable[[str], Path]) -> None:
    look = browser.SOURCES[0].look
    assert look() is None
    application = on_path("Applications/Chrome")
    assert look() == application
    chrome = on_path("google-chrome")
    assert look() == chrome
    chromium = on_path("chromium")
    assert look() == chromium


def test_without_a_browser_one_sentence_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browser, "SOURCES", (source("one"),))
    with pytest.raises(SystemExit, match=r"^There is no browser for the browser tests: install Chromium or Chrome, "):
        browser.main()


def test_a_file_that_is_no_browser_does_not_start(tmp_path: Path) -> None:
    file = tmp_path / "chromium"
    file.write_text("#!/bin/sh\nexit 1\n")
    file.chmod(0o755)
    assert not browser.starts(file)


def test_an_unpacked_browser_gets_its_libraries() -> None:
    assert browser.environment(browser.UNPACKED / "chromium")["LD_LIBRARY_PATH"] == str(browser.UNPACKED / "lib")
    assert browser.environment(Path("/usr/bin/chromium")) == os.environ
