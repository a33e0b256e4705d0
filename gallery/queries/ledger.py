"""Whether the ledger is right."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, Subquery, Sum

from gallery.models import Generation, LedgerEntry
from gallery.models.ledger import exact


@dataclass(frozen=True, slots=True)
class Discrepancy:
    generation: int
    says: str

    def __str__(self) -> str:
        return f"Generation {self.generation}: {self.says}"


def discrepancies(since: datetime | None = None) -> Iterator[Discrepancy]:
    """The generations, all or those since a moment, whose ledger does not add up. One query, so one moment."""
    entries = LedgerEntry.objects.filter(generation=OuterRef("pk")).order_by()
    added_up = entries.values("generation").annotate(total=Sum("amount")).values("total")
    rows = Generation.objects.defer("prompt", "options", "poll_url", "error_message", "error_hint")
    if since is not None:
        rows = rows.filter(created_at__gte=since)
    rows = rows.order_by("pk").annotate(
        added_up=Subquery(added_up), is_foreign=Exists(entries.exclude(person=OuterRef("author")))
    )
    row: Any  # a generation with annotations
    for row in rows.iterator():
        total, booked, costs = exact(row.added_up), exact(row.booked), exact(row.costs_by_now[0])
        if total != booked:
            yield Discrepancy(row.pk, f"its entries add up to {total}, and {booked} is booked")
        if booked != costs:
            yield Discrepancy(row.pk, f"{booked} is booked, and by what is known it costs {costs}")
        if row.is_foreign:
            yield Discrepancy(row.pk, "an entry is booked to the wrong person")
