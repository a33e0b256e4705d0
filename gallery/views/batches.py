"""A batch: its page, its commands, and the votes of a comparison."""

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from gallery import services
from gallery.models import Batch, Generation, OverBudget
from gallery.models.ledger import over_budget_message
from gallery.queries.cards import for_cards
from gallery.views.cards import POLL_INTERVAL, under_way
from gallery.web.access import batch_to_change, batch_to_see, generation_to_see
from gallery.web.cards import cards_of
from gallery.web.http import PersonRequest

# How many cards the page of a batch shows. By default, one submit makes less.
SHOWN = 200


@require_safe
def batch_detail(request: PersonRequest, pk: int) -> HttpResponse:
    person = request.user
    batch = batch_to_see(request.user, pk)
    rows = Generation.objects.visible_to(person).filter(batch=batch, dismissed=False)
    cards = cards_of(for_cards(rows.order_by("pk")[:SHOWN], person), person)
    context = {
        "batch": batch,
        "cards": cards,
        "is_mine": batch.author_id == person.pk,
        "within": f"batch:{batch.pk}",
        "feed": "mine" if batch.author_id == person.pk else "team",
        **under_way(person),
        "waiting": any(card.generation.is_under_way for card in cards),
        "interval": POLL_INTERVAL,
    }
    return render(request, "batches/batch_detail.html", context)


@require_POST
def batch_cancel(request: PersonRequest, pk: int) -> HttpResponseBase:
    batch = batch_to_change(request.user, pk)
    cancelled = services.generations.cancel_batch(batch)
    messages.info(request, f"Stopped waiting for {cancelled}." if cancelled else "Nothing of this was under way.")
    return _back(request, batch)


@require_POST
def batch_retry(request: PersonRequest, pk: int) -> HttpResponseBase:
    batch = batch_to_change(request.user, pk)
    try:
        again = services.generations.retry_batch(batch)
    except OverBudget as problem:
        messages.error(request, over_budget_message(problem))
    else:
        messages.info(request, f"Asked for {len(again)} again." if again else "Nothing of this is to be tried again.")
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
    context = {"cards": cards_of(for_cards(compared, person), person), "asked": generation.pk}
    return render(request, "batches/_votes_answer.html", context)
