"""From `pending` to the results."""

import heapq
import logging
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from django.utils import timezone
from django.utils.translation import gettext_noop

from gallery import upstream
from gallery.engine import raw_answers
from gallery.engine.context import Context
from gallery.engine.inbox import mark_of
from gallery.engine.outcomes import Polled
from gallery.engine.poll_forecast import Forecasts
from gallery.engine.pool import DaemonPool
from gallery.engine.results import no_reason
from gallery.models import Generation, State
from gallery.models.states import FETCH_ATTEMPTS, GAVE_UP, GENERATION_FAILED, LATE_RESULT_PATIENCE, PICTURE_UNAVAILABLE

logger = logging.getLogger(__name__)

# The weight of a generation that has ended for its author, beside the rest, while the budget is short.
ENDED_COUNTS = 0.05
# How often an error under an unknown status must come in a row to be believed.
DOUBTS = 2
# Seconds after acceptance in which a task that the upstream does not know may still turn up, and how often it is asked.
YOUNG = 60.0
ASKED_AGAIN = 2


@dataclass(slots=True)
class Watched:
    """A generation that the upstream has, as the loop remembers it; times are of the monotonic clock."""

    pk: int
    mark: str
    model_id: int
    task_id: str
    poll_url: str
    begun: float
    due: float
    give_up_at: float
    state: str
    progress: int | None
    # It was cancelled or given up; only a late result is of interest.
    ended: bool
    attempts: int = 0
    empty_answers: int = 0
    in_flight: bool = False
    # How often in a row it may have failed, and how often the upstream did not know it.
    doubts: int = 0
    gone: int = 0
    # What the upstream said last, if that was not understood: shown when the studio gives up.
    last_said: str = ""
    # When an answer about it was asked for last (or it was accepted), and when last it surely was not ready.
    asked: float = 0.0
    unfinished: float | None = None


