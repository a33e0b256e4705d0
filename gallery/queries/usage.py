"""The usage of a month by day, model, outcome and person: requests, cost and pictures.

A generation belongs to the day on which it was asked for, in the studio's time zone; its cost is what its ledger
entries add up to. So the days add up to what the month has cost, and both to what the ledger says.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Case, Count, Func, IntegerField, Min, Q, QuerySet, Sum, Value, When
from django.utils import timezone

from gallery.models import Generation, LedgerEntry, Person, State
from gallery.models.ledger import NOTHING, exact, in_dollars, month_after, month_of
from gallery.models.states import ENDED_IN_VAIN, UNDER_WAY

ENDS = (State.COMPLETED, State.FAILED, State.INTERRUPTED, State.CANCELLED)
_IN_VAIN = {str(state.label) for state in ENDED_IN_VAIN}
Row = Mapping[str, Any]


@dataclass(slots=True)
class Figures:
    """The sums of several generations."""

    label: str
    cost: Decimal = NOTHING
    pictures: int = 0
    requests: int = 0
    # Requests to models whose price was not known. `cost` does not include them.
    unpriced: int = 0

    def add(self, row: Row) -> None:
        self.cost += exact(row["cost"])
        self.pictures += row["made"] or 0
        self.requests += row["requests"]
        self.unpriced += row["unpriced"]

    @property
    def is_unpriced(self) -> bool:
        return bool(self.requests) and self.unpriced == self.requests

    @property
    def dollars(self) -> str:
        return "not known" if self.is_unpriced else in_dollars(self.cost, cents=True)


@dataclass(slots=True)
class Usage:
    month: date
    total: Figures
    # One for each day of the month, also for days without a request.
    days: list[Figures]
    # Ordered by cost, then by pictures.
    models: list[Figures]
    people: list[Figures]
    ends: list[Figures] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        return not self.total.requests

    @property
    def unclear(self) -> bool:
        """Whether the cost includes estimates for requests without a picture that may or may not have been charged."""
        return any(line.cost and line.label in _IN_VAIN for line in self.ends)


def midnights(month: date) -> list[datetime]:
    """The beginning of each day of this month in the studio's time zone, and of the next month."""
    days = (month_after(month) - month).days
    zone = timezone.get_current_timezone()
    return [datetime.combine(month + timedelta(days=day), time.min, tzinfo=zone) for day in range(days + 1)]


def asked_for_in(month: date, author: Person | None = None) -> "QuerySet[Generation]":
    """The generations of the month by this person, or by all people."""
    begin, *_, end = midnights(month)
    rows = Generation.objects.filter(created_at__gte=begin, created_at__lt=end).asked_for()
    return rows.filter(author=author) if author else rows


class Length(Func):
    """The length of a JSON list."""

    function = "json_array_length"
    output_field = IntegerField()

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, Any]:
        return self.as_sql(compiler, connection, function="jsonb_array_length", **context)


def with_picture_count(rows: "QuerySet[Generation]") -> "QuerySet[Generation]":
    """The number of pictures delivered, which stays known after a picture was deleted for good."""
    return rows.annotate(pictures_made=Case(When(state=State.COMPLETED, then=Length("results")), default=Value(0)))


def usage_of(month: date, author: Person | None = None) -> Usage:
    """The usage of this person, or of all people, in one query."""
    _, *ends_of_days = midnights(month)
    # Compared with the days' beginnings: to convert each row to a day, SQLite would have to call Python.
    day = Case(*(When(created_at__lt=end, then=Value(number)) for number, end in enumerate(ends_of_days)))
    rows = list(
        with_picture_count(asked_for_in(month, author))
        .order_by()
        .annotate(day=day)
        .values("day", "state", "model", "model__label", "author", "author__name", "author__email")
        .annotate(
            cost=Sum("booked"),
            made=Sum("pictures_made"),
            requests=Count("pk"),
            unpriced=Count("pk", filter=Q(estimated_cost=None)),
        )
    )
    days = [Figures(str(number + 1)) for number in range(len(ends_of_days))]
    total = Figures("Together")
    for row in rows:
        days[row["day"]].add(row)
        total.add(row)
    return Usage(
        month,
        total,
        days,
        models=_most_first(_grouped(rows, lambda row: (row["model"], row["model__label"]))),
        people=_most_first(_grouped(rows, lambda row: (row["author"], row["author__name"] or row["author__email"]))),
        ends=_in_order_of_ends(_grouped(rows, lambda row: (_end(row), _end(row)))),
    )


def _grouped(rows: Sequence[Row], key: Callable[[Row], tuple[Hashable, str]]) -> list[Figures]:
    """Add up the rows by `key`, which gives a line's key and its name."""
    groups: dict[Hashable, Figures] = {}
    for row in rows:
        belongs_to, label = key(row)
        groups.setdefault(belongs_to, Figures(label)).add(row)
    return list(groups.values())


def _most_first(lines: list[Figures]) -> list[Figures]:
    return sorted(lines, key=lambda line: (-line.cost, -line.pictures, -line.requests, line.label))


def _end(row: Row) -> str:
    return "Under way" if row["state"] in UNDER_WAY else State(row["state"]).label


def _in_order_of_ends(lines: list[Figures]) -> list[Figures]:
    order = [*(state.label for state in ENDS), "Under way"]
    return sorted(lines, key=lambda line: order.index(line.label))


def cost_by_group(month: date) -> list[Figures]:
    """By the groups that people were in when they asked. A person in two groups counts in both."""
    entries = LedgerEntry.objects.filter(month=month, groups__isnull=False).order_by()
    rows = entries.values_list("groups", "groups__name").annotate(cost=Sum("amount"))
    return _most_first([Figures(name, exact(cost)) for _, name, cost in rows])


def first_month(author: Person | None = None) -> date | None:
    """The month of the first request by this person, or by any person."""
    rows = Generation.objects.filter(author=author) if author else Generation.objects.all()
    earliest = rows.aggregate(earliest=Min("created_at"))["earliest"]
    return month_of(earliest) if earliest else None
