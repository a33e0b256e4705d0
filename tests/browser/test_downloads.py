"""Downloads: one picture in another format, a selection at once, and a gallery that is built in the background."""

import json
import zipfile

from PIL import Image
from playwright.sync_api import Locator, Page, expect

from tests.browser.test_accessibility import problems
from tests.browser.test_create import done, generate, save_to


def choose(dialog: Locator, format: str, side: str) -> None:
    dialog.get_by_role("radio", name=format, exact=True).check()
    dialog.get_by_role("radio", name=side, exact=True).check()


def downloaded(page: Page, button: Locator) -> tuple[str, str]:
    """Click a button that downloads a file; return the file's suggested name and its path."""
    with page.expect_download() as download:
        button.click()
    return download.value.suggested_filename, str(download.value.path())


def test_one_picture_a_selection_and_a_gallery_are_downloaded(owner_page: Page) -> None:
    page = owner_page
    page.goto("/galleries/")
    page.get_by_label("New gallery").fill("To take away: all")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("To take away: all")
    gallery = page.url
    expect(page.get_by_role("link", name="Download ZIP")).to_have_count(0)
    page.goto("/")
    save_to(page, "To take away: all")
    # One is 1792 pixels wide, the other is square.
    done(generate(page, "First to take away", "dall-e-3"))
    done(generate(page, "Second to take away"))

    # Export one picture, smaller, in another format and without metadata.
    page.goto(gallery)
    page.locator(".tile", has=page.get_by_alt_text("First to take away")).locator(".pic-link").click()
    page.locator(".doings").get_by_role("button", name="More").click()
    page.get_by_role("link", name="Download as").click()
    dialog = page.locator("#dialog")
    expect(dialog.get_by_text("Longest side")).to_be_hidden()
    choose(dialog, "WebP", "512 px")
    assert problems(page) == []
    name, path = downloaded(page, dialog.get_by_role("button", name="Download", exact=True))
    expect(dialog).to_be_hidden()
    expect(page.get_by_text("Your download begins in a moment.").first).to_be_visible()
    assert name.endswith("-512.webp")
    with Image.open(path) as image:
        assert (image.format, max(image.size)) == ("WEBP", 512)
        assert not {"exif", "xmp", "icc_profile"} & set(image.info)
    with open(path, "rb") as file:
        assert b"First to take away" not in file.read()

    # A small selection is downloaded at once.
    page.goto(gallery)
    page.get_by_role("checkbox", name="Select: Second to take away").check()
    page.get_by_role("form", name="With the selected pictures").get_by_role("button", name="Download ZIP").click()
    expect(dialog.get_by_role("heading")).to_have_text("Download 1 picture")
    name, path = downloaded(page, dialog.get_by_role("button", name="Download ZIP"))
    assert name == "1 picture.zip"
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["manifest.json", "001 Second to take away.png"]

    # A whole gallery in another format is built in the background, and has a page.
    page.get_by_role("button", name="Clear the selection").click()
    page.get_by_role("link", name="Download ZIP").click()
    expect(dialog.get_by_role("heading")).to_have_text("Download “To take away: all”")
    choose(dialog, "JPEG", "1024 px")
    dialog.get_by_role("checkbox", name="Write prompt and settings").check()
    assert problems(page) == []
    dialog.get_by_role("button", name="Download ZIP").click()
    expect(page).to_have_title("To take away: all · Downloads · Lemon Studio")
    ready = page.locator('#download[data-state="ready"]')
    expect(ready).to_be_visible(timeout=60_000)
    assert problems(page) == []
    name, path = downloaded(page, ready.get_by_role("link", name="Download ZIP"))
    assert name == "To take away all.zip"
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        pictures = json.loads(archive.read("manifest.json"))["pictures"]
        prompts = {picture["file"]: picture["prompt"] for picture in pictures}
        assert sorted(prompts.values()) == ["First to take away", "Second to take away"]
        for file, prompt in prompts.items():
            with archive.open(file) as member, Image.open(member) as image:
                assert (image.format, max(image.size)) == ("JPEG", 1024)
                assert prompt in image.getexif()[0x010E]

    # The list of downloads leads to it, and it can be deleted.
    page.get_by_role("button", name="Account").click()
    page.locator("#account-menu").get_by_role("link", name="Downloads").click()
    expect(page).to_have_title("Downloads · Lemon Studio")
    assert problems(page) == []
    page.get_by_role("link", name="To take away: all").click()
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("The download is deleted.")).to_be_visible()
    expect(page.get_by_role("heading", name="No downloads yet")).to_be_visible()
