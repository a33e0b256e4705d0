"""From `queued` to what came of the POST."""

import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from functools import partial
from typing import IO, Any, cast

from django.core.exceptions import SuspiciousFileOperation
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_noop

from gallery import upstream
from gallery.engine import raw_answers
from gallery.engine.context import Context
from gallery.engine.gate import is_too_dear
from gallery.engine.holds import GOES_ON, Scope
from gallery.engine.inbox import mark_of
from gallery.engine.outcomes import Posted
from gallery.engine.permits import Permits, check_lease
from gallery.engine.polling import Poller
from gallery.engine.pool import DaemonPool
from gallery.engine.results import fail_by_upstream, results_left_behind
from gallery.engine.storage_watch import Listing, StorageWatch
from gallery.models import Generation, ImageModel, Operation, Reference, State
from gallery.models.generation_queryset import LONGEST_WAIT
from gallery.models.prompts import with_references_in_words
from gallery.models.routes import Route
from gallery.models.sentences import THIS_IS_TURNED_AWAY
from gallery.models.states import PICTURE_UNAVAILABLE, SOURCE_GONE
from gallery.services import lending
from lemonstudio.storage import StorageError

logger = logging.getLogger(__name__)

# Requests with pictures that are on their way at once: each keeps its files open until it is answered.
FILES_AT_ONCE = 48


class FileGone(upstream.NotSent):
    """The file to send is missing in storage: surely not sent, and another try would not help."""

    usual = (SOURCE_GONE, False, False)


class TooManyPictures(upstream.Refused):
    """The model takes fewer pictures than it did when the request was made: nothing was sent."""

    usual = ("too_many_images", False, False)


def _open(name: str, files: ExitStack, storage: StorageWatch) -> upstream.Attachment:
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
            gettext_noop("The picture for this edit is missing in the studio, so nothing was sent."),
            hint=gettext_noop("Choose the picture again and start over."),
        ) from None
    except StorageError as problem:
        storage.note(problem)
        raise upstream.NotSent(
            gettext_noop("The studio could not read the picture just now."), code="storage_trouble"
        ) from None
    except Exception:
        # In any case nothing was sent.
        logger.exception("Could not read %s; it is tried again", name)
        raise upstream.NotSent(
            gettext_noop("The studio could not read the picture just now."), code="storage_trouble"
        ) from None


def _prompt(generation: Generation) -> str:
    """As models understand it, where it names reference pictures."""
    is_naming = generation.operation == Operation.REFERENCES
    return with_references_in_words(generation.prompt) if is_naming else generation.prompt


def _submission(generation: Generation) -> upstream.Submission:
    return upstream.Submission(
        model=generation.model.slug,
        prompt=_prompt(generation),
        count=generation.count,
        options=generation.options_for_upstream,
        user=generation.author.opaque_id.hex,
        response_format=generation.model.response_format,
    )


def _is_final(problem: upstream.UpstreamError) -> bool:
    """Surely not taken, and the same request would meet the same again."""
    return isinstance(problem, upstream.Refused | upstream.TaskGone) or not (problem.sent or problem.retryable)


def _too_dear(problem: upstream.UpstreamError) -> dict[str, str]:
    return {
        "error_code": problem.code[:100],
        "error_message": gettext_noop("This costs about $%(cost)s, and the account’s balance is $%(balance)s.")
        % {"cost": f"{problem.estimated_cost_usd:.2f}", "balance": f"{problem.balance_usd:.2f}"},
        "error_hint": gettext_noop("It is sent as soon as the balance is high enough. Cheaper requests go on."),
    }


def _suggested(generation: Generation, slugs: Sequence[str]) -> ImageModel | None:
    """The first model on offer that the upstream names instead and that can do what was asked for."""
    others = ImageModel.objects.on_offer().exclude(pk=generation.model_id).filter(slug__in=slugs)
    if generation.kind == Generation.Kind.EDIT:
        others = others.filter(can_edit=True)
    elif generation.kind == Generation.Kind.VARIATION:
        others = others.filter(can_vary=True)
    else:
        others = others.filter(can_generate=True)
    if generation.operation == Operation.REFERENCES:
        pictures = len(generation.files_to_send)
        return next((one for one in others if one.most_references >= pictures), None)
    is_bare = generation.kind == Generation.Kind.CREATE
    return next((one for one in others if is_bare or one.takes_pictures_of(generation.model)), None)


