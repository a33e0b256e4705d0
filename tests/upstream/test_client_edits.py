"""The client's edits and variations: the form as a server reads it, and the outcomes."""

import contextlib
import email.parser
import email.policy
import io
import json
import random
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from PIL import Image, ImageChops, ImageDraw

from gallery.upstream import (
    AccountProblem,
    Answer,
    Attachment,
    Client,
    MalformedAnswer,
    NotSent,
    OutcomeUnknown,
    RateLimited,
    Redirected,
    Refused,
    ServerTrouble,
    Status,
    Submission,
    UpstreamError,
)
from gallery.upstream.bodies import form_body
from tests.sandbox.conftest import launch
from tests.support.stub_upstream import Request, StubUpstream
from tests.upstream.helpers import KEY

PICTURE = {"created": 1706000000, "data": [{"url": "https://images.example/a.png"}]}
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40 + b"\r\n--\r\n\r\n--boundary--\r\n"
MASK = b"\x89PNG\r\n\x1a\n" + b"mask"
BEAR = Submission("dall-e-2", "Ein „Bär“ — 🐻", 2, {"size": "512x512"}, "user-7f", "url")

Ask = Callable[[Client], Answer]
ASKS: list[Ask] = [
    lambda client: client.edit(BEAR, PNG, MASK),
    lambda client: client.edit(BEAR, PNG, None),
    lambda client: client.vary(BEAR, PNG),
]
every_ask = pytest.mark.parametrize("ask", ASKS, ids=["edit", "edit without mask", "vary"])


def form(request: Request) -> dict[str, tuple[bytes, str, str]]:
    """Content, file name and type of each part by its name, as the standard library's mail parser reads them."""
    head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + request.body)
    assert message.get_content_type() == "multipart/form-data"
    assert message.defects == []
    found: dict[str, tuple[bytes, str, str]] = {}
    for part in message.iter_parts():
        assert part.get_content_disposition() == "form-data"
        assert part.defects == []
        name = part.get_param("name", header="content-disposition")
        assert isinstance(name, str)
        assert name not in found
        kind = part.get_content_type() if part["Content-Type"] else ""
        found[name] = (raw(request, name), part.get_filename() or "", kind)
    return found


def raw(request: Request, name: str) -> bytes:
    """The exact bytes of a part. The mail parser does not promise to keep them."""
    boundary = b"\r\n--" + request.headers["content-type"].partition("boundary=")[2].encode()
    heads = [one.partition(b"\r\n\r\n") for one in (b"\r\n" + request.body).split(boundary)]
    (content,) = (content for head, _, content in heads if f'; name="{name}"'.encode() in head)
    return content


# Requests


def test_edit_is_a_form_with_all_fields(stub: StubUpstream, client: Client) -> None:
    stub.answer(json=PICTURE)
    client.edit(BEAR, PNG, MASK)
    (request,) = stub.requests
    assert (request.method, request.path) == ("POST", "/v1/images/edits")
    assert form(request) == {
        "model": (b"dall-e-2", "", ""),
        "prompt": ("Ein „Bär“ — 🐻".encode(), "", ""),
        "n": (b"2", "", ""),
        "size": (b"512x512", "", ""),
        "user": (b"user-7f", "", ""),
        "response_format": (b"url", "", ""),
        "image": (PNG, "image.png", "image/png"),
        "mask": (MASK, "mask.png", "image/png"),
    }
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.headers["content-length"] == str(len(request.body))
    assert "transfer-encoding" not in request.headers


def test_unknown_field_is_not_sent(stub: StubUpstream, client: Client) -> None:
    stub.answer(json=PICTURE)
    client.edit(Submission("nano-banana-pro", "x", options={"resolution": "2k", "style": ""}), PNG, None)
    assert form(stub.requests[0]).keys() == {"model", "prompt", "resolution", "image"}


def test_variation_sends_no_prompt_and_only_the_size(stub: StubUpstream, client: Client) -> None:
    for _ in range(2):
        stub.answer(json=PICTURE)
    client.vary(Submission("dall-e-2", "a secret spec", 3, {"size": "256x256", "quality": "hd"}, "u", "b64_json"), PNG)
    client.vary(Submission("dall-e-2", ""), PNG)
    full, bare = stub.requests
    assert (full.method, full.path) == ("POST", "/v1/images/variations")
    assert {name: content for name, (content, _, _) in form(full).items()} == {
        "model": b"dall-e-2",
        "n": b"3",
        "size": b"256x256",
        "user": b"u",
        "response_format": b"b64_json",
        "image": PNG,
    }
    assert b"secret spec" not in full.body
    assert form(bare).keys() == {"model", "image"}


