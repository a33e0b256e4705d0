"""Create: from a prompt to a stored picture."""

import os
import re
import signal
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, ViewportSize, expect

from lemonstudio.processes.tree import Studio
from tests.browser.conftest import Visit

SIZES = {
    "dall-e-3": ("1792x1024", (1792, 1024)),
    "dall-e-2": ("256x256", (256, 256)),
    "flux-pro": ("512x512", (512, 512)),
    "flux-schnell": ("512x512", (512, 512)),
    "midjourney": ("512x512", (512, 512)),
    "ideogram-v3": ("512x512", (512, 512)),
    "stable-diffusion-3": ("512x512", (512, 512)),
}
LABELS = {
    "dall-e-3": "DALL·E 3",
    "dall-e-2": "DALL·E 2",
    "flux-pro": "FLUX pro",
    "flux-schnell": "FLUX schnell",
    "midjourney": "Midjourney",
    "ideogram-v3": "Ideogram v3",
    "stable-diffusion-3": "Stable Diffusion 3",
}


def pick(page: Page, slug: str) -> None:
    """Choose a model, and wait for its options."""
    pick_label(page, LABELS[slug])
    expect(page.locator(f'[name=opt_size][value="{SIZES[slug][0]}"]')).to_have_count(1)


def pick_label(page: Page, label: str) -> None:
    """Choose a model by its name, in the sheet of models."""
    page.get_by_role("button", name="Model:").click()
    page.get_by_role("group", name="Choose a model").get_by_text(label, exact=True).first.click()
    expect(page.get_by_role("button", name="Model:")).to_contain_text(label)


def more(page: Page) -> None:
    """Unfold the options that are folded."""
    if not page.locator("#more").evaluate("(more) => more.open"):
        page.locator("#more > summary").click()


def save_to(page: Page, gallery: str) -> None:
    """Choose the gallery for what is made from now on."""
    more(page)
    page.get_by_label("Save to gallery").select_option(label=gallery)


def compare_with(page: Page, *labels: str) -> None:
    """Tick models in the sheet, and close it."""
    page.get_by_role("button", name="Model:").click()
    for label in labels:
        page.get_by_role("checkbox", name=f"Compare with {label}").check()
    page.get_by_role("button", name="Close the models").click()


def generate(page: Page, prompt: str, slug: str = "flux-schnell") -> Locator:
    """Submit a prompt; return the card that appears for it."""
    pick(page, slug)
    page.get_by_label("Prompt").fill(prompt)
    before = page.locator("article").count()
    page.get_by_role("button", name=re.compile("^Generate")).click()
    expect(page.locator("article")).to_have_count(before + 1)
    return page.locator(f"#{page.locator('article').first.get_attribute('id')}")


def done(card: Locator, pictures: int = 1) -> None:
    """Wait until a card is completed, with this number of pictures."""
    expect(card).to_have_attribute("data-state", "completed", timeout=30_000)
    expect(card.locator("img")).to_have_count(pictures)


def loaded_size(image: Locator) -> tuple[int, int]:
    image.scroll_into_view_if_needed()
    expect(image).to_have_js_property("complete", True)
    return int(image.get_attribute("width") or 0), int(image.get_attribute("height") or 0)


@pytest.mark.parametrize("slug", SIZES)
def test_each_model_makes_a_picture_of_the_chosen_size(slug: str, owner_page: Page) -> None:
    size, pixels = SIZES[slug]
    pick(owner_page, slug)
    owner_page.locator(f'label:has([name=opt_size][value="{size}"])').click()
    card = generate(owner_page, f"A lemon grove, for {slug}", slug)
    done(card)
    assert loaded_size(card.locator("img")) == pixels
    card.get_by_role("link").first.click()
    expect(owner_page.locator("body")).to_contain_text(f"{pixels[0]} × {pixels[1]}")
    expect(owner_page.locator("body")).to_contain_text(f"A lemon grove, for {slug}")


def test_four_pictures_are_made_at_once(owner_page: Page) -> None:
    pick(owner_page, "midjourney")
    owner_page.locator('label:has([name=count][value="4"])').click()
    done(generate(owner_page, "Four ribbons in the wind", "midjourney"), pictures=4)


def test_form_stays_filled_and_can_be_sent_again_at_once(owner_page: Page) -> None:
    first = generate(owner_page, "One after another", "flux-pro")
    second = generate(owner_page, "One after another", "flux-pro")
    assert first.get_attribute("id") != second.get_attribute("id")
    expect(owner_page.get_by_label("Prompt")).to_have_value("One after another")
    done(first)
    done(second)


