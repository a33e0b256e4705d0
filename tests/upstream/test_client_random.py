"""The parsers against random JSON."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery.upstream import (
    MalformedAnswer,
    NoPicture,
    Status,
    UpstreamError,
)
from gallery.upstream.parse import poll_path, read_answer
from gallery.upstream.refusals import error_from
from tests.support.properties import cases
from tests.upstream.helpers import ORIGIN, URL, outcome_of

# Random JSON

# fmt: off
TEXTS = st.sampled_from([
    "", " ", "pending", "processing", "completed", "failed", "queued", "mystery", "img_1", "..", "a b", "45%",
    "NaN", "-1", "1e999", URL, "https://[", "https://x\x00", "data:image/png;base64,QUJD", "data:,", "\ud800",
    "/v1/tasks/1", "//evil", "/..", "async_task_not_found", "insufficient_quota", "Tue, 1 Foo", "x" * 9000,
])
NUMBERS = st.sampled_from([0, -1, 1, 50, 1706000000, 2**63, 10**400, 0.5, -0.0, 1e308])
ODD = st.sampled_from([None, True, False, float("nan"), float("inf"), float("-inf")])
LEAVES = st.one_of(TEXTS, NUMBERS, ODD, st.text(max_size=6))
FIELDS = st.sampled_from([
    "status", "task_id", "poll_url", "data", "error", "progress", "created", "cancelled", "url", "b64_json",
    "revised_prompt", "message", "code", "type", "param", "hint", "retryable", "retry_after", "detail", "id",
    "did_you_mean", "suggestions", "alternatives", "balance_usd", "estimated_cost_usd", "msg",
])
# fmt: on
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=4),
    max_leaves=5,
)
STATUSES = st.sampled_from(["pending", "processing", "completed", "failed", "queued", "mystery"])
PICTURES = st.sampled_from([[{"url": URL}], [{"url": ""}], [{"b64_json": "QUJD"}, {"url": 7}], [], None])
LIKELY = {
    "status": STATUSES | LEAVES,
    "task_id": st.just("img_1") | LEAVES,
    "data": PICTURES | VALUES,
    "poll_url": st.just("/v1/tasks/1") | LEAVES,
    "error": TEXTS | VALUES,
    "progress": LEAVES,
    "created": LEAVES,
    "cancelled": LEAVES,
}
DOCUMENTS = st.one_of(
    st.fixed_dictionaries({}, optional=LIKELY),
    st.fixed_dictionaries({"status": STATUSES, "data": PICTURES}, optional={"task_id": LIKELY["task_id"]}),
    VALUES,
)


def storable(text: str, limit: int) -> bool:
    text.encode()  # no lone surrogates: databases refuse them
    return len(text) <= limit and "\x00" not in text


@pytest.mark.parametrize("polling", [False, True])
def test_random_json_is_an_answer_or_an_upstream_error(polling: bool) -> None:
    outcomes: set[object] = set()

    @cases(450, nightly=5_000)
    @given(DOCUMENTS)
    def check(document: Any) -> None:
        asked = "img_9" if polling else ""
        answer = outcome_of(lambda: read_answer(document, polling=polling, origin=ORIGIN, task_id=asked))
        if isinstance(answer, UpstreamError):
            outcomes.add(type(answer))
            assert isinstance(answer, MalformedAnswer)
            assert storable(answer.message, 2000)
            assert answer.sent
            assert answer.retryable is (polling or isinstance(answer, NoPicture))
            return
        outcomes.add(answer.status)
        assert answer.progress is None or 0 <= answer.progress <= 100
        assert all(result.url or result.b64 for result in answer.results)
        assert all(result.url == "" or result.url.startswith("http") for result in answer.results)
        assert all(storable(result.revised_prompt, 16_000) for result in answer.results)
        assert storable(answer.error, 2000)
        assert storable(answer.code, 100)
        assert answer.poll_url == poll_path(answer.poll_url, ORIGIN)
        assert bool(answer.results) or answer.status is not Status.COMPLETED
        assert bool(answer.task_id) or answer.status in (Status.COMPLETED, Status.FAILED)
        assert answer.task_id == asked or not polling

    check()
    assert outcomes >= {*Status, MalformedAnswer, NoPicture}, "the documents reach every branch"


@cases(200, nightly=2_500)
@given(
    st.sampled_from([101, 300, 304, 400, 401, 402, 403, 404, 407, 410, 413, 429, 500, 502, 503, 504, 599]),
    st.one_of(DOCUMENTS, st.fixed_dictionaries({"error": st.dictionaries(FIELDS, VALUES, max_size=8)})),
    TEXTS,
    st.booleans(),
)
def test_random_json_makes_an_error(status: int, document: Any, header: str, polling: bool) -> None:
    error = error_from(status, document, {"retry-after": header}, polling=polling)
    assert isinstance(error, UpstreamError)
    assert error.message
    assert storable(error.message, 2000)
    assert storable(error.hint, 2000)
    assert 1 <= len(error.code) <= 100
    assert storable(error.param, 100)
    assert error.retry_after is None or 1 <= error.retry_after <= 86_400
    assert len(error.suggestions) == len(set(error.suggestions)) <= 5
    assert all(storable(text, 100) for text in error.suggestions)
    assert error.balance_usd is None or error.balance_usd.is_finite()
