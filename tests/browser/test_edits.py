"""Edits and variations: marking with mouse, keys and fingers, and uploads. Each ends with a stored picture."""

import base64
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageChops
from playwright.sync_api import Browser, Locator, Page, expect

from lemonstudio.processes.tree import Studio
from tests.browser.conftest import PASSWORD, Visit
from tests.browser.test_create import done, generate, pick
from tests.conftest import png
from tests.engine.conftest import KEY
from tests.engine.test_edits import form_of
from tests.support.stub_upstream import Reply, Request, StubUpstream
from tests.support.studio import prepare

# The title may begin with the number of generations that have ended meanwhile.
FEED = re.compile(r"Create · Lemon Studio$")
NOTHING = "Nothing is marked yet. DALL·E 2 paints only what you mark."
ANOTHER = """
from gallery.models import ImageModel
size = {"name": "size", "label": "Size", "choices": ["auto", "1024x1024"], "default": "auto"}
ImageModel.objects.update_or_create(
    slug="gpt-image-2",
    defaults=dict(label="GPT Image 2", can_edit=True, enabled=True, max_count=4, price="0.04", options=[size]),
)
"""

WITHOUT_MASK = """
from gallery.models import ImageModel
ImageModel.objects.update_or_create(
    slug="nano-banana-pro",
    defaults=dict(
        label="Nano Banana Pro",
        can_edit=True,
        enabled=True,
        price="0.04",
        routes={"edit": {"endpoint": "/images/generations", "encoding": "multipart", "references": 1}},
    ),
)
"""


@pytest.fixture(scope="module")
def pictures(set_up: Studio, browser: Browser) -> dict[str, str]:
    """The addresses of two of Olivia's pictures: a square one and a wide one."""
    visit = Visit(browser, set_up)
    page = visit.sign_in("olivia@example.org")
    found = {}
    for name, slug, size in (("square", "dall-e-2", "1024x1024"), ("wide", "dall-e-3", "1792x1024")):
        page.goto("/")
        pick(page, slug)
        page.locator(f'label:has([name=opt_size][value="{size}"])').click()
        card = generate(page, f"To be edited, {name}", slug)
        done(card)
        found[name] = page_of(card)
    visit.close()
    return found


@pytest.fixture
def another_model(set_up: Studio) -> Iterator[None]:
    """A model that edits pictures of any shape, with or without a mask."""
    set_up.shell(ANOTHER)
    yield
    set_up.shell(
        "from gallery.models import ImageModel; ImageModel.objects.filter(slug='gpt-image-2').update(enabled=0)"
    )


@pytest.fixture
def model_without_mask(set_up: Studio) -> Iterator[None]:
    """A model that edits pictures and takes no mask."""
    set_up.shell(WITHOUT_MASK)
    yield
    set_up.shell(
        "from gallery.models import ImageModel; ImageModel.objects.filter(slug='nano-banana-pro').update(enabled=0)"
    )


def mask_status(page: Page) -> Locator:
    """The text below the canvas that says what is marked."""
    return page.locator("#mask-said")


def canvas(page: Page) -> Locator:
    return page.get_by_role("application", name="Mask")


def drag(page: Page, start: tuple[float, float], *others: tuple[float, float]) -> None:
    """Draw with the mouse from point to point. Points are shares of the picture's width and height."""
    box = canvas(page).bounding_box()
    assert box
    points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in (start, *others)]
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point, steps=8)
    page.mouse.up()


def finished(page: Page, prompt: str, kind: str = "Edit") -> Locator:
    """Wait until the card with this prompt is completed; return it."""
    expect(page).to_have_title(FEED)
    card = page.locator("article", has_text=prompt).first
    expect(card.locator(".meta")).to_contain_text(kind)
    done(card)
    return card


def page_of(card: Locator) -> str:
    """The address of a card's picture, without the query that names the list."""
    return (card.get_by_role("link").first.get_attribute("href") or "").partition("?")[0]


