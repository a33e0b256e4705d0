"""Answers that several views give, as a fragment, as JSON or with a redirect, and the forms that they share."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django_htmx.http import trigger_client_event

from gallery.services.errors import InvalidInput
from gallery.web.http import PersonRequest, ids_in

# How many pictures a command on a selection takes at once.
MOST_AT_ONCE = 500


def wants_json(request: PersonRequest) -> bool:
    """Whether a script of this site asks."""
    return request.headers.get("Accept") == "application/json"


def safe_url(request: PersonRequest, url: str) -> str:
    return url if url_has_allowed_host_and_scheme(url, {request.get_host()}, request.is_secure()) else ""


def came_from(request: PersonRequest) -> str:
    """The page that the person came from."""
    return safe_url(request, request.headers.get("Referer", "")) or reverse("picture_list")


def back_to_picture(request: PersonRequest, pk: int) -> HttpResponseBase:
    return redirect(safe_url(request, request.headers.get("Referer", "")) or reverse("picture_detail", args=[pk]))


def chosen_pictures(request: PersonRequest) -> list[int]:
    """The pictures that the form names: the one with the pressed button, or all ticked ones. Raises InvalidInput."""
    texts = request.POST.getlist("only") or request.POST.getlist("picture")
    chosen = ids_in(texts)
    if not chosen:
        raise InvalidInput(_("Select a picture first."))
    if len(chosen) > MOST_AT_ONCE:
        raise InvalidInput(_("Select %(most)d pictures at the most.") % {"most": MOST_AT_ONCE})
    return chosen


def refused(request: PersonRequest, problem: InvalidInput) -> HttpResponseBase:
    if wants_json(request):
        return JsonResponse({"said": problem.message}, status=422)
    if request.htmx:
        response = HttpResponse(status=422)
        return trigger_client_event(response, "toast", {"message": problem.message, "kind": "error"})
    messages.error(request, problem.message)
    return redirect(came_from(request))


def ask(request: PersonRequest, name: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
    """Show a form in the dialog, or on its own page, which leads back afterwards."""
    context["then"] = request.POST.get("then") or came_from(request)
    template = f"selection/_{name}.html" if request.htmx else f"selection/{name}.html"
    return render(request, template, context, status=status)


def done(request: PersonRequest, said: str) -> HttpResponseBase:
    if request.htmx:
        return trigger_client_event(HttpResponse(), "toast", {"message": said, "kind": "success"})
    messages.success(request, said)
    return redirect(safe_url(request, request.POST.get("then", "")) or came_from(request))


def count_in_words(number: int) -> str:
    return ngettext("%(count)d picture", "%(count)d pictures", number) % {"count": number}


def asks_first(request: PersonRequest, asked: str, more: str, yes: str, back: str) -> HttpResponse | None:
    """A page with this question, for a form that says so and a browser without scripts; None if it was answered.

    With scripts, a dialog asks instead (static/js/base/confirm.js), and the form comes without the field "ask".
    """
    if "ask" not in request.POST:
        return None
    left_out = {"ask", "csrfmiddlewaretoken"}
    fields = [(name, value) for name, values in request.POST.lists() if name not in left_out for value in values]
    context = {"asked": asked, "more": more, "yes": yes, "back": back, "fields": fields}
    return render(request, "base/confirm.html", context)
