"""Failures on purpose: words in a prompt, such as `[fail: rate_limit]`, that bring one about.

Nothing is remembered between requests, so "fails twice, then works" cannot be had. What is wrong with a
whole account (`passing` below) ends by the clock instead: such a fault holds until second 50 of the current
minute and is over for the last ten, so a client that waits as long as `retry_after` says gets through. Two
endings say otherwise: `[fail: rate_limit always]` never ends, and any fault may be given a time:
`[fail: server_error until 1767225600]` (Unix time, fractions allowed) or `until 14:05:30` (UTC, today).
"""

from __future__ import annotations

import difflib
import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime

from .errors import ApiError, invalid
from .models import Chosen, Model

CLEAR_FROM = 50
_SYNTAX = re.compile(r"\[\s*fail\s*:\s*([^\]]*?)\s*\]", re.IGNORECASE)
_SEED = re.compile(r"\[\s*seed\s*:\s*(\d{1,9})\s*\]", re.IGNORECASE)
_WHEN = re.compile(r"(.*?)\s+(always|until\s+(?:(\d{1,2}):(\d\d)(?::(\d\d))?|(\d{9,11}(?:\.\d+)?)))", re.IGNORECASE)


@dataclass(frozen=True)
class Fault:
    """One word of the table. `where` is the step it breaks: the POST, the task, a poll, or the picture."""

    word: str
    where: str
    aliases: tuple[str, ...] = ()
    passing: bool = False


FAULTS = {
    fault.word: fault
    for fault in (
        Fault("content_policy", "post", ("content_policy_violation", "400")),
        Fault("model_not_found", "post"),
        Fault("invalid_api_key", "post", ("401",), passing=True),
        Fault("expired_api_key", "post", passing=True),
        Fault("insufficient_balance", "post", ("402",), passing=True),
        Fault("quota_exceeded", "post", passing=True),
        Fault("model_not_allowed", "post", ("403",)),
        Fault("payload_too_large", "post", ("413",)),
        Fault("rate_limit", "post", ("429", "rate_limit_exceeded"), passing=True),
        Fault("server_error", "post", ("500",)),
        Fault("upstream_error", "post", ("502",)),
        Fault("all_channels_failed", "post", ("503",), passing=True),
        Fault("timeout", "post", ("504", "timeout_error")),
        Fault("connection_broken", "post"),
        Fault("not_json", "post"),
        Fault("slow", "work"),
        Fault("partial", "result"),
        Fault("empty_url", "result"),
        Fault("picture_missing", "picture"),
        Fault("picture_html", "picture"),
        Fault("picture_truncated", "picture"),
        Fault("picture_cut_off", "picture"),
        Fault("task_fails", "task"),
        Fault("task_fails_silently", "task"),
        Fault("task_cancelled", "task"),
        Fault("task_never_ends", "task"),
        Fault("task_gone", "task", ("async_task_not_found", "404")),
        Fault("poll_fails", "task"),
    )
}
_BY_NAME = {name: fault for fault in FAULTS.values() for name in (fault.word, *fault.aliases)}


@dataclass(frozen=True)
class Active:
    """A fault that holds now, with the seconds until it is over (None: never)."""

    fault: Fault
    ends_in: float | None


def clean(prompt: str) -> str:
    """The prompt without its `[fail: …]` and `[seed: …]`: what is drawn and signed."""
    return " ".join(_SEED.sub(" ", _SYNTAX.sub(" ", prompt)).split())


def wanted_seed(prompt: str) -> int | None:
    """N of `[seed: N]`: asks for the same pictures every time."""
    found = _SEED.search(prompt)
    return int(found[1]) if found else None


