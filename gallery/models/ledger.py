"""Budgets, and the ledger of what was spent.

Every amount is in US dollars, to the hundredth of a cent. The ledger is only ever added to: a generation's rows add up
to what it costs by what is known now, first an estimate, in the end what it did cost. Its `booked` says the same in one
number. docs/money.md tells when what is written.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Never, Self

from django.conf import settings
from django.contrib.auth.models import Group
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Case, Exists, F, OuterRef, Q, Subquery, Sum, When
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext, gettext_lazy

if TYPE_CHECKING:
    from gallery.models.generation import Generation
    from gallery.models.person import Person

NOTHING = Decimal(0)
SMALLEST = Decimal("0.0001")
# From this share of a budget on, the page warns.
WARN_FROM = Decimal("0.8")


def exact(amount: Decimal | None) -> Decimal:
    """Rounded to the hundredth of a cent, because SQLite adds up in floating point."""
    return (amount or NOTHING).quantize(SMALLEST)


def in_dollars(amount: Decimal, *, cents: bool = False) -> str:
    """Such as $1,250, $0.20 or $0.0035: no digits without need, but at least two with `cents`.

    It is written as the language of the moment writes it.
    """
    amount = exact(amount)
    is_whole = amount == amount.to_integral_value() and not cents
    digits = 0 if is_whole else 2 if amount == amount.quantize(Decimal("0.01")) else 4
    figure = number_format(abs(amount), digits, force_grouping=True)
    # Translators: an amount of US dollars, such as $1,250.00
    words = gettext("$%(amount)s") % {"amount": figure}
    return f"-{words}" if amount < 0 else words


def month_of(moment: datetime) -> date:
    """The first day of its month, in the studio's time zone."""
    return timezone.localtime(moment).date().replace(day=1)


def this_month() -> date:
    return month_of(timezone.now())


def month_after(month: date) -> date:
    return (month + timedelta(days=31)).replace(day=1)


# -- budgets


@dataclass(frozen=True, slots=True)
class BudgetState:
    """How much of a budget is left in a month. What is under way counts as spent."""

    amount: Decimal
    spent: Decimal
    # The name of the person or the group that has it.
    name: str
    is_own: bool
    # The first day of the next month, when the whole amount is there again.
    renewed_on: date

    @property
    def whose(self) -> str:
        """As its owner reads it: the group's name, or "Your budget"."""
        return gettext("Your budget") if self.is_own else self.name

    @property
    def left(self) -> Decimal:
        return max(NOTHING, self.amount - self.spent)

    @property
    def share(self) -> float:
        """1 is all of it. It can be more if something cost more than its estimate."""
        return float(self.spent / self.amount) if self.amount else 1.0

    @property
    def percent(self) -> int:
        """Rounded down, so that 100 means that the budget is used up."""
        return int(self.share * 100 + 1e-9)

    @property
    def percent_shown(self) -> int:
        """The percent within the limits of a meter."""
        return min(100, max(0, self.percent))

    @property
    def is_warning(self) -> bool:
        return self.spent >= self.amount * WARN_FROM

    @property
    def is_over(self) -> bool:
        """Nothing is left."""
        return self.spent >= self.amount

    @property
    def in_words(self) -> str:
        if self.is_over:
            return gettext("All of %(amount)s is used up this month") % {"amount": in_dollars(self.amount)}
        words = gettext("%(left)s of %(amount)s left this month")
        return words % {"left": in_dollars(self.left), "amount": in_dollars(self.amount)}


class BudgetQuerySet(models.QuerySet["Budget"]):
    def concerning(self, person: "Person") -> Self:
        """A person's own, and those of this person's groups."""
        return self.filter(Q(person=person) | Q(group__in=person.groups.all()))

    def with_spent(self, month: date) -> Self:
        """Each with its spending of this month, as `booked`."""
        entries = LedgerEntry.objects.filter(month=month).order_by()
        own = entries.filter(person=OuterRef("person")).values("person")
        # By the month first: what the group has spent in all the years need not be looked at.
        of_group = LedgerEntry.groups.through.objects.filter(
            ledgerentry=OuterRef("pk"), group=OuterRef(OuterRef("group"))
        )
        together = entries.filter(Exists(of_group)).values("month")
        spent = Case(
            When(group=None, then=Subquery(own.annotate(total=Sum("amount")).values("total"))),
            default=Subquery(together.annotate(total=Sum("amount")).values("total")),
        )
        return self.select_related("person", "group").annotate(
            booked=Coalesce(spent, NOTHING, output_field=LedgerEntry._meta.get_field("amount"))
        )

    def states(self, month: date | None = None) -> list[BudgetState]:
        """The tightest first, in one query."""
        month = month or this_month()
        states = [budget.state(month) for budget in self.with_spent(month)]
        return sorted(states, key=lambda state: (state.amount - state.spent, -state.share, state.name))


