"""The feed of cards, and the actions on a card."""

import uuid
from operator import attrgetter
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import trigger_client_event

from gallery import services
from gallery.forms.tokens import TokenForm
from gallery.models import Generation, ImageModel, OverBudget, Person, Picture, State, UpstreamAccount
from gallery.models.ledger import budget_state, in_dollars, over_budget_message
from gallery.queries.cards import for_cards
from gallery.queries.limits import limits_of
from gallery.services.errors import InvalidInput
from gallery.web.access import file_to_see, generation_to_change, generation_to_see
from gallery.web.cards import Card, cards_of
from gallery.web.http import PersonRequest, number_in
from gallery.web.media import serve_untrusted

PAGE = 20
# Milliseconds between two polls of a browser. A poll reads only the database.
POLL_INTERVAL = 1000
FEEDS = ("mine", "team")


def feed_of(request: PersonRequest) -> str:
    feed = request.POST.get("feed") or request.GET.get("feed", "mine")
    return feed if feed in FEEDS else "mine"


def feed_page(person: Person, feed: str, before: int | None = None) -> dict[str, Any]:
    rows = Generation.objects.in_feed()
    rows = rows.filter(author=person) if feed == "mine" else rows.visible_to(person)
    if before is not None:
        rows = rows.filter(pk__lt=before)
    page = for_cards(rows.order_by("-pk")[: PAGE + 1], person)
    return {
        "cards": cards_of(page[:PAGE], person),
        "next_before": page[PAGE - 1].pk if len(page) > PAGE else None,
        "feed": feed,
    }


def under_way(person: Person) -> dict[str, Any]:
    return {
        "under_way": Generation.objects.filter(author=person).under_way().count(),
        "interval": POLL_INTERVAL,
        "account": UpstreamAccount.load(),
    }


def mark_seen(cards: list[Card]) -> None:
    """Their author sees them now. From the next time on, they are not marked as new."""
    seen = [card.generation.pk for card in cards if card.is_new]
    if seen:
        Generation.objects.filter(pk__in=seen).update(is_new=False)


def created_answer(request: PersonRequest, generations: list[Generation]) -> HttpResponse:
    """Put new cards on top of the feed. The form stays as it is for the next picture, with a new token."""
    person = request.user
    context = {
        # As they were written a moment ago: nothing is read again. If one was sent meanwhile, the next poll tells.
        "cards": cards_of(for_cards(sorted(generations, key=attrgetter("pk"), reverse=True), person), person),
        **under_way(person),
        "feed": feed_of(request),
        "form": TokenForm(initial={"token": uuid.uuid4()}),
        "budget": budget_state(person),
        "limits": limits_of(person),
    }
    return render(request, "generations/_generation_created.html", context)


@require_safe
def generation_feed(request: PersonRequest) -> HttpResponse:
    person = request.user
    context = feed_page(person, feed_of(request), number_in(request.GET.get("before")))
    # These may be the first cards on the page that have to be polled.
    if any(card.generation.is_under_way for card in context["cards"]):
        context |= {**under_way(person), "waiting": True}
    return render(request, "generations/_feed_more.html", context)


def _changed(request: PersonRequest, generation: Generation, said: str = "") -> HttpResponseBase:
    """Answer an action on a card with the card as it is now."""
    if not request.htmx:
        if said:
            messages.info(request, said)
        return redirect("create")
    person = request.user
    context = {
        "cards": cards_of(for_cards(Generation.objects.filter(pk=generation.pk), person), person),
        "feed": feed_of(request),
        **under_way(person),
    }
    response = render(request, "generations/_generation_created.html", context)
    return trigger_client_event(response, "toast", {"message": said}) if said else response


@require_POST
def generation_cancel(request: PersonRequest, pk: int) -> HttpResponseBase:
    generation = generation_to_change(request.user, pk)
    generation.stop_waiting()
    return _changed(request, generation)


