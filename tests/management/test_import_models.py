"""`manage.py import_models` against the sandbox's own process, and against servers that say little or no."""

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
    """The base URL of a sandbox in a process of its own."""
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


def test_shows_and_changes_nothing(upstream: None) -> None:
    before = catalogue()
    said = run()
    assert "nano-banana-pro – Nano banana pro" in said
    assert "gpt-image-2 – GPT Image 2" in said
    assert "option Aspect ratio (aspect_ratio): " in said
    assert "Nothing was changed. The same with --apply brings it into the catalogue." in said
    assert catalogue() == before
    assert CatalogueSnapshot.objects.count() == 1


def test_applies_and_then_has_nothing_left_to_do(upstream: None) -> None:
    assert "Added, switched off: " in run("--apply")
    new = model("nano-banana-pro")
    new.full_clean()
    assert not new.enabled
    assert {"aspect_ratio", "resolution"} <= {option.name for option in new.option_list}
    assert "Nothing to do." in run("--apply")


def test_offers_new_ones_when_told(upstream: None) -> None:
    run("--apply", "--offer", "--only", "gpt-image-2")
    assert model("gpt-image-2").enabled
    assert ImageModel.objects.count() == 8


def test_only_one(upstream: None) -> None:
    said = run("--only", "nano-banana-pro", "--apply")
    assert "gpt-image-2" not in said
    assert not ImageModel.objects.filter(slug="gpt-image-2").exists()
    assert ImageModel.objects.filter(slug="nano-banana-pro").exists()


def test_only_one_that_nobody_knows(upstream: None) -> None:
    with pytest.raises(CommandError, match="Neither the upstream nor the catalogue has imagen-9"):
        run("--only", "imagen-9")


def test_keeps_what_was_set_by_hand_until_told_otherwise(upstream: None) -> None:
    ImageModel.objects.filter(slug="dall-e-3").update(price=Decimal("0.99"))
    said = run("--apply", "--only", "dall-e-3")
    assert "price of one picture: $0.99 → $0.04 – set by hand, kept" in said
    assert model("dall-e-3").price == Decimal("0.99")
    said = run("--apply", "--only", "dall-e-3")
    assert "Nothing was changed: all of it was set by hand." in said
    assert "set by hand, overwritten" in run("--apply", "--overwrite-edited", "--only", "dall-e-3")
    assert model("dall-e-3").price == Decimal("0.04")


def test_takes_what_is_gone_off_the_list(upstream: None) -> None:
    ImageModel.objects.create(slug="once-upon-a-time", label="Once")
    assert "Taken off the list: once-upon-a-time." in run("--apply", "--only", "once-upon-a-time")
    gone = model("once-upon-a-time")
    assert not gone.enabled
    assert gone.gone_at is not None


def test_a_server_that_tells_ids_alone(stub: StubUpstream) -> None:
    known = list(ImageModel.objects.values_list("slug", flat=True))
    stub.handler = lambda request: (
        {"object": "list", "data": [{"id": slug, "object": "model"} for slug in [*known, "brand-new"]]}
        if request.path.startswith("/v1/models?")
        else Reply.of_json({"error": {"code": "not_found", "message": "No such page."}}, 404)
    )
    said = run()
    assert "New (1)" in said
    assert "Changed" not in said
    assert "7 as they are in the catalogue." in said


def test_a_server_that_refuses(stub: StubUpstream) -> None:
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
