"""Words, places and reasons of other services. The client loses no paid picture with any of them."""

import base64
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from gallery.upstream import (
    AccountProblem,
    Answer,
    Client,
    MalformedAnswer,
    NoPicture,
    RateLimited,
    Refused,
    ServerTrouble,
    Status,
    TaskGone,
    UpstreamError,
)
from gallery.upstream import words as tables
from gallery.upstream.fields import progress, reason
from gallery.upstream.parse import read_answer
from gallery.upstream.raw import raw_answer
from gallery.upstream.refusals import error_from, page_in
from gallery.upstream.words import status_of
from tests.support.stub_upstream import Reply, Request, StubUpstream
from tests.upstream.helpers import CAT, KEY

ORIGIN = "https://api.example.org:443"
BASE = "https://api.example.org/v1"
URL = "https://images.example/a.png"
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(40)).decode()


def create(document: Any, **more: Any) -> Answer:
    return read_answer(document, polling=False, origin=ORIGIN, base=BASE, **more)


def poll(document: Any) -> Answer:
    return read_answer(document, polling=True, origin=ORIGIN, base=BASE, task_id="t1")


# -- status


@pytest.mark.parametrize(
    ("word", "status"),
    [
        *((word, Status.COMPLETED) for word in ("SUCCESS", "Succeeded", "succeed", "Ready", "FINISH", "ok", "OK!")),
        *((word, Status.COMPLETED) for word in ("TASK_STATUS_SUCCEED", "taskCompleted", "COMPLETED ", "all done")),
        *((word, Status.FAILED) for word in ("FAILURE", "Content Moderated", "fail", "aborted", "errored", "blocked")),
        *((word, Status.FAILED) for word in ("timeout", "TIMED_OUT", "nsfw", "Task not found", "TASK_STATUS_FAILED")),
        *((word, Status.FAILED) for word in ("cancelled", "Expired", "rejected", "PartiallyFailed", "unsuccessful")),
        *((word, Status.PENDING) for word in ("queued", "IN_QUEUE", "not_start", "notRunning", "Pending", "waiting")),
        *((word, Status.PROCESSING) for word in ("IN_PROGRESS", "In Progress", "RUNNING", "starting", "generating")),
        *((word, Status.PROCESSING) for word in ("not completed", "NotReady", "TASK_STATUS_PROCESSING")),
        *((word, None) for word in ("", "3", "wobbling", "already", "okra", "abandoned", "newest", "Übergabe")),
    ],
)
def test_status_word_has_its_meaning(word: str, status: Status | None) -> None:
    assert status_of(word) is status


def test_no_stem_hides_another() -> None:
    """A stem would never match behind another that is its beginning."""
    for status, stem in tables.STATUS_STEMS:
        assert status_of(stem) is status, stem


@pytest.mark.parametrize("word", ["warming_up", "Übergabe", "3", "SUCCEEDED", "failed", "CANCELLED", "success (1/1)"])
def test_picture_completes_a_task_unless_it_is_under_way(word: str) -> None:
    assert poll({"status": word, "data": [{"url": URL}]}).results[0].url == URL


@pytest.mark.parametrize("word", ["processing", "IN_PROGRESS", "queued"])
def test_picture_of_a_task_under_way_is_a_preview(word: str) -> None:
    answer = poll({"status": word, "data": [{"url": URL}]})
    assert (answer.results, answer.previews[0].url) == ((), URL)
    settled = answer.settled()
    assert (settled.status, settled.results[0].url) == (Status.COMPLETED, URL)


def test_error_with_an_unknown_status_is_unsure() -> None:
    answer = poll({"status": "wobbling", "error": {"message": "It fell over."}})
    assert (answer.status, answer.unsure, answer.error, answer.word) == (
        Status.PROCESSING,
        True,
        "It fell over.",
        "wobbling",
    )
    assert poll({"status": "wobbling", "message": "Warming up the model"}).error == ""
    assert not poll({"status": "processing", "error": "one worker left"}).unsure


# -- ids and addresses


