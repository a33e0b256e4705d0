"""Compares the result of a soak with what the upstream did: each row with its order, each file with what was sent."""

import hashlib
import io
import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from django.core.files.storage import default_storage
from PIL import Image

from gallery.engine.inbox import INBOX
from gallery.engine.timing import Timing
from gallery.models import Generation, Picture, State
from gallery.queries.ledger import discrepancies
from lemonstudio.processes.cluster import stop_seconds
from lemonstudio.storage import entries
from tests.soak.killer import WEB
from tests.soak.kinds import Kind, kind_of
from tests.soak.people import Submission
from tests.soak.upstream import DECLINED, IN_VAIN, Order
from tests.soak.watch import Kill

# Seconds. A cluster goes on for a moment before it notices that one of its processes was killed. And on a loaded
# machine an answer waits for its turn to be written down, but for no longer than the lease of an engine that is stuck.
BEFORE, AFTER = 3.0, Timing().lease
# A stop that took too long kills what still runs. The log says so a moment before.
CUT_OFF = re.compile(r"^(\S+ \S+),\d+ WARNING .* and were cut off: ", re.MULTILINE)


@dataclass
class Verdict:
    problems: list[str] = field(default_factory=list)
    # (kind, end) → number of rows
    ends: Counter[tuple[str, str]] = field(default_factory=Counter)
    figures: Counter[str] = field(default_factory=Counter)


