"""What an import of the catalogue changes, and the task that keeps the offer up to date."""

import threading
from collections.abc import Iterator
from dataclasses import asdict
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from gallery.engine.catalogue_sync import KEPT, NOTHING_OFFERED, sync_catalogue
from gallery.models import CatalogueSnapshot, ImageModel
from gallery.queries.catalogue.diff import compare
from gallery.queries.catalogue.merge import take_over
from gallery.queries.catalogue.offers import read_offer
from gallery.queries.catalogue.prices import price_range, price_table
from gallery.queries.catalogue.values import set_by_hand
from gallery.services.catalogue import Applied, Pick, apply_catalogue
from gallery.upstream.catalogue import OfferedModel, OfferedOption
from tests.conftest import model
from tests.queries.catalogue_cases import RATIO, SIZE, STYLE, dall_e_3, offer, only, ours
from tests.support.stub_upstream import Reply, Request, StubUpstream

pytestmark = pytest.mark.database

RESOLUTION = OfferedOption("resolution", "Resolution", ("1k", "2k", "4k"), "1k")


def apply_all(rows: list[dict[str, Any]], **picked: Any) -> Applied:
    differences = compare(rows, ImageModel.objects.all()).all
    return apply_catalogue(rows, [Pick(one.slug, one.digest, **picked) for one in differences])


# -- taking over


@pytest.mark.django_db
def test_take_over_keeps_labels_and_a_changed_order() -> None:
    typed = ours()
    typed.options[0] |= {"label": "Format", "choices": ["1792x1024", "1024x1024"]}
    take_over(typed, read_offer(offer(dall_e_3())[0]), ["options.size"])
    assert typed.options[0] == {
        "name": "size",
        "label": "Format",
        "choices": ["1792x1024", "1024x1024", "1024x1792"],
        "default": "1024x1024",
    }
    typed.full_clean()


@pytest.mark.django_db
def test_new_choices_keep_the_order_of_the_upstream() -> None:
    typed = ours()
    between = OfferedOption("quality", "Quality", ("standard", "medium", "hd"), "standard")
    take_over(typed, read_offer(offer(dall_e_3(options=(SIZE, between, STYLE)))[0]), ["options.quality"])
    assert typed.options[1]["choices"] == ["standard", "medium", "hd"]


# -- applying


@pytest.mark.django_db
def test_new_model_has_all_offered_values() -> None:
    row = OfferedModel(
        "nano-banana-pro",
        description="x" * 300,
        options=(RATIO, RESOLUTION),
        edits=True,
        prompt_limit=8000,
        price=Decimal("0.134"),
        prices=(({"resolution": "4k"}, Decimal("0.24")),),
    )
    rows = offer(row)
    apply_catalogue(rows, [Pick("nano-banana-pro", compare(rows, ImageModel.objects.all()).new[0].digest)])
    made = model("nano-banana-pro")
    made.full_clean()
    assert (made.label, made.enabled, made.max_count, made.prompt_limit) == ("Nano banana pro", True, 4, 8000)
    assert (made.can_edit, made.can_vary, len(made.description)) == (True, False, 200)
    assert ImageModel.objects.last() == made, "at the end of the list"
    assert [option.name for option in made.option_list] == ["aspect_ratio", "resolution"]
    assert made.price_of({"resolution": "4k"}) == Decimal("0.24")
    assert made.price_of({"resolution": "1k"}) == Decimal("0.134")
    assert [one for one in compare(rows, ImageModel.objects.all()).all if one.slug == made.slug] == []
    assert set_by_hand(made) == []


@pytest.mark.django_db
def test_only_picked_differences_are_applied() -> None:
    ours(price=Decimal("0.10")).save()
    rows = offer(dall_e_3(price=Decimal("0.05"), prompt_limit=2), OfferedModel("new-one"))
    digest = next(one.digest for one in compare(rows, ImageModel.objects.all()).changed)
    applied = apply_catalogue(rows, [Pick("dall-e-3", digest)])
    changed = model("dall-e-3")
    assert [one.slug for one in applied.changed] == ["dall-e-3"]
    assert (changed.prompt_limit, changed.price) == (2, Decimal("0.10"))
    assert (changed.imported["prompt_limit"], changed.imported["price"]) == (2, "0.04")
    assert ImageModel.objects.filter(enabled=True).count() == ImageModel.objects.count() == 7


