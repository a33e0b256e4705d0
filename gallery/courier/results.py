"""What was paid for is kept at once."""

import base64
import binascii
import contextlib
import logging
import time
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils import timezone

from gallery import upstream
from gallery.models import Generation
from gallery.models.states import GENERATION_FAILED

logger = logging.getLogger(__name__)

Results = list[dict[str, str]]
# Where pictures wait that came inside an answer, until the mirror takes them.
INBOX = "inbox"


def keep_results(pk: int, answer: upstream.Answer) -> Results:
    """What the row will say of each result. Pictures that came in the answer itself go into storage first.

    There is no second copy of those anywhere: while storage has no room, this waits, and with it only this thread.
    """
    results: Results = []
    if answer.status != upstream.Status.COMPLETED:
        return results
    for index, result in enumerate(answer.results):
        kept = {"url": result.url, "revised_prompt": result.revised_prompt}
        if result.b64:
            try:
                # Some leave the padding out.
                data = base64.b64decode(result.b64 + "=" * (-len(result.b64) % 4))
                # The name tells how long it is to be: a part of it that found room is no result.
                kept["file"] = _store(f"{INBOX}/{pk}-{index}-{uuid.uuid4().hex[:12]}-{len(data)}", data)
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
            with contextlib.suppress(OSError):
                default_storage.delete(name)
        time.sleep(5)


def results_left_behind(pk: int) -> Results:
    """What a courier stored of an answer before it could write the row, if it died in between."""
    try:
        names = default_storage.listdir(INBOX)[1]
    except FileNotFoundError:
        return []
    whole = [name for name in names if name.startswith(f"{pk}-") and _is_whole(name)]
    mine = sorted(whole, key=lambda name: int(name.split("-")[1]))
    return [{"url": "", "revised_prompt": "", "file": f"{INBOX}/{name}"} for name in mine]


def _is_whole(name: str) -> bool:
    size = name.rpartition("-")[2]
    return size.isdecimal() and default_storage.size(f"{INBOX}/{name}") == int(size)


class Deliveries:
    """Hands what the upstream has delivered to the mirror."""

    def __init__(self, wake_mirror: Callable[[int], None], fetch_by: float) -> None:
        self._wake_mirror = wake_mirror
        self._fetch_by = timedelta(seconds=fetch_by)

    def deliver(self, generation: Generation, results: Results, unfinished_at: datetime | None = None) -> None:
        """In one transaction, so that a delivery without its message can only be one whose message was lost."""
        with transaction.atomic():
            fetch_by = timezone.now() + self._fetch_by
            if generation.deliver(results, fetch_by=fetch_by, unfinished_at=unfinished_at):
                self._wake_mirror(generation.pk)

    def fetch_last_time(self, pk: int) -> bool:
        """Where the upstream has named addresses before: try those once more, before it counts as ended in vain."""
        with transaction.atomic():
            if not Generation(pk=pk).fetch_last_time(timezone.now() + self._fetch_by):
                return False
            self._wake_mirror(pk)
            return True

    def remind(self) -> None:
        """Send another message for those that nobody has begun to fetch."""
        now = timezone.now()
        waiting = Generation.objects.waiting_for_mirror(now)
        for pk in list(waiting.values_list("pk", flat=True)[:200]):
            if waiting.filter(pk=pk).update(due_at=now + self._fetch_by):
                self._wake_mirror(pk)


def fail_by_upstream(generation: Generation, answer: upstream.Answer) -> bool:
    """A request that the upstream itself ended without a picture."""
    return generation.fail(answer.code or GENERATION_FAILED, answer.error or no_reason(answer))


def no_reason(answer: upstream.Answer) -> str:
    """What to say where the upstream says nothing."""
    if answer.cancelled:
        return "The upstream cancelled this one."
    return "The upstream could not make this picture and gave no reason."
