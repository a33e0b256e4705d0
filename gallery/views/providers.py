"""Signing in by a provider: leaving for it, and coming back."""

from allauth.account.utils import get_next_redirect_url
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.models import SocialApp
from allauth.socialaccount.providers.openid_connect import views as openid_connect
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from gallery.web.providers import failed

# What a provider that is away, or that answers with something else, makes allauth raise.
UNUSABLE = (OSError, LookupError, TypeError, ValueError)


@login_not_required
@require_POST
def provider_login(request: HttpRequest, provider_id: str) -> HttpResponseBase:
    """Send the browser to the provider.

    By a page and not by a redirect: the policy of this page forbids forms that lead to another site.
    """
    try:
        provider = get_adapter().get_provider(request, provider_id)
    except SocialApp.DoesNotExist:
        raise Http404 from None
    try:
        response: HttpResponse = provider.redirect(request, "login", next_url=get_next_redirect_url(request))
    except UNUSABLE as problem:
        return failed(request, provider.app.name, problem)
    address = response["Location"]
    if address.startswith("/"):
        return response
    if not address.startswith(("https://", "http://")):
        return failed(request, provider.app.name, ValueError())
    return render(request, "accounts/provider_login.html", {"provider": provider, "address": address})


@login_not_required
@require_safe
def provider_callback(request: HttpRequest, provider_id: str) -> HttpResponseBase:
    """The provider has sent the browser back."""
    try:
        response: HttpResponseBase = openid_connect.callback(request, provider_id)
    except UNUSABLE as problem:
        return failed(request, _("The provider"), problem)
    return response
