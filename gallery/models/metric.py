"""Counters for monitoring. Each process counts in its memory, and adds to the rows every few seconds.

So a scrape of any web server tells of all processes on all machines. What a process that is killed has not added yet
is lost; nothing else depends on these numbers.
"""

import json
import logging
import os
import threading
from collections import Counter
from typing import Any

from django.conf import settings
from django.db import Error, connection, models

from gallery.db.counting import add_to_counters

logger = logging.getLogger(__name__)

# Upper ends of a histogram's buckets, in seconds.
QUICK = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
SLOW = (0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0, 300.0)


class Metric(models.Model):
    """One counter: what it counts, and its labels as JSON."""

    name = models.CharField(max_length=80)
    labels = models.CharField(max_length=200, blank=True)
    value = models.FloatField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["name", "labels"], name="one_row_for_each_counter")]

    def __str__(self) -> str:
        return f"{self.name}{self.labels}"


class Counters:
    """What this process has counted since it last added to the rows. Without a token for /metrics nothing counts."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counted: Counter[tuple[str, str]] = Counter()
        self._saver: threading.Thread | None = None
        # A forked process has its own numbers and its own thread.
        os.register_at_fork(after_in_child=self._begin_anew)

    def _begin_anew(self) -> None:
        self._lock, self._counted, self._saver = threading.Lock(), Counter(), None

    def add(self, name: str, amount: float = 1, **labels: Any) -> None:
        if not settings.LEMONSTUDIO_METRICS_TOKEN:
            return
        with self._lock:
            self._counted[name, json.dumps(labels, sort_keys=True, default=str)] += amount  # type: ignore[assignment]
            if self._saver is None and settings.LEMONSTUDIO_METRICS_SECONDS:
                self._saver = threading.Thread(target=self._keep_saving, name="metrics", daemon=True)
                self._saver.start()

    def observe(self, name: str, seconds: float, buckets: tuple[float, ...] = QUICK, **labels: Any) -> None:
        """Count one duration in a histogram. Its buckets do not include smaller ones; the reader adds them up."""
        end = next((str(bucket) for bucket in buckets if seconds <= bucket), "+Inf")
        self.add(f"{name}_bucket", le=end, **labels)
        self.add(f"{name}_sum", max(0.0, seconds), **labels)

    def save(self) -> None:
        """Add to the rows. If the database is away, what was counted waits for the next time."""
        with self._lock:
            counted, self._counted = self._counted, Counter()
        try:
            add_to_counters(Metric._meta.db_table, counted)
        except Error as problem:
            logger.debug("Counters wait for the database: %s", problem)
            with self._lock:
                self._counted.update(counted)

    def _keep_saving(self) -> None:
        pause = threading.Event()
        while not pause.wait(settings.LEMONSTUDIO_METRICS_SECONDS):
            self.save()
            connection.close()


COUNTERS = Counters()
