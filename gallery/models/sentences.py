"""Sentences that are stored, in the reader's language.

The worker writes rows for readers of any language: why a request failed, what is wrong with a file. It writes these
sentences in English, as the log has them. `gettext_noop` marks them where they are written, and pages translate what
they read: as a whole, or by the pattern that it was made of. What a service said stays as it is.
"""

import re
from functools import cache

from django.utils.translation import get_language, gettext, gettext_noop

MODEL_IS_TURNED_AWAY = gettext_noop("The service turns %(model)s away at the moment: %(said)s")
THIS_IS_TURNED_AWAY = gettext_noop("The service turns this request away at the moment: %(said)s")

# What the models of a new studio are good at, as the first migrations wrote it.
SEEDED = (
    gettext_noop("Best quality; improves the prompt by itself"),
    gettext_noop("Very fast, for trying things out"),
    gettext_noop("Photorealistic, high quality"),
    gettext_noop("Artistic style"),
    gettext_noop("Best at lettering"),
    gettext_noop("Open source, versatile"),
    gettext_noop("Fast and affordable"),
)

# A test finds what is marked elsewhere and missing here.
PATTERNS = (
    THIS_IS_TURNED_AWAY,
    MODEL_IS_TURNED_AWAY,
    "Its price depends on what is chosen ($%(least)s to $%(most)s), and the upstream does not say how in "
    "a form that the studio knows. Fill in the prices by option.",
    "The upstream says that the picture is ready, but gives no address for it. It also says: %(said)s",
    "The answer is %(what)s, not JSON: something between the studio and the service may have sent it.",
    "Something between the studio and the service answered in its place (HTTP %(status)s, %(page)s).",
    "The upstream could not make this picture. It says “%(said)s” and gives no reason.",
    "The studio gave up waiting for this one. The service’s last word was “%(said)s”.",
    "“%(name)s” has no choices for %(operations)s. It is left out there, and the upstream decides.",
    "The mask has %(width)s × %(height)s pixels; it needs the proportions of the picture, %(shown)s.",
    "the name of its host, %(host)s, could not be looked up in time",
    "%(places)s were deleted while this waited, so nothing was sent.",
    "%(places)s was deleted while this waited, so nothing was sent.",
    "%(model)s does not take a picture along, so nothing was sent.",
    "%(model)s does not take %(count)s pictures along, so nothing was sent.",
    "This costs about $%(cost)s, and the account’s balance is $%(balance)s.",
    "it has %(width)s × %(height)s pixels; choose a size to make it smaller",
    "it has %(width)s × %(height)s pixels, %(pixels)s million; %(most)s million are the most",
    "The account’s balance is $%(balance)s, and this costs more.",
    "The picture was made, but could not be fetched: %(problem)s",
    "The studio was restored from a backup of %(made_at)s.",
    "The studio does not know its operation “%(operation)s”.",
    "The server's answer is larger than %(size)s bytes.",
    "its host, %(host)s, is not on the public internet",
    "it has %(width)s × %(height)s pixels; %(most)s a side are the most",
    "its address uses port %(port)s, not 80 or 443",
    "It sent %(what)s, which you can download.",
    "its host, %(host)s, could not be found",
    "the list has more than %(most)s models",
    "its host sent %(what)s, not a picture",
    "Missing file of generation %(number)s",
    "Storage cannot be reached: %(problem)s",
    "Only the newest %(number)s pictures were looked at. A whole check tells more.",
    "The mask cannot be used: %(problem)s.",
    "it is larger than %(size)s MiB",
    "an HTML page titled “%(title)s”",
    "Of %(size)s bytes instead of %(stored)s",
    "its host answered %(status)s",
    "Not readable (%(problem)s)",
    "%(who)s paused it: %(reason)s",
    "%(who)s paused it.",
    "it is for %(what)s",
    "an %(kind)s file",
    "a %(kind)s file",
    "it is %(kind)s",
)

_PLACEHOLDER = re.compile(r"%\((\w+)\)s")


def in_readers_language(text: str) -> str:
    """A stored sentence, as the reader reads it; as it is, if the studio did not write it."""
    if not text or (get_language() or "en").startswith("en"):
        return text
    if (whole := gettext(text)) != text:
        return whole
    for pattern in PATTERNS:
        if (found := _compiled(pattern).fullmatch(text)) is not None:
            return gettext(pattern) % {name: in_readers_language(value) for name, value in found.groupdict().items()}
    return text


def is_made_of(pattern: str, text: str) -> bool:
    return _compiled(pattern).fullmatch(text) is not None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """What sentences of this pattern look like."""
    pieces = _PLACEHOLDER.split(pattern)
    words = [f"(?P<{piece}>.+?)" if place % 2 else re.escape(piece) for place, piece in enumerate(pieces)]
    return re.compile("".join(words), re.DOTALL)
