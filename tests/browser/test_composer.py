"""The composer with several models, several prompts, templates and drafts."""

import re

from playwright.sync_api import Browser, FilePayload, Locator, Page, Route, expect

from lemonstudio.processes.tree import Studio
from tests.browser.conftest import Visit
from tests.browser.test_create import LABELS, compare_with, done, generate, more, pick, pick_label
from tests.conftest import png

TAKES_THREE = """
from gallery.models import ImageModel
size = {"name": "size", "label": "Size", "choices": ["auto", "1024x1024"], "default": "auto"}
route = {"endpoint": "/images/edits", "encoding": "multipart", "references": 3}
ImageModel.objects.update_or_create(
    slug="gpt-image-2",
    defaults=dict(label="GPT Image 2", price="0.04", options=[size], routes={"references": route}),
)
"""
# What a mouse or the clipboard would bring, in Chromium.
BRING = """
([kind, name, bytes]) => {
  const data = new DataTransfer();
  data.items.add(new File([new Uint8Array(bytes)], name, { type: "image/png" }));
  const options = { bubbles: true, cancelable: true };
  const place = document.querySelector("#composer");
  place.dispatchEvent(
    kind === "paste"
      ? new ClipboardEvent("paste", { ...options, clipboardData: data })
      : new DragEvent("drop", { ...options, dataTransfer: data }),
  );
}
"""


def write(page: Page, prompt: str) -> None:
    page.get_by_label("Prompt").fill(prompt)


def press_generate(page: Page) -> None:
    page.get_by_role("button", name=re.compile("^Generate (?!anyway)|^Generate$")).click()


def batch_of(page: Page, kind: str, words: str) -> Locator:
    """The batch with these words: the feed may have others of the same kind, above it until it appears."""
    return page.locator(f".batch-{kind}", has_text=words)


def test_four_models_are_compared_and_voted_on(owner_page: Page) -> None:
    pick(owner_page, "dall-e-3")
    write(owner_page, "A lighthouse, four ways")
    compare_with(owner_page, *(LABELS[slug] for slug in ("flux-schnell", "midjourney", "dall-e-2")))
    expect(owner_page.get_by_role("button", name="Model:")).to_contain_text("4 models")
    expect(owner_page.locator("#cost")).to_have_text("4 pictures · at least $0.09")
    press_generate(owner_page)
    row = batch_of(owner_page, "comparison", "A lighthouse, four ways")
    expect(row.locator("article")).to_have_count(4)
    expect(row.locator("article[data-state=completed]")).to_have_count(4, timeout=60_000)
    names = row.locator(".meta > :first-child").all_inner_texts()
    assert names == [LABELS[slug] for slug in ("dall-e-3", "flux-schnell", "midjourney", "dall-e-2")]
    expect(row.locator("article").first.locator(".meta")).to_contain_text("$0.04")
    expect(row.locator("article").first.locator(".meta")).to_contain_text(re.compile(r"\d+ s"))
    vote = row.get_by_role("button", name="Best is Midjourney")
    vote.click()
    expect(vote).to_have_attribute("aria-pressed", "true")
    row.get_by_role("button", name="Best is DALL·E 2").click()
    expect(vote).to_have_attribute("aria-pressed", "false")
    row.get_by_role("link", name="Comparison").click()
    expect(owner_page).to_have_title("Comparison · Lemon Studio")
    expect(owner_page.get_by_role("button", name="Best is DALL·E 2")).to_have_attribute("aria-pressed", "true")
    expect(owner_page.locator(".verdict").first).to_have_text("DALL·E 2 wins 1 : 0")
    expect(owner_page.get_by_role("button", name=re.compile("Cancel all|Retry failed"))).to_have_count(0)
    panes = owner_page.locator(".versus-stage .pane-box:visible")
    expect(panes).to_have_count(4)
    heights = panes.locator(".pane").evaluate_all("(all) => all.map((one) => one.clientHeight)")
    assert min(heights) >= 320
    owner_page.keyboard.press("2")
    expect(panes).to_have_count(1)
    owner_page.keyboard.press("2")
    expect(panes).to_have_count(4)
    # Blind: names are hidden until one has voted.
    owner_page.get_by_role("switch", name="Hide names").check()
    told = owner_page.locator(".versus-name:visible")
    expect(told).to_have_count(4)
    owner_page.locator(".versus [aria-pressed=true]").click()
    expect(told).to_have_count(0)
    owner_page.get_by_role("button", name="Best", exact=True).first.click()
    expect(told).to_have_count(4)


