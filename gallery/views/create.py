"""Create: the composer and its feed."""

import uuid
from typing import Any

from django.http import HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect, trigger_client_event

from gallery import services
from gallery.forms.generations import OPTION_PREFIX, GenerationForm
from gallery.models import Generation, OverBudget, Person, Picture, PromptTemplate
from gallery.models.ledger import budget_state, over_budget_message
from gallery.models.prompts import fill_in
from gallery.queries.limits import limits_of
from gallery.views.cards import created_answer, feed_of, feed_page, mark_seen, under_way
from gallery.views.references import with_uploads
from gallery.web.http import PersonRequest, number_in
from gallery.web.pictures import begin_with
from gallery.web.uploads import takes_upload

# Prompts to begin with, and the bundled sample that shows what may come of each.
EXAMPLES = (
    (_("A lemon tree on a terrace above the sea, early morning light"), "samples/flux-pro.webp"),
    (_("A quiet mountain lake under the northern lights"), "samples/flux-schnell.webp"),
    (_("A poster for a jazz night, bold shapes, midnight blue and gold"), "samples/ideogram-v3.webp"),
)


@require_safe
def create(request: PersonRequest) -> HttpResponse:
    person = request.user
    return _page(request, GenerationForm(person=person, initial=_initial(request, person)))


def _page(request: PersonRequest, form: GenerationForm, status: int = 200, **more: Any) -> HttpResponse:
    person = request.user
    context: dict[str, Any] = {
        "form": form,
        **_plan(form),
        **feed_page(person, feed_of(request), number_in(request.GET.get("before"))),
        **under_way(person),
        "examples": EXAMPLES,
        "budget": budget_state(person),
        "limits": limits_of(person),
        **more,
    }
    # The team's feed also waits for cards of others.
    context["waiting"] = any(card.generation.is_under_way for card in context["cards"])
    begin_with(picture for card in context["cards"] for picture in card.pictures)
    page = render(request, "generations/create.html", context, status=status)
    mark_seen(context["cards"])
    return page


def _initial(request: PersonRequest, person: Person) -> dict[str, Any]:
    """A fresh form, or one that is filled from something that this person may see.

    `?prompt_of=GENERATION` takes over its prompt, and `?prompt_from=GENERATION` all its settings. `?remix=PICTURE`
    takes over the settings of the picture's generation, and makes the picture the parent. `?template=TEMPLATE` fills in
    a template. `?reference=PICTURE`, perhaps several times, takes the picture along as a reference; `?continue=PICTURE`
    does so with the settings of its generation, and without its prompt.
    """
    initial: dict[str, Any] = {"token": uuid.uuid4(), "prompt": request.GET.get("prompt", "")}
    initial["reference"] = request.GET.getlist("reference")
    visible = Generation.objects.visible_to(person)
    if (prompt_of := number_in(request.GET.get("prompt_of"))) and (earlier := visible.filter(pk=prompt_of).first()):
        return initial | {"prompt": earlier.prompt}
    if prompt_from := number_in(request.GET.get("prompt_from")):
        return initial | _settings_of(visible.filter(pk=prompt_from).first())
    if continued := number_in(request.GET.get("continue")):
        return initial | _continued(person, continued)
    if remix := number_in(request.GET.get("remix")):
        picture = Picture.objects.visible_to(person).filter(pk=remix).select_related("generation").first()
        if picture is not None:
            return initial | _settings_of(picture.generation) | {"parent": picture.pk}
    if template := number_in(request.GET.get("template")):
        chosen = PromptTemplate.objects.visible_to(person).filter(pk=template).first()
        if chosen is not None:
            return initial | _filled_in(chosen, request)
    return initial


def _filled_in(template: PromptTemplate, request: PersonRequest) -> dict[str, Any]:
    """A template with its blanks filled in: `var_0` is the first, and so on."""
    values = {name: request.GET.get(f"var_{place}", "").strip() for place, name in enumerate(template.variables)}
    options = {OPTION_PREFIX + name: value for name, value in template.options.items()}
    settings = {"model": template.model_id, "count": template.count, **options} if template.model_id else {}
    return {"prompt": fill_in(template.text, values), "template": template.pk, **settings}


def _settings_of(earlier: Generation | None) -> dict[str, Any]:
    if earlier is None or earlier.kind == Generation.Kind.UPLOAD:
        return {}
    options = {OPTION_PREFIX + name: value for name, value in earlier.options.items()}
    references = list(earlier.references.values_list("picture", flat=True)) if earlier.files_to_send else []
    settings = {"prompt": earlier.prompt, "model": earlier.model_id, "count": earlier.count, "reference": references}
    return {**settings, **options}


