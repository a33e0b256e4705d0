"""Create: the composer, the feed and what happens on its cards."""

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect, trigger_client_event

from gallery import services
from gallery.forms.base import OPTION_PREFIX, GenerationForm
from gallery.models import Generation, ImageModel, OverBudget, Person, Picture, PromptTemplate, State, UpstreamAccount
from gallery.models.ledger import budget_state, over_budget_message
from gallery.models.states import UNDER_WAY
from gallery.models.prompts import fill_in
from gallery.web.access import generation_to_change, generation_to_see, signed_in
from gallery.web.http import StudioRequest

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


def _within(request: StudioRequest) -> str:
    """On a batch's page, what the addresses of its pictures say of the list that they stand in."""
    kind, _, number = request.POST.get("within", "").partition(":")
    return f"batch:{number}" if kind == "batch" and number.isdecimal() and len(number) < 19 else ""


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


def under_way(person: Person) -> dict[str, Any]:
    return {
        "under_way": Generation.objects.filter(author=person).under_way().count(),
        "interval": POLL_INTERVAL,
        "account": UpstreamAccount.load(),
    }


def _page(request: StudioRequest, form: GenerationForm, status: int = 200, **more: Any) -> HttpResponse:
    person = signed_in(request)
    context: dict[str, Any] = {
        "form": form,
        **_plan(form),
        **_feed(person, _feed_of(request), _id(request, "before")),
        **under_way(person),
        "examples": EXAMPLES,
        "budget": budget_state(person),
        **more,
    }
    # In the team's feed, cards of others are waited for, too.
    context["waiting"] = any(generation.is_under_way for generation in context["generations"])
    page = render(request, "gallery/create.html", context, status=status)
    _have_been_seen(person, context["generations"])
    return page


def _have_been_seen(person: Person, cards: list[Generation]) -> None:
    """Their author is shown them now; the next time they are not marked as new any more."""
    seen = [card.pk for card in cards if card.is_new and card.author_id == person.pk]
    if seen:
        Generation.objects.filter(pk__in=seen).update(is_new=False)


def _initial(request: StudioRequest, person: Person) -> dict[str, Any]:
    """A fresh form, or one filled from what this person may see.

    `?prompt_of=GENERATION` brings its prompt, `?prompt_from=GENERATION` all its settings, and `?remix=PICTURE` all
    settings of the generation that it came from, and itself as the new one's parent. `?template=TEMPLATE` fills in a
    template.
    """
    initial: dict[str, Any] = {"token": uuid.uuid4(), "prompt": request.GET.get("prompt", "")}
    visible = Generation.objects.visible_to(person)
    if (prompt_of := _id(request, "prompt_of")) and (earlier := visible.filter(pk=prompt_of).first()):
        return initial | {"prompt": earlier.prompt}
    if prompt_from := _id(request, "prompt_from"):
        return initial | _settings_of(visible.filter(pk=prompt_from).first())
    if remix := _id(request, "remix"):
        picture = Picture.objects.visible_to(person).filter(pk=remix).select_related("generation").first()
        if picture is not None:
            return initial | _settings_of(picture.generation) | {"parent": picture.pk}
    if template := _id(request, "template"):
        chosen = PromptTemplate.objects.visible_to(person).filter(pk=template).first()
        if chosen is not None:
            return initial | _filled_in(chosen, request)
    return initial


def _filled_in(template: PromptTemplate, request: StudioRequest) -> dict[str, Any]:
    """A template with what was written into its blanks: `var_0` into the first, and so on."""
    values = {name: request.GET.get(f"var_{place}", "").strip() for place, name in enumerate(template.variables)}
    options = {OPTION_PREFIX + name: value for name, value in template.options.items()}
    settings = {"model": template.model_id, "count": template.count, **options} if template.model_id else {}
    return {"prompt": fill_in(template.text, values), "template": template.pk, **settings}


def _id(request: StudioRequest, name: str) -> int | None:
    value = request.GET.get(name, "")
    return int(value) if value.isdecimal() and len(value) < 19 else None


def _settings_of(earlier: Generation | None) -> dict[str, Any]:
    if earlier is None:
        return {}
    options = {OPTION_PREFIX + name: value for name, value in earlier.options.items()}
    return {"prompt": earlier.prompt, "model": earlier.model_id, "count": earlier.count, **options}


