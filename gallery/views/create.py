"""Create: the composer, the feed and what happens on its cards."""

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect, trigger_client_event

from gallery import services
from gallery.access import generation_to_change, signed_in
from gallery.forms import OPTION_PREFIX, GenerationForm
from gallery.http import StudioRequest
from gallery.models import Generation, ImageModel, Person, State, UpstreamAccount

PAGE = 20
POLLED_AT_ONCE = 200
# Milliseconds. What the browser asks is only this server's database.
POLL_INTERVAL = 1000
EXAMPLES = (
    "A lemon tree on a terrace above the sea, early morning light",
    "A quiet mountain lake under the northern lights",
    "A poster for a jazz night, bold shapes, midnight blue and gold",
)
FEEDS = ("mine", "team")


def _feed_of(request: StudioRequest) -> str:
    feed = request.POST.get("feed") or request.GET.get("feed", "mine")
    return feed if feed in FEEDS else "mine"


def _feed(person: Person, feed: str, before: int | None = None) -> dict[str, Any]:
    rows = Generation.objects.in_feed().for_cards(person)
    rows = rows.filter(author=person) if feed == "mine" else rows.visible_to(person)
    if before is not None:
        rows = rows.filter(pk__lt=before)
    page = list(rows.order_by("-pk")[: PAGE + 1])
    return {
        "generations": page[:PAGE],
        "next_before": page[PAGE - 1].pk if len(page) > PAGE else None,
        "feed": feed,
    }


def _keyset(request: StudioRequest) -> int | None:
    """The id below which a page of the feed begins."""
    before = request.GET.get("before", "")
    return int(before) if before.isdecimal() and len(before) < 19 else None


def _under_way(person: Person) -> dict[str, Any]:
    return {
        "under_way": Generation.objects.filter(author=person).under_way().count(),
        "interval": POLL_INTERVAL,
        "account": UpstreamAccount.load(),
    }


def _page(request: StudioRequest, form: GenerationForm, status: int = 200) -> HttpResponse:
    person = signed_in(request)
    context: dict[str, Any] = {
        "form": form,
        **_feed(person, _feed_of(request), _keyset(request)),
        **_under_way(person),
        "examples": EXAMPLES,
    }
    # In the team's feed, cards of others are waited for, too.
    context["waiting"] = any(generation.is_under_way for generation in context["generations"])
    return render(request, "gallery/create.html", context, status=status)


def _initial(request: StudioRequest, person: Person) -> dict[str, Any]:
    """A fresh form, or one filled from an earlier generation that this person may see."""
    initial: dict[str, Any] = {"token": uuid.uuid4(), "prompt": request.GET.get("prompt", "")}
    source = request.GET.get("prompt_from", "")
    if source.isdecimal() and len(source) < 19:
        earlier = Generation.objects.visible_to(person).filter(pk=int(source)).first()
        if earlier is not None:
            initial |= {"prompt": earlier.prompt, "model": earlier.model_id, "count": earlier.count}
            initial |= {OPTION_PREFIX + name: value for name, value in earlier.options.items()}
    return initial


@require_safe
def create(request: StudioRequest) -> HttpResponse:
    person = signed_in(request)
    return _page(request, GenerationForm(person=person, initial=_initial(request, person)))


@require_POST
def generation_create(request: StudioRequest) -> HttpResponseBase:
    person = signed_in(request)
    form = GenerationForm(request.POST, person=person)
    if not form.is_valid():
        if request.htmx:
            return render(request, "gallery/_composer.html", {"form": form}, status=422)
        return _page(request, form, status=422)
    cleaned = form.cleaned_data
    try:
        generation = services.submit(
            person,
            model=cleaned["model"],
            prompt=cleaned["prompt"],
            options=form.options,
            count=cleaned["count"],
            gallery=cleaned["gallery"],
            token=cleaned["token"],
        )
    except services.AlreadySubmitted:
        # A double click, or a page that was sent again: its card is in the feed already.
        return HttpResponseClientRedirect(reverse("create")) if request.htmx else redirect("create")
    if not request.htmx:
        return redirect("create")
    context = {
        "generation": Generation.objects.for_cards(person).get(pk=generation.pk),
        **_under_way(person),
        "feed": _feed_of(request),
        # The form stays as it is for the next picture; only its token is spent.
        "form": GenerationForm(person=person, initial={"token": uuid.uuid4()}),
    }
    return render(request, "gallery/_generation_created.html", context)


