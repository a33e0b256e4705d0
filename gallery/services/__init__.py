"""Commands: what a person asks for. Each is one short transaction without any network.

The caller has checked the input (forms) and the right to do it (web.access). Call a command through its module:
`services.downloads.delete_download(…)`.
"""

from gallery.services import (
    activity,
    assets,
    audit,
    comments,
    downloads,
    edits,
    errors,
    galleries,
    generations,
    invitations,
    leavers,
    lending,
    limits,
    marks,
    operations,
    people,
    plans,
    references,
    sessions,
    share_links,
    sign_in,
    tags,
    trash,
    uploads,
)

__all__ = [
    "activity",
    "assets",
    "audit",
    "comments",
    "downloads",
    "edits",
    "errors",
    "galleries",
    "generations",
    "invitations",
    "leavers",
    "lending",
    "limits",
    "marks",
    "operations",
    "people",
    "plans",
    "references",
    "sessions",
    "share_links",
    "sign_in",
    "tags",
    "trash",
    "uploads",
]
