"""Filters for lists of cards."""

from django import template

from gallery.web.cards import folded

register = template.Library()
register.filter("folded", folded)
