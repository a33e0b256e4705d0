"""The official OpenAI client against the sandbox: a second opinion on the contract."""

import base64
import io

import openai
import pytest
import requests
from PIL import Image, ImageStat

from .conftest import KEY


@pytest.fixture
def client(sandbox):
    with openai.OpenAI(base_url=sandbox.url, api_key=KEY, max_retries=0) as made:
        yield made


def test_a_url(client):
    answer = client.images.generate(model="dall-e-3", prompt="a cat", size="1792x1024", quality="hd", style="natural")
    assert answer.created > 0
    assert answer.data[0].revised_prompt.startswith("A cat")
    picture = Image.open(io.BytesIO(requests.get(answer.data[0].url, timeout=10).content))
    assert picture.size == (1792, 1024)


def test_b64_json_and_four_at_once(client):
    answer = client.images.generate(
        model="dall-e-2", prompt="a cat", n=4, size="256x256", response_format="b64_json", user="u"
    )
    files = {item.b64_json for item in answer.data}
    assert len(files) == 4
    for file in files:
        assert Image.open(io.BytesIO(base64.b64decode(file))).size == (256, 256)
    assert answer.data[0].url is None


def test_a_task_is_read_as_an_answer_with_more_in_it(client, sandbox):
    answer = client.images.generate(model="midjourney", prompt="a cat")
    assert answer.model_extra["status"] == "pending"
    assert answer.data[0].url == ""
    path = answer.model_extra["poll_url"]
    polled = client.get(path.removeprefix("/v1"), cast_to=object)
    assert polled["task_id"] == answer.model_extra["task_id"]


def test_models_are_listed(client):
    assert "flux-schnell" in [model.id for model in client.models.list()]
    assert client.models.retrieve("midjourney").owned_by == "sandbox"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("nope")


@pytest.mark.parametrize(
    ("word", "error"),
    [
        ("content_policy", openai.BadRequestError),
        ("invalid_api_key", openai.AuthenticationError),
        ("insufficient_balance", openai.APIStatusError),
        ("model_not_allowed", openai.PermissionDeniedError),
        ("rate_limit", openai.RateLimitError),
        ("server_error", openai.InternalServerError),
        ("all_channels_failed", openai.InternalServerError),
        ("connection_broken", openai.APIConnectionError),
    ],
)
def test_errors_are_of_their_type(client, word, error):
    with pytest.raises(error):
        client.images.generate(model="dall-e-2", prompt=f"[fail: {word} always]")


def test_errors_carry_code_and_param(client, sandbox):
    with pytest.raises(openai.BadRequestError) as caught:
        client.images.generate(model="flux-pro", prompt="x", quality="hd")
    assert (caught.value.code, caught.value.param) == ("invalid_request_error", "quality")
    stranger = client.with_options(api_key="sk-other")
    with pytest.raises(openai.AuthenticationError) as refused:
        stranger.images.generate(prompt="x")
    assert refused.value.code == "invalid_api_key"


def drawing(form: str = "PNG", clear: bool = False) -> io.BytesIO:
    """A file as people hand it over, with or without a hole in its middle."""
    picture = Image.new("RGBA", (256, 256), (200, 40, 40, 255))
    if clear:
        picture.paste((0, 0, 0, 0), (64, 64, 192, 192))
    file = io.BytesIO()
    picture.convert("RGBA" if form == "PNG" else "RGB").save(file, form)
    file.seek(0)
    file.name = f"drawing.{form.lower()}"
    return file


def opened(item) -> Image.Image:
    return Image.open(io.BytesIO(requests.get(item.url, timeout=10).content)).convert("RGB")


