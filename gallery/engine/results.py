"""What was paid for is kept at once."""

import contextlib
import logging
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Container, Iterable
from datetime import datetime, timedelta
from itertools import zip_longest

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils import timezone

from gallery import upstream
from gallery.engine.errors import errors_logged
from gallery.models import Generation, State
from gallery.models.states import ENDED_IN_VAIN, GENERATION_FAILED, MAY_STILL_ARRIVE
from gallery.upstream.inline import decode

logger = logging.getLogger(__name__)

Results = list[dict[str, str]]
# The folder for pictures that came inside an answer, until they are ingested.
INBOX = "inbox"
# What a row says of a result of which nothing is known.
_NOTHING = {"url": "", "revised_prompt": ""}


def keep_results(pk: int, answer: upstream.Answer) -> Results:
    """What the row will say of each result. Pictures that came in the answer itself go into storage first.

    There is no other copy of those. While storage has no room, this thread waits, and no other.
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
            # The name tells the full length: a file that was cut short for want of room is no result.
            kept["file"] = _store(f"{INBOX}/{pk}-{index}-{uuid.uuid4().hex[:12]}-{len(data)}", data)
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
            with contextlib.suppress(OSError):
                default_storage.delete(name)
        time.sleep(5)


def results_left_behind(pk: int) -> Results:
    """What an engine stored of an answer before it could write the row, if it died in between."""
    return _as_results([name for name in _inbox().get(pk, []) if _is_whole(name)])


def _inbox() -> dict[int, list[str]]:
    """The files that wait there, by generation."""
    try:
        names = default_storage.listdir(INBOX)[1]
    except FileNotFoundError:
        return {}
    waiting: dict[int, list[str]] = defaultdict(list)
    for name in sorted(names):
        pk, _, rest = name.partition("-")
        if pk.isdecimal() and rest.partition("-")[0].isdecimal():
            waiting[int(pk)].append(name)
    return waiting


def _index(name: str) -> int:
    """Which of its generation's results it is."""
    return int(name.split("-")[1])


def _is_whole(name: str) -> bool:
    size = name.rpartition("-")[2]
    try:
        return size.isdecimal() and default_storage.size(f"{INBOX}/{name}") == int(size)
    except FileNotFoundError:
        return False  # the ingest has taken it meanwhile


def _as_results(names: Iterable[str]) -> Results:
    files = {_index(name): f"{INBOX}/{name}" for name in names}
    results: Results = [dict(_NOTHING) for _ in range(max(files, default=-1) + 1)]
    for index, file in files.items():
        results[index]["file"] = file
    return results


def _together(earlier: Results, latest: Results) -> Results:
    """Each result as the latest answer says, completed by what earlier answers said."""
    pairs = zip_longest(earlier, latest, fillvalue=_NOTHING)
    return [
        _NOTHING | _hopeful(before, now) | {name: value for name, value in now.items() if value}
        for before, now in pairs
    ]


def _hopeful(before: dict[str, str], now: dict[str, str]) -> dict[str, str]:
    """What an earlier answer said; with something new to fetch, it does not count as lost any more."""
    return {name: value for name, value in before.items() if name != "lost" or not (now.get("url") or now.get("file"))}


def _files(results: Results) -> set[str]:
    return {result["file"] for result in results if result.get("file")}


def _delete(names: Iterable[str]) -> None:
    for name in names:
        default_storage.delete(name)


class Deliveries:
    """Hands what the upstream has delivered to the ingest."""

    def __init__(self, enqueue_ingest: Callable[[int], None], fetch_by: float) -> None:
        self._enqueue_ingest = enqueue_ingest
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
            results = _together(earlier, results)
            fetch_by = timezone.now() + self._fetch_by
            if not generation.deliver(results, fetch_by=fetch_by, unfinished_at=unfinished_at, from_=from_):
                return
            self._enqueue_ingest(generation.pk)
            # Ingesting those failed, or the upstream would not have been asked again.
            replaced = _files(earlier) - _files(results)
            transaction.on_commit(lambda: _delete(replaced), robust=True)

    def sweep_inbox(self, busy: Container[int]) -> None:
        """Deliver pictures in the inbox of generations that have ended: an engine died before it wrote their rows.

        About those that are `busy` an answer is on its way, or was not handled yet.
        """
        inbox = {pk: names for pk, names in _inbox().items() if pk not in busy}
        ended = Generation.objects.filter(pk__in=list(inbox), state__in=(*ENDED_IN_VAIN, State.COMPLETED), due_at=None)
        for generation in ended.prefetch_related("pictures"):
            with errors_logged(logger, f"Could not look after what generation {generation.pk} has in the inbox"):
                self._sweep(generation, inbox[generation.pk])

    def _sweep(self, generation: Generation, names: list[str]) -> None:
        here = {picture.index for picture in generation.pictures.all()} | set(generation.deleted_results)
        named = _files(generation.results)
        _delete(f"{INBOX}/{name}" for name in names if _index(name) in here)
        strays = [name for name in names if _index(name) not in here]
        if missing := _as_results(n for n in strays if f"{INBOX}/{n}" not in named and _is_whole(n)):
            self.deliver(generation, missing, from_=(*ENDED_IN_VAIN, State.COMPLETED))

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
        return "The upstream cancelled this one."
    if answer.word and not answer.word.isdigit() and answer.word.lower() not in ("failed", "failure", "error", "fail"):
        return f"The upstream could not make this picture. It says “{answer.word}” and gives no reason."
    return "The upstream could not make this picture and gave no reason."
