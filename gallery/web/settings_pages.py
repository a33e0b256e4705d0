"""What the pages of the studio's settings share: their sections, who opens which, and answers with Undo.

Each right is the one that Django's administration asks for on its page of the same thing.
"""

from dataclasses import dataclass, field
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from gallery.models import Person
from gallery.web.http import PersonRequest, number_in
from gallery.web.responses import safe_url


@dataclass(frozen=True, slots=True)
class Section:
    """A page: its address, its label, the right that it needs, and Django's own page of the same."""

    name: str
    label: Any
    icon: str
    right: str
    admin: str

    @property
    def url(self) -> str:
        return reverse(self.name)

    @property
    def admin_url(self) -> str:
        return reverse(f"admin:{self.admin}")


SECTIONS = (
    Section("settings_overview", _("Overview"), "info", "", "index"),
    Section("settings_people", _("People"), "users", "gallery.view_person", "gallery_person_changelist"),
    Section("settings_groups", _("Groups"), "layers", "auth.view_group", "auth_group_changelist"),
    Section("settings_models", _("Models"), "cpu", "gallery.view_imagemodel", "gallery_imagemodel_changelist"),
    Section("settings_budgets", _("Budgets"), "chart-column", "gallery.view_budget", "gallery_budget_changelist"),
    Section("settings_galleries", _("Galleries"), "images", "gallery.view_gallery", "gallery_gallery_changelist"),
    Section("settings_links", _("Share links"), "link", "gallery.view_sharelink", "gallery_sharelink_changelist"),
    Section("settings_jobs", _("Jobs"), "list-todo", "gallery.view_generation", "gallery_generation_changelist"),
    Section("settings_storage", _("Storage"), "package", "gallery.view_mediacheck", "gallery_mediacheck_changelist"),
)


def may(person: Person, *rights: str) -> bool:
    return person.is_staff and all(person.has_perm(right) for right in rights if right)


def insist(person: Person, *rights: str) -> None:
    """Raise Http404 for people without all of these rights, as for what does not exist."""
    if not may(person, *rights):
        raise Http404


def sections_for(person: Person) -> list[Section]:
    return [section for section in SECTIONS if may(person, section.right)]


def page(
    request: PersonRequest, section: str, template: str, context: dict[str, Any], status: int = 200
) -> HttpResponse:
    """A page of a section, which the caller has checked."""
    here = next(one for one in SECTIONS if one.name == section)
    shared = {"sections": sections_for(request.user), "here_section": here, "admin_url": here.admin_url}
    return render(request, f"settings/{template}.html", {**shared, **context}, status=status)


def page_number(request: PersonRequest) -> int:
    return number_in(request.GET.get("page")) or 1


@dataclass(frozen=True, slots=True)
class Undo:
    """The form that takes a change back: where it goes, and what it holds."""

    action: str
    fields: dict[str, Any] = field(default_factory=dict)


def saved(
    request: PersonRequest, said: str, *, back: str, undo: Undo | None = None, row: str = "", **context: Any
) -> HttpResponseBase:
    """A change was saved: with htmx its row anew and a line with Undo; else the page again, with the same line.

    `row` names the template of the row, without which htmx swaps nothing. Without `said`, nothing had changed: a field
    sends itself when it changes and again with Enter, and that must not spoil the Undo of the first time.
    """
    told = {"said": said, "undo": undo}
    if request.htmx:
        told["target"] = context.get("target", "")
        fresh = render_to_string(f"settings/{row}.html", context, request=request) if row else ""
        line = render_to_string("settings/_said.html", told, request=request) if said else ""
        return HttpResponse(fresh + line)
    if said:
        # Without a target: the page that shows it next may not have the row.
        messages.success(request, render_to_string("settings/_undo.html", told, request=request))
    return redirect(safe_url(request, request.headers.get("Referer", "")) or reverse(back))
