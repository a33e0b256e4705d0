"""The states of a generation, the groups that they form, and the codes of failures."""

from datetime import timedelta

from django.db import models
from django.utils.translation import gettext_lazy as _

FETCH_ATTEMPTS = 5
# How long the engine still asks for the result of a generation that was cancelled or failed: we may have paid for it.
LATE_RESULT_PATIENCE = timedelta(days=1)


class State(models.TextChoices):
    QUEUED = "queued", _("Waiting")
    SUBMITTING = "submitting", _("Sending")
    PENDING = "pending", _("Accepted")
    PROCESSING = "processing", _("Generating")
    SAVING = "saving", _("Fetching")
    COMPLETED = "completed", _("Completed")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")
    INTERRUPTED = "interrupted", _("No answer")


UNDER_WAY = (State.QUEUED, State.SUBMITTING, State.PENDING, State.PROCESSING, State.SAVING)
# The engine asks the upstream about these while `due_at` is set; about the ended ones for late results.
POLLED = (State.PENDING, State.PROCESSING, State.CANCELLED, State.FAILED)
ENDED_IN_VAIN = (State.FAILED, State.INTERRUPTED, State.CANCELLED)
# A result that arrives in one of these states is kept: we pay for it.
MAY_STILL_ARRIVE = (
    State.SUBMITTING,
    State.PENDING,
    State.PROCESSING,
    State.CANCELLED,
    State.FAILED,
    State.INTERRUPTED,
)


# -- why a generation failed: the studio's own codes, and those in the upstream's contract
#
# What other services call these becomes one of these codes where an answer is read (gallery/upstream/words.py).

GAVE_UP = "gave_up_waiting"
PICTURE_UNAVAILABLE = "picture_unavailable"
NOT_A_PICTURE = "not_a_picture"
GENERATION_FAILED = "generation_failed"
REFUSED_ON_THE_WAY = "refused_on_the_way"
# The file of the picture to edit or vary is missing.
SOURCE_GONE = "source_gone"
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
# What a person can mend by other words, and an administrator by settings.
EDIT_HELPS = frozenset({"content_policy_violation", "invalid_request_error", "payload_too_large"})
ADMIN_HELPS = frozenset({"model_not_found", "model_not_allowed", "access_denied", *ACCOUNT_CODES, *SHAPE_CODES})
# What says nothing about how reliable a model is.
NOT_THE_MODELS_FAULT = EDIT_HELPS | ADMIN_HELPS | {REFUSED_ON_THE_WAY}
UNCLEAR_CHARGE = frozenset({GAVE_UP, PICTURE_UNAVAILABLE, "async_task_not_found", "malformed_answer", "no_picture"})
