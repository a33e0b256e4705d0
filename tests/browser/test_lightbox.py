"""A picture over the list that it was opened from: mouse, keys, thumb; its address; and the way back."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect

from lemonstudio.processes.tree import Studio
from tests.browser.conftest import PASSWORD, Visit

EMAIL = "lea@example.org"
MANY = 60
# Large, so that its thumbnails have fewer pixels; its own colour tells it apart.
MAKE = f"""
import hashlib, io
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from PIL import Image
from gallery.models import Generation, ImageModel, Person, Picture
person = Person.objects.create_user({EMAIL!r}, {PASSWORD!r}, name="Lea Looker")
model = ImageModel.objects.get(slug="flux-pro")
for number in range({MANY}):
    wide = number % 3 == 0
    size = (1600, 1000) if wide else (1000, 1400)
    def file(width):
        kept = io.BytesIO()
        colour = (4 * number, 90, 200 - 3 * number)
        Image.new("RGB", (width, width * size[1] // size[0]), colour).save(kept, "WEBP", quality=10)
        return ContentFile(kept.getvalue())
    prompt = f"Looked at {{number}}"
    generation = Generation.objects.create(author=person, model=model, prompt=prompt, state="completed")
    picture = Picture.objects.create(
        generation=generation, index=0, author=person, width=size[0], height=size[1], format="WEBP", byte_size=1,
        sha256=hashlib.sha256(prompt.encode()).hexdigest(), placeholder=["#fff"] * 4, thumbnails={{"webp": [320]}},
        original=default_storage.save("pictures/looked-at.webp", file(size[0])),
    )
    default_storage.save(picture.thumbnail_name(320, "webp"), file(320))
"""


@pytest.fixture(scope="module")
def looked_at(set_up: Studio) -> Studio:
    set_up.shell(MAKE)
    return set_up


def visit(looked_at: Studio, browser: Browser, **options: Any) -> Iterator[Page]:
    one = Visit(browser, looked_at, **options)
    page = one.sign_in(EMAIL)
    page.goto("/pictures/")
    yield page
    one.close()


@pytest.fixture
def page(looked_at: Studio, browser: Browser) -> Iterator[Page]:
    yield from visit(looked_at, browser)


@pytest.fixture
def phone(looked_at: Studio, browser: Browser) -> Iterator[Page]:
    yield from visit(looked_at, browser, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)


def link(page: Page, place: int) -> Locator:
    return page.locator(".tile:visible .pic-link").nth(place)


def box(page: Page) -> Locator:
    return page.locator("#lightbox")


def shows(page: Page, number: int) -> None:
    """The newest has the highest number."""
    expect(page.locator(".viewer #prompt-text")).to_have_text(f"Looked at {number}")


def scale(page: Page) -> float:
    matrix = page.locator(".viewer .stage-pic").evaluate("pic => getComputedStyle(pic).transform")
    return float(matrix.removeprefix("matrix(").split(",")[0]) if matrix != "none" else 1.0


def test_over_the_list_and_back_to_the_same_place(page: Page) -> None:
    page.locator(".more").scroll_into_view_if_needed()
    expect(page.locator(".tile")).to_have_count(MANY)
    tile = page.locator(".tile").nth(45)
    tile.scroll_into_view_if_needed()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    address, before = page.url, tile.bounding_box()
    expect(page).to_have_title("Pictures · Lemon Studio")

    link(page, 45).click()
    expect(box(page)).to_be_visible()
    shows(page, MANY - 46)
    expect(page).to_have_url(re.compile(r"/pictures/\d+/\?in=library$"))
    expect(page).to_have_title(re.compile(r"^Looked at \d+ · Lemon Studio$"))
    # Along the list by key, button and strip; one step back is the list all the same.
    page.keyboard.press("ArrowRight")
    shows(page, MANY - 47)
    box(page).get_by_role("link", name="Previous picture").click()
    shows(page, MANY - 46)
    expect(box(page).get_by_role("link", name="Previous picture")).to_be_focused()
    strip = box(page).get_by_role("navigation", name="Pictures")
    expect(strip.get_by_role("link")).to_have_count(15)
    strip.get_by_role("link", name="Looked at 12").click()
    shows(page, 12)
    expect(strip.locator("[aria-current=true]")).to_be_focused()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    shows(page, MANY - 46)
    page.go_back()
    expect(box(page)).to_be_hidden()
    expect(page).to_have_url(address)
    expect(page).to_have_title("Pictures · Lemon Studio")
    expect(link(page, 45)).to_be_focused()
    after = tile.bounding_box()
    assert before
    assert after
    assert abs(before["y"] - after["y"]) < 40
    page.go_forward()
    shows(page, MANY - 46)
    page.keyboard.press("Escape")
    expect(box(page)).to_be_hidden()
    expect(page).to_have_url(address)
    expect(link(page, 45)).to_be_focused()
    assert not [url for url in asked if url.partition("?")[0].endswith("/pictures/")], "the list was there all the time"


def test_the_next_one_is_there_before_it_is_asked_for(page: Page) -> None:
    link(page, 3).click()
    shows(page, MANY - 4)
    ahead = box(page).locator("picture[hidden] img")
    page.wait_for_function("img => img.complete && img.naturalWidth > 0", arg=ahead.element_handle())
    fetched = ahead.evaluate("img => img.currentSrc")
    page.keyboard.press("ArrowRight")
    shows(page, MANY - 5)
    assert box(page).locator(".stage-pic img").evaluate("img => img.currentSrc") == fetched


def test_keys_in_the_grid_and_over_it(page: Page) -> None:
    link(page, 0).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    shows(page, MANY - 2)
    expect(page.locator("#lightbox .favourite button")).to_have_attribute("aria-pressed", "false")
    page.keyboard.press("f")
    expect(page.locator("#lightbox .favourite button")).to_have_attribute("aria-pressed", "true")
    # What is said beside it makes room, and comes back.
    page.keyboard.press("i")
    expect(page.locator("#facts")).to_be_hidden()
    page.keyboard.press("ArrowRight")
    shows(page, MANY - 3)
    expect(page.locator("#facts")).to_be_hidden()
    page.keyboard.press("i")
    expect(page.locator("#facts")).to_be_visible()
    # A dialog over the dialog closes alone.
    page.keyboard.press("s")
    expect(page.locator("#dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#dialog")).to_be_hidden()
    expect(box(page)).to_be_visible()
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#keys")).to_be_hidden()
    # Into the trash and on to the next one; Undo is within reach.
    page.keyboard.press("Delete")
    shows(page, MANY - 4)
    page.locator(".toast").get_by_role("button", name="Undo").click()
    expect(page.locator("#live")).to_contain_text("taken out of the trash")
    shows(page, MANY - 3)
    page.keyboard.press("Escape")
    expect(box(page)).to_be_hidden()
    expect(link(page, 2)).to_be_focused()
    # The list has kept up.
    expect(page.locator(".tile").nth(1).get_by_role("button", name="Favourite")).to_have_attribute(
        "aria-pressed", "true"
    )
    page.keyboard.press("i")
    shows(page, MANY - 3)
    page.keyboard.press("Escape")
    expect(link(page, 2)).to_be_focused()
    page.keyboard.press("s")
    expect(page.locator("#dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#dialog")).to_be_hidden()
    link(page, 2).focus()
    page.keyboard.press("r")
    expect(page).to_have_url(re.compile(r"/\?remix=\d+$"))


def test_a_closer_look(page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    # A wide one.
    link(page, 2).click()
    shows(page, MANY - 3)
    percent = page.locator("[data-zoom-percent]")
    whole = percent.text_content()
    assert not [url for url in asked if "/original/" in url], "the thumbnail is enough so far"
    page.keyboard.press("+")
    expect(percent).not_to_have_text(whole or "")
    assert scale(page) == pytest.approx(1.5)
    # What the thumbnail has too few pixels for comes from the original.
    expect(page.locator(".stage-pic .original")).to_have_count(1)
    address = page.url
    page.keyboard.press("+")
    before = page.locator(".stage-pic").bounding_box()
    page.keyboard.press("ArrowRight")
    after = page.locator(".stage-pic").bounding_box()
    assert before
    assert after
    assert after["x"] < before["x"], "it moves, and is no other picture"
    assert page.url == address
    page.keyboard.press("Escape")
    assert scale(page) == 1
    expect(box(page)).to_be_visible()
    # By the mouse: a click nearer and a click away, the wheel, dragging.
    pic = page.locator(".stage-pic")
    pic.click(position={"x": 60, "y": 60})
    assert scale(page) >= 2
    middle = page.locator(".stage").bounding_box()
    assert middle
    x, y = middle["x"] + middle["width"] / 2, middle["y"] + middle["height"] / 2
    before = pic.bounding_box()
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 80, y - 40, steps=4)
    page.mouse.up()
    after = pic.bounding_box()
    assert before
    assert after
    assert after["x"] == pytest.approx(before["x"] - 80, abs=2)
    assert scale(page) >= 2, "that was no click"
    page.mouse.click(x, y)
    assert scale(page) == 1
    page.mouse.wheel(0, -300)
    page.wait_for_function("document.querySelector('.stage').hasAttribute('data-zoomed')")
    box(page).get_by_role("button", name="Show all of it").click()
    assert scale(page) == 1
    box(page).get_by_role("button", name="Zoom in").click()
    assert scale(page) > 1
    page.keyboard.press("0")
    assert scale(page) == 1
    page.keyboard.press("Escape")
    expect(box(page)).to_be_hidden()


def test_the_address_is_a_page_of_its_own(page: Page, looked_at: Studio, browser: Browser) -> None:
    page.goto("/pictures/?q=looked&sort=oldest")
    with page.context.expect_page() as opened:
        link(page, 3).click(modifiers=["Control"])
    other = opened.value
    other.wait_for_load_state()
    shows(other, 3)
    assert other.url.endswith("?in=library&q=looked&sort=oldest")
    expect(other.locator("#lightbox")).to_have_count(0)
    other.close()
    expect(box(page)).to_have_count(0)

    link(page, 3).click()
    shows(page, 3)
    page.keyboard.press("ArrowRight")
    shows(page, 4)
    page.reload()
    shows(page, 4)
    expect(box(page)).to_have_count(0)
    page.keyboard.press("ArrowRight")
    shows(page, 5)
    page.go_back()
    shows(page, 4)
    # Behind it lies the list, which is loaded anew.
    page.go_back()
    expect(page).to_have_url(re.compile(r"/pictures/\?q=looked&sort=oldest$"))
    expect(page.locator(".tile").first).to_be_visible()
    link(page, 1).click()
    shows(page, 1)
    page.go_back()
    expect(box(page)).to_be_hidden()

    # Signed out meanwhile: the sign-in page, and then the picture.
    page.context.clear_cookies()
    link(page, 2).click()
    expect(page.get_by_label("Password")).to_be_visible()
    assert "/login/?next=/pictures/" in page.url

    one = Visit(browser, looked_at, java_script_enabled=False)
    plain = one.sign_in(EMAIL)
    plain.goto("/pictures/?q=looked")
    link(plain, 0).click()
    shows(plain, MANY - 1)
    plain.get_by_role("link", name="Next picture").click()
    shows(plain, MANY - 2)
    plain.get_by_role("link", name="Back", exact=True).click()
    expect(plain).to_have_url(re.compile(r"/pictures/\?q=looked$"))
    one.close()


SWIPE = """([from, to]) => {
  const stage = document.querySelector(".viewer .stage");
  const send = (type, x) => stage.querySelector(".stage-pic img").dispatchEvent(new PointerEvent(type, {
    bubbles: true, cancelable: true, pointerId: 7, pointerType: "touch", isPrimary: true, clientX: x, clientY: 300,
  }));
  stage.setPointerCapture = () => {};
  send("pointerdown", from);
  for (let part = 1; part <= 5; part++) send("pointermove", from + ((to - from) * part) / 5);
  send("pointerup", to);
}"""
PINCH = """() => {
  const stage = document.querySelector(".viewer .stage");
  stage.setPointerCapture = () => {};
  const send = (type, id, x) => stage.querySelector(".stage-pic img").dispatchEvent(new PointerEvent(type, {
    bubbles: true, cancelable: true, pointerId: id, pointerType: "touch", isPrimary: id === 1, clientX: x, clientY: 300,
  }));
  send("pointerdown", 1, 180);
  send("pointerdown", 2, 220);
  for (let part = 1; part <= 5; part++) {
    send("pointermove", 1, 180 - 12 * part);
    send("pointermove", 2, 220 + 12 * part);
  }
  send("pointerup", 1, 120);
  send("pointerup", 2, 280);
}"""


def test_with_a_thumb(phone: Page) -> None:
    page = phone
    link(page, 4).tap()
    shows(page, MANY - 5)
    page.evaluate(SWIPE, [300, 120])
    shows(page, MANY - 6)
    page.evaluate(SWIPE, [120, 300])
    shows(page, MANY - 5)
    page.evaluate(SWIPE, [200, 180])
    assert scale(page) == 1
    page.evaluate(PINCH)
    assert scale(page) > 2
    # Now a finger moves the picture.
    page.evaluate(SWIPE, [300, 120])
    shows(page, MANY - 5)
    page.locator(".viewer").get_by_role("button", name="Show all of it").tap()
    assert scale(page) == 1
    for _ in range(2):
        page.locator(".stage-pic").tap(position={"x": 100, "y": 80})
    assert scale(page) >= 2
    for target in page.locator(".stage-nav :is(a, button):visible").all():
        size = target.bounding_box()
        assert size
        assert min(size["width"], size["height"]) >= 42
    page.get_by_role("link", name="Close").tap()
    expect(box(page)).to_be_hidden()
    expect(page).to_have_url(re.compile(r"/pictures/$"))
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_the_dialog(scheme: str, looked_at: Studio, browser: Browser) -> None:
    for width in (390, 1440):
        size = {"width": width, "height": 900}
        for page in visit(looked_at, browser, viewport=size, color_scheme=scheme, bypass_csp=True):
            link(page, 1).click()
            shows(page, MANY - 2)
            found = [(one["id"], one["nodes"][0]["html"][:200]) for one in Axe().run(page).response["violations"]]
            assert found == [], width
