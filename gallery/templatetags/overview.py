"""The dashboard of the administration."""

from django import template
from django.utils.translation import gettext as _

from gallery.queries.overview import Overview, overview
from gallery.web.cards import ERROR_TITLES

register = template.Library()


@register.simple_tag
def studio_overview() -> Overview:
    return overview()


@register.filter
def error_title(code: str) -> str:
    return str(ERROR_TITLES.get(code, code or _("No reason given")))
