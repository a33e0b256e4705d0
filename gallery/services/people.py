"""People and their accounts."""

from django.db import transaction

from gallery.models import Person, UpstreamAccount


class AlreadySetUp(Exception):
    """There is somebody already; the first-run page is closed."""


def set_up(name: str, email: str, password: str) -> Person:
    """Make the first administrator. Raises AlreadySetUp if there is any person, however many ask at once."""
    with transaction.atomic():
        # Whoever holds this row's lock looks alone; with SQLite the transaction itself is alone.
        UpstreamAccount.load()
        UpstreamAccount.objects.select_for_update().get(pk=1)
        if Person.objects.exists():
            raise AlreadySetUp
        return Person.objects.create_superuser(email, password, name=name)
