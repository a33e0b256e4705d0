"""Amounts and durations in the language of the page. Many templates show one, so the settings load this for all."""

from decimal import Decimal

from django import template
from django.utils.formats import number_format
from django.utils.translation import gettext

from gallery.models.ledger import in_dollars

register = template.Library()
register.filter("in_dollars", in_dollars)


@register.filter
def price(amount: Decimal) -> str:
    """With cents, and with more digits where it has them: $1.00, $0.0035."""
    return in_dollars(amount, cents=True)


@register.filter
def seconds(number: float) -> str:
    """A duration in whole seconds, such as "4 s"."""
    return gettext("%(seconds)s s") % {"seconds": number_format(round(number))}
