"""Templates: prompts with blanks, kept, shared, and filled in."""

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from gallery.forms.base import TemplateForm
from gallery.models import Generation, Picture, PromptTemplate
from gallery.web.access import signed_in, template_to_change, template_to_see
from gallery.web.http import StudioRequest

SHOWN = 200


@require_safe
def template_list(request: StudioRequest) -> HttpResponse:
    """All that one may use; as a fragment, to pick from in the composer."""
    person = signed_in(request)
    templates = PromptTemplate.objects.visible_to(person).select_related("author", "model", "example__generation")
    shown = list(templates.order_by("-used", "name", "pk")[:SHOWN])
    may_see = set(
        Picture.objects.visible_to(person).filter(pk__in=[one.example_id for one in shown]).values_list("pk", flat=True)
    )
    context = {"templates": [(one, one.example if one.example_id in may_see else None) for one in shown]}
    return render(request, "gallery/_template_pick.html" if request.htmx else "gallery/template_list.html", context)


@require_http_methods(["GET", "POST"])
def template_create(request: StudioRequest) -> HttpResponseBase:
    """A new one, from nothing or (`?from=GENERATION`) from an earlier request with its model, options and picture."""
    person = signed_in(request)
    wanted = request.POST.get("from") or request.GET.get("from", "")
    source = None
    if wanted.isdecimal() and len(wanted) < 19:
        source = Generation.objects.visible_to(person).filter(pk=int(wanted)).first()
    template = PromptTemplate(author=person, text=source.prompt if source else "")
    if source is not None:
        template.model, template.options, template.count = source.model, source.options, source.count
        template.example = Picture.objects.visible_to(person).filter(generation=source).order_by("index").first()
    return _edit(request, template, source)


@require_http_methods(["GET", "POST"])
def template_edit(request: StudioRequest, pk: int) -> HttpResponseBase:
    return _edit(request, template_to_change(request, pk))


def _edit(request: StudioRequest, template: PromptTemplate, source: Generation | None = None) -> HttpResponseBase:
    form = TemplateForm(request.POST if request.method == "POST" else None, instance=template)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, f"Kept the template “{form.instance.name}”.")
        return redirect("template_list")
    context = {"form": form, "template": template, "source": source}
    return render(request, "gallery/template_edit.html", context, status=422 if form.errors else 200)


@require_POST
def template_delete(request: StudioRequest, pk: int) -> HttpResponseBase:
    template = template_to_change(request, pk)
    template.delete()
    messages.success(request, f"The template “{template.name}” is gone. Pictures made with it stay.")
    return redirect("template_list")


@require_safe
def template_use(request: StudioRequest, pk: int) -> HttpResponse:
    """The small form: a field for each blank. It leads to Create, with everything filled in."""
    context = {"template": template_to_see(request, pk)}
    return render(request, "gallery/_template_use.html" if request.htmx else "gallery/template_use.html", context)
