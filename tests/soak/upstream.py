"""The upstream: a separate process that is never killed. It counts POSTs and remembers what it has delivered.

`python -m tests.soak.upstream` serves until its stdin closes. The first line of its stdout is the origin.
"""

import base64
import functools
import hashlib
import io
import json
import random
import subprocess
import sys
import threading
import time
import urllib.request
import zlib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from lemonstudio.processes.tree import ROOT
from tests.soak.kinds import Kind, kind_of
from tests.support.stub_upstream import Reply, Request, StubUpstream

CREATE = "/v1/images/generations"
DECLINED = {"error": {"code": "content_policy_violation", "message": "This one is declined."}}
IN_VAIN = "This task ends without a picture."
# Seconds, as (lowest, highest).
ANSWER = (0.2, 3.0)
TASK = (1.0, 12.0)
ACCEPT = (0.05, 0.3)
FETCH = (0.05, 0.6)
POLL = 0.02
# The share of a task's time during which it is pending.
PROCESSING_FROM = 0.1


@dataclass(slots=True)
class Order:
    """What happened to one prompt. Times are wall clock times, as in the studio's rows."""

    posts: int = 0
    # When the answer to the last POST was ready, or its task.
    ready_at: float = 0.0
    task_ids: list[str] = field(default_factory=list)
    polls: int = 0
    # The SHA-256 of each picture that was sent, by index.
    pictures: dict[str, str] = field(default_factory=dict)


def _between(limits: tuple[float, float], text: str) -> float:
    """A number between the limits that is always the same for the same text."""
    low, high = limits
    return low + (high - low) * zlib.crc32(text.encode()) / 2**32


@functools.lru_cache(maxsize=64)
def picture(prompt: str, index: int) -> bytes:
    """A PNG of unique noise. One in four is large, so that storing it takes a moment."""
    chance = random.Random(f"{prompt}/{index}")
    width, height = (640, 480) if chance.random() < 0.25 else (160, 120)
    file = io.BytesIO()
    Image.frombytes("RGB", (width, height), chance.randbytes(width * height * 3)).save(file, "PNG", compress_level=0)
    return file.getvalue()


class Counting:
    """Answers the studio's requests, and keeps an Order for each prompt."""

    def __init__(self) -> None:
        self.origin = ""
        self._lock = threading.Lock()
        self._orders: dict[str, Order] = {}
        self._tasks: dict[str, str] = {}

    def answer(self, request: Request) -> Reply:
        if request.method == "POST":
            return self._create(request.json)
        if request.path == "/orders":
            with self._lock:
                return Reply.of_json({prompt: asdict(order) for prompt, order in self._orders.items()})
        if request.path.startswith("/pictures/"):
            _, _, name, index = request.path.split("/")
            prompt = base64.urlsafe_b64decode(name).decode()
            delay = _between(FETCH, request.path)
            return Reply(body=self._hand_out(prompt, int(index)), headers={"Content-Type": "image/png"}, delay=delay)
        return self._status(request.path.rpartition("/")[2])

    def _create(self, body: dict[str, Any]) -> Reply:
        prompt, now = body["prompt"], time.time()
        kind = kind_of(prompt)
        delay = _between(ACCEPT if kind.task else ANSWER, prompt)
        with self._lock:
            order = self._orders.setdefault(prompt, Order())
            order.posts += 1
            order.ready_at = now + (_between(TASK, prompt) if kind.task else delay)
            if kind.task:
                task_id = f"task-{len(self._tasks) + 1}"
                self._tasks[task_id] = prompt
                order.task_ids.append(task_id)
        if kind.task:
            answer = {"task_id": task_id, "status": "pending", "poll_url": f"{CREATE}/{task_id}", "data": []}
            return Reply.of_json({"created": int(now), **answer}, delay=delay)
        if kind.fails:
            return Reply.of_json(DECLINED, 400, delay=delay)
        return Reply.of_json({"created": int(now), "data": self._results(prompt, kind)}, delay=delay)

    def _status(self, task_id: str) -> Reply:
        prompt, now = self._tasks[task_id], time.time()
        kind = kind_of(prompt)
        with self._lock:
            order = self._orders[prompt]
            order.polls += 1
            left = (order.ready_at - now) / _between(TASK, prompt)
        answer: dict[str, Any] = {"created": int(now), "task_id": task_id, "data": []}
        if left > 0:
            done = 1 - left
            answer |= {"status": "processing" if done >= PROCESSING_FROM else "pending", "progress": int(100 * done)}
        elif kind.fails:
            answer |= {"status": "failed", "error": IN_VAIN}
        else:
            answer |= {"status": "completed", "data": self._results(prompt, kind)}
        return Reply.of_json(answer, delay=POLL)

    def _results(self, prompt: str, kind: Kind) -> list[dict[str, str]]:
        if kind.inline:
            return [
                {"b64_json": base64.b64encode(self._hand_out(prompt, index)).decode()} for index in range(kind.count)
            ]
        name = base64.urlsafe_b64encode(prompt.encode()).decode()
        return [{"url": f"{self.origin}/pictures/{name}/{index}"} for index in range(kind.count)]

    def _hand_out(self, prompt: str, index: int) -> bytes:
        data = picture(prompt, index)
        with self._lock:
            self._orders[prompt].pictures[str(index)] = hashlib.sha256(data).hexdigest()
        return data


def serve() -> None:
    counting = Counting()
    with StubUpstream() as stub:

        def answer(request: Request) -> Reply:
            stub.requests.clear()  # the requests of half an hour would take too much memory
            return counting.answer(request)

        counting.origin = stub.origin
        stub.handler = answer
        sys.stdout.write(f"{stub.origin}\n")
        sys.stdout.flush()
        sys.stdin.read()


class Upstream:
    """The upstream's process, which ends with the soak in any case."""

    def __init__(self, log: Path) -> None:
        """`log` is for its errors: one for each client that was killed during a request."""
        command = [sys.executable, "-m", "tests.soak.upstream"]
        # In a new session, so that a Ctrl-C ends only the soak, which still has to read the orders.
        with log.open("wb") as file:
            self._process = subprocess.Popen(
                command,
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=file,
                text=True,
                start_new_session=True,
            )
        assert self._process.stdout
        self.origin = self._process.stdout.readline().strip()
        assert self.origin, "the upstream did not start"

    def orders(self) -> dict[str, Order]:
        """All orders so far, by prompt."""
        with urllib.request.urlopen(f"{self.origin}/orders", timeout=30) as answer:
            return {prompt: Order(**order) for prompt, order in json.load(answer).items()}

    def close(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(10)


if __name__ == "__main__":
    serve()
