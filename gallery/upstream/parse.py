"""What the upstream's answers mean: JSON in, a typed answer or one family of errors out.

Pure functions, no network and no Django. Any JSON may come in, and only ``UpstreamError`` is raised: any server that
claims to speak the OpenAI Images API may stand behind the base URL, so no type is taken for granted. ``words`` says
what is understood.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from gallery.upstream import words
from gallery.upstream.errors import MalformedAnswer, NoPicture
from gallery.upstream.fields import (
    DEPTH,
    Hide,
    Usage,
    advice,
    as_is,
    clean_text,
    codes,
    error_objects,
    first,
    ids_of,
    named,
    number,
    progress,
    reason,
    usage_of,
)
from gallery.upstream.fields import whole as _whole
from gallery.upstream.pictures import Result, is_picture_path, pictures_anywhere, pictures_in
from gallery.upstream.raw import RawAnswer
from gallery.upstream.refusals import code_of
from gallery.upstream.words import Status
from lemonstudio.marking import gettext_noop

OUTCOME_HINT = gettext_noop("It is not known whether the request was carried out and charged.")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a create or status request came to; a synchronous answer is ``COMPLETED``.

    ``results`` holds only items with a picture, and is empty while the task is under way; what such an answer shows
    already is in ``previews``. An answer under way that is ``unsure`` has a status that no table knows, or an error
    and no status: with the same ``error`` twice in a row it has failed.
    """

    status: Status
    task_id: str = ""  # "" for a synchronous answer
    poll_url: str = ""  # a path on the configured origin, or ""
    progress: int | None = None  # percent, 0..100
    results: tuple[Result, ...] = ()
    error: str = ""  # of a failed task, or of one that may have failed: the message as given
    code: str = ""  # of a failed task: the code that the studio goes by, where one was given
    cancelled: bool = False
    created: int | None = None  # Unix time, seconds
    previews: tuple[Result, ...] = field(default=(), compare=False)
    unsure: bool = field(default=False, compare=False)
    word: str = field(default="", compare=False)  # the status as it was given
    given_code: str = field(default="", compare=False)  # the server's own code for the failure
    advice: Mapping[str, str] = field(default_factory=dict, compare=False)  # about a request that would do
    ids: Mapping[str, str] = field(default_factory=dict, compare=False)  # what support asks for
    usage: Usage = field(default_factory=dict, compare=False)  # tokens, as OpenAI counts them
    raw: RawAnswer | None = field(default=None, compare=False, repr=False)

    def settled(self) -> "Answer":
        """For a task that is waited for no longer: what it shows is what there is."""
        return replace(self, status=Status.COMPLETED, results=self.previews, previews=(), unsure=False)


def clean_task_id(value: object) -> str:
    """A task id of 1 to 4,000 printable characters, without spaces around it; or ""."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63:
        value = str(value)
    if not isinstance(value, str) or not 1 <= len(value) <= 4_000 or value in (".", ".."):
        return ""
    return value if value.isprintable() and value == value.strip() else ""


def poll_path(value: object, origin: str) -> str:
    """The path (and query) of a poll URL if it leads to ``origin`` ("https://host:port"), else "".

    The key is sent there, so anything that two URL parsers might read differently is rejected.
    """
    if not isinstance(value, str) or len(value) > 2_000 or not re.fullmatch(r"[!-~]+", value):
        return ""
    if "\\" in value or "#" in value:
        return ""
    if not value.startswith("/"):
        try:
            if split_origin(value) != origin:
                return ""
        except ValueError:
            return ""
        parts = urlsplit(value)
        value = parts.path + (f"?{parts.query}" if parts.query else "")
    if not value.startswith("/") or value.startswith("//"):
        return ""
    # requests decodes %2e before sending, and urllib3 then resolves the dots
    path = unquote(value.partition("?")[0])
    if "\\" in path or any(part in (".", "..") for part in path.split("/")):
        return ""
    return value


def split_origin(url: str) -> str:
    """``scheme://host:port`` of an http(s) URL, in lower case, the port always written.

    ValueError if it is no such URL, or has user information.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        raise ValueError("not an absolute http or https URL without user information")
    port = parts.port if parts.port is not None else {"http": 80, "https": 443}[parts.scheme]
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}:{port}"


