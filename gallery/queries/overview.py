"""How the studio is, for administrators: a fixed number of queries."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import Count, Min, Sum
from django.utils import timezone
from django_q.models import OrmQ

from gallery.models import Generation, LedgerEntry, MediaCheck, Picture, State, UpstreamAccount
from gallery.models.ledger import this_month

A_DAY = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Overview:
    account: UpstreamAccount
    worker_is_up: bool
    queued: int
    waiting_since: datetime | None
    """When the oldest queued request was made."""
    under_way: int
    tasks: int
    spent_this_month: Decimal
    spent_today: Decimal
    failed: list[tuple[str, int]]
    """Error codes of the last 24 hours with their number, the most frequent first."""
    ended: int
    """Requests that ended in the last 24 hours, one way or the other."""
    pictures: int
    byte_size: int
    trashed: int
    missing: int
    """Files that are missing or wrong, by the latest check of the media."""

    @property
    def failed_total(self) -> int:
        return sum(count for _, count in self.failed)


def overview() -> Overview:
    now = timezone.now()
    queue = Generation.objects.filter(state=State.QUEUED).aggregate(number=Count("pk"), oldest=Min("created_at"))
    ended = Generation.objects.filter(finished_at__gte=now - A_DAY)
    failed = ended.filter(state=State.FAILED).values_list("error_code").annotate(number=Count("pk"))
    kept = Picture.objects.aggregate(number=Count("pk"), size=Sum("byte_size"), trashed=Count("trashed_at"))
    today = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    return Overview(
        account=UpstreamAccount.load(),
        worker_is_up=UpstreamAccount.is_held(),
        queued=queue["number"],
        waiting_since=queue["oldest"],
        under_way=Generation.objects.under_way().count(),
        tasks=OrmQ.objects.count(),
        spent_this_month=LedgerEntry.objects.filter(month=this_month()).total(),
        spent_today=LedgerEntry.objects.filter(created_at__gte=today).total(),
        failed=list(failed.order_by("-number", "error_code")),
        ended=ended.count(),
        pictures=kept["number"],
        byte_size=kept["size"] or 0,
        trashed=kept["trashed"],
        missing=MediaCheck.objects.values_list("broken", flat=True).first() or 0,
    )
