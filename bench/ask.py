"""Asks for generations, waits for them, and prints the results as JSON. Runs as a process with the side's settings.

`ask.py studio|plain patience one-at-a-time address`, with the orders as JSON on stdin. It is run by its path with
PYTHONPATH set to the measured checkout, so it needs nothing of this one but what both have.
"""

import json
import re
import socket
import sys
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime
from operator import attrgetter
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import django

from bench.orders import Order

Rows = list[dict[str, Any]]
PASSWORD = "a lemon tree by the sea"  # noqa: S105 of people who exist for a minute
# Browsers of people who press at the same moment.
CONNECTIONS = 16


def _seconds(moment: datetime | None) -> float | None:
    return moment.timestamp() if moment else None


class Connection:
    """One keep-alive connection. It does no more than it must, so that the client takes little of the machine."""

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        self._peer = parts.hostname or "", parts.port or 80
        self._head = f"HTTP/1.1\r\nHost: {parts.netloc}\r\nAccept-Encoding: gzip\r\n"
        self._socket: socket.socket | None = None

    def ask(self, path: str, cookies: dict[str, str], form: dict[str, str] | None = None) -> tuple[int, str, bytes]:
        """Return status, head and body. A connection that the server has closed meanwhile is opened anew."""
        body = urlencode(form).encode() if form is not None else b""
        head = f"{'GET' if form is None else 'POST'} {path} {self._head}"
        head += f"Cookie: {'; '.join(f'{name}={value}' for name, value in cookies.items())}\r\n"
        if form is not None:
            head += "Content-Type: application/x-www-form-urlencoded\r\n"
            head += f"Content-Length: {len(body)}\r\nX-CSRFToken: {cookies.get('csrftoken', '')}\r\n"
            head += "HX-Request: true\r\n" if "token" in form else ""
        request = f"{head}\r\n".encode() + body
        for is_last_try in (False, True):
            try:
                return self._exchange(request)
            except (ConnectionError, EOFError):
                # The token of the form makes two submits one.
                self._socket = None
                if is_last_try:
                    raise
        raise AssertionError

    def _exchange(self, request: bytes) -> tuple[int, str, bytes]:
        if self._socket is None:
            self._socket = socket.create_connection(self._peer, timeout=120)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(request)
        data = b""
        while (end := data.find(b"\r\n\r\n")) < 0:
            data += self._received()
        head = data[:end].decode("latin-1")
        found = re.search(r"(?i)^content-length: (\d+)", head, re.MULTILINE)
        size = end + 4 + (int(found[1]) if found else 0)
        while len(data) < size:
            data += self._received()
        return int(head.split(" ", 2)[1]), head, data[end + 4 :]

    def _received(self) -> bytes:
        assert self._socket is not None
        if not (data := self._socket.recv(262_144)):
            raise EOFError
        return data


def sign_in(address: str, email: str) -> dict[str, str]:
    """A person's cookies, as the sign-in page gives them."""
    cookies: dict[str, str] = {}
    connection = Connection(address)
    for form in (None, {"username": email, "password": PASSWORD}):
        status, head, _ = connection.ask("/login/", cookies, form)
        cookies |= dict(re.findall(r"(?im)^set-cookie: ([^=]+)=([^;\r]*)", head))
    if "sessionid" not in cookies:
        raise RuntimeError(f"{email} could not sign in: {status}")
    return cookies


