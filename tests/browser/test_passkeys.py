"""Passkeys, with Chromium's virtual authenticator: made, used as a second step, and used to sign in."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from lemonstudio.processes.tree import Studio
from tests.browser.conftest import PASSWORD, Visit

AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture
def page(set_up: Studio, browser: Browser) -> Iterator[Page]:
    """At localhost: browsers make no passkeys for a bare IP address."""
    visit = Visit(browser, set_up, base_url=set_up.url.replace("127.0.0.1", "localhost"))
    devtools = visit.context.new_cdp_session(visit.page)
    devtools.send("WebAuthn.enable")
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    yield visit.page
    visit.close()


def test_passkey_is_made_and_signs_in(page: Page) -> None:
    page.goto("/login/?next=/account/steps/")
    page.get_by_label("E-mail").fill("tom@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("link", name="Add a passkey").click()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Go on").click()
    page.get_by_label("Name").fill("Tom's laptop")
    page.get_by_role("button", name="Add it").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    page.get_by_role("link", name="Done").click()
    expect(page.get_by_text("Tom's laptop").first).to_be_visible()

    # The passkey alone signs in.
    page.get_by_role("button", name="Account").click()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("button", name="Account")).to_be_visible()

    # After a password, it is the second step.
    page.get_by_role("button", name="Account").click()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("E-mail").fill("tom@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", name="One more step")).to_be_visible()
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("button", name="Account")).to_be_visible()
