"""A gallery's order by hand, and comparing pictures, with the mouse and with keys."""

import re
from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from lemonstudio.processes.tree import Studio
from tests.browser.conftest import Visit
from tests.browser.test_organising import MAKE

Fill = Callable[[str, int], str]


@pytest.fixture
def fill(set_up: Studio) -> Fill:
    """Make a gallery of the owner's with `count` pictures; return its address."""

    def make(name: str, count: int) -> str:
        output = set_up.shell(MAKE.format(name=name, count=count))
        match = re.search(r"gallery (\d+)", str(output))
        assert match, output
        return f"/galleries/{match[1]}/"

    return make


def order(page: Page) -> list[str]:
    """The numbers in the prompts of the pictures, in the order of the tiles."""
    alts = page.locator(".tile .pic-link img").evaluate_all("all => all.map((one) => one.alt)")
    return [str(alt).rpartition(" ")[2] for alt in alts]


def drag(page: Page, place: int, onto: int, part: float) -> None:
    """Drag the tile `place` with the mouse over the tile `onto`, at the share `part` of its width. Do not drop it."""
    begin = page.locator(".tile").nth(place).bounding_box()
    end = page.locator(".tile").nth(onto).bounding_box()
    assert begin
    assert end
    page.mouse.move(begin["x"] + 40, begin["y"] + 40)
    page.mouse.down()
    page.mouse.move(begin["x"] + 60, begin["y"] + 50, steps=3)
    page.mouse.move(end["x"] + end["width"] * part, end["y"] + end["height"] / 2, steps=6)
    expect(page.locator(".tile").nth(onto)).to_have_attribute("data-drop", "before" if part < 0.5 else "after")


def test_pictures_are_arranged_by_mouse_and_keys(owner_page: Page, fill: Fill) -> None:
    page = owner_page
    page.goto(fill("By hand", 5))
    assert order(page) == ["4", "3", "2", "1", "0"]
    switch = page.get_by_role("button", name="Arrange")
    switch.click()
    with page.expect_response("**/arrange/**"):
        drag(page, 0, 2, 0.8)
        page.mouse.up()
    assert order(page) == ["3", "2", "4", "1", "0"]
    with page.expect_response("**/arrange/**"):
        drag(page, 4, 0, 0.2)
        page.mouse.up()
    assert order(page) == ["0", "3", "2", "4", "1"]
    # Escape cancels a drag.
    drag(page, 0, 3, 0.8)
    page.keyboard.press("Escape")
    page.mouse.up()
    assert order(page) == ["0", "3", "2", "4", "1"]
    # While pictures are arranged, a click does not open them; their buttons move them.
    page.locator(".tile .pic-link").nth(1).click(position={"x": 30, "y": 30})
    with page.expect_response("**/arrange/**"):
        page.get_by_role("button", name="Move forward: By hand 4").click()
    assert order(page) == ["0", "3", "4", "2", "1"]
    expect(page.locator("#live")).to_have_text("Moved to place 3 of 5 shown.")
    page.get_by_role("button", name="Done").click()
    expect(page.get_by_role("button", name=re.compile("^Move (forward|back)"))).to_have_count(0)
    page.reload()
    assert order(page) == ["0", "3", "4", "2", "1"]

    # Keys work without the arrange mode.
    page.locator(".tile .pic-link").nth(1).focus()
    for _ in range(2):
        with page.expect_response("**/arrange/**"):
            page.keyboard.press("Alt+ArrowRight")
    assert order(page) == ["0", "4", "2", "3", "1"]
    expect(page.locator(".tile .pic-link").nth(3)).to_be_focused()
    with page.expect_response("**/arrange/**"):
        page.keyboard.press("Alt+ArrowLeft")
    assert order(page) == ["0", "4", "3", "2", "1"]
    page.reload()
    assert order(page) == ["0", "4", "3", "2", "1"]
    # A move that could not be saved is undone, and a message says so.
    page.context.set_offline(True)
    page.locator(".tile .pic-link").nth(0).focus()
    page.keyboard.press("Alt+ArrowRight")
    expect(page.locator(".toast")).to_contain_text("back in its place")
    page.context.set_offline(False)
    assert order(page) == ["0", "4", "3", "2", "1"]
    # Only the order by hand can be arranged.
    page.get_by_label("Sort").select_option(label="Newest")
    expect(page).to_have_url(re.compile("sort=newest"))
    expect(page.get_by_role("button", name="Arrange")).to_have_count(0)
    page.get_by_label("Sort").select_option(label="By hand")
    expect(page.get_by_role("button", name="Arrange")).to_be_visible()