def original(page: Page, address: str) -> Image.Image:
    return Image.open(io.BytesIO(page.request.get(f"{address}download/").body())).convert("RGB")


def differs(one: Image.Image, other: Image.Image, box: tuple[int, int, int, int]) -> bool:
    return ImageChops.difference(one.crop(box), other.crop(box)).getbbox() is not None


def generate_edit(page: Page, prompt: str) -> None:
    page.get_by_label("Prompt", exact=True).fill(prompt)
    page.get_by_role("button", name=re.compile("^Generate")).click()


# -- marking


def test_model_without_masks_hides_the_tools_and_sends_no_mask(
    owner_page: Page, pictures: dict[str, str], model_without_mask: None
) -> None:
    page = owner_page
    page.goto(f"{pictures['square']}edit/")
    models = page.get_by_label("Model", exact=True)
    unsent = page.get_by_text("What you have marked is not sent with it.")

    models.select_option(label="Nano Banana Pro")
    expect(page.get_by_text("Nano Banana Pro takes no mask.")).to_be_visible()
    expect(canvas(page)).to_be_hidden()
    expect(page.locator("#mask-tools")).to_be_hidden()
    expect(unsent).to_be_hidden()

    models.select_option(label="DALL·E 2")
    expect(canvas(page)).to_be_visible()
    drag(page, (0.3, 0.5), (0.7, 0.5))
    expect(mask_status(page)).to_have_text(re.compile(r"Marked: \d+ % of the picture\."))
    models.select_option(label="Nano Banana Pro")
    expect(unsent).to_be_visible()

    with page.expect_request(lambda request: request.method == "POST") as sent:
        generate_edit(page, "Make it night, all of it")
    assert 'name="prompt"' in (sent.value.post_data_buffer or b"").decode(errors="replace")
    assert 'filename="mask.png"' not in (sent.value.post_data_buffer or b"").decode(errors="replace")

    page.goto(f"{pictures['square']}edit/")
    expect(page.get_by_text("takes no mask")).to_be_hidden()
    expect(canvas(page)).to_be_visible()


def test_mask_is_drawn_with_the_mouse(owner_page: Page, pictures: dict[str, str]) -> None:
    page = owner_page
    page.goto(pictures["square"])
    page.get_by_role("link", name="Edit", exact=True).click()
    expect(mask_status(page)).to_have_text(NOTHING)
    drag(page, (0.3, 0.5), (0.7, 0.5))
    expect(mask_status(page)).to_have_text(re.compile(r"Marked: \d+ % of the picture\."))
    first = mask_status(page).inner_text()
    drag(page, (0.5, 0.3), (0.5, 0.7))
    expect(mask_status(page)).not_to_have_text(first)
    second = mask_status(page).inner_text()

    undo, redo = page.get_by_role("button", name="Undo"), page.get_by_role("button", name="Redo")
    undo.click()
    expect(mask_status(page)).to_have_text(first)
    redo.click()
    expect(mask_status(page)).to_have_text(second)
    page.get_by_role("button", name="Invert").click()
    expect(mask_status(page)).to_have_text(re.compile(r"Marked: [89]\d %"))
    undo.click()
    page.locator("label", has_text="Erase").click()
    drag(page, (0.3, 0.5), (0.7, 0.5))
    expect(mask_status(page)).not_to_have_text(second)
    page.get_by_role("button", name="Clear").click()
    expect(mask_status(page)).to_have_text(NOTHING)
    for _ in range(4):
        undo.click()
    expect(mask_status(page)).to_have_text(NOTHING)
    expect(undo).to_have_attribute("aria-disabled", "true")

    page.locator("label", has_text="Draw").click()
    drag(page, (0.4, 0.5), (0.6, 0.5))
    generate_edit(page, "A ribbon, with the mouse")
    card = finished(page, "A ribbon, with the mouse")
    edited = page_of(card)
    before, after = original(page, pictures["square"]), original(page, edited)
    assert before.size == after.size == (1024, 1024)
    assert differs(before, after, (440, 490, 580, 530)), "the marked part was painted anew"
    assert not differs(before, after, (0, 0, 1024, 300)), "nothing else changed"

    page.goto(edited)
    page.get_by_text("History", exact=True).click()
    lineage = page.locator(".lineage")
    expect(lineage).to_contain_text("Edited from")
    lineage.get_by_role("link", name="To be edited, square").click()
    page.get_by_text("History", exact=True).click()
    expect(page.locator(".lineage")).to_contain_text("Made from this one")
    expect(page.get_by_role("link", name="Edit: A ribbon, with the mouse")).to_be_visible()


