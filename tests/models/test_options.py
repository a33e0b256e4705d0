"""Kinds of options: their values, how they are sent, and which choices exclude each other."""

from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.core.exceptions import ValidationError

from gallery.forms.generations import GenerationForm, option_field
from gallery.models import Generation, ImageModel, Operation, Person
from gallery.models.options import option_from, validate_options, validate_rules
from gallery.models.routes import validate_routes
from gallery.queries.option_sheets import all_sheets, sheet_for
from tests.conftest import model

SIZE = {
    "name": "size",
    "label": "Size",
    "kind": "size",
    "choices": ["auto", "1024x1024"],
    "step": 16,
    "maximum": 3840,
    "ratio": 3,
    "minimum_pixels": 655_360,
    "maximum_pixels": 8_294_400,
}
SEED = {"name": "seed", "label": "Seed", "kind": "integer"}
GUIDANCE = {"name": "guidance", "label": "Guidance", "kind": "decimal", "minimum": 0, "maximum": 10.5, "default": 3.5}
LEAVE_OUT = {"name": "negative_prompt", "label": "Leave out", "kind": "text", "maximum": 20}
ASYNC = {"name": "async", "label": "Later", "kind": "boolean"}
BACKGROUND = {
    "name": "background",
    "label": "Background",
    "choices": ["auto", "transparent"],
    "default": "",
    "operations": ["generate"],
}
FORMAT = {"name": "output_format", "label": "Format", "choices": ["png", "jpeg"], "default": "png"}
ALL = [SIZE, SEED, GUIDANCE, LEAVE_OUT, ASYNC, BACKGROUND, FORMAT]
RULE: dict[str, str | list[str]] = {"background": "transparent", "output_format": "jpeg"}


def test_options_of_all_kinds_are_valid() -> None:
    validate_options(ALL)


@pytest.mark.parametrize(
    ("option", "value", "sent"),
    [
        (SIZE, "auto", "auto"),
        (SIZE, "2048x1024", "2048x1024"),
        (SEED, "0", 0),
        (SEED, "-5", -5),
        (GUIDANCE, "3.5", 3.5),
        (GUIDANCE, "10", 10.0),
        (LEAVE_OUT, "no cats", "no cats"),
        (ASYNC, "true", True),
        (ASYNC, "false", False),
        (FORMAT, "jpeg", "jpeg"),
    ],
)
def test_values_are_sent_with_their_type(option: dict[str, Any], value: str, sent: object) -> None:
    found = option_from(option)
    assert found.accepts(value)
    assert found.for_upstream(value) == sent
    assert type(found.for_upstream(value)) is type(sent)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        (SIZE, "1000x1000"),  # no multiple of 16
        (SIZE, "512x512"),  # too few pixels
        (SIZE, "3840x3840"),  # too many
        (SIZE, "4096x2048"),  # too long
        (SIZE, "3200x640"),  # too narrow
        (SIZE, "large"),
        (SEED, "1.5"),
        (SEED, "x"),
        (GUIDANCE, "11"),
        (GUIDANCE, "1e3"),
        (GUIDANCE, "-1"),
        (LEAVE_OUT, "x" * 21),
        (ASYNC, "yes"),
        (FORMAT, "gif"),
        *[(option, "") for option in ALL],
    ],
)
def test_invalid_values_are_refused(option: dict[str, Any], value: str) -> None:
    assert not option_from(option).accepts(value)