def test_picture_is_made_with_the_keyboard_alone(owner_page: Page) -> None:
    prompt = owner_page.get_by_label("Prompt")
    expect(prompt).to_be_focused()
    prompt.press("Escape")
    expect(prompt).not_to_be_focused()
    owner_page.keyboard.press("/")
    expect(prompt).to_be_focused()
    owner_page.keyboard.type("Typed, not clicked")
    owner_page.keyboard.press("Control+Enter")
    card = owner_page.locator("article", has_text="Typed, not clicked")
    done(card)


def test_card_does_not_change_size_when_it_completes(owner_page: Page) -> None:
    card = generate(owner_page, "Stay where you are", "flux-pro")
    box = card.locator(".card-box")
    before = box.bounding_box()
    done(card)
    assert box.bounding_box() == before


def test_picture_is_made_on_a_phone(phone_page: Page) -> None:
    phone_page.get_by_role("button", name="Describe a picture…").click()
    phone_page.get_by_label("Prompt").fill("From the pocket")
    pick_label(phone_page, LABELS["flux-schnell"])
    expect(phone_page.locator('[name=opt_size][value="512x512"]')).to_have_count(1)
    phone_page.get_by_role("button", name=re.compile("^Generate")).click()
    done(phone_page.locator("article", has_text="From the pocket"))
    overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert phone_page.evaluate(overflow) <= 0


@pytest.mark.parametrize(
    ("prompt", "message"),
    [
        ("", "Describe the picture first."),
        ("x" * 4001, "This prompt has 4,001 characters; 4,000 is the most."),
    ],
)
def test_invalid_prompt_is_kept_with_an_error_beside_its_field(prompt: str, message: str, owner_page: Page) -> None:
    field = owner_page.get_by_label("Prompt")
    field.fill(prompt)
    owner_page.get_by_role("button", name=re.compile("^Generate")).click()
    expect(owner_page.locator(".field", has=field)).to_contain_text(message)
    expect(field).to_have_value(prompt)
    expect(owner_page.locator("article", has_text="xxxx")).to_have_count(0)


def test_invalid_count_and_option_have_errors_beside_their_fields(owner_page: Page) -> None:
    pick(owner_page, "flux-pro")
    owner_page.get_by_label("Prompt").fill("Nine of them")
    for name, value in (("count", "9"), ("opt_size", "1x1")):
        owner_page.locator(f"[name={name}]").first.evaluate("(input, value) => { input.value = value }", value)
        owner_page.locator(f"[name={name}]").first.check(force=True)
    owner_page.get_by_role("button", name=re.compile("^Generate")).click()
    expect(owner_page.locator("#options")).to_contain_text("FLUX pro makes 4 pictures at once at the most.")
    expect(owner_page.locator("#options")).to_contain_text("This model does not have 1x1 here")
    expect(owner_page.get_by_label("Prompt")).to_have_value("Nine of them")


def test_markup_in_a_prompt_stays_text(owner_page: Page) -> None:
    card = generate(owner_page, "<img src=x onerror=alert(1)><b>bold</b>")
    expect(card.locator(".card-prompt")).to_have_text("<img src=x onerror=alert(1)><b>bold</b>")
    done(card)


def test_generation_can_be_cancelled(owner_page: Page) -> None:
    card = generate(owner_page, "Never mind [fail: task_never_ends]", "flux-pro")
    card.get_by_role("button", name="Cancel").click()
    expect(card).to_have_attribute("data-state", "cancelled")
    expect(card).to_contain_text("Cancelled")


@pytest.mark.parametrize(
    ("word", "slug", "state", "text", "button"),
    [
        ("content_policy", "flux-schnell", "failed", "Nothing was charged", "Edit prompt"),
        ("task_fails", "flux-pro", "failed", "Nothing was charged", "Try again"),
        ("model_not_allowed", "flux-schnell", "failed", "", "Copy for an administrator"),
        ("connection_broken", "flux-schnell", "interrupted", "It may have been charged", "Try again"),
    ],
)
def test_failures_say_what_to_do(word: str, slug: str, state: str, text: str, button: str, owner_page: Page) -> None:
    card = generate(owner_page, f"On purpose [fail: {word}]", slug)
    expect(card).to_have_attribute("data-state", state, timeout=30_000)
    expect(card).to_contain_text(text)
    expect(card.locator(".actions").get_by_text(button)).to_be_visible()
    card.get_by_role("button", name="Dismiss").click()
    expect(card).to_have_count(0)


