"""What the latest answer said of the account's requests, by the clock that the engine goes by."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

from gallery.upstream.fields import rate_limits

# A minute is what the vendor counts in. A server that names a longer time is believed for a minute, and then again.
LONGEST_WINDOW = 60.0


@dataclass(frozen=True, slots=True)
class RateLimit:
    """``remaining`` requests may be sent until ``reset_at``, of the monotonic clock."""

    remaining: int
    reset_at: float


def rate_limit_in(headers: Mapping[str, str]) -> RateLimit | None:
    """What the headers say, with names in lower case; None unless they say both the number and the time."""
    said = rate_limits(headers)
    if said is None or said.remaining is None or not said.reset_after:
        return None
    return RateLimit(said.remaining, time.monotonic() + min(said.reset_after, LONGEST_WINDOW))
