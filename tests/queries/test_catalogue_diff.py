"""The catalogue beside the upstream's offer: what differs, and in which words."""

from dataclasses import asdict
from decimal import Decimal
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.utils import timezone

from gallery.models import ImageModel
from gallery.queries.catalogue.diff import Difference, Kind, compare
from gallery.queries.catalogue.offers import label_for
from gallery.queries.catalogue.values import set_by_hand
from gallery.queries.catalogue.words import money
from gallery.upstream.catalogue import OfferedModel, OfferedOption
from tests.conftest import model
from tests.queries.catalogue_cases import QUALITY, RATIO, SIZE, STYLE, dall_e_3, offer, only, ours

pytestmark = pytest.mark.database


def keys(difference: Difference, by_hand: bool = False) -> list[str]:
    return [change.key for change in difference.changes if change.by_hand is by_hand]


# -- differences


@pytest.mark.django_db
def test_same_values_are_no_difference() -> None:
    """The order of choices, their labels and the spelling of prices do not count."""
    upside_down = OfferedOption("size", "SIZE!", SIZE.choices[::-1], SIZE.default)
    row = dall_e_3(price=Decimal("0.0400"), options=(STYLE, upside_down, QUALITY), prompt_limit=4000)
    compared = compare(offer(row), [ours()])
    assert (compared.all, compared.same) == ([], 1)


@pytest.mark.django_db
def test_missing_values_are_no_difference() -> None:
    typed = ours(prompt_limit=999, can_edit=True, prices=[{"when": {"quality": "hd"}, "price": "0.08"}])
    assert compare(offer(OfferedModel("dall-e-3")), [typed]).all == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("change", "key", "now", "then"),
    [
        ({"price": Decimal("0.05")}, "price", "$0.04", "$0.05"),
        ({"prompt_limit": 32_000}, "prompt_limit", "4,000 characters", "32,000 characters"),
        ({"edits": True}, "can_edit", "no", "yes"),
        ({"variations": True}, "can_vary", "no", "yes"),
        ({"prices": (({"quality": "hd"}, Decimal("0.08")),)}, "prices", "none", "quality hd: $0.08"),
        ({"options": (SIZE, QUALITY)}, "options.style", "vivid, natural; vivid unless chosen", "not there"),
        (
            {"options": (SIZE, QUALITY, STYLE, RATIO)},
            "options.aspect_ratio",
            "not there",
            "1:1, 16:9; 1:1 unless chosen",
        ),
    ],
)
def test_changed_value_is_described_in_words(change: dict[str, Any], key: str, now: str, then: str) -> None:
    difference = only(compare(offer(dall_e_3(**change)), [ours()]))
    (found,) = difference.changes
    assert (difference.kind, found.key, found.now, found.then) == (Kind.CHANGED, key, now, then)
    assert not found.by_hand, "the studio's first values were not set by hand"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("option", "note"),
    [
        (OfferedOption("style", "Style", ("vivid", "natural", "noir"), "vivid"), "adds noir"),
        (OfferedOption("style", "Style", ("vivid",), "vivid"), "takes away natural"),
        (OfferedOption("style", "Style", ("vivid", "natural"), "natural"), "natural unless chosen"),
        (
            OfferedOption("style", "Style", ("noir",), "noir"),
            "adds noir; takes away vivid, natural; noir unless chosen",
        ),
    ],
)
def test_changed_option_has_a_summary(option: OfferedOption, note: str) -> None:
    (found,) = only(compare(offer(dall_e_3(options=(SIZE, QUALITY, option))), [ours()])).changes
    assert (found.key, found.note) == ("options.style", note)


@pytest.mark.django_db
def test_new_and_gone_models_are_found() -> None:
    compared = compare(offer(OfferedModel("nano-banana-pro", options=(RATIO,)), dall_e_3()), ImageModel.objects.all())
    assert [one.slug for one in compared.new] == ["nano-banana-pro"]
    assert {one.slug for one in compared.gone} == set(ImageModel.objects.values_list("slug", flat=True)) - {"dall-e-3"}
    assert compared.same == 1


@pytest.mark.django_db
def test_empty_offer_removes_no_models() -> None:
    assert compare([], ImageModel.objects.all()).all == []


@pytest.mark.django_db
def test_gone_model_is_reported_once() -> None:
    rows = offer(dall_e_3())
    ImageModel.objects.exclude(slug="dall-e-3").update(gone_at=timezone.now(), enabled=False)
    assert compare(rows, ImageModel.objects.all()).all == []


# -- by hand


@pytest.mark.django_db
def test_change_since_the_import_is_by_hand() -> None:
    typed = ours(price=Decimal("0.10"))
    difference = only(compare(offer(dall_e_3(price=Decimal("0.05"), prompt_limit=2)), [typed]))
    assert (keys(difference), keys(difference, by_hand=True)) == (["prompt_limit"], ["price"])