@pytest.mark.parametrize(
    "option",
    [
        SEED | {"choices": ["1"]},
        SEED | {"minimum": 5, "maximum": 1},
        SEED | {"minimum": 1.5},
        SEED | {"default": True},
        GUIDANCE | {"default": 11},
        ASYNC | {"default": "maybe"},
        ASYNC | {"maximum": 1},
        SIZE | {"default": "1x1"},
        SIZE | {"step": 0},
        SIZE | {"ratio": 0.5},
        LEAVE_OUT | {"default": "x" * 21},
        FORMAT | {"kind": "colour"},
        FORMAT | {"operations": ["paint"]},
        FORMAT | {"operations": "edit"},
        FORMAT | {"choices_for": ["png"]},
        FORMAT | {"choices_for": {"paint": ["png"]}},
        FORMAT | {"choices_for": {"edit": []}},
        FORMAT | {"choices_for": {"edit": "png"}},
        FORMAT | {"choices_for": {"edit": ["png"]}, "operations": ["generate"]},
        SIZE | {"choices_for": {"edit": ["auto"]}},
        *[FORMAT | {"name": name} for name in ("image_urls", "operation", "stream", "mask")],
    ],
)
def test_invalid_options_are_refused(option: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        validate_options([option])


@pytest.mark.parametrize(
    ("value", "words"), [("png", "PNG"), ("jpeg", "JPEG"), ("webp", "WEBP"), ("hd", "HD"), ("low", "Low")]
)
def test_choices_have_readable_names(value: str, words: str) -> None:
    assert option_from(FORMAT).in_words(value) == words


def test_empty_values_are_left_out() -> None:
    assert ImageModel(options=ALL).fitting({}) == {"guidance": "3.5", "output_format": "png"}


RATIO = {
    "name": "aspect_ratio",
    "label": "Aspect ratio",
    "choices": ["16:9", "1:1"],
    "default": "16:9",
    "choices_for": {"edit": ["1:1", "4:3"]},
}


def test_option_has_other_choices_for_an_operation() -> None:
    validate_options([RATIO])
    made = ImageModel(options=[RATIO])
    assert [option.choices for option in made.options_for(Operation.GENERATE)] == [("16:9", "1:1")]
    assert [option.choices for option in made.options_for(Operation.EDIT)] == [("1:1", "4:3")]
    assert made.fitting({}) == {"aspect_ratio": "16:9"}
    assert made.fitting({}, Operation.EDIT) == {}, "the default is not among the choices of edits"
    assert made.fitting({"aspect_ratio": "16:9"}, Operation.EDIT) == {}
    assert made.fitting({"aspect_ratio": "4:3"}, Operation.EDIT) == {"aspect_ratio": "4:3"}
    edit = Generation(model=made, kind=Generation.Kind.EDIT, options={"aspect_ratio": "4:3"})
    assert edit.options_for_upstream == {"aspect_ratio": "4:3"}


def test_edit_has_options_of_edits_only() -> None:
    made = ImageModel(options=ALL)
    assert "background" not in made.fitting({"background": "transparent"}, Operation.EDIT)
    assert made.fitting({"background": "transparent"})["background"] == "transparent"
    edit = Generation(model=made, kind=Generation.Kind.EDIT, options={"background": "auto", "seed": "7", "gone": "x"})
    assert edit.options_for_upstream == {"seed": 7, "gone": "x"}


def test_conflicting_choices_are_named_and_corrected() -> None:
    validate_rules([RULE])
    made = ImageModel(label="M", options=ALL, ruled_out=[RULE])
    both = {"background": "transparent", "output_format": "jpeg"}
    assert made.conflict_in(both) == "M does not take Background Transparent with Format JPEG. Choose another."
    assert made.conflict_in({**both, "output_format": "png"}) == ""
    assert not made.conflict_in(made.fitting(both))


def test_rule_can_match_any_value_or_none() -> None:
    rule: dict[str, str | list[str]] = {"seed": "*", "output_format": ["", "png"]}
    made = ImageModel(options=ALL, ruled_out=[rule])
    assert made.conflict_in({"seed": "1"})
    assert made.conflict_in({"seed": "1", "output_format": "png"})
    assert not made.conflict_in({"seed": "1", "output_format": "jpeg"})
    assert not made.conflict_in({"output_format": "png"})


# -- the form


@pytest.fixture
def described() -> ImageModel:
    return ImageModel.objects.create(slug="m", label="M", options=ALL, ruled_out=[RULE], position=1, price=0)


def form_of(person: Person, found: ImageModel, **options: str) -> GenerationForm:
    sent = {f"opt_{name}": value for name, value in options.items()}
    return GenerationForm({"model": found.pk, "prompt": "x", "count": "1", **sent}, person=person)


@pytest.mark.django_db
def test_form_sends_chosen_options_only(owner: Person, described: ImageModel) -> None:
    form = form_of(owner, described, size=" 2048 × 1024", seed="", guidance="4.50", negative_prompt="cats")
    assert form.is_valid(), form.errors
    assert form.options == {"size": "2048x1024", "guidance": "4.5", "negative_prompt": "cats", "output_format": "png"}
    chosen = form_of(owner, described, **{"async": "false", "seed": "0"})
    assert chosen.is_valid()
    assert (chosen.options["async"], chosen.options["seed"]) == ("false", "0")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"size": "512x512"}, "opt_size"),
        ({"seed": "1.5"}, "opt_seed"),
        ({"guidance": "99"}, "opt_guidance"),
        ({"negative_prompt": "x" * 21}, "opt_negative_prompt"),
        ({"async": "maybe"}, "opt_async"),
        ({"background": "transparent", "output_format": "jpeg"}, "__all__"),
    ],
)
def test_form_names_invalid_options(owner: Person, described: ImageModel, options: dict[str, str], field: str) -> None:
    assert field in form_of(owner, described, **options).errors


