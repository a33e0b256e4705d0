"""Generations that are older than the ledger get its entries, with the cost as far as it is known."""

from decimal import Decimal
from typing import Any

from django.db import migrations
from django.utils import timezone

# States as they were when this migration was written; they may change later.
IN_VAIN = ("failed", "interrupted", "cancelled")
UNCLEAR = ("gave_up_waiting", "picture_unavailable", "async_task_not_found", "malformed_answer")


def costs(row: Any) -> tuple[Decimal, str]:
    if row.state == "completed":
        return row.cost or Decimal(0), "settled"
    if row.results:
        share = row.estimated_cost / row.count * len(row.results) if row.count else Decimal(0)
        return share.quantize(Decimal("0.0001")), "settled"
    if row.state in IN_VAIN:
        refused = row.state == "failed" and row.due_at is None and row.error_code not in UNCLEAR
        if row.refunded or row.submitted_at is None or refused:
            return Decimal(0), "released"
    return row.estimated_cost, "reserved"


def book(apps: Any, schema_editor: Any) -> None:
    generation, entry = apps.get_model("gallery", "Generation"), apps.get_model("gallery", "LedgerEntry")
    rows = generation.objects.filter(booked=0, estimated_cost__gt=0).exclude(pk__in=entry.objects.values("generation"))
    # Read all ids first: SQLite cannot safely change a table while a query on it is open.
    for pk in list(rows.order_by("pk").values_list("pk", flat=True)):
        row = generation.objects.get(pk=pk)
        amount, kind = costs(row)
        if not amount:
            continue
        entry.objects.create(
            person_id=row.author_id,
            generation_id=pk,
            month=timezone.localtime(row.created_at).date().replace(day=1),
            kind=kind,
            amount=amount,
            created_at=row.finished_at or row.created_at,
        )
        generation.objects.filter(pk=pk).update(booked=amount)


class Migration(migrations.Migration):
    dependencies = [("gallery", "0009_indexes_of_a_month")]

    operations = [migrations.RunPython(book, migrations.RunPython.noop)]
