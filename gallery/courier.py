"""Carries generations to the upstream and polls them until they end.

A courier is a thread in a cluster worker. Every worker starts one; the one that holds the account's lease works, the
others wait for it to fall free. Its loop alone touches the database and decides; requests run in pools of threads and
come back as outcomes. That makes one place where requests are counted, and no request ever waits for another.

Nothing is sent twice: a row is `submitting`, with this courier's fence, before its POST; whatever becomes of the
courier, no other one sends that row again. A row whose courier is gone is interrupted, because nobody knows.
"""

import base64
import binascii
import logging
import os
import queue
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import DatabaseError, InterfaceError, close_old_connections, connection, transaction
from django.db.models import Q
from django.utils import timezone

from gallery import upstream
from gallery.budget import Budget
from gallery.models import Generation, ImageModel, State, UpstreamAccount
from gallery.models.generation import (
    FETCH_ATTEMPTS,
    GAVE_UP,
    GENERATION_FAILED,
    LATE_RESULT_PATIENCE,
    PICTURE_UNAVAILABLE,
    POLLED,
)
from gallery.pool import DaemonPool

logger = logging.getLogger(__name__)

LEASE_SECONDS = 8.0
RENEW_SECONDS = 2.0
STEP_SECONDS = 0.05
# How often the database is asked for rows that this courier does not know of yet.
LOOK_AROUND_SECONDS = 2.0
# The vendor recommends a poll every 3 to 5 s.
POLL_SECONDS = 3.0
# How often a generation is asked about that nobody waits for any more.
LATE_POLL_SECONDS = 60.0
# Growing waits for what surely was not taken, and for polls that fail.
RETRY_WAITS = (2.0, 5.0, 15.0, 30.0, 60.0)
# After this many errors of the upstream's own in a row, the whole account waits.
TROUBLE_LIMIT = 5
TROUBLE_PAUSE_SECONDS = 20.0
# How long a refused account (wrong key, no balance) rests before one request asks again.
ACCOUNT_PAUSE_SECONDS = 30.0
RATE_LIMIT_SECONDS = 20.0
DRAIN_SECONDS = 10.0
# How long after delivery a mirror task may take to begin before another one is sent.
FETCH_BY = timedelta(seconds=60)


def wait_after(attempts: int) -> float:
    return RETRY_WAITS[min(attempts, len(RETRY_WAITS) - 1)]


@dataclass(slots=True)
class Watched:
    """A generation that the upstream has, as the loop remembers it; times are of the monotonic clock."""

    pk: int
    task_id: str
    poll_url: str
    due: float
    give_up_at: float
    state: str
    progress: int | None = None
    attempts: int = 0
    empty_answers: int = 0
    in_flight: bool = False
    ended: bool = False


@dataclass(slots=True)
class Outcome:
    """What came of one request; handled by the loop."""

    pk: int
    handle: Callable[["Outcome"], None]
    answer: upstream.Answer | None = None
    problem: upstream.UpstreamError | None = None
    results: list[dict[str, str]] = field(default_factory=list)


