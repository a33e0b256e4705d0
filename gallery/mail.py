"""What the studio writes by e-mail, where it was told how to send any."""

from datetime import timedelta

from django.conf import settings
from django.core.mail import send_mail

from gallery.models import Person, UpstreamAccount

# One mail about an account that is paused again and again.
SILENCE = timedelta(hours=1)


def tell_of_pause() -> int:
    """Write to the administrators why the account is paused; return to how many. Raises SMTPException or OSError."""
    administrators = list(Person.objects.filter(is_active=True, is_staff=True).values_list("email", flat=True))
    if not settings.LEMONSTUDIO_SENDS_MAIL or not administrators or not UpstreamAccount.is_worth_telling(SILENCE):
        return 0
    account = UpstreamAccount.load()
    lines = [
        f"The studio has paused all requests: {account.pause_message}",
        account.pause_hint,
        f"The balance is ${account.balance_usd:.2f}." if account.balance_usd is not None else "",
        f"The upstream's code for it: {account.pause_code}.",
        "Nothing is lost. One request at a time finds out when it is over; then what is waiting goes on by itself.",
    ]
    text = "\n\n".join(line for line in lines if line)
    for address in administrators:
        # One by one, so that nobody reads who else administers.
        send_mail("Lemon Studio is paused", text, None, [address])
    return len(administrators)
