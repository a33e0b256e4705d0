"""Chooses which process is killed and when, so that each kind of process is killed often and in each state."""

import contextlib
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from gallery.engine.inbox import INBOX
from tests.soak.processes import Tree, talks_to
from tests.soak.service import Service
from tests.soak.watch import STATES, Kill, Watch, engine, snapshot

# Cards of each victim in a deck: while an engine works, and while none does. After the engine is killed, the next one
# works eight seconds later. The kills of the second column fall into that time.
DECK = {
    "engine's worker": (4, 0),
    "fetching worker": (3, 2),
    "idle worker": (2, 3),
    "sentinel": (2, 3),
    "cluster's parent": (2, 3),
    "supervisor": (2, 3),
    "web master": (2, 3),
    "web worker": (2, 2),
    "pusher": (1, 2),
    "monitor": (1, 2),
}
WEB = frozenset({"web master", "web worker"})
# Orderly stops: of the cluster alone, as systemd does with KillMode=mixed, and as it does with control-group.
STOPS = ("cluster's parent", "supervisor", "everyone")
STOP_EVERY = 20
# A moment besides the states: a picture that came inside an answer is being stored, and no row mentions it yet.
ARRIVING = "arriving"
MOMENTS = (*STATES, ARRIVING)
# Seconds from one kill to the next within a burst, and from the return of work to the next burst.
PAUSE = (0.1, 1.0)
WORK = (0.0, 1.0)
# Seconds to wait: for a moment in which the victim was rarely killed; for a victim, with and without an engine at
# work; and for work to go on.
WAIT_FOR_MOMENT = 0.8
WAIT_FOR_VICTIM = {True: 1.5, False: 0.6}
WAIT_FOR_WORK = 60.0
# Seconds that processes may outlive their killed supervisor. They have three seconds for an orderly end.
ORPHANS = 10.0


@dataclass(slots=True)
class _Orphans:
    pids: set[int]
    until: float


class NoVictim(Exception):
    """There is no process to kill: the studio did not come back by itself."""


