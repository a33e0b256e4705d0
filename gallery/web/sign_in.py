"""Checks passwords: in bounded memory, in the same time for every outcome, and with a line in the log."""

import logging
import threading
from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.contrib.auth.signals import user_logged_in
from django.http import HttpRequest

from gallery.models import Person
from gallery.web.http import client_address

logger = logging.getLogger(__name__)


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


def note_sign_in(sender: Any, request: HttpRequest, user: Person, **kwargs: Any) -> None:
    logger.info("Person %s signed in from %s", user.pk, client_address(request))


user_logged_in.connect(note_sign_in, dispatch_uid="gallery.note_sign_in")
