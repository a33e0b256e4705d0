"""A person is invited, makes an account and decides on a picture; the inviter gets notices about it."""

import re

from playwright.sync_api import Browser, expect

from lemonstudio.processes.tree import Studio
from tests.browser.conftest import PASSWORD, Visit
from tests.browser.test_create import done, generate, save_to

MAY_INVITE = """
from django.contrib.auth.models import Permission
from gallery.models import Person
olivia = Person.objects.get(email='olivia@example.org')
olivia.user_permissions.add(Permission.objects.get(codename='add_invitation'))
"""


def test_invited_person_decides_and_the_inviter_is_notified(set_up: Studio, browser: Browser) -> None:
    set_up.shell(MAY_INVITE)
    olivia, nina = Visit(browser, set_up), Visit(browser, set_up)
    page = olivia.sign_in("olivia@example.org")
    page.goto("/galleries/")
    page.get_by_label("New gallery").fill("Decided together")
    page.get_by_role("button", name="Create").click()
    gallery = page.url
    page.goto("/")
    save_to(page, "Decided together")
    done(generate(page, "A poster to agree on"))

    # Olivia makes a link, from the gallery's members.
    page.goto(gallery)
    page.get_by_role("link", name="Share").click()
    page.get_by_role("link", name="Add people").click()
    page.get_by_role("link", name="Invite a new person").click()
    expect(page.get_by_label("Add to gallery").locator("option:checked")).to_have_text("Decided together")
    page.get_by_label("Role in that gallery").select_option(label="Contributor")
    page.get_by_role("button", name="Create invitation").click()
    link = page.locator("#invitation-link").inner_text()
    assert link.startswith(f"{set_up.url}/invitation/")

    # Nina makes an account through it in another browser, and arrives in the gallery.
    nina_page = nina.page
    nina_page.goto(link)
    expect(nina_page.locator("main")).to_contain_text("Olivia Owner invites you to the gallery “Decided together”")
    nina_page.get_by_label("Name").fill("Nina Newcomer")
    nina_page.get_by_label("E-mail").fill("nina@example.org")
    nina_page.get_by_label("Password").fill(PASSWORD)
    nina_page.get_by_role("button", name="Show").click()
    expect(nina_page.get_by_label("Password")).to_have_attribute("type", "text")
    nina_page.get_by_role("button", name="Create account").click()
    expect(nina_page).to_have_url(gallery)
    expect(nina_page.get_by_role("heading", level=1)).to_have_text("Decided together")
    nina_page.locator(".tile").get_by_role("link").first.click()
    expect(nina_page.locator(".viewer")).to_contain_text("A poster to agree on")
    nina_page.get_by_role("textbox", name="Comment in Decided together").fill("Lovely light. <b>This one!</b>")
    nina_page.get_by_role("button", name="Comment in Decided together").click()
    expect(nina_page.locator(".comment")).to_contain_text("Lovely light. <b>This one!</b>")
    nina_page.get_by_role("button", name="Approved").click()
    expect(nina_page.locator(".place")).to_contain_text("Approved by Nina Newcomer")

    # The link was for one person.
    third = Visit(browser, set_up)
    third.page.goto(link)
    expect(third.page.get_by_role("heading", level=1)).to_have_text("This invitation has expired")
    third.close()

    # Olivia gets a notice, opens it, and sees the decision and the comment.
    page.goto("/")
    page.get_by_role("link", name=re.compile(r"^Notices, \d+ unread$")).click()
    notice = page.locator(".notice", has_text="Nina Newcomer approved your picture in “Decided together”")
    expect(notice.locator(".new")).to_have_count(1)
    notice.get_by_role("link").click()
    expect(page.locator(".place")).to_contain_text("Approved by Nina Newcomer")
    expect(page.locator(".comment")).to_contain_text("Nina Newcomer")
    expect(page.locator(".comment")).to_contain_text("Lovely light.")
    page.goto("/notices/")
    expect(page.locator(".notice", has_text="Nina Newcomer commented on your picture")).to_have_count(1)
    expect(notice).to_have_count(1)
    expect(notice.locator(".new")).to_have_count(0)

    page.goto(gallery)
    page.get_by_label("Decision").evaluate("select => select.closest('details').open = true")
    page.get_by_label("Decision").select_option(label="Approved")
    expect(page.locator(".tile")).to_have_count(1)
    page.goto(f"{gallery}activity/")
    lines = page.locator(".happening-words")
    expect(lines).to_contain_text(
        [
            "Nina Newcomer approved a picture",
            "Nina Newcomer commented on a picture",
            "Nina Newcomer became a member by Olivia Owner’s invitation",
            "Olivia Owner added a picture",
            "Olivia Owner made this gallery",
        ]
    )
    olivia.close()
    nina.close()
