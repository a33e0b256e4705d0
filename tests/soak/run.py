"""One soak from start to end."""

import random
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.utils import timezone

from gallery.engine import inbox
from gallery.engine.results import Deliveries
from gallery.engine.timing import Timing
from gallery.enqueue import enqueue_ingest
from gallery.models import Generation, ImageModel, Person, State
from tests.soak import people, report
from tests.soak.judge import Judge
from tests.soak.killer import Killer
from tests.soak.service import Service
from tests.soak.trouble import Bucket, Trouble
from tests.soak.upstream import Upstream
from tests.soak.watch import Watch

PEOPLE = 3
# Generations that wait for the upstream at once. Rows in the state "saving" do not count: they may wait long after a
# kill.
AT_ONCE = 30


def note(text: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")


@dataclass(frozen=True, slots=True)
class Plan:
    kills: int
    seed: int
    # Seconds for all generations under way to end after the last kill.
    patience: float
    # Whether to skip, at the end, the minute after which a lost delivery is ingested again.
    hurry: bool
    # How many other events happen, see trouble.py.
    trouble: int = 0


class Soak:
    def __init__(self, plan: Plan, service: Service, upstream: Upstream, bucket: Bucket | None = None) -> None:
        port = urlsplit(upstream.origin).port
        assert port is not None
        self.problems: list[str] = []
        self._plan = plan
        self._service = service
        self._upstream = upstream
        self._watch = Watch(service.url)
        self._killer = Killer(service, self._watch, port, random.Random(plan.seed))
        self._people: list[people.Person] = []
        self._trouble = None
        if bucket is not None:
            chance = random.Random(f"{plan.seed}/trouble")
            self._trouble = Trouble(bucket, service, chance, plan.trouble, plan.kills)

    def run(self) -> str:
        """Run the whole soak; return its tables."""
        begun = time.monotonic()
        self._service.start()
        self._start_people()
        note(f"{self._plan.kills} kills, seed {self._plan.seed}, in {self._service.data}")
        killed_at = time.monotonic()
        if self._trouble is None:
            self._killer.kill(self._plan.kills)
        else:
            self._killer.kill(self._plan.kills, self._trouble.after)
            self._trouble.end()
        note("no more kills; waiting until nothing is under way")
        settled_at = time.monotonic()
        self._stop_people()
        self._settle()
        ended_at = time.monotonic()
        self._watch.stop()
        self._complain(self._killer.problems, self._service.finish())
        spent = (
            f"seed {self._plan.seed}; killed for {settled_at - killed_at:.0f} s, settled in"
            f" {ended_at - settled_at:.0f} s, {time.monotonic() - begun:.0f} s in all;"
            f" the service was started {self._service.starts} times"
        )
        return f"{self._judge()}\n\n{spent}"

    def _judge(self) -> str:
        submissions = [submission for person in self._people for submission in person.submissions]
        kills = self._killer.kills
        verdict = Judge(submissions, self._upstream.orders(), kills, self._service.log).judge()
        self._complain(verdict.problems)
        for person in self._people:
            self._complain([f"The web server answered {answer}" for answer in person.odd_answers])
        if self._trouble is not None:
            self._complain(self._trouble.problems)
            verdict.figures.update(self._trouble.events)
        return "\n\n".join([report.kills(kills), report.ends(verdict), report.figures(verdict)])

    def _complain(self, *problems: Iterable[str]) -> None:
        self.problems += [problem for some in problems for problem in some]

    # -- people

    def _start_people(self) -> None:
        models = dict(ImageModel.objects.filter(slug__in=people.needed_models()).values_list("slug", "pk"))
        for number in range(1, PEOPLE + 1):
            chance = random.Random(f"{self._plan.seed}/{number}")
            person = people.Person(number, self._service.url, models, chance, self._may_ask)
            Person.objects.create_user(person.email, people.PASSWORD, name=f"Person {number}")
            person.sign_in()
            self._people.append(person)
        self._watch.start()
        for person in self._people:
            person.start()

    def _may_ask(self) -> bool:
        latest = self._watch.latest
        return latest.under_way - latest.counts[State.SAVING] < AT_ONCE

    def _stop_people(self) -> None:
        for person in self._people:
            person.stop()
        for person in self._people:
            person.join(90)
            if person.is_alive():
                self._complain([f"{person.email} got no answer for 90 s."])

    # -- the end

    def _settle(self) -> None:
        if self._plan.hurry:
            Generation.objects.filter(state=State.SAVING).update(due_at=timezone.now(), ingest_until=None)
        self._wait_until(lambda: not Generation.objects.under_way().exists(), self._plan.patience)
        # Once a minute, an engine sweeps up what killed engines have left in the inbox.
        if self._plan.hurry:
            Deliveries(enqueue_ingest, Timing().fetch_by).sweep_inbox(())
        else:
            self._wait_until(lambda: not self._inbox_has_complete_files(), Timing().sweep + 15)
        # The judge reports generations that are still under way after that.
        self._wait_until(lambda: not Generation.objects.under_way().exists(), self._plan.patience)

    @staticmethod
    def _wait_until(done: Callable[[], bool], patience: float) -> None:
        give_up_at = time.monotonic() + patience
        while not done() and time.monotonic() < give_up_at:
            time.sleep(0.5)

    @staticmethod
    def _inbox_has_complete_files() -> bool:
        return any(one.is_whole for files in inbox.listing().values() for one in files)
