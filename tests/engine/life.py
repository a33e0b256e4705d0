"""The world that a generation lives in, as test_life plays it: the upstream, the picture host, and who watches.

What is allowed is the documentation's, docs/how-it-works.md, said once more as data.
"""

import base64
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, TypeVar

from django.db import connection
from hypothesis import strategies as st

from gallery import upstream
from gallery.engine import Engine, Timing
from gallery.enqueue import enqueue_ingest
from gallery.models import State
from tests.conftest import png
from tests.support.stub_upstream import Reply, Request, StubUpstream

PICTURE = png()
NO_PICTURE = b"<html>sorry</html>"
# Everything is due at once, so that each turn does all there is to do; leases run out when the machine says so.
AT_ONCE = Timing(
    lease=600.0,
    renew=0.0,
    contend=0.0,
    step=0.005,
    slice=60.0,
    look_around=0.0,
    sweep=0.0,
    patience=0.0,
    poll=0.0,
    late_poll=0.0,
    retries=(0.0,),
    account_pause=0.0,
    trouble_pause=0.0,
    rate_limit=0.0,
    second_opinion=0.0,
    holds=(0.0,),
)
# On a machine that has much else to do.
PATIENCE = 60.0


# -- what may happen


@dataclass(frozen=True)
class Event:
    """A method of the machine: how often it happens, when it can, and with what."""

    method: Callable[..., None]
    weight: int
    when: Callable[[Any], Any]
    arguments: st.SearchStrategy[dict[str, Any]]


@dataclass(frozen=True)
class Happening:
    method: Callable[..., None]
    arguments: dict[str, Any]

    def __repr__(self) -> str:
        said = ", ".join(f"{name}={value!r}" for name, value in self.arguments.items())
        return f"{self.method.__name__}({said})"

    def happen(self, machine: Any) -> None:
        self.method(machine, **self.arguments)


EVENTS: list[Event] = []
Method = TypeVar("Method", bound=Callable[..., None])


def happens(
    weight: int = 1, when: Callable[[Any], Any] = lambda machine: True, **arguments: st.SearchStrategy[Any]
) -> Callable[[Method], Method]:
    """What Hypothesis's `rule` is, with a weight.

    It leaves out half of the rules in each run, which tests a container well; a life needs most of them to get far.
    """

    def remember(method: Method) -> Method:
        EVENTS.append(Event(method, weight, when, st.fixed_dictionaries(arguments)))
        return method

    return remember


def happenings(machine: Any) -> st.SearchStrategy[Happening]:
    """What can happen to this machine now."""
    weighted = [event for event in EVENTS for _ in range(event.weight)]

    def with_arguments(event: Event) -> st.SearchStrategy[Happening]:
        return event.arguments.map(lambda arguments: Happening(event.method, arguments))

    return st.sampled_from(weighted).filter(lambda event: bool(event.when(machine))).flatmap(with_arguments)


# -- what the documentation allows

# “A generation's life”: the drawing, and below it cancelling, late results and fresh addresses.
ARROWS = {
    State.QUEUED: {State.SUBMITTING, State.CANCELLED},
    State.SUBMITTING: {
        State.QUEUED,
        State.PENDING,
        State.PROCESSING,
        State.SAVING,
        State.INTERRUPTED,
        State.FAILED,
        State.CANCELLED,
    },
    State.PENDING: {State.PROCESSING, State.SAVING, State.FAILED, State.CANCELLED},
    # Back to `pending` where the upstream itself says so.
    State.PROCESSING: {State.PENDING, State.SAVING, State.FAILED, State.CANCELLED},
    State.SAVING: {State.COMPLETED, State.FAILED, State.PROCESSING},
    State.COMPLETED: {State.SAVING},
    State.FAILED: {State.SAVING},
    State.CANCELLED: {State.SAVING},
    # An engine that was only slow may still bring the task's id.
    State.INTERRUPTED: {State.SAVING, State.PENDING, State.PROCESSING},
}
ENDED = {State.COMPLETED, State.FAILED, State.CANCELLED, State.INTERRUPTED}


