"""A request as the views get it."""

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails


class StudioRequest(HttpRequest):
    """For type checkers: what HtmxMiddleware adds. `request.htmx` is true for a request that htmx made."""

    htmx: HtmxDetails
