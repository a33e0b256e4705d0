"""/metrics tells Prometheus, with a token, what waits, what is wrong and what was spent."""

import json
import re
import threading
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as studio
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from gallery.models import Budget, Generation, Metric, Person, Picture, State, UpstreamAccount, ledger
from gallery.models.metric import COUNTERS, SLOW

pytestmark = pytest.mark.database
TOKEN = "t0ken-of-prometheus"


@pytest.fixture(autouse=True)
def counted_from_nothing(settings: Any, db: None) -> None:
    settings.LEMONSTUDIO_METRICS_TOKEN = TOKEN
    settings.LEMONSTUDIO_METRICS_SECONDS = 0  # only when it is asked for
    cache.clear()
    COUNTERS.save()
    Metric.objects.all().delete()


def scrape(**more: Any) -> dict[str, float]:
    answer = Client(**more).get("/metrics", headers={"Authorization": f"Bearer {TOKEN}", "Host": "10.0.0.7:8000"})
    assert answer.status_code == 200, answer.content
    assert answer["Content-Type"].startswith("text/plain")
    families = text_string_to_metric_families(answer.content.decode())
    return {
        f"{sample.name}{sorted(sample.labels.values())}" if sample.labels else sample.name: sample.value
        for family in families
        for sample in family.samples
    }


def test_strangers_and_administrators_without_the_token_get_nothing(as_administrator: Client, settings: Any) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer "}):
        assert as_administrator.get("/metrics", headers=headers).status_code == 404
    settings.LEMONSTUDIO_METRICS_TOKEN = ""
    assert Client().get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404


def test_queue_account_money_and_storage(
    owner: Person, make_generation: Callable[..., Generation], make_picture: Callable[..., Picture]
) -> None:
    make_generation(created_at=timezone.now() - timedelta(seconds=90))
    make_generation(state=State.PROCESSING), make_generation(state=State.PROCESSING)
    picture = make_picture()
    Budget.objects.create(person=owner, amount=Decimal(1))
    ledger.reserve(owner, [make_generation(estimated_cost=Decimal("0.95"))])
    UpstreamAccount.load()
    UpstreamAccount.pause("insufficient_balance", "Empty.", "", seconds=30, balance_usd=Decimal("0.12"))
    found = scrape()
    assert found["lemonstudio_generations['queued']"] == 2
    assert found["lemonstudio_generations['processing']"] == 2
    assert found["lemonstudio_generations['saving']"] == 0
    assert 89 < found["lemonstudio_queue_oldest_seconds"] < 600
    assert found["lemonstudio_paused['insufficient_balance']"] == 1
    assert found["lemonstudio_balance_dollars"] == 0.12
    assert found["lemonstudio_worker_up"] == 0
    assert found["lemonstudio_spent_this_month_dollars"] == 0.95
    assert found["lemonstudio_budgets['low']"] == 1
    assert (found["lemonstudio_pictures"], found["lemonstudio_pictures_bytes"]) == (1, picture.byte_size)
    assert found["lemonstudio_disk_free_bytes"] > 0
    assert UpstreamAccount.take_lease("worker", 60)
    assert scrape()["lemonstudio_worker_up"] == 1


def test_requests_and_their_durations_are_counted(as_owner: Client, as_stranger: Client) -> None:
    as_owner.get("/account/"), as_owner.get("/account/")
    as_stranger.get("/account/")
    found = scrape()
    assert found["lemonstudio_http_request_seconds_count['2xx', 'page']"] == 2
    assert found["lemonstudio_http_request_seconds_count['3xx', 'page']"] == 1
    assert found["lemonstudio_http_request_seconds_sum['2xx', 'page']"] > 0
    buckets = [value for name, value in found.items() if "_bucket" in name and "'2xx', 'page'" in name]
    assert buckets == sorted(buckets), "each includes the smaller ones"
    assert buckets[-1] == 2


def test_ends_are_counted_by_state(make_generation: Callable[..., Generation]) -> None:
    assert make_generation(state=State.PROCESSING).fail("timeout", "It took too long.")
    assert make_generation(state=State.SAVING).complete(None)
    assert not make_generation(state=State.COMPLETED).complete(None)
    found = scrape()
    assert found["lemonstudio_generations_ended_total['failed']"] == 1
    assert found["lemonstudio_generations_ended_total['completed']"] == 1


def test_processes_add_up() -> None:
    """Each process has counters of its own; what they save is one sum."""
    others = [type(COUNTERS)() for _ in range(3)]
    for other in others:
        other.observe("detection_seconds", 0.7, SLOW)
        other.add("upstream_requests", kind="posted", status="429")
        other.save()
        other.save()  # nothing is added twice
    found = scrape()
    assert found["lemonstudio_upstream_requests_total['429', 'posted']"] == 3
    assert found["lemonstudio_detection_seconds_count"] == 3
    assert found["lemonstudio_detection_seconds_bucket['1.0']"] == 3


def test_nothing_is_counted_without_a_token(as_owner: Client, settings: Any) -> None:
    settings.LEMONSTUDIO_METRICS_TOKEN = ""
    as_owner.get("/account/")
    COUNTERS.save()
    assert not Metric.objects.exists()
    assert "metrics" not in {thread.name for thread in threading.enumerate()}


def test_number_of_queries_does_not_grow(owner: Person, make_picture: Callable[..., Picture]) -> None:
    def queries() -> int:
        cache.clear()
        with CaptureQueriesContext(
            connection,
        ) as captured:
            scrape()
        return len(captured)

    few = queries()
    for number in range(5):
        make_picture()
        Budget.objects.create(person=Person.objects.create_user(f"p{number}@example.org"), amount=1)
        COUNTERS.add("upstream_requests", kind="posted", status=str(400 + number))
    assert queries() <= few + 1 <= 13


def test_dashboard_shows_only_what_there_is(
    as_owner: Client, make_generation: Callable[..., Generation], make_picture: Callable[..., Picture]
) -> None:
    """Every metric that deploy/grafana names is one of ours, and there is none that it does not show."""
    as_owner.get("/account/")
    UpstreamAccount.load()
    UpstreamAccount.note_balance(Decimal(1))
    for name in ("detection_seconds", "ingest_seconds"):
        COUNTERS.observe(name, 1.0, SLOW)
    COUNTERS.add("pictures_kept")
    COUNTERS.add("upstream_requests", kind="posted", status="2xx")
    make_generation(state=State.SAVING).complete(None)
    found = {name.partition("[")[0] for name in scrape()}
    dashboard = json.loads((Path(studio.BASE_DIR) / "deploy" / "grafana" / "lemonstudio.json").read_text())
    shown = set(re.findall(r"lemonstudio_\w+", json.dumps(dashboard["panels"])))
    assert shown <= found
    base = {name.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count") for name in found}
    base -= {"lemonstudio_version", "lemonstudio_pictures", "lemonstudio_disk_size_bytes"}
    assert base == {name.removesuffix("_bucket").removesuffix("_count") for name in shown}
    places = [tuple(panel["gridPos"].values())[:2] for panel in dashboard["panels"]]
    assert len(set(places)) == len(places), "no panel covers another"
