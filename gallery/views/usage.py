"""Usage: what a person spent and made in a month. Administrators also see the team's."""

import re
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from gallery.models import Budget, Generation, Person, State
from gallery.models.ledger import in_dollars, month_after, this_month
from gallery.models.numbers import whole
from gallery.queries.usage import (
    Figures,
    Usage,
    asked_for_in,
    cost_by_group,
    first_month,
    usage_of,
    with_picture_count,
)
from gallery.web import charts
from gallery.web.csv_files import csv_file
from gallery.web.http import PersonRequest

MEASURES = ("cost", "pictures")
BUDGETS_SHOWN = 12
LABELLED_DAYS = (1, 8, 15, 22, 29)


def may_see_team(person: Person) -> bool:
    return person.is_staff and person.has_perm("gallery.view_ledgerentry")


def _asked(request: PersonRequest) -> tuple[date, Person | None]:
    """The month asked for, and the person whose usage it is; None means the team's. Raises Http404."""
    person = request.user
    wanted = request.GET.get("month", "")
    if not wanted:
        month = this_month()
    elif re.fullmatch(r"2\d{3}-(0[1-9]|1[0-2])", wanted, re.ASCII):
        month = date.fromisoformat(f"{wanted}-01")
    else:
        raise Http404
    if request.GET.get("view") != "team":
        return month, person
    if not may_see_team(person):
        raise Http404
    return month, None


@require_safe
def usage(request: PersonRequest) -> HttpResponse:
    month, author = _asked(request)
    person = request.user
    figures = usage_of(month, author)
    measure = request.GET.get("by", "")
    if measure not in MEASURES:
        measure = "cost" if figures.total.cost or not figures.total.pictures else "pictures"
    for lines in (figures.models, figures.people):
        lines.sort(key=lambda line: -_value(line, measure))
    is_now = month == this_month()
    concerned = Budget.objects.concerning(person) if author else Budget.objects.all()
    # It is not recorded what a budget was in an earlier month.
    budgets = concerned.states(month) if is_now else []
    context: dict[str, Any] = {
        "usage": figures,
        "month": month,
        "is_now": is_now,
        "is_team": author is None,
        "may_see_team": author is None or may_see_team(person),
        "measure": measure,
        "budgets": budgets[:BUDGETS_SHOWN],
        "more_budgets": max(0, len(budgets) - BUDGETS_SHOWN),
        "groups": cost_by_group(month) if author is None else [],
        "day_chart": _day_chart(figures, measure),
        "model_chart": _line_chart(figures.models, measure),
        "people_chart": _line_chart(figures.people, measure),
        "busy_days": [(month + timedelta(days=number), day) for number, day in enumerate(figures.days) if day.requests],
        "links": _links(month, is_now, author, request.GET.get("by", "")),
    }
    return render(request, "usage/usage.html", context)


def _links(month: date, is_now: bool, author: Person | None, measure: str) -> dict[str, str]:
    """The addresses of this page with one thing changed in each."""

    def to(name: str = "usage", **changes: str) -> str:
        query = {"month": "" if is_now else f"{month:%Y-%m}", "view": "" if author else "team", "by": measure} | changes
        text = urlencode({key: value for key, value in query.items() if value})
        return f"{reverse(name)}?{text}" if text else reverse(name)

    current = this_month()
    links = {
        "mine": to(view=""),
        "team": to(view="team"),
        "cost": to(by="cost"),
        "pictures": to(by="pictures"),
        "csv": to("usage_csv", month=f"{month:%Y-%m}", by=""),
        "now": to(month=""),
    }
    first = first_month(author)
    if first is not None and month > first:
        before = min(month - timedelta(days=1), current)
        links["previous"] = to(month=f"{before:%Y-%m}")
        links["previous_month"] = date_format(before, "YEAR_MONTH_FORMAT")
    if month < current:
        after = month_after(month)
        links["next"] = to(month="" if after == current else f"{after:%Y-%m}")
        links["next_month"] = date_format(after, "YEAR_MONTH_FORMAT")
    return links


def _value(line: Figures, measure: str) -> Decimal:
    return line.cost if measure == "cost" else Decimal(line.pictures)


def _pictures(number: int) -> str:
    return ngettext("%(count)s picture", "%(count)s pictures", number) % {"count": whole(number)}


def _day_in_words(month: date, day: Figures) -> str:
    return _("%(day)s: %(cost)s, %(pictures)s") % {
        "day": date_format(month.replace(day=int(day.label)), "MONTH_DAY_FORMAT"),
        "cost": day.dollars,
        "pictures": _pictures(day.pictures),
    }


def _day_chart(figures: Usage, measure: str) -> charts.ColumnChart:
    today = timezone.localdate()
    is_now = today.replace(day=1) == figures.month
    return charts.columns(
        [_value(day, measure) for day in figures.days],
        [_day_in_words(figures.month, day) for day in figures.days],
        in_words=in_dollars if measure == "cost" else lambda value: whole(int(value)),
        labels=[day.label if int(day.label) in LABELLED_DAYS else "" for day in figures.days],
        marked=today.day - 1 if is_now else None,
        least_top=Decimal("0.01") if measure == "cost" else Decimal(2),
    )


def _line_chart(lines: list[Figures], measure: str) -> charts.BarChart:
    return charts.bars(
        [_value(line, measure) for line in lines],
        [line.label for line in lines],
        [line.dollars if measure == "cost" else _pictures(line.pictures) for line in lines],
    )


# -- the same as a file


@require_safe
def usage_csv(request: PersonRequest) -> HttpResponseBase:
    """One row for each generation of the month. The team's file leaves out the prompts."""
    month, author = _asked(request)
    generations = asked_for_in(month, author).select_related("author", "model").order_by("created_at", "pk")
    rows = with_picture_count(generations).defer("options", "results", "error_message", "error_hint")
    # In the language of this request: the rows are written after its end.
    prompt = [_("Prompt")] if author else []
    head = [_("Date"), _("Person"), _("Model"), *prompt, _("Pictures asked for"), _("Pictures"), _("State")]
    states = {state.value: str(state.label) for state in State}
    lines = (_row(one, states, with_prompt=author is not None) for one in rows.iterator(chunk_size=500))
    return csv_file([*head, _("Cost (USD)")], lines, f"lemon-studio-usage-{'' if author else 'team-'}{month:%Y-%m}.csv")


def _row(generation: Generation, states: Mapping[str, str], *, with_prompt: bool) -> list[str]:
    cost = "" if generation.estimated_cost is None else f"{generation.booked:.4f}"
    return [
        timezone.localtime(generation.created_at).strftime("%Y-%m-%d %H:%M"),
        str(generation.author),
        str(generation.model),
        *([generation.prompt] if with_prompt else []),
        str(generation.count),
        str(getattr(generation, "pictures_made", 0)),
        states[generation.state],
        cost,
    ]
