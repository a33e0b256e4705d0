"""The pictures in an answer, wherever it has them. ``words`` has the table of the fields."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin, urlsplit

from gallery.upstream import words
from gallery.upstream.fields import DEPTH, Hide, as_is, clean_text, first, named

PICTURES_LIMIT = 32  # the vendor makes 10 at most, as OpenAI does; bounds what one answer can make us store
PROMPT_LIMIT = 16_000  # characters; the vendor takes 4,000, and rewriters are wordy
URL_LIMIT = 8_000
LOOKED_AT = 2_000  # values of an answer that nothing else explains

_DATA_URL = re.compile(r"data:[^,]{0,200};base64,", re.IGNORECASE)
_PICTURE_PATH = re.compile(r"\.(png|jpe?g|webp|avif|gif|bmp|tiff?|heic|svg)$", re.IGNORECASE)
# How PNG, JPEG, WebP, GIF and AVIF or HEIC begin in base64, of either alphabet.
_MAGIC = re.compile(
    r"(iVBORw0KGgo|[/_]9j[/_]|UklGR|R0lGOD|Qk[01]|SUkq|TU0AK|AAAA[A-Za-z0-9+/_-]{3}mZ0eX)[A-Za-z0-9+/_-]"
)
# Bare texts in these are what somebody says, unless they are plainly a picture.
_TALK = frozenset(("message", "content", "task"))
STRIPPED = "[base64"  # how a payload begins that was taken out of an answer before it was kept


@dataclass(frozen=True, slots=True)
class Result:
    """One picture of an answer: an absolute http(s) URL, or base64 text (unchecked), or both."""

    url: str = ""
    b64: str = field(default="", repr=False)
    revised_prompt: str = ""


def pictures_in(document: dict[str, Any], base: str, hide: Hide = as_is) -> tuple[Result, ...]:
    """The pictures in the places of the tables, each once. ``base`` is the URL that relative addresses belong to."""
    return _once(_walk(document, base, hide, DEPTH))


def pictures_anywhere(document: object, base: str) -> tuple[Result, ...]:
    """What is surely a picture, in any field: for an answer that is final and shows none in a place of the tables."""
    return _once(_search(document, base))


def is_picture_path(url: str) -> bool:
    return _PICTURE_PATH.search(urlsplit(url).path) is not None


def _once(results: Iterable[Result]) -> tuple[Result, ...]:
    """Without those that are the same address or the same bytes as one before, which are one picture."""
    seen: set[str] = set()
    kept: list[Result] = []
    for result in results:
        keys = {key for key in (result.url, result.b64) if key}
        if keys & seen:
            continue
        seen |= keys
        kept.append(result)
        if len(kept) == PICTURES_LIMIT:
            break
    return tuple(kept)


def _walk(value: object, base: str, hide: Hide, depth: int) -> Iterator[Result]:
    if depth < 0 or not isinstance(value, dict):
        return
    for name, held in named(value, words.CONTAINERS):
        results = list(_items(held, name, base, hide, depth - 1))
        if results:
            yield from results
            return
    yield from _own(value, base, hide)


def _items(held: object, name: str, base: str, hide: Hide, depth: int) -> Iterator[Result]:
    for item in held[: 4 * PICTURES_LIMIT] if isinstance(held, list) else [held]:
        if isinstance(item, str):
            if result := _bare(item, base, is_talk=name in _TALK):
                yield result
        else:
            yield from _walk(item, base, hide, depth)


def _bare(text: str, base: str, *, is_talk: bool) -> Result | None:
    """A text that stands alone where an item would: an address, or the picture."""
    inline = _inline(text, sure=True)
    if inline:
        return Result(b64=inline)
    url = _address(text, base)
    is_absolute = text.strip().lower().startswith(("http://", "https://"))
    if url and (is_picture_path(url) or (is_absolute and not is_talk)):
        return Result(url)
    return None


def _own(item: dict[str, Any], base: str, hide: Hide) -> Iterator[Result]:
    """What the fields of this very object hold."""
    revised = clean_text(first(item, words.REVISED_FIELDS), PROMPT_LIMIT, hide)
    urls = next((found for _, value in named(item, words.URL_FIELDS) if (found := _urls(value, base))), [])
    payloads = next((found for _, value in named(item, words.B64_FIELDS) if (found := _payloads(value))), [])
    if not payloads:
        # An address field that holds the picture itself.
        payloads = next((found for _, value in named(item, words.URL_FIELDS) if (found := _data_urls(value))), [])
    if len(urls) <= 1 and len(payloads) <= 1:
        if urls or payloads:
            yield Result("".join(urls), "".join(payloads), revised)
        return
    for url in urls:
        yield Result(url, "", revised)
    for payload in [] if urls else payloads:
        yield Result("", payload, revised)


def _texts(value: object) -> list[str]:
    """A text, a list of them, or an object (or a list of objects) with an address in it."""
    if isinstance(value, dict):
        value = first(value, words.URL_FIELDS)
    if isinstance(value, list):
        return [text for one in value[: 4 * PICTURES_LIMIT] for text in _texts_of_one(one)]
    return _texts_of_one(value)


def _texts_of_one(value: object) -> list[str]:
    if isinstance(value, dict):
        value = first(value, words.URL_FIELDS)
    return [value] if isinstance(value, str) else []


def _urls(value: object, base: str) -> list[str]:
    return [url for text in _texts(value) if (url := _address(text, base))]


def _payloads(value: object) -> list[str]:
    held = value if isinstance(value, list) else [value]
    # One that is named base64 need not look like it: whether it is one is found out when it is decoded.
    return [inline for text in held[:PICTURES_LIMIT] if isinstance(text, str) and (inline := _inline(text))]


def _data_urls(value: object) -> list[str]:
    return [_DATA_URL.sub("", text.strip(), count=1) for text in _texts(value) if _DATA_URL.match(text.strip())]


def _inline(text: str, *, sure: bool = False) -> str:
    """The base64 in a text, "" if it is an address or (``sure``) not surely a picture."""
    head = text[:300].lstrip()
    if head[:5].lower() == "data:":
        found = _DATA_URL.match(head)
        return text.lstrip()[found.end() :] if found else ""
    if head.startswith((STRIPPED, "http://", "https://")) or not head:
        return ""
    return text if not sure or _MAGIC.match(head) else ""


def _address(text: str, base: str) -> str:
    """An absolute http(s) address; a relative one belongs to the server that answered. "" for anything else."""
    value = text.strip()
    if not value or len(value) > URL_LIMIT or not value.isprintable() or "\\" in value:
        return ""
    try:
        parts = urlsplit(value)
        if not parts.scheme and (parts.netloc or "/" in value or _PICTURE_PATH.search(parts.path)) and " " not in value:
            value = urljoin(base, value)
            parts = urlsplit(value)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
        _ = parts.port
    except ValueError:
        return ""
    return value if usable else ""


def _search(document: object, base: str) -> Iterator[Result]:
    waiting: list[tuple[object, int]] = [(document, 0)]
    for _ in range(LOOKED_AT):
        if not waiting:
            return
        value, depth = waiting.pop(0)
        if isinstance(value, str):
            inline = _inline(value, sure=True)
            url = "" if inline else _address(value, base)
            if inline or (url and is_picture_path(url)):
                yield Result(url, inline)
        elif isinstance(value, list) and depth < 2 * DEPTH:
            waiting += [(one, depth + 1) for one in value[:100]]
        elif isinstance(value, dict) and depth < 2 * DEPTH:
            waiting += [
                (one, depth + 1)
                for name, one in list(value.items())[:100]
                if words.folded_name(str(name)) not in words.NO_RESULTS
            ]
