"""What the tests of the client share."""

import socket
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from gallery.upstream import Answer, Client, Submission, UpstreamError
from gallery.upstream.parse import read_answer
from tests.support.stub_upstream import StubUpstream

KEY = "sk-0123456789abcdefSECRET"
CAT = Submission("dall-e-3", "A white cat")
URL = "https://images.example/a.png"
PICTURE = {"created": 1706000000, "data": [{"url": URL, "revised_prompt": "A fluffy white cat"}]}
ORIGIN = "https://api.lemondata.cc:443"

T = TypeVar("T")


def hasty(stub: StubUpstream, **more: Any) -> Client:
    times = {"connect_timeout": 0.5, "read_timeout": 0.3, "poll_read_timeout": 0.3, "body_grace": 0.1}
    return Client(stub.base_url, KEY, **{**times, **more})


def create(document: Any) -> Answer:
    return read_answer(document, polling=False, origin=ORIGIN)


def poll(document: Any) -> Answer:
    return read_answer(document, polling=True, origin=ORIGIN, task_id="img_1", poll_url="/v1/tasks/img_1")


def error_body(**fields: Any) -> dict[str, Any]:
    return {"error": fields}


def outcome_of(ask: Callable[[], T]) -> T | UpstreamError:
    try:
        return ask()
    except UpstreamError as error:
        return error


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def exposure(error: BaseException | None) -> str:
    """What an error report prints: the traceback, and the locals of all frames outside these tests."""
    parts = ["".join(traceback.format_exception(error))] if error else []
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        parts += [repr(error), str(error), repr(error.args), repr(vars(error))]
        for frame, _ in traceback.walk_tb(error.__traceback__):
            if Path(frame.f_code.co_filename).parent != Path(__file__).parent:
                parts += [f"{name}={value!r}" for name, value in frame.f_locals.items()]
        error = error.__cause__ or error.__context__
    return "\n".join(parts)
