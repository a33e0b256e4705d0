"""A batch: its page, its commands, and the votes of a comparison."""

from decimal import Decimal

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from gallery import services
from gallery.models import Batch, Generation, OverBudget
from gallery.models.ledger import over_budget_message
from gallery.queries.cards import for_cards
from gallery.views.cards import POLL_INTERVAL, under_way
from gallery.web.access import batch_to_change, batch_to_see, generation_to_see
from gallery.web.cards import Card, cards_of, retry_price, verdict
from gallery.web.http import PersonRequest

# How many cards the page of a batch shows. By default, one submit makes less.
SHOWN = 200
ON_STAGE = range(2, 5)


@require_safe
def batch_detail(request: PersonRequest, pk: int) -> HttpResponse:
    person = request.user
    batch = batch_to_see(request.user, pk)
    rows = Generation.objects.visible_to(person).filter(batch=batch, dismissed=False)
    cards = cards_of(for_cards(rows.order_by("pk")[:SHOWN], person), person)
    compared = cards if batch.kind == Batch.Kind.COMPARISON else []
    # The large view is for two to four pictures of a comparison that has ended; all others are cards.
    stage = [card for card in compared if len(card.pictures) == 1]
    if len(stage) not in ON_STAGE or any(card.generation.is_under_way for card in cards):
        stage = []
    context = {
        "batch": batch,
        "stage": stage,
        "cards": [card for card in cards if card not in stage],
        "total": len(cards),
        "cost": _cost(cards),
        "verdict": verdict(compared),
        "retry_price": retry_price(cards),
        "is_mine": batch.author_id == person.pk,
        "within": f"batch:{batch.pk}",
        "feed": "mine" if batch.author_id == person.pk else "team",
        **under_way(person),
        "waiting": any(card.generation.is_under_way for card in cards),
        "interval": POLL_INTERVAL,
    }
    return render(request, "batches/batch_detail.html", context)


def _cost(cards: list[Card]) -> Decimal | None:
    """What all of it has cost so far; None where that is not known of any."""
    known = [card.generation.cost for card in cards if card.generation.cost is not None]
    return sum(known, Decimal(0)) if known else None


@require_POST
def batch_cancel(request: PersonRequest, pk: int) -> HttpResponseBase:
    batch = batch_to_change(request.user, pk)
    cancelled = services.generations.cancel_batch(batch)
    words = ngettext("Cancelled %(count)d.", "Cancelled %(count)d.", cancelled) % {"count": cancelled}
    messages.info(request, words if cancelled else _("Nothing of this was under way."))
    return _back(request, batch)


@require_POST
def batch_retry(request: PersonRequest, pk: int) -> HttpResponseBase:
    batch = batch_to_change(request.user, pk)
    try:
        again = services.generations.retry_batch(batch)
    except OverBudget as problem:
        messages.error(request, over_budget_message(problem))
    else:
        words = ngettext("Asked for %(count)d again.", "Asked for %(count)d again.", len(again)) % {"count": len(again)}
        messages.info(request, words if again else _("There is nothing to try again."))
    return _back(request, batch)


def _back(request: PersonRequest, batch: Batch) -> HttpResponseBase:
    return redirect("batch_detail", batch.pk)


@require_POST
def generation_vote(request: PersonRequest, pk: int) -> HttpResponseBase:
    """Vote for this one in its comparison. A second press takes the vote back."""
    person = request.user
    generation = generation_to_see(request.user, pk)
    if generation.batch is None or generation.batch.kind != Batch.Kind.COMPARISON:
        return redirect("create")
    services.generations.vote(person, generation)
    if not request.htmx:
        return redirect("batch_detail", generation.batch.pk)
    compared = Generation.objects.visible_to(person).filter(batch=generation.batch)
    cards = cards_of(for_cards(compared, person), person)
    context = {"batch": generation.batch, "cards": cards, "asked": generation.pk, "verdict": verdict(cards)}
    return render(request, "batches/_votes_answer.html", context)
