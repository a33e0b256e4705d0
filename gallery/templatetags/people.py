"""Tags for lists of people and of their activity."""

from collections.abc import Mapping
from typing import TypeVar

from django import template
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe

from gallery.models import Activity, Notice

register = template.Library()
V = TypeVar("V")


@register.filter
def of(rows: Mapping[int, V], key: int | None) -> V | None:
    """The row with this id, or None."""
    return None if key is None else rows.get(key)


@register.simple_tag
def what_happened(happening: Activity | Notice) -> SafeString:
    """The sentence of a line or a notice, with the name of who did it in bold."""
    sentence = happening.sentence
    shown: dict[str, object] = {
        name: value if isinstance(value, int) else conditional_escape(value) for name, value in sentence.values.items()
    }
    shown["who"] = format_html("<strong>{}</strong>", sentence.values["who"])
    return mark_safe(conditional_escape(sentence.text) % shown)  # noqa: S308 all of it is escaped
