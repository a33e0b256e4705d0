"""Every word that makes the sandbox fail, seen from outside."""

import base64
import io
import time
from pathlib import Path

import pytest
import requests
from PIL import Image, UnidentifiedImageError

from lemonstudio.sandbox.faults import FAULTS, clean, find
from lemonstudio.sandbox.models import MODELS

ANSWERS = {
    "content_policy": (400, "content_policy_violation"),
    "model_not_found": (400, "model_not_found"),
    "invalid_api_key": (401, "invalid_api_key"),
    "expired_api_key": (401, "expired_api_key"),
    "insufficient_balance": (402, "insufficient_balance"),
    "quota_exceeded": (402, "quota_exceeded"),
    "model_not_allowed": (403, "model_not_allowed"),
    "payload_too_large": (413, "payload_too_large"),
    "rate_limit": (429, "rate_limit_exceeded"),
    "server_error": (500, "internal_error"),
    "upstream_error": (502, "upstream_error"),
    "all_channels_failed": (503, "all_channels_failed"),
    "timeout": (504, "timeout_error"),
}
SYNC = {"model": "flux-schnell", "size": "512x512"}
ASYNC = {"model": "ideogram-v3", "size": "512x512"}


@pytest.mark.parametrize("word", ANSWERS)
@pytest.mark.parametrize("model", ["flux-schnell", "ideogram-v3"])
def test_error_answers(sandbox, word, model):
    answer = sandbox.post(model=model, prompt=f"a pier [fail: {word} always]")
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == ANSWERS[word]
    assert error["message"]
    assert error["type"]


def test_errors_bring_what_is_documented_with_them(sandbox):
    def error(word: str) -> dict:
        return sandbox.post(model="midjourney", n=2, prompt=f"[fail: {word} always] x").json()["error"]

    assert error("model_not_found")["did_you_mean"] in MODELS
    assert error("model_not_found")["suggestions"][0]["id"] in MODELS
    balance = error("insufficient_balance")
    assert (balance["balance_usd"], balance["estimated_cost_usd"]) == (0.01, 0.1)
    assert error("all_channels_failed")["retryable"] is True
    assert error("rate_limit")["retry_after"] == 20


@pytest.mark.parametrize(
    "spelling", ["[fail: 429 always]", "[FAIL:Rate-Limit always]", "x [ fail : rate limit ALWAYS ]"]
)
def test_words_may_be_written_in_several_ways(sandbox, spelling):
    answer = sandbox.post(prompt=spelling)
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == str(answer.json()["error"]["retry_after"])


def test_waiting_as_long_as_told_helps(sandbox):
    prompt = f"[fail: rate_limit until {time.time() + 1.2:.2f}] a pier"
    first = sandbox.post(**SYNC, prompt=prompt)
    assert first.status_code == 429
    time.sleep(int(first.headers["Retry-After"]))
    assert sandbox.post(**SYNC, prompt=prompt).status_code == 200


def test_account_wide_faults_end_with_the_minute():
    minute, model = 1_800_000_000, MODELS["dall-e-3"]
    for fault in FAULTS.values():
        asked = MODELS["midjourney"] if fault.where == "task" else model
        held = [find(f"[fail: {fault.word}]", asked, minute + second) for second in (0, 49.5, 50, 59.9)]
        assert [active is not None for active in held] == [True, True, not fault.passing, not fault.passing]
    active = find("[fail: 402]", model, minute + 20)
    assert active is not None
    assert active.ends_in == 30
    until = [find("[fail: slow until 08:30]", model, minute + 60 * shift) is not None for shift in (29, 31)]
    assert minute % 86400 == 8 * 3600
    assert until == [True, False]


def test_unknown_words_and_words_that_do_not_fit_are_said(sandbox):
    error = sandbox.post(prompt="[fail: rate_limt]").json()["error"]
    assert (error["param"], error["did_you_mean"]) == ("prompt", "rate_limit")
    assert sandbox.post(prompt="[fail: ]").status_code == 400
    assert sandbox.post(prompt="[fail: 402 until 25:00]").status_code == 400
    for fault in FAULTS.values():
        if fault.where == "task":
            error = sandbox.post(prompt=f"[fail: {fault.word}]").json()["error"]
            assert (error["param"], "async" in error["message"]) == ("prompt", True)


def test_words_are_not_part_of_the_picture():
    assert clean("a pier [fail: slow] at [seed: 4] dusk") == "a pier at dusk"


