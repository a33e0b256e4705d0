"""What people may name things."""

import unicodedata

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

# Control characters, halves of characters, ends of lines and paragraphs.
_REFUSED_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})
# They turn the direction of all that follows, also outside of the name: “gpj.exe” reads “exe.jpg”.
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def has_something_to_see(text: str) -> bool:
    """Whether there is more in it than blanks and signs without a shape, such as the zero width space."""
    return any(unicodedata.category(letter)[0] not in "CZ" for letter in text)


def clean_name(text: str) -> str:
    """The name in one line, with single blanks. Raises ValidationError for what is no text that people read.

    What joins letters or emoji is kept.
    """
    name = " ".join(text.split())
    is_blank = bool(name) and not has_something_to_see(name)
    if is_blank or any(letter in _TURNING or unicodedata.category(letter) in _REFUSED_CATEGORIES for letter in name):
        raise ValidationError(_("A name has letters, digits and signs only. Type it again."))
    return name
