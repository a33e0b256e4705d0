"""The pages about usage and budgets."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from lemonstudio.processes.tree import Studio
from tests.browser.conftest import PASSWORD, Visit
from tests.browser.test_accessibility import problems
from tests.browser.test_create import done, generate

OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
# Ursula has a budget. Last month she asked for four pictures that never arrived.
SEED = f"""
from datetime import timedelta
from django.contrib.auth.models import Group
from django.db import transaction
from django.utils import timezone
from gallery.models import *
ursula = Person.objects.create_user("ursula@example.org", {PASSWORD!r}, name="Ursula Usage")
painters = Group.objects.create(name="Painters")
ursula.groups.add(painters)
Budget.objects.create(person=ursula, amount=10)
Budget.objects.create(group=painters, amount="0.25")
model = ImageModel.objects.get(slug="midjourney")
last_month = timezone.localtime().replace(day=1, hour=12) - timedelta(days=1)
with transaction.atomic():  # or the engine would make them
    old = Generation.objects.create(author=ursula, model=model, prompt="=Long ago", options={{"size": "512x512"}},
        count=4, estimated_cost=model.price * 4, created_at=last_month, dismissed=True)
    ledger.reserve(ursula, [old])
    old.claim(1)
    Generation.note_sent([old.pk], 1)
    old.interrupt()