@pytest.mark.parametrize(
    ("content", "name", "kind"),
    [
        (b"\xff\xd8\xff\xe0rest", "image.jpeg", "image/jpeg"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "image.webp", "image/webp"),
        (b"\x89PNG\r\n\x1a\n", "image.png", "image/png"),
    ],
)
def test_file_has_the_name_and_type_of_its_format(
    stub: StubUpstream, client: Client, content: bytes, name: str, kind: str
) -> None:
    stub.answer(json=PICTURE)
    client.edit(BEAR, content)
    assert form(stub.requests[0])["image"] == (content, name, kind)


def test_all_types_of_values_and_text_can_be_sent(stub: StubUpstream, client: Client) -> None:
    stub.answer(json=PICTURE)
    prompt = 'two\r\nlines, "quotes", half a \ud83d character\r\n--and a line'
    client.edit(Submission("m", prompt, options={"seed": 0, "async": False, 'odd "name"\r\n': "x"}), PNG)
    (request,) = stub.requests
    assert raw(request, "seed") == b"0"
    assert raw(request, "async") == b"false"
    assert raw(request, "prompt") == prompt.replace("\ud83d", "?").encode()
    assert b'name="odd %22name%22%0D%0A"\r\n\r\nx\r\n' in request.body


def test_part_cannot_contain_the_boundary(stub: StubUpstream, client: Client) -> None:
    """The boundary is random, so an upload cannot contain it."""
    for _ in range(2):
        stub.answer(json=PICTURE)
    client.edit(BEAR, PNG)
    old = stub.requests[0].headers["content-type"].partition("boundary=")[2]
    hostile = b"\x89PNG\r\n--" + old.encode() + b'--\r\nContent-Disposition: form-data; name="n"\r\n\r\n9'
    client.edit(BEAR, hostile)
    assert form(stub.requests[1])["image"][0] == hostile
    assert form(stub.requests[1])["n"][0] == b"2"


def test_each_upload_has_its_own_connection(stub: StubUpstream, client: Client) -> None:
    stub.handler = lambda request: PICTURE if request.method == "POST" else {"status": "pending"}
    for ask in ASKS:
        client.status("img_1")
        ask(client)
    posts = [request.peer for request in stub.requests if request.method == "POST"]
    assert len(set(posts)) == len(ASKS)
    assert {request.headers["connection"] for request in stub.requests if request.method == "POST"} == {"close"}


# Outcomes


@every_ask
def test_both_kinds_of_answers_are_read(stub: StubUpstream, client: Client, ask: Ask) -> None:
    stub.answer(json=PICTURE)
    stub.answer(json={"data": [{"b64_json": "QUJD"}]})
    stub.answer(json={"task_id": "img_1", "status": "pending", "poll_url": "/v1/tasks/img_1", "data": [{"url": ""}]})
    assert ask(client).results[0].url == "https://images.example/a.png"
    assert ask(client).results[0].b64 == "QUJD"
    task = ask(client)
    assert (task.status, task.task_id, task.poll_url) == (Status.PENDING, "img_1", "/v1/tasks/img_1")


@every_ask
@pytest.mark.parametrize(
    ("status", "code", "kind", "sent"),
    [
        (400, "invalid_request_error", Refused, False),
        (401, "invalid_api_key", AccountProblem, False),
        (402, "insufficient_balance", AccountProblem, False),
        (403, "model_not_allowed", Refused, False),
        (404, "model_not_found", Refused, False),
        (404, "", Refused, False),
        (405, "", Refused, False),
        (413, "payload_too_large", Refused, False),
        (429, "rate_limit_exceeded", RateLimited, False),
        (307, "", Redirected, False),
        (303, "", Redirected, True),
        (500, "internal_error", ServerTrouble, True),
        (502, "upstream_error", ServerTrouble, True),
        (504, "timeout_error", ServerTrouble, True),
        (200, "", MalformedAnswer, True),
    ],
)
def test_refusals_differ_from_unknown_outcomes(
    stub: StubUpstream, client: Client, ask: Ask, status: int, code: str, kind: type[UpstreamError], sent: bool
) -> None:
    stub.answer(status, {"error": {"code": code, "message": "no"}} if status != 200 else {})
    with pytest.raises(kind) as caught:
        ask(client)
    assert type(caught.value) is kind
    assert caught.value.sent is sent
    assert not code or caught.value.code == code
    assert len(stub.requests) == 1, "the client never retries"


