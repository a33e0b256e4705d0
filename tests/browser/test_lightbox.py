"""The lightbox: a picture over its list, with mouse, keys and thumb; its address; and the way back."""

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
# Pictures that are larger than their thumbnails, each in a different colour.
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
def studio(set_up: Studio) -> Studio:
    set_up.shell(MAKE)
    return set_up


def visit(studio: Studio, browser: Browser, **options: Any) -> Iterator[Page]:
    session = Visit(browser, studio, **options)
    page = session.sign_in(EMAIL)
    page.goto("/pictures/")
    yield page
    session.close()


@pytest.fixture
def page(studio: Studio, browser: Browser) -> Iterator[Page]:
    yield from visit(studio, browser)


@pytest.fixture
def phone(studio: Studio, browser: Browser) -> Iterator[Page]:
    yield from visit(studio, browser, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)


def link(page: Page, place: int) -> Locator:
    return page.locator(".tile:visible .pic-link").nth(place)


def lightbox(page: Page) -> Locator:
    return page.locator("#lightbox")


def expect_picture(page: Page, number: int) -> None:
    """Wait until the viewer shows picture `number`. The newest has the highest number."""
    expect(page.locator(".viewer #prompt-text")).to_have_text(f"Looked at {number}")


def scale(page: Page) -> float:
    matrix = page.locator(".viewer .stage-pic").evaluate("pic => getComputedStyle(pic).transform")
    return float(matrix.removeprefix("matrix(").split(",")[0]) if matrix != "none" else 1.0


def test_lightbox_opens_over_the_list_and_returns_to_the_same_place(page: Page) -> None:
    page.locator(".more").scroll_into_view_if_needed()
    expect(page.locator(".tile")).to_have_count(MANY)
    tile = page.locator(".tile").nth(45)
    tile.scroll_into_view_if_needed()
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    address, before = page.url, tile.bounding_box()
    expect(page).to_have_title("Pictures · Lemon Studio")

    link(page, 45).click()
    expect(lightbox(page)).to_be_visible()
    expect_picture(page, MANY - 46)
    expect(page).to_have_url(re.compile(r"/pictures/\d+/\?in=library$"))
    expect(page).to_have_title(re.compile(r"^Looked at \d+ · Lemon Studio$"))
    # Move along the list by key, button and strip; one step back still leads to the list.
    page.keyboard.press("ArrowRight")
    expect_picture(page, MANY - 47)
    lightbox(page).get_by_role("link", name="Previous picture").click()
    expect_picture(page, MANY - 46)
    expect(lightbox(page).get_by_role("link", name="Previous picture")).to_be_focused()
    strip = lightbox(page).get_by_role("navigation", name="Pictures")
    expect(strip.get_by_role("link")).to_have_count(15)
    strip.get_by_role("link", name="Looked at 12").click()
    expect_picture(page, 12)
    expect(strip.locator("[aria-current=true]")).to_be_focused()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect_picture(page, MANY - 46)
    page.go_back()
    expect(lightbox(page)).to_be_hidden()
    expect(page).to_have_url(address)
    expect(page).to_have_title("Pictures · Lemon Studio")
    expect(link(page, 45)).to_be_focused()
    after = tile.bounding_box()
    assert before
    assert after
    assert abs(before["y"] - after["y"]) < 40
    page.go_forward()
    expect_picture(page, MANY - 46)
    page.keyboard.press("Escape")
    expect(lightbox(page)).to_be_hidden()
    expect(page).to_have_url(address)
    expect(link(page, 45)).to_be_focused()
    assert not [url for url in requests if url.partition("?")[0].endswith("/pictures/")], "the list was not reloaded"


def test_next_picture_is_preloaded(page: Page) -> None:
    link(page, 3).click()
    expect_picture(page, MANY - 4)
    ahead = lightbox(page).locator("picture[hidden] img")
    page.wait_for_function("img => img.complete && img.naturalWidth > 0", arg=ahead.element_handle())
    fetched = ahead.evaluate("img => img.currentSrc")
    page.keyboard.press("ArrowRight")
    expect_picture(page, MANY - 5)
    assert lightbox(page).locator(".stage-pic img").evaluate("img => img.currentSrc") == fetched


def test_keys_work_in_the_grid_and_in_the_lightbox(page: Page) -> None:
    link(page, 0).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect_picture(page, MANY - 2)
    expect(page.locator("#lightbox .favourite button")).to_have_attribute("aria-pressed", "false")
    page.keyboard.press("f")
    expect(page.locator("#lightbox .favourite button")).to_have_attribute("aria-pressed", "true")
    # The facts beside the picture can be hidden and shown.
    page.keyboard.press("i")
    expect(page.locator("#facts")).to_be_hidden()
    page.keyboard.press("ArrowRight")
    expect_picture(page, MANY - 3)
    expect(page.locator("#facts")).to_be_hidden()
    page.keyboard.press("i")
    expect(page.locator("#facts")).to_be_visible()
    # A dialog over the lightbox closes alone.
    page.keyboard.press("s")
    expect(page.locator("#dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#dialog")).to_be_hidden()
    expect(lightbox(page)).to_be_visible()
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#keys")).to_be_hidden()
    # Delete puts a picture into the trash and shows the next one; Undo is offered.
    page.keyboard.press("Delete")
    expect_picture(page, MANY - 4)
    page.locator(".toast").get_by_role("button", name="Undo").click()
    expect(page.locator("#live")).to_contain_text("taken out of the trash")
    expect_picture(page, MANY - 3)
    page.keyboard.press("Escape")
    expect(lightbox(page)).to_be_hidden()
    expect(link(page, 2)).to_be_focused()
    # The list is up to date.
    expect(page.locator(".tile").nth(1).get_by_role("button", name="Favourite")).to_have_attribute(
        "aria-pressed", "true"
    )
    page.keyboard.press("i")
    expect_picture(page, MANY - 3)
    page.keyboard.press("Escape")
    expect(link(page, 2)).to_be_focused()
    page.keyboard.press("s")
    expect(page.locator("#dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#dialog")).to_be_hidden()
    link(page, 2).focus()
    page.keyboard.press("r")
    expect(page).to_have_url(re.compile(r"/\?remix=\d+$"))


