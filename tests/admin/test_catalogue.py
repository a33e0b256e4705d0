"""The administration of the catalogue: the form of a model, and the comparison with what the upstream offers."""

import json
import re
import time
from dataclasses import asdict
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django_q.models import OrmQ

from gallery import tasks
from gallery.admin.catalogue import LATE
from gallery.admin.option_rows import as_row
from gallery.models import CatalogueSnapshot, ImageModel, Person
from gallery.upstream.catalogue import OfferedModel, OfferedOption
from tests.conftest import model, signed_in
from tests.support.stub_upstream import Reply, StubUpstream

pytestmark = [pytest.mark.database, pytest.mark.django_db]

COMPARE = "/admin/gallery/imagemodel/compare/"
LOOK_UP = "/admin/gallery/imagemodel/compare/look-up/"
RATIO = OfferedOption("aspect_ratio", "Aspect ratio", ("1:1", "16:9"), "1:1")
BANANA = OfferedModel("nano-banana-pro", description="Ripe <b>pictures</b>", options=(RATIO,), price=Decimal("0.134"))


def offer(*models: OfferedModel, error: str = "") -> CatalogueSnapshot:
    """What a look-up found."""
    rows = json.loads(json.dumps([asdict(one) for one in models], cls=DjangoJSONEncoder))
    return CatalogueSnapshot.objects.create(offered=rows, error=error)


def as_seeded(*without: str) -> list[OfferedModel]:
    return [OfferedModel(slug) for slug in ImageModel.objects.values_list("slug", flat=True) if slug not in without]


def page(client: Client, query: str = "") -> str:
    response = client.get(COMPARE + query)
    assert response.status_code == 200
    return response.content.decode()


def boxes(text: str, name: str) -> list[tuple[str, bool]]:
    """The values of the check boxes of this name, and whether they are checked."""
    found = re.findall(rf'<input type="checkbox" name="{name}" value="([^"]+)"([^>]*)>', text)
    return [(value, "checked" in rest) for value, rest in found]


def box(text: str, name: str, ending: str) -> str:
    (value,) = [value for value, _ in boxes(text, name) if value.endswith(ending)]
    return value


# -- looking up


def test_the_list_leads_to_the_comparison(as_administrator: Client) -> None:
    text = as_administrator.get("/admin/gallery/imagemodel/").content.decode()
    assert f'<a href="{COMPARE}">Compare with upstream</a>' in text


def test_before_anybody_has_looked(as_administrator: Client) -> None:
    text = page(as_administrator)
    assert "The upstream was not asked yet." in text
    assert 'value="Look up"' in text


def test_looking_up_asks_a_background_task_and_waits_for_it(as_administrator: Client) -> None:
    offer(*as_seeded())
    response = as_administrator.post(LOOK_UP)
    assert OrmQ.objects.get().func() == "gallery.tasks.sync_catalogue"
    waiting = response["Location"]
    text = page(as_administrator, waiting.removeprefix(COMPARE))
    assert "Asking the upstream what it offers." in text
    assert 'name="take"' not in text, "what was found before is not the answer"
    assert as_administrator.get(waiting, headers={"HX-Request": "true"}).status_code == 204

    offer(BANANA, *as_seeded())
    assert as_administrator.get(waiting, headers={"HX-Request": "true"})["HX-Redirect"] == COMPARE
    assert "Add Nano banana pro" in page(as_administrator, waiting.removeprefix(COMPARE))


def test_no_answer_is_told_and_not_waited_for_for_ever(as_administrator: Client) -> None:
    late = f"?after=0&asked={int(time.time()) - LATE - 1}"
    assert "HX-Redirect" in as_administrator.get(COMPARE + late, headers={"HX-Request": "true"})
    text = page(as_administrator, late)
    assert "Is the background worker running?" in text
    assert "hx-get" not in text


@pytest.mark.parametrize("query", ["?after=&asked=", "?after=x", "?after=99999999999999999999", "?after=-1&asked=1"])
def test_an_address_that_makes_no_sense_shows_what_is_there(as_administrator: Client, query: str) -> None:
    offer(BANANA)
    assert "Add Nano banana pro" in page(as_administrator, query)