def test_the_connection_breaks_without_an_answer(sandbox):
    with pytest.raises(requests.ConnectionError):
        sandbox.post(prompt="[fail: connection_broken]")
    assert sandbox.get("/v1/models").status_code == 200


def test_an_answer_that_is_no_json(sandbox):
    answer = sandbox.post(prompt="[fail: not_json]")
    assert answer.status_code == 200
    with pytest.raises(requests.JSONDecodeError):
        answer.json()


def test_slow(sandbox):
    start = time.monotonic()
    assert sandbox.post(**SYNC, prompt="[fail: slow]").status_code == 200
    assert time.monotonic() - start >= 30 / 20
    answer = sandbox.post(**ASYNC, prompt="[fail: slow]").json()
    time.sleep(0.6)  # a task of at most 9 s would be over by now
    assert sandbox.get(answer["poll_url"]).json()["status"] == "pending"


def test_partial(sandbox):
    assert len(sandbox.post(**SYNC, n=3, prompt="[fail: partial]").json()["data"]) == 2
    assert sandbox.post(**SYNC, prompt="[fail: partial]").json()["data"] == []
    end = sandbox.follow(sandbox.post(**ASYNC, n=4, prompt="[fail: partial]").json())[-1]
    assert (end["status"], len(end["data"])) == ("completed", 3)


def test_tasks_that_fail(sandbox):
    end = sandbox.follow(sandbox.post(**ASYNC, prompt="[fail: task_fails]").json())[-1]
    assert end["status"] == "failed"
    assert isinstance(end["error"], str)
    assert "cancelled" not in end
    end = sandbox.follow(sandbox.post(**ASYNC, prompt="[fail: task_fails_silently]").json())[-1]
    assert end["status"] == "failed"
    assert "error" not in end
    end = sandbox.follow(sandbox.post(**ASYNC, prompt="[fail: task_cancelled]").json())[-1]
    assert (end["status"], end["cancelled"]) == ("failed", True)


def test_tasks_that_are_lost(sandbox):
    endless = sandbox.post(**ASYNC, prompt="[fail: task_never_ends]").json()
    gone = sandbox.post(**ASYNC, prompt="[fail: task_gone]").json()
    assert gone["status"] == "pending"
    answer = sandbox.get(gone["poll_url"])
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "async_task_not_found")
    time.sleep(0.7)
    assert sandbox.get(endless["poll_url"]).json()["status"] == "pending"


def test_polls_that_fail_for_a_while(sandbox):
    task = sandbox.post(**ASYNC, prompt="[fail: poll_fails]").json()
    first = sandbox.get(task["poll_url"])
    assert (first.status_code, first.json()["error"]["code"]) == (502, "upstream_error")
    time.sleep(0.35)
    assert sandbox.follow(task)[-1]["status"] == "completed"


@pytest.mark.parametrize("kind", [SYNC, ASYNC])
def test_pictures_that_are_none(sandbox, kind):
    def url(word: str) -> str:
        answer = sandbox.post(**kind, prompt=f"[fail: {word}]").json()
        end = sandbox.follow(answer)[-1] if "task_id" in answer else answer
        return end["data"][0]["url"]

    assert url("empty_url") == ""
    assert requests.get(url("picture_missing"), timeout=10).status_code == 404
    page = requests.get(url("picture_html"), timeout=10)
    assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html")
    with pytest.raises(UnidentifiedImageError):
        Image.open(io.BytesIO(page.content))
    half = Image.open(io.BytesIO(requests.get(url("picture_truncated"), timeout=10).content))
    with pytest.raises(OSError, match=r"truncated|unrecognized|incomplete"):
        half.load()
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        requests.get(url("picture_cut_off"), timeout=10)


def test_broken_pictures_come_as_b64_too_where_they_can(sandbox):
    def ask(word: str) -> requests.Response:
        return sandbox.post(**SYNC, response_format="b64_json", prompt=f"[fail: {word}]")

    assert base64.b64decode(ask("picture_html").json()["data"][0]["b64_json"]).startswith(b"<!doctype")
    for word in ("empty_url", "picture_missing", "picture_cut_off"):
        assert ask(word).json()["error"]["param"] == "response_format"


def test_every_word_is_in_the_manual():
    manual = (Path(__file__).resolve().parents[2] / "docs" / "sandbox.md").read_text(encoding="utf-8")
    missing = [word for word in FAULTS if f"`{word}`" not in manual]
    assert missing == []
    assert [model for model in MODELS if f"`{model}`" not in manual] == []