def test_try_again_makes_a_new_generation(owner_page: Page) -> None:
    card = generate(owner_page, "Once more [fail: connection_broken]")
    expect(card).to_have_attribute("data-state", "interrupted", timeout=30_000)
    old = card.get_attribute("id")
    card.get_by_role("button", name="Try again").click()
    expect(owner_page.locator(f"#{old}")).to_have_count(0)
    again = owner_page.locator("article", has_text="Once more").first
    expect(again).to_have_attribute("data-state", "interrupted", timeout=30_000)


def test_partial_result_is_kept_and_reported(owner_page: Page) -> None:
    pick(owner_page, "flux-pro")
    owner_page.locator('label:has([name=count][value="4"])').click()
    card = generate(owner_page, "Three of four [fail: partial]", "flux-pro")
    done(card, pictures=3)
    expect(card).to_contain_text("1 of 4 did not come")


def test_unfetchable_picture_can_be_fetched_again(owner_page: Page, set_up: Studio) -> None:
    """A paid result stays on record: the button fetches the picture and does not pay again."""
    card = generate(owner_page, "Where is it [fail: picture_html]")
    pk = int((card.get_attribute("id") or "").removeprefix("generation-"))
    # Skip the waits between the five tries.
    set_up.shell(
        "import time; from gallery.models import Generation; from django.utils import timezone\n"
        f"row = Generation.objects.filter(pk={pk})\n"
        "end = time.time() + 40\n"
        "while row.get().state != 'failed' and time.time() < end:\n"
        "    row.filter(state='saving', attempts__gt=0).update(due_at=timezone.now()); time.sleep(0.2)"
    )
    expect(card).to_have_attribute("data-state", "failed", timeout=20_000)
    expect(card).to_contain_text("It was charged.")
    card.get_by_role("button", name="Fetch again").click()
    expect(card).to_have_attribute("data-state", "saving")


def test_closing_the_browser_loses_nothing(set_up: Studio, browser: Browser) -> None:
    visit = Visit(browser, set_up)
    name = generate(visit.sign_in("olivia@example.org"), "While I am away", "flux-pro").get_attribute("id")
    visit.close()
    later = Visit(browser, set_up)
    done(later.sign_in("olivia@example.org").locator(f"#{name}"))
    later.close()


def test_sign_out_elsewhere_leads_to_the_sign_in_page(set_up: Studio, browser: Browser) -> None:
    visit = Visit(browser, set_up)
    page = visit.sign_in("olivia@example.org")
    generate(page, "Signed out meanwhile [fail: task_never_ends]", "flux-pro")
    other = visit.open_page()
    other.goto("/")
    other.get_by_role("button", name="Account").click()
    other.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(re.compile(r"/login/\?next=/$"))
    visit.close()


def worker_processes(studio: Studio) -> list[int]:
    """The pids of this studio's cluster, lowest first."""
    found = []
    for process in Path("/proc").iterdir():
        try:
            command = (process / "cmdline").read_bytes().split(b"\0")
            is_ours = f"LEMONSTUDIO_DATA={studio.data}".encode() in (process / "environ").read_bytes().split(b"\0")
        except (OSError, ValueError):
            continue
        if process.name.isdecimal() and is_ours and b"cluster" in command:
            found.append(int(process.name))
    return sorted(found)


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks for processes in /proc")
def test_work_goes_on_after_a_killed_worker_without_a_second_post(owner_page: Page, set_up: Studio) -> None:
    card = generate(owner_page, "Survive this", "midjourney")
    expect(card).to_have_attribute("data-state", re.compile("pending|processing"), timeout=20_000)
    for pid in worker_processes(set_up):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    done(card)
    pk = (card.get_attribute("id") or "").removeprefix("generation-")
    assert set_up.shell(f"from gallery.models import *; print(Generation.objects.get(pk={pk}).fence)") == "1"
    assert set_up.is_healthy()


def test_picture_is_made_without_javascript(set_up: Studio, browser: Browser) -> None:
    visit = Visit(browser, set_up, java_script_enabled=False)
    page = visit.sign_in("tom@example.org")
    page.get_by_label("Prompt").fill("Without scripts")
    page.get_by_role("button", name=re.compile("^Generate")).click()
    for _ in range(40):
        card = page.locator("article", has_text="Without scripts")
        if card.get_attribute("data-state") == "completed":
            break
        page.wait_for_timeout(250)
        page.goto("/")
    expect(card.locator("img")).to_have_count(1)
    visit.close()


