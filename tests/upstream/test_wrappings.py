"""Answers in another wrapping than one JSON object: streams of events, JSON by lines, bare pictures, two addresses."""

import base64
import gzip
import json
import zlib
from typing import Any

import pytest

from gallery.upstream import (
    Client,
    MalformedAnswer,
    NoPicture,
    OutcomeUnknown,
    Refused,
    ServerTrouble,
    Status,
    Submission,
)
from gallery.upstream.wrappings import unwrap
from tests.support.stub_upstream import StubUpstream

CAT = Submission("gpt-image-2", "A white cat")
PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)
B64 = base64.b64encode(PNG).decode()
EARLY = base64.b64encode(PNG + b"blurred").decode()
PARTIAL = {"type": "image_generation.partial_image", "b64_json": EARLY, "partial_image_index": 0}
COMPLETED = {"type": "image_generation.completed", "b64_json": B64, "usage": {"input_tokens": 9, "output_tokens": 272}}
EVENT_STREAM = {"Content-Type": "text/event-stream; charset=utf-8"}


def stream(*events: dict[str, Any] | str, end: str = "\n\n") -> bytes:
    """As gpt-image streams: a line for the kind, a line for the data, an empty line."""
    written = []
    for event in events:
        if isinstance(event, str):
            written.append(event)
            continue
        kind = f"event: {event['type']}\n" if "type" in event else ""
        written.append(f"{kind}data: {json.dumps(event)}")
    return (end.join(written) + end).encode()


STREAMS = {
    "gpt-image": stream(": keep-alive", PARTIAL, COMPLETED, "data: [DONE]"),
    "edit": stream({**PARTIAL, "type": "image_edit.partial_image"}, {**COMPLETED, "type": "image_edit.completed"}),
    "line ends of Windows": stream(PARTIAL, COMPLETED, end="\r\n\r\n"),
    "without empty lines": f"data: {json.dumps(PARTIAL)}\ndata: {json.dumps(COMPLETED)}\ndata: [DONE]\n".encode(),
    "without a last line end": stream(PARTIAL, COMPLETED).rstrip(),
    "without a space": stream(COMPLETED).replace(b"data: ", b"data:"),
    "an object over several lines": b"data: " + json.dumps(COMPLETED, indent=1).replace("\n", "\ndata: ").encode(),
    "a mark at the beginning": b"\xef\xbb\xbf" + stream(COMPLETED),
    "JSON by lines": f"{json.dumps({'status': 'processing'})}\n{json.dumps({'data': [{'b64_json': B64}]})}\n".encode(),
    "states of a task": stream(
        {"status": "processing", "images": [{"b64_json": EARLY}]},
        {"status": "completed", "images": [{"b64_json": B64}]},
    ),
    "OpenAI's Responses": stream(
        {"type": "response.created", "response": {"id": "resp_1", "status": "in_progress", "output": []}},
        {"type": "response.image_generation_call.partial_image", "partial_image_b64": EARLY},
        {"type": "response.completed", "response": {"status": "completed", "output": [{"type": "x", "result": B64}]}},
    ),
    "pictures in a chat": stream(
        {"choices": [{"delta": {"content": "Here it is"}}]},
        {"choices": [{"delta": {"images": [{"image_url": {"url": f"data:image/png;base64,{B64}"}}]}}]},
        {"choices": [{"delta": {}, "finish_reason": "stop"}]},
    ),
}


@pytest.mark.parametrize("body", STREAMS.values(), ids=list(STREAMS))
def test_picture_of_a_stream_is_kept_and_no_preview(stub: StubUpstream, client: Client, body: bytes) -> None:
    stub.answer(body=body, headers=EVENT_STREAM)
    answer = client.create(CAT)
    assert answer.status is Status.COMPLETED
    assert [result.b64 for result in answer.results] == [B64]


def test_stream_counts_by_its_bytes_and_not_by_its_content_type(stub: StubUpstream, client: Client) -> None:
    stub.answer(body=stream(PARTIAL, COMPLETED), headers={"Content-Type": "application/json"})
    answer = client.create(CAT)
    assert [result.b64 for result in answer.results] == [B64]
    assert answer.usage == {"input_tokens": 9, "output_tokens": 272}