class Meaning(Enum):
    """What an answer says about the request, and about its money."""

    NOT_TAKEN = "surely not taken, or the account must wait"
    REFUSED = "not wanted, and not charged"
    TAKEN = "accepted; it is being worked on"
    READY = "completed: charged; but it does not say where the pictures are"
    COMPLETED = "completed: charged"
    FAILED = "ended without a picture: not charged"
    UNKNOWN = "unknown"


# “What may be sent again”: where the answer to a POST takes a row that was `submitting`.
TABLE = {
    Meaning.NOT_TAKEN: {State.QUEUED},
    Meaning.REFUSED: {State.FAILED},
    Meaning.TAKEN: {State.PENDING, State.PROCESSING},
    # The task will tell.
    Meaning.READY: {State.PENDING},
    Meaning.COMPLETED: {State.SAVING},
    Meaning.FAILED: {State.FAILED},
    Meaning.UNKNOWN: {State.INTERRUPTED},
}


# -- what the upstream may say


@dataclass
class Call:
    """A request that has reached the upstream, and what became of it."""

    method: str
    generation: int
    engine: str
    count: int
    at: float
    meaning: Meaning | None = None
    # Kinds of the results that it brought, see `results()`.
    brought: tuple[str, ...] = ()
    # For so many seconds from then on, the whole account must be left alone.
    quiet_for: float = 0.0
    is_error: bool = False
    answered_at: float = 0.0
    # The engine's loop has dealt with the answer.
    handled: bool = False
    # Its engine ended with the answer in its hands. What it said is known only as far as it lies in the inbox.
    unheard: bool = False
    _reply: Reply | None = None
    _answered: threading.Event = field(default_factory=threading.Event)

    @property
    def is_open(self) -> bool:
        return not self._answered.is_set()

    @property
    def is_post(self) -> bool:
        return self.method == "POST"

    @property
    def task_id(self) -> str:
        return f"task-{self.generation}"

    def answer(self, reply: Reply) -> None:
        self._reply = reply
        self.quiet_for = float(reply.headers.get("Retry-After", 0))
        self.is_error = reply.status >= 300
        self.answered_at = time.monotonic()
        self._answered.set()

    def wait(self) -> Reply:
        self._answered.wait()
        assert self._reply is not None
        return self._reply


@dataclass(frozen=True)
class Word:
    """An answer, and what it means after a POST and after a poll."""

    post: Meaning
    poll: Meaning
    reply: Callable[[Call], Reply]


def _task(post: Meaning, poll: Meaning, status: str, **more: Any) -> Word:
    def reply(call: Call) -> Reply:
        return Reply.of_json({"created": 1, "task_id": call.task_id, "status": status, "data": [], **more})

    return Word(post, poll, reply)


def _task_with_address(status: str) -> Word:
    def reply(call: Call) -> Reply:
        path = f"/v1/tasks/{call.task_id}"
        return Reply.of_json({"task_id": call.task_id, "status": status, "poll_url": path, "data": [{"url": ""}]})

    return Word(Meaning.TAKEN, Meaning.TAKEN, reply)


def _error(post: Meaning, status: int, code: str, headers: dict[str, str] | None = None, **more: Any) -> Word:
    """After a poll, no error tells what became of the task."""
    document = {"error": {"code": code, "message": "No.", **more}}
    return Word(post, Meaning.UNKNOWN, lambda call: Reply.of_json(document, status, headers=headers or {}))


def _lost(reply: Reply) -> Word:
    return Word(Meaning.UNKNOWN, Meaning.UNKNOWN, lambda call: reply)


