"""People and their accounts."""

from django.db import transaction

from gallery.models import Person, UpstreamAccount


class AlreadySetUp(Exception):
    """The studio has an account already; the first-run page is closed."""


def set_up(name: str, email: str, password: str) -> Person:
    """Make the first administrator. Raises AlreadySetUp if there is any person, even if several requests race."""
    with transaction.atomic():
        # This row's lock lets one request check at a time; on SQLite the transaction itself does that.
        UpstreamAccount.load()
        UpstreamAccount.objects.select_for_update().get(pk=1)
        if Person.objects.exists():
            raise AlreadySetUp
        return Person.objects.create_superuser(email, password, name=name)
