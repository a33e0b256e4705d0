"""Which requests wait while others go on, because the upstream turns away only these.

A refusal for a limit or for money concerns the whole account at first. If it repeats for one request while others of
its model pass, it concerns that request. If it repeats for one model while other models pass, it concerns that model.
And if the answer says that the request costs more than the balance, it concerns what costs more than the balance.
"""

import time
from collections.abc import Container
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_noop

from gallery.engine.timing import Timing
from gallery.models import Generation, State, UpstreamAccount
from gallery.models.generation import NO_REASON
from gallery.models.sentences import MODEL_IS_TURNED_AWAY

GOES_ON = gettext_noop("It goes on by itself; nothing is lost.")
# So many requests are remembered as refused; far more than may be queued for long.
REMEMBERED = 10_000


class Scope(Enum):
    """Whom a refusal concerns."""

    REQUEST = "this request"
    HELD = "those that a hold describes"
    ACCOUNT = "the whole account"


@dataclass(slots=True, kw_only=True)
class Hold:
    """Requests of one model, or requests that cost more than so much. When its time is over, one of them is tried."""

    model_id: int | None = None
    above: Decimal | None = None  # US dollars
    code: str
    message: str
    refusals: int = 1
    until: float = 0.0  # of the monotonic clock
    # The request that was sent last to see whether it is over.
    trial: int | None = None

    @property
    def rows(self) -> Q:
        return Q(model=self.model_id) if self.above is None else Q(estimated_cost__gt=self.above)

    def covers(self, generation: Generation) -> bool:
        if self.above is None:
            return generation.model_id == self.model_id
        return generation.estimated_cost is not None and generation.estimated_cost > self.above


class Holds:
    """All of one account. Times are of the monotonic clock. Not thread-safe: the engine's loop alone uses it."""

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self._holds: list[Hold] = []
        # When a request, and one of a model, was refused last; and when one of a model that then passed was sent.
        self._refused: dict[int, float] = {}
        self._refused_models: dict[int, float] = {}
        self._passed: dict[int, float] = {}

    # -- what is held

    def blocked(self, on_its_way: Container[int]) -> Q:
        """The requests not to send now. Of a hold whose time is over, one at a time may go."""
        now = time.monotonic()
        blocked = Q()
        for hold in self._holds:
            if now < hold.until or hold.trial in on_its_way:
                blocked |= hold.rows
        return blocked

    def may_try(self, generation: Generation, on_its_way: Container[int]) -> bool:
        """Whether none that shares a hold with it is being tried."""
        return not any(hold.trial in on_its_way for hold in self._of(generation))

    def note_sent(self, generation: Generation) -> None:
        for hold in self._of(generation):
            hold.trial = generation.pk

    def _of(self, generation: Generation) -> list[Hold]:
        return [hold for hold in self._holds if hold.covers(generation)]

    # -- what came of requests

    def passed(self, generation: Generation, asked_at: float) -> None:
        """A request was taken that went out at `asked_at`: what held others like it is over."""
        self._passed[generation.model_id] = max(asked_at, self._passed.get(generation.model_id, 0.0))
        self._refused.pop(generation.pk, None)
        for hold in self._of(generation):
            if hold.trial == generation.pk:
                self._lift(hold)

    def refused(self, generation: Generation) -> Scope:
        """Whom this refusal concerns, by what other requests have met since this one, or its model, was refused."""
        now, model = time.monotonic(), generation.model_id
        row_before, model_before = self._refused.get(generation.pk), self._refused_models.get(model)
        if len(self._refused) >= REMEMBERED:
            self._refused.clear()
        self._refused[generation.pk] = self._refused_models[model] = now
        if any(hold.above is None for hold in self._of(generation)):
            return Scope.HELD
        own_passed = self._passed.get(model, 0.0)
        others_passed = max((at for other, at in self._passed.items() if other != model), default=0.0)
        if row_before is not None and own_passed > row_before:
            return Scope.REQUEST
        if model_before is not None and others_passed > model_before > own_passed:
            return Scope.HELD
        return Scope.ACCOUNT

    def hold_model(self, generation: Generation, code: str, message: str, told: float | None) -> None:
        words = MODEL_IS_TURNED_AWAY % {"model": generation.model.label, "said": message}
        self._add(Hold(model_id=generation.model_id, code=code, message=words), told)

    def hold_above(self, balance: Decimal, code: str, told: float | None) -> None:
        """Hold what costs more than the balance; what was held by an earlier balance is let go."""
        words = gettext_noop("The account’s balance is $%(balance)s, and this costs more.") % {
            "balance": f"{balance:.2f}"
        }
        self._add(Hold(above=balance, code=code, message=words), told)

    def _add(self, hold: Hold, told: float | None) -> None:
        now = time.monotonic()
        for earlier in [one for one in self._holds if _is_same_kind(one, hold)]:
            # What was on its way when it began says nothing new.
            hold.refusals = earlier.refusals + (now >= earlier.until)
            hold.until = earlier.until
            self._lift(earlier, save=False)
        hold.until = max(hold.until, now + (told or self._timing.hold_for(hold.refusals - 1)))
        self._holds.append(hold)
        self._save()
        self.explain()

    def _lift(self, hold: Hold, *, save: bool = True) -> None:
        self._holds.remove(hold)
        waiting = Generation.objects.filter(hold.rows, error_message=hold.message)
        waiting.move(State.QUEUED, from_=[State.QUEUED], **NO_REASON)
        if save:
            self._save()

    def clear(self) -> None:
        for hold in list(self._holds):
            self._lift(hold, save=False)

    def explain(self) -> None:
        """Write on what waits why it waits; also on what has been asked for since the hold began."""
        for hold in self._holds:
            silent = Generation.objects.filter(hold.rows, error_message="")
            silent.move(
                State.QUEUED,
                from_=[State.QUEUED],
                error_code=hold.code[:100],
                error_message=hold.message,
                error_hint=GOES_ON,
            )

    # -- what another engine reads

    def _save(self) -> None:
        now, moment = time.monotonic(), timezone.now()
        rows = [_as_row(hold, now, moment) for hold in self._holds]
        UpstreamAccount.objects.filter(pk=1).update(holds=rows)

    def load(self) -> None:
        """Take over what an engine before this one held."""
        now, moment = time.monotonic(), timezone.now()
        self._holds = [_from_row(row, now, moment) for row in UpstreamAccount.load().holds]

    def look(self, account: UpstreamAccount) -> None:
        """An administrator may have let everything go on."""
        if self._holds and not account.holds:
            self.clear()
        self.explain()


def _is_same_kind(one: Hold, other: Hold) -> bool:
    if one.above is None or other.above is None:
        return one.above is other.above and one.model_id == other.model_id
    return True


def _as_row(hold: Hold, now: float, moment: datetime) -> dict[str, Any]:
    left = max(0.0, hold.until - now)
    row = asdict(hold)
    del row["trial"]
    above = None if hold.above is None else str(hold.above)
    return {**row, "above": above, "until": (moment + timedelta(seconds=left)).isoformat(), "seconds": left}


def _from_row(row: dict[str, Any], now: float, moment: datetime) -> Hold:
    left = (datetime.fromisoformat(row["until"]) - moment).total_seconds()
    # No longer than it was to last: a clock may have been put back since.
    until = now + min(max(0.0, left), row["seconds"])
    above = None if row["above"] is None else Decimal(row["above"])
    return Hold(
        model_id=row["model_id"],
        above=above,
        code=row["code"],
        message=row["message"],
        refusals=row["refusals"],
        until=until,
    )
