"""The last commit before money is spent: which requests go out now.

A row whose engine was killed tells by it whether its request may have been sent. The threads that send have no
connection to the database, so they ask the loop, which answers all that are ready with one commit.
"""

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from django.db import transaction

from gallery import upstream
from gallery.engine import sent_mark
from gallery.models import Generation, UpstreamAccount

# How often a thread that waits looks whether there is still a lease, in seconds.
LOOK_AGAIN = 0.5
# How long the loop waits for others to be ready, so that one commit does for them: after each, and in all.
GAP, GATHER = 0.005, 0.05


@dataclass(slots=True)
class _Permit:
    pk: int
    fence: int
    answered: threading.Event = field(default_factory=threading.Event)
    is_given: bool = False


def check_lease(may_send: Callable[[], bool]) -> None:
    if not may_send():
        raise upstream.NotSent("The studio was stopping, or was not sure that it still held the lease.")


class Permits:
    """`wait_for` is for the threads that send, `give` for the loop."""

    def __init__(
        self, may_send: Callable[[], bool], *, wake: Callable[[], None], note_mark: Callable[[int], None]
    ) -> None:
        """`wake` wakes the loop; `note_mark` hears how much was sent."""
        self._may_send = may_send
        self._wake = wake
        self._note_mark = note_mark
        self._waiting: queue.SimpleQueue[_Permit] = queue.SimpleQueue()

    def wait_for(self, generation: Generation) -> None:
        """Until the loop has committed that this one goes out now. Raises NotSent if it must not."""
        permit = _Permit(generation.pk, generation.fence)
        self._waiting.put(permit)
        self._wake()
        while not permit.answered.wait(LOOK_AGAIN):
            check_lease(self._may_send)
        if not permit.is_given:
            raise upstream.NotSent("It was cancelled, or the studio was stopping.")
        # The commit may have taken longer than the lease.
        check_lease(self._may_send)

    def give(self) -> None:
        """To all that wait, where the rows still say that they are to be sent."""
        waiting: dict[int, list[_Permit]] = {}
        self._gather()
        while not self._waiting.empty():
            permit = self._waiting.get()
            waiting.setdefault(permit.fence, []).append(permit)
        try:
            for fence, permits in waiting.items() if self._may_send() else ():
                self._give(fence, permits)
        finally:
            # Also without the database: what was not given is put back, and tried again.
            for permit in (one for permits in waiting.values() for one in permits):
                permit.answered.set()

    def _gather(self) -> None:
        """Wait while more come: of those that were claimed together, the threads are ready one after the other."""
        until, seen = time.monotonic() + GATHER, 0
        while seen < (ready := self._waiting.qsize()) and time.monotonic() < until:
            seen = ready
            time.sleep(GAP)

    def _give(self, fence: int, permits: list[_Permit]) -> None:
        with transaction.atomic():
            given = Generation.note_sent([permit.pk for permit in permits], fence)
            mark = UpstreamAccount.count_sent()
        sent_mark.write_here(mark)
        self._note_mark(mark)
        for permit in permits:
            permit.is_given = permit.pk in given
