"""The API key, kept where it shows in no log, repr or traceback. Plain Python."""

from collections.abc import MutableMapping

import requests
from requests.auth import AuthBase


class Secret:
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


class Bearer(AuthBase):
    """Set as the session's auth even without a key: only then does requests leave .netrc alone."""

    def __init__(self, secret: Secret) -> None:
        self._secret = secret

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        self._secret.put_into(request.headers)
        return request