@require_GET
def generation_options(request: StudioRequest) -> HttpResponse:
    """The options of the model that was just picked; what was chosen before stays where this model has it too."""
    wanted: dict[str, Any] = {name: value for name, value in request.GET.items() if name.startswith(OPTION_PREFIX)}
    wanted["model"] = request.GET.get("model", "")
    count = request.GET.get("count", "")
    if count.isdecimal() and len(count) < 3:
        wanted["count"] = int(count)
    form = GenerationForm(person=signed_in(request), initial=wanted)
    return render(request, "gallery/_options.html", {"form": form})


@require_safe
def generation_feed(request: StudioRequest) -> HttpResponse:
    feed = _feed(signed_in(request), _feed_of(request), _keyset(request))
    return render(request, "gallery/_feed_page.html", feed)


@require_POST
def generation_poll(request: StudioRequest) -> HttpResponse:
    """The one poll of a page: says which unfinished cards it shows, gets those that have changed; 204 if none."""
    person = signed_in(request)
    shown: dict[int, str] = {}
    for pending in request.POST.getlist("pending")[:POLLED_AT_ONCE]:
        pk, _, version = pending.partition(":")
        if pk.isdecimal() and len(pk) < 19:
            shown[int(pk)] = version
    rows = Generation.objects.visible_to(person).filter(pk__in=shown).for_cards(person)
    states = dict(rows.values_list("pk", "version"))
    changed = [pk for pk, version in states.items() if str(version) != shown[pk]]
    under_way = _under_way(person)
    # What the page shows beside the cards: the banner and the badge.
    now_beside = (under_way["account"].pause_code, str(under_way["under_way"]))
    shown_beside = (request.POST.get("paused", ""), request.POST.get("under_way", now_beside[1]))
    if not changed and shown_beside == now_beside:
        return HttpResponse(status=204)
    cards = list(rows.filter(pk__in=changed).order_by("pk"))
    context = {
        "generations": cards,
        "announcement": _announcement(cards),
        "feed": _feed_of(request),
        "waiting": rows.under_way().exists(),
        **under_way,
    }
    return render(request, "gallery/_poll.html", context)


def _announcement(cards: list[Generation]) -> str:
    """What a screen reader says of these changes; only ends are worth interrupting for."""
    done = sum(1 for card in cards if card.state == State.COMPLETED)
    ended = sum(1 for card in cards if not card.is_under_way) - done
    said = []
    if done:
        said.append("A picture is ready." if done == 1 else f"{done} pictures are ready.")
    if ended:
        said.append("One has ended without a picture." if ended == 1 else f"{ended} have ended without a picture.")
    return " ".join(said)


def _changed(request: StudioRequest, generation: Generation, said: str = "") -> HttpResponseBase:
    """Answer an action on a card with the card as it is now."""
    if not request.htmx:
        if said:
            messages.info(request, said)
        return redirect("create")
    person = signed_in(request)
    context = {
        "generation": Generation.objects.for_cards(person).get(pk=generation.pk),
        "feed": _feed_of(request),
        **_under_way(person),
    }
    response = render(request, "gallery/_generation_created.html", context)
    return trigger_client_event(response, "toast", {"message": said}) if said else response


@require_POST
def generation_cancel(request: StudioRequest, pk: int) -> HttpResponseBase:
    generation = generation_to_change(request, pk)
    generation.stop_waiting()
    return _changed(request, generation)


@require_POST
def generation_retry(request: StudioRequest, pk: int) -> HttpResponseBase:
    """Ask again, of the same model or of the one that is on offer instead; the old card makes room for the new."""
    generation = generation_to_change(request, pk)
    wanted = request.POST.get("model") or generation.model.slug
    model = ImageModel.objects.on_offer().filter(slug=wanted).first()
    if model is None:
        return _changed(request, generation, "This model is not on offer any more.")
    again = services.retry(generation, model)
    if again is None:
        return _changed(request, generation, "There is nothing to ask for again here any more.")
    return _changed(request, again)


@require_POST
def generation_dismiss(request: StudioRequest, pk: int) -> HttpResponseBase:
    generation = generation_to_change(request, pk)
    if not services.dismiss(generation):
        return _changed(request, generation)
    return HttpResponse() if request.htmx else redirect("create")


@require_POST
def generation_fetch(request: StudioRequest, pk: int) -> HttpResponseBase:
    generation = generation_to_change(request, pk)
    services.fetch_again(generation)
    return _changed(request, generation)