@pytest.mark.django_db
def test_values_set_by_hand_are_overwritten_on_request() -> None:
    ours(price=Decimal("0.10")).save()
    rows = offer(dall_e_3(price=Decimal("0.05"), prompt_limit=2))
    difference = compare(rows, ImageModel.objects.all()).changed[0]
    apply_catalogue(rows, [Pick("dall-e-3", difference.digest, unprotected=False, overwrite=["price"])])
    changed = model("dall-e-3")
    assert (changed.prompt_limit, changed.price, changed.imported["price"]) == (4000, Decimal("0.05"), "0.05")


@pytest.mark.django_db
@pytest.mark.parametrize("meanwhile", [{"price": Decimal("0.20")}, {"max_count": 3}, {"enabled": False}])
def test_outdated_pick_changes_nothing(meanwhile: dict[str, Any]) -> None:
    rows = offer(dall_e_3(price=Decimal("0.05"), prompt_limit=2))
    difference = compare(rows, ImageModel.objects.all()).changed[0]
    ours(**meanwhile).save()
    before = ImageModel.objects.filter(slug="dall-e-3").values().get()
    applied = apply_catalogue(rows, [Pick("dall-e-3", difference.digest)])
    assert (applied.changed, applied.missed) == ([], ["dall-e-3"])
    assert ImageModel.objects.filter(slug="dall-e-3").values().get() == before


@pytest.mark.django_db
def test_pick_without_a_difference_changes_nothing() -> None:
    assert apply_catalogue(offer(dall_e_3()), [Pick("dall-e-3", "0" * 16), Pick("never-heard-of", "")]).missed == [
        "dall-e-3",
        "never-heard-of",
    ]


@pytest.mark.django_db
def test_gone_model_can_come_back() -> None:
    """No model is deleted. An import may switch on what an import switched off, but not what a person did."""
    model("flux-pro")
    ImageModel.objects.filter(slug="flux-pro").update(enabled=False)
    everything = offer(*(OfferedModel(slug) for slug in ImageModel.objects.values_list("slug", flat=True)))
    some = [row for row in everything if row["id"] not in ("flux-pro", "midjourney")]

    assert {one.slug for one in apply_all(some).gone} == {"flux-pro", "midjourney"}
    assert ImageModel.objects.count() == 7
    assert ImageModel.objects.filter(enabled=False, gone_at__isnull=False).count() == 2

    assert {one.slug for one in apply_all(everything).changed} == {"flux-pro", "midjourney"}
    assert not ImageModel.objects.filter(gone_at__isnull=False).exists()
    assert (model("flux-pro").enabled, model("midjourney").enabled) == (False, True)
    assert compare(everything, ImageModel.objects.all()).all == []


