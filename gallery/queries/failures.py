"""What went wrong lately, and what waits, as administrators look at it."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Count, QuerySet
from django.utils import timezone
from django_q.models import Failure, OrmQ

from gallery.models import Generation, State
from gallery.models.states import UNDER_WAY

LISTED = 50
A_DAY = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Jobs:
    queued: int
    sent: int
    # The oldest first.
    requests: list[Generation]
    # The newest first.
    failed: list[Generation]
    failed_total: int
    background: int
    background_failed: list[Any]


def jobs() -> Jobs:
    """Requests under way, what failed in 24 hours, and background tasks. A fixed number of queries."""
    states = Generation.objects.filter(state__in=UNDER_WAY).order_by().values_list("state").annotate(n=Count("pk"))
    numbers = dict(states)
    queued = numbers.pop(State.QUEUED, 0)
    failed = Generation.objects.filter(state=State.FAILED, finished_at__gte=timezone.now() - A_DAY)
    return Jobs(
        queued=queued,
        sent=sum(numbers.values()),
        requests=_rows(Generation.objects.filter(state__in=UNDER_WAY).order_by("pk")),
        failed=_rows(failed.order_by("-pk")),
        failed_total=failed.count(),
        background=OrmQ.objects.count(),
        background_failed=list(Failure.objects.order_by("-stopped").defer("result", "args", "kwargs")[:10]),
    )


def _rows(requests: QuerySet[Generation]) -> list[Generation]:
    """Without the prompts: what people ask for is not an administrator's business here."""
    return list(requests.select_related("author", "model").defer("prompt", "results", "options")[:LISTED])