def find(prompt: str, model: Model, now: float) -> Active | None:
    """The fault the prompt asks for, if it holds at `now` (Unix time).

    Only the first `[fail: …]` counts. Raises ApiError for an unknown word, and for a word about tasks sent
    to a model that has none.
    """
    found = _SYNTAX.search(prompt)
    if found is None:
        return None
    when = _WHEN.fullmatch(found[1])
    name = re.sub(r"[\s-]+", "_", (when[1] if when else found[1]).strip().lower())
    fault = _BY_NAME.get(name)
    if fault is None:
        raise _unknown(name)
    if fault.where == "task" and model.kind == "sync":
        raise invalid(
            f"The word '{fault.word}' needs an async model; '{model.id}' answers at once.",
            "prompt",
            hint="Use it with flux-pro, midjourney, ideogram-v3 or nano-banana-pro.",
        )
    if when is None:
        if not fault.passing:
            return Active(fault, None)
        ends_in = CLEAR_FROM - now % 60
    elif when[2].lower() == "always":
        return Active(fault, None)
    else:
        ends_in = _end(when, now) - now
    return Active(fault, ends_in) if ends_in > 0 else None


def _end(when: re.Match[str], now: float) -> float:
    if when[6]:
        return float(when[6])
    hour, minute, second = (int(part or 0) for part in when.group(3, 4, 5))
    if hour > 23 or minute > 59 or second > 59:
        raise invalid("There is no such time of day.", "prompt", hint="Write it as 14:05 or 14:05:30, in UTC.")
    today = datetime.fromtimestamp(now, UTC)
    return today.replace(hour=hour, minute=minute, second=second, microsecond=0).timestamp()


def _unknown(name: str) -> ApiError:
    close = difflib.get_close_matches(name, _BY_NAME, n=3)
    more = {"did_you_mean": close[0]} if close else {}
    return invalid(
        f"The sandbox knows no failure called '{name}'.",
        "prompt",
        hint="Words: " + ", ".join(FAULTS) + ".",
        **more,
    )


def error_for(active: Active, model: Model, n: int, chosen: Chosen) -> ApiError | None:
    """The error answer of a fault that is one; None for those that break something else."""
    word = active.fault.word
    wait = max(1, math.ceil(active.ends_in)) if active.ends_in is not None else 20
    cost = round(float(model.price_of(chosen) or "0.03") * n, 4)
    match word:
        case "content_policy":
            message = "Your request was rejected as a result of our safety system."
            hint = "Describe the picture in other words."
            return ApiError(400, "content_policy_violation", message, param="prompt", hint=hint)
        case "model_not_found":
            other = "flux-schnell" if model.id != "flux-schnell" else "dall-e-3"
            return ApiError(
                400, "model_not_found", f"The model '{model.id}' does not exist.", param="model",
                did_you_mean=other, suggestions=[{"id": other}], hint="GET /v1/models lists them all.",
            )  # fmt: skip
        case "invalid_api_key" | "expired_api_key":
            said = "is not valid" if word == "invalid_api_key" else "has expired"
            return ApiError(401, word, f"The API key {said}.", hint="Check the key in your dashboard.")
        case "insufficient_balance":
            message = f"The balance of $0.01 does not cover this request (${cost:.2f})."
            return ApiError(402, word, message, balance_usd=0.01, estimated_cost_usd=cost, hint="Top up your balance.")
        case "quota_exceeded":
            return ApiError(402, word, "The key's quota is used up.", hint="Raise the quota of the key.")
        case "model_not_allowed":
            message = f"This key may not use the model '{model.id}'."
            return ApiError(403, word, message, param="model", hint="Allow the model for this key.")
        case "payload_too_large":
            return ApiError(413, word, "The request is larger than 20 MB.", hint="Send less.")
        case "rate_limit":
            message = f"Too many requests. Please try again in {wait} s."
            return ApiError(429, "rate_limit_exceeded", message, retryable=True, retry_after=wait)
        case "server_error":
            return ApiError(500, "internal_error", "Something went wrong on our side.")
        case "upstream_error":
            return ApiError(502, word, "The model's provider answered with an error.", retryable=True)
        case "all_channels_failed":
            return ApiError(
                503, word, "All channels for this model failed.", retryable=True, retry_after=min(wait, 5),
                alternatives=[{"id": "flux-schnell"}, {"id": "dall-e-3"}],
            )  # fmt: skip
        case "timeout":
            return ApiError(504, "timeout_error", "The model took too long to answer.", retryable=True)
        case _:
            return None