@pytest.mark.django_db
def test_composer_shows_all_kinds(as_owner: Any, described: ImageModel) -> None:
    text = as_owner.get(f"/generations/options/?model={described.pk}").content.decode()
    assert '<datalist id="id_opt_size_choices"><option value="auto">' in text
    assert 'name="opt_async" value=""' in text
    assert "Automatic" in text
    for option in described.option_list:
        assert f'name="opt_{option.name}"' in text


@pytest.mark.django_db
def test_composer_leaves_out_models_that_need_a_picture(as_owner: Any, described: ImageModel) -> None:
    ImageModel.objects.filter(pk=described.pk).update(can_generate=False, can_edit=True)
    assert f'<option value="{described.pk}"' not in as_owner.get("/").content.decode()


# -- routes and sheets


@pytest.mark.parametrize(
    "routes",
    [
        [],
        {"paint": {"endpoint": "/x"}},
        {"edit": {}},
        {"edit": {"endpoint": "https://elsewhere.example/x"}},
        {"edit": {"endpoint": "/images/../x"}},
        {"edit": {"endpoint": "/x", "references": 2}},
        {"edit": {"endpoint": "/x", "encoding": "multipart", "references": 17}},
        {"edit": {"endpoint": "/x", "encoding": "xml"}},
        {"edit": {"endpoint": "/x", "fields": {"n": 1}}},
        {"edit": {"endpoint": "/x", "image": "im age"}},
        {"edit": {"endpoint": "/x", "lent": 17}},
        {"edit": {"endpoint": "/x", "lent": True}},
        {"edit": {"endpoint": "/x", "lent": 1, "lent_images": 7}},
    ],
)
def test_invalid_routes_are_refused(routes: Any) -> None:
    with pytest.raises(ValidationError):
        validate_routes(routes)


def test_all_sheets_make_valid_models() -> None:
    assert len(all_sheets()) > 20
    for sheet in all_sheets():
        made = ImageModel(slug="m", label="M", **sheet.values)
        made.clean_fields()
        assert sheet.source
        for option in made.option_list:
            assert option_field(option).label


@pytest.mark.parametrize(
    ("slug", "family"),
    [
        ("gpt-image-2", "GPT Image"),
        ("gpt-image-1-mini", "GPT Image"),
        ("gpt-image-1.5-plus", "GPT Image"),
        ("openai/dall-e-3", "DALL·E"),
        ("flux-kontext-max", "FLUX"),
        ("black-forest-labs/flux-2-pro", "FLUX"),
        ("ideogram-remix-v3-turbo", "Ideogram"),
        ("midjourney", "Midjourney"),
        ("nano-banana-2", "Nano Banana and Gemini"),
        ("gemini-3-pro-image-preview", "Nano Banana and Gemini"),
        ("seedream-4.5", "Seedream"),
        ("imagen-4-ultra", "Imagen"),
        ("grok-imagine-image-pro", "Grok Imagine"),
        ("recraft-v3", "Recraft"),
        ("sd3.5-large", "Stable Diffusion"),
    ],
)
def test_sheets_are_found_by_name(slug: str, family: str) -> None:
    sheet = sheet_for(slug)
    assert sheet is not None
    assert sheet.family == family


def test_model_that_needs_a_picture_says_so() -> None:
    for slug in ("flux-kontext-pro", "seedream-v4-edit", "ideogram-upscale-v3", "nano-banana-edit"):
        sheet = sheet_for(slug)
        assert sheet is not None
        assert sheet.values["can_generate"] is False
    assert sheet_for("something-else") is None


# -- sizes of a new studio


@pytest.mark.django_db
def test_new_studio_offers_the_documented_sizes() -> None:
    for slug in ("flux-schnell", "flux-pro", "midjourney", "ideogram-v3", "stable-diffusion-3"):
        found = model(slug)
        assert found.option_list[0].choices == ("1024x1024", "512x512")
        assert found.imported["options"] == found.options


@pytest.mark.django_db
def test_edited_rows_keep_their_sizes() -> None:
    seeded = import_module("gallery.migrations.0002_first_rows").MODELS
    was = {slug: options for slug, _, _, _, _, options in seeded}
    mine = [{**was["flux-pro"][0], "choices": ["1280x768"], "default": "1280x768"}]
    ImageModel.objects.filter(slug="flux-pro").update(options=mine, imported={"options": was["flux-pro"]})
    ImageModel.objects.filter(slug="midjourney").update(
        options=was["midjourney"], imported={"options": was["midjourney"]}
    )
    import_module("gallery.migrations.0023_catalogue_that_reads_the_vendor").correct(apps, None)
    assert model("flux-pro").options == mine
    assert model("midjourney").option_list[0].choices == ("1024x1024", "512x512")
