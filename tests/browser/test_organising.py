"""Favourites, ratings, tags, the trash and the selection, with the mouse and with the keyboard."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from lemonstudio.processes.tree import Studio
from tests.browser.test_create import done, generate

Fill = Callable[..., str]
MAKE = """
import hashlib, io
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from PIL import Image
from gallery.models import Gallery, GalleryEntry, Generation, ImageModel, Person, Picture
person = Person.objects.get(email="olivia@example.org")
gallery = Gallery.objects.create(owner=person, name={name!r})
for number in range({count}):
    file = io.BytesIO()
    Image.new("RGB", (64, 48), (20 * number, 90, 120)).save(file, "PNG")
    model = ImageModel.objects.get(slug="flux-pro")
    prompt = f"{name} {{number}}"
    generation = Generation.objects.create(author=person, model=model, prompt=prompt, state="completed")
    picture = Picture.objects.create(
        generation=generation, index=0, author=person, width=64, height=48, format="PNG", byte_size=1,
        sha256=hashlib.sha256(prompt.encode()).hexdigest(), placeholder=["#fff"] * 4,
        original=default_storage.save("pictures/kept.png", ContentFile(file.getvalue())),
    )
    GalleryEntry.objects.create(gallery=gallery, picture=picture)
print(f"gallery {{gallery.pk}}")
"""


@pytest.fixture
def fill(set_up: Studio) -> Fill:
    """Make a gallery of the owner's with `count` pictures; return its address."""

    def make(name: str, count: int) -> str:
        output = set_up.shell(MAKE.format(name=name, count=count))
        match = re.search(r"gallery (\d+)", str(output))
        assert match, output
        return f"/galleries/{match[1]}/"

    return make


def tiles(page: Page) -> Locator:
    return page.locator(".tile:visible")


def checkbox(page: Page, place: int) -> Locator:
    return tiles(page).nth(place).get_by_role("checkbox")


def open_first(page: Page) -> None:
    """Open the page of the first picture, not the lightbox. Its keys work once it is loaded."""
    page.goto(tiles(page).nth(0).get_by_role("link").first.get_attribute("href") or "")


def undo(page: Page) -> None:
    page.locator(".toast").get_by_role("button", name="Undo").click()


def test_favourite_is_set_by_mouse_and_key(owner_page: Page, fill: Fill) -> None:
    page = owner_page
    page.goto(fill("Hearts", 2))
    first, second = tiles(page).nth(0), tiles(page).nth(1)
    first.hover()
    heart = first.get_by_role("button", name="Favourite")
    heart.click()
    expect(heart).to_have_attribute("aria-pressed", "true")
    second.get_by_role("link").first.focus()
    page.keyboard.press("f")
    expect(second.get_by_role("button", name="Favourite")).to_have_attribute("aria-pressed", "true")
    page.reload()
    expect(page.locator(".tile .favourite [aria-pressed=true]")).to_have_count(2)
    # The key also works on the picture's page.
    open_first(page)
    heart = page.locator(".viewer .favourite button")
    expect(heart).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("f")
    expect(heart).to_have_attribute("aria-pressed", "false")
    expect(heart).to_have_text("Favourite")
    page.keyboard.press("f")
    expect(heart).to_have_attribute("aria-pressed", "true")


def test_rating_is_set_by_digits_and_arrows(owner_page: Page, fill: Fill) -> None:
    page = owner_page
    page.goto(fill("Stars", 1))
    open_first(page)

    def rated(value: str) -> None:
        expect(page.locator(f'.rating input[value="{value}"]')).to_be_checked()

    rated("0")
    address = page.url
    with page.expect_response("**/rating/"):
        page.keyboard.press("4")
    rated("4")
    page.reload()
    rated("4")
    # Arrows move among the stars, and not to another picture.
    page.get_by_role("radio", name="4 of 5").focus()
    with page.expect_response("**/rating/"):
        page.keyboard.press("ArrowRight")
    rated("5")
    assert page.url == address
    with page.expect_response("**/rating/"):
        page.keyboard.press("0")
    page.reload()
    rated("0")


def test_tags_are_added_and_removed(owner_page: Page, fill: Fill) -> None:
    page = owner_page
    page.goto(fill("Tagged", 1))
    open_first(page)
    field = page.get_by_label("Add tags")
    field.fill("Citrus, morning light")
    field.press("Enter")
    expect(page.locator(".tag")).to_have_count(2)
    expect(field).to_have_value("")
    expect(field).to_be_focused()
    # Existing tags are suggested, also after a comma.
    with page.expect_response("**/pictures/tags/"):
        page.reload()
        field.focus()
    expect(page.locator('#tag-names option[value="Citrus"]')).to_have_count(1)
    field.press_sequentially("new, ")
    expect(page.locator('#tag-names option[value="new, Citrus"]')).to_have_count(1)
    field.fill("x" * 61)
    field.press("Enter")
    expect(page.locator("#id_tags_error")).to_contain_text("60 characters at most")
    expect(page.locator(".tag")).to_have_count(2)
    page.get_by_role("button", name="Take off morning light").click()
    expect(page.locator(".tag")).to_have_count(1)
    page.locator(".tag").get_by_role("link", name="Citrus").click()
    expect(page).to_have_url(re.compile(r"/pictures/\?tag=Citrus$"))
    expect(tiles(page)).to_have_count(1)


