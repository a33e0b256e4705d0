"""Templates: prompts with blanks, to keep, share and fill in."""

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from gallery.forms.templates import TemplateForm
from gallery.models import Generation, ImageModel, Picture, PromptTemplate
from gallery.web.access import template_to_change, template_to_see
from gallery.web.http import PersonRequest, number_in
from gallery.web.responses import asks_first

SHOWN = 200


@require_safe
def template_list(request: PersonRequest) -> HttpResponse:
    """All templates that this person may use. As a fragment, they are picked in the composer."""
    person = request.user
    templates = PromptTemplate.objects.visible_to(person).select_related("author", "model", "example__generation")
    shown = list(templates.order_by("-used", "name", "pk")[:SHOWN])
    may_see = set(
        Picture.objects.visible_to(person).filter(pk__in=[one.example_id for one in shown]).values_list("pk", flat=True)
    )
    ImageModel.objects.all().label_replacements(one.model for one in shown if one.model and not one.model.is_on_offer)
    context = {"templates": [(one, one.example if one.example_id in may_see else None) for one in shown]}
    return render(
        request,
        "prompt_templates/_template_pick.html" if request.htmx else "prompt_templates/template_list.html",
        context,
    )


@require_http_methods(["GET", "POST"])
def template_create(request: PersonRequest) -> HttpResponseBase:
    """A new template. `?from=GENERATION` takes over that request with its model, options and picture."""
    person = request.user
    wanted = number_in(request.POST.get("from") or request.GET.get("from"))
    source = None
    if wanted is not None:
        source = Generation.objects.visible_to(person).filter(pk=wanted).first()
    template = PromptTemplate(author=person, text=source.prompt if source else "")
    if source is not None:
        template.model, template.options, template.count = source.model, source.options, source.count
        template.example = Picture.objects.visible_to(person).filter(generation=source).order_by("index").first()
    return _edit(request, template, source)


@require_http_methods(["GET", "POST"])
def template_edit(request: PersonRequest, pk: int) -> HttpResponseBase:
    return _edit(request, template_to_change(request.user, pk))


def _edit(request: PersonRequest, template: PromptTemplate, source: Generation | None = None) -> HttpResponseBase:
    form = TemplateForm(request.POST if request.method == "POST" else None, instance=template)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, _("Saved the template “%(name)s”.") % {"name": form.instance.name})
        return redirect("template_list")
    context = {"form": form, "template": template, "source": source}
    return render(request, "prompt_templates/template_edit.html", context, status=422 if form.errors else 200)


@require_POST
def template_delete(request: PersonRequest, pk: int) -> HttpResponseBase:
    template = template_to_change(request.user, pk)
    more = _("Pictures made with it are kept. This cannot be undone.")
    back = reverse("template_list")
    if page := asks_first(request, _("Delete “%(name)s”?") % {"name": template.name}, more, _("Delete template"), back):
        return page
    template.delete()
    messages.success(
        request, _("The template “%(name)s” is deleted. Pictures made with it are kept.") % {"name": template.name}
    )
    return redirect("template_list")


@require_safe
def template_use(request: PersonRequest, pk: int) -> HttpResponse:
    """A form with a field for each blank. It leads to Create, with the prompt filled in."""
    context = {"template": template_to_see(request.user, pk)}
    return render(
        request,
        "prompt_templates/_template_use.html" if request.htmx else "prompt_templates/template_use.html",
        context,
    )
