"""What may be spent, and what was.

Every amount is in US dollars. The ledger is only ever added to: a generation's rows add up to what it costs by what is
known now, first an estimate, in the end what it did cost. Its `booked` says the same in one number.
"""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.contrib.auth.models import Group
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q, Sum
from django.utils import timezone

if TYPE_CHECKING:
    from gallery.models.generation import Generation
    from gallery.models.people import Person

NOTHING = Decimal(0)
# Of a budget; from here on the page warns.
WARN_FROM = Decimal("0.8")


def this_month() -> date:
    """The first day of the current month, in the studio's time zone."""
    return timezone.localdate().replace(day=1)


class OverBudget(Exception):
    """A submit would cost more than a budget has left this month."""

    def __init__(self, budget: "Budget", left: Decimal, needed: Decimal) -> None:
        super().__init__(f"{needed} is more than the {left} left of {budget}")
        self.budget = budget
        self.left = left
        self.needed = needed


class BudgetQuerySet(models.QuerySet["Budget"]):
    def concerning(self, person: "Person") -> Self:
        """A person's own, and those of this person's groups."""
        return self.filter(Q(person=person) | Q(group__in=person.groups.all()))


class Budget(models.Model):
    """What a person, or a group together, may spend in a calendar month."""

    person = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="budget"
    )
    group = models.OneToOneField(Group, on_delete=models.CASCADE, null=True, blank=True, related_name="budget")
    amount = models.DecimalField(
        "US dollars a month", max_digits=10, decimal_places=2, validators=[MinValueValidator(NOTHING)]
    )

    objects = BudgetQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(person__isnull=False, group__isnull=True) | Q(person__isnull=True, group__isnull=False),
                name="budget_of_a_person_or_a_group",
                violation_error_message="A budget is for a person or for a group, and for just one of them.",
            )
        ]

    def __str__(self) -> str:
        return f"the budget of {self.person or self.group}"

    def spent(self, month: date) -> Decimal:
        """In this month, what is under way included."""
        return self.entries.filter(month=month).aggregate(total=Sum("amount"))["total"] or NOTHING


class LedgerEntry(models.Model):
    """One change of what a generation costs. Budgets are those that it counted against when it was asked for."""

    class Kind(models.TextChoices):
        RESERVED = "reserved", "Reserved"
        SETTLED = "settled", "Settled"
        RELEASED = "released", "Released"

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="ledger")
    generation = models.ForeignKey("gallery.Generation", on_delete=models.PROTECT, related_name="ledger")
    budgets = models.ManyToManyField(Budget, related_name="entries", blank=True)
    month = models.DateField(help_text="The first day of the month that it counts for: that of asking.")
    kind = models.CharField(max_length=8, choices=Kind)
    amount = models.DecimalField(max_digits=12, decimal_places=4)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name_plural = "ledger entries"
        ordering = ["-id"]
        indexes = [models.Index(fields=["month", "person"], name="ledger_by_month")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.amount}"


def reserve(person: "Person", generations: "Iterable[Generation]") -> None:
    """Take what these new generations will cost out of all budgets that concern this person, or nothing at all.

    To be called in the transaction that makes them: of two at once, the second waits at the budgets' rows (with SQLite,
    at the transaction). Raises OverBudget.
    """
    priced = [generation for generation in generations if generation.estimated_cost]
    needed = sum((generation.estimated_cost or NOTHING for generation in priced), NOTHING)
    if not needed:
        return
    budgets = list(Budget.objects.concerning(person).select_for_update().order_by("pk"))
    month = this_month()
    for budget in budgets:
        left = budget.amount - budget.spent(month)
        if needed > left:
            raise OverBudget(budget, max(left, NOTHING), needed)
    for generation in priced:
        _write(generation, LedgerEntry.Kind.RESERVED, generation.estimated_cost or NOTHING, month, budgets)


def book(generation: "Generation", costs: Decimal, kind: str) -> None:
    """Bring the ledger to `costs` for this generation, whose row the caller's transaction has locked."""
    first = LedgerEntry.objects.filter(generation=generation).order_by("pk").prefetch_related("budgets").first()
    month = first.month if first else this_month()
    budgets = list(first.budgets.all()) if first else list(Budget.objects.concerning(generation.author))
    _write(generation, kind, costs - generation.booked, month, budgets)


def _write(generation: "Generation", kind: str, amount: Decimal, month: date, budgets: list[Budget]) -> None:
    entry = LedgerEntry.objects.create(
        person_id=generation.author_id, generation=generation, month=month, kind=kind, amount=amount
    )
    entry.budgets.add(*budgets)
    generation.booked += amount
    type(generation).objects.filter(pk=generation.pk).update(booked=generation.booked)
