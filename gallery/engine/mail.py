"""The studio's e-mails, if it was told how to send them."""

import logging
from datetime import timedelta
from smtplib import SMTPException
from urllib.parse import urljoin

from django.conf import settings
from django.contrib.auth.tokens import default_token_generator
from django.core.mail import send_mail
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.functional import lazy
from django.utils.http import urlsafe_base64_encode
from django.utils.translation import get_language, gettext, gettext_lazy, ngettext

from gallery.engine import alerts
from gallery.models import Invitation, Person, UpstreamAccount
from gallery.models.alert import Alert
from gallery.models.ledger import in_dollars
from gallery.models.sentences import in_readers_language

logger = logging.getLogger(__name__)

# At most one e-mail in this time about an account that is paused again and again.
SILENCE = timedelta(hours=1)


def tell_of_pause() -> int:
    """Write to the administrators why the account is paused; return to how many. Raises SMTPException or OSError."""
    administrators = list(alerts.administrators())
    can_mail = bool(settings.LEMONSTUDIO_SENDS_MAIL and administrators)
    if not (can_mail or settings.LEMONSTUDIO_WEBHOOK_URL) or not UpstreamAccount.is_worth_telling(SILENCE):
        return 0
    account = UpstreamAccount.load()
    if settings.LEMONSTUDIO_WEBHOOK_URL:
        kind = Alert.Kind.STORAGE if account.is_paused_for_storage else Alert.Kind.PAUSED
        text = lazy(_why_paused, str)(account)
        alerts.raise_alert(kind, timezone.now().isoformat(), gettext_lazy("The studio is paused"), text, is_mailed=True)
    if not can_mail:
        return 0
    for address, language in administrators:
        # One by one, so that no recipient sees the other addresses.
        with translation.override(language):
            send_mail(gettext("Lemon Studio is paused"), _why_paused(account), None, [address])
    return len(administrators)


def _why_paused(account: UpstreamAccount) -> str:
    lines = [
        gettext("The studio has paused all requests: %(reason)s")
        % {"reason": in_readers_language(account.pause_message)},
        in_readers_language(account.pause_hint),
        gettext("The balance is %(amount)s.") % {"amount": in_dollars(account.balance_usd, cents=True)}
        if account.balance_usd is not None
        else "",
        *_how_it_ends(account),
        gettext("The account’s page: %(address)s") % {"address": _address_of_account()}
        if settings.LEMONSTUDIO_URL
        else "",
    ]
    return "\n\n".join(str(line) for line in lines if line)


def _address_of_account() -> str:
    return urljoin(str(settings.LEMONSTUDIO_URL), reverse("admin:gallery_upstreamaccount_changelist"))


def _how_it_ends(account: UpstreamAccount) -> list[str]:
    if account.is_paused_for_storage:
        return [gettext("The studio tries every few seconds to store a small file; then everything goes on by itself.")]
    if account.is_until_resumed:
        return []  # the hint says it
    return [
        gettext("The upstream's code for it: %(code)s.") % {"code": account.pause_code},
        gettext(
            "Nothing is lost. One request at a time finds out when it is over; then what is waiting goes on by itself."
        ),
    ]


def send_password_reset(email: str, origin: str) -> bool:
    """Mail a link by which a person sets another password; tell whether there was anyone to mail it to.

    It is written in their language, or else in that of the moment.

    The token is made here and kept nowhere. Without a password there is nothing to reset: a provider signs them in.
    """
    person = Person.objects.filter(email=Person.objects.normalize_email(email), is_active=True).first()
    if not settings.LEMONSTUDIO_SENDS_MAIL or person is None or not person.has_usable_password():
        return False
    with translation.override(person.language or get_language()):
        _mail_password_reset(person, origin)
    return True


def _mail_password_reset(person: Person, origin: str) -> None:
    key = [urlsafe_base64_encode(str(person.pk).encode()), default_token_generator.make_token(person)]
    minutes = settings.PASSWORD_RESET_TIMEOUT // 60
    text = "\n\n".join(
        [
            gettext("Someone has asked for a new password for your account at Lemon Studio."),
            gettext("Set it here: %(address)s") % {"address": urljoin(origin, reverse("password_reset", args=key))},
            ngettext(
                "The link works once, for %(minutes)s minute.", "The link works once, for %(minutes)s minutes.", minutes
            )
            % {"minutes": minutes},
            gettext("If that was not you, you need not do anything. Your password stays as it is."),
        ]
    )
    send_mail(gettext("Your password for Lemon Studio"), text, None, [person.email])


def send_invitation(invitation_id: int, origin: str) -> bool:
    """Mail an invitation; tell whether this call did it.

    The link is made here and kept nowhere else. A second run finds that it was mailed.
    """
    invitation = Invitation.objects.select_related("created_by", "gallery").get(pk=invitation_id)
    token = invitation.new_token_to_mail()
    if token is None:
        return False
    names = {"name": invitation.created_by.name, "gallery": invitation.gallery.name if invitation.gallery else ""}
    if invitation.gallery:
        first = gettext(
            "%(name)s invites you to Lemon Studio, a team’s own image studio, and to its gallery “%(gallery)s”."
        )
    else:
        first = gettext("%(name)s invites you to Lemon Studio, a team’s own image studio.")
    address = urljoin(origin, reverse("invitation_accept", args=[token]))
    text = "\n\n".join(
        [
            first % names,
            gettext("Make your account here: %(address)s") % {"address": address},
            gettext("The link works until %(day)s, once, and with this address only.")
            % {"day": date_format(invitation.expires_at, "DATE_FORMAT")},
            gettext("If you do not know what this is about, you need not do anything."),
        ]
    )
    try:
        send_mail(gettext("An invitation to Lemon Studio"), text, None, [invitation.email])
    except Exception as problem:
        # After any error: the row says already that it was mailed.
        invitation.could_not_be_mailed(str(problem) or type(problem).__name__)
        if not isinstance(problem, SMTPException | OSError):
            raise
        logger.error("Invitation %s could not be mailed: %s", invitation_id, problem)
        return False
    return True