def test_the_task_fetches_the_offer(as_administrator: Client, settings: Any) -> None:
    with StubUpstream() as stub:
        settings.LEMONDATA_BASE_URL, settings.LEMONDATA_API_KEY = stub.base_url, "sk-test-0123456789"
        stub.handler = lambda request: (
            {"data": [{"id": "my-own-model"}]} if "?category" in request.path else Reply.of_json({}, 404)
        )
        tasks.sync_catalogue()
    assert "The upstream tells nothing but its name." in page(as_administrator)


def test_why_it_failed_is_told(as_administrator: Client) -> None:
    offer(*as_seeded())
    offer(error="The account’s key is not known. <b>Really</b>")
    text = page(as_administrator)
    assert "It could not be looked up what the upstream offers: The account’s key is not known. &lt;b&gt;" in text
    assert 'name="take"' not in text


# -- comparing


def test_nothing_to_do_is_said(as_administrator: Client) -> None:
    offer(*as_seeded())
    assert "nothing is new, changed or gone" in page(as_administrator)


@pytest.fixture
def differing() -> None:
    """One new, one changed with a price set by hand, one gone."""
    ImageModel.objects.filter(slug="dall-e-3").update(price=Decimal("0.99"))
    changed = OfferedModel("dall-e-3", prompt_limit=2, price=Decimal("0.05"))
    offer(BANANA, changed, *as_seeded("dall-e-3", "midjourney"))


def test_the_comparison_shows_all_before_anything_is_applied(as_administrator: Client, differing: None) -> None:
    before = list(ImageModel.objects.values())
    text = page(as_administrator)
    for said in (
        "New (1)",
        "Ripe &lt;b&gt;pictures&lt;/b&gt;",
        "1:1, 16:9; 1:1 unless chosen",
        "Changed (1)",
        "$0.99",
        "$0.05",
        "Not offered any more (1)",
        "5 models of the catalogue are as the upstream has them.",
    ):
        assert said in text, said
    assert [(value.partition(":")[2], on) for value, on in boxes(text, "take")] == [
        ("nano-banana-pro", False),
        ("dall-e-3", True),
        ("midjourney", False),
    ]
    assert [(value.partition(":")[2], on) for value, on in boxes(text, "overwrite")] == [("price:dall-e-3", False)]
    assert list(ImageModel.objects.values()) == before


def test_only_what_is_checked_is_applied(as_administrator: Client, differing: None) -> None:
    text = page(as_administrator)
    response = as_administrator.post(COMPARE, {"take": [box(text, "take", ":dall-e-3")]}, follow=True)
    assert "DALL·E 3: brought up to date." in response.content.decode()
    changed = model("dall-e-3")
    assert (changed.prompt_limit, changed.price) == (2, Decimal("0.99"))
    assert not ImageModel.objects.filter(slug="nano-banana-pro").exists()
    assert model("midjourney").enabled
    assert "from the upstream" in LogEntry.objects.get(object_id=str(changed.pk)).get_change_message()


def test_what_was_set_by_hand_has_a_box_of_its_own(as_administrator: Client, differing: None) -> None:
    text = page(as_administrator)
    as_administrator.post(COMPARE, {"overwrite": [box(text, "overwrite", ":price:dall-e-3")]})
    changed = model("dall-e-3")
    assert (changed.prompt_limit, changed.price) == (4000, Decimal("0.05"))


def test_new_and_gone_ones(as_administrator: Client, as_owner: Client, differing: None) -> None:
    text = page(as_administrator)
    picked = [box(text, "take", ":nano-banana-pro"), box(text, "take", ":midjourney")]
    said = as_administrator.post(COMPARE, {"take": picked}, follow=True).content.decode()
    assert "Nano banana pro: added, and on offer." in said
    assert "Midjourney: no longer on offer." in said
    assert not model("midjourney").enabled
    composer = as_owner.get(f"/generations/options/?model={model('nano-banana-pro').pk}").content.decode()
    assert 'name="opt_aspect_ratio"' in composer
    assert "Midjourney" not in as_owner.get("/").content.decode()
    listed = as_administrator.get("/admin/gallery/imagemodel/?upstream=gone").content.decode()
    assert "since 20" in listed
    assert "1 model" in listed
    assert "7 models" in as_administrator.get("/admin/gallery/imagemodel/?upstream=offered").content.decode()


