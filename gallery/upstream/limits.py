"""What an answer says about waiting: in its headers, and in the words of its message. Plain Python, no Django."""

import math
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass

LONGEST_WAIT = 86_400.0  # seconds; a server that asks for more is asked again after a day
# A minute is what the vendor counts in. A server that names a longer time is believed for a minute, and then again.
LONGEST_WINDOW = 60.0

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_NUMBER = r"(\d{1,9}(?:\.\d{1,9})?)"
_DURATION = re.compile(_NUMBER + r"\s*(ms|millisecond|sec|min|hour|s|m|h)", re.IGNORECASE)
_IN_WORDS = re.compile(
    r"\b(?:try again|retry|wait)\b[^.\d]{0,40}?((?:" + _NUMBER + r"\s*(?:ms|s|m|h)[a-z]*\s*(?:and\s+)?){1,4})",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class RateLimit:
    """``remaining`` requests may be sent until ``reset_at``, of the monotonic clock."""

    remaining: int
    reset_at: float


def rate_limit_in(headers: Mapping[str, str]) -> RateLimit | None:
    """What `X-RateLimit-Remaining` and `-Reset` say, or OpenAI's names for them; None without both."""
    for suffix in ("", "-Requests"):
        remaining = _number(headers.get(f"X-RateLimit-Remaining{suffix}"))
        seconds = _seconds_until(headers.get(f"X-RateLimit-Reset{suffix}"))
        if remaining is not None and remaining >= 0 and seconds is not None and seconds > 0:
            return RateLimit(int(min(remaining, 1e9)), time.monotonic() + min(seconds, LONGEST_WINDOW))
    return None


def retry_after_in(headers: Mapping[str, str]) -> str:
    """`Retry-After` as it came, or `retry-after-ms` in seconds; "" without either."""
    milliseconds = _number(headers.get("Retry-After-Ms"))
    if milliseconds is not None and milliseconds >= 0:
        return f"{milliseconds / 1000:.3f}"
    return headers.get("Retry-After", "")


def seconds_in_words(message: str) -> float | None:
    """The time in a message such as "Please try again in 1m30s."; None if it names none."""
    found = _IN_WORDS.search(message)
    return _duration(found[1]) if found else None


def _seconds_until(value: str | None) -> float | None:
    """Of a reset: Unix time (in seconds or milliseconds), seconds from now, or a duration such as "6m0s"."""
    number = _number(value)
    if number is None:
        return _duration(value[:50]) if value else None
    if number > 1e11:
        number /= 1000
    return number - time.time() if number > 1e8 else number


def _duration(text: str) -> float | None:
    parts = _DURATION.findall(text)
    return sum(float(number) * _UNITS[_unit(unit)] for number, unit in parts) if parts else None


def _unit(word: str) -> str:
    word = word.lower()
    return "ms" if word.startswith(("ms", "milli")) else word[0]


def _number(value: str | None) -> float | None:
    try:
        number = float(value[:50]) if value else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) else None
