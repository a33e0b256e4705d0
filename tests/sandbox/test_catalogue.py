"""What the sandbox tells of its models, and that they draw what they tell."""

import io

import pytest
import requests
from PIL import Image

from lemonstudio.sandbox.models import MODELS


def description(sandbox, name: str) -> dict:
    return sandbox.get(f"/v1/models/{name}").json()["tokenlab"]["request_format_details"]


def parameters(sandbox, name: str, operation: str) -> set[str]:
    (row,) = [row for row in description(sandbox, name)["operation_constraints"] if row["operation"] == operation]
    return set(row["supported_parameters"])


def picture(sandbox, **body) -> Image.Image:
    (opened,) = sandbox.pictures(sandbox.post(prompt="a lemon", **body))
    return opened


def test_the_list_is_of_pictures_and_tells_each_model_once(sandbox):
    rows = sandbox.get("/v1/models?category=image").json()["data"]
    assert [row["id"] for row in rows] == list(MODELS)
    assert all(row["tokenlab"]["category"] == row["lemondata"]["category"] == "image" for row in rows)
    assert sandbox.get("/v1/models?recommended_for=image").json()["data"] == rows
    assert sandbox.get("/v1/models?category=chat").json()["data"] == []


@pytest.mark.parametrize("name", MODELS)
def test_each_model_is_described_as_the_vendor_documents_it(sandbox, name):
    row = sandbox.get(f"/v1/models/{name}").json()
    assert row["tokenlab"] == row["lemondata"], "the older name is an alias"
    told = description(sandbox, name)
    assert told["public_operations"][0] == "text-to-image"
    assert told["request_endpoint"] == "/v1/images/generations"
    assert [one["operation"] for one in told["operation_constraints"]] == told["public_operations"]
    assert {"prompt", "n", "user", "response_format"} <= set(told["supported_parameters"])
    assert told["service_limits"]["prompt_max_characters"] == 4000
    summary = next(one for one in sandbox.get("/v1/models").json()["data"] if one["id"] == name)["tokenlab"]
    assert summary["request_format_summary"].items() <= told.items()
    assert "request_format_details" not in summary


def test_which_models_take_pictures_and_where(sandbox):
    endpoints = {name: description(sandbox, name)["request_endpoint_by_operation"] for name in MODELS}
    assert {name for name, of in endpoints.items() if "image-edit" in of} == {
        "dall-e-2",
        "gpt-image-2",
        "gpt-image-1.5",
        "gpt-image-1",
    }
    assert endpoints["gpt-image-2"]["image-edit"] == "/v1/images/edits"
    assert endpoints["nano-banana-pro"]["image-to-image"] == "/v1/images/generations"


def test_fields_belong_to_operations(sandbox):
    assert {"background", "moderation", "async"} <= parameters(sandbox, "gpt-image-2", "text-to-image")
    edit = parameters(sandbox, "gpt-image-2", "image-edit")
    assert {"size", "quality", "async", "mask"} <= edit
    assert not {"background", "moderation"} & edit
    assert "resolution" in parameters(sandbox, "nano-banana-pro", "text-to-image")
    assert "resolution" not in parameters(sandbox, "nano-banana-pro", "image-to-image")


def test_prices_in_the_list_and_of_one_model(sandbox):
    listed = sandbox.get("/v1/pricing").json()
    assert (listed["object"], listed["currency"]) == ("pricing", "USD")
    rows = {row["model"]: row for row in listed["data"]}
    prices = {name: row["lock_price_per_request"] for name, row in rows.items()}
    assert prices == dict.fromkeys(MODELS) | {"dall-e-3": "0.04", "midjourney": "0.05", "nano-banana-pro": "0.13"}
    assert (rows["gpt-image-2"]["input_per_1m_tokens"], rows["gpt-image-2"]["output_per_1m_tokens"]) == (
        "5.00",
        "30.00",
    )
    one = sandbox.get("/v1/models/dall-e-3/pricing").json()
    assert one["scalar_pricing"] == {"per_request": "0.04"}
    assert {"when": {"quality": "hd"}, "per_request": "0.08"} in one["pricing_details"]["variants"]
    assert sandbox.get("/v1/models/nope/pricing").status_code == 404
    for name, model in MODELS.items():
        details = sandbox.get(f"/v1/models/{name}/pricing").json()["pricing_details"] or {"variants": []}
        for variant in details["variants"]:
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
        ({"size": "1536x512"}, (1536, 512)),
    ],
)
def test_gpt_image_2_draws_any_size(sandbox, chosen, size):
    assert picture(sandbox, model="gpt-image-2", **chosen).size == size


