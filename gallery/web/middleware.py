"""Sign-in for all views that do not say otherwise, compressed pages, and the answer while the database is away."""

import logging
from collections.abc import Callable
from typing import Any, cast
from urllib.parse import urlencode, urlsplit

from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.sessions.exceptions import SessionInterrupted
from django.contrib.sessions.middleware import SessionMiddleware
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed, HttpResponseRedirect
from django.middleware.gzip import GZipMiddleware
from django.shortcuts import resolve_url
from django.template.loader import render_to_string
from django.utils.http import url_has_allowed_host_and_scheme
from django_htmx.http import HttpResponseClientRedirect, trigger_client_event

from gallery.web import second_step
from gallery.web.http import StudioRequest

logger = logging.getLogger(__name__)

BUSY = "The studio is busy just now. Nothing is lost; try again in a moment."
DISK_FULL = "The studio’s disk is full. Nothing was sent. An administrator can make room."
# What a person opens who still has to set up the second step that the studio asks of them.
WITHOUT_SECOND_STEP = {
    "logout",
    "theme",
    "account_reauthenticate",
    "mfa_index",
    "mfa_list_webauthn",
    "mfa_activate_totp",
    "mfa_add_webauthn",
    "mfa_view_recovery_codes",
}


class SignInMiddleware(LoginRequiredMiddleware):
    """Django's, but `next` is a page that can be opened: the one that the person was on, not the fragment it asked for.

    A fragment (htmx) is answered with an order to go to the sign-in page: htmx would follow a redirect, and swap the
    sign-in page into a card. A form that was sent after the session had ended leads back to the page it was on.
    Who still needs a second step is sent to the page where it is set up, also from the administration.
    """

    def process_view(self, request: HttpRequest, view_func: Any, view_args: Any, view_kwargs: Any) -> Any:
        response = super().process_view(request, view_func, view_args, view_kwargs)
        if response is not None or not getattr(view_func, "login_required", True):
            return response
        match = request.resolver_match
        if (match and match.view_name in WITHOUT_SECOND_STEP) or not second_step.is_missing(request):
            return None
        address = resolve_url("mfa_index")
        return HttpResponseClientRedirect(address) if getattr(request, "htmx", False) else HttpResponseRedirect(address)

    def handle_no_permission(self, request: HttpRequest, view_func: Any) -> HttpResponseRedirect:
        htmx = bool(getattr(request, "htmx", False))
        if request.method in ("GET", "HEAD") and not htmx:
            return super().handle_no_permission(request, view_func)
        page = cast("StudioRequest", request).htmx.current_url if htmx else request.headers.get("Referer")
        login = f"{resolve_url(self.get_login_url(view_func))}?{urlencode({'next': _path(request, page)}, safe='/')}"
        return cast("HttpResponseRedirect", HttpResponseClientRedirect(login)) if htmx else HttpResponseRedirect(login)


def _path(request: HttpRequest, page: str | None) -> str:
    """Path and query of the page, if it is one of this site; else those of the start page."""
    if not page or not url_has_allowed_host_and_scheme(page, {request.get_host()}):
        return "/"
    parts = urlsplit(page)
    return f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"


class CompressPagesMiddleware(GZipMiddleware):
    """Compress pages and fragments, but nothing that another site asks for.

    A site that makes a browser ask again and again, with guesses in the address, could read a token from the sizes of
    compressed answers (BREACH). Browsers say if another site asks. For those that do not, Django masks the CSRF token
    differently in each answer, and up to a hundred random bytes hide the size.
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        is_page = not response.streaming and response.headers.get("Content-Type", "").startswith("text/html")
        if not is_page or request.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none"):
            return response
        compressed: HttpResponseBase = super().process_response(request, response)
        return compressed


class WrongMethodMiddleware:
    """A page for those who open an address that only takes what a button sends: Back and Reload can lead there."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if isinstance(response, HttpResponseNotAllowed) and request.method == "GET" and not response.content:
            response.content = render_to_string("405.html", request=request)
        return response


class PrivatePagesMiddleware:
    """Pages of people who are signed in are kept by no cache, unless the view has said for how long they may be."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if not response.has_header("Cache-Control") and request.user.is_authenticated:
            response["Cache-Control"] = "private, no-store"
        return response


class BusyMiddleware:
    """Answer 503 if the database is locked or away for longer than a request can wait.

    Databases raise the same error for a statement that they will never take: that is 400, or a fault of ours.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponseBase | None:
        if not isinstance(exception, OperationalError | InterfaceError):
            return None
        if _asks_too_much(exception):
            logger.error("A request asked the database for too much at once: %s", exception)
            if cast("StudioRequest", request).htmx:
                return _toast("That is too much at once. Choose less, and try again.", status=400)
            return HttpResponse(render_to_string("400.html"), status=400)
        return busy_answer(request, exception) if _is_away(exception) else None


class KeepSessionMiddleware(SessionMiddleware):
    """Django's, for a database that takes no writes just now: who only looks at a page, gets it all the same."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        try:
            return super().process_response(request, response)
        except SessionInterrupted as interrupted:
            problem = _what_the_database_said(interrupted)
            if problem is None:
                raise
        except (OperationalError, InterfaceError) as away:
            problem = away
        if request.method in ("GET", "HEAD"):
            logger.warning("A session could not be kept: %s", problem)
            return response
        response.close()
        return busy_answer(request, problem)


def _what_the_database_said(exception: BaseException | None) -> Exception | None:
    """What hides behind an exception that says less."""
    while exception is not None and not isinstance(exception, OperationalError | InterfaceError):
        exception = exception.__cause__ or exception.__context__
    return exception


def busy_answer(request: HttpRequest, exception: Exception) -> HttpResponse:
    """The database is locked, away or full: a page that does not need it."""
    logger.warning("A request could not wait for the database: %s", exception)
    is_full = _is_full(exception)
    if getattr(request, "htmx", False):
        return _toast(DISK_FULL if is_full else BUSY, status=503)
    page = render_to_string("503.html", {"prompt": request.POST.get("prompt", ""), "is_full": is_full})
    return HttpResponse(page, status=503, headers={"Retry-After": "5"})


def _toast(said: str, status: int) -> HttpResponse:
    return trigger_client_event(HttpResponse(status=status), "toast", {"message": said, "kind": "error"})


# SQLite's code for a statement that is wrong or too large; trouble with locks and files has others.
_SQLITE_ERROR = 1
# A full disk, as SQLite and PostgreSQL number it.
_SQLITE_FULL, _PG_FULL = 13, "53100"
# What SQLite says of statements that are too large, with that code.
_TOO_MUCH = ("too large", "too many", "too deep")


def _is_away(exception: Exception) -> bool:
    return getattr(exception.__cause__, "sqlite_errorcode", 0) & 0xFF != _SQLITE_ERROR


def _is_full(exception: Exception) -> bool:
    """Whether the database's disk has no room left."""
    cause = exception.__cause__
    return getattr(cause, "sqlite_errorcode", 0) & 0xFF == _SQLITE_FULL or getattr(cause, "sqlstate", "") == _PG_FULL


def _asks_too_much(exception: Exception) -> bool:
    # PostgreSQL's class 54: a limit of the program is exceeded.
    if (getattr(exception.__cause__, "sqlstate", None) or "").startswith("54"):
        return True
    return not _is_away(exception) and any(words in str(exception) for words in _TOO_MUCH)