def test_what_has_changed_since_is_left_alone(as_administrator: Client, differing: None) -> None:
    text = page(as_administrator)
    ImageModel.objects.filter(slug="dall-e-3").update(max_count=7)
    form = {"take": [box(text, "take", ":dall-e-3")], "overwrite": [box(text, "overwrite", ":price:dall-e-3")]}
    said = as_administrator.post(COMPARE, form, follow=True).content.decode()
    assert "Left alone, since not as they were shown any more: dall-e-3." in said
    assert (model("dall-e-3").max_count, model("dall-e-3").price) == (7, Decimal("0.99"))


@pytest.mark.parametrize("form", [{}, {"take": ""}, {"take": ":::", "overwrite": "a"}, {"take": "0:dall-e-3"}])
def test_a_form_that_makes_no_sense_changes_nothing(as_administrator: Client, differing: None, form: Any) -> None:
    before = list(ImageModel.objects.values())
    assert as_administrator.post(COMPARE, form).status_code == 302
    assert list(ImageModel.objects.values()) == before


def test_applying_when_the_last_look_up_failed_changes_nothing(as_administrator: Client, differing: None) -> None:
    form = {"take": [value for value, _ in boxes(page(as_administrator), "take")]}
    offer(error="The account’s key is not known.")
    before = list(ImageModel.objects.values())
    assert "Left alone" in as_administrator.post(COMPARE, form, follow=True).content.decode()
    assert list(ImageModel.objects.values()) == before


def test_the_number_of_queries_does_not_grow(as_administrator: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as found:
            page(as_administrator)
        return len(found)

    offer(BANANA)
    few = queries()
    offer(*(OfferedModel(f"another-{number}", options=(RATIO,)) for number in range(40)))
    assert queries() == few


# -- who may


def test_a_stranger_is_sent_to_sign_in(as_stranger: Client) -> None:
    for response in (as_stranger.get(COMPARE), as_stranger.post(COMPARE), as_stranger.post(LOOK_UP)):
        assert response.status_code == 302
        assert response["Location"].startswith("/login/?next=/")


@pytest.fixture
def clerk() -> Person:
    """Gets into the administration, and may look at models."""
    person = Person.objects.create_user("clara@example.org", "x", name="Clara Clerk", is_staff=True)
    person.user_permissions.add(Permission.objects.get(codename="view_imagemodel"))
    return person


def test_nobody_else_compares_or_applies(as_owner: Client, clerk: Person, differing: None) -> None:
    before = list(ImageModel.objects.values())
    for client, status in ((as_owner, 302), (signed_in(clerk), 403)):
        for response in (client.get(COMPARE), client.post(COMPARE, {"take": "x:y"}), client.post(LOOK_UP)):
            assert response.status_code == status
    assert "Compare with upstream" not in signed_in(clerk).get("/admin/gallery/imagemodel/").content.decode()
    assert OrmQ.objects.count() == 0
    assert list(ImageModel.objects.values()) == before


def test_who_may_change_but_not_add_adds_none(clerk: Person, as_administrator: Client, differing: None) -> None:
    clerk.user_permissions.add(Permission.objects.get(codename="change_imagemodel"))
    text = page(signed_in(clerk))
    assert {value.rpartition(":")[2] for value, _ in boxes(text, "take")} == {"dall-e-3", "midjourney"}
    taken = box(page(as_administrator), "take", ":nano-banana-pro")
    signed_in(clerk).post(COMPARE, {"take": taken})
    assert not ImageModel.objects.filter(slug="nano-banana-pro").exists()


def test_looking_up_takes_a_post(as_administrator: Client) -> None:
    assert as_administrator.get(LOOK_UP).status_code == 405
    assert OrmQ.objects.count() == 0


# -- the form of a model


def form_of(**changes: str) -> dict[str, str]:
    filled = {"slug": "new", "label": "New", "position": "1", "max_count": "1", "give_up_after": "60"}
    filled |= {"prompt_limit": "4000", "edit_max_side": "2048", "edit_max_bytes": "20000000"}
    return filled | changes


SIZES = '[{"name": "size", "label": "Size", "choices": ["1x1", "2x2"], "default": "1x1"}]'


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"options": '[{"name": "size",\n "label": Size}]'}, "Line 2, character 11"),
        ({"options": "{"}, "This is no JSON."),
        ({"options": "7"}, "Options are a list."),
        ({"options": SIZES.replace("2x2", "1x1")}, "“size” has a choice twice."),
        ({"options": '["size"]'}, "Number 1 in the list has none of these."),
        ({"prices": '[{"when": {"size": "1x1"}}]'}, "Number 1 in the list has when."),
        ({"options": SIZES, "prices": '[{"when": {"quality": "hd"}, "price": "1"}]'}, "“quality”, which is no option"),
        ({"options": SIZES, "prices": '[{"when": {"size": "3x3"}, "price": "1"}]'}, "“3x3”, which is no choice of"),
        ({"max_count": "11"}, "less than or equal to 10"),
    ],
)
def test_what_is_wrong_is_told(as_administrator: Client, changes: dict[str, str], said: str) -> None:
    response = as_administrator.post("/admin/gallery/imagemodel/add/", form_of(**changes))
    assert response.status_code == 200
    text = response.content.decode()
    assert said in text
    assert not ImageModel.objects.filter(slug="new").exists()


