"""What monitoring asks for: how much waits, what is wrong, what was spent. A constant number of queries."""

import json
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal

from django.core.cache import cache
from django.db.models import Count, Min, Sum
from django.utils import timezone
from django_q.models import OrmQ
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.core import Metric as Family
from prometheus_client.registry import Collector

from gallery.models import Budget, Generation, LedgerEntry, Picture, State, UpstreamAccount
from gallery.models.ledger import this_month
from gallery.models.metric import Metric
from gallery.models.states import UNDER_WAY
from gallery.queries.storage import disk
from lemonstudio import __version__

PREFIX = "lemonstudio"
# All pictures are added up so often, in seconds; that is the one query which grows with the studio.
STORAGE_SECONDS = 300
HELP = {
    "http_request_seconds": "Time until the studio had answered, by kind of request and status",
    "upstream_requests": "Requests to the upstream, by what they were for and the status of the answer",
    "detection_seconds": "The longest time that a finished task can have waited until the studio noticed it",
    "ingest_seconds": "From the notice until the pictures were stored",
    "pictures_kept": "Pictures stored",
    "generations_ended": "Generations that ended, by state",
}


class StudioCollector(Collector):
    """For prometheus_client, which writes its text format."""

    def collect(self) -> Iterator[Family]:
        version = GaugeMetricFamily(f"{PREFIX}_version", "Always 1", labels=["version"])
        version.add_metric([__version__], 1)
        yield version
        yield from _queue()
        yield from _account()
        yield from _money()
        yield from _storage()
        yield from _counted()


def _gauge(name: str, says: str, value: float) -> Family:
    return GaugeMetricFamily(f"{PREFIX}_{name}", says, value=value)


def _queue() -> Iterator[Family]:
    rows = Generation.objects.filter(state__in=UNDER_WAY).order_by().values("state")
    found = {
        row["state"]: (row["number"], row["oldest"])
        for row in rows.annotate(number=Count("pk"), oldest=Min("created_at"))
    }
    states = GaugeMetricFamily(f"{PREFIX}_generations", "Generations under way", labels=["state"])
    for state in UNDER_WAY:
        states.add_metric([str(state)], found.get(state, (0, None))[0])
    yield states
    oldest = found.get(State.QUEUED, (0, None))[1]
    waited = (timezone.now() - oldest).total_seconds() if oldest else 0.0
    yield _gauge("queue_oldest_seconds", "How long the oldest generation has waited to be sent", waited)
    yield _gauge("tasks_waiting", "Messages that wait for a worker", OrmQ.objects.count())


def _account() -> Iterator[Family]:
    account = UpstreamAccount.objects.filter(pk=1).first() or UpstreamAccount()
    lease = account.lease_until
    yield _gauge("worker_up", "Whether an engine is alive", bool(lease and lease > timezone.now()))
    paused = GaugeMetricFamily(f"{PREFIX}_paused", "1 while nothing is sent to the upstream", labels=["code"])
    paused.add_metric([account.pause_code], 1 if account.is_paused else 0)
    yield paused
    yield _gauge("held", "Models, or prices, whose requests wait while others go on", len(account.holds))
    if account.balance_usd is not None:
        yield _gauge("balance_dollars", "What the upstream said last of the balance", float(account.balance_usd))


def _money() -> Iterator[Family]:
    spent = LedgerEntry.objects.filter(month=this_month()).total()
    yield _gauge("spent_this_month_dollars", "What the ledger has booked this month", float(spent))
    states = Budget.objects.states()
    budgets = GaugeMetricFamily(f"{PREFIX}_budgets", "Budgets, by how much is left of them", labels=["state"])
    used_up = sum(state.is_over for state in states)
    warned = sum(state.is_warning and not state.is_over for state in states)
    for label, number in (("used_up", used_up), ("low", warned), ("ok", len(states) - used_up - warned)):
        budgets.add_metric([label], number)
    yield budgets


def _storage() -> Iterator[Family]:
    number, size = cache.get_or_set("metrics.storage", _pictures, STORAGE_SECONDS) or (0, 0)
    yield _gauge("pictures", "Pictures in storage", number)
    yield _gauge("pictures_bytes", "Size of their originals", float(size))
    if found := disk():
        yield _gauge("disk_free_bytes", "Free where media are kept", found.free)
        yield _gauge("disk_size_bytes", "Size of that disk", found.total)


def _pictures() -> tuple[int, int]:
    found = Picture.objects.aggregate(number=Count("pk"), size=Sum("byte_size"))
    return found["number"], int(found["size"] or Decimal(0))


def _counted() -> Iterator[Family]:
    """The counters, and the histograms put together from theirs."""
    counters: dict[str, list[tuple[dict[str, str], float]]] = defaultdict(list)
    for name, labels, value in Metric.objects.order_by("name", "labels").values_list("name", "labels", "value"):
        counters[name].append((json.loads(labels or "{}"), value))
    for name, says in HELP.items():
        if buckets := counters.get(f"{name}_bucket"):
            yield _histogram(name, says, buckets, counters[f"{name}_sum"])
        elif rows := counters.get(name):
            family = CounterMetricFamily(f"{PREFIX}_{name}", says, labels=sorted(rows[0][0]))
            for of_row, value in rows:
                family.add_metric([of_row[label] for label in sorted(of_row)], value)
            yield family


def _histogram(
    name: str, says: str, buckets: list[tuple[dict[str, str], float]], sums: list[tuple[dict[str, str], float]]
) -> Family:
    family = HistogramMetricFamily(f"{PREFIX}_{name}", says, labels=sorted(set(buckets[0][0]) - {"le"}))
    for labels, total in sums:
        own = {one["le"]: value for one, value in buckets if {k: v for k, v in one.items() if k != "le"} == labels}
        running, cumulated = 0.0, []
        for end in sorted({*own, "+Inf"}, key=float):
            running += own.get(end, 0.0)
            cumulated.append((end, running))
        family.add_metric([labels[label] for label in sorted(labels)], cumulated, total)
    return family
