"""Second steps: passkeys, authenticator apps and recovery codes, by allauth.mfa."""

import base64
import logging
import secrets
from typing import Any

from allauth.account.internal.flows.login import get_authentication_records
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from gallery.models import Person
from gallery.services.secrets import Unreadable, decrypt, encrypt
from gallery.web.sign_in import PROVIDER_DID_SECOND_STEP

logger = logging.getLogger(__name__)

# The second proof of who a person is; recovery codes only stand in for these.
STEPS = [Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN]


class SecondStepAdapter(DefaultMFAAdapter):  # type: ignore[misc] # allauth has no types
    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": gettext_lazy("This is not right. Check it, and try again."),
        "cannot_delete_authenticator": gettext_lazy(
            "The studio asks for a second step, and this is your last. Add another first."
        ),
    }

    def encrypt(self, text: str) -> str:
        return encrypt(text)

    def decrypt(self, encrypted_text: str) -> str:
        try:
            return decrypt(encrypted_text)
        except Unreadable:
            logger.error("A second step cannot be read: it was stored with another SECRET_KEY.")
            # A random secret matches no code.
            return base64.b32encode(secrets.token_bytes(20)).decode()

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        if not is_asked_of(authenticator.user):
            return True
        others = Authenticator.objects.filter(user=authenticator.user, type__in=STEPS).exclude(pk=authenticator.pk)
        return bool(others.exists())

    def generate_authenticator_name(self, user: Person, type: str) -> str:
        return _("Passkey")

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        return {**super().get_public_key_credential_rp_entity(), "name": "Lemon Studio"}


def is_asked_of(person: Any) -> bool:
    """Whether the studio's settings ask this person for a second step."""
    if settings.LEMONSTUDIO_SECOND_STEP == "everyone":
        return True
    return bool(settings.LEMONSTUDIO_SECOND_STEP == "administrators" and (person.is_staff or person.is_superuser))


def is_missing(request: HttpRequest) -> bool:
    """Whether this person has to set up a second step before anything else. One query, of those who are asked."""
    person = request.user
    if not is_asked_of(person) or request.session.get(PROVIDER_DID_SECOND_STEP):
        return False
    if any(row["method"] == "mfa" for row in get_authentication_records(request, person)):
        # It was used or added in this session; the last one cannot be removed.
        return False
    return not Authenticator.objects.filter(user_id=person.pk, type__in=STEPS).exists()
