"""The image API: its client, what its answers mean, and its one family of errors. Plain Python, no Django."""

from gallery.upstream.catalogue import LeftOut, OfferedCatalogue, OfferedModel, OfferedOption
from gallery.upstream.client import Attachment, Client, Submission
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
from gallery.upstream.parse import Answer, Result, Status

__all__ = [
    "AccountProblem",
    "Answer",
    "Attachment",
    "Client",
    "LeftOut",
    "MalformedAnswer",
    "NoPicture",
    "NotSent",
    "OfferedCatalogue",
    "OfferedModel",
    "OfferedOption",
    "OutcomeUnknown",
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