class Poller:
    """Asks about what the upstream has. Due times live in memory; only changes that a card shows are written."""

    def __init__(self, context: Context, *, at_once: int) -> None:
        self._client = context.client
        self._gate = context.gate
        self._outcomes = context.outcomes
        self._deliveries = context.deliveries
        self._timing = context.timing
        self._pool = DaemonPool(at_once, "poll")
        self._watched: dict[int, Watched] = {}
        self._forecasts = Forecasts()

    def __bool__(self) -> bool:
        return bool(self._watched)

    @property
    def is_asking(self) -> bool:
        return bool(self.asked_about)

    @property
    def asked_about(self) -> set[int]:
        """The generations about which an answer is on its way, or here and not dealt with."""
        return {one.pk for one in self._watched.values() if one.in_flight}

    def forget(self) -> None:
        """Another engine polls them from now on."""
        self._watched.clear()

    def look_around(self) -> None:
        """Learn of rows that an earlier engine left, or that became due."""
        Generation.objects.stop_looking_after(timezone.now() - LATE_RESULT_PATIENCE)
        for generation in Generation.objects.to_poll(timezone.now()).exclude(pk__in=list(self._watched)):
            self.watch(generation)
        self._forecasts.learn(one.model_id for one in self._watched.values())

    def watch(self, generation: Generation, wait: float = 0.0) -> None:
        waited = (timezone.now() - (generation.accepted_at or generation.created_at)).total_seconds()
        now = time.monotonic()
        self._watched[generation.pk] = Watched(
            pk=generation.pk,
            mark=mark_of(generation),
            model_id=generation.model_id,
            task_id=generation.task_id,
            poll_url=generation.poll_url,
            begun=now - max(0.0, waited),
            asked=now - max(0.0, waited),
            due=now + wait,
            give_up_at=now + generation.model.give_up_after - waited,
            state=generation.state,
            progress=generation.progress,
            ended=not generation.is_under_way,
        )

    def poll(self, limit: int | None = None) -> int:
        """Ask about those that are due, as far as budget and pool allow; return how many were asked about.

        If that is not all of them, ask where a result has likely been waiting for long.
        """
        room = min(self._gate.budget.available(), self._pool.free)
        room = max(0, room if limit is None else min(room, limit))
        now = time.monotonic()
        due = [one for one in self._watched.values() if one.due <= now and not one.in_flight]
        if len(due) > room:
            due = heapq.nlargest(room, due, key=partial(self._urgency, now))
        for watched in due:
            watched.in_flight = True
            self._gate.budget.spend()
            self._pool.submit(
                partial(self._outcomes.request, Polled(watched.pk, watched.mark), partial(self._ask, watched))
            )
        return len(due)

    def _urgency(self, now: float, watched: Watched) -> tuple[float, bool, float]:
        forecast = self._forecasts.of(watched.model_id)
        expected = forecast.wait_squared(watched.asked - watched.begun, now - watched.begun)
        return expected * (ENDED_COUNTS if watched.ended else 1), not watched.ended, -watched.due

    def _ask(self, watched: Watched) -> upstream.Answer:
        answer = self._client.status(watched.task_id, watched.poll_url)
        if answer.previews and time.monotonic() >= watched.give_up_at:
            return answer.settled()  # the studio stops waiting now, and a picture is there
        return answer

    def handle(self, outcome: Polled) -> None:
        watched = self._watched.get(outcome.pk)
        if _is_worth_keeping(watched, outcome):
            raw_answers.note(outcome, polled=True)
        self._judge(watched, outcome)
        if watched is not None:
            watched.in_flight = False

    def write_off(self, outcome: Polled) -> None:
        """Handling it failed. Its answer may be the same in a while; by then the cause may be gone."""
        if watched := self._watched.get(outcome.pk):
            self._ask_later(watched, self._timing.late_poll)
            watched.in_flight = False

    def _judge(self, watched: Watched | None, outcome: Polled) -> None:
        if outcome.answer is not None and outcome.answer.status == upstream.Status.COMPLETED:
            # Kept whether or not it is still watched.
            self._gate.went_well(outcome.asked_at)
            self._deliveries.deliver(
                Generation.objects.get(pk=outcome.pk), outcome.results, unfinished_at=_unfinished_at(watched)
            )
            self._watched.pop(outcome.pk, None)
        elif watched is None:
            return
        elif outcome.answer is not None:
            self._gate.went_well(outcome.asked_at)
            watched.attempts = 0
            watched.asked = watched.unfinished = outcome.asked_at
            self._answered(watched, outcome.answer)
        elif outcome.problem is not None:
            self._failed(watched, outcome.problem, outcome.asked_at)

    def _answered(self, watched: Watched, answer: upstream.Answer) -> None:
        if answer.status == upstream.Status.FAILED:
            self._end_in_vain(
                watched, answer.code or GENERATION_FAILED, answer.error or no_reason(answer), "", refunded=True
            )
            return
        watched.gone = 0
        # Twice in a row, an error under an unknown status is the end.
        watched.doubts = watched.doubts + 1 if answer.unsure and answer.error else 0
        watched.last_said = answer.word if answer.unsure else ""
        if watched.doubts >= DOUBTS:
            self._end_in_vain(watched, answer.code or GENERATION_FAILED, answer.error, "")
            return
        processing = answer.status == upstream.Status.PROCESSING
        state = State.PROCESSING if processing else State.PENDING
        if not watched.ended and (state != watched.state or answer.progress != watched.progress):
            # It may have been cancelled meanwhile; then nothing is changed.
            noted = Generation(pk=watched.pk).note_progress(processing=processing, progress=answer.progress)
            watched.state, watched.progress, watched.ended = state, answer.progress, not noted
        self._ask_later(watched, self._timing.poll_after(time.monotonic() - watched.begun))

    def _ask_later(self, watched: Watched, wait: float) -> None:
        now = time.monotonic()
        if not watched.ended and now >= watched.give_up_at:
            if self._deliveries.fetch_last_time(watched.pk):
                self._watched.pop(watched.pk, None)
                return
            Generation(pk=watched.pk).fail(
                GAVE_UP,
                _gave_up(watched.last_said),
                gettext_noop("If the picture arrives within a day, it is kept all the same."),
                due_at=timezone.now(),
                from_=[State.PENDING, State.PROCESSING],
            )
            watched.ended = True
        if not watched.ended:
            watched.due = now + wait
        elif now < watched.give_up_at + LATE_RESULT_PATIENCE.total_seconds():
            watched.due = now + max(wait, self._timing.late_poll)
        else:
            Generation(pk=watched.pk).expect_no_more()
            self._watched.pop(watched.pk, None)

    def _failed(self, watched: Watched, problem: upstream.UpstreamError, asked_at: float) -> None:
        if self._gate.went_wrong(problem, asked_at):
            watched.due = self._gate.hold_until
            return
        watched.attempts += 1
        if not isinstance(problem, upstream.TaskGone):
            watched.gone = 0
        if isinstance(problem, upstream.MalformedAnswer):
            watched.last_said = problem.message
        match problem:
            case upstream.TaskGone() if self._is_too_early(watched, asked_at):
                watched.gone += 1
                self._ask_later(watched, self._timing.poll)
            case upstream.TaskGone():
                self._end_in_vain(watched, problem.code, problem.message, problem.hint)
            case upstream.NoPicture():
                watched.empty_answers += 1
                if watched.empty_answers < FETCH_ATTEMPTS:
                    self._ask_later(watched, self._timing.after(watched.empty_answers))
                else:
                    message = gettext_noop("The upstream says that the picture is ready, but gives no address for it.")
                    if problem.reason:
                        message = gettext_noop(
                            "The upstream says that the picture is ready, but gives no address for it. It also says: "
                            "%(said)s"
                        ) % {"said": problem.reason}
                    self._end_in_vain(watched, PICTURE_UNAVAILABLE, message, problem.hint)
            case upstream.Refused() if watched.attempts >= FETCH_ATTEMPTS:
                # The question was refused, not the task: what becomes of that is unknown.
                self._end_in_vain(watched, GAVE_UP, problem.message, problem.hint)
            case _:
                self._ask_later(watched, max(self._timing.poll, self._timing.after(watched.attempts - 1)))

    @staticmethod
    def _is_too_early(watched: Watched, asked_at: float) -> bool:
        """Some services do not know a task yet that they have just accepted: ask twice more before it is lost."""
        return watched.gone < ASKED_AGAIN and asked_at - watched.begun < YOUNG

    def _end_in_vain(self, watched: Watched, code: str, message: str, hint: str, *, refunded: bool = False) -> None:
        self._watched.pop(watched.pk, None)
        if self._deliveries.fetch_last_time(watched.pk):
            return
        generation = Generation(pk=watched.pk)
        if not generation.fail(code, message, hint, from_=[State.PENDING, State.PROCESSING]):
            generation.expect_no_more(refunded=refunded)


def _is_worth_keeping(watched: Watched | None, outcome: Polled) -> bool:
    """An answer about a task that says its end, or one that was not understood, once. Thousands say: under way."""
    answer, problem, last_said = outcome.answer, outcome.problem, watched.last_said if watched else ""
    if answer is not None:
        is_end = answer.status in (upstream.Status.COMPLETED, upstream.Status.FAILED)
        return is_end or (answer.unsure and (answer.word != last_said or bool(answer.error)))
    return isinstance(problem, upstream.MalformedAnswer) and problem.message != last_said


def _gave_up(last_said: str) -> str:
    if not last_said:
        return gettext_noop("The studio gave up waiting for this one.")
    return gettext_noop("The studio gave up waiting for this one. The service’s last word was “%(said)s”.") % {
        "said": last_said[:200]
    }


def _unfinished_at(watched: Watched | None) -> datetime | None:
    """When the upstream last said that it was not ready, by the wall clock."""
    if watched is None or watched.unfinished is None:
        return None
    return timezone.now() - timedelta(seconds=time.monotonic() - watched.unfinished)
