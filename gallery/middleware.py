"""Nobody gets in without signing in, unless the view says so."""

from typing import Any, cast
from urllib.parse import urlsplit

from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpRequest, HttpResponseRedirect
from django_htmx.http import HttpResponseClientRedirect


class SignInMiddleware(LoginRequiredMiddleware):
    """Django's, which also takes a page whose session has ended to the sign-in page when only a fragment asks.

    htmx would otherwise follow the redirect and swap the sign-in page into a card.
    """

    def handle_no_permission(self, request: HttpRequest, view_func: Any) -> HttpResponseRedirect:
        response = super().handle_no_permission(request, view_func)
        if not getattr(request, "htmx", False):
            return response
        page = urlsplit(request.htmx.current_url or "/")  # type: ignore[attr-defined] # set by HtmxMiddleware
        login = urlsplit(response["Location"])
        return cast("HttpResponseRedirect", HttpResponseClientRedirect(f"{login.path}?next={page.path or '/'}"))
