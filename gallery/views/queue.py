"""The queue: what is under way and what ended without a picture, for one person or for the team."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect

from gallery import services
from gallery.models import Generation, OverBudget, UpstreamAccount
from gallery.models.ledger import over_budget_message
from gallery.models.states import ENDED_IN_VAIN
from gallery.queries.cards import for_cards
from gallery.web.cards import cards_of
from gallery.web.http import PersonRequest

SHOWN = 100


@require_safe
def queue(request: PersonRequest) -> HttpResponse:
    person = request.user
    who = "team" if request.GET.get("who") == "team" else "mine"
    own = Generation.objects.filter(author=person)
    rows = own if who == "mine" else Generation.objects.visible_to(person)
    ended = own.filter(state__in=ENDED_IN_VAIN, dismissed=False)
    everything = Generation.objects.under_way()
    context: dict[str, Any] = {
        "who": who,
        "under_way": cards_of(for_cards(rows.under_way().order_by("pk")[:SHOWN], person), person),
        "ended": cards_of(for_cards(ended.order_by("-pk")[:SHOWN], person), person),
        "account": UpstreamAccount.load(),
    }
    # Private generations of others are only counted, to explain the wait.
    context["others"] = everything.count() - rows.under_way().count() if who == "team" else 0
    template = "queue/_queue.html" if request.htmx else "queue/queue.html"
    return render(request, template, context)


def _done(request: PersonRequest, said: str) -> HttpResponseBase:
    """Go back to Create, where the cards are. The queue's dialog is part of that page."""
    messages.info(request, said)
    if request.htmx:
        return HttpResponseClientRedirect(reverse("create"))
    return redirect("queue")


@require_POST
def queue_cancel(request: PersonRequest) -> HttpResponseBase:
    cancelled = services.generations.cancel_all(request.user)
    words = ngettext("Cancelled %(count)d.", "Cancelled %(count)d.", cancelled) % {"count": cancelled}
    return _done(request, words if cancelled else _("Nothing was under way."))


@require_POST
def queue_retry(request: PersonRequest) -> HttpResponseBase:
    try:
        again = services.generations.retry_all(request.user)
    except OverBudget as problem:
        return _done(request, over_budget_message(problem))
    words = ngettext("Asked for %(count)d again.", "Asked for %(count)d again.", len(again)) % {"count": len(again)}
    return _done(request, words if again else _("There is nothing to try again."))


@require_POST
def queue_clear(request: PersonRequest) -> HttpResponseBase:
    cleared = services.generations.dismiss_all(request.user)
    words = ngettext("Cleared %(count)d.", "Cleared %(count)d.", cleared) % {"count": cleared}
    return _done(request, words if cleared else _("There is nothing to clear."))


@require_safe
def favicon(request: PersonRequest, count: int) -> HttpResponse:
    """The icon of the tab, with the number of generations under way."""
    context = {"shown": str(count) if count < 100 else "99+", "many": count > 9}
    response = render(request, "base/favicon.svg", context, content_type="image/svg+xml")
    response["Cache-Control"] = "private, max-age=31536000, immutable"
    return response
