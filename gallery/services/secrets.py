"""Secrets that the studio must be able to read again, encrypted with a key that comes from SECRET_KEY."""

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class Unreadable(Exception):
    """It was encrypted with another SECRET_KEY."""


def encrypt(text: str) -> str:
    return _keys().encrypt(text.encode()).decode()


def decrypt(encrypted: str) -> str:
    """Raises Unreadable."""
    try:
        return _keys().decrypt(encrypted.encode()).decode()
    except InvalidToken:
        raise Unreadable from None


def _keys() -> MultiFernet:
    return MultiFernet([_key(secret) for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)])


def _key(secret: str) -> Fernet:
    # Where this module used to be: with another word, nothing that is stored could be read any more.
    digest = hashlib.sha256(b"gallery.web.secrets" + secret.encode()).digest()
    return Fernet(base64.urlsafe_b64encode(digest))