def checked_base(base_url: str) -> tuple[str, str]:
    """The base URL without a trailing slash, and its origin. Errors do not repeat it: it may hold secrets."""
    base = base_url.strip()
    if not base.isprintable() or " " in base or "\\" in base:
        raise ValueError("The base URL must not contain spaces, backslashes or control characters.")
    if "?" in base or "#" in base:
        raise ValueError("The base URL must not have a query or a fragment.")
    try:
        origin = split_origin(base)
    except ValueError:
        origin = ""
    if not origin:
        raise ValueError(
            "The base URL must be an http or https address such as https://api.lemondata.cc/v1, "
            "without a user name or password."
        )
    return base.rstrip("/"), origin


def poll_paths(task_id: str) -> tuple[str, ...]:
    """Where to ask about a task, below the base URL: the likeliest first. Empty for an unusable id."""
    task_id = clean_task_id(task_id)
    if not task_id:
        return ()
    paths = next(paths for prefix, paths in words.POLL_PATHS if task_id.startswith(prefix))
    return tuple(path.format(quote(task_id, safe="")) for path in paths)


def read_answer(
    document: object,
    *,
    polling: bool,
    origin: str,
    task_id: str = "",
    poll_url: str = "",
    base: str = "",
    headers: Mapping[str, str] | None = None,
    raw: RawAnswer | None = None,
    hide: Hide = as_is,
) -> Answer:
    """Read the JSON of a 2xx answer to a create (or, ``polling``, a status) request.

    Whether it is synchronous is told by the answer, not by the model. ``task_id`` and ``poll_url`` are those
    that were asked about; the answer's own poll URL wins, its task id counts only where none was asked about.
    ``base`` is the base URL, to which relative addresses of pictures belong; ``headers`` have names in lower case.
    Raises MalformedAnswer, and its subclass NoPicture for a completed task without a picture.
    """
    headers = headers or {}
    said: dict[str, Any] = {
        "ids": ids_of(document, headers, hide),
        "usage": usage_of(document),
        "raw": raw,
    }
    try:
        answer = _read(document, polling, origin, task_id, poll_url, base or origin, headers, hide)
    except MalformedAnswer as problem:
        for name, value in said.items():
            setattr(problem, name, value)
        raise
    return replace(answer, **said)


def _read(
    document: object,
    polling: bool,
    origin: str,
    task_id: str,
    poll_url: str,
    base: str,
    headers: Mapping[str, str],
    hide: Hide,
) -> Answer:
    if isinstance(document, list):
        document = {"data": document} if document else None
    if not isinstance(document, dict):
        raise _malformed(gettext_noop("The server's answer is not a JSON object."), polling)
    levels = _levels(document)
    word, status = _status(levels)
    results = pictures_in(document, f"{base}/", hide)
    path = next((found for value in _poll_urls(levels, headers) if (found := poll_path(value, origin))), "")
    if results and not task_id:
        path, results = _without_task_url(document, levels, results, path, origin)
    poll_url = path or poll_url
    is_task = bool(word or poll_url)
    task_id = task_id or _task_id(levels, is_task) or (_last_part(poll_url) if is_task else "")
    given: list[str] = []
    text, code, may_have_failed, unsure = "", "", False, False
    if not results and status not in (Status.PENDING, Status.PROCESSING):  # thousands of answers say no more than that
        text = _text(levels, hide)
        given = codes(levels[-1], hide) or codes(document, hide)
        code = words.DECLINED if words.is_declined(word) else code_of(_inner_status(levels), given, text)
        may_have_failed = _is_refusal(levels)
    if status is None:
        status, unsure = _guess(word, levels, bool(results), bool(task_id), text, code, polling)
    if status is Status.COMPLETED and not results:
        results = pictures_anywhere(document, f"{base}/")
    if status is Status.FAILED and results:
        status = Status.COMPLETED  # something went wrong, and yet this was paid for
    if status is Status.COMPLETED and not results:
        if not task_id:
            if _has_error(levels) and text:
                return Answer(Status.FAILED, error=text, code="no_picture", word=word, given_code="".join(given[:1]))
            raise _malformed(gettext_noop("The server says that it is done, but its answer holds no picture."), polling)
        raise NoPicture(
            gettext_noop("The task is completed, but its answer holds no picture."),
            task_id=task_id,
            poll_url=poll_url,
            created=_created(document),
            reason=text,
            result_url=_result_path(levels, origin),
        )
    previews: tuple[Result, ...] = ()
    if status in (Status.PENDING, Status.PROCESSING):
        if not task_id:
            raise _malformed(gettext_noop("The server has begun a task, but gave no usable id to ask for it."), polling)
        results, previews = (), results  # those of a task under way are not its pictures yet
    failed = status is Status.FAILED
    cancelled = document.get("cancelled") is True or any(one.startswith(words.CANCELLED) for one in words.folded(word))
    return Answer(
        status=status,
        task_id=task_id,
        poll_url=poll_url if task_id else "",
        progress=next((part for one in levels[::-1] if (part := _progress(one)) is not None), None),
        results=results,
        error=text if failed or (unsure and may_have_failed) else "",
        code=code if failed or (unsure and may_have_failed) else "",
        cancelled=failed and cancelled,
        created=_created(document),
        previews=previews,
        unsure=unsure,
        word=word,
        given_code="".join(given[:1]) if failed else "",
        advice=advice(error_objects(document), hide) if failed else {},
    )


