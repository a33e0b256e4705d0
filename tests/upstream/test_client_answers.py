"""What the client makes of good answers."""

from typing import Any

import pytest

from gallery.upstream import (
    Answer,
    Client,
    MalformedAnswer,
    NoPicture,
    Result,
    Status,
)
from tests.support.stub_upstream import StubUpstream
from tests.upstream.helpers import CAT, ORIGIN, PICTURE, URL, create, poll


def test_synchronous_answer_is_read(stub: StubUpstream, client: Client) -> None:
    stub.answer(json=PICTURE)
    assert client.create(CAT) == Answer(
        Status.COMPLETED, results=(Result(URL, "", "A fluffy white cat"),), created=1706000000
    )


def test_asynchronous_task_is_read_to_its_end(stub: StubUpstream, client: Client) -> None:
    task, where = "img_abc123def456", "/v1/images/generations/img_abc123def456"
    empty = [{"url": "", "revised_prompt": "a sunset"}]
    stub.answer(json={"created": 1, "task_id": task, "status": "pending", "poll_url": where, "data": empty})
    stub.answer(json={"created": 1, "task_id": task, "status": "processing", "data": empty, "progress": 45})
    stub.answer(json={"created": 1, "task_id": task, "status": "completed", "data": PICTURE["data"]})
    first = client.create(CAT)
    assert (first.status, first.task_id, first.poll_url, first.results) == (Status.PENDING, task, where, ())
    second = client.status(first.task_id, first.poll_url)
    assert (second.status, second.progress, second.poll_url) == (Status.PROCESSING, 45, where)
    third = client.status(first.task_id, first.poll_url)
    assert (third.status, third.results[0].url) == (Status.COMPLETED, URL)
    assert [(r.method, r.path) for r in stub.requests[1:]] == [("GET", where)] * 2
    assert all(r.body == b"" and "content-type" not in r.headers for r in stub.requests[1:])