def test_choice_made_while_options_load_stays(owner_page: Page) -> None:
    pick(owner_page, "flux-schnell")
    held: list[Route] = []
    owner_page.route("**/options/**", lambda route: held.append(route), times=1)
    with owner_page.expect_request("**/options/**"):
        pick_label(owner_page, LABELS["flux-pro"])
    chosen = owner_page.locator('[name=opt_size][value="512x512"]')
    with owner_page.expect_response("**/options/**") as answer:
        owner_page.locator("label", has=chosen).click()
        held[0].continue_()
    assert "opt_size=512x512" in answer.value.url
    expect(owner_page.locator("#models")).not_to_have_class(re.compile("htmx-request"))
    expect(chosen).to_be_checked()


def test_wildcards_make_a_batch_of_fifty(owner_page: Page) -> None:
    pick(owner_page, "flux-schnell")
    owner_page.locator('label:has([name=opt_size][value="512x512"])').click()
    write(owner_page, "{one|two|three|four|five} {red|green|blue|white|black} {boats|birds}")
    expect(owner_page.locator("#cost")).to_have_text("50 pictures")
    expect(owner_page.locator("#plan summary")).to_have_text("50 pictures: 50 prompts")
    press_generate(owner_page)
    batch = batch_of(owner_page, "prompts", "boats")
    expect(batch.locator("article")).to_have_count(50)
    expect(batch.locator("article[data-state=completed]")).to_have_count(50, timeout=120_000)
    expect(batch.locator("article").first).to_contain_text("one red boats")
    expect(batch.locator("article").last).to_contain_text("five black birds")


def test_lines_become_requests_that_are_cancelled_and_retried_together(owner_page: Page) -> None:
    pick(owner_page, "flux-pro")
    write(owner_page, "[fail: task_never_ends] first\n[fail: task_never_ends] second")
    expect(owner_page.locator("#plan summary")).to_have_count(0)
    owner_page.get_by_role("checkbox", name="One picture per line").check()
    expect(owner_page.locator("#plan summary")).to_have_text("2 pictures: 2 prompts")
    press_generate(owner_page)
    batch = batch_of(owner_page, "prompts", "[fail: task_never_ends] first")
    expect(batch.locator("article")).to_have_count(2)
    batch.get_by_role("button", name="Cancel all").click()
    expect(owner_page.locator("article[data-state=cancelled]")).to_have_count(2)
    owner_page.get_by_role("button", name="Retry failed").click()
    expect(owner_page.locator("article:not([data-state=cancelled])")).to_have_count(2)
    owner_page.get_by_role("button", name="Cancel all").click()
    expect(owner_page.locator("article[data-state=cancelled]")).to_have_count(2)


def test_duplicate_is_shown_before_it_is_made_again(owner_page: Page) -> None:
    done(generate(owner_page, "Once is enough"))
    press_generate(owner_page)
    panel = owner_page.get_by_role("region", name="You already made this")
    expect(panel).to_be_visible()
    expect(panel.locator("img")).to_have_count(1)
    before = owner_page.locator("article").count()
    panel.get_by_role("button", name="Generate anyway").click()
    expect(owner_page.locator("article")).to_have_count(before + 1)
    expect(panel).to_have_count(0)