@pytest.mark.parametrize(
    "document",
    [
        {"task_id": "t1"},
        {"id": "t1"},
        {"taskId": "t1", "status": "queued"},
        {"job_id": "t1", "status": "queued"},
        {"request_id": "t1", "status": "IN_QUEUE"},
        {"id": "t1", "status": "wobbling"},
        {"code": 200, "data": [{"status": "submitted", "task_id": "t1"}]},
        {"code": "success", "message": "", "data": {"task_id": "t1", "status": "NOT_START"}},
        {"task": {"task_id": "t1", "status": "TASK_STATUS_QUEUED"}, "request_id": "r"},
        {"poll_url": "/v1/tasks/t1", "status": "pending"},
        {"poll_url": "/v1/tasks/t1"},
        {"id": "t1", "url": "https://api.example.org/v1/tasks/t1", "data": []},
    ],
)
def test_task_without_a_field_is_kept(document: Any) -> None:
    answer = create(document)
    assert (answer.status, answer.task_id) == (Status.PENDING, "t1")


def test_poll_url_is_found_under_all_names() -> None:
    assert create({"id": "t1", "status": "queued"}, headers={"location": "/v1/tasks/t1"}).poll_url == "/v1/tasks/t1"
    assert create({"id": "t1", "polling_url": f"{BASE}/get?id=t1"}).poll_url == "/v1/get?id=t1"
    assert create({"id": "t1", "urls": {"get": "https://evil.example/t1"}, "status": "starting"}).poll_url == ""


def answers_at(path: str, status: int = 404) -> Any:
    def handler(request: Request) -> Any:
        if request.method == "GET" and request.path != path:
            return Reply.of_json({"error": {"message": "no such route"}}, status)
        return {"task_id": "t1", "status": "pending"}

    return handler


@pytest.mark.parametrize("status", [404, 405])
def test_other_addresses_are_tried_once_and_the_right_one_kept(stub: StubUpstream, client: Client, status: int) -> None:
    stub.handler = answers_at("/v1/images/t1", status)
    for _ in range(2):
        assert client.status("t1", "/v1/gone/t1").status is Status.PENDING
    assert [request.path for request in stub.requests] == [
        "/v1/gone/t1",
        "/v1/images/generations/t1",
        "/v1/tasks/t1",
        "/v1/images/t1",
        "/v1/images/t1",
    ]


def test_newer_ids_are_polled_at_tasks(stub: StubUpstream, client: Client) -> None:
    stub.answer(json={"status": "pending"})
    client.status("ldtask_12")
    assert stub.requests[0].path == "/v1/tasks/ldtask_12"


def test_task_unknown_at_all_addresses_is_gone(stub: StubUpstream, client: Client) -> None:
    stub.handler = lambda request: Reply.of_json({"error": {"message": "no such route"}}, 404)
    with pytest.raises(TaskGone) as caught:
        client.status("t1")
    assert (caught.value.code, len(stub.requests)) == ("async_task_not_found", 3)


def test_error_about_the_task_ends_the_search(stub: StubUpstream, client: Client) -> None:
    stub.handler = lambda request: Reply.of_json({"error": {"code": "async_task_not_found"}}, 404)
    with pytest.raises(TaskGone):
        client.status("t1")
    assert len(stub.requests) == 1


def test_trouble_at_another_address_keeps_the_task(stub: StubUpstream, client: Client) -> None:
    stub.answer(404, json={"error": {"message": "no such route"}})
    stub.answer(503, json={})
    with pytest.raises(ServerTrouble):
        client.status("t1")


# -- pictures in other places