@require_safe
def create(request: StudioRequest) -> HttpResponse:
    person = signed_in(request)
    return _page(request, GenerationForm(person=person, initial=_initial(request, person)))


@require_POST
def generation_create(request: StudioRequest) -> HttpResponseBase:
    person = signed_in(request)
    form = GenerationForm(request.POST, person=person)
    if not form.is_valid():
        return _refused(request, form)
    cleaned = form.cleaned_data
    wishes = form.wishes
    if cleaned["again"] != "all":
        made, new = services.made_before(person, wishes)
        if made and not (cleaned["again"] == "new" and new):
            return _made_before(request, form, made, len(new))
        wishes = new if made else wishes
    try:
        generations = services.submit_all(
            person, wishes, gallery=cleaned["gallery"], token=cleaned["token"], batch=form.batch
        )
    except services.AlreadySubmitted:
        # A double click, or a page that was sent again: its card is in the feed already.
        return HttpResponseClientRedirect(reverse("create")) if request.htmx else redirect("create")
    except OverBudget as problem:
        form.add_error(None, over_budget_message(problem))
        return _refused(request, form)
    if not request.htmx:
        return redirect("create")
    return _created(request, generations)


def _refused(request: StudioRequest, form: GenerationForm) -> HttpResponse:
    if request.htmx:
        return render(request, "gallery/_composer.html", {"form": form}, status=422)
    return _page(request, form, status=422)


def _made_before(request: StudioRequest, form: GenerationForm, pictures: list[Picture], new: int) -> HttpResponse:
    """Nothing is sent yet: the same is there already, and one may well be content with it."""
    context = {"made_before": pictures, "new": new}
    if request.htmx:
        return render(request, "gallery/_made_before.html", context, status=409)
    return _page(request, form, status=409, **context)


def _created(request: StudioRequest, generations: list[Generation]) -> HttpResponse:
    """New cards on top of the feed. The form stays as it is for the next picture; only its token is spent."""
    person = signed_in(request)
    made = Generation.objects.for_cards(person).filter(pk__in=[one.pk for one in generations])
    context = {
        "generations": list(made.order_by("-pk")),
        **under_way(person),
        "feed": _feed_of(request),
        "form": GenerationForm(person=person, initial={"token": uuid.uuid4()}),
        "budget": budget_state(person),
    }
    return render(request, "gallery/_generation_created.html", context)


@require_POST
def generation_plan(request: StudioRequest) -> HttpResponse:
    """What Generate would do with the form as it is: how many pictures, of what, for how much."""
    person = signed_in(request)
    form = GenerationForm(request.POST, person=person)
    return render(request, "gallery/_plan_answer.html", {"form": form, **_plan(form), "planned": True})


def _plan(form: GenerationForm) -> dict[str, Any]:
    """For `_plan.html`. Without a prompt yet, of one picture with these settings; None of a form that has errors."""
    if form.is_bound and form.is_valid():
        return {"plan": services.plan(form.wishes)}
    if form.chosen is None or (form.is_bound and set(form.errors) - {"prompt"}):
        return {"plan": None}
    if form.is_bound:
        options, count = form.options, form.cleaned_data["count"]
        models = {form.chosen, *form.cleaned_data["compare"]}
    else:
        options = {option.name: str(form.initial[OPTION_PREFIX + option.name]) for option in form.chosen.option_list}
        count, models = form.initial["count"], {form.chosen}
    wishes = [services.Wish(model, "", model.fitting(options), min(count, model.max_count)) for model in models]
    return {"plan": services.plan(wishes)}


@require_safe
def prompt_history(request: StudioRequest) -> JsonResponse:
    """This person's latest prompts, newest first, none twice."""
    latest = Generation.objects.filter(author=signed_in(request)).order_by("-pk").values_list("prompt", flat=True)
    return JsonResponse({"prompts": list(dict.fromkeys(latest[:200]))[:50]})


@require_GET
def generation_options(request: StudioRequest) -> HttpResponse:
    """The options of the model that was just picked; what was chosen before stays where this model has it too."""
    wanted: dict[str, Any] = {name: value for name, value in request.GET.items() if name.startswith(OPTION_PREFIX)}
    wanted["model"] = request.GET.get("model", "")
    count = request.GET.get("count", "")
    if count.isdecimal() and len(count) < 3:
        wanted["count"] = int(count)
    form = GenerationForm(person=signed_in(request), initial=wanted)
    response = render(request, "gallery/_options.html", {"form": form})
    return trigger_client_event(response, "options", after="settle")


