"""What the sandbox tells of its models, and that they draw what they tell."""

import io

import pytest
import requests
from PIL import Image

from lemonstudio.sandbox.models import MODELS

KEYS = {"description", "mode", "max_n", "prompt_limit", "edits", "variations", "options"}
KEYS |= {"sizes", "default_size", "quality", "style"}


def contract(sandbox, name: str) -> dict:
    return sandbox.get(f"/v1/models/{name}").json()["lemondata"]["public_contract"]


def pricing(sandbox, name: str) -> dict:
    (row,) = sandbox.get(f"/v1/pricing?model={name}").json()["data"]
    assert row["model"] == name
    return row["pricing"]


def picture(sandbox, **body) -> Image.Image:
    (opened,) = sandbox.pictures(sandbox.post(prompt="a lemon", **body))
    return opened


def test_the_list_is_of_pictures_and_tells_each_model_once(sandbox):
    rows = sandbox.get("/v1/models?category=image").json()["data"]
    assert [row["id"] for row in rows] == list(MODELS)
    assert all(row["lemondata"]["category"] == "image" for row in rows)
    assert sandbox.get("/v1/models?recommended_for=image").json()["data"] == rows
    assert sandbox.get("/v1/models?category=chat").json()["data"] == []


@pytest.mark.parametrize("name", MODELS)
def test_a_whole_entry_can_be_read_from_a_contract(sandbox, name):
    told = contract(sandbox, name)
    assert told.keys() == KEYS
    assert told["description"]
    assert told["mode"] in ("sync", "async")
    assert (told["prompt_limit"], type(told["edits"]), type(told["variations"])) == (4000, bool, bool)
    for option in told["options"]:
        assert option.keys() == {"name", "label", "choices", "default"}
        assert option["default"] in option["choices"]
        assert len(set(option["choices"])) == len(option["choices"])
    by_name = {option["name"]: option for option in told["options"]}
    assert len(by_name) == len(told["options"])
    assert told["sizes"] == by_name.get("size", {}).get("choices", [])
    assert told["default_size"] == by_name.get("size", {}).get("default")
    assert told["quality"] == by_name.get("quality", {}).get("choices", [])
    assert told["style"] == by_name.get("style", {}).get("choices", [])


def test_who_edits_and_who_varies(sandbox):
    told = {name: contract(sandbox, name) for name in MODELS}
    assert {name for name in told if told[name]["edits"]} == {"dall-e-2", "gpt-image-2", "nano-banana-pro"}
    assert {name for name in told if told[name]["variations"]} == {"dall-e-2"}
    assert told["dall-e-3"]["max_n"] == 1
    assert told["nano-banana-pro"]["mode"] == "async"


def test_prices_by_option(sandbox):
    assert pricing(sandbox, "dall-e-3") == {
        "per_request": "0.04",
        "variants": [
            {"when": {"quality": "hd", "size": "1792x1024"}, "per_request": "0.12"},
            {"when": {"quality": "hd", "size": "1024x1792"}, "per_request": "0.12"},
            {"when": {"quality": "hd"}, "per_request": "0.08"},
        ],
        "is_lock_price": False,
        "currency": "USD",
    }
    assert pricing(sandbox, "nano-banana-pro")["variants"] == [{"when": {"resolution": "4k"}, "per_request": "0.24"}]
    prices = {name: pricing(sandbox, name)["per_request"] for name in MODELS}
    known = {"dall-e-3": "0.04", "midjourney": "0.05", "gpt-image-2": "0.04", "nano-banana-pro": "0.13"}
    assert prices == dict.fromkeys(MODELS) | known
    for name, model in MODELS.items():
        for variant in pricing(sandbox, name)["variants"]:
            assert all(choice in model.choices(option) for option, choice in variant["when"].items())


@pytest.mark.parametrize(
    ("chosen", "cost"),
    [
        ({"model": "dall-e-3"}, 0.04),
        ({"model": "dall-e-3", "quality": "hd"}, 0.08),
        ({"model": "dall-e-3", "quality": "hd", "size": "1024x1792"}, 0.12),
        ({"model": "dall-e-3", "size": "1024x1792"}, 0.04),
        ({"model": "nano-banana-pro", "resolution": "4k", "n": 2}, 0.48),
        ({"model": "nano-banana-pro", "resolution": "2k"}, 0.13),
    ],
)
def test_an_estimate_is_made_with_the_same_prices(sandbox, chosen, cost):
    error = sandbox.post(prompt="[fail: insufficient_balance always]", **chosen).json()["error"]
    assert error["estimated_cost_usd"] == cost