AWAY = {"Location": "https://elsewhere.example/"}
# About the account as a whole, this request, an unknown outcome, and a task.
ACCOUNT_WORDS = {
    "429": _error(Meaning.NOT_TAKEN, 429, "rate_limit_exceeded"),
    "429 with Retry-After": _error(Meaning.NOT_TAKEN, 429, "rate_limit_exceeded", {"Retry-After": "1"}),
    "429 quota": _error(Meaning.NOT_TAKEN, 429, "insufficient_quota"),
    "401": _error(Meaning.NOT_TAKEN, 401, "invalid_api_key"),
    "402": _error(Meaning.NOT_TAKEN, 402, "insufficient_balance", balance_usd="0.01"),
    "402 too dear": _error(
        Meaning.NOT_TAKEN, 402, "insufficient_balance", balance_usd="0.01", estimated_cost_usd="0.04"
    ),
    "redirect": Word(Meaning.NOT_TAKEN, Meaning.UNKNOWN, lambda call: Reply(307, headers=AWAY)),
}
REFUSALS = {
    "400": _error(Meaning.REFUSED, 400, "content_policy_violation"),
    "404 model": _error(Meaning.REFUSED, 404, "model_not_found", suggestions=["dall-e-3"]),
    "404 task": _error(Meaning.REFUSED, 404, "async_task_not_found"),
    "503 no channel": _error(Meaning.REFUSED, 503, "all_channels_failed", retryable=False),
}
LOST_WORDS = {
    "503 retryable": _error(Meaning.NOT_TAKEN, 503, "all_channels_failed", retryable=True),
    "500": _error(Meaning.UNKNOWN, 500, "internal_error"),
    "503": _error(Meaning.UNKNOWN, 503, "all_channels_failed"),
    "html": _lost(Reply(body=b"<html>not json</html>")),
    "no sense": _lost(Reply.of_json({"created": 1, "data": []})),
    "reset": _lost(Reply(how="reset")),
    "drop": _lost(Reply(how="close")),
    "truncated": _lost(Reply(body=b'{"created": 1}', how="truncate")),
}
TASK_WORDS = {
    "pending": _task(Meaning.TAKEN, Meaning.TAKEN, "pending"),
    "pending there": _task_with_address("pending"),
    "processing": _task(Meaning.TAKEN, Meaning.TAKEN, "processing", progress=40),
    "processing more": _task(Meaning.TAKEN, Meaning.TAKEN, "processing", progress=80),
    "completed without url": _task(Meaning.READY, Meaning.READY, "completed"),
}
END_WORDS = {
    "failed": _task(Meaning.FAILED, Meaning.FAILED, "failed", error={"code": "too_yellow", "message": "No lemons."}),
    "failed silently": _task(Meaning.FAILED, Meaning.FAILED, "failed"),
    "cancelled": _task(Meaning.FAILED, Meaning.FAILED, "failed", cancelled=True),
}
WORDS = {**ACCOUNT_WORDS, **REFUSALS, **LOST_WORDS, **TASK_WORDS, **END_WORDS}
# Of a result: its address, the picture itself, something that is no picture, no base64 at all.
KINDS = ("url", "b64", "garbage", "nonsense")
GOOD = frozenset({"url", "b64"})


def results(call: Call, kinds: Iterable[str], origin: str) -> list[dict[str, str]]:
    def inline(kind: str, index: int) -> str:
        # No two are the same: the same bytes twice are one picture.
        if kind == "nonsense":
            return "=" * (5 + index)
        content = png(colour=f"#f2d6{index:02x}") if kind == "b64" else NO_PICTURE + b" " * index
        return base64.b64encode(content).decode()

    def address(index: int) -> str:
        return f"{origin}/{call.generation}-{index}.png"

    return [
        {"url": address(index)} if kind == "url" else {"b64_json": inline(kind, index)}
        for index, kind in enumerate(kinds)
    ]