def test_an_edit_with_a_mask(client):
    answer = client.images.edit(
        image=drawing(), mask=drawing(clear=True), prompt="a lemon", model="dall-e-2", n=2, size="256x256", user="u"
    )
    assert answer.created > 0
    assert answer.data[0].revised_prompt == "a lemon"
    first, second = map(opened, answer.data)
    assert first.getpixel((10, 10)) == second.getpixel((10, 10)) == (200, 40, 40)
    assert first.crop((64, 64, 192, 192)).tobytes() != second.crop((64, 64, 192, 192)).tobytes()
    assert max(ImageStat.Stat(first.crop((64, 64, 192, 192))).stddev) > 8


def test_an_edit_of_a_later_model_without_a_mask(client):
    answer = client.images.edit(
        image=drawing("JPEG"),
        prompt="a lemon",
        model="gpt-image-2",
        output_format="webp",
        output_compression=60,
        quality="low",
        size="1024x1024",
        response_format="b64_json",
    )
    picture = Image.open(io.BytesIO(base64.b64decode(answer.data[0].b64_json)))
    assert (picture.format, picture.size) == ("WEBP", (1024, 1024))


def test_an_edit_that_is_a_task(client):
    answer = client.images.edit(image=drawing(), prompt="a lemon", model="gpt-image-2", extra_body={"async": "true"})
    assert answer.model_extra["status"] == "pending"
    polled = client.get(answer.model_extra["poll_url"].removeprefix("/v1"), cast_to=object)
    assert polled["task_id"] == answer.model_extra["task_id"]


def test_an_edit_of_several_pictures(client):
    several = client.images.edit(
        image=[drawing(), drawing("JPEG")], prompt="a lemon [seed: 3]", model="gpt-image-2", n=2
    )
    assert len(several.data) == 2
    assert several.usage.input_tokens_details.image_tokens > 0
    one = client.images.edit(
        image=[drawing()], prompt="a lemon [seed: 3]", model="gpt-image-1.5", input_fidelity="high"
    )
    assert opened(one.data[0]).size == (256, 256)
    with pytest.raises(openai.BadRequestError) as caught:
        client.images.edit(image=[drawing()] * 17, prompt="x", model="gpt-image-2")
    assert caught.value.code == "too_many_images"


def test_all_fields_of_gpt_image_2(client):
    answer = client.images.generate(
        model="gpt-image-2",
        prompt="a lemon",
        n=10,
        size="1024x1024",
        quality="low",
        moderation="low",
        background="opaque",
        output_format="jpeg",
        output_compression=40,
    )
    assert len(answer.data) == 10
    assert (answer.quality, answer.size, answer.output_format) == ("low", "1024x1024", "jpeg")
    assert answer.usage.total_tokens > 0
    assert answer._request_id.startswith("req_")


# The library's authors would rather have people edit; the endpoint is there all the same.
@pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")
def test_variations(client):
    answer = client.images.create_variation(image=drawing(), n=2, size="512x512", user="u")
    first, second = map(opened, answer.data)
    assert first.size == second.size == (512, 512)
    assert first.tobytes() != second.tobytes()
    assert answer.data[0].revised_prompt is None
    inline = client.images.create_variation(image=drawing(), response_format="b64_json", model="dall-e-2")
    assert Image.open(io.BytesIO(base64.b64decode(inline.data[0].b64_json))).size == (1024, 1024)


@pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")
def test_errors_of_edits_and_variations(client):
    with pytest.raises(openai.BadRequestError) as caught:
        client.images.edit(image=drawing("JPEG"), prompt="x", model="dall-e-2")
    assert (caught.value.code, caught.value.param) == ("invalid_request_error", "image")
    with pytest.raises(openai.APIStatusError) as refused:
        client.images.edit(image=drawing(), prompt="[fail: payload_too_large]", model="gpt-image-2")
    assert (refused.value.status_code, refused.value.code) == (413, "payload_too_large")
    with pytest.raises(openai.BadRequestError) as unable:
        client.images.create_variation(image=drawing(), model="dall-e-3")
    assert unable.value.param == "model"
    with pytest.raises(openai.AuthenticationError):
        client.with_options(api_key="sk-other").images.edit(image=b"x" * 3_000_000, prompt="x")
