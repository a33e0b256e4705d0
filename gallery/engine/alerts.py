"""Tells administrators what they must hear, by mail and to a webhook; each thing once, and again if that fails."""

import logging
from collections.abc import Iterator
from datetime import date
from smtplib import SMTPException
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.mail import send_mail
from django.utils import timezone, translation
from django.utils.functional import lazy
from django.utils.translation import gettext, gettext_lazy, ngettext

from gallery.engine import webhook
from gallery.engine.fetch_address import FetchError
from gallery.enqueue import enqueue_alerts
from gallery.models import Budget, Person
from gallery.models.alert import Alert
from gallery.models.ledger import BudgetState, in_dollars, this_month

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

logger = logging.getLogger(__name__)

# In one run; the next run goes on.
AT_ONCE = 20


def raise_alert(
    kind: Alert.Kind, key: str, subject: "StrOrPromise", text: "StrOrPromise", *, is_mailed: bool = False
) -> bool:
    """Have it told, unless the same kind and key were raised before; tell whether this is new.

    Lazy texts are kept in each language.
    """
    if not settings.LEMONSTUDIO_WEBHOOK_URL and not settings.LEMONSTUDIO_SENDS_MAIL:
        return False
    with translation.override(settings.LANGUAGE_CODE):
        defaults: dict[str, Any] = {"subject": str(subject)[:200], "text": str(text), "is_mailed": is_mailed}
    for language, _ in settings.LANGUAGES:
        with translation.override(language):
            defaults.setdefault("translations", {})[language] = [str(subject), str(text)]
    _, is_new = Alert.objects.get_or_create(kind=kind, key=key[:100], defaults=defaults)
    if is_new:
        enqueue_alerts()
    return is_new


def administrators() -> Iterator[tuple[str, str]]:
    """Their e-mails, and the language of each."""
    rows = Person.objects.filter(is_active=True, is_staff=True).values_list("email", "language")
    yield from ((email, language or settings.LANGUAGE_CODE) for email, language in rows)


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
    for address, language in administrators():
        subject, text = alert.words(language)
        # One by one, so that no recipient sees the other addresses.
        send_mail(f"Lemon Studio: {subject}", f"{text}{where}", None, [address])


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
        text = lazy(_wrong_in, str)(places)
        raise_alert(Alert.Kind.LEDGER_WRONG, str(_today()), gettext_lazy("The ledger is wrong"), text)


def look_at_budgets() -> None:
    """Each budget that is used up is told once a month."""
    month = this_month()
    for budget in Budget.objects.with_spent(month):
        state = budget.state(month)
        if state.is_over:
            text = lazy(_used_up, str)(state)
            raise_alert(Alert.Kind.BUDGET_USED, f"{budget.pk} {month}", gettext_lazy("A budget is used up"), text)


def _wrong_in(places: int) -> str:
    words = ngettext(
        "It does not add up in %(count)s of the latest generations. `manage.py check_ledger` lists it.",
        "It does not add up in %(count)s of the latest generations. `manage.py check_ledger` lists them.",
        places,
    )
    return words % {"count": places}


def _used_up(state: BudgetState) -> str:
    words = gettext("All of %(amount)s of the budget of %(name)s for this month is used up.")
    return words % {"amount": in_dollars(state.amount), "name": state.name}


def _today() -> date:
    return timezone.localdate()
