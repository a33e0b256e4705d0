"""The image API: its client, what its answers mean, and its one family of errors. Plain Python, no Django."""

from gallery.upstream.client import Client, Submission
from gallery.upstream.errors import (
    AccountProblem,
    MalformedAnswer,
    NoPicture,
    NotSent,
    OutcomeUnknown,
    RateLimited,
    Redirected,
    Refused,
    ServerTrouble,
    TaskGone,
    UpstreamError,
)
from gallery.upstream.limits import RateLimit
from gallery.upstream.parse import Answer, OfferedModel, OfferedOption, Result, Status

__all__ = [
    "AccountProblem",
    "Answer",
    "Client",
    "MalformedAnswer",
    "NoPicture",
    "NotSent",
    "OfferedModel",
    "OfferedOption",
    "OutcomeUnknown",
    "RateLimit",
    "RateLimited",
    "Redirected",
    "Refused",
    "Result",
    "ServerTrouble",
    "Status",
    "Submission",
    "TaskGone",
    "UpstreamError",
]