class Upstream:
    """Holds every request until it is told what to answer; afterwards, once `benign`, answers by itself."""

    def __init__(self, stub: StubUpstream, picture_origin: str) -> None:
        self.stub = stub
        self.picture_origin = picture_origin
        self.calls: list[Call] = []
        self.benign = False
        self._change = threading.Condition()
        stub.handler = self._take

    def _take(self, request: Request) -> Reply:
        document = request.json if request.method == "POST" else {}
        generation = int(document["prompt"].split()[-1] if document else request.path.rpartition("-")[2])
        engine = request.headers["authorization"].removeprefix("Bearer ")
        call = Call(request.method, generation, engine, document.get("n", 0), request.at)
        with self._change:
            self.calls.append(call)
            if self.benign:
                self.answer_well(call)
        return call.wait()

    def of(self, generation: int) -> list[Call]:
        return [call for call in self.calls if call.generation == generation]

    def posts(self, generation: int) -> list[Call]:
        return [call for call in self.of(generation) if call.is_post]

    def open(self, engine: str = "") -> list[Call]:
        """In an order that does not depend on which thread came first."""
        calls = [call for call in self.calls if call.is_open and engine in ("", call.engine)]
        return sorted(calls, key=lambda call: (call.is_post, call.generation, call.engine))

    def say(self, call: Call, word: str) -> None:
        said = WORDS[word]
        call.meaning = said.post if call.is_post else said.poll
        call.answer(said.reply(call))

    def complete(self, call: Call, kinds: tuple[str, ...]) -> None:
        # An answer to a POST without a picture or a task: it is not known whether it was charged.
        call.meaning = Meaning.COMPLETED if kinds or not call.is_post else Meaning.UNKNOWN
        call.brought = kinds
        document = {"created": 1, "data": results(call, kinds, self.picture_origin)}
        task = {} if call.is_post else {"task_id": call.task_id, "status": "completed"}
        call.answer(Reply.of_json({**document, **task}))

    def hang_up(self, call: Call) -> None:
        """Its engine is gone; the outcome of the request stays unknown."""
        call.answer(Reply(how="close"))

    def answer_well(self, call: Call) -> None:
        """As a good day's upstream: what has ended stays so, all else becomes a picture."""
        if not call.is_post and self.has_failed(call.generation):
            self.say(call, "failed")
        else:
            delivered = max(len(one.brought) for one in self.of(call.generation))
            asked_for = max(one.count for one in self.posts(call.generation))
            self.complete(call, ("url",) * (delivered or asked_for))

    # -- what is true about the money

    def has_completed(self, generation: int) -> bool:
        heard = [call for call in self.of(generation) if not call.unheard]
        return any(call.meaning in (Meaning.READY, Meaning.COMPLETED) for call in heard)

    def has_failed(self, generation: int) -> bool:
        if self.has_completed(generation):
            return False
        return any(call.meaning is Meaning.FAILED for call in self.of(generation))

    def surely_cost_nothing(self, generation: int) -> bool:
        """Every request was turned away, or the upstream itself has said that it came to nothing."""
        turned_away = (Meaning.NOT_TAKEN, Meaning.REFUSED)
        return self.has_failed(generation) or all(call.meaning in turned_away for call in self.posts(generation))


# -- where the pictures lie


class PictureHost:
    """Serves the picture, unless `moods` has something else for the next requests."""

    MOODS = {
        "good": Reply(body=PICTURE),
        "gone": Reply(404),
        "down": Reply(500),
        "garbage": Reply(body=NO_PICTURE),
        "torn": Reply(body=PICTURE[:-20]),
        "reset": Reply(how="reset"),
    }

    def __init__(self, stub: StubUpstream) -> None:
        self.origin = stub.origin
        self.moods: deque[str] = deque()
        # By path, the mood of the last request.
        self.sent_last: dict[str, str] = {}
        # What another process does while the first request waits for its answer.
        self.meanwhile: Callable[[], None] | None = None
        stub.handler = self._serve

    def _serve(self, request: Request) -> Reply:
        mood = self.moods.popleft() if self.moods else "good"
        self.sent_last[request.path] = mood
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()
            connection.close()
        return self.MOODS[mood]


# -- engines