class Killer:
    def __init__(self, service: Service, watch: Watch, upstream_port: int, chance: random.Random) -> None:
        self.kills: list[Kill] = []
        self.problems: list[str] = []
        self._service = service
        self._watch = watch
        self._port = upstream_port
        self._chance = chance
        self._log = service.data / "kills.txt"
        self._decks: dict[bool, list[str]] = {True: [], False: []}
        self._stops = 0
        self._orphans: list[_Orphans] = []

    def kill(self, number: int, between: Callable[[int], None] = lambda kills: None) -> None:
        """Send kill -9 `number` times, in bursts, and sometimes an orderly stop in between.

        After each burst, `between` is called with the number of kills so far.
        """
        try:
            self._kill(number, between)
        except NoVictim:
            self.problems.append(f"There was nothing to kill for {WAIT_FOR_WORK:.0f} s after kill {len(self.kills)}.")

    def _kill(self, number: int, between: Callable[[int], None]) -> None:
        while (done := self._count()) < number:
            self._wait_for_work()
            if done >= (self._stops + 1) * STOP_EVERY - STOP_EVERY // 2:
                self._stops += self._ask_to_stop(STOPS[self._stops % len(STOPS)])
                continue
            for _ in range(min(self._chance.randint(3, 7), number - done)):
                self._kill_one()
                time.sleep(self._chance.uniform(*PAUSE))
            between(self._count())
        self._wait_for_work()

    def _count(self) -> int:
        return sum(kill.signal == signal.SIGKILL for kill in self.kills)

    # -- when

    def _wait_for_work(self) -> None:
        """Wait until rows change again, and mostly until an engine works; then wait a moment more."""
        needs_engine = self._chance.random() < 0.8
        give_up_at = time.monotonic() + WAIT_FOR_WORK
        while self._watch.waits_for_work or (needs_engine and not engine(self._service.tree())):
            self._check_orphans()
            if time.monotonic() > give_up_at:
                last = self.kills[-1].victim if self.kills else "no victim"
                self.problems.append(f"Nothing moved for {WAIT_FOR_WORK:.0f} s after kill {len(self.kills)} ({last}).")
                return
            time.sleep(0.05)
        time.sleep(self._chance.uniform(*WORK))

    def _wait_for_moment(self, victim: str) -> Counter[str]:
        """Wait for the moment in which this victim was killed least often; return the number of rows in each state."""
        kills: Counter[str] = Counter()
        for kill in self.kills:
            if kill.victim == victim:
                kills.update(moment for moment in MOMENTS if kill.counts[moment])
        rarest = min(MOMENTS, key=lambda moment: (kills[moment], self._chance.random()))
        inbox = set(self._inbox())
        give_up_at = time.monotonic() + WAIT_FOR_MOMENT
        while True:
            arrived = len(set(self._inbox()) - inbox)
            counts = snapshot().counts if rarest != ARRIVING or arrived or time.monotonic() > give_up_at else Counter()
            counts[ARRIVING] = arrived
            if counts[rarest] or time.monotonic() > give_up_at:
                return counts
            time.sleep(0.005 if rarest != ARRIVING else 0.001)

    def _inbox(self) -> list[str]:
        try:
            return os.listdir(self._service.data / "media" / INBOX)
        except FileNotFoundError:
            return []

    # -- whom

    def _draw(self) -> tuple[str, int]:
        """The next card whose victim exists, and the pid of that process. Raises NoVictim."""
        begun = time.monotonic()
        while True:
            tree = self._service.tree()
            working = bool(engine(tree))
            deck = self._deck(working=working)
            # Wait a while for the first card's victim; then take the first card whose victim exists.
            late = time.monotonic() > begun + WAIT_FOR_VICTIM[working]
            for name in deck if late else deck[:1]:
                if pid := self._pid(name, tree):
                    deck.remove(name)
                    return name, pid
            if time.monotonic() > begun + WAIT_FOR_WORK:
                raise NoVictim
            time.sleep(0.02)

    def _deck(self, *, working: bool) -> list[str]:
        deck = self._decks[working]
        if not deck:
            deck += [name for name, cards in DECK.items() for _ in range(cards[not working])]
            self._chance.shuffle(deck)
        return deck

    def _pid(self, name: str, tree: Tree) -> int:
        # A parent is killed only once it has children: before that, nothing depends on it.
        finds: dict[str, Callable[[], int]] = {
            "engine's worker": lambda: engine(tree),
            "fetching worker": lambda: self._worker(tree, fetching=True),
            "idle worker": lambda: self._worker(tree, fetching=False),
            "sentinel": lambda: tree.sentinel,
            "cluster's parent": lambda: tree.cluster if tree.sentinel else 0,
            "supervisor": lambda: tree.supervisor if tree.cluster and tree.web else 0,
            "web master": lambda: tree.web if tree.web_workers else 0,
            "web worker": lambda: self._chance.choice(tree.web_workers or (0,)),
            "pusher": lambda: tree.pusher,
            "monitor": lambda: tree.monitor,
        }
        return finds[name]()

    def _worker(self, tree: Tree, *, fetching: bool) -> int:
        """The pid of a worker without the engine that is (or is not) fetching a picture; 0 if there is none."""
        working = engine(tree)
        others = [pid for pid in tree.workers if pid != working]
        self._chance.shuffle(others)
        return next((pid for pid in others if talks_to(pid, self._port) == fetching), 0)

    # -- how

    def _kill_one(self) -> None:
        self._check_orphans()
        victim, pid = self._draw()
        working = bool(engine(self._service.tree()))
        # Without an engine at work, no state changes, so there is no moment to wait for.
        counts = self._wait_for_moment(victim) if working else snapshot().counts
        if victim in ("fetching worker", "engine's worker"):
            # Meanwhile another worker may have become the one that fetches, or the engine's.
            pid = self._pid(victim, self._service.tree()) or pid
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        if victim == "supervisor":
            self._orphans.append(_Orphans(self._service.orphans(), time.monotonic() + ORPHANS))
        self._note(Kill(victim, signal.SIGKILL, time.time(), counts, working))

    def _ask_to_stop(self, whom: str) -> bool:
        """Send SIGTERM; return whether a complete cluster was there to stop."""
        tree = self._service.tree()
        if not tree.workers:
            return False
        working = bool(engine(tree))
        counts = self._wait_for_moment(f"SIGTERM {whom}")
        pids = {"cluster's parent": {tree.cluster}, "supervisor": {tree.supervisor}}.get(whom, self._service.pids())
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        self._note(Kill(f"SIGTERM {whom}", signal.SIGTERM, time.time(), counts, working))
        # Mostly let it finish its orderly end; sometimes the next kill comes in the middle.
        give_up_at = time.monotonic() + self._chance.choice((0.5, 30, 30))
        while self._service.has(tree.cluster) and time.monotonic() < give_up_at:
            time.sleep(0.05)
        return True

    def _note(self, kill: Kill) -> None:
        self.kills.append(kill)
        self._watch.time(kill)
        states = ", ".join(f"{state} {kill.counts[state]}" for state in MOMENTS if kill.counts[state])
        with self._log.open("a") as log:
            moment = time.strftime("%H:%M:%S", time.gmtime(kill.at))
            log.write(f"{moment} {len(self.kills)} {kill.victim}{' +engine' * kill.engine_at_work}: {states}\n")

    def _check_orphans(self) -> None:
        """Report processes that outlive their killed supervisor for too long."""
        for orphans in list(self._orphans):
            orphans.pids = {pid for pid in orphans.pids if self._service.has(pid)}
            if not orphans.pids:
                self._orphans.remove(orphans)
            elif time.monotonic() > orphans.until:
                self.problems.append(f"Processes {sorted(orphans.pids)} outlived their supervisor by {ORPHANS:.0f} s.")
                self._orphans.remove(orphans)