print(last_month.strftime("%B %Y|%Y-%m|") + timezone.localtime().strftime("%B %Y"))
"""


@pytest.fixture(scope="module")
def months(set_up: Studio, browser: Browser) -> list[str]:
    """Last month's name, last month as in addresses, and this month's name. Ursula made a picture this month."""
    months = set_up.shell(SEED).split("|")
    visit = Visit(browser, set_up)
    done(generate(visit.sign_in("ursula@example.org"), "Counted", "midjourney"))
    visit.close()
    return months


@pytest.fixture
def usage_page(months: list[str], set_up: Studio, browser: Browser) -> Iterator[Page]:
    visit = Visit(browser, set_up)
    page = visit.sign_in("ursula@example.org")
    page.goto("/usage/")
    yield page
    visit.close()


def test_spending_is_shown_with_budgets(usage_page: Page, months: list[str]) -> None:
    expect(usage_page).to_have_title(f"Usage in {months[2]} · Lemon Studio")
    expect(usage_page.locator(".sum-cost")).to_contain_text("$0.05")
    budgets = usage_page.get_by_role("list", name="Your budgets").get_by_role("listitem")
    expect(budgets.nth(0)).to_contain_text("$0.20 of $0.25 left this month of the budget of Painters")
    expect(budgets.nth(1)).to_contain_text("$9.95 of $10 left this month")
    expect(budgets.nth(0).get_by_role("meter", name="Painters, spent this month")).to_be_visible()
    expect(usage_page.get_by_role("img", name="Cost by day")).to_be_visible()
    expect(usage_page.get_by_role("table", name="By model").get_by_role("row", name="Midjourney")).to_contain_text(
        "$0.05"
    )


def test_chart_can_show_pictures(usage_page: Page) -> None:
    measures = usage_page.get_by_role("navigation", name="What the bars show")
    measures.get_by_role("link", name="Pictures").click()
    expect(usage_page.get_by_role("img", name="Pictures by model")).to_contain_text("1 picture")
    expect(usage_page).to_have_url(re.compile(r"/usage/\?by=pictures$"))


def test_other_months_can_be_opened(usage_page: Page, months: list[str]) -> None:
    usage_page.get_by_role("link", name=months[0]).click()
    expect(usage_page.get_by_role("heading", name=months[0])).to_be_visible()
    expect(usage_page).to_have_url(re.compile(rf"/usage/\?month={months[1]}$"))
    expect(usage_page.locator(".sum-cost")).to_contain_text("$0.20")
    expect(usage_page.locator("body")).to_contain_text("the estimate counts")
    usage_page.go_back()
    expect(usage_page.get_by_role("heading", name=months[2])).to_be_visible()


def test_usage_works_with_the_keyboard_alone(usage_page: Page, months: list[str]) -> None:
    usage_page.goto("/")
    # The page begins at the prompt.
    usage_page.keyboard.press("Escape")
    usage_page.keyboard.press("g")
    usage_page.keyboard.press("u")
    expect(usage_page.get_by_role("heading", name="Usage", exact=True)).to_be_visible()
    expect(usage_page.get_by_role("link", name="Usage")).to_have_attribute("aria-current", "page")
    usage_page.wait_for_load_state()  # before that, no script hears the key
    usage_page.keyboard.press("ArrowLeft")
    expect(usage_page.get_by_role("heading", name=months[0])).to_be_visible()
    usage_page.wait_for_load_state()
    usage_page.keyboard.press("ArrowRight")
    expect(usage_page.get_by_role("heading", name=months[2])).to_be_visible()
    days = usage_page.get_by_role("table", name="By day")
    expect(days).to_be_hidden()
    usage_page.get_by_text("Show as table").focus()
    usage_page.keyboard.press("Enter")
    expect(days).to_be_visible()


def test_csv_is_downloaded(usage_page: Page, months: list[str], tmp_path: Path) -> None:
    usage_page.get_by_role("link", name=months[0]).click()
    with usage_page.expect_download() as download:
        usage_page.get_by_role("link", name="Download CSV").click()
    assert download.value.suggested_filename == f"lemon-studio-usage-{months[1]}.csv"
    download.value.save_as(tmp_path / "usage.csv")
    with (tmp_path / "usage.csv").open(encoding="utf-8-sig", newline="") as file:
        [row] = csv.DictReader(file)
    assert (row["Prompt"], row["State"], row["Cost (USD)"]) == ("'=Long ago", "No answer", "0.2000")


def test_only_administrators_see_the_teams_usage(usage_page: Page, administrator_page: Page) -> None:
    expect(usage_page.get_by_role("navigation", name="Whose usage")).to_have_count(0)
    answer = usage_page.goto("/usage/?view=team")
    assert answer is not None
    assert answer.status == 404
    administrator_page.goto("/usage/")
    administrator_page.get_by_role("link", name="Team").click()
    expect(administrator_page.get_by_role("heading", name="The team’s usage")).to_be_visible()
    people = administrator_page.get_by_role("table", name="By person")
    expect(people.get_by_role("row", name="Ursula Usage")).to_contain_text("$0.05")
    groups = administrator_page.get_by_role("table", name="By group")
    expect(groups.get_by_role("row", name="Painters")).to_contain_text("$0.05")


def test_usage_fits_a_phone(months: list[str], set_up: Studio, browser: Browser) -> None:
    visit = Visit(browser, set_up, viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    page = visit.sign_in("ursula@example.org")
    page.get_by_role("link", name="Usage").tap()
    expect(page.get_by_role("heading", name=months[2])).to_be_visible()
    assert page.evaluate(OVERFLOW) <= 0
    for chart in page.locator("svg[role=img]").all():
        box = chart.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 360
    for target in page.locator(".months a, .usage-bar > a, .tabs a").all():
        box = target.bounding_box()
        assert box is not None
        assert box["height"] >= 44, target.inner_text()
    page.get_by_role("link", name=months[0]).tap()
    expect(page.get_by_role("heading", name=months[0])).to_be_visible()
    visit.close()


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_problems(scheme: str, width: int, months: list[str], set_up: Studio, browser: Browser) -> None:
    """Checks the pages that tests/browser/test_accessibility.py leaves out."""
    visit = Visit(browser, set_up, viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True)
    page = visit.sign_in("ada@example.org")
    found = []
    for address in ("/usage/?view=team", f"/usage/?view=team&by=pictures&month={months[1]}", "/usage/?month=2020-01"):
        page.goto(address)
        for details in page.locator("summary").all():
            details.click()
        found += problems(page)
        assert page.evaluate(OVERFLOW) <= 0, f"{address} scrolls sideways"
    visit.close()
    assert found == []


def test_usage_works_without_javascript(months: list[str], set_up: Studio, browser: Browser) -> None:
    visit = Visit(browser, set_up, java_script_enabled=False)
    page = visit.sign_in("ursula@example.org")
    page.get_by_role("link", name="Usage").click()
    page.get_by_role("link", name=months[0]).click()
    expect(page.locator(".sum-cost")).to_contain_text("$0.20")
    page.get_by_text("Show as table").click()
    expect(page.get_by_role("table", name="By day")).to_be_visible()
    visit.close()
