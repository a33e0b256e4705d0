"""The client of the image API: sends requests, returns typed answers, raises one family of errors.

It speaks the OpenAI Images dialect with LemonData's asynchronous tasks (its pages "Create Image" and "Get
Image Status"). Plain Python and requests; it knows nothing of Django, and is safe to share between threads.
"""

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from typing import cast

import requests
from requests.adapters import HTTPAdapter

from gallery.upstream import words
from gallery.upstream.bodies import Body, File, form_body, json_body
from gallery.upstream.catalogue import OfferedCatalogue, read_catalogue
from gallery.upstream.errors import MalformedAnswer, NoPicture, OutcomeUnknown, Refused, TaskGone, UpstreamError
from gallery.upstream.limits import RateLimit, rate_limit_in
from gallery.upstream.parse import (
    Answer,
    checked_base,
    clean_task_id,
    poll_path,
    poll_paths,
    read_answer,
)
from gallery.upstream.raw import RawAnswer, raw_answer
from gallery.upstream.refusals import error_from, page_in, plain_text_in
from gallery.upstream.secret import Bearer, Secret
from gallery.upstream.trouble import TROUBLE, failure_of, hint_for, lost, too_large, words_for
from gallery.upstream.wrappings import unpack, unwrap
from lemonstudio.marking import gettext_noop

MAX_ANSWER_BYTES = 256 * 2**20
"""Four pictures of 40 MB in base64 and room to spare. The same for status answers: what a completed task
brings may be inline too, and has been paid for."""

MAX_ERROR_BYTES = 2**20
MAX_CATALOGUE_BYTES = 8 * 2**20  # of one answer about models or prices
BODY_GRACE = 60.0  # seconds beyond the read time-out in which an answer must have arrived whole

CATALOGUE_TIME = 120.0  # seconds for all requests that a catalogue takes
REMEMBERED = 10_000  # tasks whose address was found by trying

# The fields of a variation that are not files.
_OF_A_VARIATION = frozenset(("model", "n", "size", "user", "response_format"))


@dataclass(frozen=True, slots=True)
class _Reply:
    """A 2xx answer: its JSON, its headers with names in lower case, and what of it is kept."""

    document: object
    headers: Mapping[str, str]
    raw: RawAnswer


@dataclass(frozen=True, slots=True)
class Submission:
    """What is asked for. ``options`` holds only what the model knows: the caller's catalogue decides.

    Fields that are None or empty are not sent. ``user`` is an opaque id, ``response_format`` "url" or
    "b64_json".
    """

    model: str
    prompt: str = field(repr=False)  # people's words stay out of logs
    count: int = 1
    options: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    user: str = ""
    response_format: str = ""

    def payload(self) -> dict[str, str | int | float | bool]:
        """The JSON object to send. The named fields win over options of the same name."""
        fields = {
            **self.options,
            "model": self.model,
            "prompt": self.prompt,
            "n": self.count if self.count > 1 else None,
            "user": self.user,
            "response_format": self.response_format,
        }
        return {name: value for name, value in fields.items() if value is not None and value != ""}