class StudioAsker:
    """Asks through the form, over HTTP, in the names of several people who are signed in."""

    def __init__(self, orders: Sequence[Order], address: str) -> None:
        from gallery.models import ImageModel, Person

        self.models = {
            slug: ImageModel.objects.get_or_create(slug=slug, defaults={"label": slug})[0].pk
            for slug in {order.model for order in orders}
        }
        self.people: dict[int, dict[str, str]] = {}
        for number in {order.person for order in orders}:
            email = f"bench-{number}@example.org"
            if not Person.objects.filter(email=email).exists():
                Person.objects.create_user(email, PASSWORD, name=f"Person {number}")
            self.people[number] = sign_in(address, email)
        # When each was clicked, and how long the answer took.
        self.clicks: dict[str, tuple[float, float]] = {}
        self._address = address
        self._mine = threading.local()

    def ask(self, order: Order) -> None:
        if not hasattr(self._mine, "connection"):
            self._mine.connection = Connection(self._address)
        form = {"prompt": order.prompt, "model": str(self.models[order.model]), "count": "1", "feed": "mine"}
        clicked_at, begun = time.time(), time.perf_counter()
        status, head, _ = self._mine.connection.ask(
            "/generations/", self.people[order.person], {**form, "token": str(uuid.uuid4())}
        )
        self.clicks[order.prompt] = clicked_at, time.perf_counter() - begun
        if status != 200:
            raise RuntimeError(f"the form answered {status}: {head}")

    def unfinished(self, prompts: list[str]) -> int:
        from gallery.models import Generation

        return Generation.objects.under_way().count()

    def rows(self, prompts: list[str]) -> Rows:
        from gallery.models import Generation

        return [
            {
                "prompt": row.prompt,
                "asked_at": self.clicks[row.prompt][0],
                "click": self.clicks[row.prompt][1],
                "noticed_at": _seconds(row.delivered_at),
                "stored_at": _seconds(row.finished_at) if self._is_stored(row) else None,
                "end": row.error_code or row.state,
            }
            for row in Generation.objects.filter(prompt__in=prompts).prefetch_related("pictures")
        ]

    @staticmethod
    def _is_stored(generation: Any) -> bool:
        return generation.state == "completed" and any(
            Path(picture.original.path).stat().st_size == picture.byte_size for picture in generation.pictures.all()
        )


class PlainAsker:
    """Asks by a background task of the plain side."""

    def ask(self, order: Order) -> None:
        from django_q.tasks import async_task

        async_task("bench.plain.generate", order.model, order.prompt, task_name=order.prompt)

    def unfinished(self, prompts: list[str]) -> int:
        from django_q.models import Task

        return len(prompts) - int(Task.objects.filter(name__in=prompts).count())

    def rows(self, prompts: list[str]) -> Rows:
        from django_q.models import Task

        return [
            {
                "prompt": task.name,
                "asked_at": _seconds(task.started),
                "noticed_at": task.result["noticed_at"] if task.success else None,
                "stored_at": _seconds(task.stopped) if task.success and Path(task.result["path"]).exists() else None,
                "end": "completed" if task.success else str(task.result)[-200:],
            }
            for task in Task.objects.filter(name__in=prompts)
        ]


def wait_until(done: Callable[[], bool], seconds: float, step: float) -> None:
    give_up_at = time.monotonic() + seconds
    while not done() and time.monotonic() < give_up_at:
        time.sleep(step)


def ask_all(ask: Callable[[Order], None], orders: Sequence[Order], connections: int) -> None:
    """Ask for each at its time, by so many threads. Raises the first error of a thread."""
    begun = time.monotonic()
    waiting, lock = iter(orders), threading.Lock()
    problems: list[Exception] = []

    def work() -> None:
        while not problems:
            with lock:
                order = next(waiting, None)
            if order is None:
                return
            time.sleep(max(0.0, begun + order.at - time.monotonic()))
            try:
                ask(order)
            except (OSError, EOFError, RuntimeError) as problem:
                problems.append(problem)

    threads = [threading.Thread(target=work) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if problems:
        raise problems[0]


def main(side: str, orders: list[Order], patience: float, one_at_a_time: bool, address: str) -> Rows:
    django.setup()
    asker: StudioAsker | PlainAsker = StudioAsker(orders, address) if side == "studio" else PlainAsker()
    prompts = [order.prompt for order in orders]
    in_turn = sorted(orders, key=attrgetter("at"))
    if not one_at_a_time:
        ask_all(asker.ask, in_turn, CONNECTIONS if side == "studio" else 1)
    for number, order in enumerate(in_turn if one_at_a_time else ()):
        asker.ask(order)
        wait_until(lambda: not asker.unfinished(prompts[: number + 1]), patience, 0.02)  # noqa: B023 called here
        # Vary the pause, so that orders meet loops that run at intervals at different moments.
        time.sleep(0.2 + number % 10 * 0.037)
    wait_until(lambda: not asker.unfinished(prompts), patience, 0.25)
    return asker.rows(prompts)


if __name__ == "__main__":
    _, _side, _patience, _one_at_a_time, _address = sys.argv
    _orders = [Order(**order) for order in json.load(sys.stdin)]
    json.dump(main(_side, _orders, float(_patience), _one_at_a_time == "1", _address), sys.stdout)
