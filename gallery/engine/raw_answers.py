"""What the upstream said, kept beside the row: ids for its support, counts for the bill, the answer itself.

The answer is kept until its pictures are safe, so that it can be read again by a better reader.
"""

import json
import logging
from datetime import timedelta

from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError
from django.utils import timezone

from gallery import upstream
from gallery.engine.outcomes import Outcome
from gallery.engine.results import Deliveries, Results, results_left_behind
from gallery.models import Generation, RawAnswer, State
from gallery.models.raw_answer import KEPT_OF_EACH
from gallery.models.states import ENDED_IN_VAIN

logger = logging.getLogger(__name__)

# How long the ingest may take to begin.
FETCH_BY = timedelta(minutes=1)


def note(outcome: Outcome, *, polled: bool = False) -> None:
    """Keep what came with an answer, before anything is made of it: the studio may end in between.

    Raises only what says that the database is away; nothing else may hold up a result.
    """
    said = outcome.answer or outcome.problem
    if said is None:
        return
    try:
        _note(outcome.pk, said, polled)
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        logger.exception("Could not keep what came with the answer about generation %s", outcome.pk)


def _note(pk: int, said: upstream.Answer | upstream.UpstreamError, polled: bool) -> None:
    details = {**({"code": said.given_code} if said.given_code else {}), **said.advice}
    changes = {"upstream_ids": dict(said.ids), "usage": dict(said.usage), "error_details": details}
    earlier = Generation.objects.filter(pk=pk).values(*changes).first()
    if earlier is None:
        return
    merged = {name: earlier[name] | value for name, value in changes.items()}
    if merged != earlier:
        Generation.objects.filter(pk=pk).update(**merged)
    if said.raw is not None and (isinstance(said, upstream.Answer) or said.sent):
        raw = said.raw
        RawAnswer.objects.create(
            generation_id=pk, is_poll=polled, status=raw.status, headers=dict(raw.headers), body=raw.body
        )
        if polled:
            _trim(pk)


def _trim(pk: int) -> None:
    """Of many answers about one generation the first and the latest are kept."""
    kept = list(RawAnswer.objects.filter(generation=pk).order_by("pk").values_list("pk", flat=True))
    if len(kept) > KEPT_OF_EACH:
        RawAnswer.objects.filter(pk__in=kept[1 : len(kept) - KEPT_OF_EACH + 1]).delete()


def reread(generation: Generation, deliveries: Deliveries) -> str:
    """Read its kept answers once more, the latest first; return what came of it in words.

    Nothing is sent. Pictures that lie in the inbox, addresses and task ids that are understood now are taken up.
    """
    if generation.state not in ENDED_IN_VAIN:
        return "is under way or has its pictures; nothing was read"
    if left := results_left_behind(generation):
        deliveries.deliver(generation, left)
        return "has pictures in the inbox; they are being stored"
    answers = list(generation.raw_answers.order_by("-pk"))
    if not answers:
        return "has no answer that was kept"
    said = ""
    for raw in answers:
        answer, problem = _read(generation, raw)
        if answer is None:
            said = said or problem
        elif answer.results:
            deliveries.deliver(generation, _results(answer))
            return f"has {len(answer.results)} in its answer; being fetched"
        elif answer.task_id and not generation.task_id and generation.state == State.INTERRUPTED:
            generation.accept(
                task_id=answer.task_id, poll_url=answer.poll_url, processing=False, progress=None, due_at=timezone.now()
            )
            return "has a task in its answer; the upstream is being asked about it"
        elif answer.error:
            said = said or f"failed, its answer says: {answer.error}"
    return said or "has nothing new in its answer"


def _read(generation: Generation, raw: RawAnswer) -> tuple[upstream.Answer | None, str]:
    try:
        document = json.loads(raw.body)
    except ValueError:
        return None, f"was answered with no JSON (HTTP {raw.status})"
    if not 200 <= raw.status < 300:
        return None, f"was answered with HTTP {raw.status}"
    try:
        answer = upstream.read_answer(
            document,
            polling=raw.is_poll,
            origin=upstream.split_origin(settings.LEMONDATA_BASE_URL),
            base=settings.LEMONDATA_BASE_URL,
            task_id=generation.task_id if raw.is_poll else "",
            headers=raw.headers,
        )
    except upstream.UpstreamError as problem:
        return None, f"cannot be read: {problem.message}"
    if not answer.results and answer.previews:
        # It has ended here: what the answer shows is what there is.
        answer = answer.settled()
    return answer, ""


def _results(answer: upstream.Answer) -> Results:
    return [{"url": one.url, "revised_prompt": one.revised_prompt} for one in answer.results]


def forget(pk: int) -> None:
    """Its pictures are safe."""
    try:
        RawAnswer.objects.filter(generation=pk).delete()
    except (OperationalError, InterfaceError):
        raise
    except DatabaseError:
        logger.exception("Could not delete the raw answers about generation %s", pk)