def test_pictures_are_compared_side_by_side_and_overlaid(owner_page: Page, fill: Fill) -> None:
    page = owner_page
    page.goto(fill("Which one", 5))
    bar = page.get_by_role("form", name="With the selected pictures")
    compare = bar.get_by_role("button", name="Compare")
    for place in range(5):
        page.locator(".tile").nth(place).get_by_role("checkbox").check()
        expect(bar).to_contain_text(f"{place + 1} selected")
        assert compare.is_visible() == (2 <= place + 1 <= 4)
    for place in (4, 3, 2):
        page.locator(".tile").nth(place).get_by_role("checkbox").uncheck()
    compare.click()
    expect(page).to_have_title("Compare · Lemon Studio")
    expect(page.locator("#side-by-side figure")).to_have_count(2)
    expect(page.get_by_role("row", name=re.compile("^Prompt differs"))).to_be_visible()
    # Both are enlarged together, at the same place.
    page.keyboard.press("+")
    page.keyboard.press("+")
    page.wait_for_function("document.querySelectorAll('.pane[data-zoomed]').length === 2")
    transforms = page.locator(".pane-pic").evaluate_all("all => all.map((one) => one.style.transform)")
    assert len(set(transforms)) == 1
    page.keyboard.press("Escape")
    # A decision on this page is saved.
    page.get_by_role("button", name="Approved").nth(1).click()
    expect(page.get_by_role("button", name="Approved").nth(1)).to_have_attribute("aria-pressed", "true")

    page.get_by_role("button", name="Overlay").click()
    expect(page.locator("#side-by-side")).to_be_hidden()
    slider = page.get_by_role("slider", name="How much of picture 1 is seen")
    slider.focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    expect(slider).to_have_value("55")
    expect(page.locator(".over-pic").first).to_have_css("clip-path", "inset(0px 45% 0px 0px)")
    page.keyboard.press("Home")
    expect(page.locator(".over-pic").first).to_have_css("clip-path", "inset(0px 100% 0px 0px)")
    page.get_by_role("button", name="Side by side").click()
    expect(page.locator("#side-by-side")).to_be_visible()
    page.go_back()
    page.reload()
    expect(page.locator(".decision")).to_have_text("Approved")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_problems(scheme: str, set_up: Studio, browser: Browser, fill: Fill) -> None:
    address = fill(f"Looked at closely, {scheme}", 3)
    for width in (390, 1440):
        size = {"width": width, "height": 900}
        visit = Visit(browser, set_up, viewport=size, color_scheme=scheme, bypass_csp=True)
        page = visit.sign_in("olivia@example.org")
        page.goto(address)
        page.get_by_role("button", name="Arrange").click()
        violations = Axe().run(page).response["violations"]
        page.get_by_role("button", name="Done").click()
        ids = page.locator(".tile").evaluate_all("all => all.map((one) => one.id.replace('picture-', ''))")
        page.goto(f"/pictures/compare/?p={ids[0]}&p={ids[1]}&inside={address.split('/')[2]}")
        violations += Axe().run(page).response["violations"]
        page.get_by_role("button", name="Overlay").click()
        violations += Axe().run(page).response["violations"]
        overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.evaluate(overflow) <= 0
        visit.close()
        assert [(violation["id"], violation["nodes"][0]["html"][:200]) for violation in violations] == [], width
