"""Requests that got no answer, or not all of it: whether they were sent, and what to say. Plain Python."""

from http.client import HTTPException

import requests
import urllib3.exceptions

from gallery.upstream.bodies import Body
from gallery.upstream.errors import MalformedAnswer, NotSent, OutcomeUnknown, UpstreamError
from gallery.upstream.parse import OUTCOME_HINT
from lemonstudio.marking import gettext_noop

TROUBLE = (requests.RequestException, urllib3.exceptions.HTTPError, HTTPException, OSError, ValueError)


def hint_for(body: Body | None) -> str:
    return OUTCOME_HINT if body else ""


def lost(body: Body | None, code: str, message: str) -> OutcomeUnknown:
    return OutcomeUnknown(message, code=code, hint=hint_for(body), retryable=body is None)


def too_large(body: Body | None, limit: int) -> MalformedAnswer:
    message = gettext_noop("The server's answer is larger than %(size)s bytes.") % {"size": f"{limit:,}"}
    return MalformedAnswer(message, code="answer_too_large", hint=hint_for(body), retryable=body is None)


def failure_of(trouble: Exception, body: Body | None) -> UpstreamError:
    """The error for a request that got no status line. Keeps nothing of the exception of requests."""
    code, message, early = words_for(trouble)
    started = body.started if body is not None else not early
    if started:
        return lost(body, code, message)
    if not early:
        code, message = "connection_failed", gettext_noop("The connection failed before the request was sent.")
    return NotSent(message, code=code)


def words_for(trouble: Exception) -> tuple[str, str, bool]:
    """A code, a sentence, and whether this kind of trouble comes before anything is sent."""
    errors, inner = requests.exceptions, urllib3.exceptions
    cause = trouble.args[0] if trouble.args else None
    cause = getattr(cause, "reason", cause)  # of urllib3's MaxRetryError
    if isinstance(trouble, errors.ProxyError):
        return "proxy_failed", gettext_noop("The proxy on the way to the server did not let the request through."), True
    if isinstance(trouble, errors.SSLError | inner.SSLError):
        return "tls_failed", gettext_noop("No trusted encrypted connection to the server came about."), True
    if isinstance(cause, inner.NameResolutionError):
        return "name_not_resolved", gettext_noop("The server's name could not be resolved."), True
    if isinstance(trouble, errors.ConnectTimeout):
        return "connect_timeout", gettext_noop("The server did not take up the connection in time."), True
    if isinstance(cause, inner.NewConnectionError):
        return "connection_refused", gettext_noop("The server cannot be reached: the connection was refused."), True
    if isinstance(trouble, errors.InvalidURL | errors.InvalidHeader | errors.InvalidSchema):
        return "invalid_request", gettext_noop("The request could not be made from these settings."), True
    if isinstance(trouble, errors.ReadTimeout | inner.ReadTimeoutError):
        return "read_timeout", gettext_noop("The server did not answer in time."), False
    return "connection_lost", gettext_noop("The connection broke before the answer was complete."), False
