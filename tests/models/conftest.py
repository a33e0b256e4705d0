"""What tests of the ledger and of budgets share."""

from collections.abc import Iterator
from datetime import datetime

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone

from gallery.models import Generation, Person
from gallery.queries.ledger import discrepancies
from tests.models.ledger_cases import Clock


@pytest.fixture
def ledger_is_right(db: None) -> Iterator[None]:
    """At the end of each test, each generation is booked at its cost."""
    yield
    assert [str(one) for one in discrepancies()] == []


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Sets the time of later requests and entries."""

    def to(moment: datetime) -> None:
        monkeypatch.setattr(timezone, "now", lambda: moment)
        monkeypatch.setattr(Generation._meta.get_field("created_at"), "_get_default", lambda: moment)

    return to


@pytest.fixture
def designers(owner: Person) -> Group:
    group = Group.objects.create(name="Designers")
    owner.groups.add(group)
    return group
