"""The client of the image API: sends requests, returns typed answers, raises one family of errors.

It speaks the OpenAI Images dialect with LemonData's asynchronous tasks (its pages "Create Image" and "Get
Image Status"). Plain Python and requests; it knows nothing of Django, and is safe to share between threads.
"""

import json
import time
from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field
from http.client import HTTPException
from http.cookiejar import DefaultCookiePolicy
from urllib.parse import quote

import requests
import urllib3.exceptions
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase

from gallery.answers import (
    OUTCOME_HINT,
    Answer,
    Result,
    Status,
    clean_task_id,
    error_from,
    poll_path,
    read_answer,
    split_origin,
)
from gallery.problems import (
    AccountProblem,
    MalformedAnswer,
    NoPicture,
    NotSent,
    OutcomeUnknown,
    RateLimited,
    Redirected,
    Refused,
    ServerTrouble,
    TaskGone,
    UpstreamError,
)

__all__ = [
    "AccountProblem",
    "Answer",
    "Client",
    "MalformedAnswer",
    "NoPicture",
    "NotSent",
    "OutcomeUnknown",
    "RateLimited",
    "Redirected",
    "Refused",
    "Result",
    "ServerTrouble",
    "Status",
    "Submission",
    "TaskGone",
    "UpstreamError",
]

MAX_ANSWER_BYTES = 256 * 2**20
"""Four pictures of 40 MB in base64 and room to spare. The same for status answers: what a completed task
brings may be inline too, and has been paid for."""

MAX_ERROR_BYTES = 2**20
BODY_GRACE = 60.0  # seconds beyond the read time-out in which an answer must have arrived whole

_TROUBLE = (requests.RequestException, urllib3.exceptions.HTTPError, HTTPException, OSError, ValueError)


@dataclass(frozen=True, slots=True)
class Submission:
    """What is asked for. ``options`` holds only what the model knows: the caller's catalogue decides.

    Fields that are None or empty are not sent. ``user`` is an opaque id, ``response_format`` "url" or
    "b64_json".
    """

    model: str
    prompt: str = field(repr=False)  # people's words stay out of logs
    count: int = 1
    options: Mapping[str, str | int | bool] = field(default_factory=dict)
    user: str = ""
    response_format: str = ""

    def payload(self) -> dict[str, object]:
        """The JSON object to send. The named fields win over options of the same name."""
        fields: dict[str, object] = {
            **self.options,
            "model": self.model,
            "prompt": self.prompt,
            "n": self.count,
            "user": self.user,
            "response_format": self.response_format,
        }
        return {name: value for name, value in fields.items() if value is not None and value != ""}


class _Secret:
    """Holds the key where neither a repr nor an error report that prints the locals of frames shows it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value.strip()  # a pasted key often brings its line end along
        del value  # this frame may end in a traceback
        if not (self._value.isascii() and self._value.isprintable() and " " not in self._value):
            raise ValueError("The API key holds characters that no key has, such as spaces or line breaks.")

    def __repr__(self) -> str:
        return "<key>" if self else "<no key>"

    def __bool__(self) -> bool:
        return bool(self._value)

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("A key is not to be pickled.")

    def hide(self, text: str) -> str:
        # "x" or "no" are placeholders for servers without keys; replacing them would only garble messages
        return text.replace(self._value, "sk-…") if len(self._value) >= 4 else text

    def blank(self, content: bytes) -> bytes:
        """Takes the key out of a raw answer, before any of it can show in the locals of a frame or in a log.

        Only a key long enough to be one, lest a placeholder such as "secret" break a picture's URL.
        """
        key = self._value.encode()
        return content.replace(key, "sk-…".encode()) if len(key) >= 16 and key in content else content

    def put_into(self, headers: MutableMapping[str, str]) -> None:
        if self:
            headers["Authorization"] = f"Bearer {self._value}"


class _Bearer(AuthBase):
    """Set as the session's auth even without a key: only then does requests leave .netrc alone."""

    def __init__(self, secret: _Secret) -> None:
        self._secret = secret

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        self._secret.put_into(request.headers)
        return request