@pytest.mark.parametrize(
    "size",
    [
        "1000x1000",
        "512x512",
        "4096x256",
        "3856x2160",
        "2048x672",
        "240x1024",
        "1024",
        "1024x",
        "x",
        "4112x256",
        "4096x4096",
        "0512x512",
        "1024X1024",
        "Auto",
    ],
)
def test_gpt_image_2_draws_no_other(sandbox, size):
    answer = sandbox.post(model="gpt-image-2", prompt="x", size=size)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "size")


@pytest.mark.parametrize("form", ["png", "jpeg", "webp"])
def test_gpt_image_2_draws_in_the_form_asked_for(sandbox, form):
    answer = sandbox.post(model="gpt-image-2", prompt="x", size="1024x1024", output_format=form)
    file = requests.get(answer.json()["data"][0]["url"], timeout=10)
    assert file.headers["Content-Type"] == f"image/{form}"
    opened = Image.open(io.BytesIO(file.content))
    assert (opened.format, opened.mode, opened.size) == (form.upper(), "RGB", (1024, 1024))
    assert picture(sandbox, model="gpt-image-2", output_format=form, response_format="b64_json").format == form.upper()


@pytest.mark.parametrize("form", ["png", "webp"])
def test_a_clear_background(sandbox, form):
    chosen = {"model": "gpt-image-1.5", "output_format": form, "size": "1024x1024"}
    cut = picture(sandbox, background="transparent", **chosen)
    alpha = cut.getchannel("A")
    assert [alpha.getpixel(place) for place in ((0, 0), (1023, 1023), (512, 512))] == [0, 0, 255]
    for background in ("opaque", "auto"):
        assert picture(sandbox, background=background, **chosen).mode == "RGB"
    answer = sandbox.post(model="gpt-image-1", prompt="x", background="transparent", output_format="jpeg")
    assert answer.json()["error"]["param"] == "background"


@pytest.mark.parametrize(("ratio", "resolution"), [("1:1", "1k"), ("16:9", "1k"), ("2:3", "2k"), ("16:9", "4k")])
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
        ({"model": "gpt-image-2", "background": "transparent"}, "background"),
        ({"model": "gpt-image-2", "quality": "hd"}, "quality"),
        ({"model": "gpt-image-2", "async": "true"}, "async"),
        ({"model": "gpt-image-2", "output_format": "jpeg", "output_compression": 101}, "output_compression"),
        ({"model": "gpt-image-2", "output_compression": 50}, "output_compression"),
        ({"model": "gpt-image-2", "stream": True}, "stream"),
        ({"model": "gpt-image-2", "n": 11}, "n"),
        ({"model": "flux-pro", "size": "1280x768"}, "size"),
        ({"model": "flux-pro", "operation": "image-to-image"}, "operation"),
        ({"model": "nano-banana-pro", "operation": "image-to-image", "resolution": "1k"}, "resolution"),
        ({"model": "nano-banana-pro", "image_urls": ["data:,x"]}, "operation"),
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


def test_a_refusal_says_what_would_be_taken(sandbox):
    error = sandbox.post(model="nano-banana-pro", prompt="x", size="1024x1024").json()["error"]
    assert "aspect_ratio" in error["supported_parameters"]
    wrong = sandbox.edit(b"", model="gpt-image-2", prompt="x", background="opaque").json()["error"]
    assert "background" not in wrong["supported_parameters"]
    elsewhere = sandbox.send("edits", {"image": b"x"}, model="nano-banana-pro", prompt="x").json()["error"]
    assert elsewhere["request_endpoint"] == "/v1/images/generations"


def test_gpt_image_2_says_what_it_used_and_may_answer_later(sandbox):
    answer = sandbox.post(model="gpt-image-2", prompt="a lemon", quality="low", n=2).json()
    usage = answer["usage"]
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
    assert usage["output_tokens"] == 2 * 272
    assert (answer["quality"], answer["size"], answer["output_format"]) == ("low", "1024x1024", "png")
    task = sandbox.post(model="gpt-image-2", prompt="a lemon", **{"async": True}).json()
    assert task["id"].startswith("ldtask_")
    assert task["poll_url"] == f"/v1/tasks/{task['id']}"
    assert sandbox.get(f"/v1/images/{task['id']}").json()["id"] == task["id"]
    assert sandbox.follow(task, 20)[-1]["status"] == "completed"


def test_each_answer_has_an_id_of_its_own(sandbox):
    ids = {sandbox.get("/v1/models").headers["X-Request-ID"] for _ in range(2)}
    assert len(ids) == 2
    assert sandbox.post(model="nope", prompt="x").headers["X-Request-ID"]
