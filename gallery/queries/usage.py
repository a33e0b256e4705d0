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
from django.utils.translation import gettext as _

from gallery.models import Generation, LedgerEntry, Person, State
from gallery.models.ledger import NOTHING, exact, in_dollars, month_after, month_of
from gallery.models.states import ENDED_IN_VAIN, UNCLEAR_CHARGE, UNDER_WAY

ENDS = (State.COMPLETED, State.FAILED, State.INTERRUPTED, State.CANCELLED)
UNDER_WAY_TOGETHER = "under_way"
# As `Generation.was_charged` tells it: these cost nothing at any price of the model.
NOTHING_CHARGED = Q(results=[]) & (
    Q(refunded=True)
    | Q(state__in=ENDED_IN_VAIN, submitted_at=None)
    | (Q(state=State.FAILED, due_at=None) & ~Q(error_code__in=UNCLEAR_CHARGE))
)
Row = Mapping[str, Any]


@dataclass(slots=True)
class Figures:
    """The sums of several generations."""

    label: str
    cost: Decimal = NOTHING
    pictures: int = 0
    requests: int = 0
    # Requests whose cost is not known, because the model's price was not. `cost` does not include them.
    unpriced: int = 0
    # Of a line by state: which one, or UNDER_WAY_TOGETHER.
    state: str = ""

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
        return _("not known") if self.is_unpriced else in_dollars(self.cost, cents=True)

    @property
    def in_all(self) -> str:
        """For a sum that stands alone: what is missing in it is said with it."""
        if self.unpriced and not self.is_unpriced:
            return _("at least %(amount)s") % {"amount": self.dollars}
        return self.dollars


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
        return any(line.cost and line.state in ENDED_IN_VAIN for line in self.ends)


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
    ends_of_days = midnights(month)[1:]
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
            unpriced=Count("pk", filter=Q(estimated_cost=None) & ~NOTHING_CHARGED),
        )
    )
    days = [Figures(str(number + 1)) for number in range(len(ends_of_days))]
    total = Figures(_("Together"))
    for row in rows:
        days[row["day"]].add(row)
        total.add(row)
    return Usage(
        month,
        total,
        days,
        models=_most_first(_grouped(rows, lambda row: (row["model"], row["model__label"]))),
        people=_most_first(_grouped(rows, lambda row: (row["author"], row["author__name"] or row["author__email"]))),
        ends=_by_state(rows),
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


def _by_state(rows: Sequence[Row]) -> list[Figures]:
    lines = [Figures(str(state.label), state=state) for state in ENDS]
    lines.append(Figures(_("Under way"), state=UNDER_WAY_TOGETHER))
    by_state = {line.state: line for line in lines}
    for row in rows:
        by_state[UNDER_WAY_TOGETHER if row["state"] in UNDER_WAY else row["state"]].add(row)
    return [line for line in lines if line.requests]


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
