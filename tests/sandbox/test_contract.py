"""The vendor's contract, as bare HTTP."""

import base64
import io
import threading
import time

import pytest
import requests
from PIL import Image

from lemonstudio.sandbox.models import AUTO, MODELS, pixels
from lemonstudio.sandbox.tokens import GenerationSpec, Signer

from .conftest import SECRET

SIGNER = Signer(SECRET.encode())


def spec(age: float = 0, fault: str = "", index: int = -1) -> GenerationSpec:
    return GenerationSpec("flux-pro", "the sea", "512x512", 2, 7, round((time.time() - age) * 1000), fault, index)


def test_sync_answer_has_a_picture_of_the_size_asked_for(sandbox):
    before = int(time.time())
    answer = sandbox.post(model="dall-e-2", prompt="two lemons", n=2, size="256x256", user="u-1")
    assert answer.status_code == 200
    body = answer.json()
    assert body.keys() == {"created", "data"}
    assert before <= body["created"] <= time.time()
    assert [item["revised_prompt"] for item in body["data"]] == ["two lemons"] * 2
    urls = [item["url"] for item in body["data"]]
    assert len(set(urls)) == 2
    for url in urls:
        assert url.startswith(sandbox.root + "/files/")
        file = requests.get(url, timeout=10)  # no key: picture hosts get none
        assert file.headers["Content-Type"] == "image/png"
        picture = Image.open(io.BytesIO(file.content))
        picture.load()
        assert (picture.format, picture.size) == ("PNG", (256, 256))
        assert requests.get(url, timeout=10).content == file.content


def test_defaults_are_the_documented_ones_and_the_prompt_is_rewritten(sandbox):
    item = sandbox.post(prompt="a white cat").json()["data"][0]
    assert item["revised_prompt"].startswith("A white cat, ")
    with Image.open(io.BytesIO(sandbox.session.get(item["url"], timeout=10).content)) as picture:
        assert picture.size == (1024, 1024)


def test_b64_json_replaces_the_url(sandbox):
    answer = sandbox.post(model="flux-schnell", prompt="x", size="512x512", response_format="b64_json")
    (item,) = answer.json()["data"]
    assert item.keys() == {"b64_json", "revised_prompt"}
    with Image.open(io.BytesIO(base64.b64decode(item["b64_json"]))) as picture:
        assert picture.size == (512, 512)


@pytest.mark.parametrize("model", [m.id for m in MODELS.values() if m.kind == "async" and m.choices("size")])
def test_async_task_goes_its_way(sandbox, model):
    answer = sandbox.post(model=model, prompt="a sunset over mountains", n=3, size="512x512").json()
    assert answer["status"] == "pending"
    assert answer["task_id"].startswith("img_")
    assert answer["poll_url"] == f"/v1/images/generations/{answer['task_id']}"
    assert answer["data"] == [{"url": "", "revised_prompt": "a sunset over mountains"}]
    seen = sandbox.follow(answer)
    # The first poll may come after the work has begun.
    states = [answer["status"], *(step["status"] for step in seen)]
    assert list(dict.fromkeys(states)) == ["pending", "processing", "completed"]
    progress = [step["progress"] for step in seen if step["status"] == "processing"]
    assert progress == sorted(progress)
    assert all(0 < share < 100 for share in progress)
    assert "error" not in seen[-1]
    assert seen[-1]["created"] == answer["created"]
    assert len({item["url"] for item in seen[-1]["data"]}) == 3
    assert all(step["data"][0]["url"] == "" for step in seen[:-1])
    file = requests.get(seen[-1]["data"][2]["url"], timeout=10)
    assert Image.open(io.BytesIO(file.content)).size == (512, 512)
    assert sandbox.get(f"/v1/tasks/{answer['task_id']}").json()["status"] == "completed"


