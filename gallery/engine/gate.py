"""Whether, and how often, the upstream account may be talked to."""

import time
from collections.abc import Callable

from gallery import upstream
from gallery.engine.rate_limit import Budget
from gallery.engine.timing import Timing
from gallery.models import UpstreamAccount

# After this many errors of the upstream's own in a row, the whole account waits.
TROUBLE_LIMIT = 5


class Gate:
    """The request budget, and what concerns the account as a whole: limits, refusals, an upstream that is down.

    While it is paused nothing goes out; when a pause is over, one request at a time asks whether the trouble is, too.
    """

    def __init__(
        self, timing: Timing, requests_per_minute: float, tell_administrators: Callable[[], None] = lambda: None
    ) -> None:
        self.timing = timing
        self.budget = Budget(requests_per_minute)
        self.paused = False
        self.hold_until = 0.0
        self._trouble = 0
        self._tell_administrators = tell_administrators

    @property
    def is_held(self) -> bool:
        return time.monotonic() < self.hold_until

    def look(self) -> None:
        """See what the database says of the account: another engine may have paused it, an administrator resumed."""
        account = UpstreamAccount.load()
        self.paused = account.is_paused
        if not self.paused:
            self.hold_until = 0.0
        elif not self.hold_until:
            # Another engine began it; one of our own was held for exactly as long as it was to be.
            self.hold_until = time.monotonic() + account.seconds_to_hold

    def hold(self, problem: upstream.UpstreamError, seconds: float) -> None:
        is_new = not self.paused
        # What comes of requests that were under way already does not end an earlier, longer pause.
        now = time.monotonic()
        self.hold_until = max(self.hold_until, now + seconds)
        seconds = self.hold_until - now
        self.paused = True
        UpstreamAccount.pause(
            problem.code, problem.message, problem.hint, seconds=seconds, balance_usd=problem.balance_usd
        )
        if is_new and not isinstance(problem, upstream.RateLimited):
            self._tell_administrators()

    def went_well(self, asked_at: float) -> None:
        """A request that went out at `asked_at` was answered; only one sent after a pause says that it is over."""
        if self.paused and asked_at < self.hold_until:
            return
        self._trouble = 0
        if self.paused:
            self.paused = False
            self.hold_until = 0.0
            UpstreamAccount.resume()

    def went_wrong(self, problem: upstream.UpstreamError, asked_at: float) -> bool:
        """Take note of a problem; tell whether it is one of the whole account, so that no single row is to blame."""
        match problem:
            case upstream.RateLimited():
                self.hold(problem, problem.retry_after or self.timing.rate_limit)
            case upstream.AccountProblem() | upstream.Redirected():
                # A redirect means that the address in the settings is wrong, for every request alike.
                self.hold(problem, problem.retry_after or self.timing.account_pause)
            case upstream.ServerTrouble():
                self._trouble += 1
                if self._trouble >= TROUBLE_LIMIT:
                    self.hold(problem, self.timing.trouble_pause)
                return False
            case upstream.Refused() | upstream.TaskGone():
                # The upstream is well; it is this one request that it does not want.
                self.went_well(asked_at)
                return False
            case _:
                return False
        return True