class _Body:
    """A body that knows whether any of it has been handed to a connection.

    http.client asks for the body once the connection stands, TLS and proxy tunnel included, and the headers
    are out. So an error while ``started`` is False means that the request was surely not taken; the classes
    of exceptions alone cannot tell a failed handshake from a connection lost later.
    """

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.started = False

    def __len__(self) -> int:
        return len(self._content)

    def __iter__(self) -> Iterator[bytes]:
        self.started = True  # a generator: runs at the first chunk, not when the iterator is made
        yield self._content


class Client:
    """One account at one server. Times are seconds.

    ``base_url`` is the API's root, such as "https://api.lemondata.cc/v1"; an empty ``api_key`` sends no
    Authorization header, for servers of one's own. Proxies and CA bundles are taken from the environment as
    requests does. An answer must have arrived whole ``read_timeout`` + 60 seconds after the request was made
    (+ at most one more read). Raises ValueError, in words fit for an administrator, for a base URL or key
    that cannot be meant.
    """

    base_url: str = ""

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        connect_timeout: float = 5.0,
        read_timeout: float = 180.0,
        poll_read_timeout: float = 30.0,
        pool_size: int = 64,
        max_answer_bytes: int = MAX_ANSWER_BYTES,
        body_grace: float = BODY_GRACE,
    ) -> None:
        try:
            self._secret = _Secret(api_key)
        finally:
            del api_key  # this frame may end in a traceback
        self.base_url, self._origin = _checked_base(base_url)
        self._connect_timeout = connect_timeout
        self._read_timeout = read_timeout
        self._poll_read_timeout = poll_read_timeout
        self._max_answer_bytes = max_answer_bytes
        self._body_grace = body_grace
        self._polls = self._session(pool_size)

    def __repr__(self) -> str:
        return f"Client({self.base_url!r})"

    def create(self, submission: Submission) -> Answer:
        """Ask for pictures: POST /images/generations. Blocks until the answer is there, for minutes maybe.

        Raises UpstreamError. If its ``sent`` is True the pictures may have been made and charged.
        """
        body = _Body(json.dumps(submission.payload()).encode())
        # A connection of its own each time. A server may close an idle one just as it is used again; that
        # looks like a request lost on the way, and the generation would be declared interrupted for nothing.
        # urllib3 looks whether an idle connection was closed, but cannot see a FIN that is still under way.
        # A handshake is nothing beside the seconds that a picture takes.
        with self._session(1) as session:
            session.headers["Connection"] = "close"
            url = f"{self.base_url}/images/generations"
            document = self._exchange(session, "POST", url, self._read_timeout, body)
        return read_answer(document, polling=False, origin=self._origin, hide=self._secret.hide)

    def status(self, task_id: str, poll_url: str = "") -> Answer:
        """Ask how a task is doing: GET its poll URL if that leads to the configured origin, else
        /images/generations/{task_id}.

        Raises UpstreamError (``sent`` says nothing about the task here), ValueError if there is neither a
        usable poll URL nor a usable task id.
        """
        path, task_id = poll_path(poll_url, self._origin), clean_task_id(task_id)
        if path:
            url = self._origin + path
        elif task_id:
            url = f"{self.base_url}/images/generations/{quote(task_id, safe='')}"
        else:
            raise ValueError("There is no task to ask about.")
        document = self._exchange(self._polls, "GET", url, self._poll_read_timeout)
        return read_answer(
            document,
            polling=True,
            origin=self._origin,
            task_id=task_id,
            poll_url=path,
            hide=self._secret.hide,
        )

    def close(self) -> None:
        """Close the idle connections. Requests under way end as they would."""
        self._polls.close()

    def _session(self, pool_size: int) -> requests.Session:
        session = requests.Session()
        session.auth = _Bearer(self._secret)
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))  # none stored, none sent
        # identity: a compressed answer would be a way around the cap on bytes, and pictures hardly shrink
        session.headers.update(
            {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "LemonStudio"}
        )
        adapter = HTTPAdapter(4, pool_size, max_retries=0, pool_block=False)
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        return session

    def _exchange(
        self, session: requests.Session, method: str, url: str, read_timeout: float, body: _Body | None = None
    ) -> object:
        """One request; the JSON of a 2xx answer, or an UpstreamError.

        Errors are raised outside of the except blocks: an exception of requests holds the prepared request
        with its headers, and would come along as the context of ours.
        """
        deadline = time.monotonic() + read_timeout + self._body_grace
        failure: UpstreamError | None = None
        try:
            response = session.request(
                method,
                url,
                data=body,
                headers={"Content-Type": "application/json"} if body else None,
                timeout=(self._connect_timeout, read_timeout),
                allow_redirects=False,
                stream=True,
            )
        except _TROUBLE as trouble:
            failure = _failure(trouble, body)
        if failure:
            raise failure

        good = 200 <= response.status_code < 300
        try:
            content, failure = self._read(response, deadline, body, good)
            content = self._secret.blank(content)
        finally:
            response.close()
        if not good:  # the status line says enough, even if the rest was lost
            document, hide = _json(content), self._secret.hide
            header = hide(response.headers.get("Retry-After", ""))
            raise error_from(response.status_code, document, header, polling=body is None, hide=hide)
        if failure:
            raise failure
        document = _json(content)
        if document is None:
            raise MalformedAnswer(
                "The server's answer is not JSON.",
                hint=_hint(body),
                status=response.status_code,
                retryable=body is None,
            )
        return document

    def _read(
        self, response: requests.Response, deadline: float, body: _Body | None, good: bool
    ) -> tuple[bytes, UpstreamError | None]:
        """The body as far as it came, and what cut it short."""
        limit = self._max_answer_bytes if good else MAX_ERROR_BYTES
        content = bytearray()
        try:
            # read1, since read(n) waits for n bytes while each dripping byte resets the socket's time-out
            while chunk := response.raw.read1(2**16, decode_content=True):
                content += chunk
                if len(content) > limit:
                    return b"", MalformedAnswer(
                        f"The server's answer is larger than {limit:,} bytes.",
                        code="answer_too_large",
                        hint=_hint(body),
                        retryable=body is None,
                    )
                if time.monotonic() > deadline:
                    return bytes(content), _lost(body, "answer_too_slow", "The server's answer did not end in time.")
        except _TROUBLE as trouble:
            return bytes(content), _lost(body, *_words(trouble)[:2])
        return bytes(content), None


