"""A small scripted HTTP server that acts as the upstream in tests, over real sockets.

    with StubUpstream() as stub:
        stub.answer(json={"created": 1, "data": [{"url": "https://images.example/a.png"}]})
        stub.answer(429, json={"error": {"code": "rate_limit_exceeded"}}, headers={"Retry-After": "7"})
        stub.reset()  # reads the request, then resets the connection
        Client(stub.base_url, "sk-…").create(...)
        assert stub.requests[0].json["model"] == "dall-e-3"

Replies are used in order, one for each request. When the queue is empty, ``stub.handler`` answers: a function that
takes a Request and returns a Reply, or a dict or list that is sent as JSON with 200. Without a handler it is a 500.
"""

import base64
import itertools
import json as jsonlib
import socket
import struct
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


@dataclass(frozen=True)
class Request:
    method: str
    path: str  # as on the request line, query included
    headers: Mapping[str, str]  # names in lower case
    body: bytes
    peer: tuple[str, int]  # equal for requests over one connection
    at: float = field(default_factory=time.monotonic)

    @property
    def json(self) -> Any:
        return jsonlib.loads(self.body)


@dataclass(frozen=True)
class Reply:
    """The reaction to one request. ``how`` is "answer", "hang", "reset", "close", "drip" or "truncate"."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0  # seconds before the answer begins
    how: str = "answer"
    every: float = 0.0  # seconds between two bytes, for "drip"

    @classmethod
    def of_json(cls, document: Any, status: int = 200, **more: Any) -> "Reply":
        headers = {"Content-Type": "application/json", **more.pop("headers", {})}
        return cls(status, jsonlib.dumps(document).encode(), headers, **more)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256  # the default is 5: a burst of connections would then get resets that no test scripted


class StubUpstream:
    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.handler: Callable[[Request], Any] | None = None
        self.closing = threading.Event()
        self._replies: deque[Reply] = deque()
        self._change = threading.Condition()
        self._server = _Server(("127.0.0.1", 0), self._handler_class())
        self.port: int = self._server.server_address[1]
        self.origin = f"http://127.0.0.1:{self.port}"
        self.base_url = f"{self.origin}/v1"
        # poll_interval is how long close() takes
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def answer(
        self,
        status: int = 200,
        json: Any = None,
        *,
        body: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
        delay: float = 0.0,
    ) -> None:
        """Queue an answer with ``body`` unchanged, or with ``json`` if there is no body."""
        if body is None:
            self._replies.append(Reply.of_json(json, status, headers=headers or {}, delay=delay))
        else:
            raw = body.encode() if isinstance(body, str) else body
            self._replies.append(Reply(status, raw, headers or {}, delay))

    def hang(self) -> None:
        """Queue a reply that reads the request and sends nothing until the stub closes."""
        self._replies.append(Reply(how="hang"))

    def reset(self) -> None:
        """Queue a reply that reads the request, then resets the connection (RST)."""
        self._replies.append(Reply(how="reset"))

    def drop(self) -> None:
        """Queue a reply that reads the request, then closes the connection without an answer (FIN)."""
        self._replies.append(Reply(how="close"))

    def drip(self, body: bytes, every: float, status: int = 200) -> None:
        """Queue an answer that sends one byte of the body every ``every`` seconds."""
        self._replies.append(Reply(status, body, how="drip", every=every))

    def truncate(self, body: bytes, status: int = 200) -> None:
        """Queue an answer that announces one byte more than it sends, then closes."""
        self._replies.append(Reply(status, body, how="truncate"))

    def wait_for(self, count: int, timeout: float = 5.0) -> None:
        """Wait until ``count`` requests have arrived. Raises AssertionError after ``timeout`` seconds."""
        with self._change:
            came = self._change.wait_for(lambda: len(self.requests) >= count, timeout)
        assert came, f"{len(self.requests)} of {count} requests came"

    def _reply_to(self, request: Request) -> Reply:
        with self._change:
            self.requests.append(request)
            self._change.notify_all()
            scripted = self._replies.popleft() if self._replies else None
        if scripted:
            return scripted
        if self.handler is None:
            return Reply.of_json({"error": {"code": "unscripted", "message": "nothing was scripted"}}, 500)
        reply = self.handler(request)
        return reply if isinstance(reply, Reply) else Reply.of_json(reply)

    def _handler_class(stub) -> type[BaseHTTPRequestHandler]:  # noqa: N805 - "self" is the handler's
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def serve(self) -> None:
                size = int(self.headers.get("Content-Length") or 0)
                headers = {name.lower(): value for name, value in self.headers.items()}
                body = self.rfile.read(size)
                reply = stub._reply_to(Request(self.command, self.path, headers, body, self.client_address))
                if reply.delay:
                    stub.closing.wait(reply.delay)
                try:
                    self.play(reply)
                except OSError:  # clients with a deadline hang up
                    self.close_connection = True

            do_GET = do_POST = do_CONNECT = do_DELETE = serve  # noqa: N815 - http.server's names

            def play(self, reply: Reply) -> None:
                if reply.how != "answer":
                    self.close_connection = True
                if reply.how == "hang":
                    stub.closing.wait(60)
                    return
                if reply.how in ("reset", "close"):
                    if reply.how == "reset":
                        # a linger time of zero makes close() send a reset
                        linger = struct.pack("ii", 1, 0)
                        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                    return
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                if "Content-Length" not in reply.headers and reply.status not in (204, 304):
                    self.send_header("Content-Length", str(len(reply.body) + (reply.how == "truncate")))
                self.end_headers()
                if reply.how != "drip":
                    self.wfile.write(reply.body)
                    return
                for byte in reply.body:
                    self.wfile.write(bytes([byte]))
                    if stub.closing.wait(reply.every):
                        return

            def log_message(self, format: str, *args: object) -> None:
                pass

        return Handler


class WorkingUpstream(StubUpstream):
    """An upstream that delivers pictures. A prompt begins with the way and the seconds:

    "sync 2.5 …" is answered after 2.5 seconds with a picture's address, and "inside 2.5 …" with the picture itself.
    "task 2.5 …" is answered at once with a task that takes 2.5 seconds. `posts` counts the POSTs of each prompt,
    because they cost money.
    """

    def __init__(self, picture: bytes, fetch_delay: float = 0.0) -> None:
        super().__init__()
        self.picture = picture
        # Seconds until a picture's bytes are sent.
        self.fetch_delay = fetch_delay
        # While it is not set, no picture's bytes come.
        self.fetches_go_on = threading.Event()
        self.fetches_go_on.set()
        self._numbers = itertools.count(1)
        self._ready_at: dict[str, float] = {}
        self.handler = self._work

    @property
    def posts(self) -> Counter[str]:
        return Counter(request.json["prompt"] for request in list(self.requests) if request.method == "POST")

    @property
    def fetches(self) -> list[Request]:
        return [request for request in list(self.requests) if request.path.startswith("/pictures/")]

    def take_over(self, task_id: str) -> None:
        """Know a task that was begun with another upstream. It is done."""
        self._ready_at[task_id] = time.monotonic()

    def _work(self, request: Request) -> Reply:
        if request.method == "POST":
            return self._take(request.json["prompt"])
        if request.path.startswith("/pictures/"):
            self.fetches_go_on.wait(60)
            return Reply(body=self.picture, headers={"Content-Type": "image/png"}, delay=self.fetch_delay)
        task_id = request.path.rpartition("/")[2]
        if task_id not in self._ready_at:
            return Reply.of_json({"error": {"code": "async_task_not_found", "message": "No such task."}}, 404)
        ready = time.monotonic() >= self._ready_at[task_id]
        data = [{"url": f"{self.origin}/pictures/{task_id}.png"}] if ready else []
        return Reply.of_json({"task_id": task_id, "status": "completed" if ready else "processing", "data": data})

    def _take(self, prompt: str) -> Reply:
        how, seconds = prompt.split()[:2]
        number = next(self._numbers)
        if how == "task":
            task_id = f"img_{number}"
            self._ready_at[task_id] = time.monotonic() + float(seconds)
            return Reply.of_json({"created": 1, "task_id": task_id, "status": "pending", "data": []})
        picture = {"url": f"{self.origin}/pictures/{number}.png"}
        if how == "inside":
            picture = {"b64_json": base64.b64encode(self.picture).decode()}
        return Reply.of_json({"created": 1, "data": [picture]}, delay=float(seconds))