class Courier:
    """One contender for the lease; `run()` is the thread."""

    def __init__(
        self,
        client: upstream.Client,
        *,
        requests_per_minute: float,
        wake_mirror: Callable[[int], None],
        posts_at_once: int = 256,
        polls_at_once: int = 48,
    ) -> None:
        self.client = client
        self.budget = Budget(requests_per_minute)
        self.wake_mirror = wake_mirror
        self.holder = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"[:200]
        self.fence = 0
        self.stopping = threading.Event()
        self.stopped = threading.Event()
        self._wake = threading.Event()
        self._posts = DaemonPool(posts_at_once, "post")
        self._polls = DaemonPool(polls_at_once, "poll")
        self._outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
        self._unhandled: list[Outcome] = []
        self._posting: set[int] = set()
        self._watched: dict[int, Watched] = {}
        self._lease_until = 0.0
        self._renew_at = 0.0
        self._look_at = 0.0
        self._hold_until = 0.0
        self._paused = False
        self._probing = False
        self._trouble = 0

    # -- life

    def wake(self) -> None:
        """There is something new; do not wait for the next look."""
        self._wake.set()

    def stop(self, timeout: float = DRAIN_SECONDS + 2) -> None:
        """Send nothing more, wait for what is on its way as long as a stop may take, and let go of the lease."""
        self.stopping.set()
        self._wake.set()
        self.stopped.wait(timeout)

    def run(self) -> None:
        try:
            while not self.stopping.is_set():
                self._guarded(self._turn)
                self._wake.wait(STEP_SECONDS if self.fence else 1.0)
                self._wake.clear()
            self._drain()
        finally:
            self.stopped.set()
            connection.close()

    def _turn(self) -> None:
        if not self.fence and not self._contend():
            return
        if self._keep_lease():
            self.step()

    def _guarded(self, work: Callable[[], None]) -> None:
        """Run `work`; a database that is away for a while, or a bug in one row's handling, must not end the thread."""
        try:
            work()
        except (DatabaseError, InterfaceError) as problem:
            logger.warning("The courier waits for the database: %s", problem)
            connection.close()
            self.stopping.wait(1.0)
        except Exception:
            logger.exception("The courier stumbled; it goes on")
            self.stopping.wait(1.0)

    def _drain(self) -> None:
        give_up_at = time.monotonic() + DRAIN_SECONDS
        while self.fence and self._posting and time.monotonic() < give_up_at:
            self._guarded(self._drain_step)
            time.sleep(STEP_SECONDS)
        if self.fence:
            self._guarded(self._let_go)

    def _drain_step(self) -> None:
        self._keep_lease()
        self._handle_outcomes()

    def _let_go(self) -> None:
        self._handle_outcomes()
        if self._posting:
            # The process ends now, and with it the connections: nobody will ever know what came of these.
            for generation in Generation.objects.filter(pk__in=self._posting, fence=self.fence):
                generation.interrupt()
        UpstreamAccount.release_lease(self.holder, self.fence)
        self.fence = 0

    # -- the lease

    def _contend(self) -> bool:
        close_old_connections()
        asked_at = time.monotonic()
        fence = UpstreamAccount.take_lease(self.holder, LEASE_SECONDS)
        if fence is None:
            return False
        self.fence = fence
        self._lease_until = asked_at + LEASE_SECONDS
        self._renew_at = asked_at + RENEW_SECONDS
        self._look_at = 0.0
        self._watched.clear()
        self._take_over()
        return True

    def _take_over(self) -> None:
        """Whatever was being sent by a courier before this one has an unknown outcome."""
        for generation in Generation.objects.filter(state=State.SUBMITTING).exclude(fence=self.fence):
            generation.interrupt()

    def _keep_lease(self) -> bool:
        now = time.monotonic()
        if now >= self._renew_at:
            if not UpstreamAccount.renew_lease(self.holder, self.fence, LEASE_SECONDS):
                logger.warning("Another courier has taken over the account")
                self.fence = 0
                self._lease_until = 0.0
                self._watched.clear()
                return False
            self._lease_until = now + LEASE_SECONDS
            self._renew_at = now + RENEW_SECONDS
            close_old_connections()
        return now < self._lease_until

    def holds_lease(self) -> bool:
        """By this machine's own clock, with no question to the database; for the moment before money is spent."""
        return time.monotonic() < self._lease_until and not self.stopping.is_set()

    # -- one step of the loop

    def step(self) -> None:
        self._handle_outcomes()
        now = time.monotonic()
        if now >= self._look_at:
            self._look_at = now + LOOK_AROUND_SECONDS
            self._look_around()
        if now < self._hold_until:
            return
        if self._paused:
            self._probe()
            return
        self._submit(min(self.budget.available(), self._posts.free))
        self._poll_due(now)

    def _look_around(self) -> None:
        """Learn of rows that others made due, and send a mirror for deliveries whose message was lost."""
        account = UpstreamAccount.load()
        self._paused = account.is_paused
        self._hold_until = max(self._hold_until, time.monotonic() + account.seconds_paused) if self._paused else 0.0
        now = timezone.now()
        due = Generation.objects.filter(due_at__lte=now)
        polled = due.filter(state__in=POLLED).exclude(task_id="").exclude(pk__in=list(self._watched))
        for generation in polled.select_related("model").defer("prompt", "results"):
            self._watch(generation)
        for pk in list(due.filter(state=State.SAVING).values_list("pk", flat=True)[:200]):
            if due.filter(pk=pk, state=State.SAVING).update(due_at=now + FETCH_BY):
                self.wake_mirror(pk)
        overdue = now - LATE_RESULT_PATIENCE
        due.filter(state__in=(State.CANCELLED, State.FAILED)).filter(
            Q(task_id="") | Q(accepted_at__lt=overdue) | Q(accepted_at=None)
        ).update(due_at=None)

    def _watch(self, generation: Generation) -> None:
        waited = (timezone.now() - (generation.accepted_at or generation.created_at)).total_seconds()
        self._watched[generation.pk] = Watched(
            pk=generation.pk,
            task_id=generation.task_id,
            poll_url=generation.poll_url,
            due=time.monotonic(),
            give_up_at=time.monotonic() + generation.model.give_up_after - waited,
            state=generation.state,
            progress=generation.progress,
            ended=not generation.is_under_way,
        )

    # -- sending

    def _submit(self, limit: int) -> int:
        """Claim up to `limit` queued rows and hand them to the pool; return how many."""
        if limit <= 0 or not Generation.objects.filter(state=State.QUEUED).exists():
            return 0
        with transaction.atomic():
            chosen = Generation.objects.next_fairly(limit)
            now = timezone.now()
            claimed = [
                generation
                for generation in chosen
                if Generation.objects.filter(pk=generation.pk).move(
                    State.SUBMITTING, from_=[State.QUEUED], fence=self.fence, submitted_at=now, due_at=None
                )
            ]
        for generation in claimed:
            self._posting.add(generation.pk)
            self.budget.spend()
            self._posts.submit(self._post_job(generation))
        return len(claimed)

    def _post_job(self, generation: Generation) -> Callable[[], None]:
        submission = upstream.Submission(
            model=generation.model.slug,
            prompt=generation.prompt,
            count=generation.count,
            options=generation.options,
            user=generation.author.opaque_id.hex,
            response_format=generation.model.response_format,
        )
        pk = generation.pk

        def post() -> None:
            if not self.holds_lease():
                problem = upstream.NotSent("The studio was stopping, or too busy to be sure of its turn.")
                self._report(Outcome(pk, self._posted, problem=problem))
                return
            try:
                answer = self.client.create(submission)
            except upstream.UpstreamError as problem:
                self._report(Outcome(pk, self._posted, problem=problem))
                return
            except Exception:
                logger.exception("Sending generation %s failed in an unforeseen way", pk)
                unknown = upstream.OutcomeUnknown("The request ended in an unforeseen way.")
                self._report(Outcome(pk, self._posted, problem=unknown))
                return
            self._report(Outcome(pk, self._posted, answer=answer, results=keep_results(pk, answer)))

        return post

    def _report(self, outcome: Outcome) -> None:
        self._outcomes.put(outcome)
        self._wake.set()

    def _handle_outcomes(self) -> None:
        """Handle what came back. One whose handling fails stays: a paid result is not forgotten with an error."""
        while not self._outcomes.empty():
            self._unhandled.append(self._outcomes.get())
        while self._unhandled:
            outcome = self._unhandled[0]
            try:
                outcome.handle(outcome)
            except (DatabaseError, InterfaceError):
                raise
            except Exception:
                logger.exception("Could not handle the outcome of generation %s", outcome.pk)
            self._unhandled.pop(0)
            self._posting.discard(outcome.pk)

    def _posted(self, outcome: Outcome) -> None:
        generation = Generation.objects.select_related("model").get(pk=outcome.pk)
        if outcome.answer is None:
            assert outcome.problem is not None
            self._post_failed(generation, outcome.problem)
            return
        self._went_well()
        answer = outcome.answer
        if answer.status == upstream.Status.COMPLETED:
            self._deliver(generation, outcome.results)
        elif answer.status == upstream.Status.FAILED:
            fail_by_upstream(generation, answer)
        else:
            self._accepted(generation, answer.task_id, answer.poll_url, answer)

    def _accepted(
        self, generation: Generation, task_id: str, poll_url: str, answer: upstream.Answer | None = None
    ) -> None:
        accepted = generation.accept(
            task_id=task_id,
            poll_url=poll_url,
            processing=answer is not None and answer.status == upstream.Status.PROCESSING,
            progress=answer.progress if answer else None,
            due_at=timezone.now() + timedelta(seconds=POLL_SECONDS),
        )
        if accepted:
            generation.refresh_from_db()
            self._watch(generation)
            self._watched[generation.pk].due = time.monotonic() + POLL_SECONDS

    def _deliver(self, generation: Generation, results: list[dict[str, str]]) -> None:
        with transaction.atomic():
            if generation.deliver(results, fetch_by=timezone.now() + FETCH_BY):
                self.wake_mirror(generation.pk)

    def _post_failed(self, generation: Generation, problem: upstream.UpstreamError) -> None:
        later = timezone.now() + timedelta(seconds=wait_after(generation.attempts))
        match problem:
            case upstream.RateLimited():
                self._hold(problem, problem.retry_after or RATE_LIMIT_SECONDS)
                generation.put_back(fence=self.fence)
            case upstream.AccountProblem():
                self._hold(problem, ACCOUNT_PAUSE_SECONDS)
                generation.put_back(fence=self.fence)
            case upstream.Redirected():
                # The address in the settings is wrong for every request, so none of them is to blame.
                self._hold(problem, ACCOUNT_PAUSE_SECONDS)
                generation.put_back(fence=self.fence)
            case upstream.NoPicture():
                # It is ready and paid for; the task will tell where.
                self._accepted(generation, problem.task_id, problem.poll_url)
            case upstream.Refused() | upstream.TaskGone():
                self._went_well()
                fail_with(generation, problem, from_=[State.SUBMITTING])
            case _ if not problem.sent:
                if isinstance(problem, upstream.ServerTrouble):
                    self._had_trouble(problem)
                generation.put_back(due_at=later, fence=self.fence)
            case _:
                if isinstance(problem, upstream.ServerTrouble):
                    self._had_trouble(problem)
                with transaction.atomic():
                    Generation.objects.filter(pk=generation.pk, state=State.SUBMITTING).update(
                        error_code=problem.code[:100], error_message=problem.message, error_hint=problem.hint
                    )
                    generation.interrupt()

    # -- asking

    def _poll_due(self, now: float, limit: int | None = None) -> int:
        available = min(self.budget.available(), self._polls.free)
        if limit is not None:
            available = min(available, limit)
        due = sorted(
            (one for one in self._watched.values() if one.due <= now and not one.in_flight), key=lambda one: one.due
        )
        for watched in due[: max(0, available)]:
            watched.in_flight = True
            self.budget.spend()
            self._polls.submit(self._poll_job(watched))
        return min(len(due), max(0, available))

    def _poll_job(self, watched: Watched) -> Callable[[], None]:
        def poll() -> None:
            try:
                answer = self.client.status(watched.task_id, watched.poll_url)
            except upstream.UpstreamError as problem:
                self._report(Outcome(watched.pk, self._polled, problem=problem))
                return
            except Exception:
                logger.exception("Asking about generation %s failed in an unforeseen way", watched.pk)
                unknown = upstream.OutcomeUnknown("The question ended in an unforeseen way.")
                self._report(Outcome(watched.pk, self._polled, problem=unknown))
                return
            self._report(Outcome(watched.pk, self._polled, answer=answer, results=keep_results(watched.pk, answer)))

        return poll

    def _polled(self, outcome: Outcome) -> None:
        watched = self._watched.get(outcome.pk)
        if watched is None:
            return
        watched.in_flight = False
        if outcome.answer is None:
            assert outcome.problem is not None
            self._poll_failed(watched, outcome.problem)
            return
        self._went_well()
        watched.attempts = 0
        answer = outcome.answer
        if answer.status == upstream.Status.COMPLETED:
            del self._watched[watched.pk]
            self._deliver(Generation.objects.get(pk=watched.pk), outcome.results)
        elif answer.status == upstream.Status.FAILED:
            del self._watched[watched.pk]
            generation = Generation.objects.get(pk=watched.pk)
            if not fail_by_upstream(generation, answer):
                Generation.objects.filter(pk=watched.pk).update(due_at=None)
        else:
            self._still_working(watched, answer)

    def _still_working(self, watched: Watched, answer: upstream.Answer) -> None:
        state = State.PROCESSING if answer.status == upstream.Status.PROCESSING else State.PENDING
        if not watched.ended and (state != watched.state or answer.progress != watched.progress):
            changed = Generation(pk=watched.pk).note_progress(
                processing=state == State.PROCESSING, progress=answer.progress
            )
            watched.state, watched.progress = state, answer.progress
            watched.ended = not changed
        self._ask_later(watched)

    def _ask_later(self, watched: Watched, wait: float = POLL_SECONDS) -> None:
        now = time.monotonic()
        if not watched.ended and now >= watched.give_up_at:
            watched.ended = True
            Generation(pk=watched.pk).fail(
                GAVE_UP,
                "The studio gave up waiting for this one.",
                "If the picture arrives within a day, it is kept all the same.",
                due_at=timezone.now(),
                from_=[State.PENDING, State.PROCESSING],
            )
        if watched.ended:
            wait = max(wait, LATE_POLL_SECONDS)
            if now >= watched.give_up_at + LATE_RESULT_PATIENCE.total_seconds():
                del self._watched[watched.pk]
                return
        watched.due = now + wait

    def _poll_failed(self, watched: Watched, problem: upstream.UpstreamError) -> None:
        watched.attempts += 1
        wait = max(POLL_SECONDS, wait_after(watched.attempts - 1))
        match problem:
            case upstream.RateLimited():
                self._hold(problem, problem.retry_after or RATE_LIMIT_SECONDS)
                watched.due = self._hold_until
            case upstream.AccountProblem():
                self._hold(problem, ACCOUNT_PAUSE_SECONDS)
                watched.due = self._hold_until
            case upstream.TaskGone():
                self._went_well()
                self._end_in_vain(watched, problem.code, problem.message, problem.hint)
            case upstream.NoPicture():
                watched.empty_answers += 1
                if watched.empty_answers >= FETCH_ATTEMPTS:
                    message = "The upstream says that the picture is ready, but gives no address for it."
                    self._end_in_vain(watched, PICTURE_UNAVAILABLE, message, problem.hint)
                else:
                    self._ask_later(watched, wait_after(watched.empty_answers))
            case upstream.Refused() if watched.attempts >= FETCH_ATTEMPTS:
                self._end_in_vain(watched, problem.code, problem.message, problem.hint)
            case _:
                if isinstance(problem, upstream.ServerTrouble):
                    self._had_trouble(problem)
                self._ask_later(watched, wait)

    def _end_in_vain(self, watched: Watched, code: str, message: str, hint: str) -> None:
        self._watched.pop(watched.pk, None)
        if not Generation(pk=watched.pk).fail(code, message, hint, from_=[State.PENDING, State.PROCESSING]):
            Generation.objects.filter(pk=watched.pk, state__in=POLLED).update(due_at=None)

    # -- trouble of the whole account

    def _hold(self, problem: upstream.UpstreamError, seconds: float) -> None:
        """Hold all requests for so long; then one goes ahead and finds out."""
        self._hold_until = time.monotonic() + seconds
        self._paused = True
        self._probing = False
        UpstreamAccount.pause(
            problem.code, problem.message, problem.hint, seconds=seconds, balance_usd=problem.balance_usd
        )

    def _probe(self) -> None:
        if self._probing and (self._posting or any(one.in_flight for one in self._watched.values())):
            return
        self._probing = bool(self.budget.available()) and bool(
            self._submit(1) or self._poll_due(time.monotonic(), limit=1)
        )
        if not self._probing and not self._watched and not Generation.objects.filter(state=State.QUEUED).exists():
            # Nothing to ask with: let the next one find out.
            self._went_well()

    def _went_well(self) -> None:
        self._trouble = 0
        if self._paused:
            self._paused = self._probing = False
            self._hold_until = 0.0
            UpstreamAccount.resume()

    def _had_trouble(self, problem: upstream.ServerTrouble) -> None:
        self._trouble += 1
        if self._trouble >= TROUBLE_LIMIT:
            self._hold(problem, TROUBLE_PAUSE_SECONDS)


