"""Commands: what a person asks for. Each is one short transaction without any network.

The caller has checked the input (forms) and the right to do it (web.access). Call a command through its module:
`services.downloads.delete_download(…)`.
"""

from gallery.services import (
    activity,
    audit,
    comments,
    downloads,
    edits,
    errors,
    galleries,
    generations,
    invitations,
    lending,
    limits,
    marks,
    operations,
    people,
    plans,
    sessions,
    share_links,
    sign_in,
    tags,
    trash,
)

__all__ = [
    "activity",
    "audit",
    "comments",
    "downloads",
    "edits",
    "errors",
    "galleries",
    "generations",
    "invitations",
    "lending",
    "limits",
    "marks",
    "operations",
    "people",
    "plans",
    "sessions",
    "share_links",
    "sign_in",
    "tags",
    "trash",
]
