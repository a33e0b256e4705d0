"""A forgotten password, by mail. The pages tell nothing about which accounts there are."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import PasswordResetConfirmView
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from gallery import services
from gallery.forms.accounts import ForgottenPasswordForm
from gallery.web.http import client_address
from gallery.web.sign_in import sign_in_refused


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def password_forgotten(request: HttpRequest) -> HttpResponseBase:
    """Ask for a mail. A known and an unknown address get the same answer in the same time: a task looks it up."""
    if not settings.LEMONSTUDIO_SENDS_MAIL:
        raise Http404
    form = ForgottenPasswordForm(request.POST if request.method == "POST" else None)
    status = 200
    if request.method == "POST" and form.is_valid():
        origin = settings.LEMONSTUDIO_URL or request.build_absolute_uri("/")
        try:
            services.sign_in.ask_for_reset(form.cleaned_data["email"], client_address(request), origin)
        except services.sign_in.TooManySignIns as problem:
            form.add_error(None, ValidationError(sign_in_refused(client_address(request), problem), code="too_many"))
            status = 429
        else:
            messages.success(request, _("If there is an account with this e-mail, a link is on its way to it."))
            return redirect("login")
    return render(request, "accounts/password_forgotten.html", {"form": form}, status=status)


@method_decorator(login_not_required, name="dispatch")
class PasswordReset(PasswordResetConfirmView):
    """Django's: the link works once and for an hour, and its token leaves the address at once.

    It does not sign in: a second step is still asked for.
    """

    template_name = "accounts/password_reset.html"
    success_url = reverse_lazy("login")

    def form_valid(self, form: Any) -> HttpResponse:
        response = super().form_valid(form)
        services.sign_in.note_reset(form.user)
        messages.success(
            self.request, _("Your password is changed, and you are signed out everywhere. Sign in with the new one.")
        )
        return response
