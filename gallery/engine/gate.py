"""Whether, and how often, the upstream account may be talked to."""

import time
from collections.abc import Callable
from datetime import datetime

from django.utils import timezone

from gallery import upstream
from gallery.engine.holds import Holds, Scope
from gallery.engine.rate_limit import Budget
from gallery.engine.timing import Timing
from gallery.models import Generation, UpstreamAccount

# After this many errors of the upstream's own in a row, the whole account waits.
TROUBLE_LIMIT = 5
# So many others are asked before a pause is over whose length the upstream did not name.
SECOND_OPINIONS = 5
# Administrators hear of a limit only if it lasts for longer than this, in seconds.
LONG_LIMIT = 600.0


class Gate:
    """The request budget, and what concerns the account as a whole: limits, refusals, an upstream that is down.

    While it is paused nothing goes out; when a pause is over, one request at a time asks whether the trouble is, too.
    If the upstream did not say how long to wait, a few others are asked earlier: the trouble may not be theirs.
    """

    def __init__(
        self, timing: Timing, requests_per_minute: float, tell_administrators: Callable[[], None] = lambda: None
    ) -> None:
        self.timing = timing
        self.budget = Budget(requests_per_minute)
        self.holds = Holds(timing)
        self.paused = False
        self.hold_until = 0.0
        # By the wall clock, as rows say when they were refused.
        self.paused_since: datetime | None = None
        # From then on, an answer tells whether the pause is over.
        self._ask_from = 0.0
        self._opinions_left = 0
        self._look_for_one_at = 0.0
        self._trouble = 0
        self._tell_administrators = tell_administrators

    @property
    def is_held(self) -> bool:
        return time.monotonic() < self.hold_until

    @property
    def wants_opinion(self) -> bool:
        """Whether one that was not refused in this pause may be asked before its time is over."""
        return self._opinions_left > 0 and time.monotonic() >= max(self._ask_from, self._look_for_one_at)

    def note_opinion(self, *, was_asked: bool) -> None:
        """One was sent, or there was none to send."""
        self._opinions_left -= was_asked
        self._look_for_one_at = time.monotonic() + self.timing.look_around

    def look(self) -> None:
        """See what the database says of the account: another engine may have paused it, an administrator resumed."""
        account = UpstreamAccount.load()
        self.holds.look(account)
        self.paused = account.is_paused and not account.is_paused_for_storage
        if not self.paused:
            self.hold_until = self._ask_from = 0.0
        elif not self.hold_until:
            # Another engine began it; one of our own was held for exactly as long as it was to be.
            self.hold_until = self._ask_from = time.monotonic() + account.seconds_to_hold

    def hold(self, problem: upstream.UpstreamError, seconds: float) -> None:
        """Pause the account: for as long as `problem` says, or else for `seconds`."""
        is_new = not self.paused
        seconds = problem.retry_after or seconds
        # A server in trouble may take the next request and lose it; a mere refusal costs nothing.
        may_ask = not problem.retry_after and isinstance(problem, upstream.RateLimited | upstream.AccountProblem)
        now = time.monotonic()
        # What comes of requests that were under way already does not end an earlier, longer pause.
        self.hold_until = max(self.hold_until, now + seconds)
        self._ask_from = max(self._ask_from, now + (min(seconds, self.timing.second_opinion) if may_ask else seconds))
        if is_new:
            self.paused_since = timezone.now()
            self._opinions_left = SECOND_OPINIONS if may_ask else 0
        self.paused = True
        seconds = self.hold_until - now
        UpstreamAccount.pause(
            problem.code, problem.message, problem.hint, seconds=seconds, balance_usd=problem.balance_usd
        )
        if is_new and (seconds > LONG_LIMIT or not isinstance(problem, upstream.RateLimited)):
            self._tell_administrators()

    def went_well(self, asked_at: float) -> None:
        """A request that went out at `asked_at` was answered; only one sent after a pause says that it is over."""
        if self.paused and asked_at < min(self.hold_until, self._ask_from):
            return
        self._trouble = 0
        if self.paused:
            self.paused = False
            self.hold_until = self._ask_from = 0.0
            UpstreamAccount.end_pause()

    def was_taken(self, generation: Generation, asked_at: float) -> None:
        """A POST of this one was answered well."""
        self.holds.passed(generation, asked_at)
        self.went_well(asked_at)

    def was_turned_away(self, generation: Generation, problem: upstream.UpstreamError, asked_at: float) -> Scope:
        """A POST of this one met a limit or a refusal for money: hold what that concerns, and no more."""
        if is_too_dear(problem):
            self._hold_for_balance(generation, problem)
            self.went_well(asked_at)
            return Scope.HELD
        scope = self.holds.refused(generation)
        match scope:
            case Scope.HELD:
                self.holds.hold_model(generation, problem.code, problem.message, problem.retry_after)
            case Scope.ACCOUNT:
                self.went_wrong(problem, asked_at)
        return scope

    def _hold_for_balance(self, generation: Generation, problem: upstream.UpstreamError) -> None:
        balance = problem.balance_usd
        if balance is None:
            return
        UpstreamAccount.note_balance(balance)
        if generation.estimated_cost is not None and generation.estimated_cost > balance:
            self.holds.hold_above(balance, problem.code, problem.retry_after)
        else:
            # The studio's own price is wrong or unknown, so others of this model would meet the same.
            self.holds.hold_model(generation, problem.code, problem.message, problem.retry_after)

    def went_wrong(self, problem: upstream.UpstreamError, asked_at: float) -> bool:
        """Take note of a problem; tell whether it is one of the whole account, so that no single row is to blame."""
        match problem:
            case upstream.RateLimited():
                self.hold(problem, self.timing.rate_limit)
            case upstream.AccountProblem() | upstream.Redirected():
                # A redirect means that the address in the settings is wrong, for every request alike.
                self.hold(problem, self.timing.account_pause)
            case upstream.ServerTrouble() if problem.sent or problem.retryable:
                self._trouble += 1
                if self._trouble >= TROUBLE_LIMIT:
                    self.hold(problem, self.timing.trouble_pause)
                return False
            case upstream.ServerTrouble() | upstream.Refused() | upstream.TaskGone():
                # The upstream is well; it is this one request that it does not want.
                self.went_well(asked_at)
                return False
            case _:
                return False
        return True


def is_too_dear(problem: upstream.UpstreamError) -> bool:
    """Whether the upstream says that this one request costs more than there is."""
    cost, balance = problem.estimated_cost_usd, problem.balance_usd
    return isinstance(problem, upstream.AccountProblem) and cost is not None and balance is not None and cost > balance