def test_larger_brush_marks_more(owner_page: Page, pictures: dict[str, str]) -> None:
    page = owner_page
    page.goto(f"{pictures['square']}edit/")
    shares = []
    for size in ("5", "40"):
        page.get_by_label("Brush size").fill(size)
        drag(page, (0.3, 0.5), (0.7, 0.5))
        expect(mask_status(page)).to_contain_text("Marked")
        shares.append(int(re.findall(r"\d+", mask_status(page).inner_text())[0]))
        page.get_by_role("button", name="Clear").click()
    assert shares[1] > 3 * shares[0]


def test_mask_is_drawn_with_the_keyboard_alone(owner_page: Page, pictures: dict[str, str]) -> None:
    page = owner_page
    page.goto(pictures["square"])
    page.keyboard.press("e")
    expect(canvas(page)).to_be_visible()
    for _ in range(20):
        page.keyboard.press("Tab")
        if canvas(page).evaluate("element => element === document.activeElement"):
            break
    expect(canvas(page)).to_be_focused()
    expect(page.locator("#mask-keys")).to_be_visible()
    expect(mask_status(page)).to_have_text(
        f"Brush 50 % from the left, 50 % from the top, on unmarked ground. {NOTHING}"
    )
    page.keyboard.press("Space")
    expect(mask_status(page)).to_have_text(
        "Brush 50 % from the left, 50 % from the top, on marked ground. Marked: 1 % of the picture."
    )
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(mask_status(page)).to_contain_text("Brush 62 % from the left, 50 % from the top, on unmarked ground.")
    page.keyboard.down("Shift")
    for _ in range(4):
        page.keyboard.press("ArrowDown")
    page.keyboard.up("Shift")
    expect(mask_status(page)).to_contain_text("62 % from the left, 74 % from the top, on marked ground.")
    marked = mask_status(page).inner_text()
    page.keyboard.press("Control+z")
    expect(mask_status(page)).to_contain_text("Marked: 1 % of the picture.")
    page.keyboard.press("Control+Shift+z")
    page.keyboard.press("e")
    expect(mask_status(page)).to_contain_text("Erasing.")
    page.keyboard.press("Space")
    expect(mask_status(page)).to_contain_text("on unmarked ground")
    assert mask_status(page).inner_text() != marked
    page.keyboard.press("e")
    page.keyboard.press("]")
    expect(mask_status(page)).to_contain_text("Brush size 14.")

    # The Tab key leads from the canvas past the tools and the regions to the prompt.
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent.trim()") == "Lower half":
            break
    page.keyboard.press("Enter")
    expect(mask_status(page)).to_have_text(re.compile(r"^Marked: 5\d % of the picture\.$"))
    for _ in range(10):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "id_prompt":
            break
    page.keyboard.type("A lawn, with keys alone")
    page.keyboard.press("Control+Enter")
    finished(page, "A lawn, with keys alone")


def touch(page: Page, *points: tuple[float, float]) -> None:
    """Draw with a finger from point to point. Points are shares of the picture's width and height."""
    box = canvas(page).bounding_box()
    assert box
    session = page.context.new_cdp_session(page)

    def send(kind: str, x: float, y: float) -> None:
        at = {"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"]}
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [] if kind == "touchEnd" else [at]})

    send("touchStart", *points[0])
    for x, y in points[1:]:
        send("touchMove", x, y)
    send("touchEnd", *points[-1])


