"""What happened: the log of a gallery, and a person's notices."""

from collections.abc import Iterable

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from gallery import services
from gallery.models import Activity, Notice, Person, Picture
from gallery.queries.roles import Action
from gallery.web.access import gallery_to, notice_to_read
from gallery.web.http import PersonRequest, number_in

PAGE = 50


@require_safe
def gallery_activity(request: PersonRequest, pk: int) -> HttpResponse:
    """The newest entry first. An entry stays without its picture if the person may not see that any more."""
    gallery = gallery_to(Action.VIEW, request.user, pk)
    rows = Activity.objects.filter(gallery=gallery).select_related("actor").order_by("-pk")
    before = number_in(request.GET.get("before"))
    lines = list((rows.filter(pk__lt=before) if before else rows)[: PAGE + 1])
    context = {
        "gallery": gallery,
        "lines": lines[:PAGE],
        "pictures": _pictures(request.user, lines),
        "next_before": lines[PAGE - 1].pk if len(lines) > PAGE else None,
        "before": before,
    }
    return render(request, "activity/gallery_activity.html", context)


@require_safe
def notice_list(request: PersonRequest) -> HttpResponse:
    person = request.user
    rows = Notice.objects.visible_to(person).select_related("actor", "gallery", "picture").order_by("-pk")
    before = number_in(request.GET.get("before"))
    notices = list((rows.filter(pk__lt=before) if before else rows)[: PAGE + 1])
    context = {
        "notices": notices[:PAGE],
        "pictures": _pictures(person, notices),
        "next_before": notices[PAGE - 1].pk if len(notices) > PAGE else None,
        "before": before,
    }
    return render(request, "activity/notice_list.html", context)


@require_safe
def notice_open(request: PersonRequest, pk: int) -> HttpResponseBase:
    """Mark a notice as read, and go on to what it is about."""
    notice = notice_to_read(request.user, pk)
    if request.method == "GET":
        notice.mark_read()
    return redirect(notice.target)


@require_POST
def notice_read_all(request: PersonRequest) -> HttpResponseBase:
    services.activity.read_all(request.user)
    messages.success(request, _("All read."))
    return redirect("notice_list")


def _pictures(person: Person, lines: Iterable[Activity | Notice]) -> dict[int, Picture]:
    """The pictures of these lines that this person may see, by id."""
    asked = {line.picture_id for line in lines if line.picture_id}
    return Picture.objects.visible_to(person).select_related("generation").in_bulk(asked)
