"""Requests as views get them, and the one way to read a number from what a browser sent."""

from django.conf import settings
from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails

from gallery.models import Person

# The largest id that a URL may name. SQLite raises an error for one more digit.
LARGEST_ID = 10**18 - 1


class StudioRequest(HttpRequest):
    """A request from anyone. `htmx`, from HtmxMiddleware, is true for a request that htmx made."""

    htmx: HtmxDetails


class PersonRequest(StudioRequest):
    """A request of a person who is signed in. SignInMiddleware lets no other request through to a view."""

    user: Person


def client_address(request: HttpRequest) -> str:
    """The address that a request comes from. A trusted proxy appends it to X-Forwarded-For, so the last one counts."""
    forwarded = request.headers.get("X-Forwarded-For", "") if settings.SECURE_PROXY_SSL_HEADER else ""
    return forwarded.rpartition(",")[2].strip() or request.META.get("REMOTE_ADDR", "")


def number_in(text: str | None, most: int = LARGEST_ID) -> int | None:
    """The whole number from 0 to `most` that `text` is, or None. The length is checked before the number is parsed."""
    if not text or not text.isdecimal() or len(text) > len(str(most)):
        return None
    number = int(text)
    return number if number <= most else None


def ids_in(texts: list[str]) -> list[int]:
    """The ids that a form sent, each once, in their order and without those that are no numbers."""
    return list(dict.fromkeys(pk for pk in map(number_in, texts) if pk is not None))