def test_pages_load_nothing_from_other_hosts(owner_page: Page, set_up: Studio) -> None:
    """There is no CDN, no font of another host, and no tracker."""
    origins: set[str] = set()
    owner_page.on("request", lambda request: origins.add(re.sub(r"^(\w+://[^/]+).*", r"\1", request.url)))
    owner_page.goto("/")
    owner_page.goto("/galleries/")
    assert origins == {set_up.url}


def test_own_typefaces_are_loaded_without_moving_anything(owner_page: Page) -> None:
    owner_page.goto("/galleries/")
    faces = (
        "() => document.fonts.ready.then((all) => [...all].filter((f) => f.status === 'loaded').map((f) => f.family))"
    )
    loaded = {family.strip('"') for family in owner_page.evaluate(faces)}
    assert {"Figtree", "Newsreader"} <= loaded
    shift = """() => {
      const watch = new PerformanceObserver(() => {});
      watch.observe({ type: "layout-shift", buffered: true });
      return watch.takeRecords().reduce((sum, entry) => sum + entry.value, 0);
    }"""
    assert owner_page.evaluate(shift) < 0.01


@pytest.mark.parametrize("size", [{"width": 1440, "height": 900}, {"width": 1280, "height": 720}])
def test_composer_fits_without_scrolling_for_every_model(owner_page: Page, size: ViewportSize) -> None:
    owner_page.set_viewport_size(size)
    for slug in SIZES:
        pick(owner_page, slug)
        assert owner_page.locator("#composer").evaluate("(box) => box.scrollHeight <= box.clientHeight"), slug


def test_model_and_four_pictures_are_four_clicks(owner_page: Page) -> None:
    owner_page.keyboard.type("Four clicks and a sentence")
    before = owner_page.locator("article").count()
    owner_page.get_by_role("button", name="Model:").click()
    owner_page.get_by_role("group", name="Choose a model").get_by_text("Midjourney", exact=True).click()
    owner_page.locator('label:has([name=count][value="4"])').click()
    owner_page.get_by_role("button", name=re.compile("^Generate")).click()
    expect(owner_page.locator("article")).to_have_count(before + 1)
    expect(owner_page.locator("article").first).to_contain_text("Midjourney")


def test_enter_among_the_models_picks_and_sends_nothing(owner_page: Page) -> None:
    pick(owner_page, "dall-e-3")
    owner_page.get_by_label("Prompt").fill("Not to be sent by Enter")
    before = owner_page.locator("article").count()
    owner_page.get_by_role("button", name="Model:").press("Enter")
    expect(owner_page.get_by_role("radio", name="DALL·E 3", exact=True)).to_be_focused()
    owner_page.keyboard.press("ArrowRight")
    owner_page.keyboard.press("Enter")
    expect(owner_page.locator("#models")).to_be_hidden()
    expect(owner_page.get_by_role("button", name="Model:")).to_contain_text("FLUX schnell")
    owner_page.locator("[name=opt_size]").first.press("Enter")
    expect(owner_page.get_by_label("Prompt")).to_have_value("Not to be sent by Enter")
    expect(owner_page.locator("article")).to_have_count(before)


def test_nothing_lies_on_a_picture_on_a_phone(phone_page: Page) -> None:
    phone_page.get_by_role("button", name="Describe a picture…").tap()
    expect(phone_page.get_by_label("Prompt")).to_be_focused()
    phone_page.keyboard.type("Bare on a phone")
    phone_page.get_by_role("button", name=re.compile("^Generate")).tap()
    card = phone_page.locator("article", has_text="Bare on a phone")
    done(card)
    controls = ":is(button, a:not(.pic-link), input)"
    shown = "(all) => all.filter((one) => one.checkVisibility()).length"
    assert card.locator(f".pic {controls}").evaluate_all(shown) == 0
    card.get_by_role("button", name="More", exact=True).tap()
    expect(card.get_by_role("link", name="Remix")).to_be_visible()
    phone_page.goto("/pictures/")
    tile = phone_page.locator(".tile").first
    assert tile.locator(controls).evaluate_all(shown) == 0
    assert (tile.bounding_box() or {"y": 1000})["y"] < 370
    phone_page.get_by_role("button", name="Select").tap()
    tile.tap()
    expect(phone_page.locator("[data-selected]")).to_have_text("1 selected")
    expect(phone_page.get_by_role("button", name="Add to gallery")).to_be_visible()