@pytest.mark.django_db
def test_option_set_by_hand_does_not_protect_others() -> None:
    typed = ours(options=[{**asdict(SIZE), "choices": ["1024x1024"]}, asdict(QUALITY), asdict(STYLE)])
    difference = only(compare(offer(dall_e_3(options=(SIZE, QUALITY, STYLE, RATIO))), [typed]))
    assert keys(difference) == ["options.aspect_ratio"]
    assert keys(difference, by_hand=True) == ["options.size"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "typed",
    [{"price": Decimal("0.10")}, {"prices": [{"when": {"quality": "hd"}, "price": "0.50"}]}],
)
def test_price_by_option_does_not_replace_a_price_set_by_hand(typed: dict[str, Any]) -> None:
    row = dall_e_3(price=Decimal("0.05"), prices=(({"quality": "hd"}, Decimal("0.08")),), prompt_limit=2)
    difference = only(compare(offer(row), [ours(**typed)]))
    assert keys(difference) == ["prompt_limit"]
    assert keys(difference, by_hand=True) == ["price", "prices"]


@pytest.mark.django_db
def test_option_added_or_removed_by_hand_is_protected() -> None:
    seed = {"name": "seed", "label": "Seed", "minimum": 0, "maximum": 9, "default": 0}
    typed = ours(options=[asdict(SIZE), asdict(QUALITY), seed])
    difference = only(compare(offer(dall_e_3()), [typed]))
    assert keys(difference, by_hand=True) == ["options.style", "options.seed"]


@pytest.mark.django_db
def test_filled_fields_of_a_row_made_by_hand_are_protected() -> None:
    made = ImageModel(slug="own", label="Own", price=Decimal("1"), prompt_limit=300)
    row = OfferedModel("own", price=Decimal("2"), prompt_limit=100, options=(RATIO,), edits=True)
    difference = only(compare(offer(row), [made]))
    assert keys(difference, by_hand=True) == ["prompt_limit", "price"]
    assert keys(difference) == ["can_edit", "options.aspect_ratio"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("description", "imported", "differs"),
    [
        ("The studio's own words", {}, False),
        ("", {}, True),
        ("As it was once imported", {"description": "As it was once imported"}, True),
    ],
)
def test_description_of_the_studio_is_kept(description: str, imported: dict[str, Any], differs: bool) -> None:
    typed = ours(description=description, imported={**model("dall-e-3").imported, **imported})
    found = compare(offer(dall_e_3(description="Best of all")), [typed]).all
    assert bool(found) is differs


@pytest.mark.django_db
def test_set_by_hand_lists_protected_keys() -> None:
    typed = ours(price=Decimal("0.10"), can_vary=True, options=[asdict(SIZE), asdict(QUALITY)])
    assert sorted(set_by_hand(typed)) == ["can_vary", "options.style", "price"]


@pytest.mark.django_db
def test_studio_older_than_imports_keeps_values_set_by_hand() -> None:
    """The migration notes the seeded values, not the present ones."""
    note = import_module("gallery.migrations.0005_note_what_was_seeded").note
    ImageModel.objects.filter(slug="dall-e-3").update(imported={}, price=Decimal("0.99"))
    ImageModel.objects.filter(slug="midjourney").update(imported={"price": "7"})
    note(apps, None)
    assert set_by_hand(model("dall-e-3")) == ["price"]
    assert model("midjourney").imported == {"price": "7"}


# -- words


@pytest.mark.parametrize(
    ("slug", "label"),
    [
        ("nano-banana-pro", "Nano banana pro"),
        ("gpt-image-2", "GPT Image 2"),
        ("gpt-image-1.5", "GPT Image 1.5"),
        ("dall-e-4", "DALL·E 4"),
        ("flux-kontext-max", "FLUX kontext max"),
        ("fluxion", "Fluxion"),
        ("stable-diffusion-3", "Stable Diffusion 3"),
        ("gemini-3-pro-image-preview", "Gemini 3 pro image preview"),
        ("black-forest-labs/flux-2", "FLUX 2"),
        ("llama:8b", "Llama 8b"),
        ("-", "-"),
        ("x" * 120, "X" + "x" * 99),
    ],
)
def test_label_is_made_from_the_id(slug: str, label: str) -> None:
    assert label_for(slug) == label


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("0.04", "$0.04"),
        ("0.0400", "$0.04"),
        ("0.1235", "$0.1235"),
        ("2", "$2.00"),
        ("0", "$0.00"),
        ("1234.5", "$1,234.50"),
    ],
)
def test_money(amount: str, text: str) -> None:
    assert money(Decimal(amount)) == text