def test_mask_is_drawn_with_a_finger_on_a_phone(phone_page: Page, pictures: dict[str, str]) -> None:
    page = phone_page
    page.goto(f"{pictures['wide']}edit/")
    expect(mask_status(page)).to_have_text(NOTHING)
    scrolled = page.evaluate("scrollY")
    touch(page, (0.35, 0.3), (0.5, 0.5), (0.65, 0.7))
    expect(mask_status(page)).to_have_text(re.compile(r"Marked: \d+ %"))
    assert page.evaluate("scrollY") == scrolled, "drawing does not move the page"
    overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(overflow) <= 0
    small = page.evaluate(
        """[...document.querySelectorAll("#mask-tools button, #mask-tools label, .editor button[type=submit]")]
        .filter(one => one.getBoundingClientRect().height < 24).length"""
    )
    assert small == 0
    generate_edit(page, "A rocket, with a finger")
    finished(page, "A rocket, with a finger")


def test_choice_of_square_part_shows_at_once(owner_page: Page, pictures: dict[str, str]) -> None:
    page = owner_page
    page.goto(f"{pictures['wide']}edit/")
    expect(canvas(page)).to_be_visible()
    shade = """element => [.1, .9].map(x =>
        element.getContext("2d").getImageData(element.width * x, element.height / 2, 1, 1).data[3] > 100)"""

    def shaded() -> Any:
        page.evaluate("() => new Promise(requestAnimationFrame)")
        return canvas(page).evaluate(shade)

    part = page.locator("#edit-options")
    for name, expected in (
        ("Left", [False, True]),
        ("Right", [True, False]),
        ("Middle", [True, True]),
        ("All of it", [False, False]),
    ):
        part.locator("label", has_text=name).click()
        assert shaded() == expected, name


def test_wide_picture_is_extended_to_a_square(owner_page: Page, pictures: dict[str, str]) -> None:
    page = owner_page
    page.goto(f"{pictures['wide']}edit/")
    page.locator("#edit-options label", has_text="All of it").click()
    generate_edit(page, "More sky and more sea")
    card = finished(page, "More sky and more sea")
    edited = original(page, page_of(card))
    assert edited.size == (1024, 1024)


# -- the form


def test_form_error_keeps_the_mask(owner_page: Page, pictures: dict[str, str]) -> None:
    page = owner_page
    page.goto(f"{pictures['square']}edit/")
    page.get_by_role("button", name=re.compile("^Generate")).click()
    expect(page.locator("#edit-fields")).to_contain_text("Say what to change first.")
    generate_edit(page, "A kept mask")
    expect(page.locator("#edit-fields")).to_contain_text("Mark the part of the picture that is to change.")
    expect(page.get_by_label("Prompt", exact=True)).to_have_value("A kept mask")
    page.get_by_role("button", name="Centre").click()
    expect(mask_status(page)).to_have_text("Marked: 25 % of the picture.")
    page.get_by_label("Prompt", exact=True).fill("")
    page.get_by_role("button", name=re.compile("^Generate")).click()
    expect(page.locator("#edit-fields")).to_contain_text("Say what to change first.")
    expect(mask_status(page)).to_have_text("Marked: 25 % of the picture.")
    generate_edit(page, "A kept mask")
    finished(page, "A kept mask")


def test_form_can_be_sent_again_after_going_back(
    owner_page: Page, pictures: dict[str, str], another_model: None
) -> None:
    page = owner_page
    for _ in range(2):
        if page.url.endswith("/edit/"):
            expect(canvas(page)).to_be_visible()
        else:
            page.goto(f"{pictures['square']}edit/")
        page.get_by_label("Model", exact=True).select_option(label="GPT Image 2")
        expect(mask_status(page)).to_have_text("Nothing is marked: all of the picture may change.")
        generate_edit(page, "Twice, on purpose")
        expect(page).to_have_title(FEED)
        page.go_back()
    page.goto("/")
    expect(page.locator("article", has_text="Twice, on purpose")).to_have_count(2)


