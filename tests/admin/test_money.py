"""Administrators set budgets, and read the ledger without changing it."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.html import escape

from gallery import services
from gallery.models import Budget, Generation, LedgerEntry, Person, ledger
from tests.conftest import model

BUDGETS = "/admin/gallery/budget/"
ENTRIES = "/admin/gallery/ledgerentry/"


@pytest.fixture
def designers(owner: Person) -> Group:
    group = Group.objects.create(name="Designers")
    owner.groups.add(group)
    return group


@pytest.fixture
def spent(owner: Person, designers: Group) -> Generation:
    """A generation of the owner's that costs twenty cents."""
    return services.generations.submit(owner, model=model("midjourney"), prompt="A lemon", options={}, count=4)


def text_of(client: Client, address: str, **query: str) -> str:
    response = client.get(address, query)
    assert response.status_code == 200
    return response.content.decode()


def inline(**values: Any) -> dict[str, Any]:
    """The form fields of the budget inline on a person's or a group's page."""
    has_one = "id" in values
    management = {"TOTAL_FORMS": 1, "INITIAL_FORMS": int(has_one), "MIN_NUM_FORMS": 0, "MAX_NUM_FORMS": 1}
    return {f"budget-{name}": value for name, value in management.items()} | {
        f"budget-0-{name}": value for name, value in values.items()
    }


def test_budget_list_shows_spending_with_per_cent(
    as_administrator: Client, owner: Person, designers: Group, spent: Generation
) -> None:
    Budget.objects.create(person=owner, amount=10)
    Budget.objects.create(group=designers, amount=Decimal("0.22"))
    text = text_of(as_administrator, BUDGETS)
    assert "$0.20 (2 %)" in text
    assert "$0.20 (90 %, nearly used up)" in text
    assert "Designers (group)" in text


def test_budget_list_takes_constant_queries(as_administrator: Client, owner: Person, teammate: Person) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as context:
            text_of(as_administrator, BUDGETS)
        return len(context)

    Budget.objects.create(person=owner, amount=10)
    few = queries()
    Budget.objects.create(person=teammate, amount=10)
    for number in range(5):
        Budget.objects.create(group=Group.objects.create(name=f"Group {number}"), amount=1)
    assert queries() == few


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ({"level": "over"}, {"0.20"}),
        ({"level": "warning"}, {"0.20", "0.22"}),
        ({"level": "fine"}, {"10"}),
        ({"whose": "person"}, {"10"}),
        ({"whose": "group"}, {"0.20", "0.22"}),
        ({"q": "Olivia"}, {"10"}),
    ],
)
def test_budget_list_can_be_filtered(
    query: dict[str, str], shown: set[str], as_administrator: Client, owner: Person, designers: Group, spent: Generation
) -> None:
    others = Group.objects.create(name="Others")
    Budget.objects.create(person=owner, amount=10)
    Budget.objects.create(group=designers, amount=Decimal("0.20"))
    Budget.objects.create(group=others, amount=Decimal("0.22"))
    teammate = Person.objects.create_user("x@example.org", name="Xenia")
    teammate.groups.add(others)
    services.generations.submit(teammate, model=model("midjourney"), prompt="A lemon", options={}, count=4)
    text = text_of(as_administrator, BUDGETS, **query)
    found = {amount for amount in ("10", "0.20", "0.22") if f'field-amount">{Decimal(amount):.2f}' in text}
    assert found == shown


def test_budget_can_be_added(as_administrator: Client, owner: Person) -> None:
    assert as_administrator.post(f"{BUDGETS}add/", {"person": owner.pk, "amount": "12.50"}).status_code == 302
    assert Budget.objects.get().amount == Decimal("12.50")


@pytest.mark.parametrize(
    "form", [{"amount": "1"}, {"amount": "-1", "person": "owner"}, {"amount": "", "person": "owner"}]
)
def test_invalid_budget_is_refused(form: dict[str, str], as_administrator: Client, owner: Person) -> None:
    form = {name: str(owner.pk) if value == "owner" else value for name, value in form.items()}
    assert as_administrator.post(f"{BUDGETS}add/", form).status_code == 200
    assert not Budget.objects.exists()


