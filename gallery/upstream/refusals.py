"""What a refusal means: an answer outside 2xx, and the codes and words of failures. Returns and never raises."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from gallery.upstream import words
from gallery.upstream.errors import (
    AccountProblem,
    NotSent,
    RateLimited,
    Redirected,
    Refused,
    ServerTrouble,
    TaskGone,
    UpstreamError,
)
from gallery.upstream.fields import (
    MESSAGE_LIMIT,
    Hide,
    advice,
    as_is,
    clean_text,
    codes,
    error_objects,
    first,
    ids_of,
    money,
    reason,
    retry_after,
    suggestions,
)
from lemonstudio.marking import gettext_noop

# The studio's own code for what a proxy, a firewall or a CDN answered in the service's place.
ON_THE_WAY = "refused_on_the_way"
_DEFAULTS = {
    400: ("invalid_request_error", gettext_noop("The server did not accept the request.")),
    401: ("invalid_api_key", gettext_noop("The server did not accept the API key.")),
    402: ("insufficient_balance", gettext_noop("The account's balance is too low.")),
    403: ("access_denied", gettext_noop("This account may not do that.")),
    404: ("not_found", gettext_noop("The server does not know what was asked for.")),
    407: ("proxy_authentication", gettext_noop("The proxy on the way to the server asks for a password.")),
    413: ("payload_too_large", gettext_noop("The request was too large for the server.")),
    422: ("invalid_request_error", gettext_noop("The server did not accept the request.")),
    429: ("rate_limit_exceeded", gettext_noop("The account has made too many requests; the server asks to wait.")),
    500: ("internal_error", gettext_noop("The server met an error.")),
    502: ("upstream_error", gettext_noop("The server could not reach the model.")),
    503: ("all_channels_failed", gettext_noop("The server has no free channel to the model at the moment.")),
    504: ("timeout_error", gettext_noop("The server waited too long for the model.")),
}
# Where a page instead of JSON says enough by its status alone.
_PLAIN_BY_STATUS = frozenset((407, 413, 429))
_ABOUT_A_TASK = re.compile(
    r"\b(task|job|prediction|generation)\b.{0,60}(not (be )?found|not exist|unknown|expired|gone)"
    r"|no such (task|job)|(unknown|expired) (task|job)",
    re.IGNORECASE,
)


def page_in(content: bytes) -> str:
    """What an answer is that is no JSON, in words: "an HTML page titled “Just a moment...”"; "" for an empty one."""
    text = content[:4_000].decode("utf-8", "replace").lstrip("\ufeff \t\r\n")
    if re.match(r"<(!doctype|html|head|body|h1|title|center)\b", text, re.IGNORECASE):
        title = re.search(r"<title[^>]*>([^<]{1,200})", text, re.IGNORECASE)
        said = clean_text(" ".join(title[1].split()), 100) if title else ""
        return (
            gettext_noop("an HTML page titled “%(title)s”") % {"title": said} if said else gettext_noop("an HTML page")
        )
    return gettext_noop("an XML document") if text.startswith("<") else ""


def plain_text_in(content: bytes) -> str:
    """The words of a short answer in plain text; "" for anything else."""
    try:
        text = content[:4_000].decode()
    except UnicodeDecodeError:
        return ""
    text = text.strip()
    return clean_text(text, 300) if text[:1].isalpha() and " " in text and "\x00" not in text else ""


def error_from(
    status: int,
    document: object,
    headers: Mapping[str, str] | None = None,
    *,
    page: str = "",
    text: str = "",
    polling: bool = False,
    hide: Hide = as_is,
) -> UpstreamError:
    """The error that an answer outside 2xx stands for.

    ``document`` is its JSON, None if it had none; then ``page`` says what it was instead (see ``page_in``), and
    ``text`` what it said. ``headers`` have names in lower case.
    """
    headers = headers or {}
    if 300 <= status < 400:
        return Redirected(
            gettext_noop("The server answers with a redirect, which is not followed."),
            code="redirected",
            hint=gettext_noop("Set the base URL to the address where the API itself answers."),
            status=status,
            sent=status == 303,  # "see other" may come after the work; the others ask to send it elsewhere
        )
    objects = error_objects(document)
    given = codes(document, hide)
    told = next((one["retryable"] for one in objects if isinstance(one.get("retryable"), bool)), None)
    message = reason(document, hide) or clean_text(text, MESSAGE_LIMIT, hide)
    default_code, default_message = _DEFAULTS.get(status, _DEFAULTS[400 if 400 <= status < 500 else 500])
    is_page = document is None and bool(page) and status not in _PLAIN_BY_STATUS
    code = code_of(status, given, message) or (default_code if status in _DEFAULTS else f"http_{status}")
    hint = clean_text(_first_of(objects, "hint"), MESSAGE_LIMIT, hide) or _hint(given)
    if is_page and not polling:
        message = gettext_noop(
            "Something between the studio and the service answered in its place (HTTP %(status)s, %(page)s)."
        ) % {"status": status, "page": hide(page)}
        hint = gettext_noop(
            "It was not the service: a proxy, a firewall or its CDN. An administrator can look into it."
        )
        code = ON_THE_WAY if status in (400, 403, 405, 406, 451) else code
    kind, sent = _kind(status, code, given, message, document, polling, told)
    if kind is TaskGone:
        code = "async_task_not_found"
    return kind(
        message or default_message,
        code=code,
        given_code=given[0] if given else "",
        hint=hint,
        status=status,
        retryable=told,
        retry_after=retry_after(headers, objects, message),
        suggestions=suggestions(objects, hide),
        balance_usd=money(_first_of(objects, "balance_usd")),
        estimated_cost_usd=money(_first_of(objects, "estimated_cost_usd")),
        param=clean_text(_first_of(objects, "param"), 100, hide),
        sent=sent,
        advice=advice(objects, hide),
        ids=ids_of(document, headers, hide),
    )


def code_of(status: int | None, given: Sequence[str], message: str) -> str:
    """The code that the studio goes by, from the codes that were given and the words; "" where they say nothing.

    ``status`` is None for a task that failed. A refusal that only other words mend is `content_policy_violation` or
    `invalid_request_error`, by any name that the service gives it.
    """
    code = given[0] if given else ""
    if status is not None and (status >= 500 or status < 200):
        return code
    folded = [words.folded_name(one) for one in given]
    account = next((words.ACCOUNT_CODES[one] for one in folded if one in words.ACCOUNT_CODES), "")
    account = account or next((code for pattern, code in words.ACCOUNT_WORDS if pattern.search(message)), "")
    if status == 401 or (account and status is not None):
        return account or code
    if status in (402, 407, 429):
        return code
    if any(one in words.POLICY_CODES for one in folded) or words.POLICY_WORDS.search(message):
        return words.DECLINED
    kept = next((index for index, one in enumerate(folded) if one in words.KEPT_CODES), None)
    if kept is not None:
        return words.SAME_AS.get(folded[kept], given[kept])
    if status in (400, 403, 422):
        return _DEFAULTS[status][0]
    return code


def _first_of(objects: Sequence[dict[str, Any]], name: str) -> Any:
    return next((value for one in objects if (value := first(one, (name,))) is not None), None)


def _hint(given: Sequence[str]) -> str:
    return next((words.HINTS[name] for one in given if (name := words.folded_name(one)) in words.HINTS), "")


def _kind(
    status: int,
    code: str,
    given: Sequence[str],
    message: str,
    document: object,
    polling: bool,
    retryable: bool | None,
) -> tuple[type[UpstreamError], bool | None]:
    """The class, and ``sent`` (None: as usual for the class)."""
    if status >= 500 or status < 200:
        if status == 503 and retryable is False and "all_channels_failed" in given and not polling:
            return Refused, None  # there is no route to the model at all: not taken, and no use to ask again
        return ServerTrouble, not (status == 503 and retryable is True)
    if status in (401, 402) or code in words.ACCOUNT_CODES.values():
        return AccountProblem, None
    if status == 429:
        return RateLimited, None
    if status == 407:
        return NotSent, None
    if polling and status == 403 and document is None:
        return ServerTrouble, None  # a firewall's word says nothing about the task
    if polling and status in (404, 410):
        if "async_task_not_found" in given or _ABOUT_A_TASK.search(message):
            return TaskGone, None
        if not given:
            # A page of something in between is not the API's word on a paid task: ask again.
            return (TaskGone if isinstance(document, dict) else ServerTrouble), None
    return Refused, None
