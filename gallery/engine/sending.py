"""From `queued` to what came of the POST."""

import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from functools import partial
from typing import IO, cast

from django.core.exceptions import SuspiciousFileOperation
from django.core.files.storage import default_storage
from django.db import InterfaceError, OperationalError, transaction
from django.utils import timezone

from gallery import upstream
from gallery.engine.gate import Gate
from gallery.engine.outcomes import Outcome, Outcomes
from gallery.engine.polling import Poller
from gallery.engine.pool import DaemonPool
from gallery.engine.results import Deliveries, fail_by_upstream, results_left_behind
from gallery.engine.timing import Timing
from gallery.models import Generation, ImageModel, Operation, State
from gallery.models.generation import SOURCE_GONE
from gallery.models.states import PICTURE_UNAVAILABLE

logger = logging.getLogger(__name__)

# Requests with pictures that are on their way at once: each keeps its files open until it is answered.
FILES_AT_ONCE = 48


class FileGone(upstream.NotSent):
    """What was to go along is not in storage any more: surely not sent, and no other try would help."""

    usual = (SOURCE_GONE, False, False)


class TooManyPictures(upstream.Refused):
    """The model takes fewer pictures than it did when the request was made: nothing was sent."""

    usual = ("too_many_images", False, False)


def _open(name: str, files: ExitStack) -> upstream.Attachment:
    """A file that goes along, open until `files` is closed. Raises FileGone, and NotSent while storage is in trouble.

    Its first bytes are read here: a storage that fetches the file from elsewhere does so before anything is sent.
    """
    try:
        file = files.enter_context(default_storage.open(name))
        attachment = upstream.Attachment(cast("IO[bytes]", file), file.size)
        attachment.head()
        return attachment
    except (FileNotFoundError, SuspiciousFileOperation):
        raise FileGone(
            "The picture that was to go along with it is not in the studio any more, so nothing was sent.",
            hint="Choose the picture again, and start once more.",
        ) from None
    except Exception:
        # Whatever it is (storages raise what they like): nothing was sent.
        logger.exception("Could not read %s; it is tried again", name)
        raise upstream.NotSent("The studio could not read the picture just now.", code="storage_trouble") from None


def _suggested(generation: Generation, slugs: Sequence[str]) -> ImageModel | None:
    """The first on offer of the models that the upstream names instead, if it can do what was asked for."""
    others = ImageModel.objects.on_offer().exclude(pk=generation.model_id).filter(slug__in=slugs)
    if generation.kind == Generation.Kind.EDIT:
        others = others.filter(can_edit=True)
    elif generation.kind == Generation.Kind.VARIATION:
        others = others.filter(can_vary=True)
    else:
        others = others.filter(can_generate=True)
    is_bare = generation.kind == Generation.Kind.CREATE
    return next((one for one in others if is_bare or one.takes_pictures_of(generation.model)), None)