def test_owner_of_a_budget_cannot_change(as_administrator: Client, owner: Person, teammate: Person) -> None:
    budget = Budget.objects.create(person=owner, amount=1)
    as_administrator.post(f"{BUDGETS}{budget.pk}/change/", {"person": teammate.pk, "amount": "2"})
    budget.refresh_from_db()
    assert budget.person == owner
    assert budget.amount == 2


@pytest.mark.parametrize("kind", ["person", "group"])
def test_budget_can_be_set_on_the_page_of_its_owner(
    kind: str, as_administrator: Client, owner: Person, designers: Group, spent: Generation
) -> None:
    if kind == "person":
        address = f"/admin/gallery/person/{owner.pk}/change/"
        form: dict[str, Any] = {"name": owner.name, "email": owner.email, "is_active": "on"}
    else:
        address = f"/admin/auth/group/{designers.pk}/change/"
        form = {"name": "Designers", "limit-TOTAL_FORMS": 0, "limit-INITIAL_FORMS": 0}
    assert as_administrator.post(address, form | inline(amount="0.20")).status_code == 302
    budget = Budget.objects.get()
    assert (budget.person, budget.group) == ((owner, None) if kind == "person" else (None, designers))
    assert "$0.20 (100 %, used up)" in text_of(as_administrator, address)
    changed = inline(id=budget.pk, amount="0.40", **{kind: budget.person_id or budget.group_id})
    assert as_administrator.post(address, form | changed).status_code == 302
    assert Budget.objects.get().amount == Decimal("0.40")
    assert as_administrator.post(address, form | changed | {"budget-0-DELETE": "on"}).status_code == 302
    assert not Budget.objects.exists()


@pytest.mark.parametrize("address", ["/admin/gallery/person/add/", "/admin/auth/group/add/"])
def test_add_forms_have_no_budget(address: str, as_administrator: Client) -> None:
    assert "budget-TOTAL_FORMS" not in text_of(as_administrator, address)


# -- the ledger


def test_ledger_is_read_only(as_administrator: Client, spent: Generation) -> None:
    entry = LedgerEntry.objects.get()
    page = f"{ENTRIES}{entry.pk}/"
    assert as_administrator.get(f"{ENTRIES}add/").status_code == 403
    assert as_administrator.post(f"{ENTRIES}add/", {"amount": "1"}).status_code == 403
    assert as_administrator.post(f"{page}change/", {"amount": "1"}).status_code == 403
    assert as_administrator.post(f"{page}delete/", {"post": "yes"}).status_code == 403
    as_administrator.post(ENTRIES, {"action": "delete_selected", "_selected_action": entry.pk, "post": "yes"})
    assert LedgerEntry.objects.get().amount == Decimal("0.20")
    text = text_of(as_administrator, f"{page}change/")
    assert 'name="_save"' not in text
    assert f"/admin/gallery/generation/{spent.pk}/change/" in text


@pytest.mark.parametrize(
    ("query", "is_found"),
    [
        ({"kind": "reserved"}, True),
        ({"kind": "released"}, False),
        ({"month": "now"}, True),
        ({"month": "2020-01-01"}, False),
        ({"month": "nonsense"}, True),
        ({"q": "Olivia"}, True),
        ({"q": "Tom"}, False),
        ({"groups__id__exact": "designers"}, True),
    ],
)
def test_ledger_can_be_searched_and_filtered(
    query: dict[str, str], is_found: bool, as_administrator: Client, designers: Group, spent: Generation
) -> None:
    values = {"now": ledger.this_month().isoformat(), "designers": str(designers.pk)}
    text = text_of(as_administrator, ENTRIES, **{name: values.get(value, value) for name, value in query.items()})
    assert (escape(f"Generation {spent.pk}") in text) is is_found


def test_ledger_list_takes_constant_queries(
    as_administrator: Client, owner: Person, spent: Generation, make_generation: Callable[..., Generation]
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as context:
            text_of(as_administrator, ENTRIES)
        return len(context)

    few = queries()
    for _ in range(10):
        ledger.reserve(owner, [make_generation("dall-e-3", estimated_cost=Decimal("0.04"))])
    assert queries() == few