def _created(document: dict[str, Any]) -> int | None:
    return _whole(document.get("created"), 253_402_300_799)  # the last second a datetime can hold


def _progress(level: dict[str, Any]) -> int | None:
    return progress(first(level, words.PROGRESS_FIELDS))


def _levels(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The objects that tell about the task, from the outside in: servers wrap it into `data`, `output`, `task`."""
    levels = [document]
    for _ in range(DEPTH // 2):
        inner = next((one for _, held in named(levels[-1], words.CONTAINERS) if (one := _about_task(held))), None)
        if inner is None:
            break
        levels.append(inner)
    return levels


def _about_task(held: object) -> dict[str, Any] | None:
    if isinstance(held, list):
        held = held[0] if len(held) == 1 else None
        if isinstance(held, dict) and not any(True for _ in named(held, words.STATUS_FIELDS)):
            return None  # an item, such as a picture with an id
    if not isinstance(held, dict):
        return None
    names = (*words.STATUS_FIELDS, *words.TASK_ID_FIELDS, "id")
    return held if any(True for _ in named(held, names)) else None


def _status(levels: list[dict[str, Any]]) -> tuple[str, Status | None]:
    """The status word, and what it means. The inner one is the task's; around it may stand that the call went well."""
    inner: tuple[str, Status | None] = ("", None)
    for level in reversed(levels):
        word = _word(level)
        if not word:
            continue
        status = words.status_of(word)
        if status is None:
            inner = inner if inner[0] else (word, None)
        elif not inner[0] or status is not Status.COMPLETED:
            return word, status
    return inner


def _word(level: dict[str, Any]) -> str:
    for _, value in named(level, words.STATUS_FIELDS):
        if isinstance(value, bool) or value is None:
            continue
        if isinstance(value, int | float):
            return str(value)[:100]
        if isinstance(value, str) and clean_text(value, 100):
            return clean_text(value, 100)
    return ""


def _poll_urls(levels: list[dict[str, Any]], headers: Mapping[str, str]) -> Iterator[object]:
    for level in reversed(levels):
        yield from (value for _, value in named(level, words.POLL_FIELDS))
        if isinstance(urls := level.get("urls"), dict):
            yield urls.get("get")  # Replicate
    yield from (headers.get(name) for name in words.POLL_HEADERS)


def _result_path(levels: list[dict[str, Any]], origin: str) -> str:
    """Where a finished task says that its result is: a path on `origin`, or ""."""
    told = (value for level in reversed(levels) for _, value in named(level, words.RESULT_ADDRESS_FIELDS))
    return next((path for value in told if (path := poll_path(value, origin))), "")


def _without_task_url(
    document: dict[str, Any], levels: list[dict[str, Any]], results: tuple[Result, ...], path: str, origin: str
) -> tuple[str, tuple[Result, ...]]:
    """An outermost `url` may be the task's own address instead of a picture's: it holds the id and names no file."""
    task_id = _task_id(levels, True)
    (result, *more) = results
    if more or result.b64 or not task_id or document.get("url") != result.url or is_picture_path(result.url):
        return path, results
    own = poll_path(result.url, origin)
    return (path or own, ()) if own and task_id in unquote(own) else (path, results)


def _task_id(levels: list[dict[str, Any]], is_task: bool) -> str:
    """The id to ask by. `id` may always be a task's, `request_id` only where the answer speaks of a task."""
    for names in (words.TASK_ID_FIELDS, words.WEAK_ID_FIELDS if is_task else words.WEAK_ID_FIELDS[:1]):
        for level in reversed(levels):
            for _, value in named(level, names):
                if found := clean_task_id(value):
                    return found
    return ""


def _last_part(path: str) -> str:
    """Of a poll URL without any id: a name for the task."""
    return clean_task_id(unquote(path.partition("?")[0].rstrip("/").rpartition("/")[2]))


def _text(levels: list[dict[str, Any]], hide: Hide) -> str:
    """What the answer says about a failure, the innermost first."""
    return next((text for level in reversed(levels) if (text := reason(level, hide))), "")


def _has_error(levels: list[dict[str, Any]]) -> bool:
    return any(reason(value) for level in levels for _, value in named(level, words.ERROR_FIELDS))


def _is_refusal(levels: list[dict[str, Any]]) -> bool:
    """Whether an answer without a status says no: `success: false`, a code that is not good, an error."""
    for level in levels:
        if level.get("success") is False or level.get("ok") is False or level.get("status") is False:
            return True
        for _, code in named(level, words.CODE_FIELDS):
            if isinstance(code, str | int) and not isinstance(code, bool) and str(code).lower() not in words.GOOD_CODES:
                return True
        if any(400 <= status < 600 for status in _statuses(level)):
            return True
        base = level.get("base_resp")  # MiniMax
        if isinstance(base, dict) and base.get("status_code") not in (0, None):
            return True
    return _has_error(levels)


def _inner_status(levels: list[dict[str, Any]]) -> int | None:
    """An HTTP status of a refusal that stands in the answer itself: {"code": 400, "message": …, "data": null}."""
    return next((int(one) for level in levels for one in _statuses(level) if 400 <= one < 500), None)


def _statuses(level: dict[str, Any]) -> list[float]:
    """Numbers that may be an HTTP status."""
    found = [number(value) for _, value in named(level, (*words.CODE_FIELDS, "status", "status_code"))]
    return [value for value in found if value is not None]


def _is_trouble(levels: list[dict[str, Any]]) -> bool:
    """Whether such an answer tells of the server's own trouble, a 5xx inside: then it may have been taken."""
    return any(500 <= one < 600 for level in error_objects(levels[0]) for one in _statuses(level))


def _guess(
    word: str, levels: list[dict[str, Any]], has_results: bool, has_task: bool, text: str, code: str, polling: bool
) -> tuple[Status, bool]:
    """The status of an answer that has none we know, and whether that is unsure.

    An unknown word is a later word for "under way", unless there is a picture.
    """
    working = Status.PROCESSING if polling else Status.PENDING
    if has_results:
        return Status.COMPLETED, False
    if word and has_task:
        return working, True
    if polling:  # a task that may still succeed is not given up for one answer without a status
        if text and code == words.DECLINED:
            return working, True
        raise _malformed(text or gettext_noop("The server's answer holds neither a status nor a picture."), polling)
    refused = bool(text) and _is_refusal(levels)
    is_told = any(True for level in levels for _ in named(level, words.TASK_ID_FIELDS))
    if refused and not _is_trouble(levels) and not is_told:
        return Status.FAILED, False
    if has_task and not (refused and not is_told):
        return Status.PENDING, refused
    raise _malformed(text or gettext_noop("The server's answer holds neither a picture nor a task."), polling)


def _malformed(message: str, polling: bool) -> MalformedAnswer:
    hint = "" if polling else OUTCOME_HINT
    return MalformedAnswer(message, hint=hint, retryable=polling)
