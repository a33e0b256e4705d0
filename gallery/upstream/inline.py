"""Pictures that come inside an answer, as senders really write them. Pure functions; see RFC 4648 and RFC 2397."""

import base64
import re
from urllib.parse import unquote, unquote_to_bytes, urljoin, urlsplit

# A data URL without its content: type and parameters, and whether base64 follows.
_DATA_URL = re.compile(r"data:([^,]{0,500}?)(;\s*base64)?\s*,", re.IGNORECASE)
# A text that was written as text once more: in quotes, or as Python shows bytes.
_QUOTED = re.compile(r"b?(['\"])(.*)\1", re.DOTALL)
# What escaping leaves: “\/” of a slash, “\n” of the end of a line.
_ESCAPES = re.compile(r"\\[nrt]|\\")
_STANDARD = str.maketrans("-_", "+/", "\ufeff\u200b")


def decode(text: str) -> bytes:
    """The bytes of base64 text, or of a data URL. Raises ValueError if it is neither.

    Lines, padding, the URL-safe alphabet, quotes and escapes are taken as they come. What is left is decoded strictly.
    """
    text = text.strip().lstrip("\ufeff")
    if quoted := _QUOTED.fullmatch(text):
        text = quoted[2]
    if match := _DATA_URL.match(text):
        text = text[match.end() :]
        if not match[2]:
            return unquote_to_bytes(text)
    if "%" in text:
        text = unquote(text)
    text = "".join(_ESCAPES.sub("", text).translate(_STANDARD).split()).rstrip("=")
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError as error:
        raise ValueError("not base64") from error
    if not data:
        raise ValueError("nothing in it")
    return data


def resolve(base_url: str, url: str) -> str:
    """The address of a picture: one without a scheme or host is meant from the API's base URL.

    Where it leads is checked when it is fetched, like any other, and no key goes there.
    """
    try:
        return url if urlsplit(url).scheme else urljoin(base_url, url)
    except ValueError:
        return url
