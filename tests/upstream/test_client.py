"""The client's requests and connections, against a scripted server over real sockets."""

import json
import socket
import threading
import time
from typing import Any

import pytest

from gallery.upstream import (
    Client,
    MalformedAnswer,
    NotSent,
    OutcomeUnknown,
    RateLimited,
    Refused,
    Result,
    ServerTrouble,
    Status,
    Submission,
)
from tests.support.stub_upstream import Reply, Request, StubUpstream
from tests.upstream.helpers import CAT, KEY, PICTURE, URL, exposure, free_port, hasty

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
