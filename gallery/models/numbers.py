"""Numbers, sizes and money as the reader's language writes them: the one place that formats them."""

from decimal import Decimal

from django.utils.formats import number_format
from django.utils.translation import gettext as _

MB = 1_000_000


def whole(number: int) -> str:
    """1,234 or 1.234."""
    return number_format(number, force_grouping=True)


def rounded(number: float | Decimal, places: int) -> str:
    """0.50 or 0,50."""
    return number_format(f"{number:.{places}f}", places, force_grouping=True)


def plain(number: Decimal | int) -> str:
    """A number without needless zeros."""
    text = f"{number:f}"
    return number_format(text.rstrip("0").rstrip(".") if "." in text else text, force_grouping=True)


def dollars(amount: Decimal, places: int) -> str:
    """US dollars with so many decimal places: $1,250.00, 1.250,00 $."""
    figure = _("$%(amount)s") % {"amount": rounded(abs(amount), places)}
    return f"-{figure}" if amount < 0 else figure


def storage(size: int) -> str:
    """Bytes as 12 MB or 1.5 GB."""
    if size >= 1_000 * MB:
        return _("%(size)s GB") % {"size": rounded(size / 1_000 / MB, 1)}
    return _("%(size)s MB") % {"size": rounded(size / MB, 0)}