PENDING = {"status": "pending", "task_id": "img_1"}


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"data": [{"url": URL}]}, {"status": Status.COMPLETED, "task_id": "", "results": (Result(URL),)}),
        ({"data": {"url": URL}}, {"status": Status.COMPLETED, "results": (Result(URL),)}),
        ({"data": [{"b64_json": "QUJD"}]}, {"results": (Result(b64="QUJD"),)}),
        ({"data": [{"url": "data:image/png;base64,QUJD"}]}, {"results": (Result(b64="QUJD"),)}),
        ({"data": [{"b64_json": "data:image/png;base64,QUJD"}]}, {"results": (Result(b64="QUJD"),)}),
        ({"data": [{"url": ""}, {"url": URL}, None, {"url": 7}]}, {"results": (Result(URL),)}),
        ({"data": [{"url": URL}] * 99}, {"results": (Result(URL),)}),
        (
            {"data": [{"url": f"{URL}?{number}"} for number in range(99)]},
            {"results": tuple(Result(f"{URL}?{number}") for number in range(32))},
        ),
        ({"data": [{"url": URL, "revised_prompt": ["x"]}]}, {"results": (Result(URL),)}),
        (
            {"data": [{"url": URL, "revised_prompt": "a\x00b\ud800\nc"}]},
            {"results": (Result(URL, "", "ab\nc"),)},
        ),
        ({"status": "completed", "data": [{"url": URL}]}, {"status": Status.COMPLETED}),
        ({"status": "succeeded", "data": [{"url": URL}]}, {"status": Status.COMPLETED}),
        ({"task_id": "img_1", "data": [{"url": URL}]}, {"status": Status.COMPLETED, "task_id": "img_1"}),
        ({"status": "mystery", "data": [{"url": URL}]}, {"status": Status.COMPLETED}),
        (PENDING, {"status": Status.PENDING, "task_id": "img_1", "poll_url": "", "results": ()}),
        ({**PENDING, "data": [{"url": URL}]}, {"status": Status.PENDING, "results": ()}),
        ({**PENDING, "status": "Queued "}, {"status": Status.PENDING}),
        ({**PENDING, "status": "in_progress"}, {"status": Status.PROCESSING}),
        ({**PENDING, "status": "mystery"}, {"status": Status.PENDING}),
        ({**PENDING, "status": 7}, {"status": Status.PENDING}),
        ({**PENDING, "task_id": 1234}, {"task_id": "1234"}),
        ({"task_id": "img_1", "data": [{"url": ""}]}, {"status": Status.PENDING}),
        ({**PENDING, "poll_url": "https://evil.example/x"}, {"poll_url": ""}),
        ({**PENDING, "poll_url": f"{ORIGIN}/v1/tasks/1"}, {"poll_url": "/v1/tasks/1"}),
        ({**PENDING, "progress": 45.9}, {"progress": 45}),
        ({**PENDING, "progress": "45%"}, {"progress": 45}),
        ({**PENDING, "progress": -3}, {"progress": 0}),
        ({**PENDING, "progress": 10**400}, {"progress": None}),
        ({**PENDING, "progress": 250}, {"progress": 100}),
        ({**PENDING, "progress": float("nan")}, {"progress": None}),
        ({**PENDING, "progress": True}, {"progress": None}),
        ({**PENDING, "progress": [5]}, {"progress": None}),
        ({**PENDING, "created": 1.5e9}, {"created": 1500000000}),
        ({**PENDING, "created": "1706000000"}, {"created": None}),
        ({**PENDING, "created": -1}, {"created": None}),
        ({**PENDING, "created": 10**30}, {"created": None}),
        ({**PENDING, "created": float("inf")}, {"created": None}),
        ({"status": "failed", "error": "too dark"}, {"status": Status.FAILED, "error": "too dark"}),
        (
            {"status": "failed", "error": {"message": "no", "code": "content_policy_violation"}},
            {"status": Status.FAILED, "error": "no", "code": "content_policy_violation"},
        ),
        ({"status": "failed", "error": None}, {"status": Status.FAILED, "error": ""}),
        ({"status": "failed", "cancelled": True}, {"cancelled": True}),
        ({"status": "failed", "cancelled": "yes"}, {"cancelled": False}),
        ({"status": "cancelled"}, {"status": Status.FAILED, "cancelled": True}),
        ({**PENDING, "cancelled": True}, {"cancelled": False}),
        ({"error": {"message": "no such style"}}, {"status": Status.FAILED, "error": "no such style"}),
    ],
)
def test_create_answer_is_read(document: Any, expected: dict[str, Any]) -> None:
    answer = create(document)
    assert {name: getattr(answer, name) for name in expected} == expected


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        "pending",
        7,
        {},
        {"data": []},
        {"data": None},
        {"data": [{"url": ""}]},
        {"data": [{"url": None}, {"url": "ftp://x/y"}, {"url": "soon"}, {"url": "https://"}]},
        {"data": [{"url": "https://x/\r\ny"}]},
        {"data": [{"url": "https://x/" + "y" * 8000}]},
        {"data": [{"url": "https://[x/"}]},
        {"data": [{"b64_json": 7}, {"b64_json": ""}]},
        {"status": "completed"},
        {"status": "completed", "data": []},
        {"status": "pending"},
        {"status": "processing", "data": [{"url": URL}]},
        {"status": "pending", "task_id": ""},
        {"status": "pending", "task_id": " a"},
        {"status": "pending", "task_id": "a\nb"},
        {"status": "pending", "task_id": ".."},
        {"status": "pending", "task_id": "x" * 4001},
        {"status": "pending", "task_id": {"id": 1}},
        {"status": "pending", "task_id": True},
        {"status": "mystery"},
    ],
)
def test_senseless_create_answer_may_have_been_charged(document: Any) -> None:
    with pytest.raises(MalformedAnswer) as caught:
        create(document)
    assert type(caught.value) is MalformedAnswer
    assert (caught.value.sent, caught.value.retryable) == (True, False)


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"status": "pending"}, {"status": Status.PENDING, "task_id": "img_1"}),
        ({"status": "pending"}, {"poll_url": "/v1/tasks/img_1"}),
        ({"status": "pending", "poll_url": "/v2/t"}, {"poll_url": "/v2/t"}),
        ({"status": "pending", "poll_url": "//evil"}, {"poll_url": "/v1/tasks/img_1"}),
        ({"status": "mystery"}, {"status": Status.PROCESSING}),
        ({"status": "processing", "task_id": "other"}, {"task_id": "img_1"}),
        ({"status": "completed", "data": [{"url": URL}, {"url": ""}]}, {"results": (Result(URL),)}),
        ({"status": "completed", "data": [{"b64_json": "QUJD"}]}, {"results": (Result(b64="QUJD"),)}),
        ({"data": [{"url": URL}]}, {"status": Status.COMPLETED}),
        ({"status": "failed", "error": "boom", "data": []}, {"status": Status.FAILED, "error": "boom"}),
        ({"status": "failed", "error": "x" * 5000}, {"error": "x" * 1999 + "…"}),
        ({"status": "failed", "error": [{"msg": "boom"}]}, {"error": "boom"}),
    ],
)
def test_status_answer_is_read(document: Any, expected: dict[str, Any]) -> None:
    answer = poll(document)
    assert {name: getattr(answer, name) for name in expected} == expected