class Judge:
    def __init__(
        self, submissions: Iterable[Submission], orders: dict[str, Order], kills: list[Kill], log: Path
    ) -> None:
        self.verdict = Verdict()
        self._submissions = list(submissions)
        self._orders = orders
        # Each of these, from when to when, may make the outcome of a request that is being sent unknown.
        killed = [kill.at for kill in kills if kill.victim not in WEB and kill.signal == kill.signal.SIGKILL]
        self._log = log.read_text(errors="replace")
        cut_off = [time.mktime(time.strptime(at, "%Y-%m-%d %H:%M:%S")) for at in CUT_OFF.findall(self._log)]
        # An answer that came during the stop may still have waited for its turn then.
        self._deaths = [(at, at) for at in killed] + [(at - stop_seconds(), at) for at in cut_off]
        self.verdict.figures["stops that were cut off"] = len(cut_off)

    def judge(self) -> Verdict:
        rows = defaultdict(list)
        for row in Generation.objects.order_by("pk").prefetch_related("pictures"):
            rows[row.prompt].append(row)
        self._check_submissions(rows)
        for prompt, same_prompt in rows.items():
            for row in same_prompt:
                self._check_row(row, kind_of(prompt), self._orders.get(prompt, Order()))
        self._check_files()
        self._check_log()
        for discrepancy in discrepancies():
            self._complain(f"The ledger does not add up: {discrepancy}")
        figures = self.verdict.figures
        figures["generations"] = len(rows)
        figures["forms sent more than once"] = sum(submission.sent > 1 for submission in self._submissions)
        figures["pictures kept"] = Picture.objects.count()
        figures["POSTs"] = sum(order.posts for order in self._orders.values())
        figures["generations POSTed twice"] = sum(order.posts > 1 for order in self._orders.values())
        figures["polls"] = sum(order.polls for order in self._orders.values())
        return self.verdict

    def _complain(self, text: str) -> None:
        self.verdict.problems.append(text)

    def _check_submissions(self, rows: dict[str, list[Generation]]) -> None:
        """Each submission has one row, and each row and order has a submission."""
        for submission in self._submissions:
            if not submission.accepted:
                self._complain(f"“{submission.prompt}” was sent {submission.sent} times and never accepted.")
            if (number := len(rows.get(submission.prompt, []))) != 1:
                self._complain(f"“{submission.prompt}” has {number} rows.")
        known = {submission.prompt for submission in self._submissions}
        for prompt in (rows.keys() | self._orders.keys()) - known:
            self._complain(f"No person asked for “{prompt}”.")

    # -- one row

    def _check_row(self, row: Generation, kind: Kind, order: Order) -> None:
        end = row.state
        if end == State.INTERRUPTED:
            end += ", POSTed" if order.posts else ", not POSTed"
        self.verdict.ends[kind.name, end] += 1
        name = f"Generation {row.pk} ({row.prompt}, {row.state})"
        if order.posts > 1:
            self._complain(f"{name} was POSTed {order.posts} times.")
        match row.state:
            case State.COMPLETED:
                faults = self._completed(row, kind, order)
            case State.FAILED:
                faults = self._failed(row, kind)
            case State.INTERRUPTED:
                faults = self._interrupted(row, order)
            case _:
                faults = ["has not ended"]
        for fault in faults:
            self._complain(f"{name}: {fault}.")

    @staticmethod
    def _completed(row: Generation, kind: Kind, order: Order) -> Iterable[str]:
        if kind.fails:
            yield "completed, although the upstream made no picture"
        pictures = {picture.index: picture for picture in row.pictures.all()}
        if pictures.keys() != set(range(kind.count)):
            yield f"has the pictures {sorted(pictures)} of {kind.count}"
        for index, picture in pictures.items():
            try:
                with picture.original.open() as file:
                    data = file.read()
                with Image.open(io.BytesIO(data)) as image:
                    image.load()
            except (OSError, ValueError) as problem:
                yield f"picture {index} is missing or damaged ({problem})"
                continue
            digest = hashlib.sha256(data).hexdigest()
            if not digest == picture.sha256 == order.pictures.get(str(index)) or len(data) != picture.byte_size:
                yield f"picture {index} is not the one that the upstream sent"

    @staticmethod
    def _failed(row: Generation, kind: Kind) -> Iterable[str]:
        message = IN_VAIN if kind.task else DECLINED["error"]["message"]
        if not kind.fails or row.error_message != message:
            yield f"failed, although the upstream did not say so ({row.error_code}: {row.error_message})"

    def _interrupted(self, row: Generation, order: Order) -> Iterable[str]:
        if row.task_id or row.accepted_at:
            yield "interrupted, although the studio knew that the upstream had accepted it"
        if row.results or row.pictures.all():
            yield "interrupted, although the studio knew that the upstream had delivered"
        assert row.submitted_at is not None
        sent_at = row.submitted_at.timestamp()
        answered_at = max(order.ready_at if not order.task_ids else sent_at, sent_at)
        if not any(sent_at - BEFORE <= until and since <= answered_at + AFTER for since, until in self._deaths):
            yield "interrupted, although no process was killed or cut off while it was being sent"

    # -- the rest

    def _check_files(self) -> None:
        """The inbox is empty. Count files in the media that belong to no picture."""
        for name, entry in sorted(entries(default_storage, INBOX).items()):
            pk = name.partition("-")[0]
            row = Generation.objects.filter(pk=pk).first()
            state = row.state if row else "missing"
            if state == State.INTERRUPTED and entry.size < int(name.rpartition("-")[2]):
                # The engine was killed while it wrote this file; the rest of the answer is lost.
                self.verdict.figures["half-stored pictures"] += 1
            else:
                self._complain(f"{name} was left in the inbox; its generation is {state}.")
        known = set(Picture.objects.values_list("original", flat=True))
        stems = {name.rpartition(".")[0] for name in known}
        files = list(_files_below("pictures"))
        # Thumbnails lie beside their original, and their names begin with its stem.
        self.verdict.figures["files of killed fetches"] = sum(
            name not in known and name.rpartition("-")[0] not in stems for name in files
        )

    def _check_log(self) -> None:
        """The log has no traceback: a killed process writes none, and the others must cope."""
        figures = self.verdict.figures
        figures["supervisor gave up"] = self._log.count("Giving up; what it wrote above may say why")
        figures["starts that found the port taken"] = self._log.count("Cannot listen at")
        tracebacks: Counter[str] = Counter()
        for block in self._log.split("Traceback (most recent call last):")[1:]:
            last = next((line for line in block.splitlines()[1:] if line and not line[0].isspace()), "?")
            tracebacks[last[:160]] += 1
        for last, times in tracebacks.items():
            self._complain(f"{times} × in the log, with a traceback: {last}")


def _files_below(folder: str) -> Iterator[str]:
    folders, names = default_storage.listdir(folder)
    yield from (f"{folder}/{name}" for name in names)
    for name in folders:
        yield from _files_below(f"{folder}/{name}")
