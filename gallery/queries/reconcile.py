"""What a month's requests cost by the ledger, beside what the upstream says that they cost."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Protocol

from django.db.models import Q, Sum
from django.utils import timezone

from gallery.models import Generation, LedgerEntry
from gallery.models.ledger import NOTHING, SMALLEST, exact
from gallery.queries.usage import midnights

# A result may be charged for this much later than it was asked for.
LATE = timedelta(days=2)


class Charge(Protocol):
    """What the upstream says of one request."""

    @property
    def billing_id(self) -> str: ...
    @property
    def request_id(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def cost(self) -> Decimal | None: ...
    @property
    def at(self) -> datetime | None: ...


@dataclass(frozen=True, slots=True)
class Booked:
    """A generation of the month by the ledger."""

    generation: int
    model: str
    day: date
    cost: Decimal
    ids: tuple[str, ...]
    billing_id: str


@dataclass(slots=True)
class Comparison:
    """Both sides by model and by day, and what only one of them knows.

    A charge whose generation is known counts for that generation's day and model: the upstream charges when a picture
    is ready, and the studio counts when it was asked for.
    """

    theirs: Decimal = NOTHING
    theirs_by_model: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    theirs_by_day: dict[date, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    # Known to both, with another cost. The second is theirs.
    differing: list[tuple[Booked, Decimal]] = field(default_factory=list)
    # The studio has a billing id, and they do not list it.
    unknown_there: list[Booked] = field(default_factory=list)
    # They charged for it, and no generation has one of its ids.
    unknown_here: list[Charge] = field(default_factory=list)
    # It cost something, was not found there, and has no billing id to look for.
    without_id: list[Booked] = field(default_factory=list)
    # Charges that are known here, and that the ledger counts for another month.
    of_other_months: int = 0
    unpriced: int = 0


def window(month: date) -> tuple[datetime, datetime]:
    """From when to before when the upstream is asked for the charges of a month."""
    edges = midnights(month)
    return edges[0], edges[-1] + LATE


def booked_in(month: date) -> list[Booked]:
    """The month's generations that cost something, or that the upstream gave an id."""
    amounts = dict(
        LedgerEntry.objects.filter(month=month)
        .order_by()
        .values_list("generation")
        .annotate(total=Sum("amount"))
        .values_list("generation", "total")
    )
    edges = midnights(month)
    rows = Generation.objects.order_by("pk").values_list("pk", "model__slug", "created_at", "upstream_ids")
    asked = Q(created_at__gte=edges[0], created_at__lt=edges[-1])
    found = []
    for pk, slug, created_at, ids in rows.filter(asked).iterator():
        cost, known = exact(amounts.get(pk, NOTHING)), _ids(ids)
        if cost or known:
            found.append(Booked(pk, slug, timezone.localdate(created_at), cost, known, _billing_id(ids)))
    # The studio's time zone was another one when these were asked for. The ledger's month counts.
    for pk, slug, created_at, ids in rows.filter(ledger__month=month).exclude(asked).distinct():
        day = min(max(timezone.localdate(created_at), month), edges[-1].date() - timedelta(days=1))
        found.append(Booked(pk, slug, day, exact(amounts[pk]), _ids(ids), _billing_id(ids)))
    return found


def compare(month: date, booked: Sequence[Booked], charges: Iterable[Charge]) -> Comparison:
    """Match charges by billing id, then by request id. A generation may have several charges."""
    comparison = Comparison()
    by_id = {one: row for row in booked for one in row.ids}
    elsewhere = _ids_of_neighbours(month)
    last = midnights(month)[-1]
    matched: dict[int, Decimal] = defaultdict(Decimal)
    for charge in charges:
        names = [name for name in (charge.billing_id, charge.request_id) if name]
        row = next((by_id[name] for name in names if name in by_id), None)
        if row is None and any(name in elsewhere for name in names):
            comparison.of_other_months += 1
            continue
        if row is None and charge.at is not None and charge.at >= last:
            continue  # of the next month; only late charges of this one were looked for
        comparison.unpriced += charge.cost is None
        cost = charge.cost or NOTHING
        comparison.theirs += cost
        comparison.theirs_by_model[row.model if row else charge.model] += cost
        day = row.day if row else timezone.localdate(charge.at) if charge.at else None
        if day is not None:
            comparison.theirs_by_day[day] += cost
        if row is None:
            comparison.unknown_here.append(charge)
        else:
            matched[row.generation] += cost
    for row in booked:
        if row.generation in matched:
            if abs(row.cost - matched[row.generation]) >= SMALLEST:
                comparison.differing.append((row, matched[row.generation]))
        elif row.billing_id:
            comparison.unknown_there.append(row)
        elif row.cost:
            comparison.without_id.append(row)
    return comparison


def by_model(booked: Iterable[Booked]) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for row in booked:
        sums[row.model] += row.cost
    return sums


def by_day(booked: Iterable[Booked]) -> dict[date, Decimal]:
    sums: dict[date, Decimal] = defaultdict(Decimal)
    for row in booked:
        sums[row.day] += row.cost
    return sums


def _ids_of_neighbours(month: date) -> set[str]:
    """The ids of what was asked for shortly before and after the month."""
    edges = midnights(month)
    rows = Generation.objects.order_by().values_list("upstream_ids", flat=True)
    before = rows.filter(created_at__gte=edges[0] - timedelta(days=7), created_at__lt=edges[0])
    after = rows.filter(created_at__gte=edges[-1], created_at__lt=edges[-1] + LATE)
    return {one for row in (*before, *after) for one in _ids(row)}


def _ids(ids: Mapping[str, object]) -> tuple[str, ...]:
    return tuple(value for value in ids.values() if isinstance(value, str) and value)


def _billing_id(ids: Mapping[str, object]) -> str:
    return str(ids.get("billing_transaction_id") or "")
