"""Budgets, and the ledger that they are compared with."""

from datetime import date
from typing import Any

from django.contrib import admin
from django.db.models import F, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from gallery.models import Budget, LedgerEntry
from gallery.models.ledger import WARN_FROM, in_dollars, this_month


def spent_in_words(budget: Budget) -> str:
    """What is spent of a budget, in dollars and per cent, with a warning in words if it is needed."""
    if budget._state.adding:
        return "–"
    state = budget.state(this_month())
    if state.is_over:
        words = _("%(spent)s (%(percent)d %%, used up)")
    elif state.is_warning:
        words = _("%(spent)s (%(percent)d %%, nearly used up)")
    else:
        words = _("%(spent)s (%(percent)d %%)")
    return words % {"spent": in_dollars(state.spent, cents=True), "percent": state.percent}


class BudgetInline(admin.StackedInline[Budget, Any]):
    """The budget on the page of its person or group."""

    model = Budget
    extra = 0
    max_num = 1
    fields = ["amount", "spent_this_month"]
    readonly_fields = ["spent_this_month"]
    verbose_name_plural = gettext_lazy("budget")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Budget]:
        return super().get_queryset(request).with_spent(this_month())  # type: ignore[attr-defined, no-any-return]  # super() loses what is a QuerySet's own

    @admin.display(description=gettext_lazy("spent this month"))
    def spent_this_month(self, budget: Budget) -> str:
        return spent_in_words(budget)


class LevelFilter(admin.SimpleListFilter):
    title = gettext_lazy("how much is spent")
    parameter_name = "level"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("over", _("Used up")), ("warning", _("80 % or more")), ("fine", _("Less than 80 %"))]

    def queryset(self, request: HttpRequest, budgets: Any) -> Any:
        if self.value() == "over":
            return budgets.filter(booked__gte=F("amount"))
        if self.value() == "warning":
            return budgets.filter(booked__gte=F("amount") * WARN_FROM)
        if self.value() == "fine":
            return budgets.filter(booked__lt=F("amount") * WARN_FROM)
        return budgets


class OwnerFilter(admin.SimpleListFilter):
    title = gettext_lazy("whose")
    parameter_name = "whose"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("person", _("A person’s")), ("group", _("A group’s"))]

    def queryset(self, request: HttpRequest, budgets: QuerySet[Budget]) -> QuerySet[Budget]:
        whose = self.value()
        return budgets.exclude(**{whose: None}) if whose in ("person", "group") else budgets


@admin.register(Budget)
class BudgetAdmin(admin.ModelAdmin[Budget]):
    list_display = ["whose", "amount", "spent_this_month", "left"]
    list_filter = [OwnerFilter, LevelFilter]
    search_fields = ["person__name", "person__email", "group__name"]
    autocomplete_fields = ["person", "group"]
    fields = ["person", "group", "amount", "spent_this_month"]
    readonly_fields = ["spent_this_month"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Budget]:
        return Budget.objects.with_spent(this_month())

    def get_readonly_fields(self, request: HttpRequest, obj: Budget | None = None) -> list[str]:
        """An existing budget keeps its owner: another owner's budget is a new row."""
        return [*(["person", "group"] if obj else []), "spent_this_month"]

    @admin.display(description=gettext_lazy("whose"), ordering="person__name")
    def whose(self, budget: Budget) -> str:
        return str(budget.person) if budget.person else _("%(group)s (group)") % {"group": budget.group}

    @admin.display(description=gettext_lazy("spent this month"), ordering="booked")
    def spent_this_month(self, budget: Budget) -> str:
        return spent_in_words(budget)

    @admin.display(description=gettext_lazy("left"))
    def left(self, budget: Budget) -> str:
        return in_dollars(budget.state(this_month()).left, cents=True)


class MonthFilter(admin.SimpleListFilter):
    title = gettext_lazy("month")
    parameter_name = "month"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        months = LedgerEntry.objects.order_by("-month").values_list("month", flat=True).distinct()
        return [(month.isoformat(), date_format(month, "YEAR_MONTH_FORMAT")) for month in months[:24]]

    def queryset(self, request: HttpRequest, entries: QuerySet[LedgerEntry]) -> QuerySet[LedgerEntry]:
        month = parse_month(self.value())
        return entries.filter(month=month) if month else entries


def parse_month(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None


@admin.register(LedgerEntry)
class LedgerEntryAdmin(admin.ModelAdmin[LedgerEntry]):
    """Read only: entries are only added, by what happens to generations."""

    list_display = ["created_at", "person", "link", "model_label", "kind", "amount", "counts_for"]
    readonly_fields = ["link", "model_label", "counts_for"]
    list_filter = ["kind", MonthFilter, "groups", "generation__model", "person"]
    list_select_related = ["person", "generation__model"]
    search_fields = ["person__name", "person__email", "=generation__id"]
    date_hierarchy = "created_at"
    fields = ["created_at", "person", "groups", "link", "model_label", "kind", "amount", "counts_for"]
    show_full_result_count = False

    @admin.display(description=gettext_lazy("generation"), ordering="generation")
    def link(self, entry: LedgerEntry) -> SafeString:
        address = reverse("admin:gallery_generation_change", args=[entry.generation_id])
        return format_html('<a href="{}">{}</a>', address, entry.generation)

    @admin.display(description=gettext_lazy("counts for"), ordering="month")
    def counts_for(self, entry: LedgerEntry) -> str:
        return date_format(entry.month, "YEAR_MONTH_FORMAT")

    @admin.display(description=gettext_lazy("model"))
    def model_label(self, entry: LedgerEntry) -> str:
        return entry.generation.model.label

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: LedgerEntry | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: LedgerEntry | None = None) -> bool:
        return False
