"""Limits on guessing passwords."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.crypto import salted_hmac

from gallery.enqueue import enqueue_password_reset
from gallery.models import Invitation, Person, SignInTry

WITHIN = timedelta(minutes=15)
# Wrong passwords within that time: for one account from one address, from one address, and for one account.
MOST_OF_ACCOUNT_AND_PLACE = 10
MOST_OF_PLACE = 50
MOST_OF_ACCOUNT = 200
# Accounts that are tried to be made by one invitation, from one address: a class may come at the same time.
MOST_ARRIVALS = 30
# Mails to reset a password, for one account from one address.
MOST_RESETS = 3


class TooManySignIns(Exception):
    """`until` is when the next one may be tried."""

    def __init__(self, until: datetime) -> None:
        super().__init__(f"not before {until}")
        self.until = until


def begin_try(email: str, address: str, most: int = MOST_OF_ACCOUNT_AND_PLACE, kind: str = "") -> SignInTry:
    """Count a sign-in before its password is checked, so that many at the same moment do not slip by.

    Another `kind` of try (a second step, a mail to reset a password) has a count of its own for each account. Tries of
    all kinds count for the address. Raises TooManySignIns.
    """
    account = _keyed(f"account{kind}", Person.objects.normalize_email(email))
    place = _keyed("place", address)
    with transaction.atomic():
        # Tries of one account wait for each other. An unknown one has no row to wait for, and nothing to guess.
        list(Person.objects.select_for_update().only("pk").filter(email=Person.objects.normalize_email(email)))
        for rows, limit in (
            (Q(account=account, place=place), most),
            (Q(place=place), MOST_OF_PLACE),
            (Q(account=account), MOST_OF_ACCOUNT),
        ):
            _refuse_more_than(limit, SignInTry.objects.filter(rows))
        return SignInTry.objects.create(account=account, place=place)


def begin_arrival(invitation: Invitation, address: str) -> SignInTry:
    """Count that someone tries to make an account by this invitation. Raises TooManySignIns."""
    return begin_try(str(invitation.pk), address, MOST_ARRIVALS, kind="invitation")


def ask_for_reset(email: str, address: str, origin: str) -> None:
    """Have a link mailed by which this account gets another password, if there is one. Raises TooManySignIns."""
    begin_try(email, address, MOST_RESETS, kind="reset")
    enqueue_password_reset(email, origin)


def note_reset(person: Person) -> None:
    """A person has come by the link of such a mail, so the address is theirs."""
    Person.objects.filter(pk=person.pk, email_verified=False).update(email_verified=True)


def forget_tries(of: SignInTry) -> None:
    """After the right password: what this account got wrong from this address no longer counts."""
    SignInTry.objects.filter(account=of.account, place=of.place).delete()


def delete_old_tries() -> None:
    SignInTry.objects.filter(at__lt=timezone.now() - WITHIN).delete()


def _refuse_more_than(most: int, tries: "QuerySet[SignInTry]") -> None:
    latest = list(tries.order_by("-at").values_list("at", flat=True)[:most])
    if len(latest) == most and latest[-1] > timezone.now() - WITHIN:
        raise TooManySignIns(latest[-1] + WITHIN)


def _keyed(kind: str, text: str) -> str:
    return salted_hmac(f"gallery.sign_in.{kind}", text, algorithm="sha256").hexdigest()
