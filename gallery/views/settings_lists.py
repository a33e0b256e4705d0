"""The studio's settings: groups, models, budgets, galleries and share links."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.models import Group
from django.core.paginator import Paginator
from django.db.models import Count, Exists, OuterRef, Q
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from gallery import services
from gallery.models import Budget, Gallery, ImageModel, Person, ShareLink
from gallery.models.ledger import this_month
from gallery.queries.people import with_other_manager
from gallery.services.errors import InvalidInput
from gallery.web.http import PersonRequest
from gallery.web.responses import asks_first, refused
from gallery.web.settings_pages import Undo, insist, may, page, page_number, saved

ON_A_PAGE = 50
LIMIT_WORDS = {
    "requests_per_day": gettext_lazy("Requests a day"),
    "under_way": gettext_lazy("Under way at once"),
    "storage_mb": gettext_lazy("Storage (MB)"),
}
_BUDGET_RIGHTS = ("gallery.add_budget", "gallery.change_budget", "gallery.delete_budget")
_LIMIT_RIGHTS = ("gallery.add_grouplimit", "gallery.change_grouplimit", "gallery.delete_grouplimit")


# -- groups


@require_safe
def settings_groups(request: PersonRequest) -> HttpResponse:
    insist(request.user, "auth.view_group")
    groups = Paginator(_groups().order_by("name", "pk"), ON_A_PAGE).get_page(page_number(request))
    context = {
        "groups": groups,
        "rows": [_group_row(request.user, group) for group in groups],
        "may_add": may(request.user, "auth.add_group"),
    }
    return page(request, "settings_groups", "settings_groups", context)


def _groups() -> Any:
    people = Count("user", filter=Q(user__is_active=True))
    return Group.objects.select_related("budget", "limit").annotate(people=people)


def _group_row(by: Person, group: Any) -> dict[str, Any]:
    """For `_group_row.html`."""
    limit = getattr(group, "limit", None)
    return {
        "group": group,
        "target": f"group-{group.pk}",
        "budget": getattr(group, "budget", None),
        "limits": [(name, words, getattr(limit, name, None)) for name, words in LIMIT_WORDS.items()],
        "may_budget": may(by, "auth.change_group", *_BUDGET_RIGHTS),
        "may_limit": may(by, "auth.change_group", *_LIMIT_RIGHTS),
        "may_delete": may(by, "auth.delete_group"),
    }


@require_POST
def settings_group_add(request: PersonRequest) -> HttpResponseBase:
    insist(request.user, "auth.view_group", "auth.add_group")
    name = " ".join(request.POST.get("name", "").split())[:150]
    if not name or Group.objects.filter(name=name).exists():
        said = _("Enter a name.") if not name else _("There is a group of this name already.")
        return refused(request, InvalidInput(said))
    Group.objects.create(name=name)
    messages.success(request, _("The group %(name)s is made. Put people into it on their pages.") % {"name": name})
    return redirect("settings_groups")


@require_POST
def settings_group_set(request: PersonRequest, pk: int) -> HttpResponseBase:
    """A group's budget, or one of its limits."""
    by, field, value = request.user, request.POST.get("field", ""), request.POST.get("value", "")
    insist(by, "auth.view_group", "auth.change_group", *(_BUDGET_RIGHTS if field == "budget" else _LIMIT_RIGHTS))
    group = get_object_or_404(_groups(), pk=pk)
    row = _group_row(by, group)
    before: Any
    after: Any
    try:
        if field == "budget":
            before, after = getattr(row["budget"], "amount", None), services.settings.amount_in(value)
            services.settings.set_budget(group, after)
        elif field in services.settings.LIMITS:
            before, limit = getattr(getattr(group, "limit", None), field, None), services.settings.number_in(value)
            services.settings.set_limit(group, field, limit)
            after = limit
        else:
            raise Http404
    except InvalidInput as problem:
        return refused(request, problem)
    undo = Undo(reverse("settings_group_set", args=[pk]), {"field": field, "value": "" if before is None else before})
    said = _("%(name)s is saved.") % {"name": group.name} if after != before else ""
    fresh = _group_row(by, _groups().get(pk=pk))
    return saved(request, said, back="settings_groups", undo=undo, row="_group_row", row_of=fresh, target=f"group-{pk}")


@require_POST
def settings_group_delete(request: PersonRequest, pk: int) -> HttpResponseBase:
    insist(request.user, "auth.view_group", "auth.delete_group")
    group = get_object_or_404(Group, pk=pk)
    asked = _("Delete the group %(name)s?") % {"name": group.name}
    more = _("Its people keep their accounts, and lose what the group gave them. This cannot be undone.")
    if question := asks_first(request, asked, more, _("Delete group"), reverse("settings_groups")):
        return question
    try:
        services.settings.delete_group(group)
    except InvalidInput as problem:
        return refused(request, problem)
    messages.success(request, _("The group %(name)s is deleted.") % {"name": group.name})
    return redirect("settings_groups")


# -- models


@require_safe
def settings_models(request: PersonRequest) -> HttpResponse:
    """Those that are on, in their order; then the others."""
    insist(request.user, "gallery.view_imagemodel")
    models = _models().get_page(page_number(request))
    return page(request, "settings_models", "settings_models", _models_context(request.user, models))


def _models_context(person: Person, models: Any) -> dict[str, Any]:
    """For `_models.html`."""
    return {"models": models, "may_change": may(person, "gallery.change_imagemodel"), "target": "models"}


def _models() -> Any:
    return Paginator(ImageModel.objects.of_upstream().order_by("-enabled", "position", "label", "pk"), 2 * ON_A_PAGE)


