"""The official OpenAI client against the sandbox: a second opinion on the contract."""

import base64
import io

import openai
import pytest
import requests
from PIL import Image

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
