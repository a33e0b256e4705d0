"""One request to one model, and the states of its life.

The row is the truth: queue messages carry ids only, and any of them may be lost or come twice. Every change of state
is one conditional UPDATE, `move()`: one row changed means that the change was ours to make.
"""

import hashlib
import json
import re
import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import PurePosixPath
from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils import timezone

from gallery.models.batch import Batch
from gallery.models.catalogue import ImageModel, options_key, size_in_pixels
from gallery.models.gallery import Gallery
from gallery.models.generation_queryset import GenerationQuerySet
from gallery.models.ledger import NOTHING, LedgerEntry, book, exact
from gallery.models.options import Operation
from gallery.models.states import (
    ADMIN_HELPS,
    EDIT_HELPS,
    ENDED_IN_VAIN,
    ERROR_TITLES,
    FETCH_ATTEMPTS,
    MAY_STILL_ARRIVE,
    UNCLEAR_CHARGE,
    UNDER_WAY,
    State,
)
from gallery.models.token_prices import cost_from_usage


def fingerprint(model_id: int, prompt: str, options: dict[str, str]) -> str:
    """The same for two requests that ask for the same, however many pictures each wants."""
    return hashlib.sha256(json.dumps([model_id, prompt, options], sort_keys=True).encode()).hexdigest()


# What goes along with an edit says its size in its name, so that nobody has to open it for that.
SIZE_IN_NAME = re.compile(r"-(\d{1,5})x(\d{1,5})\.\w+$")
# Why it failed: the file of the picture to edit or vary is not there any more.
SOURCE_GONE = "source_gone"