def test_card_is_run_again_from_its_menu_and_remixed_by_a_key(owner_page: Page) -> None:
    pick(owner_page, "flux-schnell")
    owner_page.locator('label:has([name=opt_size][value="512x512"])').click()
    card = generate(owner_page, "A picture to go on from")
    done(card)
    before = owner_page.locator("article").count()
    card.get_by_role("link").first.focus()
    owner_page.keyboard.press("v")
    card.hover()
    card.get_by_role("button", name="More").click()
    expect(owner_page.locator("article")).to_have_count(before)
    card.get_by_role("button", name="Run again").click()
    expect(owner_page.locator("article")).to_have_count(before + 1)
    card.get_by_role("link").first.focus()
    owner_page.keyboard.press("r")
    expect(owner_page.get_by_label("Prompt")).to_have_value("A picture to go on from")
    expect(owner_page.locator('[name=opt_size][value="512x512"]')).to_be_checked()
    expect(owner_page.locator("#parent")).to_contain_text("Remix of an earlier picture")
    write(owner_page, "A picture to go on from, at night")
    press_generate(owner_page)
    remix = owner_page.locator("article", has_text="at night").first
    done(remix)
    remix.get_by_role("link").first.click()
    expect(owner_page.locator("body")).to_contain_text(re.compile("remix", re.IGNORECASE))


def test_draft_survives_a_reload_with_its_model_and_options(owner_page: Page) -> None:
    pick(owner_page, "dall-e-3")
    more(owner_page)
    owner_page.locator('label:has([name=opt_quality][value="hd"])').click()
    write(owner_page, "Not yet, but soon")
    owner_page.reload()
    expect(owner_page.get_by_label("Prompt")).to_have_value("Not yet, but soon")
    expect(owner_page.get_by_role("button", name="Model:")).to_contain_text(LABELS["dall-e-3"])
    expect(owner_page.locator('[name=opt_quality][value="hd"]')).to_be_checked()


def test_keys_browse_earlier_prompts(owner_page: Page) -> None:
    generate(owner_page, "An earlier thought")
    generate(owner_page, "A later thought")
    prompt = owner_page.get_by_label("Prompt")
    write(owner_page, "half a sen")
    for key, value in (
        ("Alt+ArrowUp", "A later thought"),
        ("Alt+ArrowUp", "An earlier thought"),
        ("Alt+ArrowDown", "A later thought"),
        ("Alt+ArrowDown", "half a sen"),
    ):
        prompt.press(key)
        expect(prompt).to_have_value(value)


def test_prompt_length_is_shown_and_checked(owner_page: Page) -> None:
    write(owner_page, "x" * 3000)
    expect(owner_page.locator("#prompt-length")).to_be_hidden()
    write(owner_page, "🍋" * 3300)
    expect(owner_page.locator("#prompt-length")).to_have_text("3,300 of 4,000 characters")
    write(owner_page, "x" * 4001)
    press_generate(owner_page)
    expect(owner_page.locator("#composer")).to_contain_text("4,001 characters")
    expect(owner_page.get_by_label("Prompt")).to_have_value("x" * 4001)


def test_template_is_made_from_a_picture_and_filled_in(owner_page: Page) -> None:
    card = generate(owner_page, "A fox in the woods")
    done(card)
    card.get_by_role("link").first.click()
    owner_page.locator(".doings").get_by_role("button", name="More").click()
    owner_page.get_by_role("link", name="Make template").click()
    owner_page.get_by_label("Name").fill("Animal portrait")
    owner_page.get_by_label("Text").fill("A {{animal}} in the {{place}}")
    owner_page.get_by_role("button", name="Save template").click()
    expect(owner_page.get_by_role("heading", name="Animal portrait")).to_be_visible()
    owner_page.goto("/")
    owner_page.get_by_role("link", name="Templates").click()
    owner_page.get_by_role("link", name=re.compile("Animal portrait")).click()
    owner_page.get_by_label("Animal", exact=True).fill("{owl|crane}")
    owner_page.get_by_label("Place", exact=True).fill("marsh")
    owner_page.get_by_role("button", name="Use", exact=True).click()
    expect(owner_page.get_by_label("Prompt")).to_have_value("A {owl|crane} in the marsh")
    expect(owner_page.get_by_role("button", name="Model:")).to_contain_text(LABELS["flux-schnell"])
    press_generate(owner_page)
    batch = batch_of(owner_page, "prompts", "in the marsh")
    expect(batch.locator("article[data-state=completed]")).to_have_count(2, timeout=60_000)
    owner_page.goto("/templates/")
    expect(owner_page.locator("article", has_text="Animal portrait")).to_contain_text("used once")


