"""A worker process's threads that ingest what was delivered, so that a slow picture host delays only its own pictures.

The task of a delivery hands its generation over and returns at once. The row stays in `saving` with its due time: if
this process dies, the row becomes due, and the engine sends another message. What waits here for its share may be
fetched by another process that has room: whichever begins first claims the row (`Generation.claim_ingest`).
"""

import logging
import multiprocessing.util
import os
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.db import DatabaseError, connection
from django.utils import timezone

from gallery.engine.ingest import PICTURE_SECONDS
from gallery.models import Generation, State
from gallery.upstream.inline import resolve
from lemonstudio.processes.cluster import stopping

logger = logging.getLogger(__name__)

# Of this process. A thread that fetches waits for the network, and holds no connection to the database.
AT_ONCE = 16
EACH_HOST = 2
EACH_PERSON = 4
# How often what waits in this process is put off, so that no other worker is asked to fetch it.
PUT_OFF_SECONDS = 20.0
# An ingest that takes longer hangs, and no longer counts.
HANGS_SECONDS = 330.0
# What a stop grants to running ones; those it cuts off are due when this process has surely ended.
STOP_SECONDS = 5.0
ENDED_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Job:
    """A generation to ingest: whose it is, and on which hosts its pictures lie."""

    pk: int
    person: int
    hosts: frozenset[str]


class Fetchers:
    """Run `work` for one generation a thread, with a share for each host and each person."""

    def __init__(
        self,
        work: Callable[[int], None],
        *,
        asked_to_stop: Callable[[], bool] = lambda: False,
        put_off_seconds: float = PUT_OFF_SECONDS,
    ) -> None:
        self._work = work
        self._asked_to_stop = asked_to_stop
        self._put_off_seconds = put_off_seconds
        self._moved = threading.Condition()
        self._waiting: dict[int, Job] = {}
        # With the moment at which they began.
        self._running: dict[int, tuple[Job, float]] = {}
        self._is_stopped = False
        self._keeper: threading.Thread | None = None

    def add(self, job: Job) -> None:
        """Ingest it as soon as its shares allow. What is here already is not ingested twice."""
        with self._moved:
            if self._is_stopped or job.pk in self._waiting or job.pk in self._running:
                return
            self._waiting[job.pk] = job
            self._begin()
            if self._waiting and self._keeper is None:
                self._keeper = threading.Thread(target=self._put_off, name="fetch-keeper", daemon=True)
                self._keeper.start()

    def stop(self, seconds: float = STOP_SECONDS) -> None:
        """Begin nothing more; give back what waits at once, and what still runs after so many seconds."""
        with self._moved:
            self._is_stopped = True
            unbegun = list(self._waiting)
            self._waiting.clear()
        self._let_due(unbegun, 0)
        with self._moved:
            self._moved.wait_for(lambda: not self._running, seconds)
            cut_off = list(self._running)
        self._let_due(cut_off, ENDED_SECONDS, "ingest_until")

    @staticmethod
    def _let_due(pks: list[int], seconds: float, *others: str) -> None:
        """Write when they are due, into `others` of their columns, too."""
        if not pks:
            return
        try:
            due_at = timezone.now() + timedelta(seconds=seconds)
            changes = dict.fromkeys(("due_at", *others), due_at)
            Generation.objects.filter(pk__in=pks, state=State.SAVING).update(**changes)
        except DatabaseError as problem:
            logger.warning("Could not write when pictures are to be fetched: %s", problem)

    def _put_off(self) -> None:
        while True:
            time.sleep(self._put_off_seconds)
            with self._moved:
                waiting = list(self._waiting)
                if not waiting:
                    self._keeper = None
                    return
                self._begin()
            self._let_due(waiting, PICTURE_SECONDS)
            connection.close()

    def _begin(self) -> None:
        """Begin what may begin: first of those people who have the fewest under way, then what came first."""
        if self._asked_to_stop():
            return
        while (job := self._next()) is not None:
            thread = threading.Thread(target=self._run, args=(job,), name=f"fetch-{job.pk}", daemon=True)
            try:
                thread.start()
            except RuntimeError:
                logger.warning("The machine gives no more threads; %s go on", len(self._running))
                return
            del self._waiting[job.pk]
            self._running[job.pk] = job, time.monotonic()

    def _next(self) -> Job | None:
        since = time.monotonic() - HANGS_SECONDS
        running = [job for job, began in self._running.values() if began > since]
        if len(running) >= AT_ONCE:
            return None
        people = Counter(job.person for job in running)
        hosts = Counter(host for job in running for host in job.hosts)
        may_begin = (
            job
            for job in self._waiting.values()
            if people[job.person] < EACH_PERSON and all(hosts[host] < EACH_HOST for host in job.hosts)
        )
        return min(may_begin, key=lambda job: people[job.person], default=None)

    def _run(self, job: Job) -> None:
        try:
            self._work(job.pk)
        except Exception:
            # The row comes due again.
            logger.exception("Could not ingest generation %s", job.pk)
        finally:
            connection.close()
            with self._moved:
                self._running.pop(job.pk, None)
                if not self._is_stopped:
                    self._begin()
                self._moved.notify_all()


def job_of(generation_id: int) -> Job | None:
    """Whose a delivered generation is, and which hosts have its pictures; None if it no longer waits to be saved."""
    rows = Generation.objects.filter(pk=generation_id, state=State.SAVING)
    row = rows.values_list("author", "results").first()
    if row is None:
        return None
    author, results = row
    return Job(generation_id, author, frozenset(_host(result["url"]) for result in results if result.get("url")))


def _host(url: str) -> str:
    try:
        return urlsplit(resolve(settings.LEMONDATA_BASE_URL, url)).netloc.lower()
    except ValueError:
        return ""


_lock = threading.Lock()
_fetchers: Fetchers | None = None
_owner = 0


def of_this_process(work: Callable[[int], None]) -> Fetchers:
    """The fetchers of this process, made when they are first asked for."""
    global _fetchers, _owner
    with _lock:
        # A forked child inherits the variable but not the threads.
        if _fetchers is None or _owner != os.getpid():
            _fetchers, _owner = Fetchers(work, asked_to_stop=stopping), os.getpid()
            # Before the engine's, which takes longer and has begun to stop by then.
            multiprocessing.util.Finalize(_fetchers, _fetchers.stop, exitpriority=20)
        return _fetchers
