"""When the account at the upstream has a problem, generations wait instead of failing, and the page says why."""

from datetime import UTC, datetime, timedelta

from playwright.sync_api import Page, expect

from tests.browser.test_create import done, generate


def test_empty_account_pauses_and_goes_on(owner_page: Page, administrator_page: Page) -> None:
    until = datetime.now(UTC) + timedelta(seconds=6)
    card = generate(owner_page, f"Paid later [fail: quota_exceeded until {until:%H:%M:%S}]")
    banner = owner_page.locator("#pause")
    expect(banner).to_contain_text("The studio is paused.", timeout=10_000)
    expect(card).to_have_attribute("data-state", "queued")

    administrator_page.goto("/admin/gallery/upstreamaccount/")
    expect(administrator_page.locator("#result_list")).to_contain_text("quota_exceeded")
    while datetime.now(UTC) < until:
        administrator_page.wait_for_timeout(250)
    administrator_page.locator("input.action-select").check()
    administrator_page.get_by_label("Action:").select_option(label="Go on now")
    administrator_page.get_by_role("button", name="Go").click()
    expect(administrator_page.locator(".messagelist")).to_contain_text("The queue goes on.")
    done(card)
    expect(banner).not_to_contain_text("The studio is paused.")


def test_switch_of_the_settings_saves_at_once_and_is_undone(administrator_page: Page) -> None:
    page = administrator_page
    page.goto("/settings/models/")
    switch, said = page.get_by_role("switch", name="FLUX pro is on offer"), page.locator("#settings-said")
    switch.click()
    expect(switch).to_have_attribute("aria-checked", "false")
    expect(said).to_contain_text("FLUX pro is not on offer any more.")
    expect(switch).to_be_focused()
    said.get_by_role("button", name="Undo").click()
    expect(switch).to_have_attribute("aria-checked", "true")
    # Enter saves as leaving the field does, and the way back is to what was there before.
    page.goto("/settings/storage/")
    days = page.get_by_label("Days for which the studio keeps: Activity")
    days.fill("400")
    days.press("Enter")
    expect(said).to_contain_text("Kept for 400 days: Activity.")
    said.get_by_role("button", name="Undo").click()
    expect(days).to_have_value("")
