"""How what came of a request gets from the thread that made it back to the loop."""

import logging
import math
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from django.db import InterfaceError, OperationalError

from gallery import upstream
from gallery.engine.results import Results, keep_results

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Outcome:
    """What came of one request: an answer, with what was kept of its results, or a problem."""

    pk: int
    answer: upstream.Answer | None = None
    problem: upstream.UpstreamError | None = None
    results: Results = field(default_factory=list)
    # Of the monotonic clock: when the request went out.
    asked_at: float = field(default_factory=time.monotonic)


class Outcomes:
    """A queue that the loop empties. An outcome leaves it only when it was handled."""

    def __init__(self) -> None:
        self.arrived = threading.Event()
        self._queue: queue.SimpleQueue[tuple[Outcome, Callable[[Outcome], None]]] = queue.SimpleQueue()
        self._taken: deque[tuple[Outcome, Callable[[Outcome], None]]] = deque()

    def __bool__(self) -> bool:
        return bool(self._taken) or not self._queue.empty()

    def job(
        self, pk: int, request: Callable[[], upstream.Answer], handle: Callable[[Outcome], None]
    ) -> Callable[[], None]:
        """A job for a pool: make the request, keep what it brings, and report."""

        def run() -> None:
            outcome = Outcome(pk)
            try:
                outcome.answer = request()
                outcome.results = keep_results(pk, outcome.answer)
            except upstream.UpstreamError as problem:
                outcome.problem = problem
            except Exception:
                logger.exception("A request for generation %s ended in an unforeseen way", pk)
                outcome.problem = upstream.OutcomeUnknown("The request ended in an unforeseen way.")
            self._queue.put((outcome, handle))
            self.arrived.set()

        return run

    def handle(self, seconds: float = math.inf) -> None:
        """Handle what came back, for so long. One for which the database is away stays: a paid result is kept."""
        until = time.monotonic() + seconds
        while not self._queue.empty():
            self._taken.append(self._queue.get())
        while self._taken and time.monotonic() < until:
            outcome, handle = self._taken[0]
            try:
                handle(outcome)
            except (OperationalError, InterfaceError):
                raise
            except Exception:
                logger.exception("Could not handle the outcome of generation %s", outcome.pk)
            self._taken.popleft()
