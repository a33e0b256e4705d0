"""What the lists of people and of what they did need."""

from collections.abc import Mapping
from typing import TypeVar

from django import template

register = template.Library()
V = TypeVar("V")


@register.filter
def of(rows: Mapping[int, V], key: int | None) -> V | None:
    """The row of this id, where there is one."""
    return None if key is None else rows.get(key)
