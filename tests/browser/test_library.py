"""The library: searching and filtering many pictures, with mouse, keyboard and thumb."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from lemonstudio.processes.tree import Studio
from tests.browser.conftest import PASSWORD, Visit

EMAIL = "lina@example.org"
MANY = 130


@pytest.fixture(scope="module")
def library(set_up: Studio) -> Studio:
    """A studio in which Lina has many pictures."""
    set_up.shell(
        f"from gallery.models import Person; Person.objects.create_user('{EMAIL}', '{PASSWORD}', name='Lina Librarian')"
    )
    set_up.manage("make_pictures", str(MANY), "--files", "4", "--author", EMAIL)
    set_up.shell(
        "from gallery.models import *;"
        "Gallery.objects.filter(owner__name='Lina Librarian').update(shared_with_team=False);"
        "ones = Picture.objects.filter(author__name='Lina Librarian').order_by('-pk');"
        "[Generation.objects.filter(pictures=one).update(prompt=f'Quince {n}') for n, one in enumerate(ones[:3])];"
        "Picture.refresh_search_text([one.pk for one in ones[:3]])"
    )
    return set_up


def visit(library: Studio, browser: Browser, **options: Any) -> Iterator[Page]:
    session = Visit(browser, library, **options)
    page = session.sign_in(EMAIL)
    page.goto("/pictures/")
    yield page
    session.close()


@pytest.fixture
def page(library: Studio, browser: Browser) -> Iterator[Page]:
    yield from visit(library, browser)


@pytest.fixture
def phone(library: Studio, browser: Browser) -> Iterator[Page]:
    yield from visit(library, browser, viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)


def tiles(page: Page) -> Locator:
    return page.locator(".tiles .tile")


def search(page: Page, text: str) -> None:
    page.get_by_role("searchbox", name="Search").fill(text)


def filters(page: Page) -> Locator:
    panel = page.locator(".filters")
    if not panel.is_visible():
        page.get_by_text("Filters", exact=False).first.click()
    return panel


def chip(page: Page, name: str) -> Locator:
    return page.get_by_role("link", name=f"Take off: {name}")


def test_search_and_filters_are_added_and_removed(page: Page) -> None:
    expect(page).to_have_title("Pictures · Lemon Studio")
    expect(page.locator(".found-count")).to_have_text(f"{MANY} pictures")
    search(page, "qui")
    expect(tiles(page)).to_have_count(3)
    expect(page.locator(".found-count")).to_have_text("3 pictures")
    expect(page).to_have_url(re.compile(r"/pictures/\?q=qui$"))
    expect(page.locator("#live")).to_have_text("3 pictures")
    # Typing on makes no new history entry: one step back leads to the beginning.
    search(page, "quince 2")
    expect(tiles(page)).to_have_count(1)
    expect(page).to_have_url(re.compile(r"\?q=quince\+2$"))
    page.go_back()
    expect(page).to_have_url(re.compile(r"/pictures/$"))
    expect(page.locator(".found-count")).to_have_text(f"{MANY} pictures")
    expect(page.get_by_role("searchbox", name="Search")).to_have_value("")
    page.go_forward()
    expect(tiles(page)).to_have_count(1)
    expect(page.get_by_role("searchbox", name="Search")).to_have_value("quince 2")

    search(page, "quince")
    expect(tiles(page)).to_have_count(3)
    filters(page).get_by_label("Author").select_option(label="Lina Librarian (me)")
    expect(chip(page, "Author Lina Librarian (me)")).to_be_visible()
    expect(page.locator("#filter-count")).to_contain_text("1")
    filters(page).get_by_label("Tag").fill("nothing has this")
    filters(page).get_by_label("Tag").press("Tab")
    expect(page.get_by_role("heading", name="Nothing found")).to_be_visible()
    expect(page.locator("#live")).to_have_text("Nothing found")
    chip(page, "Tag nothing has this").click()
    expect(tiles(page)).to_have_count(3)
    # The panel stays open and shows the present filters; the focus is on a filter that remains.
    expect(filters(page).get_by_label("Tag")).to_have_value("")
    expect(filters(page).get_by_label("Author")).not_to_have_value("")
    expect(chip(page, "Author Lina Librarian (me)")).to_be_focused()
    page.get_by_role("link", name="Clear all").click()
    expect(page).to_have_url(re.compile(r"/pictures/$"))
    expect(page.locator(".found-count")).to_have_text(f"{MANY} pictures")
    expect(page.get_by_role("searchbox", name="Search")).to_be_focused()


def test_tag_filter_suggests_existing_tags(page: Page) -> None:
    tag = filters(page).get_by_label("Tag")
    tag.focus()
    expect(page.locator("#find-tags option[value='citrus']")).to_have_count(1)
    tag.fill("citrus")
    tag.press("Enter")
    expect(chip(page, "Tag citrus")).to_be_visible()
    expect(page.locator(".found-count")).not_to_have_text(f"{MANY} pictures")


def test_pictures_are_sorted(page: Page) -> None:
    search(page, "quince")
    expect(tiles(page)).to_have_count(3)
    newest = [tile.get_attribute("id") for tile in tiles(page).all()]
    page.get_by_label("Sort").select_option(label="Oldest")
    expect(page).to_have_url(re.compile("sort=oldest"))
    expect(tiles(page).first).to_have_id(newest[-1] or "")
    assert [tile.get_attribute("id") for tile in tiles(page).all()] == newest[::-1]


def test_search_is_saved_and_deleted(page: Page) -> None:
    search(page, "quince")
    expect(tiles(page)).to_have_count(3)
    page.get_by_text("Save this search").click()
    page.get_by_label("Name of the search").fill("My quinces")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".toast")).to_contain_text("Saved as “My quinces”.")
    # A second search with the same name is refused in the form.
    page.get_by_text("Save this search").click()
    page.get_by_label("Name of the search").fill("My quinces")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#search-errors")).to_contain_text("You have a saved search of this name already.")

    page.goto("/pictures/")
    page.get_by_text("Saved searches", exact=True).click()
    page.get_by_role("link", name="My quinces").click()
    expect(page).to_have_url(re.compile(r"\?q=quince$"))
    expect(tiles(page)).to_have_count(3)
    page.get_by_text("Saved searches", exact=True).click()
    page.get_by_role("button", name="Delete the saved search My quinces").click()
    expect(page.get_by_text("Saved searches", exact=True)).to_have_count(0)
    expect(page.locator(".toast").last).to_contain_text("is gone")


def load_down(page: Page, count: int) -> None:
    """Scroll until there are `count` pictures."""
    while tiles(page).count() < count:
        before = tiles(page).count()
        page.locator(".more").scroll_into_view_if_needed()
        page.wait_for_function("count => document.querySelectorAll('.tile').length > count", arg=before)


def test_bar_of_months_leads_to_a_month(page: Page) -> None:
    page.goto("/pictures/")
    bar, name = page.get_by_role("slider", name="Go to a month"), page.locator(".tiles .month").first
    box = bar.bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page).to_have_url(re.compile(r"\?after=\d+$"))
    expect(name).to_have_text(bar.get_attribute("aria-valuetext") or "")
    assert abs((name.bounding_box() or {"y": 999})["y"]) < 300
    middle = name.inner_text()
    # Keys lead on, and back to the beginning.
    bar.press("ArrowDown")
    expect(name).not_to_have_text(middle)
    expect(name).to_have_text(bar.get_attribute("aria-valuetext") or "")
    bar.press("Home")
    expect(page).to_have_url(re.compile("/pictures/$"))
    expect(bar).to_be_focused()


@pytest.mark.parametrize("how", ["back", "escape"])
def test_list_loads_more_and_keeps_its_place_on_return(page: Page, how: str) -> None:
    load_down(page, 100)
    expect(page).to_have_url(re.compile(r"\?shown=\d+$"))
    tile = tiles(page).nth(95)
    tile.scroll_into_view_if_needed()
    link = tile.locator(".pic-link")
    address, tile_id = link.get_attribute("href"), tile.get_attribute("id") or ""
    before = tile.bounding_box()
    link.click()
    page.wait_for_url(f"**{address}")
    if how == "back":
        page.go_back()
    else:
        expect(page.locator(".viewer")).to_be_visible()
        page.keyboard.press("Escape")
    page.wait_for_url("**/pictures/?shown=**")
    tile = page.locator(f"#{tile_id}")
    expect(tile).to_be_in_viewport()
    assert tiles(page).count() >= 96
    expect(tile.locator(".pic-link")).to_be_focused()
    after = tile.bounding_box()
    assert before
    assert after
    assert abs(before["y"] - after["y"]) < 40


def test_list_returns_far_down_without_loading_everything(library: Studio, browser: Browser) -> None:
    """A list that is too long to restore begins further down, with a link to the beginning."""
    for page in visit(library, browser):
        last = page.locator(".more").get_attribute("href") or ""
        page.goto(f"{last}&shown=40")
        expect(tiles(page)).to_have_count(40)
        page.get_by_role("link", name="Back to the beginning").click()
        expect(page).to_have_url(re.compile(r"/pictures/$"))


def test_size_of_the_tiles_is_remembered(page: Page) -> None:
    slider = page.get_by_role("slider", name="Size of the pictures")
    usual = tiles(page).first.bounding_box()
    slider.fill("1")
    page.wait_for_function("document.querySelector('.tiles').dataset.size === '1'")
    small = tiles(page).first.bounding_box()
    assert usual
    assert small
    assert small["height"] < usual["height"] * 0.7
    page.reload()
    # The server renders this size, before any script runs.
    expect(page.locator(".tiles[data-size='1']")).to_be_visible()
    expect(slider).to_have_value("1")
    slider.fill("3")


def test_library_works_with_the_keyboard_alone(page: Page) -> None:
    page.goto("/")
    # The page begins at the prompt.
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("p")
    expect(page).to_have_title("Pictures · Lemon Studio")
    page.wait_for_load_state()  # before that, no script hears the key
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox", name="Search")).to_be_focused()
    page.keyboard.type("quince")
    expect(tiles(page)).to_have_count(3)
    expect(page.get_by_role("searchbox", name="Search")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Search")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator(".filters")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_label("Model")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.locator(".filters")).to_be_hidden()

    links = page.locator(".pic-link")
    links.first.focus()
    page.keyboard.press("ArrowRight")
    expect(links.nth(1)).to_be_focused()
    page.keyboard.press("ArrowLeft")
    expect(links.first).to_be_focused()
    chip(page, "Search “quince”").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".found-count")).to_have_text(f"{MANY} pictures")
    links.first.focus()
    page.keyboard.press("ArrowDown")
    expect(links.first).not_to_be_focused()
    first, focused = tiles(page).first.bounding_box(), page.locator(".tile:focus-within").bounding_box()
    assert first
    assert focused
    assert focused["y"] > first["y"]
    page.keyboard.press("ArrowUp")
    expect(links.first).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".viewer")).to_be_visible()
    page.keyboard.press("Escape")
    expect(links.first).to_be_focused()


def test_library_works_with_a_thumb(phone: Page) -> None:
    expect(phone.get_by_role("link", name="Pictures", exact=True)).to_have_attribute("aria-current", "page")
    search(phone, "quince")
    expect(tiles(phone)).to_have_count(3)
    phone.get_by_text("Filters").first.tap()
    phone.get_by_label("Shape").select_option(label="Tall")
    expect(chip(phone, "Shape Tall")).to_be_visible()
    chip(phone, "Shape Tall").tap()
    expect(tiles(phone)).to_have_count(3)
    for target in (chip(phone, "Search “quince”"), phone.get_by_text("Filters").first, phone.get_by_label("Sort")):
        box = target.bounding_box()
        assert box
        assert box["height"] >= 44
    assert phone.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_gallery_is_filtered_and_keeps_its_place(page: Page, library: Studio) -> None:
    library.shell(
        "from gallery.models import *; from gallery.services.galleries import make_gallery;"
        f"person = Person.objects.get(email='{EMAIL}'); gallery = make_gallery(person, 'Sorted by hand');"
        "ones = zip(Picture.objects.filter(author=person).order_by('pk')[:3], ['draft', 'approved', 'draft']);"
        "[GalleryEntry.objects.create(gallery=gallery, picture=one, position=place, status=status)"
        " for place, (one, status) in enumerate(ones)]"
    )
    page.goto("/galleries/")
    page.get_by_role("link", name="Sorted by hand").click()
    expect(page.get_by_label("Sort")).to_have_value("hand")
    expect(tiles(page)).to_have_count(3)
    filters(page).get_by_label("Decision").select_option(label="Approved")
    expect(tiles(page)).to_have_count(1)
    expect(page).to_have_url(re.compile(r"/galleries/\d+/\?status=approved$"))
    chip(page, "Decision Approved").click()
    expect(tiles(page)).to_have_count(3)
    tiles(page).nth(1).locator(".pic-link").click()
    expect(page.locator(".viewer")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sorted by hand")
    expect(tiles(page).nth(1).locator(".pic-link")).to_be_focused()


def test_library_works_without_javascript(library: Studio, browser: Browser) -> None:
    """Plain forms and links replace the scripts."""
    session = Visit(browser, library, java_script_enabled=False)
    page = session.sign_in(EMAIL)
    page.goto("/pictures/")
    search(page, "quince")
    page.get_by_role("button", name="Search").click()
    expect(tiles(page)).to_have_count(3)
    page.get_by_text("Filters").first.click()
    page.get_by_label("Shape").select_option(label="Tall")
    page.get_by_role("button", name="Show pictures").click()
    expect(chip(page, "Shape Tall")).to_be_visible()
    chip(page, "Shape Tall").click()
    expect(tiles(page)).to_have_count(3)
    page.get_by_text("Save this search").click()
    page.get_by_label("Name of the search").fill("Plain")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".message")).to_contain_text("Saved as “Plain”.")
    page.get_by_role("link", name="Take off: Search “quince”").click()
    expect(page.locator(".found-count")).to_contain_text("pictures")
    page.get_by_role("link", name="Load more").click()
    expect(tiles(page).first).to_be_visible()
    page.get_by_role("link", name="Back to the beginning").click()
    expect(page).to_have_url(re.compile(r"/pictures/$"))
    session.close()
