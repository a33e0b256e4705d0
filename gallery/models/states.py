"""The states of a generation's life, which of them mean what, and the codes of its failures."""

from datetime import timedelta

from django.db import models

FETCH_ATTEMPTS = 5
# How long a generation that nobody waits for any more is still looked after: its result was perhaps paid for.
LATE_RESULT_PATIENCE = timedelta(days=1)


class State(models.TextChoices):
    QUEUED = "queued", "Waiting"
    SUBMITTING = "submitting", "Sending"
    PENDING = "pending", "Accepted"
    PROCESSING = "processing", "In the making"
    SAVING = "saving", "Fetching"
    COMPLETED = "completed", "Completed"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Stopped waiting"
    INTERRUPTED = "interrupted", "Interrupted"


UNDER_WAY = (State.QUEUED, State.SUBMITTING, State.PENDING, State.PROCESSING, State.SAVING)
# What the engine asks the upstream about while `due_at` is set. The ended ones are there for late results.
POLLED = (State.PENDING, State.PROCESSING, State.CANCELLED, State.FAILED)
ENDED_IN_VAIN = (State.FAILED, State.INTERRUPTED, State.CANCELLED)
# A result is kept whichever of these it finds: it was paid for.
MAY_STILL_ARRIVE = (
    State.SUBMITTING,
    State.PENDING,
    State.PROCESSING,
    State.CANCELLED,
    State.FAILED,
    State.INTERRUPTED,
)


# -- why it failed: the studio's own codes, and those that the upstream's contract documents

GAVE_UP = "gave_up_waiting"
PICTURE_UNAVAILABLE = "picture_unavailable"
NOT_A_PICTURE = "not_a_picture"
GENERATION_FAILED = "generation_failed"
ERROR_TITLES = {
    GAVE_UP: "Gave up waiting",
    PICTURE_UNAVAILABLE: "The picture could not be fetched",
    NOT_A_PICTURE: "The service did not send a picture",
    GENERATION_FAILED: "The service could not make this picture",
    "content_policy_violation": "The service declined this prompt",
    "invalid_request_error": "The service did not accept this request",
    "model_not_found": "The service does not have this model",
    "model_not_allowed": "This model is not open to the studio",
    "access_denied": "This model is not open to the studio",
    "payload_too_large": "The request was too large",
    "async_task_not_found": "The service lost this one",
}
# The codes that the contract documents for what a person can mend by other words, and an administrator by settings.
EDIT_HELPS = frozenset({"content_policy_violation", "invalid_request_error", "payload_too_large"})
ADMIN_HELPS = frozenset({"model_not_found", "model_not_allowed", "access_denied"})
UNCLEAR_CHARGE = frozenset({GAVE_UP, PICTURE_UNAVAILABLE, "async_task_not_found", "malformed_answer"})
