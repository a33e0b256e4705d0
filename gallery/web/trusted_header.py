"""A proxy that signs people in and names them in a header. Off unless two settings say which header and which proxy."""

import logging
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address

from django.conf import settings
from django.contrib.auth import login, logout
from django.core.exceptions import MiddlewareNotUsed
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponseBase

from gallery import services
from gallery.models import Person
from gallery.web.middleware import busy_answer
from gallery.web.sign_in import PROVIDER_DID_SECOND_STEP

logger = logging.getLogger("gallery.web.sign_in")

# In a session that began by the header.
BY_HEADER = "signed_in_by_header"


class TrustedHeaderMiddleware:
    """Sign in the person whom the proxy names, in place of any other.

    The header counts only in requests that come from the proxy's own address; what a visitor sends does not. A session
    that began by the header ends when the header is missing, or when the request comes from somewhere else.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        if not settings.LEMONSTUDIO_TRUSTED_HEADER:
            raise MiddlewareNotUsed
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        email = ""
        if is_proxy(request.META.get("REMOTE_ADDR", "")):
            email = Person.objects.normalize_email(request.headers.get(settings.LEMONSTUDIO_TRUSTED_HEADER))
        try:
            if email:
                self._sign_in(request, email)
            elif request.session.get(BY_HEADER):
                logout(request)
        except (OperationalError, InterfaceError) as problem:
            return busy_answer(request, problem)
        return self.get_response(request)

    def _sign_in(self, request: HttpRequest, email: str) -> None:
        if request.user.is_authenticated:
            if request.user.email == email:
                return
            logout(request)
        person = self._person(request, email)
        if person is None:
            return
        login(request, person)
        request.session[BY_HEADER] = True
        request.session[PROVIDER_DID_SECOND_STEP] = True

    def _person(self, request: HttpRequest, email: str) -> Person | None:
        person = Person.objects.filter(email=email).first()
        if person is None:
            # The first account is the administrator's, and its page makes it.
            if not settings.LEMONSTUDIO_TRUSTED_HEADER_CREATES or not Person.objects.exists():
                return None
            name = request.headers.get(settings.LEMONSTUDIO_TRUSTED_HEADER_NAME) or email.partition("@")[0]
            try:
                person = services.people.admit(name[:120], email)
            except services.invitations.EmailTaken:
                # Two requests of the same browser; the other one made the account.
                return Person.objects.filter(email=email, is_active=True).first()
            logger.info("Person %s came by the proxy", person.pk)
        if not (person.is_active and person.email_verified):
            logger.warning("Sign-in refused: the proxy named person %s, who is switched off or not verified", person.pk)
            return None
        return person


def is_proxy(address: str) -> bool:
    """Whether a request came from a proxy that may name people; `address` is that of the connection."""
    try:
        peer = ip_address(address)
    except ValueError:
        return False
    if isinstance(peer, IPv6Address) and peer.ipv4_mapped:
        peer = peer.ipv4_mapped
    return any(peer in network for network in settings.LEMONSTUDIO_TRUSTED_PROXIES)
