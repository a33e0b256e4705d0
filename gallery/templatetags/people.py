"""A filter for lists of people and of their activity."""

from collections.abc import Mapping
from typing import TypeVar

from django import template

register = template.Library()
V = TypeVar("V")


@register.filter
def of(rows: Mapping[int, V], key: int | None) -> V | None:
    """The row with this id, or None."""
    return None if key is None else rows.get(key)
