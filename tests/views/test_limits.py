"""Rights and limits are said before people meet them."""

import html
import uuid
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from gallery.models import Generation, GroupLimit, GroupRight
from tests.conftest import model

HX = {"HX-Request": "true"}


def only_for(name: str, **about: Any) -> Group:
    group = Group.objects.create(name=name)
    GroupRight.objects.create(**about).groups.add(group)
    return group


def page(client: Client, address: str = "/") -> str:
    return html.unescape(client.get(address).content.decode())


def form(**changes: Any) -> dict[str, Any]:
    return {"prompt": "A lemon", "model": model().pk, "count": "1", "token": uuid.uuid4()} | changes


def test_model_for_a_group_is_offered_to_it_only(as_owner: Client, as_teammate: Client, owner: Any) -> None:
    owner.groups.add(only_for("Print", model=model("flux-pro")))
    offered = f'value="{model("flux-pro").pk}"'
    assert offered in page(as_owner).partition("</select>")[0]
    theirs = page(as_teammate)
    assert offered not in theirs.partition("</select>")[0]
    assert "For other groups only: FLUX pro (Print)." in theirs
    assert "For other groups only" not in page(as_owner)


def test_choice_for_a_group_is_left_out_and_named(as_owner: Client) -> None:
    only_for("Print", option="quality", choices=["hd"])
    options = page(as_owner, f"/generations/options/?model={model().pk}")
    assert 'value="standard"' in options
    assert 'value="hd"' not in options
    assert "For other groups only: Quality HD (Print)." in options
    response = as_owner.post("/generations/", form(opt_quality="hd"), headers=HX)
    assert response.status_code == 422
    assert not Generation.objects.exists()


def test_default_for_a_group_gives_way_to_another_choice(as_owner: Client) -> None:
    only_for("Print", model=model(), option="quality", choices=["standard"])
    as_owner.post("/generations/", form(), headers=HX)
    assert Generation.objects.get().options["quality"] == "hd"


def test_large_sizes_are_left_out(as_owner: Client) -> None:
    only_for("Print", longer_than=1024)
    options = page(as_owner, f"/generations/options/?model={model().pk}")
    assert 'value="1024x1024"' in options
    assert 'value="1792x1024"' not in options
    assert "sizes over 1024 pixels (Print)" in options


def test_page_says_what_is_left(as_owner: Client) -> None:
    GroupLimit.objects.create(requests_per_day=20, under_way=3, storage_mb=5000)
    said = page(as_owner)
    assert "20 of 20 requests left today · 0 of 3 requests under way · 0 MB of 5.0 GB of storage used" in said
    answer = as_owner.post("/generations/", form(), headers=HX)
    assert "19 of 20 requests left today · 1 of 3 requests under way" in answer.content.decode()


def test_plan_says_that_it_would_be_too_many(as_owner: Client) -> None:
    GroupLimit.objects.create(requests_per_day=2)
    answer = as_owner.post("/generations/plan/", form(prompt="{a|b|c} lemon"), headers=HX)
    assert "This is 3 requests, and 2 of your 2 for today are left." in answer.content.decode()


@pytest.mark.parametrize("sent_by", ["htmx", "browser"])
def test_refusal_keeps_the_prompt(as_owner: Client, sent_by: str) -> None:
    GroupLimit.objects.create(requests_per_day=0)
    response = as_owner.post("/generations/", form(), headers=HX if sent_by == "htmx" else {})
    assert response.status_code == 422
    text = html.unescape(response.content.decode())
    assert "This is one request, and 0 of your 0 for today are left." in text
    assert "A lemon</textarea>" in text


def test_edits_and_variations_obey(as_owner: Client, make_picture: Any) -> None:
    picture = make_picture()
    only_for("Print", model=model("dall-e-2"))
    assert "DALL·E 2" not in page(as_owner, f"/pictures/{picture.pk}/edit/").partition("</select>")[0]
    as_owner.post(f"/pictures/{picture.pk}/vary/", {"model": model("dall-e-2").pk, "count": "1"})
    assert not Generation.objects.filter(model=model("dall-e-2")).exists()


def test_edit_page_says_what_is_left(as_owner: Client, make_picture: Any) -> None:
    GroupLimit.objects.create(requests_per_day=20)
    picture = make_picture()
    assert "19 of 20 requests left today" in page(as_owner, f"/pictures/{picture.pk}/edit/")
