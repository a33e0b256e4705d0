"""Each request has an id, is timed, and may have a line in the log."""

import logging
import re
import time
import uuid
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

from gallery.models.metric import COUNTERS
from gallery.web.http import client_address
from lemonstudio import request_context

logger = logging.getLogger(__name__)

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._\-]{7,63}")
# What is asked for all the time by machines, and would only fill the log.
_SILENT = ("/healthz", "/metrics")


class RequestMiddleware:
    """Stands before all others. The id comes from a trusted proxy's X-Request-ID, or is new; the answer tells it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        begun = time.monotonic()
        # The audit list stands below this layer, which knows about proxies.
        request.audit_address = client_address(request)  # type: ignore[attr-defined]
        given = request.headers.get("X-Request-ID", "") if settings.SECURE_PROXY_SSL_HEADER else ""
        number = given if _ID.fullmatch(given) else uuid.uuid4().hex
        tokens = request_context.request_id.set(number), request_context.request.set(request)
        try:
            response = self.get_response(request)
            seconds = time.monotonic() - begun
            response["X-Request-ID"] = number
            _note(request, response, seconds)
            return response
        finally:
            request_context.request_id.reset(tokens[0])
            request_context.request.reset(tokens[1])


def _note(request: HttpRequest, response: HttpResponseBase, seconds: float) -> None:
    status = response.status_code
    COUNTERS.observe("http_request_seconds", seconds, kind=_kind(request), status=f"{status // 100}xx")
    if logger.isEnabledFor(logging.INFO) and request.path not in _SILENT:
        facts = {
            "method": request.method,
            "path": request.path,
            "status": status,
            "milliseconds": round(seconds * 1000),
            "client": client_address(request),
        }
        words = "%s %s %s in %d ms for %s"
        logger.info(words, *facts.values(), extra={"facts": facts})


def _kind(request: HttpRequest) -> str:
    """Few, because each is a row for each status and duration."""
    path = request.path
    if path in _SILENT:
        return "probe"
    for kind in ("static", "media", "admin"):
        if path.startswith(f"/{kind}/"):
            return kind
    return "fragment" if "HX-Request" in request.headers else "page"