def test_model_changes_options_and_cost(owner_page: Page, pictures: dict[str, str], another_model: None) -> None:
    page = owner_page
    page.goto(f"{pictures['wide']}edit/")
    expect(page.locator("#edit-options")).to_contain_text("Crop")
    page.get_by_label("Model", exact=True).select_option(label="GPT Image 2")
    expect(page.locator("#edit-options")).not_to_contain_text("Crop")
    expect(page.locator('[name=opt_size][value="auto"]')).to_be_checked()
    expect(page.locator("#cost")).to_have_text("$0.04")
    page.locator('#edit-options label:has([name=count][value="3"])').click()
    expect(page.locator("#cost")).to_have_text("$0.12")
    page.locator('#edit-options label:has([name=count][value="1"])').click()
    page.get_by_role("button", name="Left half").click()
    generate_edit(page, "Half a storm")
    card = finished(page, "Half a storm")
    edited = original(page, page_of(card))
    assert edited.size == (1792, 1024)
    assert not differs(original(page, pictures["wide"]), edited, (980, 0, 1792, 1024))


def test_mask_can_be_a_file_without_javascript(set_up: Studio, browser: Browser, pictures: dict[str, str]) -> None:
    visit = Visit(browser, set_up, java_script_enabled=False)
    page = visit.sign_in("olivia@example.org")
    page.goto(f"{pictures['square']}edit/")
    mask = Image.new("RGBA", (512, 512), "black")
    mask.paste((0, 0, 0, 0), (0, 0, 256, 512))
    buffer = io.BytesIO()
    mask.save(buffer, "PNG")
    page.get_by_label("Mask", exact=True).set_input_files(
        {"name": "mask.png", "mimeType": "image/png", "buffer": buffer.getvalue()}
    )
    generate_edit(page, "A mask from a file")
    for _ in range(60):
        card = page.locator("article", has_text="A mask from a file")
        if card.get_attribute("data-state") == "completed":
            break
        page.wait_for_timeout(250)
        page.goto("/")
    expect(card.locator("img")).to_have_count(1)
    visit.close()


# -- uploads


def photo(size: tuple[int, int] = (900, 600), format: str = "JPEG") -> bytes:
    """A photo as phones make it: stored wide, and its EXIF orientation says that it is tall."""
    exif = Image.Exif()
    exif[0x0112] = 6
    buffer = io.BytesIO()
    Image.linear_gradient("L").resize(size).convert("RGB").save(buffer, format, exif=exif)
    return buffer.getvalue()


def test_upload_is_edited_like_a_picture(owner_page: Page) -> None:
    page = owner_page
    page.goto("/edit/")
    page.get_by_label("Choose a picture").set_input_files(
        {"name": "photo.jpg", "mimeType": "image/jpeg", "buffer": photo()}
    )
    expect(page).to_have_url(re.compile(r"/edit/[0-9a-f]{32}-600x900\.jpg/$"))
    shown = page.get_by_role("img", name="The picture that you brought")
    expect(shown).to_have_js_property("complete", True)
    assert shown.evaluate("one => [one.naturalWidth, one.naturalHeight]") == [600, 900]
    expect(page.locator("#edit-options")).to_contain_text("Bottom")
    drag(page, (0.3, 0.5), (0.7, 0.5))
    generate_edit(page, "A boat in my photo")
    card = finished(page, "A boat in my photo")
    page.goto(page_of(card))
    page.get_by_text("History", exact=True).click()
    expect(page.locator(".lineage")).to_contain_text("Edited from a picture that is not in the studio.")
    sent = page.get_by_role("img", name="The picture that was sent")
    expect(sent).to_have_js_property("complete", True)
    assert sent.evaluate("one => [one.naturalWidth, one.naturalHeight]") == [600, 600]


