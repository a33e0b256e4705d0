"""What starts from a picture: uploads, edits and variations; and a picture's lineage."""

import uuid
from pathlib import PurePosixPath
from typing import Any

from django.contrib import messages
from django.db.models import Exists, OuterRef, Q
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect

from gallery import services
from gallery.forms.edits import EditForm, UploadForm, VariationForm
from gallery.forms.generations import OPTION_PREFIX
from gallery.images.edit import MAX_UPLOAD_BYTES
from gallery.models import Generation, ImageModel, OverBudget, Person, Picture, Reference
from gallery.models.ledger import over_budget_message
from gallery.queries.cards import references_of
from gallery.queries.limits import limits_of
from gallery.queries.roles import pictures_for
from gallery.services.edits import Source
from gallery.services.errors import InvalidInput
from gallery.web.access import picture_to_see, source_to_see, upload_to_edit
from gallery.web.http import PersonRequest, number_in
from gallery.web.media import serve
from gallery.web.pictures import ratio_class
from gallery.web.uploads import takes_upload

# Children shown on a picture's page. Their own pages show theirs.
CHILDREN = 12
# How many steps back the lineage goes.
ANCESTORS = 6


# -- uploads


@takes_upload
@require_http_methods(["GET", "HEAD", "POST"])
def edit_upload(request: PersonRequest) -> HttpResponseBase:
    """Upload a picture to edit."""
    form = UploadForm(request.POST, request.FILES) if request.method == "POST" else UploadForm()
    if form.is_bound and form.is_valid():
        try:
            return redirect("upload_edit", services.edits.keep_upload(request.user, form.cleaned_data["picture"]))
        except InvalidInput as problem:
            form.add_error(problem.field or None, problem.message)
    context = {"form": form, "largest": MAX_UPLOAD_BYTES}
    return render(request, "edits/edit_upload.html", context, status=422 if form.errors else 200)


@require_safe
def upload_file(request: PersonRequest, upload: str) -> HttpResponseBase:
    return _serve(request, upload_to_edit(request.user, upload).name)


@require_safe
def generation_source(request: PersonRequest, pk: int) -> HttpResponseBase:
    """The picture that an edit or a variation started from."""
    return _serve(request, source_to_see(request.user, pk).source_file)


def _serve(request: PersonRequest, name: str) -> HttpResponseBase:
    """A file below uploads/. Its name always means the same content."""
    path = PurePosixPath(name)
    return serve(request, name, "image/jpeg" if path.suffix == ".jpg" else "image/png", path.stem)


# -- edits


@takes_upload
@require_http_methods(["GET", "HEAD", "POST"])
def picture_edit(request: PersonRequest, pk: int) -> HttpResponseBase:
    try:
        picture = picture_to_see(request.user, pk)
    except Http404:
        # A person's own card outlives the picture that it started from.
        if not Generation.objects.filter(author=request.user, parent=pk).exists():
            raise
        messages.info(request, _("The picture that this started from is not there any more. Choose another one."))
        return redirect("edit_upload")
    return _edit(
        request, services.edits.of_picture(picture), {"picture": picture, "vary": reverse("picture_vary", args=[pk])}
    )


@takes_upload
@require_http_methods(["GET", "HEAD", "POST"])
def upload_edit(request: PersonRequest, upload: str) -> HttpResponseBase:
    source = upload_to_edit(request.user, upload)
    return _edit(request, source, {"upload": upload, "vary": reverse("upload_vary", args=[upload])})


def _edit(request: PersonRequest, source: Source, context: dict[str, Any]) -> HttpResponseBase:
    person = request.user
    if request.method != "POST":
        form = EditForm(person=person, source=source, initial=_initial(request, person))
        return _page(request, source, form, context)
    form = EditForm(request.POST, request.FILES, person=person, source=source)
    if form.is_valid():
        cleaned = form.cleaned_data
        try:
            services.edits.edit(
                person,
                source,
                form.specs,
                fit=cleaned["fit"],
                mask=cleaned["mask"],
                gallery=cleaned["gallery"],
                token=cleaned["token"],
                batch=form.batch,
            )
            return _to_feed(request)
        except services.generations.AlreadySubmitted:
            return _to_feed(request)
        except OverBudget as problem:
            form.add_error(None, over_budget_message(problem))
        except InvalidInput as problem:
            form.add_error(problem.field or None, problem.message)
    return _page(request, source, form, context, status=422)


def _page(
    request: PersonRequest, source: Source, form: EditForm, context: dict[str, Any], status: int = 200
) -> HttpResponse:
    context |= {"form": form, "source": source, "plan": _plan(form), "address": request.path}
    if request.htmx:
        # A new model brings its options. A form with mistakes comes back without the canvas, so that the mask stays.
        template = "_edit_fields" if request.method == "POST" else "_edit_options_answer"
        return render(request, f"edits/{template}.html", context, status=status)
    context |= {
        "limits": limits_of(request.user),
        "ratio_class": ratio_class(source.width, source.height),
        "variations": VariationForm(source=source, person=request.user, initial={"token": uuid.uuid4()}),
    }
    return render(request, "edits/picture_edit.html", context, status=status)