def test_all_pictures_of_a_stream_are_kept(stub: StubUpstream, client: Client) -> None:
    more = [{"type": "image_generation.completed", "url": f"https://images.example/{name}.png"} for name in "abc"]
    stub.answer(body=stream(PARTIAL, *more, {"type": "error", "error": {"message": "One of four failed."}}))
    assert [result.url[-5:] for result in client.create(CAT).results] == ["a.png", "b.png", "c.png"]


def test_picture_of_a_stream_that_breaks_behind_it_is_kept(stub: StubUpstream, client: Client) -> None:
    stub.truncate(stream(PARTIAL, COMPLETED))
    assert [result.b64 for result in client.create(CAT).results] == [B64]


def test_stream_that_breaks_before_its_picture_has_an_unknown_outcome(stub: StubUpstream, client: Client) -> None:
    stub.truncate(stream(PARTIAL) + b'data: {"type": "image_generation.completed", "b64_json": "iVBO')
    with pytest.raises(OutcomeUnknown) as caught:
        client.create(CAT)
    assert caught.value.sent


def test_preview_is_kept_where_a_stream_ends_without_another_picture(stub: StubUpstream, client: Client) -> None:
    stub.answer(body=stream(PARTIAL, "data: [DONE]"))
    assert [result.b64 for result in client.create(CAT).results] == [EARLY]


def test_refusal_in_a_stream_has_its_reason(stub: StubUpstream, client: Client) -> None:
    error = {"code": "moderation_blocked", "message": "Rejected by the safety system."}
    stub.answer(body=stream(PARTIAL, {"type": "error", "error": error}))
    answer = client.create(CAT)
    assert (answer.status, answer.code) == (Status.FAILED, "content_policy_violation")
    assert answer.error == "Rejected by the safety system."
    stub.answer(400, body=stream({"type": "error", "error": error}))
    with pytest.raises(Refused, match="safety system"):
        client.create(CAT)


def test_task_in_a_stream_is_kept(stub: StubUpstream, client: Client) -> None:
    stub.truncate(stream({"task_id": "img_7", "status": "pending"}, {"status": "processing", "progress": 40}))
    answer = client.create(CAT)
    assert (answer.status, answer.task_id, answer.progress) == (Status.PROCESSING, "img_7", 40)


@pytest.mark.parametrize("body", [b"data: [DONE]\n\n", b"event: ping\n\n", b"data: 7\n\n", b": nothing\n\n", b"data"])
def test_stream_without_a_word_may_have_been_charged(stub: StubUpstream, client: Client, body: bytes) -> None:
    stub.answer(body=body, headers=EVENT_STREAM)
    with pytest.raises(MalformedAnswer) as caught:
        client.create(CAT)
    assert caught.value.sent


def test_kept_answer_of_a_stream_can_be_read_again(stub: StubUpstream, client: Client) -> None:
    picture = {**COMPLETED, "b64_json": B64 * 100}
    stub.answer(body=stream(PARTIAL, picture))
    raw = client.create(CAT).raw
    assert raw is not None
    assert json.loads(raw.body)["b64_json"].startswith("[base64")


def test_long_stream_is_read_to_a_bound() -> None:
    line = b'data: {"status": "processing", "progress": 1}\n\n'
    assert unwrap(line * 12_000 + stream(COMPLETED)).document == {"status": "processing", "progress": 1}


PLAIN = json.dumps({"data": [{"b64_json": B64}]}).encode()


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (gzip.compress(PLAIN), "gzip"),
        (gzip.compress(PLAIN), ""),
        (gzip.compress(stream(COMPLETED)), "gzip"),
        (zlib.compress(PLAIN), "deflate"),
        (zlib.compress(PLAIN)[2:-4], "deflate"),
        *[(PLAIN, encoding) for encoding in ("gzip", "deflate", "br", "aws-chunked", "none", "utf-8")],
    ],
)
def test_no_content_encoding_hides_a_paid_picture(
    stub: StubUpstream, client: Client, body: bytes, encoding: str
) -> None:
    stub.answer(body=body, headers={"Content-Encoding": encoding} if encoding else {})
    assert [result.b64 for result in client.create(CAT).results] == [B64]


def test_packed_answer_has_the_bound_of_a_plain_one(stub: StubUpstream) -> None:
    stub.answer(body=gzip.compress(b" " * 200_000 + PLAIN), headers={"Content-Encoding": "gzip"})
    with pytest.raises(MalformedAnswer) as caught:
        Client(stub.base_url, "", max_answer_bytes=100_000).create(CAT)
    assert caught.value.code == "answer_too_large"


