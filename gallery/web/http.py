"""Requests as views get them, and the one way to read a number from what a browser sent."""

from django.conf import settings
from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails

from gallery.models import Person

# The largest number of a row that a URL may name: with one digit more, SQLite would raise.
LARGEST_ID = 10**18 - 1


class StudioRequest(HttpRequest):
    """A request from anyone. `htmx`, from HtmxMiddleware, is true for a request that htmx made."""

    htmx: HtmxDetails


class PersonRequest(StudioRequest):
    """A request of a person who is signed in: SignInMiddleware lets no other one through to a view."""

    user: Person


def number_in(text: str | None, most: int = LARGEST_ID) -> int | None:
    """The whole number from 0 to `most` that `text` stands for, or None. The length is checked before the parsing."""
    if not text or not text.isdecimal() or len(text) > len(str(most)):
        return None
    number = int(text)
    return number if number <= most else None


def ids_in(texts: list[str]) -> list[int]:
    """The rows' numbers in what a form sent, each once and in its order; what is no number is left out."""
    return list(dict.fromkeys(pk for pk in map(number_in, texts) if pk is not None))


def client_address(request: HttpRequest) -> str:
    """Where a request comes from. Behind a trusted proxy, the last entry of its list: the one that it wrote itself."""
    forwarded = request.headers.get("X-Forwarded-For", "") if settings.SECURE_PROXY_SSL_HEADER else ""
    return forwarded.rpartition(",")[2].strip() or request.META.get("REMOTE_ADDR", "")
