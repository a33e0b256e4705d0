"""Showing a gallery to a guest, from making the share link to revoking it."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from lemonstudio.processes.tree import Studio, soon
from tests.browser.conftest import Visit
from tests.browser.test_accessibility import problems
from tests.browser.test_create import done, generate, save_to

PASSWORD = "open sesame"


@pytest.fixture
def gallery(owner_page: Page, set_up: Studio) -> str:
    """The address of a gallery with two pictures, which have their thumbnails."""
    page = owner_page
    page.goto("/galleries/")
    page.get_by_label("New gallery").fill("For the client")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("For the client")
    address = page.url
    page.goto("/")
    save_to(page, "For the client")
    for prompt in ("Nobody else's business, first", "Nobody else's business, second"):
        done(generate(page, prompt))
    ready = (
        "from gallery.models import Picture;"
        "print(Picture.objects.filter(galleries__name='For the client').exclude(thumbnails={}).count())"
    )
    soon(lambda: set_up.shell(ready) == "2", 30)
    return address


def problems_of(browser: Browser, studio: Studio, page: Page, addresses: list[str]) -> list[str]:
    """What axe finds at these addresses with the cookies of `page`, light and dark, on a desktop and on a phone."""
    found = []
    for scheme in ("light", "dark"):
        for width in (390, 1440):
            viewport = {"width": width, "height": 900}
            state = page.context.storage_state()
            # axe is injected into the page, which the policy would forbid.
            visit = Visit(browser, studio, viewport=viewport, color_scheme=scheme, bypass_csp=True, storage_state=state)
            for address in addresses:
                visit.page.goto(address)
                found += problems(visit.page)
                overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
                if visit.page.evaluate(overflow) > 0:
                    found.append(f"{address} scrolls sideways at {width}")
            visit.close()
    return found


SWIPE = """(stage, x) => {
  const to = (type, clientX) => stage.dispatchEvent(new PointerEvent(type, {
    pointerId: 1, pointerType: "touch", clientX, clientY: 200, bubbles: true, isPrimary: true,
  }));
  stage.setPointerCapture = () => {};
  to("pointerdown", 200); to("pointermove", 200 + x); to("pointerup", 200 + x);
}"""


def test_guest_uses_a_share_link_until_it_is_revoked(
    owner_page: Page, gallery: str, set_up: Studio, browser: Browser
) -> None:
    owner = owner_page
    owner.context.grant_permissions(["clipboard-read", "clipboard-write"])

    # Three presses from the gallery: Share, More for a password, Create link. It is copied at once.
    owner.goto(gallery)
    owner.get_by_role("link", name="Share").click()
    dialog = owner.get_by_role("dialog", name="Share “For the client”")
    expect(dialog.get_by_label("Name", exact=True)).to_have_value("Guests")
    dialog.get_by_text("More", exact=True).click()
    dialog.get_by_label("Password").fill(PASSWORD)
    dialog.get_by_label("Let them approve").check()
    dialog.get_by_role("button", name="Create link").click()
    expect(owner.get_by_text("Link copied.").first).to_be_visible()
    address = str(owner.evaluate("navigator.clipboard.readText()"))
    assert re.fullmatch(rf"{set_up.url}/s/[\w-]{{43}}/", address)
    expect(dialog.get_by_role("button", name="Copy link")).to_be_focused()
    # It can be copied again, on the page, too.
    links = f"{gallery}links/"
    owner.goto(links)
    owner.evaluate("navigator.clipboard.writeText('')")
    owner.get_by_role("button", name="Copy the link for Guests").click()
    expect(owner.get_by_text("Copied.").first).to_be_visible()
    assert owner.evaluate("navigator.clipboard.readText()") == address
    expect(owner.locator(".link")).to_contain_text("not visited yet")

    # A guest opens it on a phone.
    visit = Visit(browser, set_up, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    guest = visit.page
    guest.goto(address)
    assert problems_of(browser, set_up, guest, [address]) == []
    guest.get_by_label("Password").fill("perhaps this one")
    guest.get_by_role("button", name="Open").click()
    expect(guest.locator("main")).to_contain_text("This is not the password")
    guest.get_by_label("Password").fill(PASSWORD)
    guest.get_by_role("button", name="Open").click()
    expect(guest.get_by_role("heading", level=1)).to_have_text("For the client")
    tiles = guest.locator(".tile .pic img")
    expect(tiles).to_have_count(2)
    tiles.first.scroll_into_view_if_needed()
    expect(tiles.first).to_have_js_property("complete", True)
    assert tiles.first.evaluate("image => image.naturalWidth") > 0

    # The first heart on the wall asks for a name, and stands below the picture where one touches.
    first_tile = guest.locator(".tile").first
    heart = first_tile.get_by_role("button", name="Like: Picture 1")
    picture_box, heart_box = first_tile.locator(".pic").bounding_box(), heart.bounding_box()
    assert picture_box
    assert heart_box
    assert heart_box["y"] >= picture_box["y"] + picture_box["height"]
    heart.tap()
    asked = guest.get_by_role("dialog", name="Who are you?")
    expect(asked.get_by_label("Your name")).to_be_focused()
    asked.get_by_label("Your name").fill("Rosa")
    asked.get_by_role("button", name="Like it").tap()
    expect(asked).to_be_hidden()
    expect(heart).to_have_attribute("aria-pressed", "true")
    expect(guest.get_by_role("navigation", name="Your choices")).to_contain_text("You liked 1")

    # A picture comes up over the wall. The guest moves between pictures by swipe and key, and looks closely.
    first_tile.locator(".pic-link").tap()
    expect(guest).to_have_title("Picture 1 of 2 · For the client")
    first = guest.url
    stage = guest.locator("#lightbox .stage")
    stage.evaluate(SWIPE, -120)
    expect(guest).to_have_title("Picture 2 of 2 · For the client")
    guest.keyboard.press("ArrowLeft")
    expect(guest).to_have_title("Picture 1 of 2 · For the client")
    guest.keyboard.press("+")
    expect(stage).to_have_attribute("data-zoomed", "")
    guest.keyboard.press("0")
    assert "business" not in guest.content()

    # The guest asks for changes and comments. Closed, the wall shows it, at its own address.
    box = guest.locator("#lightbox")
    expect(box.get_by_role("button", name="You like it")).to_have_attribute("aria-pressed", "true")
    box.get_by_label("Note").fill("A little warmer")
    box.get_by_role("button", name="Ask for changes").click()
    expect(box.get_by_role("button", name="Changes wanted")).to_be_focused()
    box.get_by_label("Your comment").fill("This one, please.\nA little brighter?")
    box.get_by_role("button", name="Comment").click()
    expect(box.locator(".comment")).to_contain_text("A little brighter?")
    expect(box.get_by_label("Your comment")).to_have_value("")
    box.get_by_role("link", name="Close").click()
    expect(guest).to_have_url(address)
    expect(first_tile).to_contain_text("Changes wanted")
    guest.get_by_role("link", name="You liked 1").click()
    expect(guest.locator(".tile")).to_have_count(1)
    assert problems_of(browser, set_up, guest, [address, f"{address}?mine=like", first]) == []
    guest.goto(first)
    expect(guest.locator(".comment")).to_have_count(1)

    # The owner sees that, and comments for the team only.
    owner.goto(gallery)
    chosen = owner.get_by_role("navigation", name="What guests chose")
    chosen.get_by_role("link", name="Changes wanted 1").click()
    expect(owner.locator(".tile")).to_have_count(1)
    assert problems_of(browser, set_up, owner, [gallery, f"{gallery}?choice=changes"]) == []
    owner.locator(".tile .pic-link").first.click()
    talk = owner.get_by_role("region", name="Comments in For the client")
    expect(talk).to_contain_text("Liked by Rosa guest")
    expect(talk).to_contain_text("Changes wanted: Rosa guest A little warmer")
    expect(talk.locator(".comment")).to_contain_text("This one, please.")
    talk.get_by_role("textbox").fill("Cheaper than I feared")
    talk.get_by_role("button", name="Comment in For the client").click()
    expect(talk.locator(".comment")).to_have_count(2)
    picture = owner.url
    owner.goto(links)
    expect(owner.locator(".link")).to_contain_text("1 visit")
    assert problems_of(browser, set_up, owner, [links, picture]) == []
    guest.reload()
    expect(guest.locator(".comment")).to_have_count(1)
    owner.goto(picture)
    talk.get_by_role("button", name="Delete the comment by Olivia Owner").click()
    question = owner.get_by_role("dialog", name="Delete this comment?")
    expect(question.get_by_role("button", name="Keep")).to_be_focused()
    question.get_by_role("button", name="Delete").click()
    expect(talk.locator(".comment")).to_have_count(1)

    # The owner revokes the link, and its files are gone too.
    file = guest.locator(".stage-pic img").evaluate("image => image.currentSrc")
    owner.goto(links)
    owner.get_by_role("button", name="Revoke the link for Guests").click()
    expect(owner.locator(".messages")).to_contain_text("Revoked")
    owner.get_by_text("Ended links").click()
    expect(owner.locator(".links-over")).to_contain_text("Guests")
    answer = guest.reload()
    assert answer is not None
    assert answer.status == 410
    expect(guest).to_have_title(re.compile("^This has been taken down"))
    assert guest.evaluate("async (file) => (await fetch(file)).status", file) == 410
    assert problems_of(browser, set_up, guest, [address]) == []
    visit.close()