def test_queue_works_with_the_keyboard(owner_page: Page) -> None:
    pick(owner_page, "flux-pro")
    generate(owner_page, "[fail: task_never_ends] in the queue", "flux-pro")
    badge = owner_page.get_by_role("link", name=re.compile("under way"))
    expect(badge).to_be_visible()
    expect(owner_page).to_have_title(re.compile(r"^\(\d+\) Create"))
    expect(owner_page.locator("link[rel=icon]")).to_have_attribute("href", re.compile(r"/favicon/\d+\.svg"))
    badge.press("Enter")
    dialog = owner_page.get_by_role("dialog", name="Queue")
    expect(dialog).to_contain_text("in the queue")
    dialog.get_by_role("button", name="Cancel all").press("Enter")
    expect(owner_page.locator(".message")).to_contain_text("Cancelled")
    expect(owner_page).to_have_title("Create · Lemon Studio")
    owner_page.get_by_role("link", name="Queue").press("Enter")
    dialog.get_by_role("button", name="Clear").press("Enter")
    expect(owner_page.locator(".message")).to_contain_text("Cleared")


def test_picture_that_finished_meanwhile_is_marked_new_once(owner_page: Page) -> None:
    generate(owner_page, "While I am away", "flux-pro")
    owner_page.goto("/queue/")
    expect(owner_page.locator("main")).not_to_contain_text("While I am away", timeout=30_000)
    owner_page.goto("/")
    card = owner_page.locator("article", has_text="While I am away").first
    expect(card.locator(".new")).to_have_text("New")
    owner_page.reload()
    expect(owner_page.locator("article", has_text="While I am away").first.locator(".new")).to_have_count(0)


def test_hidden_page_gets_a_notification(set_up: Studio, browser: Browser) -> None:
    visit = Visit(browser, set_up)
    visit.context.grant_permissions(["notifications"], origin=set_up.url)
    visit.context.add_init_script(
        "window.notified = []; window.Notification = class extends EventTarget {"
        " static permission = 'granted'; static requestPermission() { return Promise.resolve('granted'); }"
        " constructor(title, options) { super(); window.notified.push(options.body); } };"
        "Object.defineProperty(document, 'hidden', { get: () => window.away === true });"
    )
    page = visit.sign_in("olivia@example.org")
    page.goto("/account/")
    page.get_by_role("switch", name=re.compile("Tell me when a picture is ready")).check()
    page.goto("/")
    generate(page, "Tell me when it is there", "flux-pro")
    page.evaluate("() => { window.away = true; document.dispatchEvent(new Event('visibilitychange')); }")
    expect(page).to_have_title(re.compile("✓"), timeout=30_000)
    assert page.evaluate("() => window.notified") == ["A picture is ready."]
    visit.close()


def test_comparison_works_on_a_phone(phone_page: Page) -> None:
    phone_page.get_by_role("button", name="Describe a picture…").click()
    write(phone_page, "From the {left|right} pocket")
    pick_label(phone_page, LABELS["flux-schnell"])
    compare_with(phone_page, LABELS["dall-e-2"])
    expect(phone_page.locator("#cost")).to_have_text("4 pictures")
    press_generate(phone_page)
    row = batch_of(phone_page, "comparison", "pocket")
    expect(row.locator("article[data-state=completed]")).to_have_count(4, timeout=60_000)
    assert phone_page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    # Wait for all pictures, so that the layout stays still.
    for picture in row.locator("img").all():
        picture.scroll_into_view_if_needed()
        expect(picture).to_have_js_property("complete", True)
    row.get_by_role("button", name="Best is FLUX schnell").first.tap()
    expect(row.locator("[aria-pressed=true]")).to_have_count(1)


def a_file(name: str, colour: str) -> FilePayload:
    return {"name": name, "mimeType": "image/png", "buffer": png(64, 48, colour)}


def names_of(page: Page) -> list[str]:
    return page.locator("#reference-list img").evaluate_all("(all) => all.map((one) => one.alt)")


