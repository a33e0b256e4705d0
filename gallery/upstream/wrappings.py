"""The document in an answer's bytes: JSON, a stream of events, JSON line by line, or the picture itself.

The bytes decide, not the content type. Plain Python.
"""

import base64
import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from typing import Any

from gallery.upstream import words
from gallery.upstream.fields import first
from gallery.upstream.pictures import PICTURES_LIMIT, pictures_in
from gallery.upstream.words import Status

EVENTS_LIMIT = 10_000  # of one stream; what comes behind them is not looked at

# How a stream of events begins (WHATWG HTML, 9.2.6), or JSON line by line.
_STREAM = re.compile(rb"\s*(?:(?:data|event|id|retry)?:|\{)")
# PNG, JPEG, GIF, WebP, AVIF and HEIC.
_PICTURE = re.compile(
    rb"\x89PNG\r\n\x1a\n|\xff\xd8\xff|GIF8[79]a|RIFF.{4}WEBP|.{4}ftyp(?:avi[fs]|heic|heix|mif1)", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Unwrapped:
    """What an answer holds; `document` is None if that is nothing. `is_whole` as far as its bytes can tell."""

    document: object = None
    is_whole: bool = False


def unpack(content: bytes, encoding: str, limit: int) -> bytes:
    """The content without gzip or deflate around it.

    Only the latter needs its header's word: some servers name an encoding that they do not use, and the other way
    round. Raises OverflowError for more than `limit` bytes.
    """
    ways = (31,) if content.startswith(b"\x1f\x8b") else (15, -15) if "deflate" in encoding.lower() else ()
    plain = content
    for way in ways:
        try:
            plain = zlib.decompressobj(way).decompress(content, limit + 1)
            break
        except zlib.error:
            continue
    if len(plain) > limit:
        raise OverflowError
    return plain


def unwrap(content: bytes) -> Unwrapped:
    document = _json(content.decode("utf-8-sig", "replace"))
    if document is not None:
        # A number may go on in what is missing; an object has an end.
        return Unwrapped(document, isinstance(document, dict | list))
    if _PICTURE.match(content):
        return Unwrapped({"data": [{"b64_json": base64.b64encode(content).decode()}]})
    head = content.removeprefix(b"\xef\xbb\xbf")
    return _of_events(_events(head.decode("utf-8", "replace"))) if _STREAM.match(head) else Unwrapped()


def _json(text: str) -> object:
    """The JSON in a text, None if there is none (JSON's own null says as little)."""
    try:
        document: object = json.loads(text)
    except (ValueError, RecursionError):  # no JSON, a number of thousands of digits, a thousand brackets
        return None
    return document


def _events(text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The kind and the content of each event that holds a JSON object."""
    kind, data = "", list[str]()
    for line in StringIO(text + "\n\n", newline=None):
        name, colon, value = line.rstrip("\n").partition(":")
        if line.startswith("{") and isinstance(document := _json(line), dict):
            yield "", document
        elif name == "data":
            data.append(value.removeprefix(" "))
        elif name == "event":
            kind = value.strip()
        elif not name and not colon:
            # Some servers leave out the empty lines between events.
            whole = _json("\n".join(data))
            for document in [whole] if whole is not None else map(_json, data):
                if isinstance(document, dict):
                    yield kind, document
            kind, data = "", []


def _of_events(events: Iterator[tuple[str, dict[str, Any]]]) -> Unwrapped:
    """One document for a whole stream. Previews count only where nothing else came."""
    pictures: list[dict[str, Any]] = []
    previews: list[dict[str, Any]] = []
    said: dict[str, Any] = {}
    error: dict[str, Any] = {}
    for _, (kind, event) in zip(range(EVENTS_LIMIT), events, strict=False):
        has_picture = bool(pictures_in(event, "https://localhost/"))
        if _is_preview(kind, event):
            previews = [event] if has_picture else previews
            said |= {} if has_picture else event
        elif has_picture:
            pictures = [*pictures, event][:PICTURES_LIMIT]
        elif _is_error(kind, event):
            error = event
        else:
            said |= event
    if len(pictures) == 1:
        return Unwrapped({**_without_status(said), **pictures[0]}, is_whole=True)
    if pictures:
        return Unwrapped({**_without_status(said), "data": pictures}, is_whole=True)
    if error or said:
        return Unwrapped(error or said, is_whole=True)
    return Unwrapped({"data": previews}) if previews else Unwrapped()


def _without_status(said: dict[str, Any]) -> dict[str, Any]:
    names = {words.folded_name(name) for name in words.STATUS_FIELDS}
    return {name: value for name, value in said.items() if words.folded_name(name) not in names}


def _kind_of(kind: str, event: dict[str, Any]) -> tuple[str, ...]:
    named = event.get("type")
    return words.folded(f"{kind} {named}" if isinstance(named, str) else kind)


def _is_preview(kind: str, event: dict[str, Any]) -> bool:
    """Whether it comes before the picture is done."""
    if any(one.startswith(words.PREVIEW_EVENTS) for one in _kind_of(kind, event)):
        return True
    status = first(event, words.STATUS_FIELDS)
    return isinstance(status, str) and words.status_of(status) in (Status.PENDING, Status.PROCESSING)


def _is_error(kind: str, event: dict[str, Any]) -> bool:
    return bool(event.get("error")) or any(one.startswith(words.ERROR_EVENTS) for one in _kind_of(kind, event))