PLACES: list[Any] = [
    {"data": [{"url": URL}]},
    {"data": {"url": URL}},
    {"data": {"data": [{"url": URL}]}},
    {"code": "success", "data": {"task_id": "t1", "status": "SUCCESS", "data": {"created": 1, "data": [{"url": URL}]}}},
    {"data": [URL]},
    {"data": [{"url": [URL]}]},
    {"data": [{"url": {"url": URL}}]},
    {"data": [{"image_url": {"url": URL}}]},
    {"images": [{"url": URL}]},
    {"images": [URL]},
    {"image": URL},
    {"image": {"url": URL}},
    {"url": URL},
    {"image_url": URL},
    {"output": URL},
    {"output": [URL]},
    {"output": {"url": URL}},
    {"output": {"results": [{"url": URL}]}},
    {"result": {"sample": URL}},
    {"result": {"images": [{"uri": URL}]}},
    {"task": {"status": "TASK_STATUS_SUCCEED"}, "images": [{"image_url": URL}]},
    {"data": {"task_status": "succeed", "task_result": {"images": [{"index": 0, "url": URL}]}}},
    {"data": {"state": "success", "response": {"resultUrls": [URL]}}},
    {"choices": [{"message": {"content": "", "images": [{"image_url": {"url": URL}}]}}]},
    {"status": "completed", "wrapped": {"in": {"something": URL}}},
    [{"url": URL}],
    {"data": [{"b64_json": PNG}]},
    {"data": [PNG]},
    {"data": [{"base64": PNG}]},
    {"artifacts": [{"base64": PNG, "finishReason": "SUCCESS"}]},
    {"data": [{"image_base64": PNG}]},
    {"data": {"binary_data_base64": [PNG]}},
    {"predictions": [{"bytesBase64Encoded": PNG, "mimeType": "image/png"}]},
    {
        "candidates": [
            {"content": {"parts": [{"text": "Here."}, {"inlineData": {"mimeType": "image/png", "data": PNG}}]}}
        ]
    },
    {"output": [{"type": "image_generation_call", "result": PNG}]},
    {"data": [{"url": f"data:image/png;base64,{PNG}"}]},
    {"image": f"data:image/png;base64,{PNG}"},
    {"status": "done", "wrapped": {"bytes": PNG}},
]


@pytest.mark.parametrize("polling", [False, True])
@pytest.mark.parametrize("document", PLACES)
def test_picture_is_found_at_all_places(document: Any, polling: bool) -> None:
    answer = poll(document) if polling else create(document)
    assert answer.status is Status.COMPLETED
    (result,) = answer.results
    assert (result.url, result.b64) in ((URL, ""), ("", PNG))


@pytest.mark.parametrize(
    ("url", "absolute"),
    [
        ("/files/a.png", "https://api.example.org/files/a.png"),
        ("/files/17?sig=a", "https://api.example.org/files/17?sig=a"),
        ("//cdn.example/a.png", "https://cdn.example/a.png"),
        ("files/a.png", "https://api.example.org/v1/files/a.png"),
        ("a.webp", "https://api.example.org/v1/a.webp"),
    ],
)
def test_relative_address_belongs_to_the_server(url: str, absolute: str) -> None:
    assert create({"data": [{"url": url}]}).results[0].url == absolute


@pytest.mark.parametrize(
    "document",
    [
        {"status": "completed", "input": {"image": URL}, "data": []},
        {"status": "completed", "data": [{"thumbnail": URL}]},
        {"status": "completed", "message": "See https://docs.example/"},
        {"status": "completed", "docs": "https://docs.example/errors"},
    ],
)
def test_other_values_are_no_results(document: Any) -> None:
    with pytest.raises(NoPicture):
        poll(document)


def test_same_picture_counts_once() -> None:
    assert len(create({"data": [{"url": URL}, {"url": URL}, {"b64_json": PNG}, {"b64_json": PNG}]}).results) == 2


NAMES = st.sampled_from(
    ["data", "images", "output", "result", "results", "Data", "outputs", "generated_images", "generatedImages"]
)
WRAPS = st.lists(st.tuples(NAMES, st.booleans()), max_size=3)
# fmt: off
ITEMS = st.sampled_from([
    {"url": URL}, {"image_url": URL}, {"imageUrl": URL}, {"url": [URL]}, {"image": {"url": URL}}, {"uri": URL}, URL,
    {"b64_json": PNG}, {"base64": PNG}, {"b64": PNG}, {"image_base64": PNG}, {"imageBase64": PNG}, PNG,
])
DONE = st.sampled_from([
    "completed", "COMPLETE", "Succeeded", "succeed", "TASK_STATUS_SUCCEED", "TaskStatus.Success", "Ready", "FINISH",
    "finished", "done", "ok", "OK", "wobbling", "3", "200", "", None, "task-success", "jobCompleted", "失败", "完成",
    "failed", "timeout", "partial",
])
BESIDE: st.SearchStrategy[dict[str, Any]] = st.dictionaries(
    st.sampled_from(["message", "code", "created", "id", "task_id", "request_id", "progress", "usage", "error"]),
    st.sampled_from(["success", "", None, 0, 200, {}, [], "t1", "100%", {"total_tokens": 5}]),
    max_size=4,
)
# fmt: on


