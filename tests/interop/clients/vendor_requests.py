"""The way of the vendor's own samples, with requests: create, and poll until the task has ended."""

import os
import time

import requests

BASE_URL = os.environ["BASE_URL"]
ORIGIN = BASE_URL.removesuffix("/v1")
HEADERS = {"Authorization": f"Bearer {os.environ['API_KEY']}"}


def create(model: str) -> dict:
    body = {"model": model, "prompt": "A lemon tree by the sea", "size": "1024x1024", "n": 1}
    answer = requests.post(f"{BASE_URL}/images/generations", headers=HEADERS, json=body, timeout=60)
    answer.raise_for_status()
    return answer.json()


def poll(poll_url: str) -> dict:
    give_up_at = time.monotonic() + 30
    while time.monotonic() < give_up_at:
        data = requests.get(ORIGIN + poll_url, headers=HEADERS, timeout=30).json()
        if data["status"] in ("completed", "failed"):
            return data
        time.sleep(0.2)
    raise AssertionError(f"not done in 30 s: {data}")


def main() -> None:
    for model in ("dall-e-3", "flux-pro", "midjourney"):
        data = create(model)
        if data.get("status") == "pending":
            data = poll(data["poll_url"])
            assert data["status"] == "completed", data
        picture = requests.get(data["data"][0]["url"], timeout=30)
        assert picture.headers["Content-Type"] == "image/png", picture.headers


if __name__ == "__main__":
    main()