def _continued(person: Person, pk: int) -> dict[str, Any]:
    """A picture as the only reference, and the settings that it was made with, if its model takes references."""
    picture = Picture.objects.visible_to(person).filter(pk=pk).select_related("generation__model").first()
    if picture is None:
        return {}
    generation = picture.generation
    settings = _settings_of(generation) if generation.model.most_references else {}
    return settings | {"prompt": "", "count": 1, "reference": [picture.pk]}


@takes_upload
@require_POST
def generation_create(request: PersonRequest) -> HttpResponseBase:
    person = request.user
    data, problem = with_uploads(request)
    form = GenerationForm(data, person=person)
    if problem:
        form.add_error("reference", problem)
    if not form.is_valid():
        return _refused(request, form)
    cleaned = form.cleaned_data
    specs = form.specs
    if cleaned["again"] != "all":
        made, new = services.plans.find_duplicates(person, specs)
        if made and not (cleaned["again"] == "new" and new):
            return _duplicates(request, form, made, len(new))
        specs = new if made else specs
    try:
        generations = services.generations.submit_all(
            person, specs, gallery=cleaned["gallery"], token=cleaned["token"], batch=form.batch
        )
    except services.generations.AlreadySubmitted:
        # A double click, or a page that was sent again. The card is in the feed already.
        return HttpResponseClientRedirect(reverse("create")) if request.htmx else redirect("create")
    except OverBudget as over:
        form.add_error(None, over_budget_message(over))
        return _refused(request, form)
    except services.errors.InvalidInput as invalid:
        form.add_error("reference", invalid.message)
        return _refused(request, form)
    if not request.htmx:
        return redirect("create")
    return created_answer(request, generations)


def _refused(request: PersonRequest, form: GenerationForm) -> HttpResponse:
    if request.htmx:
        return render(request, "generations/_composer.html", {"form": form}, status=422)
    return _page(request, form, status=422)


def _duplicates(request: PersonRequest, form: GenerationForm, pictures: list[Picture], new: int) -> HttpResponse:
    """Send nothing yet, and show the earlier pictures of the same request: they may be enough."""
    context = {"duplicates": pictures, "new": new}
    if request.htmx:
        return render(request, "generations/_duplicates.html", context, status=409)
    return _page(request, form, status=409, **context)


@require_POST
def generation_plan(request: PersonRequest) -> HttpResponse:
    """What Generate would do with the form as it is: how many pictures, by which models, for how much."""
    person = request.user
    form = GenerationForm(request.POST, person=person)
    context: dict[str, Any] = {"form": form, **_plan(form), "planned": True}
    if context["plan"] is not None:
        context["over_limit"] = limits_of(person).problem_with(context["plan"].generations)
    return render(request, "generations/_plan_answer.html", context)


def _plan(form: GenerationForm) -> dict[str, Any]:
    """For `_plan.html`. Without a prompt, the plan is for one request with these settings; None if there are errors."""
    if form.is_bound and form.is_valid():
        return {"plan": services.plans.plan(form.specs)}
    if form.chosen is None or (form.is_bound and set(form.errors) - {"prompt", "reference"}):
        return {"plan": None}
    if form.is_bound:
        options, count = form.options, form.cleaned_data["count"]
        models = {form.chosen, *form.cleaned_data["compare"]}
    else:
        options = form.initial_options
        count, models = form.initial["count"], {form.chosen}
    specs = [
        services.generations.GenerationSpec(
            model, "", model.fitting(options, form.asked_operation), min(count, model.max_count)
        )
        for model in models
    ]
    return {"plan": services.plans.plan(specs)}


@require_safe
def prompt_history(request: PersonRequest) -> JsonResponse:
    """This person's latest prompts, the newest first, without repeats."""
    asked = Generation.objects.filter(author=request.user).asked_for().exclude(prompt="")
    latest = asked.order_by("-pk").values_list("prompt", flat=True)
    return JsonResponse({"prompts": list(dict.fromkeys(latest[:200]))[:50]})


@require_GET
def generation_options(request: PersonRequest) -> HttpResponse:
    """The options of the model that was just picked. Earlier choices stay if this model has them, too."""
    wanted: dict[str, Any] = {name: value for name, value in request.GET.items() if name.startswith(OPTION_PREFIX)}
    wanted["model"] = request.GET.get("model", "")
    if (count := number_in(request.GET.get("count"), most=99)) is not None:
        wanted["count"] = count
    wanted["reference"] = request.GET.getlist("reference")
    if (gallery := number_in(request.GET.get("gallery"))) is not None:
        wanted["gallery"] = gallery
    form = GenerationForm(person=request.user, initial=wanted)
    response = render(request, "generations/_options.html", {"form": form})
    return trigger_client_event(response, "options", after="settle")
