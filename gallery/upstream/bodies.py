"""The bodies of requests: JSON or a form with pictures, sent piece by piece. Plain Python."""

import json
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO

from urllib3.fields import RequestField

PIECE = 2**16


@dataclass(frozen=True, slots=True)
class Attachment:
    """An open file to send along, of ``size`` bytes. It is read piece by piece, and may be read again."""

    file: IO[bytes]
    size: int

    def head(self) -> bytes:
        """The first bytes, which tell the kind of picture."""
        self.file.seek(0)
        return self.file.read(16)

    def pieces(self) -> Iterator[bytes]:
        """All of it. Raises OSError if there is less than was said: the length of the request is fixed by then."""
        self.file.seek(0)
        left = self.size
        while left:
            piece = self.file.read(min(PIECE, left))
            if not piece:
                raise OSError("The file is shorter than it was.")
            left -= len(piece)
            yield piece


File = bytes | Attachment


class Body:
    """A body that knows whether any of it has been handed to a connection.

    http.client asks for the body once the connection stands, TLS and proxy tunnel included, and the headers
    are out. So an error while ``started`` is False means that the request was surely not taken; the classes
    of exceptions alone cannot tell a failed handshake from a connection lost later. That a part of it left
    is enough for an unknown outcome: there are servers that make do with half a form.
    """

    def __init__(self, parts: Sequence[File], content_type: str) -> None:
        self._parts = parts
        self.content_type = content_type
        self.started = False
        self.send_by: float | None = None  # of the monotonic clock

    def __len__(self) -> int:
        return sum(part.size if isinstance(part, Attachment) else len(part) for part in self._parts)

    def __iter__(self) -> Iterator[bytes | memoryview]:
        self.started = True  # a generator: runs at the first chunk, not when the iterator is made
        for part in self._parts:
            # In pieces, since a socket's time-out holds for all that it is given at once: some seconds would
            # have to do for the whole of a large picture.
            for piece in part.pieces() if isinstance(part, Attachment) else _pieces(part):
                if self.send_by is not None and time.monotonic() > self.send_by:
                    raise TimeoutError("The request was not sent in time.")
                yield piece


def _pieces(content: bytes) -> Iterator[memoryview]:
    for start in range(0, len(content), PIECE):
        yield memoryview(content)[start : start + PIECE]


def json_body(fields: Mapping[str, object]) -> Body:
    return Body([json.dumps(fields).encode()], "application/json")


def form_body(fields: Mapping[str, str | int | float | bool], files: Sequence[tuple[str, File]]) -> Body:
    """multipart/form-data. A field of ``files`` may be there several times; the files are not copied."""
    boundary = secrets.token_hex(24)
    parts: list[File] = []
    for name, value in fields.items():
        written = str(value).lower() if isinstance(value, bool) else str(value)
        # "replace": half a character, which JSON can escape, has no bytes of its own
        parts += [_part_head(boundary, RequestField(name, b"")), written.encode(errors="replace"), b"\r\n"]
    for name, content in files:
        kind = _file_type(content.head() if isinstance(content, Attachment) else content)
        field = RequestField(name, b"", filename=f"{name.removesuffix('[]')}.{kind.partition('/')[2]}")
        parts += [_part_head(boundary, field, kind), content, b"\r\n"]
    parts.append(f"--{boundary}--\r\n".encode())
    return Body(parts, f"multipart/form-data; boundary={boundary}")


def _part_head(boundary: str, field: RequestField, content_type: str | None = None) -> bytes:
    field.make_multipart(content_type=content_type)
    return f"--{boundary}\r\n{field.render_headers()}".encode(errors="replace")


def _file_type(content: bytes) -> str:
    """By its first bytes: servers look at the type that is said, and some at the end of the name."""
    if content.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return "image/webp"
    return "image/png"