def test_two_imports_at_once_add_a_model_once(django_db_serialized_rollback: None, transactional_db: None) -> None:
    rows = offer(
        OfferedModel("brand-new", prompt_limit=2), *map(OfferedModel, ImageModel.objects.values_list("slug", flat=True))
    )
    pick = Pick("brand-new", compare(rows, ImageModel.objects.all()).new[0].digest)
    start, outcomes = threading.Barrier(3), []

    def apply() -> None:
        start.wait()
        applied = apply_catalogue(rows, [pick])
        outcomes.append((len(applied.added), len(applied.missed)))
        connection.close()

    threads = [threading.Thread(target=apply) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [(0, 1), (0, 1), (1, 0)]


@pytest.mark.django_db
def test_no_difference_is_left_after_applying_all() -> None:
    rows = offer(
        dall_e_3(price=Decimal("0.123456"), prompt_limit=1_000_000, options=(RATIO, RESOLUTION)),
        OfferedModel("gpt-image-2", description="Any size", price=Decimal("0.00004"), options=(RATIO,)),
    )
    apply_all(rows)
    assert compare(rows, ImageModel.objects.all()).all == []
    changed = model("dall-e-3")
    changed.full_clean()
    assert (changed.prompt_limit, changed.price) == (32_000, Decimal("0.1235"))


@pytest.mark.django_db
def test_imported_value_follows_the_upstream() -> None:
    for price in ("0.05", "0.06"):
        apply_all(offer(dall_e_3(price=Decimal(price))))
    assert model("dall-e-3").price == Decimal("0.06")


# -- unusable values


@pytest.mark.django_db
def test_unusable_option_is_reported_and_others_are_applied() -> None:
    strange = OfferedOption("aspectRatio", "Aspect", ("1:1",), "1:1")
    difference = only(compare(offer(OfferedModel("new-one", options=(strange, RESOLUTION))), []))
    assert [change.key for change in difference.changes] == ["options.resolution"]
    assert "“aspectRatio” is no field name" in difference.problems[0]


@pytest.mark.django_db
def test_option_that_becomes_unusable_is_kept() -> None:
    broken = {**offer(dall_e_3())[0]}
    broken["options"] = [*broken["options"][:2], {"name": "style", "label": "Style", "choices": [], "default": ""}]
    assert compare([broken], [ours()]).all == []


@pytest.mark.parametrize("slug", ["", "x" * 101])
def test_invalid_name_is_ignored(slug: str) -> None:
    assert compare(offer(OfferedModel(slug)), []).all == []


# -- prices


def priced(*rows: tuple[dict[str, str], str], **fields: Any) -> ImageModel:
    prices = [{"when": when, "price": price} for when, price in rows]
    options = [asdict(RATIO), asdict(RESOLUTION)]
    return ImageModel(options=options, prices=prices, **{"price": Decimal("0.13"), **fields})


def test_price_table_has_each_combination_that_matters() -> None:
    rows = price_table(priced(({"resolution": "4k", "aspect_ratio": "16:9"}, "0.30"), ({"resolution": "4k"}, "0.24")))
    assert [(row.when, str(row.price), row.is_usual) for row in rows] == [
        ("Aspect ratio 1:1, Resolution 1k", "0.13", True),
        ("Aspect ratio 1:1, Resolution 2k", "0.13", False),
        ("Aspect ratio 1:1, Resolution 4k", "0.24", False),
        ("Aspect ratio 16:9, Resolution 1k", "0.13", False),
        ("Aspect ratio 16:9, Resolution 2k", "0.13", False),
        ("Aspect ratio 16:9, Resolution 4k", "0.30", False),
    ]


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        (ImageModel(), "not known"),
        (ImageModel(price=Decimal("0.04")), "$0.04"),
        (priced(({"resolution": "4k"}, "0.24")), "$0.13 to $0.24"),
        (priced(({"resolution": "4k"}, "0.24"), price=None), "$0.24"),
    ],
)
def test_price_range(shown: ImageModel, said: str) -> None:
    assert price_range(shown) == said


def test_price_table_has_a_limit() -> None:
    names = ["aa", "bb", "cc"]
    options = [{"name": name, "label": name, "choices": [str(n) for n in range(9)], "default": "0"} for name in names]
    wide = ImageModel(options=options, prices=[{"when": dict.fromkeys(names, "1"), "price": "2"}], price=Decimal(1))
    assert [(row.when, row.price) for row in price_table(wide)] == [
        ("aa 1, bb 1, cc 1", Decimal(2)),
        ("all else", Decimal(1)),
    ]


def test_price_can_depend_on_a_number() -> None:
    steps = {"name": "steps", "label": "Steps", "minimum": 1, "maximum": 99, "default": 20}
    numbered = ImageModel(options=[steps], prices=[{"when": {"steps": "50"}, "price": "2"}], price=Decimal(1))
    assert [(row.when, row.price, row.is_usual) for row in price_table(numbered)] == [
        ("Steps 20", Decimal(1), True),
        ("Steps 50", Decimal(2), False),
    ]