@require_safe
def generation_feed(request: StudioRequest) -> HttpResponse:
    person = signed_in(request)
    context = _feed(person, _feed_of(request), _id(request, "before"))
    # Some of these may be the first of the page that it has to poll for.
    if any(generation.is_under_way for generation in context["generations"]):
        context |= {**under_way(person), "waiting": True}
    return render(request, "gallery/_feed_more.html", context)


@require_POST
def generation_poll(request: StudioRequest) -> HttpResponse:
    """The one poll of a page: says which unfinished cards it shows, gets those that have changed; 204 if none.

    Where nothing is under way any more, the answer ends the polling.
    """
    person = signed_in(request)
    shown: dict[int, str] = {}
    for pending in request.POST.getlist("pending")[:POLLED_AT_ONCE]:
        pk, _, version = pending.partition(":")
        if pk.isdecimal() and len(pk) < 19:
            shown[int(pk)] = version
    # Before the cards: what ends in between is then counted as under way and looked for once more. The other way round,
    # the page would hear that nothing is under way any more, and go on showing a card that never changes.
    beside = under_way(person)
    rows = Generation.objects.visible_to(person).filter(pk__in=shown).for_cards(person)
    states = list(rows.values_list("pk", "version", "state"))
    changed = [pk for pk, version, _ in states if str(version) != shown[pk]]
    waiting = any(state in UNDER_WAY for _, _, state in states)
    # What the page shows beside the cards: the banner and the badge.
    now_beside = (beside["account"].pause_code, str(beside["under_way"]))
    shown_beside = (request.POST.get("paused", ""), request.POST.get("under_way", now_beside[1]))
    if not changed and shown_beside == now_beside and (waiting or beside["under_way"]):
        return HttpResponse(status=204)
    cards = list(rows.filter(pk__in=changed).order_by("pk"))
    if not request.POST.get("hidden"):
        _have_been_seen(person, cards)
        for card in cards:
            card.is_new = False
    context = {
        "generations": cards,
        "announcement": _announcement(cards),
        "feed": _feed_of(request),
        "within": _within(request),
        "waiting": waiting,
        **beside,
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
        "generations": [Generation.objects.for_cards(person).get(pk=generation.pk)],
        "feed": _feed_of(request),
        **under_way(person),
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
    if (
        model
        and generation.kind != Generation.Kind.CREATE
        and model not in (generation.model, generation.suggested_model)
    ):
        model = None  # what was sent along was made to fit those
    if model is None:
        return _changed(request, generation, "This model is not on offer any more.")
    try:
        again = services.retry(generation, model)
    except OverBudget as problem:
        return _changed(request, generation, over_budget_message(problem))
    if again is None:
        return _changed(request, generation, "There is nothing to ask for again here any more.")
    return _changed(request, again)


@require_POST
def generation_again(request: StudioRequest, pk: int) -> HttpResponseBase:
    """Vary: the same request once more, as one's own, whoever made the first."""
    person = signed_in(request)
    earlier = generation_to_see(request, pk)
    if not earlier.model.enabled or earlier.kind != Generation.Kind.CREATE:
        messages.info(request, f"{earlier.model} is not on offer for this any more.")
        return redirect("create")
    gallery = earlier.gallery if earlier.author_id == person.pk else None
    wish = services.Wish(
        earlier.model,
        earlier.prompt,
        earlier.model.fitting(earlier.options),
        min(earlier.count, earlier.model.max_count),
        parent=Picture.objects.visible_to(person).filter(generation=earlier).order_by("index").first(),
    )
    try:
        generations = services.submit_all(person, [wish], gallery=gallery, token=_token(request))
    except services.AlreadySubmitted:
        return redirect("create")
    except OverBudget as problem:
        messages.error(request, over_budget_message(problem))
        return redirect("create")
    return _created(request, generations) if request.htmx else redirect("create")


def _token(request: StudioRequest) -> uuid.UUID | None:
    """Of a button that was pressed, so that pressed twice it is one request."""
    try:
        return uuid.UUID(request.POST.get("token", ""))
    except ValueError:
        return None


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
