"""What has become of everything: each row beside what the upstream did, each file beside what it sent."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings
from PIL import Image

from gallery.engine.results import INBOX
from gallery.models import Generation, Picture, State
from gallery.queries.ledger import discrepancies
from tests.soak.killer import WEB
from tests.soak.kinds import Kind, kind_of
from tests.soak.people import GenerationSpec
from tests.soak.upstream import DECLINED, IN_VAIN, Order
from tests.soak.watch import Kill

# Seconds. A cluster works on for a moment until it sees that one of its own was killed; an answer is written down a
# moment after it was sent.
BEFORE, AFTER = 3.0, 3.0


@dataclass
class Verdict:
    problems: list[str] = field(default_factory=list)
    # (kind, end) → rows
    ends: Counter[tuple[str, str]] = field(default_factory=Counter)
    figures: Counter[str] = field(default_factory=Counter)


class Judge:
    def __init__(self, specs: Iterable[GenerationSpec], orders: dict[str, Order], kills: list[Kill], log: Path) -> None:
        self.verdict = Verdict()
        self._specs = list(specs)
        self._orders = orders
        # After any of these, what was being sent may be of unknown outcome.
        self._deaths = [kill.at for kill in kills if kill.victim not in WEB and kill.signal == kill.signal.SIGKILL]
        self._log = log

    def judge(self) -> Verdict:
        rows = defaultdict(list)
        for row in Generation.objects.order_by("pk").prefetch_related("pictures"):
            rows[row.prompt].append(row)
        self._nothing_missing(rows)
        for prompt, mine in rows.items():
            for row in mine:
                self._row(row, kind_of(prompt), self._orders.get(prompt, Order()))
        self._nothing_left_behind()
        self._nothing_unforeseen()
        for discrepancy in discrepancies():
            self._wrong(f"The ledger does not add up: {discrepancy}")
        figures = self.verdict.figures
        figures["generations"] = len(rows)
        figures["forms sent more than once"] = sum(spec.sent > 1 for spec in self._specs)
        figures["pictures kept"] = Picture.objects.count()
        figures["POSTs"] = sum(order.posts for order in self._orders.values())
        figures["generations POSTed twice"] = sum(order.posts > 1 for order in self._orders.values())
        figures["polls"] = sum(order.polls for order in self._orders.values())
        return self.verdict

    def _wrong(self, text: str) -> None:
        self.verdict.problems.append(text)

    def _nothing_missing(self, rows: dict[str, list[Generation]]) -> None:
        for spec in self._specs:
            if not spec.accepted:
                self._wrong(f"“{spec.prompt}” was never taken, sent {spec.sent} times.")
            if (number := len(rows.get(spec.prompt, []))) != 1:
                self._wrong(f"“{spec.prompt}” has {number} rows.")
        known = {spec.prompt for spec in self._specs}
        for prompt in (rows.keys() | self._orders.keys()) - known:
            self._wrong(f"“{prompt}” was never asked for.")

    # -- one row

    def _row(self, row: Generation, kind: Kind, order: Order) -> None:
        end = row.state
        if end == State.INTERRUPTED:
            end += ", POSTed" if order.posts else ", not POSTed"
        self.verdict.ends[kind.name, end] += 1
        who = f"Generation {row.pk} ({row.prompt}, {row.state})"
        if order.posts > 1:
            self._wrong(f"{who} was POSTed {order.posts} times.")
        match row.state:
            case State.COMPLETED:
                said = self._completed(row, kind, order)
            case State.FAILED:
                said = self._failed(row, kind)
            case State.INTERRUPTED:
                said = self._interrupted(row, order)
            case _:
                said = ["is no end"]
        for one in said:
            self._wrong(f"{who}: {one}.")

    @staticmethod
    def _completed(row: Generation, kind: Kind, order: Order) -> Iterable[str]:
        if kind.fails:
            yield "the upstream made no picture"
        pictures = {picture.index: picture for picture in row.pictures.all()}
        if pictures.keys() != set(range(kind.count)):
            yield f"has the pictures {sorted(pictures)} of {kind.count}"
        for index, picture in pictures.items():
            try:
                data = Path(picture.original.path).read_bytes()
                with Image.open(picture.original.path) as image:
                    image.load()
            except (OSError, ValueError) as problem:
                yield f"picture {index} is not there whole ({problem})"
                continue
            digest = hashlib.sha256(data).hexdigest()
            if not digest == picture.sha256 == order.pictures.get(str(index)) or len(data) != picture.byte_size:
                yield f"picture {index} is not the one that the upstream sent"

    @staticmethod
    def _failed(row: Generation, kind: Kind) -> Iterable[str]:
        said = IN_VAIN if kind.task else DECLINED["error"]["message"]
        if not kind.fails or row.error_message != said:
            yield f"the upstream never said so ({row.error_code}: {row.error_message})"

    def _interrupted(self, row: Generation, order: Order) -> Iterable[str]:
        if row.task_id or row.accepted_at:
            yield "the upstream had taken it, and the studio knew"
        if row.results or row.pictures.all():
            yield "the upstream had delivered, and the studio knew"
        assert row.submitted_at is not None
        sent_at = row.submitted_at.timestamp()
        answered_at = max(order.ready_at if not order.task_ids else sent_at, sent_at)
        if not any(sent_at - BEFORE <= death <= answered_at + AFTER for death in self._deaths):
            yield "no process was killed while it was being sent"

    # -- the rest

    def _nothing_left_behind(self) -> None:
        media = Path(settings.MEDIA_ROOT)
        for path in sorted((media / INBOX).glob("*")):
            pk = path.name.partition("-")[0]
            row = Generation.objects.filter(pk=pk).first()
            state = row.state if row else "not there"
            if state == State.INTERRUPTED and path.stat().st_size < int(path.name.rpartition("-")[2]):
                # The engine was killed while it wrote this; there is no other copy.
                self.verdict.figures["half-stored pictures"] += 1
            else:
                self._wrong(f"{path.name} was left in the inbox; its generation is {state}.")
        known = set(Picture.objects.values_list("original", flat=True))
        stems = {name.rpartition(".")[0] for name in known}
        files = [str(path.relative_to(media)) for path in (media / "pictures").rglob("*") if path.is_file()]
        # Adjacent an original stand its thumbnails, whose names begin like its own.
        self.verdict.figures["files of killed fetches"] = sum(
            name not in known and name.rpartition("-")[0] not in stems for name in files
        )

    def _nothing_unforeseen(self) -> None:
        text = self._log.read_text(errors="replace")
        figures = self.verdict.figures
        figures["supervisor gave up"] = text.count("Giving up; what it wrote above may say why")
        figures["starts that found the port taken"] = text.count("Cannot listen at")
        tracebacks: Counter[str] = Counter()
        for block in text.split("Traceback (most recent call last):")[1:]:
            last = next((line for line in block.splitlines()[1:] if line and not line[0].isspace()), "?")
            tracebacks[last[:160]] += 1
        # A killed process logs nothing, and one that lives on meets no error.
        for last, times in tracebacks.items():
            self._wrong(f"{times} × in the log, with a traceback: {last}")
