"""What the client makes of refusals and of a server's trouble."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from typing import Any

import pytest

from gallery.upstream import (
    AccountProblem,
    Client,
    MalformedAnswer,
    NoPicture,
    NotSent,
    OutcomeUnknown,
    RateLimited,
    Redirected,
    Refused,
    ServerTrouble,
    TaskGone,
    UpstreamError,
)
from gallery.upstream.refusals import error_from
from tests.support.stub_upstream import Reply, StubUpstream
from tests.upstream.helpers import CAT, error_body


@pytest.mark.parametrize(
    ("status", "document", "kind", "code", "sent", "retryable"),
    [
        (400, error_body(code="content_policy_violation"), Refused, "content_policy_violation", False, False),
        (400, None, Refused, "invalid_request_error", False, False),
        (401, error_body(code="expired_api_key"), AccountProblem, "expired_api_key", False, False),
        (401, None, AccountProblem, "invalid_api_key", False, False),
        (402, error_body(code="quota_exceeded"), AccountProblem, "quota_exceeded", False, False),
        (402, None, AccountProblem, "insufficient_balance", False, False),
        (403, error_body(code="model_not_allowed"), Refused, "model_not_allowed", False, False),
        (403, error_body(code="insufficient_quota"), AccountProblem, "insufficient_quota", False, False),
        (403, None, Refused, "access_denied", False, False),
        (404, error_body(code="model_not_found"), Refused, "model_not_found", False, False),
        (404, error_body(code="async_task_not_found"), Refused, "async_task_not_found", False, False),
        (404, None, Refused, "not_found", False, False),
        (407, None, NotSent, "proxy_authentication", False, True),
        (413, None, Refused, "payload_too_large", False, False),
        (418, None, Refused, "http_418", False, False),
        (429, error_body(code="rate_limit_exceeded"), RateLimited, "rate_limit_exceeded", False, True),
        (429, None, RateLimited, "rate_limit_exceeded", False, True),
        (429, error_body(code="insufficient_quota"), AccountProblem, "insufficient_quota", False, False),
        (429, error_body(type="insufficient_quota"), AccountProblem, "insufficient_quota", False, False),
        (500, None, ServerTrouble, "internal_error", True, True),
        (500, error_body(code="insufficient_balance"), ServerTrouble, "insufficient_balance", True, True),
        (502, None, ServerTrouble, "upstream_error", True, True),
        (502, error_body(retryable=True), ServerTrouble, "upstream_error", True, True),
        (503, None, ServerTrouble, "all_channels_failed", True, True),
        (503, error_body(retryable=True), ServerTrouble, "all_channels_failed", False, True),
        (503, error_body(retryable=False), ServerTrouble, "all_channels_failed", True, False),
        (
            503,
            error_body(code="all_channels_failed", retryable=False),
            Refused,
            "all_channels_failed",
            False,
            False,
        ),
        (503, error_body(retryable="true"), ServerTrouble, "all_channels_failed", True, True),
        (504, None, ServerTrouble, "timeout_error", True, True),
        (529, None, ServerTrouble, "http_529", True, True),
        (301, None, Redirected, "redirected", False, False),
        (303, None, Redirected, "redirected", True, False),
    ],
)
def test_refused_create_has_its_error(
    stub: StubUpstream,
    client: Client,
    status: int,
    document: Any,
    kind: type[UpstreamError],
    code: str,
    sent: bool,
    retryable: bool,
) -> None:
    stub.answer(status, document)
    with pytest.raises(UpstreamError) as caught:
        client.create(CAT)
    error = caught.value
    assert type(error) is kind
    assert (error.code, error.sent, error.retryable, error.status) == (code, sent, retryable, status)
    assert str(error) == error.message
    assert error.message.endswith(".")


@pytest.mark.parametrize(
    ("status", "document", "kind"),
    [
        (404, error_body(code="async_task_not_found"), TaskGone),
        (404, error_body(message="No such task"), TaskGone),
        (404, error_body(code=404), TaskGone),
        (410, {"detail": "gone"}, TaskGone),
        (404, error_body(code="model_not_found"), Refused),
        (404, None, ServerTrouble),
        (401, None, AccountProblem),
        (402, None, AccountProblem),
        (403, None, ServerTrouble),
        (403, error_body(code="access_denied"), Refused),
        (429, None, RateLimited),
        (500, None, ServerTrouble),
        (503, error_body(retryable=True), ServerTrouble),
        (302, None, Redirected),
    ],
)
def test_refused_status_has_its_error(
    stub: StubUpstream, client: Client, status: int, document: Any, kind: type[UpstreamError]
) -> None:
    page = Reply(status, b"<html>from a proxy</html>")
    stub.handler = lambda request: page if document is None else Reply.of_json(document, status)
    with pytest.raises(UpstreamError) as caught:
        client.status("img_1")
    assert type(caught.value) is kind


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(stub: StubUpstream, client: Client, status: int) -> None:
    with StubUpstream() as other:
        for _ in range(2):
            stub.answer(status, {}, headers={"Location": f"{other.base_url}/images/generations"})
        with pytest.raises(Redirected):
            client.create(CAT)
        with pytest.raises(Redirected):
            client.status("img_1")
        assert (len(stub.requests), other.requests) == (2, [])


def test_error_has_all_its_facts(stub: StubUpstream, client: Client) -> None:
    stub.answer(
        402,
        error_body(
            message="Insufficient balance",
            type="billing",
            code="insufficient_balance",
            param="model",
            did_you_mean="flux-pro",
            suggestions=[{"id": "flux-schnell"}, {"id": "flux-pro"}, {"name": "x"}, 7],
            alternatives=[{"id": "a"}, {"id": "b"}, {"id": "c" * 101}, "d", {"id": "e"}],
            hint="Top up.",
            retryable=True,
            retry_after=12.5,
            balance_usd=0.31,
            estimated_cost_usd="0.04",
        ),
    )
    with pytest.raises(AccountProblem) as caught:
        client.create(CAT)
    error = caught.value
    assert (error.message, error.hint, error.param) == ("Insufficient balance", "Top up.", "model")
    assert error.suggestions == ("flux-pro", "flux-schnell", "a", "b", "d")
    assert (error.balance_usd, error.estimated_cost_usd) == (Decimal("0.31"), Decimal("0.04"))
    assert (error.retry_after, error.retryable) == (12.5, True)


ODDITIES: list[Any] = [None, [], {}, 7, True, [[[[[[[["x"]]]]]]]]]
NONSENSE: list[Any] = [
    *ODDITIES,
    *[{"error": value} for value in ODDITIES],
    *[error_body(message=value, code=value, type=value) for value in ODDITIES],
]


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (error_body(message="no"), "no"),
        ({"error": "no"}, "no"),
        ({"message": "no"}, "no"),
        ({"detail": [{"msg": "no"}]}, "no"),
        ({"error": ["no"]}, "no"),
        ("no", "no"),
        (error_body(message="a\x1b[31m\x00b\u2028c\nd"), "a[31mbc\nd"),
        (error_body(message="x" * 3000), "x" * 1999 + "…"),
        *[(nonsense, "The server did not accept the request.") for nonsense in NONSENSE],
    ],
)
def test_message_is_found_in_any_shape(document: Any, message: str) -> None:
    error = error_from(400, document)
    assert type(error) is Refused
    assert (error.message, error.code) == (message, "invalid_request_error")


@pytest.mark.parametrize("body", [b"", b"null", b"\xff\xfe\xff", b"{", b"[" * 50_000, b"9" * 9_999])
def test_error_body_that_is_no_json_is_read(stub: StubUpstream, client: Client, body: bytes) -> None:
    stub.answer(502, body=body)
    with pytest.raises(ServerTrouble) as caught:
        client.create(CAT)
    assert (caught.value.code, caught.value.message) == (
        "upstream_error",
        "The server could not reach the model.",
    )


def in_seconds(seconds: float) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize(
    ("header", "body", "expected"),
    [
        ("7", None, 7),
        ("7", 99, 7),
        ("", 9, 9),
        ("", "9.5", 9.5),
        ("", 0, 1),
        ("0", None, 1),
        ("99999", None, 86_400),
        ("", 10**400, None),
        ("", None, None),
        ("soon", 5, 5),
        ("-5", 6, 6),
        ("NaN", None, None),
        ("inf", None, None),
        ("1e999", None, None),
        pytest.param("9" * 400, None, 86_400, id="for ages"),
        ("Wed, 99 Foo 9999999 25:61:61 GMT", None, None),
        ("", [5], None),
        ("", {"s": 5}, None),
        ("", True, None),
        ("", float("nan"), None),
        ("", -1, None),
        pytest.param(in_seconds(-3600), None, 1, id="an hour ago"),
        pytest.param(in_seconds(200_000), None, 86_400, id="in two days"),
        ("20s", None, 20),
        ("6m0s", None, 360),
    ],
)
def test_retry_after_is_read(header: str, body: Any, expected: float | None) -> None:
    assert error_from(429, error_body(retry_after=body), {"retry-after": header}).retry_after == expected


def test_retry_after_is_read_over_the_wire(stub: StubUpstream, client: Client) -> None:
    for value in ("17", in_seconds(60)):
        stub.answer(429, {}, headers={"Retry-After": value})
    with pytest.raises(RateLimited) as caught:
        client.create(CAT)
    assert caught.value.retry_after == 17
    with pytest.raises(RateLimited) as caught:
        client.status("img_1")
    assert caught.value.retry_after == pytest.approx(60, abs=5)


@pytest.mark.parametrize(
    ("value", "amount"),
    [
        ("1.50", Decimal("1.50")),
        (0, Decimal(0)),
        (-0.25, Decimal("-0.25")),
        ("0.1", Decimal("0.1")),
        (1e-300, Decimal(0)),
        *[(v, None) for v in (None, "", "much", "NaN", "sNaN", "Infinity", 1e300, True, [1], "1e999999999")],
    ],
)
def test_money_is_read(value: Any, amount: Decimal | None) -> None:
    assert error_from(402, error_body(balance_usd=value)).balance_usd == amount


@pytest.mark.parametrize(
    ("kind", "sent", "retryable"),
    [
        (NotSent, False, True),
        (RateLimited, False, True),
        (AccountProblem, False, False),
        (Refused, False, False),
        (Redirected, False, False),
        (TaskGone, True, False),
        (ServerTrouble, True, True),
        (OutcomeUnknown, True, False),
        (MalformedAnswer, True, False),
        (NoPicture, True, True),
    ],
)
def test_error_has_a_default_message(kind: type[UpstreamError], sent: bool, retryable: bool) -> None:
    error = kind("It broke.")
    assert (str(error), error.sent, error.retryable) == ("It broke.", sent, retryable)
    assert error.code