# -- what is said of an end


def fail_with(generation: Generation, problem: upstream.UpstreamError, from_: Iterable[State]) -> bool:
    instead = ImageModel.objects.on_offer().filter(slug__in=problem.suggestions).exclude(pk=generation.model_id)
    return generation.fail(problem.code, problem.message, problem.hint, suggested_model=instead.first(), from_=from_)


def fail_by_upstream(generation: Generation, answer: upstream.Answer) -> bool:
    message = answer.error or "The upstream could not make this picture and gave no reason."
    if answer.cancelled:
        message = answer.error or "The upstream cancelled this one."
    return generation.fail(GENERATION_FAILED, message, from_=[State.SUBMITTING, State.PENDING, State.PROCESSING])


# -- results that came inside the answer


def keep_results(pk: int, answer: upstream.Answer) -> list[dict[str, str]]:
    """What the row will say of each result. Pictures that came in the answer itself go into storage first.

    There is no second copy of those anywhere: while storage has no room, this waits, and with it only this thread.
    """
    results: list[dict[str, Any]] = []
    if answer.status != upstream.Status.COMPLETED:
        return results
    for index, result in enumerate(answer.results):
        kept = {"url": result.url, "revised_prompt": result.revised_prompt}
        if result.b64:
            try:
                kept["file"] = _store(f"inbox/{pk}-{index}-{uuid.uuid4().hex[:12]}", base64.b64decode(result.b64))
            except (binascii.Error, ValueError):
                logger.warning("Picture %s of generation %s is no valid base64", index, pk)
        results.append(kept)
    return results


def _store(name: str, data: bytes) -> str:
    while True:
        try:
            stored = default_storage.save(name, ContentFile(data))
            if default_storage.size(stored) == len(data):
                return stored
            default_storage.delete(stored)
        except OSError as problem:
            logger.error("No room for a picture that was paid for; trying again: %s", problem.strerror or problem)
        time.sleep(5)
