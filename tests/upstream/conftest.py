"""A scripted server, and a client of it."""

from collections.abc import Iterator

import pytest

from gallery.upstream import Client
from tests.support.stub_upstream import StubUpstream
from tests.upstream.helpers import KEY


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "netrc"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def stub() -> Iterator[StubUpstream]:
    with StubUpstream() as stub:
        yield stub


@pytest.fixture
def client(stub: StubUpstream) -> Iterator[Client]:
    client = Client(stub.base_url, KEY, connect_timeout=5, read_timeout=20, poll_read_timeout=20)
    yield client
    client.close()
