"""Filters for lists of cards."""

from django import template

from gallery.web.cards import folded, retry_price, verdict

register = template.Library()
register.filter("folded", folded)
register.filter("retry_price", retry_price)
register.filter("verdict", verdict)
