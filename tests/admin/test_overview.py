"""The administration's first page."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from gallery.models import Generation, Picture, State

pytestmark = pytest.mark.django_db


def test_first_page_tells_how_the_studio_is(
    as_administrator: Client, make_generation: Callable[..., Generation], make_picture: Callable[..., Picture]
) -> None:
    make_generation()
    make_picture()
    for _ in range(2):
        make_generation(state=State.FAILED, error_code="gave_up_waiting", finished_at=timezone.now())
    text = as_administrator.get("/admin/").content.decode()
    assert "2 × Timed out" in text
    assert "1 waiting, the oldest for" in text
    assert "1 original, 0 of them in the trash." in text
    assert "Worker is down" in text
    assert "icons/favicon" in text


def test_pages_are_listed_by_what_one_looks_for(as_administrator: Client) -> None:
    sections = {one["name"]: one for one in as_administrator.get("/admin/").context["app_list"]}
    assert list(sections) == ["People", "Signing in", "Models and the service", "Money", "Pictures", "Background"]
    assert [page["object_name"] for page in sections["Money"]["models"]] == ["Budget", "LedgerEntry"]


def test_query_count_does_not_grow_with_failures(
    as_administrator: Client, make_generation: Callable[..., Generation]
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            as_administrator.get("/admin/")
        return len(captured)

    before = queries()
    for code in ("gave_up_waiting", "model_not_found", "no_picture"):
        make_generation(state=State.FAILED, error_code=code, finished_at=timezone.now())
    assert queries() == before
