"""How many requests a minute the upstream account allows, as a token bucket."""

import time
from collections.abc import Callable

from gallery.upstream import RateLimit

# A bucket for a whole minute would let twice the limit through around the turn of a minute.
BURST_SECONDS = 3.0


class Budget:
    """Exact because one engine at a time talks to the account. Not thread-safe: the engine's loop alone spends."""

    def __init__(self, per_minute: float, clock: Callable[[], float] = time.monotonic) -> None:
        if per_minute <= 0:
            raise ValueError("The budget must allow some requests.")
        self._rate = per_minute / 60
        self._capacity = max(1.0, self._rate * BURST_SECONDS)
        self._tokens = self._capacity
        self._clock = clock
        self._filled_at = clock()
        # What the upstream said last, and the rate that this leaves until its window is over.
        self._heeded: RateLimit | None = None
        self._rate_left = self._rate

    def available(self) -> int:
        """Whole requests that may be sent now."""
        now = self._clock()
        self._tokens = min(self._capacity, self._tokens + max(0.0, now - self._filled_at) * self._rate_now(now))
        self._filled_at = now
        return int(self._tokens)

    def heed(self, limit: RateLimit | None) -> None:
        """Slow down to what the upstream says is left, before it refuses. `limit` is what it said last."""
        if limit is None or limit is self._heeded:
            return
        now = self._clock()
        self.available()
        self._heeded = limit
        self._rate_left = limit.remaining / max(limit.reset_at - now, 0.001)
        self._tokens = min(self._tokens, float(limit.remaining), max(1.0, self._rate_left * BURST_SECONDS))

    def _rate_now(self, now: float) -> float:
        if self._heeded is None or now >= self._heeded.reset_at:
            return self._rate
        return min(self._rate, self._rate_left)

    def spend(self, requests: int = 1) -> None:
        self._tokens -= requests
