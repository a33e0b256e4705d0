"""The studio's settings: the overview, jobs, and storage with how long things are kept."""

from typing import Any

from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from gallery import services
from gallery.models import AuditEntry, Budget, Generation, Person, Retention, UpstreamAccount
from gallery.models.retention import LONGEST_DAYS
from gallery.queries.failures import jobs
from gallery.queries.overview import overview
from gallery.queries.storage import disk, storage
from gallery.services.errors import InvalidInput
from gallery.web.http import PersonRequest
from gallery.web.responses import refused
from gallery.web.settings_pages import Undo, insist, may, page, saved

BUDGETS_SHOWN = 6
LONGEST_REASON = 500


@require_safe
def settings_overview(request: PersonRequest) -> HttpResponse:
    """How the studio is. The numbers are those of the first page of Django's administration."""
    insist(request.user)
    person = request.user
    context = {
        "now": overview(),
        "disk": disk(),
        "people": Person.objects.filter(is_active=True).count(),
        "budgets": Budget.objects.all().states()[:BUDGETS_SHOWN] if may(person, "gallery.view_budget") else [],
        "sees_money": may(person, "gallery.view_ledgerentry"),
        "may_pause": may(person, "gallery.change_upstreamaccount"),
    }
    return page(request, "settings_overview", "settings_overview", context)


@require_POST
def settings_pause(request: PersonRequest) -> HttpResponseBase:
    """Pause all requests, or let them go on."""
    insist(request.user, "gallery.change_upstreamaccount")
    here = reverse("settings_pause")
    if request.POST.get("do") == "resume":
        services.operations.resume()
        said, note, undo = _("The queue goes on."), "Resumed.", Undo(here, {"do": "pause"})
    else:
        reason = request.POST.get("reason", "")[:LONGEST_REASON].strip()
        services.operations.pause(request.user.name, reason)
        said = _("Nothing more is sent. What is on its way is finished.")
        note, undo = f"Paused. {reason}".strip(), Undo(here, {"do": "resume"})
    services.audit.record(AuditEntry.Action.DID, UpstreamAccount.load(), note=note)
    return saved(request, said, back="settings_overview", undo=undo)


# -- jobs


@require_safe
def settings_jobs(request: PersonRequest) -> HttpResponse:
    insist(request.user, "gallery.view_generation")
    context = {
        "jobs": jobs(),
        "account": UpstreamAccount.load(),
        "may_cancel": may(request.user, "gallery.change_generation"),
        "may_pause": may(request.user, "gallery.change_upstreamaccount"),
    }
    return page(request, "settings_jobs", "settings_jobs", context)


@require_POST
def settings_job_cancel(request: PersonRequest, pk: int) -> HttpResponseBase:
    """Cancel a request, as its author could. Of one that was sent, a result that still comes is kept."""
    insist(request.user, "gallery.view_generation", "gallery.change_generation")
    generation = get_object_or_404(Generation.objects.select_related("author", "model"), pk=pk)
    if not generation.stop_waiting():
        return refused(request, InvalidInput(_("This request has ended, or its picture is being fetched.")))
    services.audit.record(AuditEntry.Action.DID, generation, note="Cancelled.")
    generation.refresh_from_db(fields=["state"])
    said = _("The request of %(name)s is cancelled.") % {"name": generation.author.name}
    context: dict[str, Any] = {"one": generation, "may_cancel": True, "target": f"job-{pk}"}
    return saved(request, said, back="settings_jobs", row="_job_row", **context)


# -- storage


@require_safe
def settings_storage(request: PersonRequest) -> HttpResponse:
    insist(request.user, "gallery.view_mediacheck")
    return page(request, "settings_storage", "settings_storage", _storage_context(request.user))


def _storage_context(person: Person) -> dict[str, Any]:
    return {
        "storage": storage(),
        "may_check": may(person, "gallery.add_mediacheck"),
        "sees_people": may(person, "gallery.view_person"),
        "retained": _retained(person),
    }


def _retained(person: Person) -> list[dict[str, Any]]:
    """For `_retention_row.html`."""
    if not may(person, "gallery.view_retention"):
        return []
    retention, may_change = Retention.load(), may(person, "gallery.change_retention")
    return [
        {
            "name": name,
            "target": f"retention-{name}",
            "label": label,
            "help": help_text,
            "days": getattr(retention, name),
            "may_change": may_change,
        }
        for name, (label, help_text) in Retention.WORDS.items()
    ]


@require_POST
def settings_retention(request: PersonRequest) -> HttpResponseBase:
    """How many days one kind of thing is kept; nothing means for ever."""
    insist(request.user, "gallery.view_mediacheck", "gallery.change_retention")
    name = request.POST.get("field", "")
    if name not in services.settings.RETAINED:
        raise Http404
    before = getattr(Retention.load(), name)
    try:
        days = services.settings.number_in(request.POST.get("value", ""), most=LONGEST_DAYS)
    except InvalidInput as problem:
        return refused(request, problem)
    services.settings.set_retention(name, days)
    row = next(one for one in _retained(request.user) if one["name"] == name)
    undo = Undo(reverse("settings_retention"), {"field": name, "value": "" if before is None else before})
    if days == before:
        said = ""
    elif days is None:
        said = _("Kept for ever: %(what)s.") % {"what": row["label"]}
    else:
        words = ngettext("Kept for %(n)d day: %(what)s.", "Kept for %(n)d days: %(what)s.", days)
        said = words % {"n": days, "what": row["label"]}
    return saved(request, said, back="settings_storage", undo=undo, row="_retention_row", one=row, target=row["target"])


@require_POST
def settings_media_check(request: PersonRequest) -> HttpResponseBase:
    """Have a task look whether all files are there."""
    insist(request.user, "gallery.view_mediacheck", "gallery.add_mediacheck")
    if not services.operations.check_media(with_hash="with_hash" in request.POST):
        return refused(request, InvalidInput(_("A check is running already.")))
    return saved(request, _("The check has begun. Load this page again to see its result."), back="settings_storage")
