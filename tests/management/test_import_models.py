"""`manage.py import_models` against a sandbox process, and against servers that answer with little or an error."""

import os
from collections.abc import Iterator
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from gallery.models import CatalogueSnapshot, ImageModel
from tests.conftest import model
from tests.sandbox.conftest import launch
from tests.support.stub_upstream import Reply, StubUpstream

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def sandbox() -> Iterator[str]:
    """The base URL of a sandbox in a separate process."""
    process, greeting = launch(LEMONSTUDIO_SANDBOX_SECRET="for this test")
    try:
        yield greeting.removeprefix("Sandbox upstream at ").strip()
    finally:
        process.terminate()
        process.communicate(timeout=20)


@pytest.fixture
def upstream(sandbox: str, settings: Any) -> None:
    settings.LEMONDATA_BASE_URL, settings.LEMONDATA_API_KEY = sandbox, "sk-sandbox-studio"


@pytest.fixture
def stub(settings: Any) -> Iterator[StubUpstream]:
    with StubUpstream() as stub:
        settings.LEMONDATA_BASE_URL, settings.LEMONDATA_API_KEY = stub.base_url, "sk-test-0123456789"
        yield stub


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("import_models", *arguments, stdout=out, no_color=True)
    return out.getvalue()


def catalogue() -> list[Any]:
    return list(ImageModel.objects.order_by("pk").values())


def test_without_apply_it_shows_differences_and_changes_nothing(upstream: None) -> None:
    before = catalogue()
    output = run()
    assert "nano-banana-pro – Nano banana pro" in output
    assert "gpt-image-2 – GPT Image 2" in output
    assert "option Aspect ratio (aspect_ratio): " in output
    assert "Nothing was changed. The same with --apply brings it into the catalogue." in output
    assert catalogue() == before
    assert CatalogueSnapshot.objects.count() == 1


def test_apply_adds_models_once(upstream: None) -> None:
    assert "Added, switched off: " in run("--apply")
    new = model("nano-banana-pro")
    new.full_clean()
    assert not new.enabled
    assert {"aspect_ratio", "resolution"} <= {option.name for option in new.option_list}
    assert "Nothing to do." in run("--apply")


def test_reader_that_has_seen_enough_stops_nothing(upstream: None) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as out:
        call_command("import_models", "--apply", stdout=out, no_color=True)
    assert model("nano-banana-pro")


def test_offer_enables_new_models(upstream: None) -> None:
    run("--apply", "--offer", "--only", "gpt-image-2")
    assert model("gpt-image-2").enabled
    assert ImageModel.objects.count() == 8


def test_only_limits_the_import_to_one_model(upstream: None) -> None:
    output = run("--only", "nano-banana-pro", "--apply")
    assert "gpt-image-2" not in output
    assert not ImageModel.objects.filter(slug="gpt-image-2").exists()
    assert ImageModel.objects.filter(slug="nano-banana-pro").exists()


def test_only_refuses_an_unknown_model(upstream: None) -> None:
    with pytest.raises(CommandError, match="Neither the upstream nor the catalogue has imagen-9"):
        run("--only", "imagen-9")


def test_values_set_by_hand_are_kept_without_overwrite_edited(upstream: None) -> None:
    ImageModel.objects.filter(slug="dall-e-3").update(price=Decimal("0.99"))
    output = run("--apply", "--only", "dall-e-3")
    assert "price of one picture: $0.99 → $0.04 – set by hand, kept" in output
    assert model("dall-e-3").price == Decimal("0.99")
    output = run("--apply", "--only", "dall-e-3")
    assert "Nothing was changed: all of it was set by hand." in output
    assert "set by hand, overwritten" in run("--apply", "--overwrite-edited", "--only", "dall-e-3")
    assert model("dall-e-3").price == Decimal("0.04")


def test_models_that_are_gone_are_switched_off(upstream: None) -> None:
    ImageModel.objects.create(slug="once-upon-a-time", label="Once")
    assert "Taken off the list: once-upon-a-time." in run("--apply", "--only", "once-upon-a-time")
    gone = model("once-upon-a-time")
    assert not gone.enabled
    assert gone.gone_at is not None


def test_server_that_lists_only_ids_changes_no_values(stub: StubUpstream) -> None:
    known = list(ImageModel.objects.values_list("slug", flat=True))
    stub.handler = lambda request: (
        {"object": "list", "data": [{"id": slug, "object": "model"} for slug in [*known, "brand-new"]]}
        if request.path.startswith("/v1/models?")
        else Reply.of_json({"error": {"code": "not_found", "message": "No such page."}}, 404)
    )
    output = run()
    assert "New (1)" in output
    assert "Changed" not in output
    assert "7 as they are in the catalogue." in output


def test_refusal_by_the_server_changes_nothing(stub: StubUpstream) -> None:
    stub.answer(401, json={"error": {"code": "invalid_api_key", "message": "This key is not known."}})
    before = catalogue()
    with pytest.raises(CommandError, match="This key is not known"):
        run("--apply")
    assert catalogue() == before


def test_a_list_without_descriptions_takes_nothing_off_unless_named(stub: StubUpstream) -> None:
    stub.handler = lambda request: (
        {"object": "list", "data": [{"id": "midjourney"}, {"id": "sora-2"}]}
        if request.path.startswith("/v1/models?")
        else Reply.of_json({"error": {"code": "not_found", "message": "No such page."}}, 404)
    )
    said = run("--apply")
    assert "1 model came without a description of its options: midjourney." in said
    assert "1 listed model is left out: sora-2" in said
    assert "Nothing is taken off the list unless --only names it." in said
    assert ImageModel.objects.filter(enabled=True).count() == 7
    assert "Taken off the list: flux-pro." in run("--apply", "--only", "flux-pro")