def _model_to_change(request: PersonRequest, pk: int) -> ImageModel:
    insist(request.user, "gallery.view_imagemodel", "gallery.change_imagemodel")
    return get_object_or_404(ImageModel.objects.of_upstream(), pk=pk)


@require_POST
def settings_model_set(request: PersonRequest, pk: int) -> HttpResponseBase:
    model, on = _model_to_change(request, pk), request.POST.get("value") == "1"
    services.settings.switch_model(model, on)
    words = _("People may pick %(name)s now.") if on else _("%(name)s is not on offer any more.")
    undo = Undo(reverse("settings_model_set", args=[pk]), {"value": "" if on else "1"})
    # The whole list: those that are on stand first, and can be moved.
    context = _models_context(request.user, _models().get_page(request.POST.get("page", "1")))
    said = words % {"name": model.label}
    return saved(request, said, back="settings_models", undo=undo, row="_models", **context)


@require_POST
def settings_model_move(request: PersonRequest, pk: int) -> HttpResponseBase:
    """One place up or down in the order of the models on offer; the list comes again in the new order."""
    number = request.POST.get("page", "1")
    model, up = _model_to_change(request, pk), request.POST.get("to") != "down"
    if not services.settings.move_model(model, up=up):
        return refused(request, InvalidInput(_("It cannot go further.")))
    words = _("%(name)s is one place up.") if up else _("%(name)s is one place down.")
    undo = Undo(reverse("settings_model_move", args=[pk]), {"to": "down" if up else "up", "page": number})
    context = _models_context(request.user, _models().get_page(number))
    return saved(request, words % {"name": model.label}, back="settings_models", undo=undo, row="_models", **context)


# -- budgets


@require_safe
def settings_budgets(request: PersonRequest) -> HttpResponse:
    """All budgets, of groups and of people. They are changed on the pages of people and groups."""
    insist(request.user, "gallery.view_budget")
    rows = Budget.objects.with_spent(this_month()).order_by("group__name", "person__name", "pk")
    budgets = Paginator(rows, ON_A_PAGE).get_page(page_number(request))
    context = {
        "budgets": budgets,
        "rows": [(budget, budget.state(this_month())) for budget in budgets],
        "sees_people": may(request.user, "gallery.view_person"),
        "sees_groups": may(request.user, "auth.view_group"),
    }
    return page(request, "settings_budgets", "settings_budgets", context)


# -- galleries and links


@require_safe
def settings_galleries(request: PersonRequest) -> HttpResponse:
    insist(request.user, "gallery.view_gallery")
    words, show = request.GET.get("q", "")[:200], request.GET.get("show", "")
    rows = _galleries()
    if show == "alone":
        rows = rows.filter(has_other_manager=False, owner__is_active=False)
    for word in words.split()[:8]:
        rows = rows.filter(Q(name__icontains=word) | Q(owner__name__icontains=word))
    galleries = Paginator(rows, ON_A_PAGE).get_page(page_number(request))
    context = {
        "galleries": galleries,
        "query": urlencode({"q": words, "show": show}) + "&",
        "words": words,
        "show": show,
        "may_change": may(request.user, "gallery.change_gallery"),
        "sees_people": may(request.user, "gallery.view_person"),
    }
    return page(request, "settings_galleries", "settings_galleries", context)


def _galleries() -> Any:
    links = Exists(ShareLink.objects.alive().filter(gallery=OuterRef("pk")))
    rows = Gallery.objects.select_related("owner").annotate(has_links=links)
    return with_other_manager(rows).order_by("name", "pk")


@require_POST
def settings_gallery_set(request: PersonRequest, pk: int) -> HttpResponseBase:
    """Whether the whole team sees a gallery."""
    insist(request.user, "gallery.view_gallery", "gallery.change_gallery")
    gallery, on = get_object_or_404(_galleries(), pk=pk), request.POST.get("value") == "1"
    services.settings.show_to_team(gallery, on, request.user)
    words = _("The whole team sees %(name)s now.") if on else _("Only its members see %(name)s now.")
    undo = Undo(reverse("settings_gallery_set", args=[pk]), {"value": "" if on else "1"})
    context: dict[str, Any] = {
        "gallery": gallery,
        "may_change": True,
        "sees_people": may(request.user, "gallery.view_person"),
        "target": f"gallery-{pk}",
    }
    said = words % {"name": gallery.name}
    return saved(request, said, back="settings_galleries", undo=undo, row="_gallery_row", **context)


@require_safe
def settings_links(request: PersonRequest) -> HttpResponse:
    """The share links that work, the latest first."""
    insist(request.user, "gallery.view_sharelink")
    rows = ShareLink.objects.alive().select_related("gallery__owner", "created_by").order_by("-pk")
    context = {
        "links": Paginator(rows, ON_A_PAGE).get_page(page_number(request)),
        "may_change": may(request.user, "gallery.change_sharelink"),
    }
    return page(request, "settings_links", "settings_links", context)


@require_POST
def settings_link_end(request: PersonRequest, pk: int) -> HttpResponseBase:
    """End a link for good: its token is stored nowhere, so there is no way back."""
    insist(request.user, "gallery.view_sharelink", "gallery.change_sharelink")
    link = get_object_or_404(ShareLink.objects.select_related("gallery__owner", "created_by"), pk=pk)
    asked = _("End the link “%(name)s”?") % {"name": link.label}
    more = _("Guests cannot open the gallery with it any more. This cannot be undone.")
    if question := asks_first(request, asked, more, _("End link"), reverse("settings_links")):
        return question
    services.share_links.revoke_link(link, request.user)
    link.refresh_from_db(fields=["revoked_at"])
    said = _("The link “%(name)s” has ended.") % {"name": link.label}
    return saved(request, said, back="settings_links", row="_link_row", link=link, may_change=True, target=f"link-{pk}")
