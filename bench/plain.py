"""The plain side's task: the vendor's sample code as a background task. It posts, polls every 3 s, saves the file."""

import os
import time
from pathlib import Path
from typing import Any

import requests

POLL_SECONDS = 3


def generate(model: str, prompt: str) -> dict[str, Any]:
    """Return when the result was noticed (seconds), and where the file was saved."""
    origin, key = os.environ["BENCH_ORIGIN"], os.environ["BENCH_KEY"]
    headers = {"Authorization": f"Bearer {key}"}
    answer = requests.post(
        f"{origin}/v1/images/generations",
        headers=headers,
        json={"model": model, "prompt": prompt, "n": 1},
        timeout=180,
    ).json()
    while answer.get("status") in ("pending", "processing"):
        time.sleep(POLL_SECONDS)
        poll_url = f"{origin}/v1/images/generations/{answer['task_id']}"
        answer = requests.get(poll_url, headers=headers, timeout=30).json()
    noticed_at = time.time()
    picture = requests.get(answer["data"][0]["url"], timeout=60)
    path = Path(os.environ["BENCH_DATA"]) / f"{prompt}.png"
    path.write_bytes(picture.content)
    return {"noticed_at": noticed_at, "path": str(path)}
