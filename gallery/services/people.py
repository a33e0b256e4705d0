"""People and their accounts."""

import logging
from collections.abc import Iterable

from django.contrib.auth.models import Group
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from gallery.models import Person, UpstreamAccount
from gallery.services.errors import InvalidInput
from gallery.services.invitations import EmailTaken
from gallery.services.leavers import insist_on_another_administrator

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


def set_administrator(person: Person, by: Person, is_administrator: bool) -> None:
    """Give a person all rights, or take them back. Raises InvalidInput for oneself and for the only administrator."""
    if person.pk == by.pk:
        raise InvalidInput(_("You cannot take your own rights away. Another administrator can."))
    if is_administrator and not person.is_active:
        raise InvalidInput(_("Switch the account on first."))
    with transaction.atomic():
        if not is_administrator:
            insist_on_another_administrator(person)
        person.is_staff = person.is_superuser = is_administrator
        person.save(update_fields=["is_staff", "is_superuser"])


def set_groups(person: Person, groups: Iterable[Group]) -> None:
    """Put a person into these groups, and out of all others."""
    wanted = {group.pk: group for group in groups}
    with transaction.atomic():
        has = {group.pk: group for group in person.groups.all()}
        person.groups.remove(*(group for pk, group in has.items() if pk not in wanted))
        person.groups.add(*(group for pk, group in wanted.items() if pk not in has))


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
