"""The client against a scripted server over real sockets, and the parsers against random JSON."""

import json
import logging
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from functools import partial
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery.upstream import (
    AccountProblem,
    Answer,
    Client,
    MalformedAnswer,
    NoPicture,
    NotSent,
    OutcomeUnknown,
    RateLimited,
    Redirected,
    Refused,
    Result,
    ServerTrouble,
    Status,
    Submission,
    TaskGone,
    UpstreamError,
)
from gallery.upstream.parse import poll_path, read_answer
from gallery.upstream.refusals import error_from
from tests.support.properties import cases
from tests.support.stub_upstream import Reply, Request, StubUpstream

KEY = "sk-0123456789abcdefSECRET"
CAT = Submission("dall-e-3", "A white cat")
URL = "https://images.example/a.png"
PICTURE = {"created": 1706000000, "data": [{"url": URL, "revised_prompt": "A fluffy white cat"}]}
ORIGIN = "https://api.lemondata.cc:443"


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "netrc"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def stub() -> Iterator[StubUpstream]:
    with StubUpstream() as stub:
        yield stub


@pytest.fixture
def client(stub: StubUpstream) -> Iterator[Client]:
    client = Client(stub.base_url, KEY, connect_timeout=2, read_timeout=5, poll_read_timeout=5)
    yield client
    client.close()


def hasty(stub: StubUpstream, **more: Any) -> Client:
    times = {"connect_timeout": 0.5, "read_timeout": 0.3, "poll_read_timeout": 0.3, "body_grace": 0.1}
    return Client(stub.base_url, KEY, **{**times, **more})


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def create(document: Any) -> Answer:
    return read_answer(document, polling=False, origin=ORIGIN)


def poll(document: Any) -> Answer:
    return read_answer(document, polling=True, origin=ORIGIN, task_id="img_1", poll_url="/v1/tasks/img_1")


# Requests


def test_create_sends_documented_fields(stub: StubUpstream, client: Client) -> None:
    stub.answer(json=PICTURE)
    options: dict[str, str | int | bool] = {
        "size": "1792x1024",
        "seed": 0,
        "async": False,
        "style": "",
        "n": 9,
        "model": "x",
    }
    client.create(Submission("dall-e-3", "Ein Bär — 🐻", 2, options, "user-7f", "url"))
    (request,) = stub.requests
    assert (request.method, request.path) == ("POST", "/v1/images/generations")
    assert request.json == {
        "model": "dall-e-3",
        "prompt": "Ein Bär — 🐻",
        "n": 2,
        "size": "1792x1024",
        "seed": 0,
        "async": False,
        "user": "user-7f",
        "response_format": "url",
    }
    assert request.headers["content-type"] == "application/json"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.headers["content-length"] == str(len(request.body))


def test_empty_fields_are_not_sent(stub: StubUpstream, client: Client) -> None:
    stub.answer(json=PICTURE)
    client.create(CAT)
    assert stub.requests[0].json == {"model": "dall-e-3", "prompt": "A white cat"}


