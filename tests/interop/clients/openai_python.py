"""The official OpenAI client for Python: a picture, base64, an edit of two pictures, the list of models, a refusal."""

import base64
import io
import os
import urllib.request

import openai

PNG = b"\x89PNG\r\n\x1a\n"


def main() -> None:
    client = openai.OpenAI(base_url=os.environ["BASE_URL"], api_key=os.environ["API_KEY"], max_retries=0)
    answer = client.images.generate(model="dall-e-3", prompt="a lemon tree", size="1792x1024", quality="hd")
    with urllib.request.urlopen(answer.data[0].url, timeout=20) as picture:
        drawn = picture.read()
    assert drawn.startswith(PNG)

    inline = client.images.generate(model="dall-e-2", prompt="a lemon", n=2, size="256x256", response_format="b64_json")
    assert [base64.b64decode(item.b64_json)[:8] for item in inline.data] == [PNG, PNG]

    files = [("one.png", io.BytesIO(drawn)), ("two.png", io.BytesIO(drawn))]
    edited = client.images.edit(model="gpt-image-2", image=files, prompt="two lemons")
    assert edited.data[0].url

    assert "flux-schnell" in [model.id for model in client.models.list()]
    try:
        client.images.generate(model="dall-e-3", prompt="a lemon [fail: rate_limit always]")
        code = None
    except openai.RateLimitError as error:
        code = error.code
    assert code == "rate_limit_exceeded"


if __name__ == "__main__":
    main()
