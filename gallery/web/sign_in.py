"""Checks passwords: in bounded memory, in the same time for every outcome, and with a line in the log."""

import logging
import threading
import time
from ipaddress import ip_address
from math import ceil
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import get_authentication_records
from allauth.account.internal.flows.reauthentication import get_reauthentication_flows
from allauth.core import context
from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.contrib.auth.signals import user_logged_in
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, resolve_url
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from gallery import services
from gallery.models import Person
from gallery.web.http import client_address

logger = logging.getLogger(__name__)

# How long a sign-in by a provider counts as proof that the person is still there.
RECENT_SECONDS = 600
# In a session: the provider, or the proxy, has asked for a second step.
PROVIDER_DID_SECOND_STEP = "provider_did_second_step"


class BoundedArgon2Hasher(Argon2PasswordHasher):
    """Argon2id with OWASP's first choice of parameters, two at a time in each process.

    19 MiB, two passes, one lane: https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html.
    Django's 100 MiB and eight lanes let a few dozen strangers who guess passwords use up the machine. A password that
    was kept with other parameters is kept with these from its next sign-in on.
    """

    time_cost = 2
    memory_cost = 19 * 1024  # KiB
    parallelism = 1

    _limit = threading.BoundedSemaphore(2)

    def encode(self, password: str, salt: str) -> str:
        with self._limit:
            return str(super().encode(password, salt))

    def verify(self, password: str, encoded: str) -> bool:
        with self._limit:
            return bool(super().verify(password, encoded))


class StudioBackend(ModelBackend):
    """Django's, which also returns people who are switched off: the form then says so to those who know the password.

    Each try hashes once, so that its time does not tell unknown, wrong and switched off apart. A session of a person
    who is switched off ends all the same: `get_user` is Django's.
    """

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> Person | None:
        if username is None or password is None:
            return None
        try:
            person = Person.objects.get_by_natural_key(username)
        except Person.DoesNotExist:
            Person().set_password(password)
            return None
        return person if person.check_password(password) else None


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc] # allauth has no types
    """How allauth signs people in here. It sends no mail and makes no account by itself."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def is_safe_url(self, url: str) -> bool:
        """Only pages of the host that was asked; allauth would take all of ALLOWED_HOSTS."""
        request = context.request
        return url_has_allowed_host_and_scheme(url, {request.get_host()}, require_https=request.is_secure())

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        return resolve_url("create")

    def respond_user_inactive(self, request: HttpRequest, user: Person) -> HttpResponse:
        messages.error(request, _("This account is switched off. Ask an administrator."))
        return redirect("login")

    def post_login(self, request: HttpRequest, user: Person, *, signal_kwargs: Any, **kwargs: Any) -> HttpResponse:
        state = getattr((signal_kwargs or {}).get("sociallogin"), "state", {})
        if state.get(PROVIDER_DID_SECOND_STEP):
            request.session[PROVIDER_DID_SECOND_STEP] = True
        response: HttpResponse = super().post_login(request, user, signal_kwargs=signal_kwargs, **kwargs)
        return response

    def get_client_ip(self, request: HttpRequest) -> str:
        try:
            return str(ip_address(client_address(request)))
        except ValueError:
            # A proxy that writes something else, or a request without an address, as in tests.
            return "0.0.0.0"  # noqa: S104 no address is bound

    def add_message(self, request: HttpRequest, level: int, *args: Any, message: str = "", **kwargs: Any) -> None:
        """What was wrong with a form. None of allauth's templates: the studio's pages say what has happened."""
        if message:
            messages.add_message(request, level, message)

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """Ask for the password or a code before a change, of those who have one.

        Who came by a provider has neither; a recent sign-in takes its place.
        """
        request = context.request
        if get_reauthentication_flows(request.user):
            return True
        signed_in_at = max((row["at"] for row in get_authentication_records(request, request.user)), default=0)
        return bool(time.time() - signed_in_at > RECENT_SECONDS)

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """None: a request must not wait for a mail server."""


def note_sign_in(sender: Any, request: HttpRequest, user: Person, **kwargs: Any) -> None:
    """Write a line in the log, and remember the session for the list on the account's page."""
    logger.info("Person %s signed in from %s", user.pk, client_address(request))
    request.session.pop(PROVIDER_DID_SECOND_STEP, None)
    if request.META.get("REMOTE_ADDR"):
        UserSession.objects.create_from_request(request, user=user)


def keep_session(request: HttpRequest, person: Person) -> None:
    """Let this session go on, after a change that has ended all sessions of the person."""
    before = request.session.session_key
    update_session_auth_hash(request, person)
    UserSession.objects.filter(session_key=before).update(session_key=request.session.session_key)


def sign_in_refused(address: str, problem: "services.sign_in.TooManySignIns") -> str:
    """What to tell a person who has to wait; a line in the log tells it, too."""
    logger.warning("Sign-in refused: too many wrong passwords from %s", address)
    minutes = max(1, ceil((problem.until - timezone.now()).total_seconds() / 60))
    message = ngettext(
        "Too many sign-ins have failed. Try again in %(minutes)d minute.",
        "Too many sign-ins have failed. Try again in %(minutes)d minutes.",
        minutes,
    )
    return message % {"minutes": minutes}


user_logged_in.connect(note_sign_in, dispatch_uid="gallery.note_sign_in")