@pytest.mark.parametrize("tail", ["", "/"])
def test_no_key_sends_no_authorization_even_with_a_netrc(
    stub: StubUpstream, tail: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login eve password evil\n")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    stub.answer(json=PICTURE)
    stub.answer(json={"status": "pending"})
    client = Client(stub.base_url + tail, "")
    client.create(CAT)
    client.status("img_1")
    assert [request.path for request in stub.requests] == [
        "/v1/images/generations",
        "/v1/images/generations/img_1",
    ]
    assert all("authorization" not in request.headers for request in stub.requests)


def test_netrc_cannot_override_the_key(
    stub: StubUpstream, client: Client, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login eve password evil\n")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    stub.answer(json=PICTURE)
    stub.answer(json={"status": "pending"})
    client.create(CAT)
    client.status("img_1")
    assert {request.headers["authorization"] for request in stub.requests} == {f"Bearer {KEY}"}


def test_cookies_are_neither_stored_nor_sent(stub: StubUpstream, client: Client) -> None:
    for _ in range(2):
        stub.answer(json={"status": "pending"}, headers={"Set-Cookie": "session=1; Path=/"})
    client.status("img_1")
    client.status("img_1")
    assert "cookie" not in stub.requests[1].headers


@pytest.mark.parametrize(
    "base_url",
    [
        "",
        "api.lemondata.cc/v1",
        "ftp://api.lemondata.cc",
        "https://",
        "https:///v1",
        "https://user:pw@host/v1",
        "https://user@host/v1",
        "https://host/v1?key=pw",
        "https://host/v1#pw",
        "https://host:99999/v1",
        "https://host:port/v1",
        "https://[::1/v1",
        "https://ho st/v1",
        "https://host/\nv1",
        "https:\\\\host/v1",
    ],
)
def test_invalid_base_url_is_refused(base_url: str) -> None:
    with pytest.raises(ValueError, match=r"^The base URL must .*\.$") as caught:
        Client(base_url, KEY)
    assert "pw" not in str(caught.value)
    assert KEY not in exposure(caught.value)


@pytest.mark.parametrize("key", ["sk-ab cd1234", "sk-ab\ncd1234", "sk-äöü1234567", "sk-\x7f12345678"])
def test_key_that_fits_no_header_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match=r"^The API key .*\.$") as caught:
        Client("https://host/v1", key)
    assert key not in exposure(caught.value)


def test_pasted_key_loses_its_line_end(stub: StubUpstream) -> None:
    stub.answer(json=PICTURE)
    Client(stub.base_url, f" {KEY}\n").create(CAT)
    assert stub.requests[0].headers["authorization"] == f"Bearer {KEY}"


# Connections


def test_creates_use_new_connections_and_polls_share_one(stub: StubUpstream, client: Client) -> None:
    stub.handler = lambda request: PICTURE if request.method == "POST" else {"status": "pending"}
    for _ in range(3):
        client.status("img_1")
        client.create(CAT)
    posts = {request.peer for request in stub.requests if request.method == "POST"}
    polls = {request.peer for request in stub.requests if request.method == "GET"}
    assert (len(posts), len(polls), posts & polls) == (3, 1, set())
    assert {r.headers["connection"] for r in stub.requests if r.method == "POST"} == {"close"}


def test_closed_idle_connection_does_not_interrupt_a_create(stub: StubUpstream, client: Client) -> None:
    for _ in range(5):
        stub.answer(json={"status": "pending"})
        stub.answer(json=PICTURE)
        stub.drop()
        client.status("img_1")
        assert client.create(CAT).status is Status.COMPLETED
        with pytest.raises(OutcomeUnknown):
            client.status("img_1")


def test_many_threads_share_one_client(stub: StubUpstream, client: Client) -> None:
    def handler(request: Request) -> Any:
        if request.method == "POST":
            return {"task_id": request.json["prompt"], "status": "pending"}
        return {"status": "completed", "data": [{"url": f"{URL}?{request.path.rpartition('/')[2]}"}]}

    stub.handler = handler
    wrong: list[str] = []

    def work(number: int) -> None:
        for turn in range(4):
            name = f"t{number}-{turn}"
            task = client.create(Submission("m", name)).task_id
            if task != name or client.status(task).results[0].url != f"{URL}?{name}":
                wrong.append(name)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert not wrong
    assert len(stub.requests) == 128


@pytest.mark.parametrize("polling", [False, True])
@pytest.mark.parametrize(
    ("how", "code"),
    [("hang", "read_timeout"), ("reset", "connection_lost"), ("drop", "connection_lost")],
)
def test_request_without_an_answer_has_an_unknown_outcome(
    stub: StubUpstream, how: str, code: str, polling: bool
) -> None:
    getattr(stub, how)()
    client = hasty(stub)
    with pytest.raises(OutcomeUnknown) as caught:
        client.status("img_1") if polling else client.create(CAT)
    error = caught.value
    assert (error.code, error.sent, error.retryable) == (code, True, polling)
    assert len(stub.requests) == 1, "the client never retries"


def test_truncated_answer_has_an_unknown_outcome(stub: StubUpstream, client: Client) -> None:
    stub.truncate(json.dumps(PICTURE).encode()[:-1])
    with pytest.raises(OutcomeUnknown) as caught:
        client.create(CAT)
    assert caught.value.code == "connection_lost"
    assert caught.value.sent


def test_answer_that_is_whole_is_kept_although_more_was_announced(stub: StubUpstream, client: Client) -> None:
    stub.truncate(json.dumps(PICTURE).encode())
    assert client.create(CAT).results == (Result(URL, "", "A fluffy white cat"),)


def test_truncated_refusal_is_still_a_refusal(stub: StubUpstream, client: Client) -> None:
    stub.truncate(b'{"error": {"code": "rate_limit_exceeded"', 429)
    with pytest.raises(RateLimited) as caught:
        client.create(CAT)
    assert not caught.value.sent


@pytest.mark.parametrize("polling", [False, True])
def test_slow_answer_meets_the_deadline(stub: StubUpstream, polling: bool) -> None:
    stub.drip(b" " * 400, 0.05)
    client = hasty(stub)
    began = time.monotonic()
    with pytest.raises(OutcomeUnknown) as caught:
        client.status("img_1") if polling else client.create(CAT)
    assert caught.value.code == "answer_too_slow"
    assert time.monotonic() - began < 2


def test_too_large_answer_is_an_error(stub: StubUpstream) -> None:
    client = Client(stub.base_url, KEY, max_answer_bytes=100_000)
    stub.answer(json={"data": [{"b64_json": "A" * 99_000}]})
    assert len(client.create(CAT).results[0].b64) == 99_000
    stub.answer(json={"data": [{"b64_json": "A" * 100_000}]})
    with pytest.raises(MalformedAnswer) as caught:
        client.create(CAT)
    assert caught.value.code == "answer_too_large"
    assert caught.value.sent
    stub.answer(500, body=b"x" * 3_000_000)
    with pytest.raises(ServerTrouble):
        client.create(CAT)


def hold(listener: socket.socket, accepted: list[socket.socket]) -> None:
    try:
        while True:
            accepted.append(listener.accept()[0])
    except OSError:
        return


@pytest.mark.parametrize("polling", [False, True])
def test_refused_connection_means_not_sent(polling: bool) -> None:
    for base_url, code in [
        (f"http://127.0.0.1:{free_port()}/v1", "connection_refused"),
        ("http://no-such-host.invalid/v1", "name_not_resolved"),
    ]:
        client = Client(base_url, KEY)
        with pytest.raises(NotSent) as caught:
            client.status("img_1") if polling else client.create(CAT)
        error = caught.value
        assert (error.code, error.sent, error.retryable) == (code, False, True)


def test_connection_timeout_means_not_sent() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = []
        try:
            for _ in range(4):  # fill the backlog, so that the kernel ignores further SYNs
                filler = socket.socket()
                filler.setblocking(False)
                filler.connect_ex(listener.getsockname())
                waiting.append(filler)
            time.sleep(0.1)
            client = Client(f"http://127.0.0.1:{listener.getsockname()[1]}/v1", KEY, connect_timeout=0.2)
            with pytest.raises(NotSent) as caught:
                client.create(CAT)
        finally:
            for filler in waiting:
                filler.close()
    assert caught.value.code == "connect_timeout"
    assert not caught.value.sent


def test_failed_tls_handshake_means_not_sent(stub: StubUpstream) -> None:
    client = Client(stub.base_url.replace("http:", "https:"), KEY)
    for ask in (lambda: client.create(CAT), lambda: client.status("img_1")):
        with pytest.raises(NotSent) as caught:
            ask()
        assert caught.value.code == "tls_failed"
    assert stub.requests == []


def test_hanging_tls_handshake_means_not_sent() -> None:
    """urllib3 calls this a read time-out, as for a request that was accepted."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        accepted: list[socket.socket] = []
        threading.Thread(target=hold, args=(listener, accepted), daemon=True).start()
        client = Client(f"https://127.0.0.1:{listener.getsockname()[1]}/v1", KEY, connect_timeout=0.3)
        with pytest.raises(NotSent) as caught:
            client.create(CAT)
    for taken in accepted:
        taken.close()
    assert not caught.value.sent


# Proxies


def test_proxy_from_the_environment_is_used(stub: StubUpstream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", stub.origin)
    stub.answer(json=PICTURE)
    Client("http://upstream.invalid/v1", KEY).create(CAT)
    assert stub.requests[0].path.startswith("http://upstream.invalid")
    assert stub.requests[0].path.endswith("/v1/images/generations")


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_missing_proxy_means_not_sent(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{scheme}_proxy", f"http://eve:pass-word@127.0.0.1:{free_port()}")
    with pytest.raises(NotSent) as caught:
        Client(f"{scheme}://upstream.invalid/v1", KEY).create(CAT)
    assert caught.value.code == "proxy_failed"
    assert "pass-word" not in exposure(caught.value)


@pytest.mark.parametrize("status", [403, 407, 502])
def test_refused_tunnel_means_not_sent(stub: StubUpstream, status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", stub.origin)
    stub.answer(status, body="no")
    with pytest.raises(NotSent) as caught:
        Client("https://upstream.invalid/v1", KEY).create(CAT)
    assert not caught.value.sent
    assert [request.method for request in stub.requests] == ["CONNECT"]
    assert "authorization" not in stub.requests[0].headers


def test_proxy_that_breaks_after_the_request_leaves_the_outcome_unknown(
    stub: StubUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", stub.origin)
    stub.reset()
    with pytest.raises(OutcomeUnknown):
        Client("http://upstream.invalid/v1", KEY).create(CAT)


# Answers


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


# Addresses of polls


@pytest.mark.parametrize(
    ("poll_url", "path"),
    [
        ("/v1/tasks/x", "/v1/tasks/x"),
        ("/v1/tasks/x?a=b&c=..", "/v1/tasks/x?a=b&c=.."),
        ("/v1/tasks/a%20b", "/v1/tasks/a%20b"),
        ("https://api.lemondata.cc/v1/tasks/x", "/v1/tasks/x"),
        ("HTTPS://API.lemondata.cc:443/v1/tasks/x?q=1", "/v1/tasks/x?q=1"),
        ("http://api.lemondata.cc/v1/tasks/x", ""),
        ("https://api.lemondata.cc:8443/v1/tasks/x", ""),
        ("https://api.lemondata.cc", ""),
        ("https://api.lemondata.cc.evil.example/x", ""),
        ("https://api.lemondata.cc@evil.example/x", ""),
        ("https://eve:pw@api.lemondata.cc/x", ""),
        ("https://@api.lemondata.cc/x", ""),
        ("https://evil.example/x", ""),
        ("https://api.lemondata.cc//evil.example/x", ""),
        ("https://api.lemondata.cc:x/y", ""),
        ("https://[evil/x", ""),
        ("//evil.example/x", ""),
        ("///evil.example/x", ""),
        ("/\\evil.example/x", ""),
        ("\\\\evil.example/x", ""),
        ("/v1/%5c..%5cx", ""),
        ("/v1/../admin", ""),
        ("/v1/tasks/..", ""),
        ("/v1/%2e%2E/admin", ""),
        ("/v1/./x", ""),
        ("/v1/x#y", ""),
        ("/v1/x y", ""),
        ("/v1/x\r\nX-Evil: 1", ""),
        ("/v1/x\n", ""),
        ("/v1/x\x00", ""),
        ("/v1/ä", ""),
        ("v1/tasks/x", ""),
        ("javascript:alert(1)", ""),
        ("/" + "x" * 2000, ""),
        ("", ""),
        (None, ""),
        (["/v1/x"], ""),
        (7, ""),
    ],
)
def test_poll_url_must_have_the_configured_origin(poll_url: Any, path: str) -> None:
    assert poll_path(poll_url, ORIGIN) == path


@pytest.mark.parametrize(
    ("task_id", "poll_url", "path"),
    [
        ("img_1", "", "/v1/images/generations/img_1"),
        ("img_1", "/v1/tasks/img_1?x=1", "/v1/tasks/img_1?x=1"),
        ("img_1", "https://evil.example/x", "/v1/images/generations/img_1"),
        ("img_1", "//evil.example/x", "/v1/images/generations/img_1"),
        ("a/../b?c#d", "", "/v1/images/generations/a%2F..%2Fb%3Fc%23d"),
        ("%2e%2e", "", "/v1/images/generations/%252e%252e"),
        ("ä", "", "/v1/images/generations/%C3%A4"),
        ("", "/v1/tasks/1", "/v1/tasks/1"),
    ],
)
def test_status_is_asked_at_the_right_path(
    stub: StubUpstream, client: Client, task_id: str, poll_url: str, path: str
) -> None:
    stub.answer(json={"status": "pending", "task_id": "img_1"})
    client.status(task_id, poll_url)
    assert stub.requests[0].path == path


@pytest.mark.parametrize("task_id", ["", ".", "..", " ", "a\r\nb"])
def test_status_needs_a_task(client: Client, task_id: str) -> None:
    with pytest.raises(ValueError, match="no task"):
        client.status(task_id, "https://evil.example/")


# Errors


def error_body(**fields: Any) -> dict[str, Any]:
    return {"error": fields}


@pytest.mark.parametrize(
    ("status", "document", "kind", "code", "sent", "retryable"),
    [
        (400, error_body(code="content_policy_violation"), Refused, "content_policy_violation", False, False),
        (400, None, Refused, "invalid_request_error", False, False),
        (401, error_body(code="expired_api_key"), AccountProblem, "expired_api_key", False, False),
        (401, None, AccountProblem, "invalid_api_key", False, False),
        (402, error_body(code="quota_exceeded"), AccountProblem, "quota_exceeded", False, False),
        (402, None, AccountProblem, "insufficient_balance", False, False),
        (403, error_body(code="model_not_allowed"), Refused, "model_not_allowed", False, False),
        (403, error_body(code="insufficient_quota"), AccountProblem, "insufficient_quota", False, False),
        (403, None, Refused, "access_denied", False, False),
        (404, error_body(code="model_not_found"), Refused, "model_not_found", False, False),
        (404, error_body(code="async_task_not_found"), Refused, "async_task_not_found", False, False),
        (404, None, Refused, "not_found", False, False),
        (407, None, NotSent, "proxy_authentication", False, True),
        (413, None, Refused, "payload_too_large", False, False),
        (418, None, Refused, "http_418", False, False),
        (429, error_body(code="rate_limit_exceeded"), RateLimited, "rate_limit_exceeded", False, True),
        (429, None, RateLimited, "rate_limit_exceeded", False, True),
        (429, error_body(code="insufficient_quota"), AccountProblem, "insufficient_quota", False, False),
        (429, error_body(type="insufficient_quota"), AccountProblem, "insufficient_quota", False, False),
        (500, None, ServerTrouble, "internal_error", True, True),
        (500, error_body(code="insufficient_balance"), ServerTrouble, "insufficient_balance", True, True),
        (502, None, ServerTrouble, "upstream_error", True, True),
        (502, error_body(retryable=True), ServerTrouble, "upstream_error", True, True),
        (503, None, ServerTrouble, "all_channels_failed", True, True),
        (503, error_body(retryable=True), ServerTrouble, "all_channels_failed", False, True),
        (503, error_body(retryable=False), ServerTrouble, "all_channels_failed", True, False),
        (
            503,
            error_body(code="all_channels_failed", retryable=False),
            Refused,
            "all_channels_failed",
            False,
            False,
        ),
        (503, error_body(retryable="true"), ServerTrouble, "all_channels_failed", True, True),
        (504, None, ServerTrouble, "timeout_error", True, True),
        (529, None, ServerTrouble, "http_529", True, True),
        (301, None, Redirected, "redirected", False, False),
        (303, None, Redirected, "redirected", True, False),
    ],
)
def test_refused_create_has_its_error(
    stub: StubUpstream,
    client: Client,
    status: int,
    document: Any,
    kind: type[UpstreamError],
    code: str,
    sent: bool,
    retryable: bool,
) -> None:
    stub.answer(status, document)
    with pytest.raises(UpstreamError) as caught:
        client.create(CAT)
    error = caught.value
    assert type(error) is kind
    assert (error.code, error.sent, error.retryable, error.status) == (code, sent, retryable, status)
    assert str(error) == error.message
    assert error.message.endswith(".")


@pytest.mark.parametrize(
    ("status", "document", "kind"),
    [
        (404, error_body(code="async_task_not_found"), TaskGone),
        (404, error_body(message="No such task"), TaskGone),
        (404, error_body(code=404), TaskGone),
        (410, {"detail": "gone"}, TaskGone),
        (404, error_body(code="model_not_found"), Refused),
        (404, None, ServerTrouble),
        (401, None, AccountProblem),
        (402, None, AccountProblem),
        (403, None, ServerTrouble),
        (403, error_body(code="access_denied"), Refused),
        (429, None, RateLimited),
        (500, None, ServerTrouble),
        (503, error_body(retryable=True), ServerTrouble),
        (302, None, Redirected),
    ],
)
def test_refused_status_has_its_error(
    stub: StubUpstream, client: Client, status: int, document: Any, kind: type[UpstreamError]
) -> None:
    page = Reply(status, b"<html>from a proxy</html>")
    stub.handler = lambda request: page if document is None else Reply.of_json(document, status)
    with pytest.raises(UpstreamError) as caught:
        client.status("img_1")
    assert type(caught.value) is kind


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(stub: StubUpstream, client: Client, status: int) -> None:
    with StubUpstream() as other:
        for _ in range(2):
            stub.answer(status, {}, headers={"Location": f"{other.base_url}/images/generations"})
        with pytest.raises(Redirected):
            client.create(CAT)
        with pytest.raises(Redirected):
            client.status("img_1")
        assert (len(stub.requests), other.requests) == (2, [])


def test_error_has_all_its_facts(stub: StubUpstream, client: Client) -> None:
    stub.answer(
        402,
        error_body(
            message="Insufficient balance",
            type="billing",
            code="insufficient_balance",
            param="model",
            did_you_mean="flux-pro",
            suggestions=[{"id": "flux-schnell"}, {"id": "flux-pro"}, {"name": "x"}, 7],
            alternatives=[{"id": "a"}, {"id": "b"}, {"id": "c" * 101}, "d", {"id": "e"}],
            hint="Top up.",
            retryable=True,
            retry_after=12.5,
            balance_usd=0.31,
            estimated_cost_usd="0.04",
        ),
    )
    with pytest.raises(AccountProblem) as caught:
        client.create(CAT)
    error = caught.value
    assert (error.message, error.hint, error.param) == ("Insufficient balance", "Top up.", "model")
    assert error.suggestions == ("flux-pro", "flux-schnell", "a", "b", "d")
    assert (error.balance_usd, error.estimated_cost_usd) == (Decimal("0.31"), Decimal("0.04"))
    assert (error.retry_after, error.retryable) == (12.5, True)


ODDITIES: list[Any] = [None, [], {}, 7, True, [[[[[[[["x"]]]]]]]]]
NONSENSE: list[Any] = [
    *ODDITIES,
    *[{"error": value} for value in ODDITIES],
    *[error_body(message=value, code=value, type=value) for value in ODDITIES],
]


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (error_body(message="no"), "no"),
        ({"error": "no"}, "no"),
        ({"message": "no"}, "no"),
        ({"detail": [{"msg": "no"}]}, "no"),
        ({"error": ["no"]}, "no"),
        ("no", "no"),
        (error_body(message="a\x1b[31m\x00b\u2028c\nd"), "a[31mbc\nd"),
        (error_body(message="x" * 3000), "x" * 1999 + "…"),
        *[(nonsense, "The server did not accept the request.") for nonsense in NONSENSE],
    ],
)
def test_message_is_found_in_any_shape(document: Any, message: str) -> None:
    error = error_from(400, document)
    assert type(error) is Refused
    assert (error.message, error.code) == (message, "invalid_request_error")


@pytest.mark.parametrize("body", [b"", b"null", b"\xff\xfe\xff", b"{", b"[" * 50_000, b"9" * 9_999])
def test_error_body_that_is_no_json_is_read(stub: StubUpstream, client: Client, body: bytes) -> None:
    stub.answer(502, body=body)
    with pytest.raises(ServerTrouble) as caught:
        client.create(CAT)
    assert (caught.value.code, caught.value.message) == (
        "upstream_error",
        "The server could not reach the model.",
    )


def in_seconds(seconds: float) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize(
    ("header", "body", "expected"),
    [
        ("7", None, 7),
        ("7", 99, 7),
        ("", 9, 9),
        ("", "9.5", 9.5),
        ("", 0, 1),
        ("0", None, 1),
        ("99999", None, 86_400),
        ("", 10**400, None),
        ("", None, None),
        ("soon", 5, 5),
        ("-5", 6, 6),
        ("NaN", None, None),
        ("inf", None, None),
        ("1e999", None, None),
        pytest.param("9" * 400, None, 86_400, id="for ages"),
        ("Wed, 99 Foo 9999999 25:61:61 GMT", None, None),
        ("", [5], None),
        ("", {"s": 5}, None),
        ("", True, None),
        ("", float("nan"), None),
        ("", -1, None),
        pytest.param(in_seconds(-3600), None, 1, id="an hour ago"),
        pytest.param(in_seconds(200_000), None, 86_400, id="in two days"),
        ("20s", None, 20),
        ("6m0s", None, 360),
    ],
)
def test_retry_after_is_read(header: str, body: Any, expected: float | None) -> None:
    assert error_from(429, error_body(retry_after=body), {"retry-after": header}).retry_after == expected


def test_retry_after_is_read_over_the_wire(stub: StubUpstream, client: Client) -> None:
    for value in ("17", in_seconds(60)):
        stub.answer(429, {}, headers={"Retry-After": value})
    with pytest.raises(RateLimited) as caught:
        client.create(CAT)
    assert caught.value.retry_after == 17
    with pytest.raises(RateLimited) as caught:
        client.status("img_1")
    assert caught.value.retry_after == pytest.approx(60, abs=5)


@pytest.mark.parametrize(
    ("value", "amount"),
    [
        ("1.50", Decimal("1.50")),
        (0, Decimal(0)),
        (-0.25, Decimal("-0.25")),
        ("0.1", Decimal("0.1")),
        (1e-300, Decimal(0)),
        *[(v, None) for v in (None, "", "much", "NaN", "sNaN", "Infinity", 1e300, True, [1], "1e999999999")],
    ],
)
def test_money_is_read(value: Any, amount: Decimal | None) -> None:
    assert error_from(402, error_body(balance_usd=value)).balance_usd == amount


@pytest.mark.parametrize(
    ("kind", "sent", "retryable"),
    [
        (NotSent, False, True),
        (RateLimited, False, True),
        (AccountProblem, False, False),
        (Refused, False, False),
        (Redirected, False, False),
        (TaskGone, True, False),
        (ServerTrouble, True, True),
        (OutcomeUnknown, True, False),
        (MalformedAnswer, True, False),
        (NoPicture, True, True),
    ],
)
def test_error_has_a_default_message(kind: type[UpstreamError], sent: bool, retryable: bool) -> None:
    error = kind("It broke.")
    assert (str(error), error.sent, error.retryable) == ("It broke.", sent, retryable)
    assert error.code


# The key stays secret


def exposure(error: BaseException | None) -> str:
    """What an error report prints: the traceback, and the locals of all frames outside this file."""
    parts = ["".join(traceback.format_exception(error))] if error else []
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        parts += [repr(error), str(error), repr(error.args), repr(vars(error))]
        for frame, _ in traceback.walk_tb(error.__traceback__):
            if frame.f_code.co_filename != __file__:
                parts += [f"{name}={value!r}" for name, value in frame.f_locals.items()]
        error = error.__cause__ or error.__context__
    return "\n".join(parts)


T = TypeVar("T")


def outcome_of(ask: Callable[[], T]) -> T | UpstreamError:
    try:
        return ask()
    except UpstreamError as error:
        return error


ASKS: list[Callable[[Client], object]] = [
    lambda client: client.create(CAT),
    lambda client: client.edit(CAT, b"image", b"mask"),
    lambda client: client.vary(CAT, b"image"),
    lambda client: client.catalogue(),
    lambda client: client.status("img_1"),
]


def provoke(client: Client) -> str:
    shown = ""
    for ask in ASKS:
        outcome = outcome_of(partial(ask, client))
        if isinstance(outcome, UpstreamError):
            assert outcome.__cause__ is None
            assert outcome.__context__ is None
            shown += exposure(outcome)
        shown += repr(outcome)
    return shown


def test_key_is_never_shown(
    stub: StubUpstream, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    client = hasty(stub)
    echo = f"Incorrect API key provided: {KEY}."
    split = f"Incorrect API key provided: {KEY[:9]}\x00{KEY[9:]}."
    everywhere = error_body(message=echo, code=KEY, hint=echo, param=KEY, did_you_mean=KEY, suggestions=[{"id": KEY}])
    shown = repr(client) + repr(vars(client)) + repr(Client("https://host/v1", KEY))
    shown += provoke(Client(f"http://127.0.0.1:{free_port()}/v1", KEY))
    for how in (stub.hang, stub.reset, stub.drop):
        for _ in ASKS:
            how()
        shown += provoke(client)
    for status, document in [
        (401, everywhere),
        (401, error_body(message=split)),
        (500, {"error": echo}),
        (400, echo),
        (200, {"status": "failed", "error": echo, "task_id": "img_1"}),
        (200, {"status": "failed", "error": {"message": split, "code": KEY}}),
        (200, {"data": [{"url": URL, "revised_prompt": echo}]}),
        (200, {"error": {"message": echo}}),
        (301, {}),
        (200, {}),
    ]:
        for _ in ASKS:
            stub.answer(status, document, headers={"Location": f"/{KEY}", "X-Echo": KEY})
        shown += provoke(client)
    assert "sk-…" in shown
    printed = capfd.readouterr()
    logged = "\n".join(repr(vars(record)) + record.getMessage() for record in caplog.records)
    assert "urllib3" in logged
    assert KEY not in shown + logged + caplog.text + printed.out + printed.err
    assert all(request.headers["authorization"].endswith(KEY) for request in stub.requests)


def test_reprs_contain_no_pictures_or_prompts() -> None:
    assert "QUJD" not in repr(create({"data": [{"b64_json": "QUJD"}]}))
    assert "white cat" not in repr(CAT)


def test_placeholder_key_does_not_garble_messages(stub: StubUpstream) -> None:
    stub.answer(400, error_body(message="no such model"))
    with pytest.raises(Refused, match=r"^no such model$"):
        Client(stub.base_url, "no").create(CAT)


def test_client_needs_no_django() -> None:
    import gallery.upstream.client
    import gallery.upstream.parse

    for module in (gallery.upstream.parse, gallery.upstream.client):
        named = [getattr(value, "__module__", "") or "" for value in vars(module).values()]
        assert not any(name.startswith("django") for name in named)
    assert "gallery.upstream.client" in sys.modules


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

    @cases(300, nightly=5_000)
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


# The stub


def test_stub_plays_its_script_and_then_its_handler(stub: StubUpstream, client: Client) -> None:
    with pytest.raises(ServerTrouble) as caught:
        client.create(CAT)
    assert caught.value.code == "unscripted"
    stub.handler = lambda request: Reply.of_json({"error": request.path}, 418)
    stub.answer(json=PICTURE, delay=0.05)
    assert client.create(CAT).status is Status.COMPLETED
    with pytest.raises(Refused, match="/v1/images/generations"):
        client.create(CAT)
    stub.wait_for(3)