# -- sync


@pytest.fixture
def stub(settings: Any) -> Iterator[StubUpstream]:
    with StubUpstream() as stub:
        settings.LEMONDATA_BASE_URL, settings.LEMONDATA_API_KEY = stub.base_url, "sk-test-0123456789"
        yield stub


def listing(*names: str) -> Any:
    """A server like OpenAI's: ids only, and no further pages."""

    def handler(request: Request) -> Any:
        if request.path.startswith("/v1/models?"):
            return {"object": "list", "data": [{"id": name, "object": "model"} for name in names]}
        return Reply.of_json({"error": {"code": "not_found", "message": "No such page."}}, 404)

    return handler


@pytest.mark.django_db
def test_sync_stores_the_offer(stub: StubUpstream) -> None:
    stub.handler = listing("dall-e-3", "brand-new")
    sync_catalogue()
    snapshot = CatalogueSnapshot.objects.get()
    assert ([row["id"] for row in snapshot.offered], snapshot.error) == (["dall-e-3", "brand-new"], "")
    compared = compare(snapshot.offered, [ours()])
    assert ([one.slug for one in compared.new], compared.same) == (["brand-new"], 1)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("status", "answer", "said"),
    [
        (401, {"error": {"code": "invalid_api_key", "message": "This key is not known."}}, "This key is not known."),
        (200, {"data": "nonsense"}, "no list of models"),
        (200, {"data": []}, NOTHING_OFFERED),
    ],
)
def test_sync_says_why_it_failed(stub: StubUpstream, status: int, answer: Any, said: str) -> None:
    stub.answer(status, json=answer)
    snapshot = sync_catalogue()
    assert said in snapshot.error
    assert snapshot.offered == []
    assert CatalogueSnapshot.objects.count() == 1


@pytest.mark.django_db
def test_sync_without_a_server_fails(stub: StubUpstream) -> None:
    stub.close()
    assert "cannot be reached" in sync_catalogue().error


@pytest.mark.django_db
def test_sync_with_invalid_settings_fails(settings: Any) -> None:
    settings.LEMONDATA_BASE_URL = "https://user:pw@host/v1"
    snapshot = sync_catalogue()
    assert snapshot.error.startswith("The base URL must be")
    assert "pw" not in snapshot.error


@pytest.mark.django_db
def test_old_snapshots_are_deleted(stub: StubUpstream) -> None:
    stub.handler = listing("dall-e-3")
    CatalogueSnapshot.objects.bulk_create(CatalogueSnapshot() for _ in range(KEPT + 5))
    newest = sync_catalogue()
    assert CatalogueSnapshot.objects.count() == KEPT
    assert CatalogueSnapshot.objects.first() == newest


# -- missing descriptions


@pytest.mark.django_db
def test_listed_model_without_a_description_is_unchanged() -> None:
    rows = offer(*(OfferedModel(slug) for slug in ImageModel.objects.values_list("slug", flat=True)))
    compared = compare(rows, ImageModel.objects.all())
    assert (compared.all, compared.same, len(compared.undescribed)) == ([], 7, 7)
    assert compared.is_doubtful


@pytest.mark.django_db
def test_model_listed_for_another_purpose_is_not_gone() -> None:
    left_out = [{"id": slug, "reason": "r"} for slug in ImageModel.objects.values_list("slug", flat=True)]
    compared = compare(offer(OfferedModel("new-one")), ImageModel.objects.all(), left_out)
    assert ([one.slug for one in compared.new], compared.gone) == (["new-one"], [])


