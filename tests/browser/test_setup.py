"""The first visit to a new studio."""

from pathlib import Path

from playwright.sync_api import Browser, expect

from lemonstudio.processes.tree import Studio
from tests.browser.conftest import PASSWORD, Visit


def test_first_visitor_becomes_administrator(tmp_path: Path, browser: Browser) -> None:
    studio = Studio(tmp_path)
    try:
        studio.start()
        visit = Visit(browser, studio)
        page = visit.page
        page.goto("/")
        expect(page).to_have_url(f"{studio.url}/setup/")
        page.get_by_label("Name").fill("Ada Administrator")
        page.get_by_label("E-mail").fill("ada@example.org")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Create account").click()
        expect(page).to_have_title("Create · Lemon Studio")
        page.goto("/setup/")
        expect(page).to_have_title("Create · Lemon Studio")
        page.goto("/admin/")
        expect(page.get_by_role("link", name="Generations")).to_be_visible()
        visit.close()
    finally:
        studio.stop()