def _initial(request: PersonRequest, person: Person) -> dict[str, Any]:
    """A fresh form, a form with the choices made so far, or the settings of this person's earlier edit."""
    initial: dict[str, Any] = {"token": uuid.uuid4(), "prompt": request.GET.get("prompt", "")}
    if earlier := _earlier(request, person):
        options = {OPTION_PREFIX + name: value for name, value in earlier.options.items()}
        return initial | {"prompt": earlier.prompt, "model": earlier.model_id, "count": earlier.count, **options}
    initial |= {name: value for name, value in request.GET.items() if name.startswith(OPTION_PREFIX)}
    initial["model"] = request.GET.get("model", "")
    count = number_in(request.GET.get("count"), most=99)
    return initial if count is None else initial | {"count": count}


def _earlier(request: PersonRequest, person: Person) -> Generation | None:
    pk = number_in(request.GET.get("prompt_from"))
    return None if pk is None else Generation.objects.filter(author=person, pk=pk).first()


def _plan(form: EditForm) -> services.plans.Plan | None:
    """What Generate would cost, for `_cost.html`; None if the form has mistakes in fields that decide that."""
    if form.chosen is None:
        return None
    if not form.is_bound:
        options = form.initial_options
        return services.plans.plan(
            [services.generations.GenerationSpec(form.chosen, "", options, form.initial["count"])]
        )
    if form.errors.keys() - {"prompt", "mask", "__all__"}:
        return None
    prompts = form.cleaned_data.get("prompts", [""])
    return services.plans.plan(
        [
            services.generations.GenerationSpec(form.chosen, one, form.options, form.cleaned_data["count"])
            for one in prompts
        ]
    )


def _to_feed(request: PersonRequest) -> HttpResponseBase:
    """Go to the feed, where the card is."""
    return HttpResponseClientRedirect(reverse("create")) if request.htmx else redirect("create")


# -- variations


@require_POST
def picture_vary(request: PersonRequest, pk: int) -> HttpResponseBase:
    return _vary(
        request, services.edits.of_picture(picture_to_see(request.user, pk)), reverse("picture_detail", args=[pk])
    )


@require_POST
def upload_vary(request: PersonRequest, upload: str) -> HttpResponseBase:
    return _vary(request, upload_to_edit(request.user, upload), reverse("upload_edit", args=[upload]))


def _vary(request: PersonRequest, source: Source, page: str) -> HttpResponseBase:
    form = VariationForm(request.POST, source=source, person=request.user)
    if not form.is_valid():
        messages.error(request, " ".join(str(error) for errors in form.errors.values() for error in errors))
        return redirect(page)
    cleaned = form.cleaned_data
    try:
        services.edits.vary(
            request.user,
            source,
            cleaned["model"],
            count=cleaned["count"],
            fit=cleaned["fit"],
            token=cleaned["token"],
        )
    except services.generations.AlreadySubmitted:
        pass  # its card is in the feed already
    except OverBudget as problem:
        messages.error(request, over_budget_message(problem))
        return redirect(page)
    except InvalidInput as problem:
        messages.error(request, problem.message)
        return redirect(page)
    return redirect("create")


# -- what came from what


def _ancestors(picture: Picture) -> list[int]:
    """The ids of the picture's parent, its parent's parent and so on, a few steps back, in one query."""
    steps = ["__".join(["generation__parent"] * step) for step in range(1, ANCESTORS + 1)]
    line = Picture.objects.filter(pk=picture.pk).values_list(*steps).get()
    return [pk for pk in line if pk is not None]


def lineage(request: PersonRequest, picture: Picture) -> dict[str, Any]:
    """For `_lineage.html`: the parents and children of a picture that this person may see."""
    generation = picture.generation
    visible = pictures_for(request.user).kept().select_related("generation")
    line = _ancestors(picture) if generation.parent_id else []
    shown = visible.in_bulk(line)
    used = Exists(Reference.objects.filter(generation=OuterRef("generation"), picture=picture))
    made = visible.filter(Q(generation__parent=picture) | used)
    children = list(made.order_by("-generation_id", "index")[: CHILDREN + 1])
    # Reference pictures are told one by one.
    is_from_source = bool(generation.source_file) and generation.kind != Generation.Kind.CREATE
    return {
        "parent": shown.get(generation.parent_id or 0),
        "ancestors": [shown[pk] for pk in reversed(line[1:]) if pk in shown],
        "children": children[:CHILDREN],
        "has_more_children": len(children) > CHILDREN,
        "references": references_of(request.user, generation),
        "is_from_source": is_from_source,
        "sees_source": is_from_source and generation.author_id == request.user.pk,
    }


def from_picture(picture: Picture, person: Person) -> dict[str, Any]:
    """For `_from_picture.html`: what a person can make from a picture now."""
    models = list(ImageModel.objects.on_offer())
    return {
        "can_edit": any(model.can_edit for model in models),
        "can_refer": any(model.most_references for model in models),
        "variations": VariationForm(
            source=services.edits.of_picture(picture), person=person, initial={"token": uuid.uuid4()}
        ),
    }