@pytest.mark.parametrize(
    ("chosen", "size"),
    [
        ({}, (1024, 1024)),
        ({"size": "auto"}, (1024, 1024)),
        ({"size": "1536x1024"}, (1536, 1024)),
        ({"size": "2048x2048"}, (2048, 2048)),
        ({"size": "272x1008"}, (272, 1008)),
    ],
)
def test_gpt_image_2_draws_any_size(sandbox, chosen, size):
    assert picture(sandbox, model="gpt-image-2", **chosen).size == size


@pytest.mark.parametrize(
    "size", ["1000x1000", "240x1024", "1024", "1024x", "x", "4112x256", "4096x4096", "0512x512", "1024X1024", "Auto"]
)
def test_gpt_image_2_draws_no_other(sandbox, size):
    answer = sandbox.post(model="gpt-image-2", prompt="x", size=size)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "size")


@pytest.mark.parametrize("form", ["png", "jpeg", "webp"])
def test_gpt_image_2_draws_in_the_form_asked_for(sandbox, form):
    answer = sandbox.post(model="gpt-image-2", prompt="x", size="512x512", output_format=form)
    file = requests.get(answer.json()["data"][0]["url"], timeout=10)
    assert file.headers["Content-Type"] == f"image/{form}"
    opened = Image.open(io.BytesIO(file.content))
    assert (opened.format, opened.mode, opened.size) == (form.upper(), "RGB", (512, 512))
    assert picture(sandbox, model="gpt-image-2", output_format=form, response_format="b64_json").format == form.upper()


@pytest.mark.parametrize("form", ["png", "webp"])
def test_a_clear_background(sandbox, form):
    chosen = {"model": "gpt-image-2", "output_format": form, "size": "512x512"}
    cut = picture(sandbox, background="transparent", **chosen)
    alpha = cut.getchannel("A")
    assert [alpha.getpixel(place) for place in ((0, 0), (511, 511), (256, 256))] == [0, 0, 255]
    for background in ("opaque", "auto"):
        assert picture(sandbox, background=background, **chosen).mode == "RGB"
    answer = sandbox.post(model="gpt-image-2", prompt="x", background="transparent", output_format="jpeg")
    assert answer.json()["error"]["param"] == "background"


@pytest.mark.parametrize("resolution", ["1k", "2k", "4k"])
@pytest.mark.parametrize("ratio", ["1:1", "16:9", "2:3"])
def test_nano_banana_pro_draws_the_shape_and_resolution_asked_for(sandbox, ratio, resolution):
    drawn = picture(sandbox, model="nano-banana-pro", aspect_ratio=ratio, resolution=resolution)
    across, down = map(int, ratio.split(":"))
    assert drawn.width / drawn.height == pytest.approx(across / down, rel=0.02)
    side = {"1k": 1024, "2k": 2048, "4k": 4096}[resolution]
    assert drawn.width * drawn.height == pytest.approx(side**2, rel=0.03)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"model": "nano-banana-pro", "size": "1024x1024"}, "size"),
        ({"model": "nano-banana-pro", "resolution": "8k"}, "resolution"),
        ({"model": "nano-banana-pro", "aspect_ratio": "5:4"}, "aspect_ratio"),
        ({"model": "nano-banana-pro", "output_format": "png"}, "output_format"),
        ({"model": "gpt-image-2", "background": "green"}, "background"),
        ({"model": "gpt-image-2", "output_format": "gif"}, "output_format"),
        ({"model": "gpt-image-2", "resolution": "1k"}, "resolution"),
        ({"model": "gpt-image-2", "size": 1024}, "size"),
        ({"model": "dall-e-3", "background": "auto"}, "background"),
        ({"model": "flux-pro", "image": "x"}, "image"),
    ],
)
def test_a_field_that_a_model_does_not_know_is_refused(sandbox, body, param):
    error = sandbox.post(prompt="x", **body).json()["error"]
    assert (error["code"], error["param"]) == ("invalid_request_error", param)
