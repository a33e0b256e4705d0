"""DallEAPIWrapper of langchain-community: its defaults, DALL·E 3 in high quality, two pictures of DALL·E 2."""

import os

from langchain_community.utilities.dalle_image_generator import DallEAPIWrapper

SERVER = {"base_url": os.environ["BASE_URL"], "api_key": os.environ["API_KEY"]}


def main() -> None:
    assert DallEAPIWrapper(**SERVER).run("a lemon tree").startswith("http://127.0.0.1")
    assert DallEAPIWrapper(model="dall-e-3", quality="hd", **SERVER).run("a lemon").startswith("http://127.0.0.1")
    two = DallEAPIWrapper(model="dall-e-2", n=2, size="512x512", **SERVER).run("two lemons")
    assert two.count("http://127.0.0.1") == 2, two


if __name__ == "__main__":
    main()