def test_references_are_brought_ordered_named_and_sent(set_up: Studio, owner_page: Page) -> None:
    set_up.shell(TAKES_THREE)
    page = owner_page
    page.goto("/")
    pick_label(page, "GPT Image 2")
    page.locator("[name=reference_files]").set_input_files(
        [a_file("red.png", "#cc2200"), a_file("blue.png", "#0022cc")]
    )
    items = page.locator("#reference-list [data-reference]")
    expect(items).to_have_count(2)
    expect(page.locator("#reference-note")).to_contain_text("2 of 3 that GPT Image 2 takes")
    assert names_of(page) == ["red", "blue"]
    page.get_by_role("button", name="Move @2 forward").click()
    assert names_of(page) == ["blue", "red"]
    # By keys it goes back, and the focus goes along.
    page.keyboard.press("Alt+ArrowRight")
    assert names_of(page) == ["red", "blue"]
    expect(page.get_by_role("button", name="Move @2 forward")).to_be_focused()
    for kind, name, colour in (("paste", "green.png", "#00cc22"), ("drop", "white.png", "#ffffff")):
        page.evaluate(BRING, [kind, name, list(png(64, 48, colour))])
        expect(page.locator("#reference-list").get_by_role("img", name=name.removesuffix(".png"))).to_be_visible()
    expect(page.locator("#reference-note")).to_contain_text(
        "GPT Image 2 takes 3 reference pictures at most; there are 4."
    )
    page.get_by_role("button", name="Remove @4").click()
    page.get_by_role("button", name="Remove @3").click()
    expect(items).to_have_count(2)
    pick(page, "dall-e-3")
    expect(page.locator("#reference-note")).to_contain_text("DALL·E 3 takes no reference pictures.")
    pick_label(page, "GPT Image 2")
    expect(page.locator("#reference-note")).to_contain_text("2 of 3")
    write(page, "A door in the colour of")
    page.get_by_label("Prompt").press("End")
    page.get_by_role("button", name="@2", exact=True).click()
    expect(page.get_by_label("Prompt")).to_have_value("A door in the colour of @2 ")
    # What was chosen outlives a reload.
    page.goto("/")
    expect(items).to_have_count(2)
    assert names_of(page) == ["red", "blue"]
    expect(page.get_by_role("button", name="Model:")).to_contain_text("GPT Image 2")
    press_generate(page)
    card = page.locator("article", has_text="A door in the colour of").first
    expect(card).to_have_attribute("data-state", "completed", timeout=60_000)
    expect(card.get_by_role("list", name="Made from").get_by_role("img")).to_have_count(2)


def test_references_are_picked_from_what_one_sees(set_up: Studio, owner_page: Page) -> None:
    set_up.shell(TAKES_THREE)
    page = owner_page
    page.goto("/uploads/")
    page.get_by_label("Sketch").check()
    files = [a_file("plan.png", "#123456"), a_file("garden plan.png", "#654321")]
    notes: FilePayload = {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"no picture"}
    page.locator("#id_pictures").set_input_files([*files, notes])
    expect(page.get_by_text(": in your library")).to_have_count(2)
    expect(page.get_by_role("alert")).to_contain_text("“notes.txt” is not a picture")
    page.goto("/")
    page.get_by_role("link", name="From the library").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Kind").select_option(label="Sketch")
    expect(dialog.locator("#pick-found img")).to_have_count(2)
    garden = dialog.get_by_role("button", name="garden plan")
    garden.click()
    expect(garden).to_have_attribute("aria-pressed", "true")
    dialog.get_by_role("button", name="plan", exact=True).click()
    garden.click()
    expect(garden).to_have_attribute("aria-pressed", "false")
    dialog.get_by_role("button", name="Close").click()
    expect(page.locator("#reference-list img[alt='plan']")).to_have_count(1)
    page.goto("/pictures/?kind=sketch")
    page.get_by_role("link", name="garden plan").first.click()
    page.get_by_role("link", name="Use as reference").click()
    expect(page.locator("#reference-list img[alt='garden plan']")).to_have_count(1)
    expect(page.get_by_role("button", name="Model:")).to_contain_text("GPT Image 2")