def test_picture_in_a_gallery_is_trashed_and_restored(owner_page: Page, fill: Fill) -> None:
    page = owner_page
    page.goto(fill("Thrown away", 3))
    tiles(page).nth(0).get_by_role("link").first.focus()
    tile_id = tiles(page).nth(0).get_attribute("id")
    page.keyboard.press("Delete")
    expect(tiles(page)).to_have_count(2)
    # The next picture has the focus, so that the key can be pressed again.
    expect(tiles(page).nth(0).get_by_role("link").first).to_be_focused()
    undo(page)
    expect(tiles(page)).to_have_count(3)
    expect(page.locator(f"#{tile_id} a.pic-link")).to_be_focused()
    page.keyboard.press("Delete")
    expect(tiles(page)).to_have_count(2)
    page.reload()
    expect(tiles(page)).to_have_count(2)
    page.goto("/trash/")
    page.get_by_role("button", name=re.compile("^Restore: Thrown away 2")).click()
    expect(page.locator(".messages")).to_contain_text("1 picture taken out of the trash.")
    page.goto("/pictures/?q=thrown")
    expect(tiles(page)).to_have_count(3)


def test_trashing_on_the_page_leads_to_the_next_picture_with_undo(owner_page: Page, fill: Fill) -> None:
    page = owner_page
    page.goto(fill("One by one", 3))
    open_first(page)
    expect(page.locator("#prompt-text")).to_have_text("One by one 2")
    page.keyboard.press("Delete")
    expect(page.locator("#prompt-text")).to_have_text("One by one 1")
    expect(page.locator(".messages")).to_contain_text("1 picture moved to trash.")
    page.locator(".messages").get_by_role("button", name="Undo").click()
    expect(page.locator(".messages")).to_contain_text("1 picture taken out of the trash.")
    page.goto("/pictures/?q=one+by+one")
    expect(tiles(page)).to_have_count(3)


def test_card_in_the_feed_is_trashed_and_restored(owner_page: Page) -> None:
    page = owner_page
    card = generate(page, "For the bin")
    done(card)
    card.hover()
    card.get_by_role("button", name="More", exact=True).click()
    card.get_by_role("button", name="Move to trash").click()
    expect(card).to_be_hidden()
    undo(page)
    expect(card).to_be_visible()
    expect(card.locator("img")).to_be_visible()


def test_pictures_are_selected_by_mouse_and_keys(owner_page: Page, fill: Fill) -> None:
    page = owner_page
    page.goto(fill("Many", 6))
    bar = page.get_by_role("form", name="With the selected pictures")
    expect(bar).to_be_hidden()
    tiles(page).nth(1).hover()
    checkbox(page, 1).check()
    checkbox(page, 4).click(modifiers=["Shift"])
    expect(bar).to_contain_text("4 selected")
    page.keyboard.press("Escape")
    expect(bar).to_be_hidden()
    expect(page.locator(".tile :checked")).to_have_count(0)
    tiles(page).nth(0).get_by_role("link").first.focus()
    page.keyboard.press("x")
    expect(bar).to_contain_text("1 selected")
    page.keyboard.press("x")
    expect(bar).to_be_hidden()
    page.keyboard.press("x")
    bar.get_by_role("button", name="Select all").click()
    expect(bar).to_contain_text("6 selected")
    bar.get_by_role("button", name="Clear the selection").click()
    expect(bar).to_be_hidden()


def test_selection_is_marked_tagged_added_and_trashed(owner_page: Page, fill: Fill) -> None:
    page = owner_page
    page.goto(fill("Together", 4))
    bar = page.get_by_role("form", name="With the selected pictures")
    checkbox(page, 0).check()
    checkbox(page, 1).check()
    bar.get_by_role("button", name="Favourite").click()
    expect(page.locator(".tile .favourite [aria-pressed=true]")).to_have_count(2)

    bar.get_by_role("button", name="Tag").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Tags").fill("x" * 61)
    dialog.get_by_role("button", name="Tag").click()
    expect(dialog).to_contain_text("60 characters at most")
    dialog.get_by_label("Tags").fill("together")
    dialog.get_by_role("button", name="Tag").click()
    expect(dialog).to_be_hidden()
    expect(page.locator(".toast", has_text="2 pictures tagged.")).to_be_visible()

    bar.get_by_role("button", name="Add to gallery").click()
    dialog.get_by_label("New gallery").fill("Picked together")
    dialog.get_by_role("button", name="Add").click()
    expect(dialog).to_be_hidden()
    expect(page.locator(".toast", has_text="2 pictures added to “Picked together”.")).to_be_visible()

    bar.get_by_role("button", name="Trash").click()
    expect(tiles(page)).to_have_count(2)
    expect(bar).to_be_hidden()
    undo(page)
    expect(tiles(page)).to_have_count(4)
    page.goto("/pictures/?tag=together")
    expect(tiles(page)).to_have_count(2)


def test_selection_works_without_javascript(owner_page: Page, fill: Fill) -> None:
    browser = owner_page.context.browser
    assert browser is not None
    address = fill("Plain", 3)
    base_url = re.match(r"https?://[^/]+", owner_page.url)
    assert base_url
    state = owner_page.context.storage_state()
    context = browser.new_context(base_url=base_url[0], java_script_enabled=False, storage_state=state)
    page = context.new_page()
    try:
        page.goto(address)
        page.locator(".tile input[type=checkbox]").nth(0).check(force=True)
        page.locator(".tile input[type=checkbox]").nth(1).check(force=True)
        page.get_by_role("button", name="Trash", exact=True).click()
        expect(page.locator(".tile")).to_have_count(1)
        page.get_by_role("button", name="Undo").click()
        expect(page.locator(".tile")).to_have_count(3)
    finally:
        context.close()
