"""`manage.py reconcile` against servers that tell everything, sums alone, or nothing of what they charged."""

import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from gallery.models import Generation, LedgerEntry, Person
from tests.support.stub_upstream import Reply, Request, StubUpstream

pytestmark = pytest.mark.django_db

KEY = "sk-test-0123456789abcdef"
TOKEN = "mt-test-0123456789abcdef"
KEYS = [{"id": "key_1", "name": "Studio", "key_prefix": "sk-test…"}, {"id": "key_2", "key_prefix": "sk-else…"}]
NOVEMBER = datetime(2026, 11, 5, 10, tzinfo=UTC)
BALANCE = {"balance": 12.5, "balance_decimal": "12.50"}


@pytest.fixture
def stub(settings: Any) -> Iterator[StubUpstream]:
    with StubUpstream() as stub:
        settings.LEMONDATA_BASE_URL, settings.LEMONDATA_API_KEY = stub.base_url, KEY
        settings.LEMONDATA_MANAGEMENT_TOKEN = TOKEN
        yield stub


@pytest.fixture
def book(owner: Person, make_generation: Callable[..., Generation]) -> Callable[..., Generation]:
    """Make a generation that has cost something."""

    def make(cost: str, at: datetime = NOVEMBER, slug: str = "flux-pro", **ids: str) -> Generation:
        generation = make_generation(slug, created_at=at, booked=Decimal(cost), upstream_ids=ids, token=uuid.uuid4())
        LedgerEntry.objects.create(
            person=owner,
            generation=generation,
            month=at.date().replace(day=1),
            kind=LedgerEntry.Kind.SETTLED,
            amount=Decimal(cost),
        )
        return generation

    return make


def tells(stub: StubUpstream, **answers: Any) -> None:
    """Answer by the last part of the path; 404 to all else."""

    def answer(request: Request) -> Any:
        name = request.path.partition("?")[0].rpartition("/")[2].replace("-", "_")
        held = answers.get(name, 404)
        if isinstance(held, int):
            return Reply.of_json({"error": {"message": "Not for you."}}, held)
        return held

    stub.handler = answer


def charge(bill: str, cost: str, at: str = "2026-11-05T10:01:00Z", **more: Any) -> dict[str, Any]:
    return {"billing_transaction_id": bill, "model": "flux-pro", "cost_decimal": cost, "created_at": at, **more}


def usage(*charges: dict[str, Any]) -> dict[str, Any]:
    return {"items": list(charges), "pagination": {"totalPages": 1}}


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("reconcile", *arguments, stdout=out, no_color=True)
    return out.getvalue()


def lines(output: str) -> list[list[str]]:
    return [line.split() for line in output.splitlines()]


def test_agreement_shows_no_difference(stub: StubUpstream, book: Callable[..., Generation]) -> None:
    book("0.05", billing_transaction_id="b1")
    tells(stub, balance=BALANCE, api_keys={"data": KEYS}, usage=usage(charge("b1", "0.05")))
    output = run("--month", "2026-11")
    assert "By the ledger: $0.05" in output
    assert "By the service: $0.05" in output
    assert "Difference (theirs less ours): $0.00" in output
    assert "The account's balance: $12.50" in output
    assert ["flux-pro", "$0.05", "$0.05", "$0.00"] in lines(output)
    assert ["2026-11-05", "$0.05", "$0.05", "$0.00"] in lines(output)
    assert "unknown here" not in output
    assert "does not list" not in output
    assert any("/api-keys/key_1/usage" in request.path for request in stub.requests)
    assert {request.headers["authorization"] for request in stub.requests} == {f"Bearer {TOKEN}"}
    assert TOKEN not in output


def test_what_only_one_side_knows_is_listed(stub: StubUpstream, book: Callable[..., Generation]) -> None:
    matched = book("0.05", billing_transaction_id="b1")
    lost = book("0.06", billing_transaction_id="b2")
    nameless = book("0.07")
    tells(
        stub,
        api_keys={"data": KEYS},
        usage=usage(charge("b1", "0.0512"), charge("b9", "0.08", model="midjourney")),
    )
    output = run("--month", "2026-11")
    assert f"generation {matched.pk}: $0.05 here, $0.0512 there" in output
    assert f"generation {lost.pk}: $0.06, b2" in output
    assert f"generation {nameless.pk}: $0.07" in output.split("without a billing id")[1]
    assert "b9: $0.08, midjourney, 2026-11-05 10:01" in output
    assert ["midjourney", "$0.00", "$0.08", "$0.08"] in lines(output)
    assert "Difference (theirs less ours): -$0.0488" in output


def test_charge_is_matched_by_request_id_where_it_has_no_billing_id(
    stub: StubUpstream, book: Callable[..., Generation]
) -> None:
    book("0.05", request_id="req_1")
    tells(stub, api_keys={"data": KEYS}, usage=usage(charge("", "0.05", request_id="req_1")))
    output = run("--month", "2026-11")
    assert "unknown here" not in output
    assert "without a billing id" not in output