GIVE = """([how, base64, name, type]) => {
  const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
  const data = new DataTransfer();
  data.items.add(new File([bytes], name, { type }));
  const options = { bubbles: true, cancelable: true };
  const zone = document.querySelector("[data-dropzone]");
  if (how === "paste") zone.dispatchEvent(new ClipboardEvent("paste", { ...options, clipboardData: data }));
  else zone.dispatchEvent(new DragEvent("drop", { ...options, dataTransfer: data }));
}"""


@pytest.mark.parametrize("how", ["drop", "paste"])
def test_picture_can_be_dropped_or_pasted(how: str, owner_page: Page) -> None:
    owner_page.goto("/edit/")
    encoded = base64.b64encode(png()).decode()
    owner_page.evaluate(GIVE, [how, encoded, "a.png", "image/png"])
    expect(owner_page).to_have_url(re.compile(r"/edit/[0-9a-f]{32}-64x48\.png/$"))


def test_unusable_files_are_refused_before_and_after_the_upload(owner_page: Page) -> None:
    page = owner_page
    page.goto("/edit/")
    choose = page.get_by_label("Choose a picture")
    zone = page.locator(".dropzone")
    choose.set_input_files({"name": "notes.txt", "mimeType": "text/plain", "buffer": b"notes"})
    expect(zone).to_contain_text(
        "“notes.txt” is not a picture that can be opened here. Choose a PNG, JPEG, WebP, AVIF or GIF."
    )
    choose.set_input_files({"name": "huge.png", "mimeType": "image/png", "buffer": bytes(21 * 2**20)}, timeout=60_000)
    expect(zone).to_contain_text("“huge.png” is larger than 20 MB. Make it smaller, and choose it again.")
    expect(page).to_have_url(re.compile("/edit/$"))
    choose.set_input_files({"name": "false.png", "mimeType": "image/png", "buffer": png()[:-20]})
    expect(zone).to_contain_text("This file cannot be used: its end is missing. Save or download it once more")
    heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200)
    choose.set_input_files({"name": "photo.jpg", "mimeType": "image/jpeg", "buffer": heic})
    expect(zone).to_contain_text("it is a HEIC file. Choose a JPEG instead")


@pytest.mark.parametrize("called", ["image/heic", "image/pjpeg", "image/x-png", "application/octet-stream", ""])
def test_a_picture_is_taken_whatever_the_browser_calls_it(called: str, owner_page: Page) -> None:
    owner_page.goto("/edit/")
    file = {"name": "photo.heic", "mimeType": called, "buffer": png()}
    owner_page.get_by_label("Choose a picture").set_input_files(file)  # type: ignore[arg-type]
    expect(owner_page).to_have_url(re.compile(r"/edit/[0-9a-f]{32}-64x48\.png/$"))


# -- variations


def test_variations_are_made_with_one_click(owner_page: Page, pictures: dict[str, str]) -> None:
    page = owner_page
    page.goto(pictures["wide"])
    page.get_by_label("How many").fill("2")
    page.get_by_role("button", name="Make similar").click()
    expect(page).to_have_title(FEED)
    card = page.locator("article", has_text="To be edited, wide").first
    expect(card.locator(".meta")).to_contain_text("Variation")
    done(card, pictures=2)
    page.goto(page_of(card))
    expect(page.locator(".lineage")).to_contain_text("Variation of To be edited, wide")


# -- a server that is not the sandbox