@settings(
    max_examples=1_500,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(WRAPS, ITEMS, DONE, BESIDE, st.sampled_from(["status", "state", "task_status", "taskStatus"]), st.booleans())
def test_paid_picture_is_found_in_random_words(
    wraps: list[tuple[str, bool]], item: Any, word: Any, beside: dict[str, Any], field: str, polling: bool
) -> None:
    """A service may use any words for its status and fields, and add other fields."""
    document: Any = [item] if isinstance(item, str) and not wraps else item
    for name, as_list in wraps:
        document = {name: [document] if as_list else document}
    if not isinstance(document, dict):
        document = {"data": document}
    document = {**beside, field: word, **document}
    answer = poll(document) if polling else create(document)
    assert answer.status is Status.COMPLETED
    assert [(one.url, one.b64) for one in answer.results] in ([(URL, "")], [("", PNG)])


# -- reasons


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ({"error": "plain words"}, "plain words"),
        ({"error": {"message": "object words"}}, "object words"),
        ({"message": "words beside the status"}, "words beside the status"),
        ({"error": json.dumps({"error": {"message": "packed words", "code": "bad"}})}, "packed words"),
        ({"error": {"message": json.dumps({"error": {"message": "inner words"}})}}, "inner words"),
        ({"error": {"message": 'Error 400: {"error": {"message": "after a colon"}}'}}, "after a colon"),
        ({"error": {"message": "400: {'error': 'Invalid model name'}"}}, "Invalid model name"),
        ({"message": "success", "data": None, "fail_reason": "no luck"}, "no luck"),
        ({"failReason": "no luck"}, "no luck"),
        ({"base_resp": {"status_code": 1026, "status_msg": "no luck"}}, "no luck"),
        ({"errors": [{"message": "no luck"}]}, "no luck"),
        ({"validation_errors": [{"field": "size", "message": "no luck"}]}, "no luck"),
        ({"detail": [{"loc": ["body"], "msg": "no luck"}]}, "no luck"),
        ({"message": "OK"}, ""),
        ({"error": {}}, ""),
    ],
)
def test_reason_is_found_at_all_places(document: Any, text: str) -> None:
    assert reason(document) == text


def test_nested_json_is_limited() -> None:
    deep: Any = "x"
    for _ in range(12):
        deep = json.dumps({"error": deep})
    assert reason({"error": deep}) == ""
    long = json.dumps({"error": {"message": "x" * 30_000}})
    assert reason({"error": long}).startswith('{"error"')


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ({"code": 400, "message": "the size is not allowed", "data": None}, "invalid_request_error"),
        ({"status": 422, "message": "the size is not allowed"}, "invalid_request_error"),
        ({"success": False, "message": "sensitive words detected", "data": []}, "content_policy_violation"),
        ({"error": {"message": "No.", "code": "content_policy_violation"}}, "content_policy_violation"),
        ({"id": "req_1", "error": {"message": "No."}}, ""),
        ({"base_resp": {"status_code": 1026, "status_msg": "No."}}, ""),
    ],
)
def test_refusal_with_status_200_is_a_refusal(document: Any, code: str) -> None:
    answer = create(document)
    assert (answer.status, answer.code) == (Status.FAILED, code)
    assert answer.error


@pytest.mark.parametrize(
    "document", [{"code": 500, "message": "worker died"}, {"status": 502, "message": "gone"}, {"message": "hello"}]
)
def test_trouble_with_status_200_leaves_the_outcome_unknown(document: Any) -> None:
    with pytest.raises(MalformedAnswer) as caught:
        create(document)
    assert caught.value.sent
    assert caught.value.message == document["message"]


