"""What a person asks for: each a short transaction, without any network.

Whoever calls these has checked (forms) and may do it (access).
"""

from gallery.services.galleries import make_gallery, remove_picture, save_picture
from gallery.services.people import AlreadySetUp, set_up
from gallery.services.submitting import (
    AlreadySubmitted,
    Wish,
    cancel_batch,
    cost_of,
    dismiss,
    fetch_again,
    retry,
    retry_batch,
    submit,
    submit_all,
)

__all__ = [
    "AlreadySetUp",
    "AlreadySubmitted",
    "Wish",
    "cancel_batch",
    "cost_of",
    "dismiss",
    "fetch_again",
    "make_gallery",
    "remove_picture",
    "retry",
    "retry_batch",
    "save_picture",
    "set_up",
    "submit",
    "submit_all",
]