class Sender:
    """Claims queued rows fairly between people and POSTs them; `on_its_way` are those of unknown outcome."""

    def __init__(self, context: Context, poller: Poller, *, may_send: Callable[[], bool], at_once: int) -> None:
        self.on_its_way: set[int] = set()
        self._probing = 0
        # More is queued than the request budget allows, so nothing is left for polls.
        self.needs_budget = False
        self._client = context.client
        self._gate = context.gate
        self._outcomes = context.outcomes
        self._deliveries = context.deliveries
        self._timing = context.timing
        self._storage = context.storage
        self._poller = poller
        self._may_send = may_send
        self.permits = Permits(may_send, wake=self._outcomes.arrived.set, note_mark=self._storage.note_mark)
        self._pool = DaemonPool(at_once, "post")
        # One person's requests leave some threads for others.
        self._most_each = max(1, at_once * 7 // 8)
        self._files = threading.BoundedSemaphore(FILES_AT_ONCE)

    def send(self, fence: int) -> int:
        """Claim and send what budget and pool allow; return how many were sent."""
        budget = self._gate.budget.available()
        room = min(budget, self._pool.free, self._storage.room_for(len(self.on_its_way)))
        self.needs_budget = False
        if room <= 0 or not Generation.objects.filter(state=State.QUEUED).exists():
            return 0
        # From here on, no other engine sends these while this one lives.
        with transaction.atomic():
            without = self._gate.holds.blocked(self.on_its_way)
            queued = Generation.objects.next_fairly(room, self._most_each, without)
            claimed = [one for one in queued if self._claim(one, fence)]
        self.needs_budget = len(queued) == budget
        for generation in claimed:
            self._start(generation)
        return len(claimed)

    def probe(self, fence: int, *, refused_before: datetime | None = None) -> bool:
        """Send the one that tells best whether a pause is over; tell whether there was one.

        With `refused_before`, one that was last refused before this moment, or never.
        """
        has_room = self._storage.room_for(len(self.on_its_way)) > 0
        if self._gate.budget.available() < 1 or not self._pool.free or not has_room:
            return False
        without = self._gate.holds.blocked(self.on_its_way)
        if refused_before is not None:
            without |= Q(refused_at__gte=refused_before)
        with transaction.atomic():
            generation = Generation.objects.next_to_probe(without)
            if generation is None or not self._claim(generation, fence):
                return False
        self._start(generation)
        self._probing = generation.pk
        return True

    @property
    def is_probing(self) -> bool:
        return self._probing in self.on_its_way

    def _claim(self, generation: Generation, fence: int) -> bool:
        holds = self._gate.holds
        # Of the same hold, one that was claimed a moment ago is not on its way yet.
        if not holds.may_try(generation, self.on_its_way) or not generation.claim(fence):
            return False
        self.on_its_way.add(generation.pk)
        holds.note_sent(generation)
        return True

    def _start(self, generation: Generation) -> None:
        outcome = Posted(generation.pk, mark_of(generation), fence=generation.fence)
        gone = Reference.gone_from(generation) if generation.operation == Operation.REFERENCES else []
        post = partial(self._post, generation, _submission(generation), gone)
        try:
            self._pool.submit(partial(self._outcomes.request, outcome, post))
        except RuntimeError:
            # The machine gives not even one thread.
            self.on_its_way.discard(generation.pk)
            generation.put_back()
        else:
            self._gate.budget.spend()

    def strays(self) -> set[int]:
        """Rows that another engine was sending, which is gone: their outcome is unknown."""
        sending = Generation.objects.filter(state=State.SUBMITTING).values_list("pk", flat=True)
        return set(sending) - self.on_its_way

    def interrupt_strays(self, listing: Listing) -> None:
        """Interrupt the strays that were looked for in the inbox.

        If their engine left pictures behind that came inside an answer, those are the outcome.
        """
        strays = self.strays() & listing.about
        for generation in Generation.objects.filter(state=State.SUBMITTING, pk__in=strays) if strays else ():
            if left := results_left_behind(generation, listing.inbox):
                self._deliveries.deliver(generation, left)
            elif not generation.put_back_unsent():
                generation.interrupt()

    def let_go(self, fence: int) -> None:
        """This process ends now, and its connections with it. Nothing more is begun.

        What never reached the socket waits for the next engine; the outcome of the others stays unknown.
        """
        for generation in Generation.objects.filter(pk__in=self.on_its_way, fence=fence):
            if not generation.put_back_unsent():
                generation.interrupt()

    def _post(self, generation: Generation, submission: upstream.Submission, gone: Sequence[int]) -> upstream.Answer:
        """In a pool's thread. `gone` are the places of reference pictures that were deleted meanwhile."""
        if gone:
            text = (
                gettext_noop("%(places)s was deleted while this waited, so nothing was sent.")
                if len(gone) == 1
                else gettext_noop("%(places)s were deleted while this waited, so nothing was sent.")
            )
            raise FileGone(
                text % {"places": ", ".join(f"@{place}" for place in gone)},
                hint=gettext_noop("Restore the picture from the trash, or choose others, and start over."),
            )
        if generation.operation == Operation.GENERATE:
            self.permits.wait_for(generation)
            return self._client.create(submission)
        while not self._files.acquire(timeout=1.0):
            check_lease(self._may_send)
        try:
            return self._post_files(generation, submission)
        finally:
            self._files.release()

    def _post_files(self, generation: Generation, submission: upstream.Submission) -> upstream.Answer:
        """By the route that the model has for this operation."""
        names = generation.files_to_send
        route = generation.model.route(generation.operation)
        if route is None or len(names) > lending.most_pictures(route):
            text = (
                gettext_noop("%(model)s does not take a picture along, so nothing was sent.")
                if len(names) == 1
                else gettext_noop("%(model)s does not take %(count)s pictures along, so nothing was sent.")
            )
            raise TooManyPictures(
                text % {"model": generation.model, "count": len(names)},
                hint=gettext_noop("Choose another model, or fewer pictures."),
            )
        if len(names) > route.references:
            return self._lend(generation, submission, route)
        with ExitStack() as files:
            images = [_open(name, files, self._storage) for name in names]
            is_masked = route.mask and generation.mask_file
            mask = _open(generation.mask_file, files, self._storage) if is_masked else None
            self.permits.wait_for(generation)
            if generation.operation == Operation.VARY:
                return self._client.vary(submission, images[0])
            return self._client.send(
                submission,
                images,
                mask,
                endpoint=route.endpoint,
                image_field=route.image,
                images_field=route.images,
                fields=route.fields,
            )

    def _lend(self, generation: Generation, submission: upstream.Submission, route: Route) -> upstream.Answer:
        """The pictures by addresses, from which the upstream fetches them."""
        with ExitStack() as files:
            for name in generation.files_to_send:
                _open(name, files, self._storage)
        addresses = [lending.address_of(name) for name in generation.files_to_send]
        self.permits.wait_for(generation)
        return self._client.lend(
            submission,
            addresses,
            endpoint=route.endpoint,
            image_field=route.lent_image,
            images_field=route.lent_images,
            fields=route.fields,
        )

    def handle(self, outcome: Posted) -> None:
        raw_answers.note(outcome)
        generation = Generation.objects.select_related("model").get(pk=outcome.pk)
        if outcome.answer is not None:
            self._gate.was_taken(generation, outcome.asked_at)
            self._answered(generation, outcome.answer, outcome)
        elif outcome.problem is not None:
            self._failed(generation, outcome.problem, outcome)
        self.on_its_way.discard(outcome.pk)

    def write_off(self, outcome: Posted) -> None:
        """Handling it failed. What was paid for stays known."""
        generation = Generation(pk=outcome.pk)
        if outcome.results:
            # “Fetch again” is left.
            Generation.objects.filter(pk=outcome.pk).update(results=outcome.results)
            generation.fail(PICTURE_UNAVAILABLE, gettext_noop("The studio could not process the answer."))
        else:
            generation.interrupt()
        self.on_its_way.discard(outcome.pk)

    def _answered(self, generation: Generation, answer: upstream.Answer, outcome: Posted) -> None:
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

    def _failed(self, generation: Generation, problem: upstream.UpstreamError, outcome: Posted) -> None:
        # While this waited for the database, another engine may have claimed the row, too.
        is_ours = generation.fence == outcome.fence
        if isinstance(problem, upstream.RateLimited | upstream.AccountProblem):
            self._turned_away(generation, problem, outcome.asked_at, is_ours=is_ours)
        elif self._gate.went_wrong(problem, outcome.asked_at):
            if is_ours:
                self._not_taken(generation)
        elif isinstance(problem, upstream.NoPicture):
            # It is ready and paid for; polling the task tells where the picture is.
            self._accepted(generation, problem.task_id, problem.poll_url)
        elif _is_final(problem):
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

    def _turned_away(
        self, generation: Generation, problem: upstream.UpstreamError, asked_at: float, *, is_ours: bool
    ) -> None:
        """By a limit, or for money: it waits, alone or with those that meet the same."""
        scope = self._gate.was_turned_away(generation, problem, asked_at)
        if not is_ours:
            return
        due_at = None
        reason: dict[str, Any] = {"refused_at": timezone.now()}
        if is_too_dear(problem):
            reason |= _too_dear(problem) | {"suggested_model": _suggested(generation, problem.suggestions)}
        elif scope is Scope.REQUEST:
            wait = problem.retry_after or self._timing.hold_for(generation.attempts)
            due_at = timezone.now() + min(timedelta(seconds=wait), LONGEST_WAIT)
            reason |= {
                "error_code": problem.code[:100],
                "error_message": THIS_IS_TURNED_AWAY % {"said": problem.message},
                "error_hint": GOES_ON,
            }
        self._not_taken(generation, due_at, **reason)

    @staticmethod
    def _not_taken(generation: Generation, due_at: datetime | None = None, **reason: Any) -> None:
        """The request was surely not taken; a person may have cancelled it meanwhile."""
        if not (generation.put_back(due_at, **reason) or generation.take_back(due_at, **reason)):
            generation.expect_no_more(refunded=True)