@pytest.mark.parametrize(
    ("status", "error", "code"),
    [
        (400, {"code": "moderation_blocked", "type": "image_generation_user_error"}, "content_policy_violation"),
        (400, {"code": "contentFilter"}, "content_policy_violation"),
        (400, {"code": "bad", "innererror": {"code": "ResponsibleAIPolicyViolation"}}, "content_policy_violation"),
        (400, {"message": "Your request was rejected by the safety system."}, "content_policy_violation"),
        (403, {"message": "Your prompt was flagged."}, "content_policy_violation"),
        (422, {"message": "prompt rejected"}, "content_policy_violation"),
        (400, {"code": "invalid_value", "message": "The size is wrong."}, "invalid_request_error"),
        (422, {"code": "too_many_images"}, "invalid_request_error"),
        (400, {"type": "model_not_found"}, "model_not_found"),
        (400, {"type": "upstream_contract_mismatch"}, "upstream_contract_mismatch"),
        (404, {"type": "invalid_request_error", "code": None}, "not_found"),
        (403, {"type": "permission_error"}, "access_denied"),
    ],
)
def test_refusals_have_the_codes_of_the_studio(status: int, error: dict[str, Any], code: str) -> None:
    problem = error_from(status, {"error": error})
    assert (type(problem), problem.code) == (Refused, code)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, {"code": "billing_hard_limit_reached"}),
        (400, {"type": "budget_exceeded", "code": "400"}),
        (429, {"type": "budget_exceeded", "code": "429"}),
        (400, {"message": "Budget has been exceeded! Current cost: 26.1, Max budget: 0.2", "code": "400"}),
        (400, {"message": "No connected db.", "type": "no_db_connection", "code": "400"}),
        (429, {"type": "insufficient_quota"}),
    ],
)
def test_errors_of_money_and_keys_concern_the_account(status: int, error: dict[str, Any]) -> None:
    assert type(error_from(status, {"error": error})) is AccountProblem


def test_safety_word_in_a_server_error_declines_no_prompt() -> None:
    problem = error_from(500, {"error": {"message": "the content filter did not answer"}})
    assert (type(problem), problem.code) == (ServerTrouble, "internal_error")


def test_missing_route_to_a_model_is_final() -> None:
    error = {"type": "all_channels_failed", "message": "No channel.", "retryable": False}
    assert type(error_from(503, {"error": error})) is Refused
    assert type(error_from(503, {"error": {**error, "retryable": True}})) is ServerTrouble
    assert type(error_from(503, {"error": error}, polling=True)) is ServerTrouble


def test_page_of_a_firewall_is_recognised(stub: StubUpstream, client: Client) -> None:
    page = b"<!DOCTYPE html><html><head><title>Just a moment...</title></head></html>"
    stub.answer(403, body=page)
    with pytest.raises(Refused) as caught:
        client.create(CAT)
    assert caught.value.code == "refused_on_the_way"
    assert "HTTP 403, an HTML page titled “Just a moment...”" in caught.value.message
    stub.answer(body=page)
    with pytest.raises(MalformedAnswer, match="an HTML page titled"):
        client.create(CAT)
    assert page_in(b"plain") == page_in(b"") == ""


def test_refusal_in_plain_text_is_shown(stub: StubUpstream, client: Client) -> None:
    stub.answer(400, body="The size is not known here.")
    with pytest.raises(Refused, match=r"^The size is not known here\.$"):
        client.create(CAT)


def test_remedy_for_a_request_is_read() -> None:
    error = {"message": "No.", "allowed_aspect_ratios": ["1:1", "16:9"], "recommended_request": {"prompt": "A kite"}}
    problem = error_from(400, {"error": error, "validation_errors": [{"field": "size", "message": "no"}]})
    assert problem.advice["allowed_aspect_ratios"] == "1:1, 16:9"
    assert problem.advice["recommended_request"] == '{"prompt": "A kite"}'
    assert "size" in problem.advice["validation_errors"]


# -- numbers, waits, ids


@pytest.mark.parametrize(
    ("value", "percent"),
    [
        *((45, 45), ("45%", 45), (0.45, 45), ("0.45", 45), (0.29, 29), (1.0, 100), (1, 1), (100, 100), ("9/20", 45)),
        *(("about half", None), (None, None), (250, 100), ("0.5%", 0), ("1/0", None)),
    ],
)
def test_progress_is_percent(value: Any, percent: int | None) -> None:
    assert progress(value) == percent


