"""An upstream that counts requests: one process with one thread, which uses only the standard library.

`POST /v1/images/generations` answers by the name of the model. A name that ends in "async" gets a task at once, and the
prompt decides how long the task takes. All other names get the address of a picture: after a long time if the name
ends in "slow", else after a short time. `GET /stats` returns the counts.
"""

import asyncio
import json
import random
import resource
import struct
import subprocess
import sys
import time
import urllib.request
import zlib
from collections import Counter
from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SIDE = 1024
IMAGE_PATH = "/pictures/one.png"
GOLDEN = (5**0.5 - 1) / 2


def noisy_png() -> bytes:
    """1024 × 1024 pixels of shades and noise as a PNG: 1.6 MB, the usual size of such a picture."""
    noise = random.Random(1).randbytes(SIDE * SIDE * 3)  # noqa: S311 the same picture in every run
    low = bytes(value & 0x0F for value in range(256))
    rows = bytearray()
    for y in range(SIDE):
        row = int.from_bytes(noise[y * SIDE * 3 : (y + 1) * SIDE * 3].translate(low))
        shade = int.from_bytes(bytes([y // 64 << 4]) * SIDE * 3)
        rows += b"\0" + (row | shade).to_bytes(SIDE * 3)

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    deflate = zlib.compressobj(strategy=zlib.Z_HUFFMAN_ONLY)
    pixels = deflate.compress(bytes(rows)) + deflate.flush()
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def duration(prompt: str, shortest: float, longest: float) -> float:
    """Seconds that a task takes, by the number at the end of its prompt. They are equal in all runs and for both sides.

    Multiples of the golden ratio spread evenly between shortest and longest, also a few in a row. So rounds differ in
    how soon results are detected, and not in their durations.
    """
    return shortest + (longest - shortest) * (int(prompt.rpartition("-")[2]) * GOLDEN % 1)


@dataclass(frozen=True)
class Times:
    """Seconds until a synchronous answer, until a slow one, and of the shortest and the longest task."""

    delay: float = 2.0
    slow: float = 60.0
    shortest: float = 10.0
    longest: float = 60.0


@dataclass
class Task:
    """A task of the upstream. Times are wall clock times, as in the studio's rows."""

    prompt: str
    asked_at: float
    ready_at: float
    polls: int = 0


class Counting:
    """Answers requests, and counts them."""

    def __init__(self, picture: bytes, times: Times) -> None:
        self.origin = ""
        self.picture = picture
        self.times = times
        self.posts: Counter[str] = Counter()
        # When each prompt came first, and how long the answer took if it was synchronous.
        self.posted_at: dict[str, float] = {}
        self.delays: dict[str, float] = {}
        self.tasks: dict[str, Task] = {}
        self.pictures_sent = 0
        # The number of waiting requests plus unfinished tasks, now and at most.
        self.at_once = self.most_at_once = 0

    async def answer(self, method: str, path: str, body: bytes) -> tuple[int, str, bytes]:
        if method == "POST":
            return self._json(await self._create(json.loads(body)))
        if path == IMAGE_PATH:
            self.pictures_sent += 1
            return 200, "image/png", self.picture
        if path == "/stats":
            return self._json(self.stats())
        task = self.tasks.get(path.rpartition("/")[2])
        return self._json(self._status(path.rpartition("/")[2], task)) if task else (404, "text/plain", b"")

    @staticmethod
    def _json(document: Any) -> tuple[int, str, bytes]:
        return 200, "application/json", json.dumps(document).encode()

    async def _create(self, order: dict[str, Any]) -> dict[str, Any]:
        prompt, model, now = order["prompt"], order["model"], time.time()
        self.posts[prompt] += 1
        self.posted_at.setdefault(prompt, now)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        if not model.endswith("async"):
            self.delays[prompt] = self.times.slow if model.endswith("slow") else self.times.delay
            await asyncio.sleep(self.delays[prompt])
            self._one_less()
            return {"created": int(now), "data": self._pictures()}
        seconds = duration(prompt, self.times.shortest, self.times.longest)
        task_id = f"img_{len(self.tasks) + 1}"
        self.tasks[task_id] = Task(prompt, now, now + seconds)
        asyncio.get_running_loop().call_later(seconds, self._one_less)
        poll_url = f"/v1/images/generations/{task_id}"
        return {"created": int(now), "task_id": task_id, "status": "pending", "poll_url": poll_url, "data": []}

    def _one_less(self) -> None:
        self.at_once -= 1

    def _status(self, task_id: str, task: Task) -> dict[str, Any]:
        task.polls += 1
        ready = time.time() >= task.ready_at
        data = self._pictures() if ready else []
        return {"task_id": task_id, "status": "completed" if ready else "processing", "data": data}

    def _pictures(self) -> list[dict[str, str]]:
        return [{"url": f"{self.origin}{IMAGE_PATH}", "revised_prompt": ""}]

    def stats(self) -> dict[str, Any]:
        return {
            "posts": self.posts,
            "posted_at": self.posted_at,
            "delays": self.delays,
            "tasks": [asdict(task) for task in self.tasks.values()],
            "most_at_once": self.most_at_once,
            "pictures_sent": self.pictures_sent,
        }

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until the client closes it."""
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                request, *lines = head.decode("latin-1").split("\r\n")
                headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
                body = await self._body(reader, headers)
                method, path, _ = request.split(" ", 2)
                status, kind, content = await self.answer(method, path, body)
                closing = headers.get("connection", "").lower() == "close"
                writer.write(
                    f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(content)}\r\n"
                    f"Connection: {'close' if closing else 'keep-alive'}\r\n\r\n".encode()
                )
                writer.write(content)
                await writer.drain()
                if closing:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client hung up
        finally:
            writer.close()

    @staticmethod
    async def _body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding", "").lower() != "chunked":
            return await reader.readexactly(int(headers.get("content-length") or 0))
        body = b""
        while size := int(await reader.readline(), 16):
            body += await reader.readexactly(size)
            await reader.readline()
        await reader.readline()
        return body


async def serve(picture: str, times: Times) -> None:
    """Serve until stdin closes. The first line of stdout is the origin."""
    # Raise the limit of open files: a thousand connections are more than many shells allow.
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, allowed))
    counting = Counting(Path(picture).read_bytes(), times)
    server = await asyncio.start_server(counting.converse, "127.0.0.1", 0, backlog=4096)
    counting.origin = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    sys.stdout.write(f"{counting.origin}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)


class Upstream:
    """The upstream's process, which ends with the benchmark in any case."""

    def __init__(self, picture: Path, times: Times) -> None:
        command = [sys.executable, "-m", "bench.upstream", str(picture), *map(str, astuple(times))]
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603 our own command, no shell
        assert self.process.stdout
        self.origin = self.process.stdout.readline().strip()

    def stats(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.origin}/stats", timeout=30) as answer:  # noqa: S310 our own
            return dict(json.load(answer))

    def close(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait(10)


if __name__ == "__main__":
    _, _picture, *_times = sys.argv
    asyncio.run(serve(_picture, Times(*map(float, _times))))
