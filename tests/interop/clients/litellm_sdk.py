"""LiteLLM's SDK: a picture, base64, an edit of two pictures, a refused key."""

import base64
import io
import os

# Its list of models, so that it asks for none.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import litellm

PNG = b"\x89PNG\r\n\x1a\n"
SERVER = {"api_base": os.environ["BASE_URL"], "api_key": os.environ["API_KEY"]}


def main() -> None:
    answer = litellm.image_generation(model="openai/dall-e-3", prompt="a lemon tree", size="1024x1024", **SERVER)
    assert answer.data[0].url
    inline = litellm.image_generation(
        model="openai/dall-e-2", prompt="a lemon", size="256x256", response_format="b64_json", **SERVER
    )
    drawn = base64.b64decode(inline.data[0].b64_json)
    assert drawn.startswith(PNG)

    files = [io.BytesIO(drawn), io.BytesIO(drawn)]
    edited = litellm.image_edit(model="openai/gpt-image-2", image=files, prompt="two lemons", **SERVER)
    assert edited.data[0].url or edited.data[0].b64_json

    try:
        litellm.image_generation(model="openai/dall-e-3", prompt="a lemon", **{**SERVER, "api_key": "sk-other"})
    except litellm.AuthenticationError:
        return
    raise AssertionError("no refusal")


if __name__ == "__main__":
    main()
