"""The studio's e-mails, if it was told how to send them."""

import logging
from datetime import timedelta
from smtplib import SMTPException
from urllib.parse import urljoin

from django.conf import settings
from django.contrib.auth.tokens import default_token_generator
from django.core.mail import send_mail
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.http import urlsafe_base64_encode

from gallery.engine import alerts
from gallery.models import Invitation, Person, UpstreamAccount
from gallery.models.alert import Alert

logger = logging.getLogger(__name__)

# At most one e-mail in this time about an account that is paused again and again.
SILENCE = timedelta(hours=1)


def tell_of_pause() -> int:
    """Write to the administrators why the account is paused; return to how many. Raises SMTPException or OSError."""
    administrators = list(Person.objects.filter(is_active=True, is_staff=True).values_list("email", flat=True))
    can_mail = bool(settings.LEMONSTUDIO_SENDS_MAIL and administrators)
    if not (can_mail or settings.LEMONSTUDIO_WEBHOOK_URL) or not UpstreamAccount.is_worth_telling(SILENCE):
        return 0
    account = UpstreamAccount.load()
    lines = [
        f"The studio has paused all requests: {account.pause_message}",
        account.pause_hint,
        f"The balance is ${account.balance_usd:.2f}." if account.balance_usd is not None else "",
        *_how_it_ends(account),
        f"The account’s page: {_address_of_account()}" if settings.LEMONSTUDIO_URL else "",
    ]
    text = "\n\n".join(line for line in lines if line)
    if settings.LEMONSTUDIO_WEBHOOK_URL:
        kind = Alert.Kind.STORAGE if account.is_paused_for_storage else Alert.Kind.PAUSED
        alerts.raise_alert(kind, timezone.now().isoformat(), "The studio is paused", text, is_mailed=True)
    if not can_mail:
        return 0
    for address in administrators:
        # One by one, so that no recipient sees the other addresses.
        send_mail("Lemon Studio is paused", text, None, [address])
    return len(administrators)


def _address_of_account() -> str:
    return urljoin(str(settings.LEMONSTUDIO_URL), reverse("admin:gallery_upstreamaccount_changelist"))


def _how_it_ends(account: UpstreamAccount) -> list[str]:
    if account.is_paused_for_storage:
        return ["The studio tries every few seconds to store a small file; then everything goes on by itself."]
    if account.is_until_resumed:
        return []  # the hint says it
    return [
        f"The upstream's code for it: {account.pause_code}.",
        "Nothing is lost. One request at a time finds out when it is over; then what is waiting goes on by itself.",
    ]


def send_password_reset(email: str, origin: str) -> bool:
    """Mail a link by which a person sets another password; tell whether there was anyone to mail it to.

    The token is made here and kept nowhere. Without a password there is nothing to reset: a provider signs them in.
    """
    person = Person.objects.filter(email=Person.objects.normalize_email(email), is_active=True).first()
    if not settings.LEMONSTUDIO_SENDS_MAIL or person is None or not person.has_usable_password():
        return False
    key = [urlsafe_base64_encode(str(person.pk).encode()), default_token_generator.make_token(person)]
    text = "\n\n".join(
        [
            "Someone has asked for a new password for your account at Lemon Studio.",
            f"Set it here: {urljoin(origin, reverse('password_reset', args=key))}",
            f"The link works once, for {settings.PASSWORD_RESET_TIMEOUT // 60} minutes.",
            "If that was not you, you need not do anything. Your password stays as it is.",
        ]
    )
    send_mail("Your password for Lemon Studio", text, None, [person.email])
    return True


def send_invitation(invitation_id: int, origin: str) -> bool:
    """Mail an invitation; tell whether this call did it.

    The link is made here and kept nowhere else. A second run finds that it was mailed.
    """
    invitation = Invitation.objects.select_related("created_by", "gallery").get(pk=invitation_id)
    token = invitation.new_token_to_mail()
    if token is None:
        return False
    where = f", and to its gallery “{invitation.gallery.name}”" if invitation.gallery else ""
    text = "\n\n".join(
        [
            f"{invitation.created_by.name} invites you to Lemon Studio, a team’s own image studio{where}.",
            f"Make your account here: {urljoin(origin, reverse('invitation_accept', args=[token]))}",
            f"The link works until {date_format(invitation.expires_at, 'j F Y')}, once, and with this address only.",
            "If you do not know what this is about, you need not do anything.",
        ]
    )
    try:
        send_mail("An invitation to Lemon Studio", text, None, [invitation.email])
    except Exception as problem:
        # After any error: the row says already that it was mailed.
        invitation.could_not_be_mailed(str(problem) or type(problem).__name__)
        if not isinstance(problem, SMTPException | OSError):
            raise
        logger.error("Invitation %s could not be mailed: %s", invitation_id, problem)
        return False
    return True
