"""Forms with files in them (multipart/form-data, RFC 7578), read within bounds."""

from __future__ import annotations

import re
from typing import IO, TYPE_CHECKING

from .errors import ApiError, invalid

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

MOST_FORM = 96 * 2**20  # four pictures and a mask at their largest, and the words
MOST_PARTS = 40
MOST_TEXT = 100_000
_MOST_HEAD = 4096
_CHUNK = 2**16
_BOUNDARY = re.compile(r"multipart/form-data\s*;(?:.*;)?\s*boundary=(?:\"([^\"\r\n]{1,70})\"|([^\s;\"]{1,70}))", re.I)
_PARAMETER = re.compile(r"([\w*-]+)=(?:\"([^\"\r\n]*)\"|([^\s;\"]+))")


def boundary_of(environ: WSGIEnvironment) -> bytes:
    """What stands between the parts of this request's form. Raises a 400 if it sends none."""
    found = _BOUNDARY.match(environ.get("CONTENT_TYPE", ""))
    if found is None:
        raise invalid("The body must be multipart/form-data.", None, hint="Send the picture as the file 'image'.")
    return (found[1] or found[2]).encode("latin-1")


def receive(environ: WSGIEnvironment, into: IO[bytes]) -> None:
    """Write the request's body to a file, piece by piece. Raises a 413 for one that is too large."""
    size = 0
    while chunk := environ["wsgi.input"].read(_CHUNK):
        size += len(chunk)
        if size > MOST_FORM:
            raise ApiError(413, "payload_too_large", f"The request is larger than {MOST_FORM // 2**20} MB.")
        into.write(chunk)


def parts(body: bytes, boundary: bytes) -> dict[str, list[bytes]]:
    """The parts of a form by their names; `image[]` is `image`, and the only one that may be there several times.

    Raises a 400 for what is no whole form.
    """
    line = b"\r\n--" + boundary
    # The first line has nothing before it to end.
    at = 0 if body.startswith(line[2:]) else body.find(line)
    if at < 0:
        raise invalid("The form in the body has no parts.", None)
    at += len(line) - (2 if at == 0 else 0)
    found: dict[str, list[bytes]] = {}
    while body[at : at + 2] != b"--":
        start = body.find(b"\r\n", at, at + _MOST_HEAD)
        end = body.find(line, at)
        if start < 0 or end < 0:
            raise invalid("The form in the body is cut off.", None)
        name, content = _part(body, start, end)
        name = "image" if name == "image[]" else name
        if name in found and name != "image":
            raise invalid(f"The field '{name}' is there twice.", name)
        if sum(map(len, found.values())) == MOST_PARTS:
            raise invalid(f"The form has more than {MOST_PARTS} fields.", None)
        found.setdefault(name, []).append(content)
        at = end + len(line)
    return found


def _part(body: bytes, start: int, end: int) -> tuple[str, bytes]:
    """Name and content of the part whose head begins with the line break at `start`."""
    over = body.find(b"\r\n\r\n", start, min(end, start + _MOST_HEAD))
    if over < 0:
        raise invalid("A part of the form has no head.", None)
    for header in body[start + 2 : over].decode("utf-8", "replace").split("\r\n"):
        field, _, value = header.partition(":")
        if field.strip().lower() == "content-disposition":
            said = {found[1].lower(): found[2] or found[3] for found in _PARAMETER.finditer(value)}
            if said.get("name"):
                # A quotation mark in a name is written so, by browsers and libraries alike.
                return said["name"].replace("%22", '"'), body[over + 4 : end]
    raise invalid("A part of the form has no name.", None)


def text(name: str, content: bytes) -> str:
    """A field that is no file. Raises a 400 for what is not UTF-8 or far too long."""
    if len(content) > MOST_TEXT:
        raise invalid(f"'{name}' is far too long.", name)
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise invalid(f"'{name}' is not UTF-8.", name) from None