def test_a_long_prompt_in_any_script_fits_a_task_id(sandbox):
    prompt = "".join(chr(0x4E00 + i * 37 % 20000) for i in range(4000))
    answer = sandbox.post(model="midjourney", prompt=prompt).json()
    assert answer["data"][0]["revised_prompt"] == prompt
    assert len(answer["task_id"]) < 800
    assert answer["task_id"].replace("_", "").replace("-", "").isalnum()
    carried = sandbox.get(answer["poll_url"]).json()["data"][0]["revised_prompt"]
    assert carried.endswith("…")
    assert prompt.startswith(carried[:-1])


def test_a_seed_in_the_prompt_gives_the_same_pictures_again(sandbox):
    def once(prompt: str) -> str:
        body = {"model": "flux-schnell", "prompt": prompt, "size": "512x512", "response_format": "b64_json"}
        return sandbox.post(**body).json()["data"][0]["b64_json"]

    assert once("sea [seed: 5]") == once("sea [seed: 5]")
    assert once("sea [seed: 5]") != once("sea [seed: 6]")
    assert once("sea") != once("sea")


def changed(token: str, place: int) -> str:
    letters = list(token)
    letters[place] = "A" if letters[place] != "A" else "B"
    return "".join(letters)


def test_a_changed_token_is_no_token(sandbox):
    token = SIGNER.seal("task", spec())
    assert sandbox.get(f"/v1/images/generations/img_{token}").status_code == 200
    broken = ["img_" + changed(token, place) for place in range(0, len(token), 7)]
    broken += [
        f"img_{token[:-1]}",
        f"img_{token}A",
        token,
        "img_",
        "img_é",
        "img_!!",
        f"img_{SIGNER.seal('file', spec())}",
    ]
    broken.append(f"img_{Signer(b'another').seal('task', spec())}")
    for task in broken:
        answer = sandbox.get(f"/v1/images/generations/{task}")
        assert answer.status_code == 404, task
        assert answer.json()["error"]["code"] == "async_task_not_found"
    picture = SIGNER.seal("file", spec(index=0))
    assert sandbox.get(f"/files/{picture}.png").status_code == 200
    for file in (changed(picture, -3), changed(picture, 0), token):
        assert sandbox.get(f"/files/{file}.png").status_code == 404


def test_tasks_last_a_day_and_picture_links_an_hour(sandbox):
    def task(age: float) -> int:
        return sandbox.get("/v1/images/generations/img_" + SIGNER.seal("task", spec(age))).status_code

    def picture(age: float) -> int:
        return sandbox.get(f"/files/{SIGNER.seal('file', spec(age, index=1))}.png").status_code

    assert (task(24 * 3600 - 60), task(24 * 3600 + 1)) == (200, 404)
    assert (picture(3600 - 60), picture(3601)) == (200, 410)


WRONG = [
    ({"prompt": ""}, "prompt"),
    ({"prompt": "  \n"}, "prompt"),
    ({}, "prompt"),
    ({"prompt": None}, "prompt"),
    ({"prompt": 7}, "prompt"),
    ({"prompt": "x" * 4001}, "prompt"),
    ({"prompt": "half a \ud83d character"}, "prompt"),
    ({"prompt": "x", "n": 2}, "n"),
    ({"prompt": "x", "n": 0, "model": "dall-e-2"}, "n"),
    ({"prompt": "x", "n": 5, "model": "dall-e-2"}, "n"),
    ({"prompt": "x", "n": "1"}, "n"),
    ({"prompt": "x", "n": True}, "n"),
    ({"prompt": "x", "size": "512x512"}, "size"),
    ({"prompt": "x", "size": ["512x512"]}, "size"),
    ({"prompt": "x", "size": "1792x1024", "model": "flux-pro"}, "size"),
    ({"prompt": "x", "quality": "best"}, "quality"),
    ({"prompt": "x", "quality": "hd", "model": "flux-pro"}, "quality"),
    ({"prompt": "x", "style": "loud"}, "style"),
    ({"prompt": "x", "style": "vivid", "model": "midjourney"}, "style"),
    ({"prompt": "x", "response_format": "webp"}, "response_format"),
    ({"prompt": "x", "user": 9}, "user"),
    ({"prompt": "x", "negative_prompt": "y"}, "negative_prompt"),
    ({"prompt": "x", "model": 3}, "model"),
]


