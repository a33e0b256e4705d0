"""The moves of a generation: how its state changes, from the queue to its pictures.

The row is the truth: queue messages carry ids only, and any of them may be lost or come twice. Every move is one
conditional UPDATE: it changes the row only if the row is still in a state that the move starts from. A move returns
whether this call made the change.

    move              from                                      to                       who makes it
    ----------------  ----------------------------------------  -----------------------  --------------------------
    claim             queued                                    submitting               the engine, before it sends
    note_sent         submitting                                submitting               the engine, right before
    put_back          submitting                                queued                   the engine; surely not taken
    take_back         interrupted                               queued                   the engine; surely not taken
    accept            submitting, interrupted                   pending or processing    the upstream has a task
                      cancelled                                 cancelled                the same, for a late result
    note_progress     pending, processing                       pending or processing    the upstream, when polled
    deliver       $   MAY_STILL_ARRIVE (states.py)              saving                   the upstream's results
    ask_again         saving                                    processing               the ingest; address is dead
    fetch_last_time   pending, processing                       saving                   nothing new at the upstream
    complete      $   saving                                    completed                the ingest
    fail          $   all that are under way                    failed                   the engine and the ingest
    interrupt     $   submitting                                interrupted              the engine; outcome unknown
    withdraw      $   queued                                    cancelled                the engine or a retry
    stop_waiting  $   queued, submitting, pending, processing   cancelled                a person: Cancel
    fetch_again   $   failed, completed                         saving                   a person: Fetch again

Moves with $ may change what the generation costs, so they book that in the same transaction.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import models, transaction
from django.db.models import F
from django.db.models.functions import Coalesce
from django.utils import timezone

from gallery.models.catalogue import ImageModel
from gallery.models.generation_fields import GenerationFields
from gallery.models.generation_queryset import GenerationQuerySet
from gallery.models.kept_file import is_message
from gallery.models.ledger import book
from gallery.models.metric import COUNTERS
from gallery.models.states import FETCH_ATTEMPTS, MAY_STILL_ARRIVE, UNDER_WAY, State

NO_ERROR = {"error_code": "", "error_message": "", "error_hint": ""}
# For a row that no longer waits for a reason of its own.
NO_REASON: dict[str, Any] = {**NO_ERROR, "suggested_model": None}


class Generation(GenerationFields):
    """One request to one model."""

    objects = GenerationQuerySet.as_manager()

    # -- moves of the engine

    def claim(self, fence: int) -> bool:
        """This engine, the holder of `fence`, will send it. As long as `submitted_at` is empty, nothing was sent."""
        changes: dict[str, Any] = {"fence": fence, "submitted_at": None, "due_at": None}
        if not self._move(State.SUBMITTING, from_=[State.QUEUED], **changes, **NO_REASON):
            return False
        self.fence = fence
        return True

    @classmethod
    def note_sent(cls, pks: Iterable[int], fence: int) -> set[int]:
        """Note, for those still claimed under this fence and not cancelled, that their requests go out now.

        Return which these are. The others must not be sent, and these not before the transaction is committed.
        """
        now = timezone.now()
        claimed = cls.objects.filter(pk__in=pks, fence=fence)
        claimed.filter(submitted_at=None).move(State.SUBMITTING, from_=[State.SUBMITTING], submitted_at=now)
        return set(claimed.filter(state=State.SUBMITTING, submitted_at=now).values_list("pk", flat=True))

    def put_back_unsent(self) -> bool:
        """Queue it again if its engine, which is gone or does not know that it lost its lease, has not sent it."""
        unsent = Generation.objects.filter(pk=self.pk, fence=self.fence, submitted_at=None)
        return bool(unsent.move(State.QUEUED, from_=[State.SUBMITTING]))

    def put_back(self, due_at: datetime | None = None, **reason: Any) -> bool:
        """Queue it again: the upstream surely did not take the request. With `due_at`, that counts as an attempt.

        It ends only the claim that this object knows: another engine may have claimed the row since and be sending it.
        `reason` holds what the card says while it waits, and when it was refused.
        """
        claimed = Generation.objects.filter(pk=self.pk, fence=self.fence)
        attempts = F("attempts") + (1 if due_at else 0)
        changes = {"due_at": due_at, "attempts": attempts, "submitted_at": None, **reason}
        return bool(claimed.move(State.QUEUED, from_=[State.SUBMITTING], **changes))

    def take_back(self, due_at: datetime | None = None, **reason: Any) -> bool:
        """Queue it again after another engine took its outcome for unknown: it was surely not taken.

        Not if a person has meanwhile asked for it another time.
        """
        claimed = Generation.objects.filter(pk=self.pk, fence=self.fence, retries=None, results=[], task_id="")
        changes = {"due_at": due_at, "submitted_at": None, "finished_at": None, "is_new": False, "dismissed": False}
        with transaction.atomic():
            if not claimed.move(State.QUEUED, from_=[State.INTERRUPTED], **{**changes, **NO_REASON, **reason}):
                return False
            Generation.bring_ledger_up_to_date(self.pk)
            return True

    def accept(self, *, task_id: str, poll_url: str, processing: bool, progress: int | None, due_at: datetime) -> bool:
        """The upstream took it and works on it. That is noted even after a cancel, so that a result is kept."""
        task: dict[str, Any] = {
            "task_id": task_id,
            "poll_url": poll_url,
            "progress": progress,
            "accepted_at": timezone.now(),
            "due_at": due_at,
            "attempts": 0,
        }
        working = State.PROCESSING if processing else State.PENDING
        return self._move(working, from_=[State.SUBMITTING, State.INTERRUPTED], finished_at=None, **task) or self._move(
            State.CANCELLED, from_=[State.CANCELLED], **task
        )

    def note_progress(self, *, processing: bool, progress: int | None) -> bool:
        to = State.PROCESSING if processing else State.PENDING
        return self._move(to, from_=[State.PENDING, State.PROCESSING], progress=progress)

    def deliver(
        self,
        results: list[dict[str, str]],
        *,
        fetch_by: datetime,
        unfinished_at: datetime | None = None,
        from_: Iterable[State] = MAY_STILL_ARRIVE,
    ) -> bool:
        """The upstream's results are known. The pictures are still to be fetched."""
        return self._move_and_book(
            State.SAVING,
            from_=from_,
            results=results,
            # From the first delivery on, attempts are those of the ingest.
            attempts=models.Case(
                models.When(delivered_at=None, then=0),
                default=F("attempts"),
                output_field=models.PositiveSmallIntegerField(),
            ),
            delivered_at=Coalesce(F("delivered_at"), timezone.now()),
            unfinished_at=Coalesce(F("unfinished_at"), unfinished_at, output_field=models.DateTimeField()),
            due_at=fetch_by,
            progress=None,
            dismissed=False,
            finished_at=None,
            **NO_ERROR,
        )

    def claim_ingest(self, seconds: float) -> bool:
        """Keep other processes from fetching its pictures for so long. Called again, it prolongs this claim.

        No move: the state stays. Return False if another process fetches them, or there is nothing to fetch.
        """
        now = timezone.now()
        rows = Generation.objects.filter(pk=self.pk)
        mine = rows.filter(ingest_until=self.ingest_until, state=State.SAVING)
        until = now + timedelta(seconds=seconds)
        # If this process dies, the row is due when its claim is over.
        if not (mine if self.ingest_until else rows.free_to_ingest(now)).update(ingest_until=until, due_at=until):
            return False
        self.ingest_until = until
        return True

    def release_ingest(self) -> None:
        """Let others fetch what this process has claimed and not fetched."""
        Generation.objects.filter(pk=self.pk, ingest_until=self.ingest_until).update(ingest_until=None)

    def give_up_result(self, index: int, why: str) -> None:
        """Note that a result is lost, unless an answer has named another place for it since this row was read."""
        seen = self.results[index]
        with transaction.atomic():
            row = Generation.objects.select_for_update().only("results").get(pk=self.pk)
            now = row.results[index]
            if all(now.get(name, "") == seen.get(name, "") for name in ("url", "file")):
                row.note_result(index, lost=why)
        self.refresh_from_db(fields=["results"])

    def note_result(self, index: int, **notes: str) -> bool:
        """Note what became of one result: `kept`, `what`, `why`, or `lost` with the reason.

        Beside a kept file, `fresh` says that another copy can still be fetched, `beside` that there is a picture, too.
        Return whether that was news. A note without a text is taken back. No move: the state stays.
        """
        with transaction.atomic():
            results = Generation.objects.select_for_update().values_list("results", flat=True).get(pk=self.pk)
            if index >= len(results) or (notes.get("kept") and not _is_better(notes["kept"], results[index])):
                return False
            if notes.get("kept") and self.pictures.filter(index=index).exists():
                notes["beside"] = "yes"
            noted = {**results[index], **notes}
            results[index] = {name: text for name, text in noted.items() if text or name in ("url", "revised_prompt")}
            Generation.objects.filter(pk=self.pk).update(results=results, version=F("version") + 1)
        self.results = results
        return True

    def note_picture(self, index: int) -> None:
        """In the transaction that creates the picture of a result: a file kept for it stays, beside the picture."""
        results = Generation.objects.select_for_update().values_list("results", flat=True).get(pk=self.pk)
        if index < len(results) and results[index].get("kept"):
            self.note_result(index, beside="yes", fresh="")

    def delete_kept_file(self, index: int) -> str:
        """Forget a kept file, and remember that this result has come; return the file's name in storage, "" if none."""
        with transaction.atomic():
            row = Generation.objects.select_for_update().only("results", "deleted_results").get(pk=self.pk)
            file = next((one for one in row.kept_files if one.index == index), None)
            name = file.name if file else ""
            if file:
                row.note_result(index, kept="", what="", why="", fresh="", beside="")
                gone = sorted({*row.deleted_results, *([index] if file.stands_for_result else [])})
                Generation.objects.filter(pk=self.pk).update(deleted_results=gone, version=F("version") + 1)
        return name

    def ask_again(self, **changes: Any) -> bool:
        """Its picture could not be fetched. The engine will ask the upstream for a fresh address."""
        return self._move(State.PROCESSING, from_=[State.SAVING], **changes)

    def fetch_last_time(self, fetch_by: datetime) -> bool:
        """The upstream has nothing new to say: try its earlier addresses once more."""
        delivered = Generation.objects.filter(pk=self.pk).exclude(results=[])
        changes = {"attempts": FETCH_ATTEMPTS - 1, "due_at": fetch_by}
        return bool(delivered.move(State.SAVING, from_=[State.PENDING, State.PROCESSING], **changes))

    def complete(self, cost: Decimal | None) -> bool:
        return self._end(State.COMPLETED, from_=[State.SAVING], is_new=True, due_at=None, attempts=0, cost=cost)

    def fail(
        self,
        code: str,
        message: str,
        hint: str = "",
        *,
        suggested_model: ImageModel | None = None,
        due_at: datetime | None = None,
        from_: Iterable[State] = UNDER_WAY,
    ) -> bool:
        """It ended without a picture. With `due_at` the engine goes on asking for a late one."""
        error = {"error_code": code[:100], "error_message": message, "error_hint": hint}
        return self._end(
            State.FAILED, from_=from_, is_new=True, due_at=due_at, suggested_model=suggested_model, **error
        )

    def interrupt(self, code: str = "", message: str = "", hint: str = "") -> bool:
        """It is not known whether the upstream took it. The studio never sends it again by itself."""
        error = {"error_code": code[:100], "error_message": message, "error_hint": hint}
        return self._end(State.INTERRUPTED, from_=[State.SUBMITTING], is_new=True, due_at=None, **error)

    def expect_no_more(self, *, refunded: bool = False) -> None:
        """It has ended, and nothing more will come. `refunded`: the upstream ended the task, and so refunds it.

        No move: the state stays.
        """
        with transaction.atomic():
            ended = Generation.objects.filter(pk=self.pk, state__in=(State.CANCELLED, State.FAILED))
            # A refund that is known stays known.
            if ended.update(due_at=None, **({"refunded": True} if refunded else {})) and refunded:
                Generation.bring_ledger_up_to_date(self.pk)

    # -- moves of a person

    def withdraw(self) -> bool:
        """Cancel only if it was not sent yet."""
        return self._end(State.CANCELLED, from_=[State.QUEUED], due_at=None)

    def stop_waiting(self) -> bool:
        """Cancel. If it was sent already, the studio only stops waiting, and keeps a result that still comes."""
        if self.withdraw():
            return True
        # A delivered one that waits for a fresh address cannot be cancelled any more.
        sent = (State.SUBMITTING, State.PENDING, State.PROCESSING)
        return self._end(State.CANCELLED, from_=sent, only={"results": []})

    def fetch_again(self) -> bool:
        """Try once more to store what the upstream delivered and the studio lacks."""
        return self.is_missing_pictures and self._move_and_book(
            State.SAVING,
            from_=[State.FAILED, State.COMPLETED],
            attempts=0,
            finished_at=None,
            due_at=timezone.now() + timedelta(minutes=1),
            **NO_ERROR,
        )

    # -- how a move is made

    def _move(self, to: State, *, from_: Iterable[State], only: dict[str, Any] | None = None, **changes: Any) -> bool:
        """Make one move; `only` names further conditions that the row has to meet."""
        return bool(Generation.objects.filter(pk=self.pk, **(only or {})).move(to, from_=from_, **changes))

    def _move_and_book(self, to: State, *, from_: Iterable[State], **changes: Any) -> bool:
        """For moves after which the generation may cost something else than before."""
        with transaction.atomic():
            moved = self._move(to, from_=from_, **changes)
            if moved:
                Generation.bring_ledger_up_to_date(self.pk)
            return moved

    def _end(self, to: State, *, from_: Iterable[State], **changes: Any) -> bool:
        ended = self._move_and_book(to, from_=from_, finished_at=timezone.now(), **changes)
        if ended:
            COUNTERS.add("generations_ended", state=str(to))
        return ended

    @classmethod
    def bring_ledger_up_to_date(cls, pk: int) -> None:
        """In a transaction that has just written this row, and so holds its lock."""
        row = cls.objects.select_related("author").defer("prompt").get(pk=pk)
        book(row, *row.costs_by_now)


def _is_better(name: str, result: dict[str, str]) -> bool:
    """Whether to keep this file for a result: the first one stays, unless it was a mere text."""
    return not result.get("kept") or (is_message(result["kept"]) and not is_message(name))
