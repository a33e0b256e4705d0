"""Where the client asks about a task."""

from typing import Any

import pytest

from gallery.upstream import (
    Client,
)
from gallery.upstream.parse import poll_path
from tests.support.stub_upstream import StubUpstream
from tests.upstream.helpers import ORIGIN


@pytest.mark.parametrize(
    ("poll_url", "path"),
    [
        ("/v1/tasks/x", "/v1/tasks/x"),
        ("/v1/tasks/x?a=b&c=..", "/v1/tasks/x?a=b&c=.."),
        ("/v1/tasks/a%20b", "/v1/tasks/a%20b"),
        ("https://api.lemondata.cc/v1/tasks/x", "/v1/tasks/x"),
        ("HTTPS://API.lemondata.cc:443/v1/tasks/x?q=1", "/v1/tasks/x?q=1"),
        ("http://api.lemondata.cc/v1/tasks/x", ""),
        ("https://api.lemondata.cc:8443/v1/tasks/x", ""),
        ("https://api.lemondata.cc", ""),
        ("https://api.lemondata.cc.evil.example/x", ""),
        ("https://api.lemondata.cc@evil.example/x", ""),
        ("https://eve:pw@api.lemondata.cc/x", ""),
        ("https://@api.lemondata.cc/x", ""),
        ("https://evil.example/x", ""),
        ("https://api.lemondata.cc//evil.example/x", ""),
        ("https://api.lemondata.cc:x/y", ""),
        ("https://[evil/x", ""),
        ("//evil.example/x", ""),
        ("///evil.example/x", ""),
        ("/\\evil.example/x", ""),
        ("\\\\evil.example/x", ""),
        ("/v1/%5c..%5cx", ""),
        ("/v1/../admin", ""),
        ("/v1/tasks/..", ""),
        ("/v1/%2e%2E/admin", ""),
        ("/v1/./x", ""),
        ("/v1/x#y", ""),
        ("/v1/x y", ""),
        ("/v1/x\r\nX-Evil: 1", ""),
        ("/v1/x\n", ""),
        ("/v1/x\x00", ""),
        ("/v1/ä", ""),
        ("v1/tasks/x", ""),
        ("javascript:alert(1)", ""),
        ("/" + "x" * 2000, ""),
        ("", ""),
        (None, ""),
        (["/v1/x"], ""),
        (7, ""),
    ],
)
def test_poll_url_must_have_the_configured_origin(poll_url: Any, path: str) -> None:
    assert poll_path(poll_url, ORIGIN) == path


@pytest.mark.parametrize(
    ("task_id", "poll_url", "path"),
    [
        ("img_1", "", "/v1/images/generations/img_1"),
        ("img_1", "/v1/tasks/img_1?x=1", "/v1/tasks/img_1?x=1"),
        ("img_1", "https://evil.example/x", "/v1/images/generations/img_1"),
        ("img_1", "//evil.example/x", "/v1/images/generations/img_1"),
        ("a/../b?c#d", "", "/v1/images/generations/a%2F..%2Fb%3Fc%23d"),
        ("%2e%2e", "", "/v1/images/generations/%252e%252e"),
        ("ä", "", "/v1/images/generations/%C3%A4"),
        ("", "/v1/tasks/1", "/v1/tasks/1"),
    ],
)
def test_status_is_asked_at_the_right_path(
    stub: StubUpstream, client: Client, task_id: str, poll_url: str, path: str
) -> None:
    stub.answer(json={"status": "pending", "task_id": "img_1"})
    client.status(task_id, poll_url)
    assert stub.requests[0].path == path


@pytest.mark.parametrize("task_id", ["", ".", "..", " ", "a\r\nb"])
def test_status_needs_a_task(client: Client, task_id: str) -> None:
    with pytest.raises(ValueError, match="no task"):
        client.status(task_id, "https://evil.example/")
