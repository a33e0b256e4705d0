"""The states of a generation's life, which of them mean what, and the codes of its failures."""

from datetime import timedelta

from django.db import models

FETCH_ATTEMPTS = 5
# How long the engine looks after a generation that has ended: its result was perhaps paid for.
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
#
# What other services call these becomes one of these codes where an answer is read (gallery/upstream/words.py).

GAVE_UP = "gave_up_waiting"
PICTURE_UNAVAILABLE = "picture_unavailable"
GENERATION_FAILED = "generation_failed"
REFUSED_ON_THE_WAY = "refused_on_the_way"
ACCOUNT_CODES = frozenset(
    {
        "invalid_api_key",
        "expired_api_key",
        "insufficient_balance",
        "insufficient_quota",
        "quota_exceeded",
        "billing_hard_limit_reached",
        "budget_exceeded",
    }
)
# The request's shape is wrong for the model: what the catalogue says of it is out of date.
SHAPE_CODES = frozenset(
    {"no_contract_compatible_route", "request_shape_channel_mismatch", "upstream_contract_mismatch"}
)
ERROR_TITLES = {
    GAVE_UP: "Gave up waiting",
    PICTURE_UNAVAILABLE: "The picture could not be fetched",
    GENERATION_FAILED: "The service could not make this picture",
    REFUSED_ON_THE_WAY: "Something on the way refused this request",
    "content_policy_violation": "The service declined this prompt",
    "invalid_request_error": "The service did not accept this request",
    "model_not_found": "The service does not have this model",
    "model_not_allowed": "This model is not open to the studio",
    "access_denied": "This model is not open to the studio",
    "payload_too_large": "The request was too large",
    "async_task_not_found": "The service lost this one",
    "all_channels_failed": "The service has no way to this model at the moment",
    "no_picture": "The service made no picture",
    **dict.fromkeys(ACCOUNT_CODES, "The studio’s account at the service has a problem"),
    **dict.fromkeys(SHAPE_CODES, "The studio asks this model in the wrong way"),
}
# What a person can mend by other words, and an administrator by settings.
EDIT_HELPS = frozenset({"content_policy_violation", "invalid_request_error", "payload_too_large"})
ADMIN_HELPS = frozenset({"model_not_found", "model_not_allowed", "access_denied", *ACCOUNT_CODES, *SHAPE_CODES})
# What says nothing about how reliable a model is.
NOT_THE_MODELS_FAULT = EDIT_HELPS | ADMIN_HELPS | {REFUSED_ON_THE_WAY}
UNCLEAR_CHARGE = frozenset({GAVE_UP, PICTURE_UNAVAILABLE, "async_task_not_found", "malformed_answer", "no_picture"})
