"""Signed tokens: all that the sandbox would otherwise have to remember, handed to the caller.

All but uploaded pictures, which are too large for an id: the token has the keys that the spool keeps them under.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import zlib
from dataclasses import astuple, dataclass, fields
from typing import Any

_MAC_BYTES = 16
_MOST_CHARS = 300
# In bytes too, so that a token stays under 800 characters in every script.
_MOST_BYTES = 480


class InvalidTokenError(Exception):
    """The token was not made by this sandbox, or was changed on the way."""


@dataclass(frozen=True)
class GenerationSpec:
    """What a task or a picture was asked for. `created` is Unix time in ms, `index` -1 for a task.

    `work` is "" for a picture out of nothing, "edit" or "vary" for one from an upload; `image` and `mask` are the
    uploads' keys. `form` is the kind of file, `clear` whether the background is to be transparent.
    """

    model: str
    prompt: str
    size: str
    n: int
    seed: int
    created: int
    fault: str = ""
    index: int = -1
    work: str = ""
    image: str = ""
    mask: str = ""
    form: str = "png"
    clear: bool = False


_USUAL = tuple(field.default for field in fields(GenerationSpec))


def shorten(prompt: str) -> str:
    """The prompt as a token carries it: cut to 300 characters, fewer where they take many bytes, with `…`."""
    if len(prompt) <= _MOST_CHARS and len(prompt.encode()) <= _MOST_BYTES:
        return prompt
    cut = prompt[: _MOST_CHARS - 1].encode()[: _MOST_BYTES - 3].decode(errors="ignore")
    return cut.rstrip() + "…"


class Signer:
    """Seals specs into URL-safe text and opens them again.

    `purpose` keeps the kinds apart: a task's token does not open as a picture's.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def seal(self, purpose: str, spec: GenerationSpec) -> str:
        """The spec as letters, digits, `-` and `_`, at most about 800 of them."""
        values = list(astuple(spec))
        while values[-1] == _USUAL[len(values) - 1]:
            values.pop()
        plain = json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode()
        squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
        body = squeeze.compress(plain) + squeeze.flush()
        return base64.urlsafe_b64encode(self._mac(purpose, body) + body).rstrip(b"=").decode()

    def open(self, purpose: str, token: str) -> GenerationSpec:
        """The spec in `token`; raises InvalidTokenError unless this secret sealed it for this purpose."""
        try:
            raw = base64.b64decode(token.encode("ascii") + b"=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except (ValueError, binascii.Error) as error:
            raise InvalidTokenError from error
        mac, body = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
        # One token has one spelling: the unused bits of its last letter may not be flipped either.
        spelt = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
        if spelt != token or not hmac.compare_digest(mac, self._mac(purpose, body)):
            raise InvalidTokenError
        values: list[Any] = json.loads(zlib.decompress(body, -15))
        return GenerationSpec(*values)

    def _mac(self, purpose: str, body: bytes) -> bytes:
        return hmac.new(self._secret, purpose.encode() + b"\0" + body, hashlib.sha256).digest()[:_MAC_BYTES]
