"""The options of the chosen model."""

import re

import pytest
from django.test import Client

from gallery.models import ImageModel
from tests.conftest import model

ADDRESS = "/generations/options/"


def offered(text: str, option: str) -> list[str]:
    return re.findall(rf'name="opt_{option}" value="([^"]+)"', text)


def chosen(text: str, name: str) -> list[str]:
    return re.findall(rf'<input type="radio" name="{name}" value="([^"]+)" checked', text)


@pytest.mark.parametrize("slug", ["dall-e-3", "flux-pro", "dall-e-2"])
def test_page_shows_options_of_this_model_only(as_owner: Client, slug: str) -> None:
    text = as_owner.get(ADDRESS, {"model": model(slug).pk}).content.decode()
    for option in ("size", "quality", "style"):
        choices = [one.choices for one in model(slug).option_list if one.name == option]
        assert offered(text, option) == (list(choices[0]) if choices else [])
    assert "<html" not in text


@pytest.mark.parametrize(
    ("slug", "before", "after"),
    [
        ("dall-e-2", {"opt_size": "512x512"}, ["512x512"]),
        ("dall-e-3", {"opt_size": "512x512"}, ["1024x1024"]),
        ("dall-e-3", {}, ["1024x1024"]),
        ("flux-pro", {"opt_size": "512x512", "opt_style": "vivid"}, ["512x512"]),
    ],
)
def test_choice_survives_if_the_model_has_it(
    as_owner: Client, slug: str, before: dict[str, str], after: list[str]
) -> None:
    text = as_owner.get(ADDRESS, before | {"model": str(model(slug).pk)}).content.decode()
    assert chosen(text, "opt_size") == after


@pytest.mark.parametrize(("slug", "before", "after"), [("flux-pro", 3, ["3"]), ("flux-pro", 9, ["4"])])
def test_count_survives_up_to_the_limit_of_the_model(
    as_owner: Client, slug: str, before: int, after: list[str]
) -> None:
    text = as_owner.get(ADDRESS, {"model": model(slug).pk, "count": before}).content.decode()
    assert chosen(text, "count") == after


def test_model_that_makes_one_picture_has_no_count(as_owner: Client) -> None:
    text = as_owner.get(ADDRESS, {"model": model("dall-e-3").pk, "count": 3}).content.decode()
    assert '<input type="hidden" name="count" value="1">' in text
    assert "Pictures</legend>" not in text


def test_page_shows_known_price_and_time(as_owner: Client) -> None:
    ImageModel.objects.filter(slug="dall-e-3").update(typical_seconds=12.4)
    text = " ".join(as_owner.get("/").content.decode().split())

    def card(slug: str) -> str:
        return text.partition(f'data-model="{model(slug).pk}"')[2].partition('class="model-card"')[0]

    assert "<span>≈ 12 s</span>" in card("dall-e-3")
    assert "$0.04" in card("dall-e-3")
    assert "No price set" in card("flux-pro")
    assert "≈" not in card("flux-pro")


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"model": ""},
        {"model": "999999"},
        {"model": "flux-pro"},
        {"model": "9" * 5000},
        {"count": "two"},
        {"count": "-1"},
        {"count": "9" * 5000},
        {"count": "²"},
        {"opt_": "x"},
        {"opt_size": "<script>"},
    ],
    ids=lambda query: str(query)[:40],
)
def test_nonsense_shows_defaults_of_the_first_model(as_owner: Client, query: dict[str, str]) -> None:
    text = as_owner.get(ADDRESS, query).content.decode()
    assert chosen(text, "opt_size") == ["1024x1024"]
    assert chosen(text, "opt_style") == ["vivid"]
    assert "<script>" not in text


def test_disabled_model_is_not_shown(as_owner: Client) -> None:
    ImageModel.objects.filter(slug="flux-pro").update(enabled=False)
    assert offered(as_owner.get(ADDRESS, {"model": model("flux-pro").pk}).content.decode(), "style")