class Process:
    """A worker process with its engine. What is its alone ends with it; nothing of it reaches the database then."""

    def __init__(self, number: int, world: Upstream, *, online: bool) -> None:
        self.key = f"sk-engine-{number:06d}"
        self.online = online
        self.alive = True
        self._upstream = world
        base_url = world.stub.base_url if online else "http://127.0.0.1:1/v1"
        # None of which runs out while a request is held, however slow the machine.
        waits: dict[str, Any] = dict.fromkeys(("connect_timeout", "read_timeout", "poll_read_timeout"), 10 * PATIENCE)
        self.engine = Engine(
            upstream.Client(base_url, self.key, **waits),
            requests_per_minute=60_000,
            enqueue_ingest=enqueue_ingest,
            timing=AT_ONCE,
            posts_at_once=16,
            polls_at_once=16,
        )

    @property
    def _pools(self) -> list[Any]:
        return [self.engine.sender._pool, self.engine.poller._pool]

    def wait_until_idle(self) -> None:
        """Every request of its has come back, or waits at the upstream for an answer."""
        give_up_at = time.monotonic() + PATIENCE
        while sum(pool.busy for pool in self._pools) != len(self._upstream.open(self.key)):
            self.engine.sender.permits.give()
            assert time.monotonic() < give_up_at, "a request got lost between the engine and the upstream"
            time.sleep(0.0005)

    def answered(self) -> list[Call]:
        """Answers that it has and that its loop has not yet dealt with."""
        calls = [call for call in self._upstream.calls if call.engine == self.key]
        return [call for call in calls if not call.is_open and not call.handled]

    def stop(self) -> None:
        """In good order. Requests on their way get no answer now, so there is little to wait for."""
        drain = 2.0 if self.answered() else 0.05
        self.engine.timing = replace(self.engine.timing, drain=drain)
        self.engine.stopping.set()
        self.engine.run()

    def end(self) -> None:
        self.alive = False
        self.engine.stopping.set()
        self.wait_until_idle()
        for call in self._upstream.open(self.key):
            self._upstream.hang_up(call)
        self.wait_until_idle()
        for call in self.answered():
            call.handled = True
        # A process takes its threads along; here they have to be told.
        for pool in self._pools:
            pool.close()
        self.engine.client.close()


# -- who watches the rows


class Killed(BaseException):
    """The process ended here, as by SIGKILL."""


@dataclass(frozen=True)
class Change:
    generation: int
    before: State
    after: State


class Journal:
    """Looks at all generations after every statement that may have changed one, and kills where it is told to."""

    # What a card shows of the row.
    SHOWN = (
        "state",
        "progress",
        "error_code",
        "error_message",
        "error_hint",
        "suggested_model_id",
        "results",
        "cost",
        "finished_at",
    )

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self.wrong: list[str] = []
        self._kill_before: int | None = None
        self._rows: dict[int, dict[str, Any]] = {}
        self._looking = False

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        if self._looking:
            return execute(sql, params, many, context)
        writes = sql.startswith(("INSERT", "UPDATE", "DELETE"))
        if writes and self._kill_before is not None:
            if self._kill_before == 0:
                raise Killed
            self._kill_before -= 1
        result = execute(sql, params, many, context)
        if writes and '"gallery_generation"' in sql:
            self._look()
        return result

    @contextmanager
    def killing(self, before_write: int) -> Iterator[None]:
        """End what runs inside just before that write to the database, or at its end."""
        self._kill_before = before_write
        try:
            yield
        except Killed:
            pass
        finally:
            self._kill_before = None
        self._rows = self._read()  # what was rolled back never was

    def _read(self) -> dict[int, dict[str, Any]]:
        names = ("version", *self.SHOWN)
        self._looking = True
        try:
            # Plain SQL: this runs thousands of times.
            with connection.cursor() as cursor:
                cursor.execute(f"SELECT id, {', '.join(names)} FROM gallery_generation")
                return {pk: dict(zip(names, values, strict=True)) for pk, *values in cursor.fetchall()}
        finally:
            self._looking = False

    def _look(self) -> None:
        rows = self._read()
        for pk, row in rows.items():
            if before := self._rows.get(pk):
                self._compare(pk, before, row)
            elif row["state"] != State.QUEUED:
                self.wrong.append(f"{pk} was born {row['state']}")
        self._rows = rows

    def _compare(self, pk: int, before: dict[str, Any], row: dict[str, Any]) -> None:
        if row["version"] <= before["version"] and any(row[name] != before[name] for name in self.SHOWN):
            self.wrong.append(f"{pk} changed, but not its version: {before} became {row}")
        if row["version"] < before["version"]:
            self.wrong.append(f"{pk} went back to version {row['version']} from {before['version']}")
        old, new = State(before["state"]), State(row["state"])
        if old != new:
            self.changes.append(Change(pk, old, new))
            if new not in ARROWS[old]:
                self.wrong.append(f"the documentation does not let {pk} go from {old} to {new}")
