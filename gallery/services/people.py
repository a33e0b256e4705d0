"""People and their accounts."""

import logging

from django.contrib.auth.models import Group
from django.db import IntegrityError, transaction

from gallery.models import Person, UpstreamAccount
from gallery.services.invitations import EmailTaken

logger = logging.getLogger(__name__)


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


def admit(name: str, email: str) -> Person:
    """Make an account for a person whom a provider or a proxy signs in; it has no password. Raises EmailTaken."""
    try:
        with transaction.atomic():
            return Person.objects.create_user(email, None, name=name)
    except IntegrityError:
        raise EmailTaken from None


def sync_rights(person: Person, managed: set[str], wanted: set[str], is_administrator: bool | None) -> None:
    """Put a person into the groups that a provider says, and take them out of the others that it manages.

    Groups are made where they are missing. `is_administrator` is None where the provider does not decide that. The last
    administrator stays one: otherwise no person could change the settings.
    """
    with transaction.atomic():
        has = set(person.groups.values_list("name", flat=True)) & managed
        if has != wanted:
            person.groups.remove(*Group.objects.filter(name__in=has - wanted))
            person.groups.add(*(Group.objects.get_or_create(name=name)[0] for name in sorted(wanted - has)))
        if is_administrator is None or is_administrator == (person.is_staff and person.is_superuser):
            return
        others = Person.objects.filter(is_superuser=True, is_active=True).exclude(pk=person.pk)
        if not is_administrator and person.is_superuser and not others.exists():
            logger.warning("Person %s stays an administrator: there is no other", person.pk)
            return
        person.is_staff = person.is_superuser = is_administrator
        person.save(update_fields=["is_staff", "is_superuser"])
        logger.warning("Person %s %s an administrator now", person.pk, "is" if is_administrator else "is not")