class Client:
    """One account at one server. Times are seconds.

    ``base_url`` is the API's root, such as "https://api.lemondata.cc/v1"; an empty ``api_key`` sends no
    Authorization header, for servers without keys. Proxies and CA bundles are taken from the environment as
    requests does. An answer must have arrived whole ``read_timeout`` + 60 seconds after the request was made
    (+ at most one more read). Raises ValueError, in words fit for an administrator, for a base URL or key
    that cannot be meant.
    """

    base_url: str = ""
    # What the latest answer that spoke of it said of the account's requests.
    rate_limit: RateLimit | None = None

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
        catalogue_time: float = CATALOGUE_TIME,
    ) -> None:
        try:
            self._secret = Secret(api_key)
        finally:
            del api_key  # this frame may end in a traceback
        self.base_url, self._origin = checked_base(base_url)
        self._connect_timeout = connect_timeout
        self._read_timeout = read_timeout
        self._poll_read_timeout = poll_read_timeout
        self._max_answer_bytes = max_answer_bytes
        self._body_grace = body_grace
        self._catalogue_time = catalogue_time
        self._polls = self._session(pool_size)
        self._found: OrderedDict[str, str] = (
            OrderedDict()
        )  # by task id: the path that answered, where it was not the first
        self._finding = threading.Lock()

    def __repr__(self) -> str:
        return f"Client({self.base_url!r})"

    def create(self, submission: Submission) -> Answer:
        """Ask for pictures: POST /images/generations. Blocks until the answer is there, for minutes maybe.

        Raises UpstreamError. If its ``sent`` is True the pictures may have been made and charged.
        """
        return self._post("/images/generations", json_body(submission.payload()))

    def send(
        self,
        submission: Submission,
        images: Sequence[File],
        mask: File | None = None,
        *,
        endpoint: str = "/images/edits",
        image_field: str = "image",
        images_field: str = "image[]",
        fields: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send pictures along, as a form: one in ``image_field``, several in ``images_field`` each.

        ``endpoint`` is a path below the base URL, ``fields`` are sent besides those of the submission. Formats and
        limits are the server's; they are not checked here. Otherwise like ``create``.
        """
        name = image_field if len(images) == 1 else images_field
        files = [(name, image) for image in images] + ([("mask", mask)] if mask is not None else [])
        return self._post(endpoint, form_body({**submission.payload(), **(fields or {})}, files))

    def lend(
        self,
        submission: Submission,
        addresses: Sequence[str],
        *,
        endpoint: str = "/images/generations",
        image_field: str = "image_url",
        images_field: str = "image_urls",
        fields: Mapping[str, str] | None = None,
    ) -> Answer:
        """Name the addresses of pictures that go along, in JSON: one as a text, several as a list.

        If both fields have the same name, it holds a list in any case. Otherwise like ``send``.
        """
        is_list = len(addresses) > 1 or image_field == images_field
        pictures = {images_field: list(addresses)} if is_list else {image_field: addresses[0]}
        return self._post(endpoint, json_body({**submission.payload(), **(fields or {}), **pictures}))

    def edit(self, submission: Submission, image: File, mask: File | None = None) -> Answer:
        """Ask for a picture to be painted anew where ``mask`` is transparent, or as a whole: POST /images/edits."""
        return self.send(submission, [image], mask)

    def vary(self, submission: Submission, image: File) -> Answer:
        """Ask for variations of a picture: POST /images/variations. Otherwise like ``create``.

        Neither a prompt nor any option but the size is sent: a variation has no others.
        """
        fields = {name: value for name, value in submission.payload().items() if name in _OF_A_VARIATION}
        return self._post("/images/variations", form_body(fields, [("image", image)]))

    def catalogue(self) -> OfferedCatalogue:
        """What the server offers: GET /models?category=image, each model's own page, and the prices.

        Up to some hundred requests, ``catalogue_time`` seconds at most. Raises UpstreamError (``sent`` means nothing
        here) if there is no list, or if the connection fails or the rate limit is reached on the way: half a catalogue
        could be taken for the whole.
        """
        deadline = time.monotonic() + self._catalogue_time
        return read_catalogue(lambda path: self._look_up(path, deadline), self._secret.hide)

    def look_up(self, path: str) -> object:
        """GET a path below the base URL; the JSON of the answer. Raises UpstreamError; its `sent` means nothing."""
        limit = min(self._max_answer_bytes, MAX_CATALOGUE_BYTES)
        return self._reply(self._polls, "GET", self.base_url + path, self._poll_read_timeout, limit=limit).document

    def hide(self, text: str) -> str:
        """The text without the key."""
        return self._secret.hide(text)

    def _look_up(self, path: str, deadline: float) -> object:
        url, limit = self.base_url + path, min(self._max_answer_bytes, MAX_CATALOGUE_BYTES)
        left = deadline - time.monotonic()
        if left > 0:
            timeout = min(self._poll_read_timeout, left)
            try:
                return self._reply(self._polls, "GET", url, timeout, deadline=deadline, limit=limit).document
            except OutcomeUnknown as lost:
                failure = lost
            if time.monotonic() < deadline:
                raise failure
        raise OutcomeUnknown(
            gettext_noop("The server is too slow to tell what it offers."), code="catalogue_too_slow", retryable=True
        )

    def _post(self, path: str, body: Body) -> Answer:
        # A connection of its own each time. A server may close an idle one just as it is used again; that
        # looks like a request lost on the way, and the generation would be declared interrupted for nothing.
        # urllib3 looks whether an idle connection was closed, but cannot see a FIN that is still under way.
        # A handshake is nothing beside the seconds that a picture takes.
        with self._session(1) as session:
            session.headers["Connection"] = "close"
            reply = self._reply(session, "POST", self.base_url + path, self._read_timeout, body)
        return self._answer(reply, polling=False)

    def status(self, task_id: str, poll_url: str = "") -> Answer:
        """Ask how a task is doing: GET its poll URL if that leads to the configured origin, else the usual addresses.

        The next address is asked where one answers 404 or 405 without a word about the task; what has worked is
        remembered. Raises UpstreamError (``sent`` says nothing about the task here), ValueError if there is neither
        a usable poll URL nor a usable task id.
        """
        path, task_id = poll_path(poll_url, self._origin), clean_task_id(task_id)
        urls = [self._origin + path] if path else []
        urls += [self.base_url + usual for usual in poll_paths(task_id)]
        if not urls:
            raise ValueError("There is no task to ask about.")
        known = self._found.get(task_id)
        urls = [known] if known else list(dict.fromkeys(urls))
        asked = urls[0]
        reply, failure = self._ask_at(asked)
        for url in urls[1:]:
            if failure is None or not _is_wrong_address(failure):
                break
            reply, other = self._ask_at(url)
            if other is None or not _is_wrong_address(other):
                self._remember(task_id, url)
                asked, failure = url, other
            # else: none of them knows it, and the first one's word counts
        if failure is not None:
            raise failure
        assert reply is not None
        try:
            return self._answer(reply, polling=True, task_id=task_id, poll_url=path)
        except NoPicture as problem:
            empty = problem.with_traceback(None)
        if not empty.result_url or self._origin + empty.result_url == asked:
            raise empty
        return self._result_of(empty)

    def _result_of(self, done: NoPicture) -> Answer:
        """The result of a finished task, from the address that its status names for it. Raises UpstreamError."""
        reply, failure = self._ask_at(self._origin + done.result_url)
        if reply is not None:
            return self._answer(reply, polling=True, task_id=done.task_id, poll_url=done.poll_url)
        assert failure is not None
        if failure.status == 422 or (failure.code == words.DECLINED and isinstance(failure, Refused)):
            return Answer(
                words.Status.FAILED,
                done.task_id,
                done.poll_url,
                error=failure.message,
                code=failure.code,
                given_code=failure.given_code,
                advice=failure.advice,
                ids=failure.ids,
                raw=failure.raw,
            )
        if isinstance(failure, Refused | TaskGone):
            # It may be too early for it: the task is asked about again.
            done.reason = done.reason or failure.message
            raise done
        raise failure

    def _ask_at(self, url: str) -> tuple[_Reply | None, UpstreamError | None]:
        try:
            return self._reply(self._polls, "GET", url, self._poll_read_timeout, of_task=True), None
        except UpstreamError as problem:
            failure = problem.with_traceback(None)
        return None, failure

    def _remember(self, task_id: str, url: str) -> None:
        with self._finding:
            self._found[task_id] = url
            while len(self._found) > REMEMBERED:
                self._found.popitem(last=False)

    def _answer(self, reply: _Reply, *, polling: bool, task_id: str = "", poll_url: str = "") -> Answer:
        return read_answer(
            reply.document,
            polling=polling,
            origin=self._origin,
            base=self.base_url,
            task_id=task_id,
            poll_url=poll_url,
            headers=reply.headers,
            raw=reply.raw,
            hide=self._secret.hide,
        )

    def close(self) -> None:
        """Close the idle connections. Requests under way end as they would."""
        self._polls.close()

    def _session(self, pool_size: int) -> requests.Session:
        session = requests.Session()
        session.auth = Bearer(self._secret)
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))  # none stored, none sent
        # identity: a compressed answer would be a way around the cap on bytes, and pictures hardly shrink
        session.headers.update(
            {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "LemonStudio"}
        )
        adapter = HTTPAdapter(4, pool_size, max_retries=0, pool_block=False)
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        return session

    def _reply(
        self,
        session: requests.Session,
        method: str,
        url: str,
        read_timeout: float,
        body: Body | None = None,
        *,
        of_task: bool = False,
        deadline: float = math.inf,
        limit: int | None = None,
    ) -> _Reply:
        """One request; a 2xx answer with JSON in it, or an UpstreamError.

        Errors are raised outside of the except blocks: an exception of requests holds the prepared request
        with its headers, and would come along as the context of ours.
        """
        deadline = min(deadline, time.monotonic() + read_timeout + self._body_grace)
        if body is not None:
            body.send_by = deadline
        failure: UpstreamError | None = None
        try:
            response = session.request(
                method,
                url,
                data=cast(Iterator[bytes], body),
                headers={"Content-Type": body.content_type} if body is not None else None,
                timeout=(self._connect_timeout, read_timeout),
                allow_redirects=False,
                stream=True,
            )
        except TROUBLE as trouble:
            failure = failure_of(trouble, body)
        if failure:
            raise failure

        status, hide = response.status_code, self._secret.hide
        good = 200 <= status < 300
        limit = (limit or self._max_answer_bytes) if good else MAX_ERROR_BYTES
        try:
            content, failure = self._read(response, deadline, body, limit)
            content = self._secret.blank(content)
        finally:
            response.close()
        headers = {name.lower(): hide(value) for name, value in response.headers.items()}
        self.rate_limit = rate_limit_in(headers) or self.rate_limit
        unwrapped = unwrap(content)
        document = unwrapped.document
        if unwrapped.is_whole and isinstance(failure, OutcomeUnknown):
            failure = None  # it was cut short behind its end
        raw = raw_answer(status, headers, content, document, hide)
        if not good:  # the status line says enough, even if the rest was lost
            page, text = ("", "") if document is not None else (page_in(content), plain_text_in(content))
            failure = error_from(status, document, headers, page=page, text=text, polling=of_task, hide=hide)
        elif document is None and failure is None:
            said = page_in(content)
            failure = MalformedAnswer(
                gettext_noop(
                    "The answer is %(what)s, not JSON: something between the studio and the service may have sent it."
                )
                % {"what": hide(said)}
                if said
                else gettext_noop("The server's answer is not JSON."),
                hint=hint_for(body),
                status=status,
                retryable=body is None,
            )
        if failure:
            failure.raw = raw
            raise failure
        return _Reply(document, headers, raw)

    def _read(
        self, response: requests.Response, deadline: float, body: Body | None, limit: int
    ) -> tuple[bytes, UpstreamError | None]:
        """The body as far as it came, and what cut it short."""
        content = bytearray()
        failure: UpstreamError | None = None
        try:
            # read1, since read(n) waits for n bytes while each dripping byte resets the socket's time-out
            while chunk := response.raw.read1(2**16, decode_content=False):
                content += chunk
                if len(content) > limit:
                    break
                if time.monotonic() > deadline:
                    failure = lost(body, "answer_too_slow", gettext_noop("The server's answer did not end in time."))
                    break
        except TROUBLE as trouble:
            failure = lost(body, *words_for(trouble)[:2])
        try:
            return unpack(bytes(content), response.headers.get("Content-Encoding", ""), limit), failure
        except OverflowError:
            return b"", too_large(body, limit)


def _is_wrong_address(problem: UpstreamError) -> bool:
    """Whether a server may know the task under another address: 404 or 405, and no word about the task itself."""
    is_about_task = isinstance(problem, TaskGone) and problem.given_code == "async_task_not_found"
    return problem.status in (404, 405) and not is_about_task
