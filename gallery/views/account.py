"""The first set-up, signing in, and a person's settings."""

from typing import Any

from allauth.account.internal.flows.login import perform_password_login
from allauth.account.models import Login
from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.contrib.auth.views import LoginView, LogoutView, PasswordChangeView, redirect_to_login
from django.core.exceptions import NON_FIELD_ERRORS
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from gallery import services
from gallery.forms.accounts import SetUpForm, SignInForm
from gallery.models import Person
from gallery.web.context_processors import THEMES
from gallery.web.http import PersonRequest, StudioRequest
from gallery.web.language import LANGUAGES
from gallery.web.providers import providers_on_offer
from gallery.web.sign_in import keep_session


@method_decorator(login_not_required, name="dispatch")
class SignIn(LoginView):
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        offered = {"sends_mail": settings.LEMONSTUDIO_SENDS_MAIL, "providers": providers_on_offer(self.request)}
        return super().get_context_data(**offered, **kwargs)

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not Person.objects.exists():
            return redirect("setup")
        return super().get(request, *args, **kwargs)

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        """The password is right; allauth asks for the second step, if the person has one."""
        person = form.get_user()
        sign_in = Login(user=person, redirect_url=self.get_success_url())
        response: HttpResponse = perform_password_login(self.request, {}, sign_in)
        return response

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        response = super().form_invalid(form)
        if form.has_error(NON_FIELD_ERRORS, code="too_many"):
            response.status_code = 429
        return response


class SignOut(LogoutView):
    """Leaves nothing of this person's in the browser: no cached pages, no drafts of prompts."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = super().post(request, *args, **kwargs)
        response["Clear-Site-Data"] = '"cache", "storage"'
        return response


class PasswordChange(PasswordChangeView):
    def form_valid(self, form: PasswordChangeForm) -> HttpResponse:
        form.save()
        keep_session(self.request, form.user)
        return redirect("password_change_done")


@sensitive_post_parameters("password")
@login_not_required
@require_http_methods(["GET", "POST"])
def setup(request: HttpRequest) -> HttpResponseBase:
    """Make the first administrator. The page exists only until there is an account."""
    if Person.objects.exists():
        return redirect("create")
    form = SetUpForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        cleaned = form.cleaned_data
        try:
            person = services.people.set_up(cleaned["name"], cleaned["email"], cleaned["password"])
        except services.people.AlreadySetUp:
            return redirect("login")
        login(request, person)
        return redirect("create")
    return render(request, "accounts/setup.html", {"form": form}, status=422 if form.errors else 200)


@login_not_required
@require_safe
def admin_login(request: HttpRequest) -> HttpResponseBase:
    """All people sign in here, because the admin's own sign-in page knows nothing of the first set-up."""
    if request.user.is_authenticated:
        raise Http404
    return redirect_to_login(request.GET.get("next", "/admin/"))


@require_safe
def account(request: HttpRequest) -> HttpResponse:
    return render(request, "accounts/account.html", {"languages": LANGUAGES})


@require_POST
def language(request: PersonRequest) -> HttpResponse:
    """Keep the person's language on their row, because mails are written in it, too; empty is the browser's."""
    wanted = request.POST.get("language", "")
    if wanted in LANGUAGES or not wanted:
        Person.objects.filter(pk=request.user.pk).update(language=wanted)
    return redirect("account")


@login_not_required
@require_POST
def theme(request: StudioRequest) -> HttpResponse:
    """Keep the theme in a cookie. Then the server renders it, and no page flashes."""
    wanted = request.POST.get("theme", "")
    if request.htmx:
        response = HttpResponse(status=204)
    else:
        back = request.headers.get("Referer", "")
        safe = url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure())
        response = redirect(back if safe else "create")
    if wanted in THEMES:
        response.set_cookie(
            "theme", wanted, max_age=365 * 24 * 3600, samesite="Lax", secure=request.is_secure(), httponly=False
        )
    return response