def test_edits_work_with_another_server_of_the_same_api(browser: Browser, tmp_path: Path) -> None:
    with StubUpstream() as stub, StubUpstream() as image_host:
        image_host.handler = lambda request: Reply(body=png(512, 512), headers={"Content-Type": "image/png"})

        def answer(request: Request) -> Any:
            if request.path == "/v1/images/edits":
                return {"created": 1, "task_id": "img_7", "status": "pending", "data": [{"url": ""}]}
            done = {"created": 1, "data": [{"url": f"{image_host.origin}/a.png"}]}
            return done if request.method == "POST" else done | {"task_id": "img_7", "status": "completed"}

        stub.handler = answer
        studio = Studio(
            tmp_path,
            LEMONDATA_BASE_URL=stub.base_url,
            LEMONDATA_API_KEY=KEY,
            LEMONSTUDIO_TRUSTED_ORIGINS=image_host.origin,
            LEMONSTUDIO_ADMIN_EMAIL="ada@example.org",
            LEMONSTUDIO_ADMIN_PASSWORD=PASSWORD,
        )
        try:
            prepare(tmp_path)
            studio.start()
            visit = Visit(browser, studio)
            page = visit.sign_in("ada@example.org")
            page.goto("/edit/")
            page.get_by_label("Choose a picture").set_input_files(
                {"name": "photo.png", "mimeType": "image/png", "buffer": png(640, 480)}
            )
            page.get_by_role("button", name="Upper half").click()
            generate_edit(page, "Clouds")
            edited = page_of(finished(page, "Clouds"))
            page.goto(edited)
            page.get_by_role("button", name="Make similar").click()
            done(page.locator("article", has_text="Clouds").first)
            visit.close()
        finally:
            studio.stop()
    posts = [request for request in stub.requests if request.method == "POST"]
    assert len(posts) == 2
    forms = {form.path: form for form in map(form_of, posts)}
    edit, variation = forms["/v1/images/edits"], forms["/v1/images/variations"]
    image, mask = (Image.open(io.BytesIO(edit.files[name])) for name in ("image", "mask"))
    assert (image.format, image.size, mask.format, mask.size) == ("PNG", (480, 480), "PNG", (480, 480))
    assert [mask.getchannel("A").getpixel((240, y)) for y in (20, 460)] == [0, 255]
    assert (edit.fields["prompt"], edit.fields["model"], "n" in edit.fields) == ("Clouds", "dall-e-2", False)
    assert Image.open(io.BytesIO(variation.files["image"])).size == (512, 512)
    assert "prompt" not in variation.fields
    assert {request.headers["authorization"] for request in stub.requests} == {f"Bearer {KEY}"}


def test_version_is_cropped_where_it_was_dragged(owner_page: Page, pictures: dict[str, str]) -> None:
    owner_page.goto(pictures["wide"])
    owner_page.get_by_role("button", name="More", exact=True).click()
    owner_page.get_by_role("link", name="Crop, turn, add a logo…").click()
    owner_page.get_by_label("1:1", exact=True).check()
    preview = owner_page.locator("[data-adjust-previews] canvas")
    owner_page.wait_for_function("one => one?.width === one?.height", arg=preview.element_handle())
    box = preview.bounding_box()
    assert box
    owner_page.mouse.move(box["x"] + 40, box["y"] + 40)
    owner_page.mouse.down()
    owner_page.mouse.move(box["x"] + box["width"] - 10, box["y"] + 40, steps=5)
    owner_page.mouse.up()
    expect(owner_page.get_by_label("From left to right")).to_have_js_property("value", "0")
    owner_page.get_by_role("button", name="Make versions").click()
    expect(owner_page.get_by_text("This is the new version.")).to_be_visible()
    expect(owner_page.get_by_text("1024 × 1024 PNG")).to_be_attached()
    owner_page.get_by_text("History", exact=True).click()
    expect(owner_page.get_by_text("Adjusted from")).to_be_visible()


def test_picture_to_edit_covers_nothing_on_a_tablet(owner_page: Page, pictures: dict[str, str]) -> None:
    owner_page.set_viewport_size({"width": 1024, "height": 768})
    for address in pictures.values():
        owner_page.goto(f"{address}edit/")
        expect(owner_page.locator("#mask")).to_be_visible()
        back, picture, tools = (
            owner_page.locator(one).bounding_box() for one in (".easel-head .btn", ".easel-pic", "#mask-tools")
        )
        assert back
        assert picture
        assert tools
        assert back["y"] + back["height"] <= picture["y"]
        assert picture["y"] + picture["height"] <= tools["y"]
        assert picture["height"] > 150