class Budget(models.Model):
    """What a person, or a group together, may spend in a calendar month.

    It is a limit and nothing else: what was spent stands in the ledger, whether or not there was a budget at the time.
    """

    person = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="budget"
    )
    group = models.OneToOneField(Group, on_delete=models.CASCADE, null=True, blank=True, related_name="budget")
    amount = models.DecimalField(
        gettext_lazy("US dollars a month"), max_digits=10, decimal_places=2, validators=[MinValueValidator(NOTHING)]
    )

    objects = BudgetQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(person__isnull=False, group__isnull=True) | Q(person__isnull=True, group__isnull=False),
                name="budget_of_a_person_or_a_group",
                violation_error_message=gettext_lazy(
                    "A budget is for a person or for a group, and for just one of them."
                ),
            )
        ]

    def __str__(self) -> str:
        return gettext("the budget of %(name)s") % {"name": self.person or self.group}

    def spent(self, month: date) -> Decimal:
        """The spending of this month, including what is under way."""
        return self.state(month).spent

    def state(self, month: date) -> BudgetState:
        booked: Decimal | None = getattr(self, "booked", None)
        if booked is None:
            return Budget.objects.with_spent(month).get(pk=self.pk).state(month)
        owner = self.person or self.group
        return BudgetState(
            self.amount, exact(booked), str(owner), is_own=self.person is not None, renewed_on=month_after(month)
        )


def budget_state(person: "Person") -> BudgetState | None:
    """The budget with the least left for this person this month; None if there is no budget. Two queries at most."""
    budgets = list(Budget.objects.concerning(person).values_list("pk", flat=True))
    # Many have no budget, and the query that adds up takes Django long to put together.
    states = Budget.objects.filter(pk__in=budgets).states() if budgets else []
    return states[0] if states else None


class OverBudget(Exception):
    """A submit would cost more than a budget has left this month."""

    # Why, in words, if it is not about money.
    said = ""

    def __init__(self, budget: Budget, left: Decimal, needed: Decimal) -> None:
        """`needed` is 0 if the price is not known: then the budget is used up."""
        super().__init__(f"{needed} is more than the {left} left of {budget}")
        self.budget = budget
        self.left = left
        self.needed = needed


class Unpriced(OverBudget):
    """The price of a submit is not known, and this person may not use such models. `budget` may be a blank one."""

    def __init__(self, rule: str, budget: Budget | None = None) -> None:
        super().__init__(budget or Budget(amount=NOTHING), NOTHING, NOTHING)
        self.rule = rule


_UNPRICED = {
    "administrators": gettext_lazy(
        "The studio does not know what this model costs. Only administrators may use models without a price. Pick "
        "another model, or ask an administrator to enter the price."
    ),
    "never": gettext_lazy(
        "The studio does not know what this model costs. Models without a price are not used in this studio. Pick "
        "another model, or ask an administrator to enter the price."
    ),
}


def over_budget_message(problem: OverBudget) -> str:
    """What a person reads where a budget or a limit has not enough left."""
    if problem.said:
        return problem.said
    if isinstance(problem, Unpriced):
        in_a_budget = gettext(
            "The studio does not know what this model costs. A model without a price cannot be used while you have a "
            "budget. Pick another model, or ask an administrator to enter the price."
        )
        return str(_UNPRICED.get(problem.rule, in_a_budget))
    group, amount = problem.budget.group, in_dollars(problem.budget.amount)
    values = {"group": group.name if group else "", "amount": amount}
    if problem.left > 0:
        words = (
            gettext(
                "This would cost %(needed)s, and %(left)s of the budget of %(group)s is left this month. Ask for fewer "
                "pictures or a cheaper model, or ask an administrator for more."
            )
            if group
            else gettext(
                "This would cost %(needed)s, and %(left)s of your budget is left this month. Ask for fewer pictures or "
                "a cheaper model, or ask an administrator for more."
            )
        )
        return words % (values | {"needed": in_dollars(problem.needed), "left": in_dollars(problem.left)})
    begins = date_format(month_after(this_month()), "MONTH_DAY_FORMAT")
    return _used_up(is_group=bool(group), is_unpriced=not problem.needed) % (values | {"day": begins})


def _used_up(*, is_group: bool, is_unpriced: bool) -> str:
    if is_group and is_unpriced:
        return gettext(
            "The budget of %(group)s of %(amount)s for this month is used up, and no price is set for this model. It "
            "begins anew on %(day)s, or ask an administrator for more."
        )
    if is_group:
        return gettext(
            "The budget of %(group)s of %(amount)s for this month is used up. It begins anew on %(day)s, or ask an "
            "administrator for more."
        )
    if is_unpriced:
        return gettext(
            "Your budget of %(amount)s for this month is used up, and no price is set for this model. It begins anew "
            "on %(day)s, or ask an administrator for more."
        )
    return gettext(
        "Your budget of %(amount)s for this month is used up. It begins anew on %(day)s, or ask an administrator for "
        "more."
    )


# -- the ledger


class LedgerEntryQuerySet(models.QuerySet["LedgerEntry"]):
    def total(self) -> Decimal:
        return exact(self.aggregate(total=Sum("amount"))["total"])

    def update(self, **changes: Any) -> Never:
        raise TypeError("The ledger is only ever added to.")

    def delete(self) -> Never:
        raise TypeError("The ledger is only ever added to.")


