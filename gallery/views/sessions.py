"""A person's own sessions."""

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from gallery import services
from gallery.web.http import PersonRequest
from gallery.web.sign_in import keep_session


@require_safe
def session_list(request: PersonRequest) -> HttpResponse:
    sessions = services.sessions.open_sessions(request.user, request.session.session_key)
    return render(request, "accounts/session_list.html", {"sessions": sessions})


@require_POST
def session_end(request: PersonRequest, pk: int) -> HttpResponse:
    if not services.sessions.end(request.user, pk):
        raise Http404
    messages.success(request, _("That browser is signed out."))
    return redirect("session_list")


@require_POST
def session_end_others(request: PersonRequest) -> HttpResponse:
    """Sign out everywhere but here."""
    services.sessions.end_all(request.user)
    keep_session(request, request.user)
    messages.success(request, _("You are signed out everywhere but here."))
    return redirect("session_list")