@every_ask
def test_busy_server_has_not_taken_the_request(stub: StubUpstream, client: Client, ask: Ask) -> None:
    stub.answer(503, {"error": {"code": "all_channels_failed", "retryable": True, "retry_after": 3}})
    with pytest.raises(ServerTrouble) as caught:
        ask(client)
    assert (caught.value.sent, caught.value.retry_after) == (False, 3)


@every_ask
@pytest.mark.parametrize(
    ("how", "code"), [("hang", "read_timeout"), ("reset", "connection_lost"), ("drop", "connection_lost")]
)
def test_outcome_is_unknown_without_an_answer(stub: StubUpstream, ask: Ask, how: str, code: str) -> None:
    getattr(stub, how)()
    with pytest.raises(OutcomeUnknown) as caught:
        ask(Client(stub.base_url, KEY, connect_timeout=5, read_timeout=1))
    assert (caught.value.code, caught.value.sent, caught.value.retryable) == (code, True, False)
    assert "charged" in caught.value.hint
    assert len(stub.requests) == 1


@every_ask
def test_unsent_request_was_not_taken(stub: StubUpstream, ask: Ask) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        unreachable = f"http://127.0.0.1:{probe.getsockname()[1]}/v1"
        with pytest.raises(NotSent) as refused:
            ask(Client(unreachable, KEY))
    with pytest.raises(NotSent) as no_tls:
        ask(Client(stub.base_url.replace("http:", "https:"), KEY))
    assert (refused.value.code, no_tls.value.code) == ("connection_refused", "tls_failed")
    assert refused.value.sent is no_tls.value.sent is False
    assert stub.requests == []


def test_file_error_shows_neither_prompt_nor_key(stub: StubUpstream, client: Client) -> None:
    stub.answer(400, {"error": {"message": f"Incorrect {KEY} in {{image}}"}})
    with pytest.raises(Refused) as caught:
        client.edit(BEAR, PNG, MASK)
    assert KEY not in str(caught.value) + repr(client) + repr(vars(caught.value))
    assert caught.value.__cause__ is caught.value.__context__ is None
    assert "Bär" not in repr(BEAR)


# Large uploads over slow lines


class Reader:
    """A server that reads one request with `read`, over a small window, and then answers."""

    def __init__(self, read: Callable[[socket.socket], object], answer: bytes) -> None:
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**16)  # accepted sockets inherit it
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen()
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/v1"
        self.body = b""
        self._read, self._answer = read, answer
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> "Reader":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        self._thread.join(10)

    def _serve(self) -> None:
        connection, _ = self._listener.accept()
        with connection:
            connection.settimeout(30)
            self._read(connection)
            connection.sendall(self._answer)
            connection.shutdown(socket.SHUT_WR)
            # Read the rest: a server that just closes may lose its own answer on the way.
            connection.settimeout(0.5)
            with contextlib.suppress(OSError):
                while connection.recv(2**16):
                    pass


def http(status: int, document: Any) -> bytes:
    body = json.dumps(document).encode()
    head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def read_head(connection: socket.socket) -> bytes:
    seen = b""
    while b"\r\n\r\n" not in seen:
        seen += connection.recv(2**12)
    return seen


