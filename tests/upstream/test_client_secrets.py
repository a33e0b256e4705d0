"""The key stays secret, and prompts and pictures stay out of reprs."""

import logging
import sys
from collections.abc import Callable
from functools import partial

import pytest

from gallery.upstream import (
    Client,
    Refused,
    UpstreamError,
)
from tests.support.stub_upstream import StubUpstream
from tests.upstream.helpers import CAT, KEY, URL, create, error_body, exposure, free_port, hasty, outcome_of

ASKS: list[Callable[[Client], object]] = [
    lambda client: client.create(CAT),
    lambda client: client.edit(CAT, b"image", b"mask"),
    lambda client: client.vary(CAT, b"image"),
    lambda client: client.catalogue(),
    lambda client: client.status("img_1"),
]


def provoke(client: Client) -> str:
    shown = ""
    for ask in ASKS:
        outcome = outcome_of(partial(ask, client))
        if isinstance(outcome, UpstreamError):
            assert outcome.__cause__ is None
            assert outcome.__context__ is None
            shown += exposure(outcome)
        shown += repr(outcome)
    return shown


def test_key_is_never_shown(
    stub: StubUpstream, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    client = hasty(stub)
    echo = f"Incorrect API key provided: {KEY}."
    split = f"Incorrect API key provided: {KEY[:9]}\x00{KEY[9:]}."
    everywhere = error_body(message=echo, code=KEY, hint=echo, param=KEY, did_you_mean=KEY, suggestions=[{"id": KEY}])
    shown = repr(client) + repr(vars(client)) + repr(Client("https://host/v1", KEY))
    shown += provoke(Client(f"http://127.0.0.1:{free_port()}/v1", KEY))
    for how in (stub.hang, stub.reset, stub.drop):
        for _ in ASKS:
            how()
        shown += provoke(client)
    for status, document in [
        (401, everywhere),
        (401, error_body(message=split)),
        (500, {"error": echo}),
        (400, echo),
        (200, {"status": "failed", "error": echo, "task_id": "img_1"}),
        (200, {"status": "failed", "error": {"message": split, "code": KEY}}),
        (200, {"data": [{"url": URL, "revised_prompt": echo}]}),
        (200, {"error": {"message": echo}}),
        (301, {}),
        (200, {}),
    ]:
        for _ in ASKS:
            stub.answer(status, document, headers={"Location": f"/{KEY}", "X-Echo": KEY})
        shown += provoke(client)
    assert "sk-…" in shown
    printed = capfd.readouterr()
    logged = "\n".join(repr(vars(record)) + record.getMessage() for record in caplog.records)
    assert "urllib3" in logged
    assert KEY not in shown + logged + caplog.text + printed.out + printed.err
    assert all(request.headers["authorization"].endswith(KEY) for request in stub.requests)


def test_reprs_contain_no_pictures_or_prompts() -> None:
    assert "QUJD" not in repr(create({"data": [{"b64_json": "QUJD"}]}))
    assert "white cat" not in repr(CAT)


def test_placeholder_key_does_not_garble_messages(stub: StubUpstream) -> None:
    stub.answer(400, error_body(message="no such model"))
    with pytest.raises(Refused, match=r"^no such model$"):
        Client(stub.base_url, "no").create(CAT)


def test_client_needs_no_django() -> None:
    import gallery.upstream.client
    import gallery.upstream.parse

    for module in (gallery.upstream.parse, gallery.upstream.client):
        named = [getattr(value, "__module__", "") or "" for value in vars(module).values()]
        assert not any(name.startswith("django") for name in named)
    assert "gallery.upstream.client" in sys.modules
