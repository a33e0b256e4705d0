"""Forget what is older than the studio keeps it. Housekeeping runs this every few minutes."""

import logging
import time

from gallery.models import Activity, Generation, Retention
from gallery.services.forgetting import AT_ONCE, forget_failures, forget_files, forget_words

logger = logging.getLogger(__name__)

# In one run; the next goes on.
SECONDS = 20.0
_REQUESTS = (("failed_requests", forget_failures), ("prompts", forget_words), ("uploads", forget_files))


def keep_to_retention(seconds: float = SECONDS) -> int:
    """Forget what is due, for so long at most; return how many rows that were."""
    retention, stop_at, forgotten = Retention.load(), time.monotonic() + seconds, 0
    for name, forget in _REQUESTS:
        before = retention.before(name)
        while before is not None and (some := forget(Generation.objects.filter(created_at__lt=before))):
            forgotten += some
            if time.monotonic() >= stop_at:
                return forgotten
    if before := retention.before("activity"):
        while pks := list(Activity.objects.filter(created_at__lt=before).values_list("pk", flat=True)[:AT_ONCE]):
            forgotten += len(pks)
            Activity.objects.filter(pk__in=pks).delete()
            if time.monotonic() >= stop_at:
                break
    if forgotten:
        logger.info("Retention: %d rows were older than the studio keeps them", forgotten)
    return forgotten
