"""An administrator compares the catalogue with the upstream and adds a model, and people use its options."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from lemonstudio.processes.tree import Studio
from tests.browser.conftest import Visit
from tests.browser.test_accessibility import problems
from tests.browser.test_create import more, pick_label

NEW = "nano-banana-pro"


@pytest.fixture
def catalogue(set_up: Studio) -> Iterator[Studio]:
    """The studio; its catalogue is restored afterwards."""
    yield set_up
    set_up.shell(
        "from gallery.models import *;"
        "old = ImageModel.objects.get(slug='dall-e-3');"
        f"Generation.objects.filter(model__slug='{NEW}').update(model=old);"
        f"Picture.objects.filter(model__slug='{NEW}').update(model=old);"
        f"ImageModel.objects.filter(slug='{NEW}').delete();"
        "ImageModel.objects.filter(slug='dall-e-3').update(price='0.04');"
        "CatalogueSnapshot.objects.all().delete()"
    )


def sync_catalogue(page: Page) -> None:
    """Ask the upstream what it offers, on the page that compares it with the catalogue."""
    page.goto("/admin/gallery/imagemodel/")
    page.get_by_role("link", name="Compare with upstream").click()
    page.get_by_role("button", name=re.compile("^Look up")).click()
    expect(page.get_by_role("heading", name=re.compile(r"^New \("))).to_be_visible(timeout=60_000)


def test_model_is_added_and_makes_a_picture(catalogue: Studio, administrator_page: Page) -> None:
    page = administrator_page
    sync_catalogue(page)
    expect(page).to_have_url(re.compile(r"/compare/$"))
    expect(page.get_by_role("status")).to_contain_text("just now")
    box = page.get_by_role("checkbox", name="Add Nano banana pro")
    expect(box).not_to_be_checked()
    box.check()
    page.get_by_role("button", name="Apply what is checked").click()
    expect(page.locator(".messagelist")).to_contain_text("Nano banana pro")
    expect(page.get_by_role("checkbox", name="Add Nano banana pro")).to_have_count(0)

    page.goto("/")
    pick_label(page, "Nano banana pro")
    more(page)
    ratio = page.get_by_role("group", name="Aspect ratio")
    expect(page.get_by_role("radio", name="4K")).to_be_visible()
    expect(page.locator("[name=opt_size]")).to_have_count(0)
    ratio.locator("label", has_text="16:9").first.click()
    page.get_by_label("Prompt").fill("Sixteen to nine")
    page.get_by_role("button", name=re.compile("^Generate")).click()
    card = page.locator("article", has_text="Sixteen to nine")
    expect(card).to_have_attribute("data-state", "completed", timeout=60_000)
    picture = card.locator("img").first
    width, height = (int(picture.get_attribute(name) or 0) for name in ("width", "height"))
    assert abs(width / height - 16 / 9) < 0.05


def test_value_set_by_hand_is_marked_and_overwritten_on_request(catalogue: Studio, administrator_page: Page) -> None:
    page = administrator_page
    catalogue.shell("from gallery.models import *; ImageModel.objects.filter(slug='dall-e-3').update(price='0.99')")
    sync_catalogue(page)
    row = page.get_by_role("row", name=re.compile(r"\$0\.99"))
    expect(row).to_contain_text("set by hand")
    row.get_by_role("checkbox", name="Overwrite price of one picture of DALL·E 3").check()
    page.get_by_role("button", name="Apply what is checked").click()
    expect(page.locator(".messagelist")).to_contain_text("DALL·E 3")
    expect(page.get_by_role("row", name=re.compile(r"\$0\.99"))).to_have_count(0)


def test_sync_works_without_javascript(catalogue: Studio, browser: Browser) -> None:
    visit = Visit(browser, catalogue, java_script_enabled=False)
    page = visit.page
    page.goto("/login/")
    page.get_by_label("E-mail").fill("ada@example.org")
    page.get_by_label("Password").fill("a lemon a day")
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.goto("/admin/gallery/imagemodel/compare/")
    page.get_by_role("button", name=re.compile("^Look up")).click()
    for _ in range(120):
        link = page.get_by_role("link", name="Show the answer")
        if not link.count():
            break
        page.wait_for_timeout(250)
        link.click()
    expect(page.get_by_role("checkbox", name="Add Nano banana pro")).to_be_visible()
    visit.close()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 390)])
def test_axe_finds_no_problems(scheme: str, width: int, catalogue: Studio, browser: Browser) -> None:
    catalogue.shell("from gallery.models import *; ImageModel.objects.filter(slug='dall-e-3').update(price='0.99')")
    visit = Visit(browser, catalogue, viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True)
    page = visit.sign_in("ada@example.org")
    sync_catalogue(page)
    found = problems(page)
    if page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") > 0:
        found.append(f"{page.url} scrolls sideways")
    visit.close()
    assert found == []