class Sender:
    """Claims queued rows fairly between people and POSTs them; `on_its_way` are those of unknown outcome."""

    def __init__(
        self,
        client: upstream.Client,
        *,
        gate: Gate,
        outcomes: Outcomes,
        deliveries: Deliveries,
        poller: Poller,
        timing: Timing,
        may_send: Callable[[], bool],
        at_once: int,
    ) -> None:
        self.on_its_way: set[int] = set()
        # Whether more is queued than the request budget lets go: nothing is left for polls then.
        self.needs_budget = False
        self._client = client
        self._gate = gate
        self._outcomes = outcomes
        self._deliveries = deliveries
        self._poller = poller
        self._timing = timing
        self._may_send = may_send
        self._pool = DaemonPool(at_once, "post")
        # However much one person has asked for, others find a thread.
        self._most_each = max(1, at_once * 7 // 8)
        self._files = threading.BoundedSemaphore(FILES_AT_ONCE)

    def send(self, fence: int, limit: int | None = None) -> int:
        """Claim and send what budget and pool allow, `limit` at the most; return how many were sent."""
        budget = self._gate.budget.available()
        room = min(budget, self._pool.free)
        room = room if limit is None else min(room, limit)
        self.needs_budget = False
        if room <= 0 or not Generation.objects.filter(state=State.QUEUED).exists():
            return 0
        # Committed before the first byte goes out: from here on, nobody else sends these.
        with transaction.atomic():
            queued = Generation.objects.next_fairly(room, sending_each=self._most_each)
            claimed = [one for one in queued if one.claim(fence)]
        self.needs_budget = len(queued) == budget
        for generation in claimed:
            self.on_its_way.add(generation.pk)
            try:
                self._pool.submit(
                    self._outcomes.job(generation.pk, self._post(generation), partial(self._posted, fence))
                )
            except RuntimeError:
                # The machine gives us no thread, not even one.
                self.on_its_way.discard(generation.pk)
                generation.put_back()
            else:
                self._gate.budget.spend()
        return len(claimed)

    def interrupt_strays(self) -> None:
        """What is being sent, but not by this engine, belongs to one that is gone: its outcome is unknown.

        Unless it left pictures behind that came inside an answer: those are its outcome.
        """
        strays = Generation.objects.filter(state=State.SUBMITTING).exclude(pk__in=list(self.on_its_way))
        for generation in strays:
            if left := results_left_behind(generation.pk):
                self._deliveries.deliver(generation, left)
            else:
                generation.interrupt()

    def _post(self, generation: Generation) -> Callable[[], upstream.Answer]:
        submission = upstream.Submission(
            model=generation.model.slug,
            prompt=generation.prompt,
            count=generation.count,
            options=generation.options_for_upstream,
            user=generation.author.opaque_id.hex,
            response_format=generation.model.response_format,
        )

        def post() -> upstream.Answer:
            if generation.operation == Operation.GENERATE:
                self._check_turn()
                return self._client.create(submission)
            while not self._files.acquire(timeout=1.0):
                self._check_turn()
            try:
                with ExitStack() as files:
                    images = [_open(name, files) for name in generation.files_to_send]
                    mask = _open(generation.mask_file, files) if generation.mask_file else None
                    self._check_turn()
                    return self._send_along(generation, submission, images, mask)
            finally:
                self._files.release()

        return post

    def _send_along(
        self,
        generation: Generation,
        submission: upstream.Submission,
        images: Sequence[upstream.Attachment],
        mask: upstream.Attachment | None,
    ) -> upstream.Answer:
        """By the route that the model has for this operation."""
        route = generation.model.route(generation.operation)
        if route is None or len(images) > route.references:
            raise TooManyPictures(
                f"{generation.model} does not take {len(images)} picture{'s' if len(images) > 1 else ''} along, so nothing "
                "was sent.",
                hint="Choose another model, or fewer pictures.",
            )
        if generation.operation == Operation.VARY:
            return self._client.vary(submission, images[0])
        return self._client.send(
            submission,
            images,
            mask if route.mask else None,
            endpoint=route.endpoint,
            image_field=route.image,
            images_field=route.images,
            fields=route.fields,
        )

    def _check_turn(self) -> None:
        """At the last moment before money is spent."""
        if not self._may_send():
            raise upstream.NotSent("The studio was stopping, or not sure that it was still its turn.")

    def _posted(self, fence: int, outcome: Outcome) -> None:
        """`fence`: of the claim. While this waited for the database, another engine may have claimed it, too."""
        generation = Generation(pk=outcome.pk)
        try:
            generation = Generation.objects.select_related("model").get(pk=outcome.pk)
            if outcome.answer is not None:
                self._gate.went_well(outcome.asked_at)
                self._answered(generation, outcome.answer, outcome)
            elif outcome.problem is not None:
                self._failed(generation, outcome.problem, outcome.asked_at, is_ours=generation.fence == fence)
        except (OperationalError, InterfaceError):
            raise  # comes back when the database does
        except Exception:
            logger.exception("Could not make sense of what came of generation %s", generation.pk)
            if outcome.results:
                # Paid for, and known where: “Fetch again” is left.
                Generation.objects.filter(pk=outcome.pk).update(results=outcome.results)
                generation.fail(PICTURE_UNAVAILABLE, "The studio stumbled over the answer.")
            else:
                generation.interrupt()
        self.on_its_way.discard(outcome.pk)

    def _answered(self, generation: Generation, answer: upstream.Answer, outcome: Outcome) -> None:
        if answer.status == upstream.Status.COMPLETED:
            self._deliveries.deliver(generation, outcome.results)
        elif answer.status == upstream.Status.FAILED:
            if not fail_by_upstream(generation, answer):
                generation.expect_no_more(refunded=True)
        else:
            self._accepted(
                generation,
                answer.task_id,
                answer.poll_url,
                processing=answer.status == upstream.Status.PROCESSING,
                progress=answer.progress,
            )

    def _accepted(
        self, generation: Generation, task_id: str, poll_url: str, processing: bool = False, progress: int | None = None
    ) -> None:
        if generation.accept(
            task_id=task_id,
            poll_url=poll_url,
            processing=processing,
            progress=progress,
            due_at=timezone.now() + timedelta(seconds=self._timing.poll),
        ):
            generation.refresh_from_db()
            self._poller.watch(generation, wait=self._timing.poll)

    def _failed(
        self, generation: Generation, problem: upstream.UpstreamError, asked_at: float, *, is_ours: bool
    ) -> None:
        if self._gate.went_wrong(problem, asked_at):
            if is_ours:
                self._not_taken(generation)
        elif isinstance(problem, upstream.NoPicture):
            # It is ready and paid for; the task will tell where.
            self._accepted(generation, problem.task_id, problem.poll_url)
        elif isinstance(problem, upstream.Refused | upstream.TaskGone | FileGone):
            if not generation.fail(
                problem.code,
                problem.message,
                problem.hint,
                suggested_model=_suggested(generation, problem.suggestions),
                from_=[State.SUBMITTING],
            ):
                generation.expect_no_more(refunded=True)
        elif not problem.sent:
            if not is_ours:
                return
            self._not_taken(generation, timezone.now() + timedelta(seconds=self._timing.after(generation.attempts)))
        else:
            generation.interrupt(problem.code, problem.message, problem.hint)

    @staticmethod
    def _not_taken(generation: Generation, due_at: datetime | None = None) -> None:
        """The request was surely not taken; somebody may have cancelled it meanwhile."""
        if not generation.put_back(due_at):
            generation.expect_no_more(refunded=True)
