"""What a person asks for: each a short transaction, without any network.

Whoever calls these has checked (forms) and may do it (access).
"""

from gallery.services.editing import Source, Unfit, edit, fitting_options, keep_upload, of_picture, uploaded, vary
from gallery.services.galleries import (
    add_member,
    change_role,
    make_gallery,
    remove_member,
    remove_picture,
    save_picture,
)
from gallery.services.people import AlreadySetUp, set_up
from gallery.services.planning import Plan, made_before, plan
from gallery.services.submitting import (
    AlreadySubmitted,
    Wish,
    cancel_all,
    cancel_batch,
    cost_of,
    dismiss,
    dismiss_all,
    fetch_again,
    retry,
    retry_all,
    retry_batch,
    submit,
    submit_all,
    vote,
)

__all__ = [
    "AlreadySetUp",
    "AlreadySubmitted",
    "Plan",
    "Source",
    "Unfit",
    "Wish",
    "add_member",
    "cancel_all",
    "cancel_batch",
    "change_role",
    "cost_of",
    "dismiss",
    "dismiss_all",
    "edit",
    "fetch_again",
    "fitting_options",
    "keep_upload",
    "made_before",
    "make_gallery",
    "of_picture",
    "plan",
    "remove_member",
    "remove_picture",
    "retry",
    "retry_all",
    "retry_batch",
    "save_picture",
    "set_up",
    "submit",
    "submit_all",
    "uploaded",
    "vary",
    "vote",
]
