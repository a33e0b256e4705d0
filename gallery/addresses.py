"""Addresses for pages with hundreds of them: as `reverse` makes them, which takes a thousand times as long for each."""

from functools import lru_cache

from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe


def address(name: str, *parts: int | str) -> SafeString:
    """The address of this name; its parts are whole numbers, or texts of letters and digits only.

    So it has nothing that a template would have to escape.
    """
    return mark_safe(_form(name, tuple(map(type, parts))).format(*parts))  # noqa: S308 see above


@lru_cache(maxsize=256)
def _form(name: str, kinds: tuple[type, ...]) -> str:
    """The address with {} for each part."""
    stand_ins = [700_700_700 + number if kind is int else f"standin{number}" for number, kind in enumerate(kinds)]
    form = reverse(name, args=stand_ins)
    for stand_in in stand_ins:
        form = form.replace(str(stand_in), "{}")
    return form
