"""What the client makes of the vendor's management endpoints: in their shapes, without them, and of any nonsense."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery.upstream import Client, MalformedAnswer, Refused, UpstreamError
from gallery.upstream.management import (
    Balance,
    Billing,
    Charge,
    Key,
    is_unavailable,
    read_balance,
    read_billing,
    read_keys,
    read_usage,
)
from tests.support.properties import cases
from tests.support.stub_upstream import Reply, Request, StubUpstream

TOKEN = "mt-0123456789abcdefSECRET"
SINCE, UNTIL = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)


@pytest.fixture
def client(stub: StubUpstream) -> Iterator[Client]:
    client = Client(stub.base_url, TOKEN)
    yield client
    client.close()


def item(number: int, **more: Any) -> dict[str, Any]:
    return {
        "request_id": f"req_{number}",
        "billing_transaction_id": f"bill_{number}",
        "model": "flux-pro",
        "cost": 0.05,
        "cost_decimal": "0.0512",
        "created_at": "2026-11-05T10:00:00Z",
        **more,
    }


@pytest.mark.parametrize(
    ("answer", "balance"),
    [
        (
            {"balance": 12.3, "balance_decimal": "12.3456", "total_used": 7, "total_used_decimal": "7.1"},
            Balance(Decimal("12.3456"), Decimal("7.1")),
        ),
        ({"available_balance": 4, "pending_usage": 1, "currency": "USD"}, Balance(Decimal(4), None)),
        ({"data": {"balance": "9.50"}}, Balance(Decimal("9.5"), None)),
    ],
)
def test_balance_is_read_in_each_shape(
    stub: StubUpstream, client: Client, answer: dict[str, Any], balance: Balance
) -> None:
    stub.answer(json=answer)
    assert read_balance(client.look_up) == balance
    (request,) = stub.requests
    assert request.path == "/v1/management/balance"
    assert request.headers["authorization"] == f"Bearer {TOKEN}"


def test_all_pages_of_usage_are_asked_for(stub: StubUpstream, client: Client) -> None:
    pagination = {"limit": 100, "total": 3, "totalPages": 2}
    stub.answer(json={"items": [item(1), item(2)], "pagination": {"page": 1, **pagination}})
    stub.answer(json={"items": [item(2), item(3)], "pagination": {"page": 2, **pagination}})
    usage = read_usage(client.look_up, "key/1", SINCE, UNTIL)
    assert [one.billing_id for one in usage.charges] == ["bill_1", "bill_2", "bill_3"]
    assert usage.is_whole
    assert usage.charges[0] == Charge(
        "bill_1", "req_1", "flux-pro", Decimal("0.0512"), datetime(2026, 11, 5, 10, tzinfo=UTC)
    )
    path, query = urlsplit(stub.requests[1].path).path, parse_qs(urlsplit(stub.requests[1].path).query)
    assert path == "/v1/management/api-keys/key%2F1/usage"
    assert query == {
        "scene": ["image"],
        "startDate": ["2026-11-01T00:00:00+00:00"],
        "endDate": ["2026-11-30T23:59:59+00:00"],
        "page": ["2"],
        "limit": ["100"],
    }


def test_usage_without_a_number_of_pages_ends_where_pages_repeat(stub: StubUpstream, client: Client) -> None:
    stub.handler = lambda _request: [item(1), item(2)]
    usage = read_usage(client.look_up, "k", SINCE, UNTIL)
    assert len(usage.charges) == 2
    assert usage.is_whole
    assert len(stub.requests) == 2


def test_usage_says_when_there_are_more_pages_than_it_asks_for(
    stub: StubUpstream, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gallery.upstream.management.MOST_PAGES", 2)

    def answer(request: Request) -> Any:
        page = int(parse_qs(urlsplit(request.path).query)["page"][0])
        return {"items": [item(page)], "pagination": {"totalPages": 9}}

    stub.handler = answer
    usage = read_usage(client.look_up, "k", SINCE, UNTIL)
    assert not usage.is_whole
    assert [one.billing_id for one in usage.charges] == ["bill_1", "bill_2"]


def test_billing_has_sums_by_model_and_day(stub: StubUpstream, client: Client) -> None:
    stub.answer(
        json={
            "summary": {"total_requests": 3, "total_cost": 0.15, "total_cost_decimal": "0.1512"},
            "breakdowns": {
                "by_model": [{"model": "flux-pro", "cost_decimal": "0.1512"}, {"cost": 3}, "odd"],
                "daily_cost": [{"date": "2026-11-05T00:00:00Z", "cost": 0.1512}, {"date": "soon", "cost": 1}],
            },
        }
    )
    cost = Decimal("0.1512")
    assert read_billing(client.look_up, "k", SINCE, UNTIL) == Billing(
        cost, {"flux-pro": cost}, {date(2026, 11, 5): cost}
    )


def test_key_is_recognised_by_what_is_shown_of_it(stub: StubUpstream, client: Client) -> None:
    rows = [
        {"id": "a", "name": "Studio", "key_prefix": "sk-abcd…"},
        {"id": "b", "name": "Other", "key_prefix": "sk-wxyz...1234"},
        {"id": "c", "name": "Short", "key_prefix": "sk-"},
        {"name": "No id", "key_prefix": "sk-abcd"},
    ]
    stub.answer(json={"data": rows, "pagination": {"totalPages": 1}})
    keys = read_keys(client.look_up)
    assert [one.id for one in keys] == ["a", "b", "c"]
    assert [one.id for one in keys if one.is_of("sk-abcdefgh")] == ["a"]
    assert [one.id for one in keys if one.is_of("sk-wxyz00001234")] == ["b"]
    assert not keys[1].is_of("sk-wxyz00009999")
    assert not Key("d", "", "").is_of("sk-abcdefgh")


@pytest.mark.parametrize("status", [403, 404])
def test_missing_endpoint_is_told_from_other_refusals(stub: StubUpstream, client: Client, status: int) -> None:
    stub.answer(status, json={"error": {"code": "not_found", "message": "No such page."}})
    with pytest.raises(UpstreamError) as caught:
        read_balance(client.look_up)
    assert is_unavailable(caught.value)


def test_wrong_token_is_not_a_missing_endpoint(stub: StubUpstream, client: Client) -> None:
    stub.answer(401, json={"error": {"message": f"The token {TOKEN} is not known."}})
    with pytest.raises(UpstreamError) as caught:
        read_balance(client.look_up)
    assert not is_unavailable(caught.value)
    assert TOKEN not in caught.value.message


@pytest.mark.parametrize("answer", [{}, [], {"data": []}, "text", 7, {"balance": None}, {"balance": "much"}])
def test_answer_without_a_balance_is_an_error(stub: StubUpstream, client: Client, answer: Any) -> None:
    stub.answer(json=answer)
    with pytest.raises(MalformedAnswer):
        read_balance(client.look_up)


def test_redirect_is_not_followed(stub: StubUpstream, client: Client) -> None:
    stub.answer(302, json={}, headers={"Location": "http://127.0.0.1:9/elsewhere"})
    with pytest.raises(Refused):
        read_usage(client.look_up, "k", SINCE, UNTIL)
    assert len(stub.requests) == 1


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["data", "items", "id", "cost", "cost_decimal", "created_at", "model", "summary", "breakdowns",
                 "by_model", "daily_cost", "date", "pagination", "totalPages", "balance", "total_cost", "key_prefix"]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=20,
)  # fmt: skip


@cases(200, 5_000)
@given(ODD)
def test_odd_answers_raise_nothing_but_upstream_errors(document: Any) -> None:
    def look_up(_path: str) -> object:
        return document

    for read in (
        lambda: read_balance(look_up),
        lambda: read_keys(look_up),
        lambda: read_usage(look_up, "k", SINCE, UNTIL),
        lambda: read_billing(look_up, "k", SINCE, UNTIL),
    ):
        try:
            answer: object = read()
        except UpstreamError:
            continue
        assert answer is not None


def test_page_of_html_is_an_error(stub: StubUpstream, client: Client) -> None:
    stub.handler = lambda _request: Reply(200, b"<html><title>Login</title></html>", {"Content-Type": "text/html"})
    with pytest.raises(MalformedAnswer):
        read_keys(client.look_up)
