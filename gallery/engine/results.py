"""What was paid for is kept at once."""

import logging
import time
from collections.abc import Callable, Container, Iterable
from datetime import datetime, timedelta
from itertools import zip_longest

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext_noop

from gallery import upstream
from gallery.engine import inbox
from gallery.engine.errors import errors_logged
from gallery.engine.storage_watch import StorageWatch
from gallery.models import Generation, State
from gallery.models.metric import COUNTERS, SLOW
from gallery.models.states import ENDED_IN_VAIN, GENERATION_FAILED, MAY_STILL_ARRIVE
from gallery.upstream.inline import decode

logger = logging.getLogger(__name__)

Results = list[dict[str, str]]
# Seconds, where neither storage nor this machine's disk has room.
WAIT_FOR_ROOM = 5.0
# What a row says of a result of which nothing is known.
_NOTHING = {"url": "", "revised_prompt": ""}


def keep_results(pk: int, mark: str, answer: upstream.Answer, storage: StorageWatch) -> Results:
    """What the row will say of each result. Pictures that came in the answer itself are kept first.

    There is no other copy of those. While neither storage nor this machine's disk has room, this thread waits, and no
    other.
    """
    results: Results = []
    if answer.status != upstream.Status.COMPLETED:
        return results
    for index, result in enumerate(answer.results):
        kept = {"url": result.url, "revised_prompt": result.revised_prompt}
        if result.b64:
            try:
                data = decode(result.b64)
            except ValueError:
                # There is no other copy: the text is kept as it came.
                logger.warning("Picture %s of generation %s is no valid base64", index, pk)
                data = result.b64.encode(errors="replace")
            kept |= _store(inbox.new_name(pk, mark, index, len(data)), data, storage)
        results.append(kept)
    return results


def _store(path: str, data: bytes, storage: StorageWatch) -> dict[str, str]:
    """Keep it; return what the row says of it: its name in storage, and whether it is still to come there."""
    while True:
        try:
            is_held = inbox.keep(path, data, is_well=storage.is_well, note=storage.note)
            return {"file": path, **({"held": "yes"} if is_held else {})}
        except OSError as problem:
            storage.note(problem)
            logger.error("No room for a picture that was paid for; trying again: %s", problem.strerror or problem)
        time.sleep(WAIT_FOR_ROOM)


def results_left_behind(generation: Generation, there: inbox.Inbox | None = None) -> Results:
    """What an engine stored of an answer before it could write the row, if it died in between.

    Without a listing of what is `there`, storage is asked. Raises OSError then.
    """
    there = inbox.listing() if there is None else there
    return _as_results(one for one in _own(generation, there.get(generation.pk, [])) if one.is_whole)


def _own(generation: Generation, files: Iterable[inbox.Waiting]) -> list[inbox.Waiting]:
    """Those of this very generation. Others of its number stay where they are, for an administrator to look at."""
    own = []
    for one in files:
        if one.belongs_to(generation):
            own.append(one)
        elif one.path not in _strange:
            _strange.add(one.path)
            logger.error("%s in storage belongs to another generation %s; it is left there", one.path, generation.pk)
    return own


# Of which this process has said so.
_strange: set[str] = set()


def _as_results(found: Iterable[inbox.Waiting]) -> Results:
    files = {one.index: one.path for one in found}
    results: Results = [dict(_NOTHING) for _ in range(max(files, default=-1) + 1)]
    for index, file in files.items():
        results[index]["file"] = file
    return results


def _together(earlier: Results, latest: Results) -> Results:
    """Each result as the latest answer says, completed by what earlier answers said."""
    pairs = zip_longest(earlier, latest, fillvalue=_NOTHING)
    return [
        _NOTHING | _hopeful(before, now) | {name: value for name, value in now.items() if value} | _fresh(before, now)
        for before, now in ((before, _without_lost(now) if _adds(before, now) else now) for before, now in pairs)
    ]


def _hopeful(before: dict[str, str], now: dict[str, str]) -> dict[str, str]:
    """What an earlier answer said; with something new to fetch, it does not count as lost any more."""
    before = _without_lost(before) if now.get("url") or now.get("file") else before
    return {name: value for name, value in before.items() if name != "held" or not now.get("file")}


def _without_lost(result: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in result.items() if name != "lost"}


def _adds(before: dict[str, str], now: dict[str, str]) -> bool:
    """Whether `before` has something to fetch that `now` does not know: it comes from an answer that was late."""
    return any(before.get(name) and not now.get(name) for name in ("url", "file"))


def _fresh(before: dict[str, str], now: dict[str, str]) -> dict[str, str]:
    """Whether one of them brings a copy of what was kept as a file, being no picture: the copy may be a picture."""
    for kept, other in ((before, now), (now, before)):
        if kept.get("kept") and any(other.get(name, "") not in ("", kept.get(name)) for name in ("url", "file")):
            return {"fresh": "yes"}
    return {}


