"""Tells administrators what they must hear, by mail and to a webhook; each thing once, and again if that fails."""

import logging
from datetime import date
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import send_mail
from django.utils import timezone

from gallery.engine import webhook
from gallery.engine.fetch_address import FetchError
from gallery.enqueue import enqueue_alerts
from gallery.models import Budget, Person
from gallery.models.alert import Alert
from gallery.models.ledger import in_dollars, this_month

logger = logging.getLogger(__name__)

# In one run; the next run goes on.
AT_ONCE = 20


def raise_alert(kind: Alert.Kind, key: str, subject: str, text: str, *, is_mailed: bool = False) -> bool:
    """Have it told, unless the same kind and key were raised before; tell whether this is new."""
    if not settings.LEMONSTUDIO_WEBHOOK_URL and not settings.LEMONSTUDIO_SENDS_MAIL:
        return False
    defaults = {"subject": subject[:200], "text": text, "is_mailed": is_mailed}
    _, is_new = Alert.objects.get_or_create(kind=kind, key=key[:100], defaults=defaults)
    if is_new:
        enqueue_alerts()
    return is_new


def deliver() -> int:
    """Tell what is due; return how many were told completely."""
    return sum(_deliver(alert) for alert in Alert.objects.due()[:AT_ONCE] if alert.claim())


def _deliver(alert: Alert) -> bool:
    problems = []
    if settings.LEMONSTUDIO_SENDS_MAIL and not alert.is_mailed:
        try:
            _mail(alert)
            alert.is_mailed = True
        except (SMTPException, OSError) as problem:
            problems.append(f"Mail: {problem}")
    if settings.LEMONSTUDIO_WEBHOOK_URL and not alert.is_posted:
        try:
            _post(alert)
            alert.is_posted = True
        except FetchError as problem:
            problems.append(f"Webhook: {problem}")
    if not problems:
        alert.due_at, alert.problem = None, ""
        alert.save()
        return True
    said = "; ".join(problems)
    if alert.try_again(said):
        logger.warning("An alert is told later: %s", said)
    else:
        logger.error("An alert could not be told: %s (%s)", alert.subject, said)
    return False


def _mail(alert: Alert) -> None:
    where = f"\n\n{settings.LEMONSTUDIO_URL}" if settings.LEMONSTUDIO_URL else ""
    for address in Person.objects.filter(is_active=True, is_staff=True).values_list("email", flat=True):
        # One by one, so that no recipient sees the other addresses.
        send_mail(f"Lemon Studio: {alert.subject}", f"{alert.text}{where}", None, [address])


def _post(alert: Alert) -> None:
    document = webhook.body_for(
        settings.LEMONSTUDIO_WEBHOOK_KIND,
        event=alert.kind,
        subject=f"Lemon Studio: {alert.subject}",
        text=alert.text,
        at=alert.created_at.isoformat(timespec="seconds"),
        studio=settings.LEMONSTUDIO_URL,
        number=alert.pk,
    )
    webhook.post(
        settings.LEMONSTUDIO_WEBHOOK_URL,
        document,
        secret=settings.LEMONSTUDIO_WEBHOOK_SECRET,
        trusted_origins=settings.LEMONSTUDIO_TRUSTED_ORIGINS,
    )


# -- what housekeeping looks for


def look_at_ledger(places: int) -> None:
    """`places`: in how many the ledger of recent generations is wrong. Told once a day."""
    if places:
        text = f"It does not add up in {places} of the latest generations. `manage.py check_ledger` lists them."
        raise_alert(Alert.Kind.LEDGER_WRONG, str(_today()), "The ledger is wrong", text)


def look_at_budgets() -> None:
    """Each budget that is used up is told once a month."""
    month = this_month()
    for budget in Budget.objects.with_spent(month):
        state = budget.state(month)
        if state.is_over:
            text = f"All of {in_dollars(state.amount)} of the budget of {state.name} for this month is used up."
            raise_alert(Alert.Kind.BUDGET_USED, f"{budget.pk} {month}", "A budget is used up", text)


def _today() -> date:
    return timezone.localdate()
