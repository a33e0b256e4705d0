"""Watches the states of the rows in the database, and measures how soon work goes on after a kill."""

import http.client
import signal
import threading
import time
import urllib.request
from collections import Counter
from dataclasses import dataclass

from django.db import Error, connection
from django.db.models import Count, Sum

from gallery.models import Generation, UpstreamAccount
from gallery.models.states import UNDER_WAY
from tests.soak.processes import Tree

STATES = tuple(str(state) for state in UNDER_WAY)
# Seconds between two snapshots, and seconds for which the children of a killed process still change rows.
EVERY = 0.1
LAST_GASP = 0.7


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The database at one moment."""

    counts: Counter[str]
    # Grows with every change of a row's state, and not with new rows.
    changes: int

    @property
    def under_way(self) -> int:
        return sum(self.counts[state] for state in STATES)


def snapshot() -> Snapshot:
    rows = Generation.objects.order_by().values_list("state").annotate(Count("pk"), Sum("version"))
    counts: Counter[str] = Counter()
    changes = 0
    for state, number, versions in rows:
        counts[state] = number
        changes += versions - number
    return Snapshot(counts, changes)


def engine(tree: Tree) -> int:
    """The pid of the worker whose engine holds the account's lease; 0 if there is none."""
    account = UpstreamAccount.load()
    holder = account.holder.split(":")[1] if account.holder else ""
    pid = int(holder) if holder.isdecimal() else 0
    return pid if pid in tree.workers and UpstreamAccount.is_held() else 0


@dataclass(slots=True)
class Kill:
    """One kill. `at` is a wall clock time, as in the studio's rows."""

    victim: str
    signal: signal.Signals
    at: float
    counts: Counter[str]
    engine_at_work: bool
    # Seconds until the state of a row changed again, and until the web server answered a request sent after the kill.
    worked_after: float | None = None
    answered_after: float | None = None


class Watch(threading.Thread):
    """Takes snapshots all the time, and measures how long the studio needs to recover from each kill."""

    def __init__(self, url: str) -> None:
        super().__init__(name="watch", daemon=True)
        self.latest = Snapshot(Counter(), 0)
        self._url = url
        self._visitor = threading.Thread(target=self._visit, name="visitor", daemon=True)
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._idle: list[tuple[float, Kill, int | None]] = []
        self._unanswered: list[tuple[float, Kill]] = []

    def run(self) -> None:
        self._visitor.start()
        while not self._over.wait(EVERY):
            try:
                self._note(snapshot())
            except Error:
                pass
            finally:
                # The database may be another one the next time: a restored one.
                connection.close()

    def stop(self) -> None:
        self._over.set()
        self.join()

    def time(self, kill: Kill) -> None:
        """Begin to measure the recovery from this kill."""
        now = time.monotonic()
        with self._lock:
            self._idle.append((now, kill, None))
            self._unanswered.append((now, kill))

    @property
    def waits_for_work(self) -> bool:
        """Whether no row has changed yet since the last kill."""
        with self._lock:
            return bool(self._idle)

    def _note(self, latest: Snapshot) -> None:
        now = time.monotonic()
        self.latest = latest
        with self._lock:
            waiting = []
            for since, kill, changes in self._idle:
                if changes is None:
                    # The victim's children still change rows until they notice that it is gone.
                    waiting.append((since, kill, latest.changes if now - since > LAST_GASP else None))
                elif latest.changes != changes:
                    kill.worked_after = now - since
                else:
                    waiting.append((since, kill, changes))
            self._idle = waiting

    def _visit(self) -> None:
        """After each kill, send requests until the web server answers."""
        while not self._over.wait(EVERY):
            sent_at = time.monotonic()
            with self._lock:
                earlier = [item for item in self._unanswered if item[0] < sent_at]
            if earlier and self._answers():
                now = time.monotonic()
                for since, kill in earlier:
                    kill.answered_after = now - since
                with self._lock:
                    self._unanswered = [item for item in self._unanswered if item not in earlier]

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self._url}/login/", timeout=10) as answer:
                return bool(answer.status == 200)
        except (OSError, http.client.HTTPException):
            return False