def test_what_was_typed_is_still_there_after_an_error(as_administrator: Client) -> None:
    typed = '[{"name": "size", oops'
    text = as_administrator.post("/admin/gallery/imagemodel/add/", form_of(options=typed)).content.decode()
    assert "[{&quot;name&quot;: &quot;size&quot;, oops</textarea>" in text


def test_emptied_lists_are_empty_lists(as_administrator: Client) -> None:
    response = as_administrator.post("/admin/gallery/imagemodel/add/", form_of(options="", prices=""))
    assert response.status_code == 302
    assert (model("new").options, model("new").prices) == ([], [])


def test_saving_without_a_change_changes_nothing(as_administrator: Client) -> None:
    """The form writes lists out for people; they come back as they were."""
    ImageModel.objects.filter(slug="dall-e-3").update(prices=[{"when": {"quality": "hd"}, "price": "0.08"}])
    before = ImageModel.objects.filter(slug="dall-e-3").values().get()
    address = f"/admin/gallery/imagemodel/{model('dall-e-3').pk}/change/"
    form = as_administrator.get(address).context["adminform"].form
    sent = {name: form[name].value() for name in form.fields}
    response = as_administrator.post(
        address, {name: value for name, value in sent.items() if value not in (None, False)}
    )
    assert response.status_code == 302
    assert ImageModel.objects.filter(slug="dall-e-3").values().get() == before


def test_every_field_can_be_edited(as_administrator: Client) -> None:
    form = as_administrator.get("/admin/gallery/imagemodel/add/").context["adminform"].form
    editable = {field.name for field in ImageModel._meta.fields if field.editable and not field.primary_key}
    assert set(form.fields) == editable


def test_a_model_s_page_tells_what_was_set_by_hand_and_what_it_costs(as_administrator: Client) -> None:
    found = model("dall-e-3")
    found.price, found.prices = Decimal("0.05"), [{"when": {"quality": "hd"}, "price": "0.08"}]
    found.save()
    text = as_administrator.get(f"/admin/gallery/imagemodel/{found.pk}/change/").content.decode()
    assert '<th scope="row">price of one picture</th><td>$0.04</td><td>$0.05</td>' in text
    assert '<th scope="row">Quality standard</th><td>$0.05</td><td>usual</td>' in text
    assert '<th scope="row">Quality hd</th><td>$0.08</td>' in text
    untouched = as_administrator.get(f"/admin/gallery/imagemodel/{model('flux-pro').pk}/change/").content.decode()
    assert "All is as it was imported" in untouched
    listed = as_administrator.get("/admin/gallery/imagemodel/").content.decode()
    assert "$0.05 to $0.08" in listed


# -- rows of options, and sheets

SEED = {"name": "seed", "label": "Seed", "kind": "integer", "minimum": 0, "default": None}


