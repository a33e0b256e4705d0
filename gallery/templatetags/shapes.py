"""The shape that a size or a ratio stands for: a word and a frame."""

import re

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

register = template.Library()

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*[x×:]\s*(\d+(?:\.\d+)?)")
# Of an icon's 24 units.
_LONGEST = 18


def proportions(size: object) -> tuple[float, float] | None:
    """Width and height of "1024x768" or "16:9"; None for anything else, such as "auto"."""
    match = _SIZE.fullmatch(str(size))
    across, down = (float(match[1]), float(match[2])) if match else (0, 0)
    return (across, down) if across and down else None


@register.filter
def shape_word(size: object) -> str:
    """ "Square", "Wide" or "Tall"; "" where the size names no proportions."""
    found = proportions(size)
    if found is None:
        return ""
    across, down = found
    return _("Square") if across == down else _("Wide") if across > down else _("Tall")


@register.simple_tag
def shape_icon(size: object) -> SafeString:
    """A frame of these proportions; nothing where there are none."""
    found = proportions(size)
    if found is None:
        return SafeString("")
    width, height = (_LONGEST * side / max(found) for side in found)
    return format_html(
        '<svg class="shape-icon" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.75"'
        ' aria-hidden="true"><rect x="{}" y="{}" width="{}" height="{}" rx="2"/></svg>',
        *(f"{value:.4g}" for value in (12 - width / 2, 12 - height / 2, width, height)),
    )