@pytest.mark.parametrize(
    ("headers", "error", "seconds"),
    [
        ({"retry-after-ms": "1500"}, {}, 1.5),
        ({"retry-after": "900"}, {}, 900),
        ({}, {"message": "Rate limit reached. Please try again in 2s."}, 2),
        ({}, {"message": "Please try again in 6m0s."}, 360),
        ({}, {"message": "Please retry after 20 seconds."}, 20),
        ({}, {"message": "try again in 120ms"}, 1),
        ({}, {"message": "You may wait 30 seconds"}, 30),
        ({}, {"message": "Slow down."}, None),
        ({"retry-after": "5"}, {"retry_after": 9, "message": "try again in 2s"}, 5),
    ],
)
def test_time_to_wait_is_read(headers: dict[str, str], error: dict[str, Any], seconds: float | None) -> None:
    assert error_from(429, {"error": error}, headers).retry_after == seconds


def test_limits_are_read_from_headers(stub: StubUpstream, client: Client) -> None:
    given_headers = {"X-RateLimit-Limit": "1000", "X-RateLimit-Remaining": "998", "X-RateLimit-Reset": "12"}
    stub.answer(json={"data": [{"url": URL}]}, headers=given_headers)
    client.create(CAT)
    assert client.rate_limit is not None
    assert client.rate_limit.remaining == 998
    stub.answer(429, headers={"X-RateLimit-Remaining-Requests": "0, 60;w=60", "X-RateLimit-Reset-Requests": "6m0s"})
    with pytest.raises(RateLimited):
        client.create(CAT)
    assert client.rate_limit.remaining == 0


def test_ids_and_usage_are_read(stub: StubUpstream, client: Client) -> None:
    usage = {"input_tokens": 13, "output_tokens": 1056, "total_tokens": 1069}
    details = {"text_tokens": 13, "image_tokens": 0}
    stub.answer(
        json={
            "data": [{"url": URL}],
            "billing_transaction_id": "bill_1",
            "usage": {**usage, "input_tokens_details": details, "x": 1},
        },
        headers={"X-Request-Id": "req_1"},
    )
    answer = client.create(CAT)
    assert answer.ids == {"request_id": "req_1", "billing_transaction_id": "bill_1"}
    assert answer.usage == {**usage, "input_tokens_details": details}
    stub.answer(
        400, json={"error": {"message": "no", "request_id": "req_2"}}, headers={"X-Billing-Transaction-ID": "b"}
    )
    with pytest.raises(UpstreamError) as caught:
        client.create(CAT)
    assert caught.value.ids == {"request_id": "req_2", "billing_transaction_id": "b"}


# -- the raw answer


def test_raw_answer_has_no_payload_and_a_limit() -> None:
    document = {"data": [{"b64_json": "A" * 500_000, "revised_prompt": "a cat " * 900}], "id": "x"}
    raw = raw_answer(
        200, {"content-type": "application/json", "x-secret": "no"}, json.dumps(document).encode(), document
    )
    assert dict(raw.headers) == {"content-type": "application/json"}
    kept = json.loads(raw.body)
    assert kept["data"][0]["b64_json"] == "[base64: 500000 characters]"
    assert kept["data"][0]["revised_prompt"] == document["data"][0]["revised_prompt"]  # type: ignore[index]
    assert len(raw_answer(200, {}, b"<p>" * 400_000, None).body) == 256 * 1024


def test_removed_payload_is_no_picture() -> None:
    with pytest.raises(MalformedAnswer):
        create({"data": [{"b64_json": "[base64: 500000 characters]"}]})


def test_raw_answer_does_not_contain_the_key(stub: StubUpstream, client: Client) -> None:
    stub.answer(json={"note": f"key {KEY}"}, headers={"X-Request-Id": KEY})
    with pytest.raises(MalformedAnswer) as caught:
        client.create(CAT)
    assert caught.value.raw is not None
    assert KEY not in caught.value.raw.body + repr(caught.value.raw.headers) + repr(caught.value.ids)
