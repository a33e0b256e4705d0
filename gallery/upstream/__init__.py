"""The image API: its client, what its answers mean, and its one family of errors. Plain Python, no Django."""

from gallery.upstream.bodies import Attachment
from gallery.upstream.catalogue import LeftOut, OfferedCatalogue, OfferedModel, OfferedOption
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
from gallery.upstream.parse import Answer, read_answer, split_origin
from gallery.upstream.pictures import Result
from gallery.upstream.raw import RawAnswer
from gallery.upstream.words import Status

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
    "RateLimit",
    "RateLimited",
    "RawAnswer",
    "Redirected",
    "Refused",
    "Result",
    "ServerTrouble",
    "Status",
    "Submission",
    "TaskGone",
    "UpstreamError",
    "read_answer",
    "split_origin",
]
