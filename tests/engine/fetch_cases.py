"""What tests of fetching share."""

import io
import socket

import pytest

from gallery.engine.fetch import fetch
from gallery.engine.fetch_address import FetchError

# What a busy machine may add to a deadline.
LATENESS = 0.6


def resolve_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> list[str]:
    """Let every name have these addresses; return the list that look-ups are noted in."""
    asked: list[str] = []

    def getaddrinfo(name: str, port: int, **_: object) -> list[object]:
        asked.append(name)
        return [(0, 0, 0, "", (address, port)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


def words(text: str) -> list[str]:
    return text.split()


def refusal(url: str, **options: object) -> FetchError:
    into = io.BytesIO()
    with pytest.raises(FetchError) as caught:
        fetch(url, into, **options)  # type: ignore[arg-type]
    return caught.value
