"""Amounts of money. Many templates show one, so the settings load this library for all of them."""

from decimal import Decimal

from django import template

from gallery.models.ledger import in_dollars

register = template.Library()
register.filter("in_dollars", in_dollars)


@register.filter
def price(amount: Decimal) -> str:
    """With cents, and with more digits where it has them: $1.00, $0.0035."""
    return in_dollars(amount, cents=True)