def rows(*options: dict[str, Any]) -> dict[str, str]:
    """What the form sends for these options as rows, with an empty row behind them."""
    sent = {"options-rows": "1", "options": "", f"options-{len(options)}-name": ""}
    for place, option in enumerate(options):
        sent |= {f"options-{place}-{column}": value for column, value in as_row(option).items()}
    return sent


def test_options_are_edited_as_rows(as_administrator: Client) -> None:
    size = {
        "name": "size",
        "label": "Size",
        "kind": "size",
        "choices": ["auto"],
        "step": 16,
        "ratio": 3,
        "default": None,
    }
    later = {"name": "async", "label": "Later", "kind": "boolean", "default": True, "operations": ["generate", "edit"]}
    choice: dict[str, Any] = {"name": "style", "label": "Style", "choices": ["vivid", "natural"], "default": "vivid"}
    amount = {"name": "guidance", "label": "Guidance", "kind": "decimal", "minimum": 0.5, "default": 3}
    choice["choices_for"] = {"edit": ["vivid", "plain"], "vary": ["natural"]}
    options: list[dict[str, Any]] = [size, later, choice, amount, SEED]
    response = as_administrator.post("/admin/gallery/imagemodel/add/", form_of(**rows(*options)))
    assert response.status_code == 302
    assert model("new").options == options
    text = as_administrator.get(f"/admin/gallery/imagemodel/{model('new').pk}/change/").content.decode()
    assert 'name="options-4-name" value="seed"' in text
    assert 'name="options-7-name" value=""' in text, "there are empty rows"
    assert '<div class="composer-preview">' in text
    assert "Later (only for generate, edit)" in text
    assert 'js/admin.js" type="module"' in text


def test_pasted_json_takes_the_place_of_the_rows(as_administrator: Client) -> None:
    as_administrator.post("/admin/gallery/imagemodel/add/", form_of(**{**rows(SEED), "options": SIZES}))
    assert [option.name for option in model("new").option_list] == ["size"]


def test_what_is_wrong_in_a_row_is_told_and_the_rows_stay(as_administrator: Client) -> None:
    response = as_administrator.post("/admin/gallery/imagemodel/add/", form_of(**rows(SEED | {"name": "Seed Of It"})))
    text = response.content.decode()
    assert "“Seed Of It” is no field name" in text
    assert 'name="options-0-name" value="Seed Of It"' in text


def test_a_new_model_begins_with_its_option_sheet(as_administrator: Client) -> None:
    """Add, type its id and a label, save."""
    form = form_of(slug="nano-banana-pro", label="Banana", **rows())
    response = as_administrator.post("/admin/gallery/imagemodel/add/", form, follow=True)
    assert "The option sheet of Nano Banana and Gemini filled in what it knows." in response.content.decode()
    made = model("nano-banana-pro")
    made.full_clean()
    assert [option.name for option in made.option_list] == ["aspect_ratio", "resolution"]
    assert made.can_edit
    assert made.route("edit") == made.route("references")


def test_a_model_that_was_changed_is_left_as_it_is(as_administrator: Client) -> None:
    found = model("dall-e-3")
    address = f"/admin/gallery/imagemodel/{found.pk}/change/"
    as_administrator.post(address, form_of(slug="dall-e-3", label="D", **rows()))
    assert model("dall-e-3").options == []


# -- what was not understood, and what ends


def test_what_was_not_understood_is_said(as_administrator: Client) -> None:
    found = offer(*as_seeded())
    found.left_out = [{"id": "sora-2", "reason": "it is for video"}]
    found.save()
    text = page(as_administrator)
    assert "7 models came without a description of their options: " in text
    assert "1 listed model is left out: sora-2 (it is for video)." in text


def test_a_retired_model_is_shown_with_its_replacement(as_administrator: Client) -> None:
    life = {"stage": "retired", "replacement": "flux-2-pro"}
    offer(OfferedModel("flux-pro", lifecycle=life), *as_seeded("flux-pro"))
    text = page(as_administrator)
    assert "The upstream has retired it. Its replacement is flux-2-pro." in text
    as_administrator.post(COMPARE, {"take": [box(text, "take", ":flux-pro")]})
    gone = model("flux-pro")
    assert (gone.enabled, gone.replacement) == (False, "flux-2-pro")
    assert "nothing is new, changed or gone" in page(as_administrator)
