"""How views answer: as a fragment, as JSON or with a redirect, and what several of them read from a form."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.template.defaultfilters import pluralize
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django_htmx.http import trigger_client_event

from gallery.services.errors import InvalidInput
from gallery.web.http import PersonRequest, ids_in

# Commands on a selection take so many pictures at once.
MOST_AT_ONCE = 500


def wants_json(request: PersonRequest) -> bool:
    """What this site's scripts ask for."""
    return request.headers.get("Accept") == "application/json"


def safe_url(request: PersonRequest, url: str) -> str:
    return url if url_has_allowed_host_and_scheme(url, {request.get_host()}, request.is_secure()) else ""


def came_from(request: PersonRequest) -> str:
    """The page that one came from."""
    return safe_url(request, request.headers.get("Referer", "")) or reverse("picture_list")


def back_to_picture(request: PersonRequest, pk: int) -> HttpResponseBase:
    return redirect(safe_url(request, request.headers.get("Referer", "")) or reverse("picture_detail", args=[pk]))


def chosen_pictures(request: PersonRequest) -> list[int]:
    """The pictures that the form names: the one with the pressed button, or all ticked ones. Raises InvalidInput."""
    texts = request.POST.getlist("only") or request.POST.getlist("picture")
    chosen = ids_in(texts)
    if not chosen:
        raise InvalidInput("Select a picture first.")
    if len(chosen) > MOST_AT_ONCE:
        raise InvalidInput(f"Select {MOST_AT_ONCE} pictures at the most.")
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
    """In the dialog, or on a page of its own that then leads back."""
    context["then"] = request.POST.get("then") or came_from(request)
    template = f"selection/_{name}.html" if request.htmx else f"selection/{name}.html"
    return render(request, template, context, status=status)


def done(request: PersonRequest, said: str) -> HttpResponseBase:
    if request.htmx:
        return trigger_client_event(HttpResponse(), "toast", {"message": said, "kind": "success"})
    messages.success(request, said)
    return redirect(safe_url(request, request.POST.get("then", "")) or came_from(request))


def count_in_words(number: int) -> str:
    return f"{number} picture{pluralize(number)}"
