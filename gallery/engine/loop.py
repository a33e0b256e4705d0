"""The engine's thread: its lease, its steps, its stop."""

import logging
import math
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable
from datetime import datetime
from functools import partial

from django.db import close_old_connections, connection

from gallery import upstream
from gallery.engine import sent_mark
from gallery.engine.context import Context
from gallery.engine.doorbell import Doorbell
from gallery.engine.errors import DATABASE_AWAY, errors_logged
from gallery.engine.gate import Gate
from gallery.engine.outcomes import Outcome, Outcomes, Polled, Posted
from gallery.engine.polling import Poller
from gallery.engine.results import Deliveries
from gallery.engine.sending import Sender
from gallery.engine.storage_watch import StorageWatch
from gallery.engine.timing import Timing
from gallery.models import Generation, State, UpstreamAccount
from gallery.models.account import Lease

logger = logging.getLogger(__name__)

# How long the loop rests after an error, in seconds.
REST = 1.0


class Engine:
    """One contender for the account's lease; `run()` is its thread."""

    def __init__(
        self,
        client: upstream.Client,
        *,
        requests_per_minute: float,
        enqueue_ingest: Callable[[int], None],
        posts_at_once: int = 1024,
        polls_at_once: int = 48,
        timing: Timing | None = None,
        asked_to_stop: Callable[[], bool] = lambda: False,
        tell_administrators: Callable[[], None] = lambda: None,
    ) -> None:
        """`asked_to_stop` tells, while a task still keeps its process, that the stop has begun."""
        self.client = client
        self._asked_to_stop = asked_to_stop
        self._tell_administrators = tell_administrators
        self.timing = timing or Timing()
        self.holder = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"[-200:]
        self.fence = 0
        self.stopping = threading.Event()
        self.stopped = threading.Event()
        self.storage = StorageWatch(self.timing, tell_administrators)
        self.outcomes = Outcomes(self.storage)
        self.gate = Gate(self.timing, requests_per_minute, tell_administrators)
        self.deliveries = Deliveries(enqueue_ingest, self.timing.fetch_by, self.storage.delete)
        context = Context(client, self.timing, self.gate, self.outcomes, self.deliveries, self.storage)
        self.poller = Poller(context, at_once=polls_at_once)
        self.sender = Sender(context, self.poller, may_send=self.may_send, at_once=posts_at_once)
        self._doorbell = Doorbell(self.wake)
        self._lease_until = 0.0
        self._renew_at = 0.0
        self._look_at = 0.0
        self._sweep_at = 0.0
        # Another engine's lease (whose, until when) as it was seen last, and when it is over, of the monotonic clock.
        self._seen: tuple[str, datetime] | None = None
        self._take_at = 0.0
        self._has_compared = False

    # -- life

    def wake(self) -> None:
        """Look for something new at once."""
        self.outcomes.arrived.set()

    def stop(self) -> None:
        """Send nothing more, wait for requests on their way as long as a stop may take, and release the lease."""
        self.stopping.set()
        self.wake()
        self.stopped.wait(self.timing.drain + 2)

    def run(self) -> None:
        try:
            while not self.stopping.is_set() and not self._asked_to_stop():
                self._guarded(self.turn)
                self._doorbell.tend(wanted=bool(self.fence))
                self.outcomes.arrived.wait(self.timing.step if self.fence else self.timing.contend)
                self.outcomes.arrived.clear()
            self.stopping.set()
            self._drain()
        finally:
            self._doorbell.tend(wanted=False)
            self.stopped.set()
            connection.close()

    def _guarded(self, work: Callable[[], None]) -> None:
        """Run `work`; neither a database that is away for a while nor a bug in a row's handling ends the thread."""
        try:
            with errors_logged(logger, "The engine goes on after an error", then=self._rest):
                work()
        except DATABASE_AWAY as problem:
            logger.warning("The engine waits for the database: %s", problem)
            self._rest()

    def _rest(self) -> None:
        connection.close()
        self.stopping.wait(REST)

    def _drain(self) -> None:
        give_up_at = time.monotonic() + self.timing.drain
        # Even if another engine has taken over: what is still answered was paid for.
        while self.sender.on_its_way and time.monotonic() < give_up_at:
            self._guarded(self._drain_step)
            time.sleep(self.timing.step)
        self._guarded(self._let_go)

    def _drain_step(self) -> None:
        if self.fence:
            self._keep_lease()
        self.handle_outcomes(self.timing.slice)

    def _let_go(self) -> None:
        self.handle_outcomes(self.timing.drain)
        if not self.fence:
            return
        self.sender.let_go(self.fence)
        UpstreamAccount.release_lease(self.holder, self.fence)
        self.fence = 0

    # -- the lease

    def _contend(self) -> bool:
        is_taken = self._take_lease()
        # Once without the lease, too: another machine may have the account, and not know what this one has sent.
        if is_taken or not self._has_compared:
            self._compare()
        return is_taken

    def _take_lease(self) -> bool:
        close_old_connections()
        asked_at = time.monotonic()
        lease = UpstreamAccount.look_at_lease()
        if lease is not None and asked_at < self._may_take_at(lease, asked_at):
            return False
        fence = UpstreamAccount.take_lease(self.holder, self.timing.lease, over=lease)
        if fence is None:
            return False
        self.fence = fence
        self._lease_until = asked_at + self.timing.lease
        self._renew_at = asked_at + self.timing.renew
        self._look_at = self._sweep_at = 0.0
        self.gate.holds.load()
        return True

    def _compare(self) -> None:
        """See whether the database knows of all that was sent. Nothing is sent before."""
        self._compare_with(sent_mark.read_here())
        self._has_compared = True
        self.storage.want_mark()
        self.storage.tend()
        self._compare_stored()

    def _compare_stored(self) -> None:
        if (mark := self.storage.take_mark()) is not None:
            self._compare_with(mark)

    def _compare_with(self, mark: int) -> None:
        if sent_mark.compare(mark):
            self._tell_administrators()

    def _may_take_at(self, lease: Lease, now: float) -> float:
        """When this lease of another engine is over, by the monotonic clock.

        The wall clock is asked once, when the lease is first seen: it may be put forward or back while the holder
        lives, or before it dies. A holder that lives renews its lease, and then there is another lease to see.
        """
        if lease[:2] != self._seen:
            self._seen = lease[:2]
            self._take_at = now + min(max(lease.seconds_left, self.timing.patience), self.timing.lease)
        return self._take_at

    def _keep_lease(self) -> bool:
        now = time.monotonic()
        if now >= self._renew_at:
            if not UpstreamAccount.renew_lease(self.holder, self.fence, self.timing.lease):
                logger.warning("Another engine has taken over the account")
                self.fence = 0
                self._lease_until = 0.0
                self.poller.forget()
                return False
            self._lease_until = now + self.timing.lease
            self._renew_at = now + self.timing.renew
            close_old_connections()
        return now < self._lease_until

    def may_send(self) -> bool:
        """By this machine's own clock, without asking the database: for the moment before money is spent."""
        return time.monotonic() < self._lease_until and not self.stopping.is_set()

    # -- one turn of the loop

    def turn(self) -> None:
        # Also without the lease: an answer from before it was lost is kept. Only as long as the lease can wait for its
        # renewal, or another engine would take requests on their way for lost.
        self.handle_outcomes(self.timing.slice)
        # Without the lease, too: what this machine holds for storage, no other machine can move there.
        self.storage.tend()
        self.deliveries.note_moved(self.storage.take_moved())
        if self._has_compared:
            self._compare_stored()
        if (self.fence or self._contend()) and self._keep_lease():
            self._step()

    def handle_outcomes(self, seconds: float = math.inf) -> None:
        """Handle what came back, for so long. One for which the database is away stays: a paid result is kept."""
        until = time.monotonic() + seconds
        self.sender.permits.give()
        while time.monotonic() < until and (outcome := self.outcomes.first()) is not None:
            with errors_logged(logger, f"Could not write off the outcome of generation {outcome.pk}"):
                self._handle(outcome)
            self.outcomes.remove_first()
            self.sender.permits.give()

    def _handle(self, outcome: Outcome) -> None:
        failure = f"Could not handle the outcome of generation {outcome.pk}"
        match outcome:
            case Posted():
                with errors_logged(logger, failure, then=partial(self.sender.write_off, outcome)):
                    self.sender.handle(outcome)
            case Polled():
                with errors_logged(logger, failure, then=partial(self.poller.write_off, outcome)):
                    self.poller.handle(outcome)

    def _step(self) -> None:
        now = time.monotonic()
        if now >= self._look_at:
            self._look_at = now + self.timing.look_around
            self.gate.look()
            self.storage.look()
            self.poller.look_around()
            self.deliveries.remind()
            strays = self.sender.strays()
            if strays or now >= self._sweep_at:
                self.storage.want_listing(strays)
                self.storage.tend()
        if (listing := self.storage.take_listing()) is not None:
            self.sender.interrupt_strays(listing)
            self._sweep_at = now + self.timing.sweep
            self.deliveries.sweep_inbox(self.sender.on_its_way | self.poller.asked_about, listing.inbox)
        self.gate.budget.heed(self.client.rate_limit)
        if UpstreamAccount.waits_for_resume():
            # What the upstream has already is paid for, so it is asked about and fetched.
            if not self.gate.is_held:
                self.poller.poll()
            return
        if self.gate.paused:
            self._ask_whether_it_is_over()
            return
        self.sender.send(self.fence)
        if not self.sender.needs_budget:
            self.poller.poll()

    def _ask_whether_it_is_over(self) -> None:
        """After a pause one request goes ahead; what comes of it ends the pause or prolongs it.

        Before the pause is over, only one that was not refused yet, if the upstream did not say how long to wait.
        """
        if self.sender.is_probing or self.poller.is_asking:
            return
        if not self.gate.is_held:
            self._probe()
        elif self.gate.wants_opinion:
            was_asked = self.sender.probe(self.fence, refused_before=self.gate.paused_since)
            self.gate.note_opinion(was_asked=was_asked)

    def _probe(self) -> None:
        if self.sender.probe(self.fence) or self.poller.poll(limit=1) or self.poller:
            return
        if not Generation.objects.filter(state=State.QUEUED).exists():
            # Nothing is queued: the next request finds out by itself.
            self.gate.went_well(time.monotonic())
