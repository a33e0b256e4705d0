"""How what came of a request gets from the thread that made it back to the loop."""

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from django.utils.translation import gettext_noop

from gallery import upstream
from gallery.engine.results import Results, keep_results
from gallery.engine.storage_watch import StorageWatch
from gallery.models.metric import COUNTERS

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Outcome:
    """What came of one request about a generation: an answer, with what was kept of its results, or a problem."""

    pk: int
    # Of the generation: what it brings is kept under this mark.
    mark: str
    answer: upstream.Answer | None = None
    problem: upstream.UpstreamError | None = None
    results: Results = field(default_factory=list)
    # Of the monotonic clock: when the request went out.
    asked_at: float = field(default_factory=time.monotonic)


@dataclass(slots=True)
class Posted(Outcome):
    """Of a POST. `fence` is the claim's: another engine may have claimed the row since."""

    fence: int = 0


@dataclass(slots=True)
class Polled(Outcome):
    """Of a question about a task."""


def _status(outcome: Outcome) -> str:
    """Of the answer, or why there was none."""
    if outcome.problem is None:
        return "2xx"
    return str(outcome.problem.status or "none")


class Outcomes:
    """A queue that the loop empties. An outcome leaves it only when it was handled."""

    def __init__(self, storage: StorageWatch) -> None:
        self._storage = storage
        self.arrived = threading.Event()
        self._queue: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
        self._waiting: deque[Outcome] = deque()

    def __bool__(self) -> bool:
        return bool(self._waiting) or not self._queue.empty()

    def request(self, outcome: Outcome, ask: Callable[[], upstream.Answer]) -> None:
        """In a pool's thread: make the request, keep what it brings, and report."""
        outcome.asked_at = time.monotonic()
        try:
            outcome.answer = ask()
            outcome.results = keep_results(outcome.pk, outcome.mark, outcome.answer, self._storage)
        except upstream.UpstreamError as problem:
            outcome.problem = problem
        except Exception:
            logger.exception("A request for generation %s ended in an unforeseen way", outcome.pk)
            # Never an answer without what it brought.
            outcome.answer = None
            outcome.problem = upstream.OutcomeUnknown(gettext_noop("The request ended in an unforeseen way."))
        COUNTERS.add("upstream_requests", kind=type(outcome).__name__.lower(), status=_status(outcome))
        self._queue.put(outcome)
        self.arrived.set()

    def first(self) -> Outcome | None:
        """The oldest that was not handled yet. It stays the first until `remove_first`."""
        while not self._queue.empty():
            self._waiting.append(self._queue.get())
        return self._waiting[0] if self._waiting else None

    def remove_first(self) -> None:
        self._waiting.popleft()
