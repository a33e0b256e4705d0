"""Galleries: saving pictures, and sharing them with the team."""

import re

from playwright.sync_api import Page, expect

from tests.browser.test_create import done, generate, save_to


def test_picture_is_saved_and_shared_with_the_team_and_unshared(owner_page: Page, teammate_page: Page) -> None:
    card = generate(owner_page, "For the wall")
    done(card)
    card.hover()
    card.hover()
    card.get_by_role("button", name="More", exact=True).click()
    card.get_by_role("link", name="Save to gallery").click()
    dialog = owner_page.get_by_role("dialog")
    dialog.get_by_label("New gallery").fill("Wall")
    dialog.get_by_role("button", name="Save").click()
    expect(owner_page.get_by_text("Saved to “Wall”.").first).to_be_visible()
    expect(dialog).to_be_hidden()

    owner_page.goto("/galleries/")
    owner_page.get_by_role("link", name="Wall").click()
    expect(owner_page.get_by_role("heading", level=1)).to_have_text("Wall")
    expect(owner_page.locator("main img")).to_have_count(1)
    address = owner_page.url

    # The gallery is private until it is shared.
    teammate_page.goto(address)
    expect(teammate_page).to_have_title(re.compile("^Nothing hangs here"))

    owner_page.get_by_role("link", name="Share").click()
    owner_page.get_by_role("button", name="Share with the team").click()
    expect(owner_page.locator("main")).to_contain_text("Team")
    teammate_page.goto(address)
    expect(teammate_page.locator("main img")).to_have_count(1)
    teammate_page.locator("main a:has(img)").click()
    expect(teammate_page.locator(".viewer")).to_contain_text("For the wall")
    expect(teammate_page.locator(".viewer")).to_contain_text("Olivia Owner")
    picture = teammate_page.url
    teammate_page.goto("/?feed=team")
    expect(teammate_page.locator("article", has_text="For the wall")).to_have_count(1)

    owner_page.goto(address)
    owner_page.get_by_role("link", name="Share").click()
    owner_page.get_by_role("button", name="Only members").click()
    expect(owner_page.locator("main")).to_contain_text("Private")
    teammate_page.goto(picture)
    expect(teammate_page).to_have_title(re.compile("^Nothing hangs here"))


def test_generation_is_saved_to_the_chosen_gallery(owner_page: Page) -> None:
    owner_page.goto("/galleries/")
    owner_page.get_by_label("New gallery").fill("Straight in")
    owner_page.get_by_role("button", name="Create").click()
    expect(owner_page.get_by_role("heading", level=1)).to_have_text("Straight in")
    address = owner_page.url
    owner_page.goto("/")
    save_to(owner_page, "Straight in")
    done(generate(owner_page, "Directly"))
    owner_page.goto(address)
    expect(owner_page.locator("main img")).to_have_count(1)


def test_card_downloads_the_original(owner_page: Page) -> None:
    card = generate(owner_page, "To take away")
    done(card)
    card.hover()
    with owner_page.expect_download() as download:
        card.get_by_role("link", name="Download").click()
    assert re.fullmatch(r"lemon-studio-\d+-1\.png", download.value.suggested_filename)
    with open(download.value.path(), "rb") as file:
        assert file.read(8) == b"\x89PNG\r\n\x1a\n"