def test_picture_is_zoomed_and_moved(page: Page) -> None:
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    # Picture 2 of the list is wide.
    link(page, 2).click()
    expect_picture(page, MANY - 3)
    percent = page.locator("[data-zoom-percent]")
    unzoomed = percent.text_content()
    assert not [url for url in requests if "/original/" in url], "the thumbnail is enough so far"
    page.keyboard.press("+")
    expect(percent).not_to_have_text(unzoomed or "")
    assert scale(page) == pytest.approx(1.5)
    # The thumbnail has too few pixels now, so the original is loaded.
    expect(page.locator(".stage-pic .original")).to_have_count(1)
    address = page.url
    page.keyboard.press("+")
    before = page.locator(".stage-pic").bounding_box()
    page.keyboard.press("ArrowRight")
    after = page.locator(".stage-pic").bounding_box()
    assert before
    assert after
    assert after["x"] < before["x"], "the key moves the picture"
    assert page.url == address
    page.keyboard.press("Escape")
    assert scale(page) == 1
    expect(lightbox(page)).to_be_visible()
    # The mouse zooms in and out by clicks and by the wheel, and drags.
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
    assert scale(page) >= 2, "dragging is not a click"
    page.mouse.click(x, y)
    assert scale(page) == 1
    page.mouse.wheel(0, -300)
    page.wait_for_function("document.querySelector('.stage').hasAttribute('data-zoomed')")
    lightbox(page).get_by_role("button", name="Show all of it").click()
    assert scale(page) == 1
    lightbox(page).get_by_role("button", name="Zoom in").click()
    assert scale(page) > 1
    page.keyboard.press("0")
    assert scale(page) == 1
    page.keyboard.press("Escape")
    expect(lightbox(page)).to_be_hidden()


def test_address_works_as_a_page(page: Page, studio: Studio, browser: Browser) -> None:
    page.goto("/pictures/?q=looked&sort=oldest")
    with page.context.expect_page() as opened:
        link(page, 3).click(modifiers=["Control"])
    other = opened.value
    other.wait_for_load_state()
    expect_picture(other, 3)
    assert other.url.endswith("?in=library&q=looked&sort=oldest")
    expect(other.locator("#lightbox")).to_have_count(0)
    other.close()
    expect(lightbox(page)).to_have_count(0)

    link(page, 3).click()
    expect_picture(page, 3)
    page.keyboard.press("ArrowRight")
    expect_picture(page, 4)
    page.reload()
    expect_picture(page, 4)
    expect(lightbox(page)).to_have_count(0)
    page.keyboard.press("ArrowRight")
    expect_picture(page, 5)
    page.go_back()
    expect_picture(page, 4)
    # The next step back is the list, which is loaded again.
    page.go_back()
    expect(page).to_have_url(re.compile(r"/pictures/\?q=looked&sort=oldest$"))
    expect(page.locator(".tile").first).to_be_visible()
    link(page, 1).click()
    expect_picture(page, 1)
    page.go_back()
    expect(lightbox(page)).to_be_hidden()

    # After signing out, the link leads to the sign-in page.
    page.context.clear_cookies()
    link(page, 2).click()
    expect(page.get_by_label("Password")).to_be_visible()
    assert "/login/?next=/pictures/" in page.url

    session = Visit(browser, studio, java_script_enabled=False)
    plain = session.sign_in(EMAIL)
    plain.goto("/pictures/?q=looked")
    link(plain, 0).click()
    expect_picture(plain, MANY - 1)
    plain.get_by_role("link", name="Next picture").click()
    expect_picture(plain, MANY - 2)
    plain.get_by_role("link", name="Back", exact=True).click()
    expect(plain).to_have_url(re.compile(r"/pictures/\?q=looked$"))
    session.close()


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


def test_lightbox_works_with_a_thumb(phone: Page) -> None:
    page = phone
    link(page, 4).tap()
    expect_picture(page, MANY - 5)
    page.evaluate(SWIPE, [300, 120])
    expect_picture(page, MANY - 6)
    page.evaluate(SWIPE, [120, 300])
    expect_picture(page, MANY - 5)
    page.evaluate(SWIPE, [200, 180])
    assert scale(page) == 1
    page.evaluate(PINCH)
    assert scale(page) > 2
    # In a zoomed picture, a finger moves it.
    page.evaluate(SWIPE, [300, 120])
    expect_picture(page, MANY - 5)
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
    expect(lightbox(page)).to_be_hidden()
    expect(page).to_have_url(re.compile(r"/pictures/$"))
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_problems_in_the_lightbox(scheme: str, studio: Studio, browser: Browser) -> None:
    for width in (390, 1440):
        size = {"width": width, "height": 900}
        for page in visit(studio, browser, viewport=size, color_scheme=scheme, bypass_csp=True):
            link(page, 1).click()
            expect_picture(page, MANY - 2)
            violations = Axe().run(page).response["violations"]
            assert [(violation["id"], violation["nodes"][0]["html"][:200]) for violation in violations] == [], width