def _checked_base(base_url: str) -> tuple[str, str]:
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


def _json(content: bytes) -> object:
    """The JSON in an answer, None if there is none (JSON's own null says as little)."""
    try:
        document: object = json.loads(content.decode("utf-8-sig", "replace"))
    except (ValueError, RecursionError):  # no JSON, a number of thousands of digits, a thousand brackets
        return None
    return document


def _hint(body: _Body | None) -> str:
    return OUTCOME_HINT if body else ""


def _lost(body: _Body | None, code: str, message: str) -> OutcomeUnknown:
    return OutcomeUnknown(message, code=code, hint=_hint(body), retryable=body is None)


def _failure(trouble: Exception, body: _Body | None) -> UpstreamError:
    """The error for a request that got no status line. Keeps nothing of the exception of requests."""
    code, message, early = _words(trouble)
    started = body.started if body is not None else not early
    if started:
        return _lost(body, code, message)
    if not early:
        code, message = "connection_failed", "The connection failed before the request was sent."
    return NotSent(message, code=code)


def _words(trouble: Exception) -> tuple[str, str, bool]:
    """A code, a sentence, and whether this kind of trouble comes before anything is sent."""
    errors, inner = requests.exceptions, urllib3.exceptions
    cause = trouble.args[0] if trouble.args else None
    cause = getattr(cause, "reason", cause)  # of urllib3's MaxRetryError
    if isinstance(trouble, errors.ProxyError):
        return "proxy_failed", "The proxy on the way to the server did not let the request through.", True
    if isinstance(trouble, errors.SSLError | inner.SSLError):
        return "tls_failed", "No trusted encrypted connection to the server came about.", True
    if isinstance(cause, inner.NameResolutionError):
        return "name_not_resolved", "The server's name could not be resolved.", True
    if isinstance(trouble, errors.ConnectTimeout):
        return "connect_timeout", "The server did not take up the connection in time.", True
    if isinstance(cause, inner.NewConnectionError):
        return "connection_refused", "The server cannot be reached: the connection was refused.", True
    if isinstance(trouble, errors.InvalidURL | errors.InvalidHeader | errors.InvalidSchema):
        return "invalid_request", "The request could not be made from these settings.", True
    if isinstance(trouble, errors.ReadTimeout | inner.ReadTimeoutError):
        return "read_timeout", "The server did not answer in time.", False
    return "connection_lost", "The connection broke before the answer was complete.", False
