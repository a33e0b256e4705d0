"""The composer with an upstream that is not the sandbox and has the same API."""

import re
from collections import Counter
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from lemonstudio.processes.tree import Studio
from tests.browser.conftest import PASSWORD, Visit
from tests.browser.test_composer import press_generate, write
from tests.browser.test_create import LABELS, compare_with, done, pick
from tests.conftest import png
from tests.support.stub_upstream import WorkingUpstream
from tests.support.studio import KEY, prepare


@pytest.fixture(scope="module")
def server() -> Iterator[WorkingUpstream]:
    with WorkingUpstream(png(512, 512)) as server:
        yield server


@pytest.fixture(scope="module")
def studio(server: WorkingUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    studio = Studio(
        tmp_path_factory.mktemp("studio"),
        LEMONDATA_BASE_URL=server.base_url,
        LEMONDATA_API_KEY=KEY,
        LEMONSTUDIO_TRUSTED_ORIGINS=server.origin,
        LEMONSTUDIO_ADMIN_EMAIL="ada@example.org",
        LEMONSTUDIO_ADMIN_PASSWORD=PASSWORD,
    )
    try:
        prepare(studio.data)
        studio.start()
        yield studio
    finally:
        studio.stop()


@pytest.fixture
def page(studio: Studio, browser: Browser, server: WorkingUpstream) -> Iterator[Page]:
    visit = Visit(browser, studio)
    yield visit.sign_in("ada@example.org")
    visit.close()


def test_four_models_are_compared(page: Page, server: WorkingUpstream) -> None:
    pick(page, "dall-e-3")
    write(page, "task 0.5 A lighthouse, four ways")
    models = ("dall-e-3", "flux-schnell", "midjourney", "dall-e-2")
    compare_with(page, *(LABELS[slug] for slug in models[1:]))
    expect(page.locator("#cost")).to_contain_text("4 pictures")
    press_generate(page)
    row = page.locator(".batch-comparison").first
    expect(row.locator("article[data-state=completed]")).to_have_count(4, timeout=60_000)
    assert row.locator(".meta > :first-child").all_inner_texts() == [LABELS[slug] for slug in models]
    row.get_by_role("button", name="Best is Midjourney").click()
    expect(row.get_by_role("button", name="Best is Midjourney")).to_have_attribute("aria-pressed", "true")
    posts = Counter(request.json["model"] for request in server.requests if request.method == "POST")
    assert posts == dict.fromkeys(models, 1)


def test_wildcards_make_fifty_pictures(page: Page, server: WorkingUpstream) -> None:
    pick(page, "flux-schnell")
    write(page, "sync 0.1 {one|two|three|four|five} {red|green|blue|white|black} {boats|birds}")
    expect(page.locator("#plan summary")).to_have_text("50 pictures: 50 prompts")
    press_generate(page)
    batch = page.locator(".batch-prompts").first
    expect(batch.locator("article[data-state=completed]")).to_have_count(50, timeout=120_000)
    posts = {prompt: times for prompt, times in server.posts.items() if "boats" in prompt or "birds" in prompt}
    assert len(posts) == 50
    assert set(posts.values()) == {1}


def test_template_is_filled_in(page: Page, server: WorkingUpstream) -> None:
    page.goto("/templates/new/")
    page.get_by_label("Name").fill("Animal portrait")
    page.get_by_label("Text").fill("task 0.2 A {{animal}} in the {{place}}")
    page.get_by_role("button", name="Save template").click()
    page.get_by_role("link", name=re.compile("Use|Animal portrait")).first.click()
    page.get_by_label("Animal", exact=True).fill("crane")
    page.get_by_label("Place", exact=True).fill("marsh")
    page.get_by_role("button", name="Use", exact=True).click()
    press_generate(page)
    done(page.locator("article", has_text="A crane in the marsh").first)
    assert server.posts["task 0.2 A crane in the marsh"] == 1