class Generation(models.Model):
    class Kind(models.TextChoices):
        CREATE = "create", "Picture"
        EDIT = "edit", "Edit"
        VARIATION = "variation", "Variation"

    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="generations")
    model = models.ForeignKey(ImageModel, on_delete=models.PROTECT, related_name="generations")
    prompt = models.TextField(max_length=4000)
    options = models.JSONField(default=dict, blank=True)
    count = models.PositiveSmallIntegerField("pictures asked for", default=1)
    gallery = models.ForeignKey(Gallery, on_delete=models.SET_NULL, null=True, blank=True, related_name="generations")
    token = models.UUIDField(
        default=uuid.uuid4,
        editable=False,
        help_text="The form's; the same form sent twice is one request.",
    )
    kind = models.CharField(max_length=9, choices=Kind, default=Kind.CREATE)
    batch = models.ForeignKey(Batch, on_delete=models.SET_NULL, null=True, blank=True, related_name="generations")
    template = models.ForeignKey(
        "gallery.PromptTemplate", on_delete=models.SET_NULL, null=True, blank=True, related_name="generations"
    )
    parent = models.ForeignKey(
        "gallery.Picture",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="children",
        help_text="The picture that it was remixed, edited or varied from.",
    )
    source_file = models.CharField(
        max_length=200, blank=True, help_text="In storage: the picture that goes along with an edit or variation."
    )
    reference_files = models.JSONField(
        default=list, blank=True, help_text="In storage: further pictures that go along, after the first."
    )
    mask_file = models.CharField(max_length=200, blank=True, help_text="In storage: transparent where to paint anew.")
    fingerprint = models.CharField(
        max_length=64,
        blank=True,
        editable=False,
        help_text="The same for the same request, count aside.",
    )
    options_key = models.CharField(
        max_length=16, blank=True, editable=False, help_text="The same for the same options."
    )
    retry_of = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="retries")

    state = models.CharField(max_length=12, choices=State, default=State.QUEUED)
    version = models.PositiveIntegerField(default=1, help_text="Grows with every change that a card shows.")
    dismissed = models.BooleanField(default=False)
    is_new = models.BooleanField(
        "not seen yet", default=False, help_text="It has ended, and its author was not there to see it."
    )
    fence = models.PositiveBigIntegerField(default=0, editable=False, help_text="The engine's that sent it.")
    due_at = models.DateTimeField(
        null=True, blank=True, help_text="When the engine looks at it next; empty where nothing is left to do."
    )
    attempts = models.PositiveSmallIntegerField(default=0, help_text="In vain, of what is being tried now.")

    task_id = models.TextField(blank=True)
    poll_url = models.TextField(blank=True)
    progress = models.PositiveSmallIntegerField(null=True, blank=True, help_text="Percent, when the upstream tells.")
    results = models.JSONField(
        default=list, blank=True, help_text="What the upstream delivered: per picture its url or file, revised_prompt."
    )
    deleted_results = models.JSONField(
        default=list,
        blank=True,
        editable=False,
        help_text="Whose pictures were brought home and deleted for good since: their places among the results.",
    )

    error_code = models.CharField(max_length=100, blank=True)
    error_message = models.TextField(blank=True)
    error_hint = models.TextField(blank=True)
    suggested_model = models.ForeignKey(
        ImageModel,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="On offer, and named by the upstream instead.",
    )

    estimated_cost = models.DecimalField(max_digits=12, decimal_places=4, null=True, blank=True)
    cost = models.DecimalField(max_digits=12, decimal_places=4, null=True, blank=True)
    booked = models.DecimalField(
        max_digits=12, decimal_places=4, default=NOTHING, editable=False, help_text="What its ledger entries add up to."
    )
    refunded = models.BooleanField(
        default=False, editable=False, help_text="The upstream ended it in vain after the studio had stopped waiting."
    )

    created_at = models.DateTimeField(default=timezone.now, editable=False)
    submitted_at = models.DateTimeField("sent at", null=True, blank=True)
    accepted_at = models.DateTimeField(null=True, blank=True)
    unfinished_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="When the upstream last said that it was not ready."
    )
    delivered_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = GenerationQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["author", "token"], name="generation_once_per_form")]
        indexes = [
            models.Index(fields=["author", "-id"], condition=Q(dismissed=False), name="generation_feed"),
            models.Index(fields=["created_at"], name="generation_by_day"),
            models.Index(fields=["author", "created_at"], name="generation_of_author_by_day"),
            models.Index(fields=["state", "author", "id"], name="generation_by_state"),
            models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="generation_due"),
            models.Index(fields=["model", "-finished_at"], name="generation_durations"),
            models.Index(fields=["fingerprint"], condition=~Q(fingerprint=""), name="generation_by_fingerprint"),
        ]

    def __str__(self) -> str:
        return f"Generation {self.pk}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self._state.adding:
            if self.estimated_cost is not None:
                # Here and not in the database: each rounds in its own way.
                self.estimated_cost = exact(Decimal(self.estimated_cost))
            self.options_key = options_key(self.options)
            if self.kind == Generation.Kind.CREATE:
                self.fingerprint = fingerprint(self.model_id, self.prompt, self.options)
        super().save(*args, **kwargs)

    # -- one row's changes of state; each tells whether it was this call that made the change

    def _move(self, to: State, *, from_: Iterable[State], **changes: Any) -> bool:
        return bool(Generation.objects.filter(pk=self.pk).move(to, from_=from_, **changes))

    def _move_and_book(self, to: State, *, from_: Iterable[State], **changes: Any) -> bool:
        """For changes after which it may cost something else than before."""
        with transaction.atomic():
            moved = self._move(to, from_=from_, **changes)
            if moved:
                Generation.bring_ledger_up_to_date(self.pk)
            return moved

    @classmethod
    def bring_ledger_up_to_date(cls, pk: int) -> None:
        """In a transaction that has just written this row, and so holds its lock."""
        row = cls.objects.select_related("author").defer("prompt").get(pk=pk)
        book(row, *row.costs_by_now)

    @property
    def operation(self) -> Operation:
        """What the request does, which decides where it is sent and which options go along."""
        if self.kind == Generation.Kind.CREATE:
            return Operation.REFERENCES if self.source_file else Operation.GENERATE
        return Operation.EDIT if self.kind == Generation.Kind.EDIT else Operation.VARY

    @property
    def files_to_send(self) -> list[str]:
        """The pictures that go along, by their names in storage."""
        return [name for name in (self.source_file, *self.reference_files) if name]

    @property
    def options_for_upstream(self) -> dict[str, str | int | float | bool]:
        """The options of this operation as they are sent. One that the model has no more goes out as it was chosen."""
        known = {option.name: option for option in self.model.option_list}
        return {
            name: known[name].for_upstream(value) if name in known else value
            for name, value in self.options.items()
            if value != "" and (name not in known or known[name].belongs_to(self.operation))
        }

    @property
    def costs_by_now(self) -> tuple[Decimal, LedgerEntry.Kind]:
        """What it costs by what is known now, in US dollars, and what kind of knowledge that is."""
        if self.state == State.COMPLETED:
            return self.cost or NOTHING, LedgerEntry.Kind.SETTLED
        # What was delivered is to be paid for, whether or not all of it could be fetched.
        if self.results:
            return self.cost_of_results or NOTHING, LedgerEntry.Kind.SETTLED
        # Not sent, or refunded: nothing. Where nobody can know whether it was charged, the estimate stands.
        if self.state in ENDED_IN_VAIN and self.was_charged is False:
            return NOTHING, LedgerEntry.Kind.RELEASED
        return self.estimated_cost or NOTHING, LedgerEntry.Kind.RESERVED

    @property
    def cost_of_results(self) -> Decimal | None:
        """By what the upstream delivered, whether or not all of it could be fetched; None where no price is known.

        Tokens that the upstream counted tell what it really cost, if the model has prices for them.
        """
        usage = getattr(self, "usage", None)
        if usage and self.model.token_prices:
            counted = cost_from_usage(self.model.token_prices, usage)
            if counted is not None:
                return exact(counted)
        if self.estimated_cost is None or not self.count:
            return None
        return exact(self.estimated_cost / self.count * len(self.results))

    def claim(self, fence: int) -> bool:
        """Make it this engine's to send."""
        changes = {"fence": fence, "submitted_at": timezone.now(), "due_at": None}
        if not self._move(State.SUBMITTING, from_=[State.QUEUED], **changes):
            return False
        self.fence = fence
        return True

    def put_back(self, due_at: datetime | None = None) -> bool:
        """Queue it again: the request was surely not taken. With `due_at` that was an attempt of its own in vain.

        Only of the claim that this object knows: another engine may have claimed it since, and be sending it.
        """
        claimed = Generation.objects.filter(pk=self.pk, fence=self.fence)
        attempts = F("attempts") + (1 if due_at else 0)
        changes = {"due_at": due_at, "attempts": attempts, "submitted_at": None}
        return bool(claimed.move(State.QUEUED, from_=[State.SUBMITTING], **changes))

    def accept(self, *, task_id: str, poll_url: str, processing: bool, progress: int | None, due_at: datetime) -> bool:
        """The upstream took it and works on it. Known even if nobody waits any more, so that a result is kept."""
        taken = {
            "task_id": task_id,
            "poll_url": poll_url,
            "progress": progress,
            "accepted_at": timezone.now(),
            "due_at": due_at,
            "attempts": 0,
            "finished_at": None,
        }
        working = State.PROCESSING if processing else State.PENDING
        if self._move(working, from_=[State.SUBMITTING, State.INTERRUPTED], **taken):
            return True
        del taken["finished_at"]
        return self._move(State.CANCELLED, from_=[State.CANCELLED], **taken)

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
        """The upstream's results are known; what is left is to bring the pictures home."""
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
            error_code="",
            error_message="",
            error_hint="",
            dismissed=False,
            finished_at=None,
        )

    def fail(
        self,
        code: str,
        message: str,
        hint: str = "",
        *,
        suggested_model: ImageModel | None = None,
        due_at: datetime | None = None,
        from_: Iterable[State] = (State.QUEUED, State.SUBMITTING, State.PENDING, State.PROCESSING, State.SAVING),
    ) -> bool:
        """It ended without a picture. With `due_at` the engine goes on asking for a late one."""
        return self._move_and_book(
            State.FAILED,
            from_=from_,
            error_code=code[:100],
            error_message=message,
            error_hint=hint,
            suggested_model=suggested_model,
            due_at=due_at,
            finished_at=timezone.now(),
            is_new=True,
        )

    def interrupt(self, code: str = "", message: str = "", hint: str = "") -> bool:
        """Nobody knows whether the upstream took it; never sent again by itself."""
        return self._move_and_book(
            State.INTERRUPTED,
            from_=[State.SUBMITTING],
            error_code=code[:100],
            error_message=message,
            error_hint=hint,
            due_at=None,
            finished_at=timezone.now(),
            is_new=True,
        )

    def expect_no_more(self, *, refunded: bool = False) -> None:
        """It has ended, and nothing will come of it any more; `refunded` if the upstream says so by ending it, too."""
        with transaction.atomic():
            ended = Generation.objects.filter(pk=self.pk, state__in=(State.CANCELLED, State.FAILED))
            # Once known, it stays known.
            if ended.update(due_at=None, **({"refunded": True} if refunded else {})) and refunded:
                Generation.bring_ledger_up_to_date(self.pk)

    def ask_again(self, **changes: Any) -> bool:
        """Its picture could not be fetched; the upstream will be asked for a fresh address."""
        return self._move(State.PROCESSING, from_=[State.SAVING], **changes)

    def complete(self, cost: Decimal | None) -> bool:
        return self._move_and_book(
            State.COMPLETED,
            from_=[State.SAVING],
            due_at=None,
            attempts=0,
            cost=cost,
            finished_at=timezone.now(),
            is_new=True,
        )

    def stop_waiting(self) -> bool:
        """Cancel: at once if it was not sent yet; else the studio stops waiting, and keeps a result that comes."""
        if self._move_and_book(State.CANCELLED, from_=[State.QUEUED], due_at=None, finished_at=timezone.now()):
            return True
        # What was delivered and is only being asked about for a fresh address is not there to be cancelled any more.
        with transaction.atomic():
            waiting = Generation.objects.filter(pk=self.pk, results=[])
            sent = (State.SUBMITTING, State.PENDING, State.PROCESSING)
            moved = bool(waiting.move(State.CANCELLED, from_=sent, finished_at=timezone.now()))
            if moved:
                Generation.bring_ledger_up_to_date(self.pk)
            return moved

    def fetch_again(self) -> bool:
        """Try once more to bring home what the upstream delivered and is not here."""
        return self.is_missing_pictures and self._move_and_book(
            State.SAVING,
            from_=[State.FAILED, State.COMPLETED],
            attempts=0,
            finished_at=None,
            due_at=timezone.now() + timedelta(minutes=1),
            error_code="",
            error_message="",
            error_hint="",
        )

    def fetch_last_time(self, fetch_by: datetime) -> bool:
        """The upstream has nothing more to say: try the addresses that it gave before once more."""
        return bool(
            Generation.objects.filter(pk=self.pk)
            .exclude(results=[])
            .move(State.SAVING, from_=[State.PENDING, State.PROCESSING], attempts=FETCH_ATTEMPTS - 1, due_at=fetch_by)
        )

    # -- what a card says

    @property
    def is_under_way(self) -> bool:
        return self.state in UNDER_WAY

    @property
    def can_cancel(self) -> bool:
        if self.state == State.QUEUED:
            return True
        return self.state in (State.SUBMITTING, State.PENDING, State.PROCESSING) and not self.results

    @property
    def can_retry(self) -> bool:
        return self.state in ENDED_IN_VAIN

    @property
    def can_dismiss(self) -> bool:
        return self.can_retry

    @property
    def can_fetch(self) -> bool:
        return self.state in (State.FAILED, State.COMPLETED) and self.is_missing_pictures

    @property
    def brought_home(self) -> int:
        """How many pictures have come, those in the trash and those deleted for good among them."""
        arrived = getattr(self, "arrived", None)
        return (self.pictures.count() if arrived is None else int(arrived)) + len(self.deleted_results)

    @property
    def is_missing_pictures(self) -> bool:
        """Whether the upstream has delivered more than was brought home."""
        return len(self.results) > self.brought_home

    @property
    def width(self) -> int:
        return self._expected_size[0]

    @property
    def height(self) -> int:
        return self._expected_size[1]

    @property
    def _expected_size(self) -> tuple[int, int]:
        """Where the options leave it to the service (“auto”), an edit has the shape of what was sent."""
        sent = SIZE_IN_NAME.search(self.source_file)
        return size_in_pixels(self.options, (int(sent[1]), int(sent[2]))) if sent else size_in_pixels(self.options)

    @property
    def boxes(self) -> range:
        """One box for each picture to come."""
        return range(self.count)

    @property
    def ratio_class(self) -> str:
        return ratio_class(self.width, self.height)

    @property
    def place_in_queue(self) -> int | None:
        before = getattr(self, "queued_before", None)
        return before + 1 if before is not None else None

    @property
    def shortfall(self) -> int:
        """How many pictures of those asked for did not come."""
        return max(0, self.count - self.brought_home) if self.state == State.COMPLETED else 0

    @property
    def seconds_under_way(self) -> float | None:
        if self.submitted_at is None:
            return None
        return ((self.finished_at or timezone.now()) - self.submitted_at).total_seconds()

    @property
    def seconds_taken(self) -> int | None:
        """From sending to having the upstream's answer."""
        if self.submitted_at is None or self.delivered_at is None:
            return None
        return round((self.delivered_at - self.submitted_at).total_seconds())

    @property
    def usual_seconds(self) -> float | None:
        """What its model usually takes with these options, or at all; None where nothing is known."""
        return getattr(self, "typical_for_options", None) or self.model.typical_seconds

    @property
    def seconds_left(self) -> int | None:
        """By what this model usually takes; None where nothing is known or the usual time is over."""
        usual, so_far = self.usual_seconds, self.seconds_under_way
        if usual is None or so_far is None or not self.is_under_way or so_far >= usual:
            return None
        return max(1, round(usual - so_far))

    @property
    def progress_shown(self) -> int | None:
        """Percent: the upstream's own, else by what this model usually takes; 95 at most until it is there."""
        if self.progress is not None:
            return self.progress
        usual, so_far = self.usual_seconds, self.seconds_under_way
        if not usual or so_far is None:
            return None
        return min(95, round(100 * so_far / usual))

    @property
    def is_taking_longer(self) -> bool:
        slow = getattr(self, "slow_for_options", None) or self.model.slow_seconds
        so_far = self.seconds_under_way
        return bool(self.is_under_way and slow and so_far and so_far > slow)

    @property
    def error_title(self) -> str:
        if self.error_code == SOURCE_GONE:
            return "The picture to start from is gone"
        return ERROR_TITLES.get(self.error_code, "This one did not work")

    @property
    def next_step(self) -> str:
        """What helps best after a failure: "fetch", "use_model", "edit", "admin" or "retry"; "" if it did not fail."""
        if self.state != State.FAILED:
            return ""
        if self.can_fetch:
            return "fetch"
        if self.suggested_model is not None:
            return "use_model"
        if self.error_code in ADMIN_HELPS:
            return "admin"
        return "edit" if self.error_code in EDIT_HELPS or self.error_code == SOURCE_GONE else "retry"

    @property
    def start_over_url(self) -> str:
        """Where a person changes what was asked for, and asks again."""
        if self.kind == Generation.Kind.CREATE:
            return f"{reverse('create')}?prompt_from={self.pk}"
        if self.parent_id is not None:
            return f"{reverse('picture_edit', args=[self.parent_id])}?prompt_from={self.pk}"
        return f"{reverse('upload_edit', args=[PurePosixPath(self.source_file).name])}?prompt_from={self.pk}"

    @property
    def was_charged(self) -> bool | None:
        """Whether this cost money; None where nobody here can know."""
        if self.state == State.COMPLETED or self.results:
            return True
        if self.refunded:
            return False
        if self.submitted_at is None:
            return False
        if self.state == State.FAILED:
            # The contract refunds failed tasks and charges no refused request; on one that only we gave up, and
            # on errors of the upstream's own after it had taken a request, it promises nothing.
            return None if self.due_at or self.error_code in UNCLEAR_CHARGE else False
        return None

    @property
    def asked_for(self) -> list[tuple[str, str]]:
        """Label and value of each option, in the model's order."""
        known = {option.name: option for option in self.model.option_list}
        return [
            (known[name].label, known[name].in_words(value)) if name in known else (name, value)
            for name, value in self.options.items()
        ]


def ratio_class(width: int, height: int) -> str:
    """The CSS class of a box of this shape: .ar-040 … .ar-300, width over height in hundredths, in steps of 5."""
    ratio = round(100 * width / height / 5) * 5 if height else 100
    return f"ar-{min(300, max(40, ratio)):03d}"