@pytest.mark.parametrize("document", [None, [], {}, {"task_id": "img_1"}, {"error": "busy"}, {"data": []}])
def test_senseless_status_answer_is_asked_again(document: Any) -> None:
    with pytest.raises(MalformedAnswer) as caught:
        poll(document)
    assert type(caught.value) is MalformedAnswer
    assert caught.value.retryable


@pytest.mark.parametrize("data", [None, [], [{"url": ""}], [{"url": None}, {}], "x"])
def test_completion_without_a_picture_has_its_own_error(data: Any) -> None:
    with pytest.raises(NoPicture) as caught:
        poll({"status": "completed", "data": data})
    assert (caught.value.task_id, caught.value.poll_url) == ("img_1", "/v1/tasks/img_1")
    with pytest.raises(NoPicture) as caught:
        create({"status": "completed", "task_id": "img_2", "poll_url": "/v1/t", "data": data})
    assert (caught.value.task_id, caught.value.poll_url) == ("img_2", "/v1/t")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"<html>hello</html>",
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b'{"created": ' + b"9" * 5000 + b"}",
        b'{"data": [{"url": "https://x',
        b'"text"',
    ],
)
@pytest.mark.parametrize("polling", [False, True])
def test_answer_that_is_no_json_object_is_an_error(
    stub: StubUpstream, client: Client, body: bytes, polling: bool
) -> None:
    stub.answer(body=body)
    with pytest.raises(MalformedAnswer) as caught:
        client.status("img_1") if polling else client.create(CAT)
    assert (caught.value.code, caught.value.sent) == ("malformed_answer", True)
    assert bool(caught.value.hint) is not polling


def test_paid_picture_survives_a_bom_and_broken_characters(stub: StubUpstream, client: Client) -> None:
    stub.answer(201, body=b'\xef\xbb\xbf{"data": [{"url": "https://x/y.png", "revised_prompt": "a\xff\x00b\\ud800"}]}')
    with pytest.raises(MalformedAnswer):
        client.create(CAT)  # a raw NUL inside a string is no JSON
    stub.answer(201, body=b'\xef\xbb\xbf{"data": [{"url": "https://x/y.png", "revised_prompt": "a\xffb\\ud800"}]}')
    assert client.create(CAT).results == (Result("https://x/y.png", "", "a\ufffdb"),)