def test_late_charge_counts_for_the_month_of_asking(stub: StubUpstream, book: Callable[..., Generation]) -> None:
    book("0.05", datetime(2026, 11, 30, 23, 59, tzinfo=UTC), billing_transaction_id="late")
    book("0.09", datetime(2026, 10, 31, 23, 59, tzinfo=UTC), billing_transaction_id="october")
    tells(
        stub,
        api_keys={"data": KEYS},
        usage=usage(
            charge("late", "0.05", "2026-12-01T00:02:00Z"),
            charge("october", "0.09", "2026-11-01T00:02:00Z"),
            charge("december", "0.50", "2026-12-01T00:03:00Z"),
        ),
    )
    output = run("--month", "2026-11")
    assert "Difference (theirs less ours): $0.00" in output
    assert ["2026-11-30", "$0.05", "$0.05", "$0.00"] in lines(output)
    assert "Charges that the ledger counts for another month: 1" in output
    assert "december" not in output


def test_sums_are_compared_where_requests_are_not_told(stub: StubUpstream, book: Callable[..., Generation]) -> None:
    book("0.05", billing_transaction_id="b1")
    tells(
        stub,
        api_keys={"data": KEYS},
        usage=403,
        billing={
            "summary": {"total_cost_decimal": "0.06"},
            "breakdowns": {
                "by_model": [{"model": "flux-pro", "cost_decimal": "0.06"}],
                "daily_cost": [{"date": "2026-11-05T00:00:00Z", "cost_decimal": "0.06"}],
            },
        },
    )
    output = run("--month", "2026-11")
    assert "The service does not tell the single requests here (status 403)." in output
    assert "Difference (theirs less ours): $0.01" in output
    assert ["flux-pro", "$0.05", "$0.06", "$0.01"] in lines(output)
    assert ["2026-11-05", "$0.05", "$0.06", "$0.01"] in lines(output)


def test_server_without_these_endpoints_is_no_error(stub: StubUpstream, book: Callable[..., Generation]) -> None:
    book("0.05")
    tells(stub)
    output = run("--month", "2026-11")
    assert "By the ledger: $0.05" in output
    assert "The service does not tell the balance here (status 404)." in output
    assert "The service does not tell which keys there are here (status 404)." in output
    assert "By the service" not in output


def test_without_a_token_the_service_is_not_asked(
    stub: StubUpstream, settings: Any, book: Callable[..., Generation]
) -> None:
    settings.LEMONDATA_MANAGEMENT_TOKEN = ""
    book("0.05")
    output = run("--month", "2026-11")
    assert "By the ledger: $0.05" in output
    assert "LEMONDATA_MANAGEMENT_TOKEN is not set" in output
    assert not stub.requests


def test_wrong_token_is_an_error_in_plain_words(stub: StubUpstream) -> None:
    tells(stub, balance=401)
    with pytest.raises(CommandError):
        run()


def test_unclear_key_is_asked_for_and_can_be_named(stub: StubUpstream) -> None:
    tells(stub, api_keys={"data": [{**KEYS[0], "key_prefix": ""}]}, usage=usage())
    with pytest.raises(CommandError, match=r"--key ID\.\n  key_1  Studio"):
        run()
    assert "Difference" in run("--key", "key_7")
    assert "/api-keys/key_7/usage" in stub.requests[-1].path


def test_odd_answer_is_an_error_and_not_a_sum_of_nothing(stub: StubUpstream) -> None:
    tells(stub, api_keys={"data": KEYS}, usage={"items": "none"})
    with pytest.raises(CommandError, match="no list"):
        run()


def test_it_changes_nothing(stub: StubUpstream, book: Callable[..., Generation]) -> None:
    book("0.05", billing_transaction_id="b1")
    before = list(Generation.objects.values()), list(LedgerEntry.objects.values())
    tells(stub, api_keys={"data": KEYS}, usage=usage(charge("b1", "0.09"), charge("b2", "1")))
    run("--month", "2026-11")
    assert (list(Generation.objects.values()), list(LedgerEntry.objects.values())) == before


def test_long_lists_are_cut_unless_all_is_asked_for(stub: StubUpstream) -> None:
    tells(stub, api_keys={"data": KEYS}, usage=usage(*(charge(f"b{number}", "0.01") for number in range(25))))
    assert "… and 5 more; --all prints them." in run("--month", "2026-11")
    assert "b24: $0.01" in run("--month", "2026-11", "--all")


@pytest.mark.parametrize("month", ["2026-13", "November", "2026"])
def test_wrong_month_is_refused(month: str) -> None:
    with pytest.raises(CommandError, match="no month"):
        run("--month", month)
