"""The administration, with one module for each noun."""

from gallery.admin import (
    account,
    alerts,
    audit,
    catalogue,
    downloads,
    galleries,
    generations,
    jobs,
    limits,
    media_check,
    money,
    people,
    pictures,
    share_links,
    sign_in,
    templates,
)

__all__ = [
    "account",
    "alerts",
    "audit",
    "catalogue",
    "downloads",
    "galleries",
    "generations",
    "jobs",
    "limits",
    "media_check",
    "money",
    "people",
    "pictures",
    "share_links",
    "sign_in",
    "templates",
]
