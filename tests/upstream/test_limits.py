"""How long to wait, by headers and by messages."""

import time

import pytest

from gallery.upstream.fields import retry_after
from gallery.upstream.limits import LONGEST_WINDOW, rate_limit_in


@pytest.mark.parametrize(
    ("message", "seconds"),
    [
        ("Rate limit reached. Please try again in 20s.", 20),
        ("Please try again in 1.5 seconds", 1.5),
        ("Please try again in 350ms.", 0.35),
        ("try again in 6m0s", 360),
        ("Retry after 2 minutes and 30 seconds", 150),
        ("Please wait 1 hour before you ask again.", 3600),
        ("Too many requests: 60 a minute", None),
        ("Try again later. The limit is 5 s.", None),
        ("", None),
    ],
)
def test_seconds_are_read_from_a_message(message: str, seconds: float | None) -> None:
    assert retry_after({}, [], message) == (None if seconds is None else pytest.approx(max(1, seconds)))


def test_long_message_is_read_quickly() -> None:
    started = time.monotonic()
    for message in ("try again in " * 2_000, "wait " + "9" * 2_000, "retry 1s" + " 1s" * 2_000 + "x"):
        retry_after({}, [], message)
    assert time.monotonic() - started < 1


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after-ms": "1500"}, 1.5),
        ({"retry-after-ms": "1500", "retry-after": "2"}, 1.5),
        ({"retry-after-ms": "soon", "retry-after": "2"}, 2),
        ({"retry-after-ms": "-5"}, None),
        ({}, None),
    ],
)
def test_retry_after_header_is_read(headers: dict[str, str], expected: float | None) -> None:
    assert retry_after(headers, [], "") == expected


@pytest.mark.parametrize(
    ("reset", "seconds"),
    [("12", 12), ("1.5", 1.5), ("6m0s", LONGEST_WINDOW), ("12s", 12), ("250ms", 0.25), ("3600", LONGEST_WINDOW)],
)
@pytest.mark.parametrize("suffix", ["", "-requests"])
def test_rate_limit_is_read(reset: str, seconds: float, suffix: str) -> None:
    limit = rate_limit_in({f"x-ratelimit-remaining{suffix}": "5", f"x-ratelimit-reset{suffix}": reset})
    assert limit is not None
    assert limit.remaining == 5
    assert limit.reset_at - time.monotonic() == pytest.approx(seconds, abs=0.5)


@pytest.mark.parametrize("unit", [1, 1000])
def test_rate_limit_with_unix_time_is_read(unit: int) -> None:
    reset = str(round((time.time() + 30) * unit))
    limit = rate_limit_in({"x-ratelimit-remaining": "0", "x-ratelimit-reset": reset})
    assert limit is not None
    assert limit.reset_at - time.monotonic() == pytest.approx(30, abs=2)


@pytest.mark.parametrize(
    ("remaining", "reset"),
    [
        ("5", ""),
        ("", "12"),
        ("many", "12"),
        ("-1", "12"),
        ("5", "soon"),
        ("5", "-3"),
        ("5", "1000000000"),
        ("NaN", "12"),
    ],
)
def test_senseless_rate_limit_is_ignored(remaining: str, reset: str) -> None:
    assert rate_limit_in({"x-ratelimit-remaining": remaining, "x-ratelimit-reset": reset}) is None