@require_POST
def generation_retry(request: PersonRequest, pk: int) -> HttpResponseBase:
    """Ask the same model again, or the one that is on offer instead. The new card replaces the old one."""
    generation = generation_to_change(request.user, pk)
    wanted = request.POST.get("model") or generation.model.slug
    model = ImageModel.objects.on_offer().filter(slug=wanted).first()
    if (
        model
        and generation.kind != Generation.Kind.CREATE
        and model not in (generation.model, generation.suggested_model)
    ):
        model = None  # the source was prepared to fit these two only
    if model is None:
        is_about_its_own = wanted == generation.model.slug
        said = _not_on_offer(generation.model) if is_about_its_own else _("This model is not on offer any more.")
        return _changed(request, generation, said)
    if generation.state == State.QUEUED and model == generation.suggested_model:
        generation.withdraw()  # it waits for a higher balance, and this model costs less
    try:
        again = services.generations.retry(generation, model)
    except OverBudget as problem:
        return _changed(request, generation, over_budget_message(problem))
    except InvalidInput as problem:
        return _changed(request, generation, problem.message)
    if again is None:
        return _changed(request, generation, _("There is nothing to ask for again here any more."))
    return _changed(request, again)


def _not_on_offer(model: ImageModel) -> str:
    ImageModel.objects.all().label_replacements([model])
    if not model.replacement:
        return _("%(model)s is not on offer for this any more.") % {"model": model}
    words = _("%(model)s is not on offer for this any more. %(replacement)s takes its place.")
    return words % {"model": model, "replacement": model.replacement_label}


@require_POST
def generation_again(request: PersonRequest, pk: int) -> HttpResponseBase:
    """Run again: ask for the same as a generation of any author. The new one belongs to this person."""
    person = request.user
    earlier = generation_to_see(request.user, pk)
    if not earlier.model.is_on_offer or earlier.kind != Generation.Kind.CREATE:
        messages.info(request, _not_on_offer(earlier.model))
        return redirect("create")
    if not earlier.prompt:
        messages.error(request, _("The prompt of this request was deleted, so it cannot be asked for again."))
        return redirect("create")
    gallery = earlier.gallery if earlier.author_id == person.pk else None
    try:
        spec = services.generations.GenerationSpec(
            earlier.model,
            earlier.prompt,
            earlier.model.fitting(earlier.options, earlier.operation),
            min(earlier.count, earlier.model.max_count),
            parent=Picture.objects.visible_to(person).filter(generation=earlier).order_by("index").first(),
            references=services.references.of(earlier, person) if earlier.references.exists() else (),
        )
        generations = services.generations.submit_all(person, [spec], gallery=gallery, token=_token(request))
    except services.generations.AlreadySubmitted:
        return redirect("create")
    except OverBudget as problem:
        messages.error(request, over_budget_message(problem))
        return redirect("create")
    except InvalidInput as problem:
        messages.error(request, problem.message)
        return redirect("create")
    if request.htmx and "stay" in request.POST:
        return _sent_answer(request, generations)
    return created_answer(request, generations) if request.htmx else redirect("create")


def _sent_answer(request: PersonRequest, generations: list[Generation]) -> HttpResponse:
    """For a page that stays: what was sent and costs, and a new token for the next press."""
    price = Card(generations[0], request.user).again_price
    if price is None:
        said = _("Sent. You find it on Create.")
    else:
        said = _("Sent for %(price)s. You find it on Create.") % {"price": in_dollars(price)}
    response = render(request, "generations/_again_token.html", {"again_token": uuid.uuid4()})
    return trigger_client_event(response, "toast", {"message": said})


def _token(request: PersonRequest) -> uuid.UUID | None:
    """The token of the button, which makes a double click one request."""
    try:
        return uuid.UUID(request.POST.get("token", ""))
    except ValueError:
        return None


@require_POST
def generation_dismiss(request: PersonRequest, pk: int) -> HttpResponseBase:
    generation = generation_to_change(request.user, pk)
    if not services.generations.dismiss(generation):
        return _changed(request, generation)
    return HttpResponse() if request.htmx else redirect("create")


@require_safe
def generation_file(request: PersonRequest, pk: int, index: int) -> HttpResponseBase:
    """A delivered file that is no picture, to be saved."""
    kept = file_to_see(request.user, pk, index)
    return serve_untrusted(request, kept.name, kept.download_name)


@require_POST
def generation_file_delete(request: PersonRequest, pk: int, index: int) -> HttpResponseBase:
    generation = generation_to_change(request.user, pk)
    said = _("The file was deleted.") if services.generations.delete_file(generation, index) else ""
    return _changed(request, generation, said)


@require_POST
def generation_fetch(request: PersonRequest, pk: int) -> HttpResponseBase:
    generation = generation_to_change(request.user, pk)
    services.generations.fetch_again(generation)
    return _changed(request, generation)
