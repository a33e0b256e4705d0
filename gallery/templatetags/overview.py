"""The dashboard of the administration."""

from django import template

from gallery.queries.overview import Overview, overview
from gallery.web.cards import ERROR_TITLES

register = template.Library()


@register.simple_tag
def studio_overview() -> Overview:
    return overview()


@register.filter
def error_title(code: str) -> str:
    return ERROR_TITLES.get(code, code or "No reason given")