def test_large_upload_may_exceed_the_connection_timeout() -> None:
    """A socket's time-out covers each send, so the picture must not be sent at once."""
    image = b"\x89PNG" + random.Random(1).randbytes(10_000_000)
    arrived = bytearray()

    def slowly(connection: socket.socket) -> None:
        head, _, rest = read_head(connection).partition(b"\r\n\r\n")
        (length,) = (int(line[16:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length: "))
        arrived.extend(rest)
        pause = threading.Event()
        while len(arrived) < length:
            pause.wait(0.04)
            arrived.extend(connection.recv(2**16))

    with Reader(slowly, http(200, PICTURE)) as server:
        # 10 MB at 64 KB per 0.04 s take over 6 s; the kernels' buffers save two or three of them
        client = Client(server.url, KEY, connect_timeout=2.5, read_timeout=60)
        assert client.edit(BEAR, image).status is Status.COMPLETED
    assert image in arrived


def test_server_that_stops_reading_leaves_the_outcome_unknown() -> None:
    enough = threading.Event()

    def never(connection: socket.socket) -> None:
        read_head(connection)
        enough.wait(30)

    with Reader(never, b"") as server:
        with pytest.raises(OutcomeUnknown) as caught:
            Client(server.url, KEY, connect_timeout=1, read_timeout=60).edit(BEAR, bytes(20_000_000))
        enough.set()
    assert caught.value.sent, "some servers accept half a form"


def test_slow_line_meets_the_deadline() -> None:
    enough = threading.Event()

    def trickle(connection: socket.socket) -> None:
        read_head(connection)
        while not enough.wait(0.05) and connection.recv(2**14):
            pass

    with Reader(trickle, b"") as server:
        # at most 300 KB/s: 60 MB would take minutes
        client = Client(server.url, KEY, connect_timeout=20, read_timeout=1, body_grace=1)
        began = time.monotonic()
        with pytest.raises(OutcomeUnknown):
            client.edit(BEAR, bytes(60_000_000))
        enough.set()
    assert time.monotonic() - began < 60


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (413, "payload_too_large", Refused),
        (401, "invalid_api_key", AccountProblem),
        (429, "rate_limit_exceeded", RateLimited),
    ],
)
def test_refusal_during_the_upload_is_read(status: int, code: str, kind: type[UpstreamError]) -> None:
    answer = http(status, {"error": {"code": code, "message": "no"}})
    with (
        Reader(read_head, answer) as server,
        pytest.raises(kind) as caught,
    ):
        Client(server.url, KEY, connect_timeout=20, read_timeout=60).edit(BEAR, bytes(20_000_000))
    assert (type(caught.value), caught.value.code, caught.value.sent) == (kind, code, False)


# The sandbox


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = str(tmp_path_factory.mktemp("sandbox"))
    process, line = launch(LEMONSTUDIO_SANDBOX_SPEED="50", LEMONSTUDIO_SANDBOX_SECRET="s", LEMONSTUDIO_DATA=folder)
    yield line.split()[-1]
    process.terminate()
    process.communicate(timeout=10)


@pytest.fixture
def to_sandbox(sandbox: str) -> Iterator[Client]:
    client = Client(sandbox, "sk-sandbox", connect_timeout=10, read_timeout=60)
    yield client
    client.close()


def file_of(picture: Image.Image, form: str = "PNG") -> bytes:
    file = io.BytesIO()
    picture.save(file, form)
    return file.getvalue()


def still_life() -> Image.Image:
    picture = Image.linear_gradient("L").convert("RGB")
    ImageDraw.Draw(picture).ellipse((150, 150, 240, 240), (250, 200, 30))
    return picture


def hole() -> bytes:
    sheet = Image.new("RGBA", (256, 256), "black")
    sheet.paste((0, 0, 0, 0), (0, 0, 128, 256))
    return file_of(sheet)


def fetched(answer: Answer) -> list[Image.Image]:
    assert answer.results
    return [Image.open(io.BytesIO(requests.get(one.url, timeout=30).content)) for one in answer.results]


def to_the_end(client: Client, answer: Answer) -> Answer:
    pause = threading.Event()
    for _ in range(1_000):
        if answer.status in (Status.COMPLETED, Status.FAILED):
            return answer
        pause.wait(0.05)
        answer = client.status(answer.task_id, answer.poll_url)
    raise AssertionError(f"no end: {answer}")


def test_sandbox_edits_at_once(to_sandbox: Client) -> None:
    source = still_life()
    edited = fetched(
        to_sandbox.edit(Submission("dall-e-2", "a sea", 2, {"size": "256x256"}, "u", "url"), file_of(source), hole())
    )
    assert len(edited) == 2
    right, left = (128, 0, 256, 256), (0, 0, 128, 256)
    for picture in edited:
        assert ImageChops.difference(picture.crop(right), source.crop(right)).getbbox() is None
        assert ImageChops.difference(picture.crop(left), source.crop(left)).getbbox() == (0, 0, 128, 256)


def test_sandbox_edits_as_a_task(to_sandbox: Client) -> None:
    asked = Submission("nano-banana-pro", "a sea", options={"aspect_ratio": "16:9"})
    picture = file_of(still_life(), "JPEG")
    fields = {"operation": "image-to-image"}
    answer = to_sandbox.send(asked, [picture], endpoint="/images/generations", fields=fields)
    assert (answer.status, answer.results) == (Status.PENDING, ())
    (edited,) = fetched(to_the_end(to_sandbox, answer))
    assert edited.size == (1360, 768)


def attachment(content: bytes, size: int | None = None) -> Attachment:
    return Attachment(io.BytesIO(content), len(content) if size is None else size)


def test_sandbox_edits_several_open_files(to_sandbox: Client) -> None:
    files = [attachment(file_of(still_life())), attachment(file_of(still_life(), "JPEG"))]
    answer = to_sandbox.send(Submission("gpt-image-2", "a sea", options={"quality": "low"}), files, attachment(hole()))
    assert len(fetched(answer)) == 1


def test_one_picture_and_several_have_their_own_field_names(stub: StubUpstream, client: Client) -> None:
    for _ in range(3):
        stub.answer(json=PICTURE)
    client.send(BEAR, [PNG])
    client.send(BEAR, [attachment(PNG), b"\xff\xd8\xff second"], MASK)
    client.send(BEAR, [PNG, PNG], images_field="image", endpoint="/images/generations", fields={"operation": "x"})
    one, two, again = stub.requests
    assert one.body.count(b'name="image"; filename="image.png"') == 1
    assert two.body.count(b'name="image[]"; filename="image.') == 2
    assert b"image/jpeg" in two.body
    assert b'name="mask"' in two.body
    assert (again.path, again.body.count(b'name="image"; filename')) == ("/v1/images/generations", 2)
    assert b'name="operation"\r\n\r\nx' in again.body


def test_large_file_is_streamed(stub: StubUpstream, client: Client, tmp_path: Any) -> None:
    path = tmp_path / "large.png"
    path.write_bytes(PNG + bytes(48 * 2**20))
    stub.answer(json=PICTURE)
    tracemalloc.start()
    with path.open("rb") as file:
        body = form_body({}, [("image", Attachment(file, path.stat().st_size))])
        assert sum(map(len, body)) == len(body)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 * 2**20


def test_shrunken_file_has_an_unknown_outcome(stub: StubUpstream, client: Client) -> None:
    with pytest.raises(OutcomeUnknown):
        client.send(BEAR, [attachment(PNG, len(PNG) + 10)])


def test_sandbox_makes_variations(to_sandbox: Client) -> None:
    varied = fetched(to_sandbox.vary(Submission("dall-e-2", "unsaid", 2, {"size": "512x512"}), file_of(still_life())))
    assert [picture.size for picture in varied] == [(512, 512)] * 2
    assert varied[0].tobytes() != varied[1].tobytes()


@pytest.mark.parametrize(
    ("word", "kind", "sent"),
    [
        ("content_policy", Refused, False),
        ("insufficient_balance always", AccountProblem, False),
        ("rate_limit always", RateLimited, False),
        ("payload_too_large", Refused, False),
        ("all_channels_failed always", ServerTrouble, False),
        ("server_error", ServerTrouble, True),
        ("connection_broken", OutcomeUnknown, True),
        ("not_json", MalformedAnswer, True),
    ],
)
def test_sandbox_fails_edits_on_request(to_sandbox: Client, word: str, kind: type[UpstreamError], sent: bool) -> None:
    with pytest.raises(kind) as caught:
        to_sandbox.edit(Submission("gpt-image-2", f"a sea [fail: {word}]"), file_of(still_life()), hole())
    assert caught.value.sent is sent


def test_sandbox_says_what_is_wrong_with_a_file(to_sandbox: Client) -> None:
    for ask, param in [
        (lambda: to_sandbox.edit(BEAR, file_of(still_life(), "JPEG")), "image"),
        (lambda: to_sandbox.edit(BEAR, file_of(still_life()), file_of(still_life())), "mask"),
        (lambda: to_sandbox.vary(BEAR, b"no picture"), "image"),
        (lambda: to_sandbox.vary(Submission("dall-e-3", ""), file_of(still_life())), "model"),
    ]:
        with pytest.raises(Refused) as caught:
            ask()
        assert (caught.value.param, caught.value.sent) == (param, False)
    with pytest.raises(Refused) as caught:
        to_sandbox.edit(Submission("gpt-image-2", "x"), bytes(21 * 2**20))
    assert (caught.value.status, caught.value.code) == (413, "payload_too_large")