@pytest.mark.django_db
def test_sheet_fills_in_missing_values() -> None:
    row = OfferedModel(
        "gpt-image-2",
        described=True,
        parameters={"quality": (), "background": ("generate",), "sparkle": ()},
        edits=True,
    )
    new = only(compare(offer(row), []))
    assert [change.key for change in new.changes if change.key.startswith("options.")] == [
        "options.quality",
        "options.background",
    ]
    assert any("“sparkle”" in problem for problem in new.problems)
    assert any("Option sheet of GPT Image" in fact for fact in new.facts)
    assert new.offer is not None
    assert new.offer.values["max_count"] == 10


@pytest.mark.django_db
def test_named_field_without_values_is_kept() -> None:
    typed = ours()
    row = OfferedModel("dall-e-3", described=True, parameters={"size": (), "quality": (), "style": (), "sparkle": ()})
    typed.options = [*typed.options, {"name": "sparkle", "label": "Sparkle", "choices": ["a"], "default": "a"}]
    assert compare(offer(row), [typed]).all == []


@pytest.mark.django_db
def test_default_stays_if_the_upstream_names_none() -> None:
    unsaid = OfferedOption("quality", "Quality", ("standard", "hd"))
    assert compare(offer(dall_e_3(options=(SIZE, unsaid, STYLE))), [ours()]).all == []


@pytest.mark.django_db
def test_end_of_a_model_is_a_change() -> None:
    life = {"stage": "deprecated", "replacement": "gpt-image-2", "sunset_at": "2027-01-31T00:00:00+00:00"}
    rows = offer(dall_e_3(lifecycle=life))
    (change,) = only(compare(rows, [ours()])).changes
    assert (change.key, change.then) == ("lifecycle", "deprecated, until 2027-01-31, replaced by gpt-image-2")
    apply_all(rows)
    assert model("dall-e-3").is_deprecated
    assert str(model("dall-e-3").sunset_at).startswith("2027-01-31")
    assert compare(rows, [model("dall-e-3")]).all == []


REFERENCE = {
    "endpoint": "/images/generations",
    "encoding": "multipart",
    "references": 1,
    "fields": {"operation": "image-to-image"},
}


@pytest.mark.parametrize(
    ("endpoints", "routes"),
    [
        ({"generate": "/images/generations", "edit": "/images/edits", "references": "/images/edits"}, {}),
        (
            {"edit": "/images/generations", "references": "/images/generations"},
            {"edit": REFERENCE, "references": REFERENCE},
        ),
        ({"generate": "/pictures"}, {"generate": {"endpoint": "/pictures"}}),
    ],
)
def test_routes_follow_the_contract(endpoints: dict[str, str], routes: dict[str, Any]) -> None:
    assert read_offer(offer(OfferedModel("own", endpoints=endpoints))[0]).values["routes"] == routes


def test_model_that_takes_addresses_is_lent_pictures() -> None:
    endpoints = {"references": "/images/generations"}
    said = OfferedModel("own", endpoints=endpoints, address_fields={"references": ("image_url", "image_urls")})
    lends = {"lent": 16, "lent_image": "image_url", "lent_images": "image_urls"}
    assert read_offer(offer(said)[0]).values["routes"] == {"references": REFERENCE | lends}


@pytest.mark.django_db
def test_choices_of_one_operation_are_imported() -> None:
    ratio = OfferedOption("aspect_ratio", "Aspect ratio", ("1:1", "16:9"), choices_for={"edit": ("1:1",)})
    rows = offer(OfferedModel("own", options=(ratio,), edits=True), dall_e_3())
    apply_all(rows)
    made = model("own")
    made.full_clean()
    assert [option.choices for option in made.options_for("generate")] == [("1:1", "16:9")]
    assert [option.choices for option in made.options_for("edit")] == [("1:1",)]
    assert [one.slug for one in compare(rows, [made]).all if one.slug == "own"] == []
    wider = OfferedOption("aspect_ratio", "Aspect ratio", ("1:1", "16:9"), choices_for={"edit": ("1:1", "4:3")})
    (change,) = only(compare(offer(OfferedModel("own", options=(wider,), edits=True)), [made])).changes
    assert "Edit: 1:1, 4:3" in change.then