def _fill_gaps(pk: int, earlier: Results, latest: Results) -> None:
    """Another engine delivered what it found in the inbox before this answer, which may name addresses as well.

    They are kept in the row, in whose transaction this is; “Fetch again” fetches what is missing.
    """
    results = _together(latest, earlier)
    delivered = Generation.objects.filter(pk=pk, state__in=(State.SAVING, State.COMPLETED))
    if results != earlier and delivered.update(results=results, version=F("version") + 1):
        Generation.bring_ledger_up_to_date(pk)


def _files(results: Results) -> set[str]:
    return {result["file"] for result in results if result.get("file")}


class Deliveries:
    """Hands what the upstream has delivered to the ingest."""

    def __init__(
        self,
        enqueue_ingest: Callable[[int], None],
        fetch_by: float,
        delete: Callable[[Iterable[str]], None] = inbox.delete,
    ) -> None:
        """`delete` deletes files in storage; the loop's does that in another thread."""
        self._enqueue_ingest = enqueue_ingest
        self._delete = delete
        self._fetch_by = timedelta(seconds=fetch_by)

    def deliver(
        self,
        generation: Generation,
        results: Results,
        unfinished_at: datetime | None = None,
        from_: Iterable[State] = MAY_STILL_ARRIVE,
    ) -> None:
        """In one transaction, so that a delivery without its message can only be one whose message was lost."""
        with transaction.atomic():
            row = Generation.objects.select_for_update().filter(pk=generation.pk)
            earlier: Results = row.values_list("results", flat=True).first() or []
            latest, results = results, _together(earlier, results)
            fetch_by = timezone.now() + self._fetch_by
            if not generation.deliver(results, fetch_by=fetch_by, unfinished_at=unfinished_at, from_=from_):
                _fill_gaps(generation.pk, earlier, latest)
                return
            if unfinished_at is not None:
                waited = (timezone.now() - unfinished_at).total_seconds()
                COUNTERS.observe("detection_seconds", waited, SLOW)
            self._enqueue_ingest(generation.pk)
            # Ingesting those failed, or the upstream would not have been asked again.
            replaced = _files(earlier) - _files(results)
            transaction.on_commit(lambda: self._delete(replaced), robust=True)

    def sweep_inbox(self, busy: Container[int], there: inbox.Inbox | None = None) -> None:
        """Deliver pictures in the inbox of generations that have ended: an engine died before it wrote their rows.

        About those that are `busy` an answer is on its way, or was not handled yet. Without a listing of what is
        `there`, storage is asked.
        """
        there = inbox.listing() if there is None else there
        waiting = {pk: files for pk, files in there.items() if pk not in busy}
        ended = Generation.objects.filter(
            pk__in=list(waiting), state__in=(*ENDED_IN_VAIN, State.COMPLETED), due_at=None
        )
        for generation in ended.prefetch_related("pictures"):
            with errors_logged(logger, f"Could not look after what generation {generation.pk} has in the inbox"):
                self._sweep(generation, _own(generation, waiting[generation.pk]))

    def _sweep(self, generation: Generation, files: list[inbox.Waiting]) -> None:
        here = {picture.index for picture in generation.pictures.all()} | set(generation.deleted_results)
        named = _files([result for result in generation.results if not (result.get("held") and result.get("lost"))])
        self._delete([one.path for one in files if one.index in here])
        strays = [one for one in files if one.index not in here]
        if missing := _as_results(one for one in strays if one.path not in named and one.is_whole):
            self.deliver(generation, missing, from_=(*ENDED_IN_VAIN, State.COMPLETED))

    @staticmethod
    def note_moved(pks: set[int]) -> None:
        """Their pictures have come into storage: they need wait no longer."""
        if pks:
            Generation.objects.filter(pk__in=pks, state=State.SAVING).update(due_at=timezone.now())

    def fetch_last_time(self, pk: int) -> bool:
        """If the upstream has named addresses before, try those once more before the generation fails."""
        with transaction.atomic():
            if not Generation(pk=pk).fetch_last_time(timezone.now() + self._fetch_by):
                return False
            self._enqueue_ingest(pk)
            return True

    def remind(self) -> None:
        """Send another message for those that no worker has begun to fetch."""
        now = timezone.now()
        waiting = Generation.objects.waiting_for_ingest(now)
        for pk in list(waiting.values_list("pk", flat=True)[:200]):
            if waiting.filter(pk=pk).update(due_at=now + self._fetch_by):
                self._enqueue_ingest(pk)


def fail_by_upstream(generation: Generation, answer: upstream.Answer) -> bool:
    """A request that the upstream itself ended without a picture."""
    return generation.fail(answer.code or GENERATION_FAILED, answer.error or no_reason(answer))


def no_reason(answer: upstream.Answer) -> str:
    """What to say if the upstream gives no reason."""
    if answer.cancelled:
        return gettext_noop("The upstream cancelled this one.")
    if answer.word and not answer.word.isdigit() and answer.word.lower() not in ("failed", "failure", "error", "fail"):
        return gettext_noop("The upstream could not make this picture. It says “%(said)s” and gives no reason.") % {
            "said": answer.word
        }
    return gettext_noop("The upstream could not make this picture and gave no reason.")