@pytest.mark.parametrize(("body", "param"), WRONG)
def test_wrong_input_is_named(sandbox, body, param):
    answer = sandbox.post(**body)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert (error["type"], error["code"], error["param"]) == ("invalid_request_error",) * 2 + (param,)
    assert error["message"]


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b'"x"', b"\xff\xfe", b"[" * 5000])
def test_a_body_that_is_no_json_object_is_refused(sandbox, raw):
    answer = sandbox.session.post(sandbox.url + "/images/generations", data=raw, timeout=10)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "invalid_request_error"


def test_a_prompt_of_exactly_the_limit_and_nulls_are_taken(sandbox):
    answer = sandbox.post(model="flux-schnell", prompt="x" * 4000, n=None, size=None, quality=None)
    assert answer.status_code == 200


def test_a_huge_body_is_too_large(sandbox):
    answer = sandbox.post(prompt="x" * 1_000_001)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "payload_too_large")


def test_an_unknown_model_is_answered_with_what_was_meant(sandbox):
    error = sandbox.post(model="dalle-3", prompt="x").json()["error"]
    assert (error["code"], error["param"], error["did_you_mean"]) == ("model_not_found", "model", "dall-e-3")
    assert {"id": "dall-e-3"} in error["suggestions"]
    assert "did_you_mean" not in sandbox.post(model="qqq", prompt="x").json()["error"]
    assert sandbox.get("/v1/models/midjorney").status_code == 404


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Bearer sk-real", "Basic sk-sandbox"])
@pytest.mark.parametrize("path", ["/v1/models", "/v1/pricing", "/v1/tasks/img_x", "/v1/images/generations/img_x"])
def test_without_a_key_nothing(sandbox, header, path):
    answer = requests.get(
        sandbox.root + path, headers={"Authorization": header} if header is not None else {}, timeout=10
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_api_key")


def test_unknown_paths_and_wrong_methods(sandbox):
    assert sandbox.get("/v1/chat/completions").status_code == 404
    assert sandbox.get("/").json()["error"]["code"] == "not_found"
    wrong = sandbox.get("/v1/images/generations")
    assert (wrong.status_code, wrong.headers["Allow"]) == (405, "POST")
    assert sandbox.session.delete(sandbox.url + "/models", timeout=10).headers["Allow"] == "GET"


def test_the_catalogue(sandbox):
    listed = sandbox.get("/v1/models?category=image").json()
    assert listed["object"] == "list"
    assert {row["id"] for row in listed["data"]} == set(MODELS)
    assert all(row["tokenlab"]["category"] == "image" for row in listed["data"])
    assert sandbox.get("/v1/models?category=chat").json()["data"] == []
    assert len(sandbox.get("/v1/pricing").json()["data"]) == len(MODELS)


def test_picture_addresses_follow_the_host_that_was_asked(sandbox):
    answer = sandbox.session.post(
        sandbox.url + "/images/generations",
        json={"model": "flux-schnell", "prompt": "x"},
        headers={"Host": "pictures.example:99"},
        timeout=10,
    )
    assert answer.json()["data"][0]["url"].startswith("http://pictures.example:99/files/")


def test_a_hundred_at_once_are_all_served(sandbox):
    done: list[int] = []

    def ask() -> None:
        body = {"model": "dall-e-2", "prompt": "x"}
        headers = {"Authorization": "Bearer sk-sandbox"}
        url = sandbox.url + "/images/generations"
        done.append(requests.post(url, json=body, headers=headers, timeout=20).status_code)

    threads = [threading.Thread(target=ask) for _ in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert done == [200] * 100


def test_every_model_draws_sizes_that_are_sizes():
    for model in MODELS.values():
        assert all(option.default in option.choices for option in model.options if option.choices)
        assert all(min(pixels(size)) >= 256 for size in model.choices("size") if size != AUTO)
