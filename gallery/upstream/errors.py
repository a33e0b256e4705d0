"""The one family of errors that a request to the upstream may end with. Plain Python."""

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from gallery.upstream.fields import Usage
    from gallery.upstream.raw import RawAnswer


class UpstreamError(Exception):
    """A request that brought no usable answer. The subclasses say what the caller has to do.

    ``sent`` is False only where the upstream has certainly not taken the request. ``retryable`` says that the
    same request may succeed later; one to create may be repeated unasked only if also ``sent`` is False,
    since no idempotency key exists and a second one may cost a second time.
    """

    # what holds unless said otherwise: (code, retryable, sent)
    usual: ClassVar[tuple[str, bool, bool]] = ("upstream_error", False, True)

    def __init__(
        self,
        message: str,
        *,
        code: str = "",
        hint: str = "",
        status: int | None = None,
        retryable: bool | None = None,
        retry_after: float | None = None,
        suggestions: tuple[str, ...] = (),
        balance_usd: Decimal | None = None,
        estimated_cost_usd: Decimal | None = None,
        param: str = "",
        sent: bool | None = None,
        given_code: str = "",
        advice: Mapping[str, str] | None = None,
        ids: Mapping[str, str] | None = None,
        usage: "Usage | None" = None,
        raw: "RawAnswer | None" = None,
    ) -> None:
        super().__init__(message)
        usual_code, usual_retryable, usual_sent = self.usual
        self.message = message
        self.code = code or usual_code  # the studio's word for it
        self.given_code = given_code  # the server's own word, where that is another one
        self.hint = hint
        self.status = status
        self.retryable = usual_retryable if retryable is None else retryable
        self.retry_after = retry_after  # seconds, from 1 to a day
        self.suggestions = suggestions  # at most 5
        self.balance_usd = balance_usd
        self.estimated_cost_usd = estimated_cost_usd
        self.param = param
        self.sent = usual_sent if sent is None else sent
        self.advice = dict(advice or {})  # about a request that would do; for administrators
        self.ids = dict(ids or {})  # what support asks for
        self.usage = usage or {}
        self.raw = raw  # the answer itself, where one came that may have been paid for


class NotSent(UpstreamError):
    """The server was not reached: surely not taken, to be queued again."""

    usual = ("connection_failed", True, False)


class RateLimited(UpstreamError):
    """429: surely not taken; the whole account waits ``retry_after`` seconds."""

    usual = ("rate_limit_exceeded", True, False)


class AccountProblem(UpstreamError):
    """The key or the balance: it would meet every request, so all of them pause."""

    usual = ("invalid_api_key", False, False)


class Refused(UpstreamError):
    """Another 4xx: final for this request, and not charged."""

    usual = ("invalid_request_error", False, False)


class Redirected(Refused):
    """3xx: the base URL is not the API's own. Never followed: the key goes to the configured origin only."""


class TaskGone(UpstreamError):
    """The upstream no longer knows this task."""

    usual = ("async_task_not_found", False, True)


class ServerTrouble(UpstreamError):
    """5xx: for a request to create the outcome is unknown, unless ``sent`` is False."""

    usual = ("internal_error", True, True)


class OutcomeUnknown(UpstreamError):
    """The request went out, and no answer to it was read to its end."""

    usual = ("outcome_unknown", False, True)


class MalformedAnswer(UpstreamError):
    """An answer that makes no sense; a request to create may have been charged all the same."""

    usual = ("malformed_answer", False, True)


class NoPicture(MalformedAnswer):
    """A task that is completed, but whose answer holds no picture (yet): worth asking again.

    ``reason`` is what the answer says about it, "" for nothing. ``result_url`` is a path on the configured origin
    where the result can be asked for, if the answer names one.
    """

    usual = ("no_picture", True, True)

    def __init__(
        self,
        message: str,
        *,
        task_id: str = "",
        poll_url: str = "",
        created: int | None = None,
        reason: str = "",
        result_url: str = "",
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.result_url = result_url
        self.task_id = task_id
        self.poll_url = poll_url
        self.created = created
