"""What the latest answer said of the account's requests, by the clock that the engine goes by."""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from gallery.upstream import words
from gallery.upstream.fields import duration, number

# A minute is what the vendor counts in. A server that names a longer time is believed for a minute, and then again.
LONGEST_WINDOW = 60.0


@dataclass(frozen=True, slots=True)
class RateLimit:
    """``remaining`` requests may be sent until ``reset_at``, of the monotonic clock."""

    remaining: int
    reset_at: float


def rate_limit_in(headers: Mapping[str, str]) -> RateLimit | None:
    """What the headers say, with names in lower case; None unless they say both the number and the time."""
    remaining = next((found for name in words.REMAINING_HEADERS if (found := _count(headers.get(name, "")))), None)
    reset = _reset_after(next((headers[name] for name in words.RESET_HEADERS if headers.get(name)), ""))
    if remaining is None or not reset:
        return None
    return RateLimit(int(remaining[1]), time.monotonic() + min(reset, LONGEST_WINDOW))


def _count(text: str) -> re.Match[str] | None:
    return re.match(r"\s*(\d{1,12})\b", text)  # the draft's may be "100, 100;w=60"


def _reset_after(text: str) -> float | None:
    """Seconds from a Unix time, seconds, milliseconds of a Unix time, or "6m0s"."""
    found = number(text)
    if found is None:
        return duration(text)
    if found > 1e11:
        found /= 1000
    if found >= 1e9:
        found -= datetime.now(UTC).timestamp()
    return max(found, 0.0)