class LedgerEntry(models.Model):
    """One change of what a generation costs."""

    class Kind(models.TextChoices):
        RESERVED = "reserved", gettext_lazy("Reserved")
        SETTLED = "settled", gettext_lazy("Settled")
        RELEASED = "released", gettext_lazy("Released")

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="ledger")
    generation = models.ForeignKey("gallery.Generation", on_delete=models.PROTECT, related_name="ledger")
    groups = models.ManyToManyField(
        Group, related_name="+", blank=True, help_text=gettext_lazy("Those that the person was in when asking.")
    )
    month = models.DateField(help_text=gettext_lazy("The first day of the month that it counts for: that of asking."))
    kind = models.CharField(max_length=8, choices=Kind)
    amount = models.DecimalField(max_digits=12, decimal_places=4)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = LedgerEntryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = gettext_lazy("ledger entries")
        ordering = ["-id"]
        indexes = [models.Index(fields=["month", "person", "amount"], name="ledger_by_month")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.amount}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise TypeError("The ledger is only ever added to.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> Never:
        raise TypeError("The ledger is only ever added to.")


def reserve(person: "Person", generations: "Iterable[Generation]") -> None:
    """Reserve the cost of these new generations in all budgets that concern this person.

    Call it in the transaction that makes them. If two run at once, the second waits for the budgets' rows (with SQLite,
    for the transaction). Raises OverBudget, and then reserves nothing. If a price is not known, nothing can be
    reserved; LEMONSTUDIO_UNPRICED_MODELS says whether such requests are let through, if something is left.
    """
    new = list(generations)
    costs = {generation.pk: cost for generation in new if (cost := exact(generation.estimated_cost))}
    needed = sum(costs.values(), NOTHING)
    is_known = all(generation.estimated_cost is not None for generation in new)
    if not needed and is_known:
        return
    month = month_of(new[0].created_at)
    if not is_known:
        _insist_on_prices(person)
    _insist_on_budgets(person, month, needed, is_known)
    if not costs:
        return
    groups = person.groups.values_list("pk", flat=True)
    _write(LedgerEntry.Kind.RESERVED, person.pk, month, groups, costs)
    unbooked = [generation for generation in new if generation.booked != costs.get(generation.pk, NOTHING)]
    if unbooked:
        type(new[0]).objects.filter(pk__in=[one.pk for one in unbooked]).update(booked=F("estimated_cost"))
    for generation in unbooked:
        generation.booked = costs[generation.pk]


def _insist_on_prices(person: "Person") -> None:
    rule = settings.LEMONSTUDIO_UNPRICED_MODELS
    if rule == "never" or (rule == "administrators" and not person.is_staff):
        raise Unpriced(rule)
    if rule == "without_budget" and (budget := Budget.objects.concerning(person).first()):
        raise Unpriced(rule, budget)


def _insist_on_budgets(person: "Person", month: date, needed: Decimal, is_known: bool) -> None:
    # Locked in one order, and read only when they are: what others have reserved meanwhile counts.
    locked = Budget.objects.concerning(person).select_for_update().order_by("pk").values_list("pk", flat=True)
    budgets = list(locked)
    short = []
    for budget in Budget.objects.filter(pk__in=budgets).with_spent(month) if budgets else ():
        state = budget.state(month)
        if needed > state.left or (state.is_over and not is_known):
            short.append((state.left, budget.pk, budget))
    if short:
        left, _, budget = min(short)
        raise OverBudget(budget, left, needed)


def book(generation: "Generation", costs: Decimal, kind: str) -> None:
    """Bring the ledger to `costs` for this generation, whose row the caller's transaction has locked.

    A row that adds nothing is written only where it says something new: that an estimate was right.
    """
    change = exact(costs) - exact(generation.booked)
    if not change and not generation.booked:
        return
    latest = LedgerEntry.objects.filter(generation=generation).order_by("-pk").first()
    if not change and (latest is None or kind in (latest.kind, LedgerEntry.Kind.RESERVED)):
        return
    month = latest.month if latest else month_of(generation.created_at)
    groups = (latest.groups if latest else generation.author.groups).values_list("pk", flat=True)
    _write(kind, generation.author_id, month, groups, {generation.pk: change})
    # Not by adding in the database: SQLite would do it in floating point.
    generation.booked = exact(generation.booked) + change
    type(generation).objects.filter(pk=generation.pk).update(booked=generation.booked)


def _write(kind: str, person: int, month: date, groups: Iterable[int], amounts: dict[int, Decimal]) -> None:
    """One row for each generation, by its id."""
    entries = LedgerEntry.objects.bulk_create(
        LedgerEntry(person_id=person, generation_id=pk, month=month, kind=kind, amount=amount)
        for pk, amount in amounts.items()
    )
    membership = LedgerEntry.groups.through
    groups = list(groups)
    membership.objects.bulk_create(
        membership(ledgerentry_id=entry.pk, group_id=group) for entry in entries for group in groups
    )