@pytest.mark.parametrize(
    "picture", [PNG, b"\xff\xd8\xff" + bytes(9), b"GIF89a" + bytes(9), b"RIFF\0\0\0\0WEBP", b"\0\0\0\x20ftypavif"]
)
def test_answer_that_is_the_picture_itself_is_kept(stub: StubUpstream, client: Client, picture: bytes) -> None:
    stub.answer(body=picture, headers={"Content-Type": "image/png"})
    assert [base64.b64decode(result.b64) for result in client.create(CAT).results] == [picture]


# A finished task that names another address for its result


def done(stub: StubUpstream, **fields: Any) -> None:
    result = f"{stub.origin}/fal-ai/flux/requests/7f"
    said = {"status": "COMPLETED", "request_id": "7f", "response_url": result, "status_url": f"{result}/status"}
    stub.answer(json={**said, **fields})


def test_result_is_asked_for_where_the_finished_task_says(stub: StubUpstream, client: Client) -> None:
    path = "/fal-ai/flux/requests/7f"
    queued = {"status": "IN_QUEUE", "request_id": "7f", "response_url": path, "status_url": f"{path}/status"}
    stub.answer(json=queued)
    begun = client.create(CAT)
    assert (begun.task_id, begun.poll_url) == ("7f", f"{path}/status")
    done(stub)
    stub.answer(json={"images": [{"url": "https://images.example/a.png", "width": 64}], "seed": 1})
    answer = client.status(begun.task_id, begun.poll_url)
    assert [result.url for result in answer.results] == ["https://images.example/a.png"]
    assert answer.task_id == "7f"
    assert [request.path for request in stub.requests[1:]] == [f"{path}/status", path]


@pytest.mark.parametrize(
    "address",
    [
        "https://elsewhere.example/requests/7f",
        "//elsewhere.example/requests/7f",
        "/v1/../../secret",
        "/requests/%2e%2e/secret",
        "\\\\elsewhere.example\\x",
        "ftp://elsewhere.example/7f",
        7,
        None,
    ],
)
def test_result_is_asked_for_on_the_own_origin_only(stub: StubUpstream, client: Client, address: Any) -> None:
    done(stub, response_url=address)
    with pytest.raises(NoPicture):
        client.status("7f", "/requests/7f/status")
    assert len(stub.requests) == 1


def test_result_that_is_where_the_status_is_is_not_asked_for_twice(stub: StubUpstream, client: Client) -> None:
    done(stub, response_url="/v1/tasks/7f")
    with pytest.raises(NoPicture):
        client.status("7f", "/v1/tasks/7f")
    assert len(stub.requests) == 1


def test_result_that_names_a_further_address_is_not_followed(stub: StubUpstream, client: Client) -> None:
    done(stub)
    done(stub, response_url="/and/so/on")
    with pytest.raises(NoPicture):
        client.status("7f", "/requests/7f/status")
    assert len(stub.requests) == 2


def test_refusal_at_the_result_is_the_end_of_the_task(stub: StubUpstream, client: Client) -> None:
    done(stub)
    detail = [{"msg": "The prompt was flagged by a content checker.", "type": "content_policy_violation"}]
    stub.answer(422, json={"detail": detail})
    answer = client.status("7f", "/requests/7f/status")
    assert (answer.status, answer.code) == (Status.FAILED, "content_policy_violation")
    assert answer.error == "The prompt was flagged by a content checker."


@pytest.mark.parametrize("status", [400, 404, 410])
def test_result_that_is_not_there_yet_is_asked_for_again(stub: StubUpstream, client: Client, status: int) -> None:
    done(stub)
    stub.answer(status, json={"detail": "Request is still in progress"})
    with pytest.raises(NoPicture) as caught:
        client.status("7f", "/requests/7f/status")
    assert caught.value.reason == "Request is still in progress"


def test_trouble_at_the_result_says_nothing_about_the_task(stub: StubUpstream, client: Client) -> None:
    done(stub)
    stub.answer(503, json={"error": {"message": "Down."}})
    with pytest.raises(ServerTrouble):
        client.status("7f", "/requests/7f/status")
