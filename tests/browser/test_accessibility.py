"""axe-core finds no problem on any page, light and dark, on a desktop and on a phone; pages fit in each language."""

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from lemonstudio.processes.tree import Studio
from tests.browser.conftest import SIGNED_IN, Visit
from tests.browser.test_create import done, generate, save_to

AXE = Axe()
# Makes notices for Olivia and an invitation, and prints the invitation's token.
PEOPLE = """
from django.contrib.auth.models import Permission
from django.db import transaction
from gallery import services
from gallery.models import Gallery, Person, Picture
olivia, tom = Person.objects.get(email='olivia@example.org'), Person.objects.get(email='tom@example.org')
olivia.user_permissions.add(Permission.objects.get(codename='add_invitation'))
gallery = Gallery.objects.get(name='Looked at closely')
picture = Picture.objects.filter(galleries=gallery).earliest('pk')
services.galleries.add_member(gallery, tom, 'contributor', by=olivia)
with transaction.atomic():
    services.activity.tell_of_comment(gallery, picture, by=tom)
print(services.invitations.invite(olivia, max_uses=5)[1])
"""


@pytest.fixture(scope="module")
def pages(set_up: Studio, browser: Browser) -> Iterator[list[str]]:
    """Addresses of pages with content: cards in several states, a gallery, a picture."""
    visit = Visit(browser, set_up)
    page = visit.sign_in("olivia@example.org")
    page.goto("/galleries/")
    page.get_by_label("New gallery").fill("Looked at closely")
    page.get_by_role("button", name="Create").click()
    gallery = page.url
    page.goto("/")
    save_to(page, "Looked at closely")
    generate(page, "Under way [fail: task_never_ends]", "flux-pro")
    generate(page, "Failed [fail: content_policy]")
    card = generate(page, "Finished")
    done(card)
    card.get_by_role("link").first.click()
    page.wait_for_url("**/pictures/**")
    picture = page.url.partition("?")[0]
    page.get_by_label("Add tags").fill("Looked at")
    page.get_by_role("button", name="Add").click()
    expect(page.locator(".tag")).to_have_count(1)
    page.goto("/")
    trashed = generate(page, "Thrown away")
    done(trashed)
    trashed.hover()
    trashed.get_by_role("button", name="More", exact=True).click()
    trashed.get_by_role("button", name="Move to trash").click()
    expect(trashed).to_be_hidden()
    token = set_up.shell(PEOPLE)
    yield [
        f"/invitation/{token}/",
        "/invitations/",
        "/notices/",
        f"{gallery}activity/",
        f"{gallery}members/",
        "/",
        "/?feed=team",
        "/galleries/",
        gallery,
        picture,
        f"{picture}?in=mine",
        f"{picture}edit/",
        f"{picture}take/?format=gif",
        f"{gallery}download/",
        "/downloads/",
        f"{gallery}?q=finished",
        f"{gallery}links/",
        "/pictures/",
        "/pictures/?q=finished&sort=rated",
        "/pictures/?q=nowhere&shape=tall",
        "/trash/",
        "/edit/",
        "/usage/",
        "/account/",
        "/account/password/",
        "/account/sessions/",
        "/account/steps/",
        "/account/again/",
        "/nowhere/",
    ]
    visit.close()


def problems(page: Page) -> list[str]:
    """The violations that axe-core finds on a page, one line each."""
    violations = AXE.run(page).response["violations"]
    return [f"{page.url}: {violation['id']}: {violation['nodes'][0]['html'][:200]}" for violation in violations]


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_problems(scheme: str, width: int, pages: list[str], set_up: Studio, browser: Browser) -> None:
    visit = Visit(browser, set_up, viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True)
    visit.page.goto("/login/")
    found = problems(visit.page)
    visit.page.goto(pages[0])
    found += problems(visit.page)
    page = visit.sign_in("olivia@example.org")
    for address in pages:
        page.goto(address)
        found += problems(page)
        overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        if page.evaluate(overflow) > 0:
            found.append(f"{page.url} scrolls sideways")
    visit.close()
    assert found == []


@pytest.mark.parametrize(("locale", "language", "create"), [("de-DE", "de", "Erstellen"), ("zh-CN", "zh-hans", "创作")])
def test_pages_fit_in_other_languages(
    locale: str, language: str, create: str, pages: list[str], set_up: Studio, browser: Browser
) -> None:
    visit = Visit(browser, set_up, locale=locale)
    visit.context.add_cookies(SIGNED_IN[set_up.url, "olivia@example.org"])
    page, found = visit.page, []
    page.on("console", lambda message: found.append(message.text) if message.type == "error" else None)
    gallery, picture = pages[8], pages[9]
    for address in ("/", "/pictures/", gallery, picture, f"{picture}edit/", "/usage/", "/account/", "/trash/"):
        page.goto(address)
        expect(page.locator("html")).to_have_attribute("lang", language)
        if "%(" in page.locator("body").inner_text():
            found.append(f"{address} has a place without its value")
        for width in (320, 1440):
            page.set_viewport_size({"width": width, "height": 900})
            overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            if overflow > 0:
                found.append(f"{address} scrolls sideways by {overflow} at {width}")
    expect(page.get_by_role("link", name=create, exact=True)).to_be_visible()
    visit.close()
    assert found == []


SETTINGS = ["", "people/", "groups/", "models/", "budgets/", "galleries/", "links/", "jobs/", "storage/"]


def test_axe_finds_no_problems_in_the_settings(pages: list[str], set_up: Studio, browser: Browser) -> None:
    """On a phone in the light, and on a desktop in the dark: each page is loaded once."""
    visit = Visit(browser, set_up, bypass_csp=True)
    page, found = visit.sign_in("ada@example.org"), []
    olivia = set_up.shell(
        "from gallery.models import Person\nprint(Person.objects.get(name='Olivia Owner').pk)"
    ).strip()
    of_olivia = [f"people/{olivia}/", f"people/{olivia}/erase/"]
    addresses = [f"/settings/{one}" for one in [*SETTINGS, *of_olivia]]
    for address in [*addresses, "/invitations/many/"]:
        page.goto(address)
        for is_dark, width in ((False, 390), (True, 1440)):
            page.emulate_media(color_scheme="dark" if is_dark else "light", reduced_motion="reduce")
            page.set_viewport_size({"width": width, "height": 900})
            found += problems(page)
            overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            if page.evaluate(overflow) > 0:
                found.append(f"{page.url} scrolls sideways")
    visit.close()
    assert found == []
