"""Which request the present thread works on: for the log and for the audit list, which have it from nowhere else."""

from contextvars import ContextVar
from typing import Any

# The request's id, and the request itself; empty outside of requests.
request_id: ContextVar[str] = ContextVar("request_id", default="")
request: ContextVar[Any] = ContextVar("request", default=None)


def person_id() -> int | None:
    """The number of the person who asks, if that is known already. Asks no database."""
    person = getattr(request.get(), "_cached_user", None)
    number: int | None = getattr(person, "pk", None)
    return number
