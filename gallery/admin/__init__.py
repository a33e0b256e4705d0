"""The administration, with one module for each noun."""

from gallery.admin import (
    account,
    catalogue,
    downloads,
    galleries,
    generations,
    jobs,
    money,
    people,
    pictures,
    share_links,
    templates,
)

__all__ = [
    "account",
    "catalogue",
    "downloads",
    "galleries",
    "generations",
    "jobs",
    "money",
    "people",
    "pictures",
    "share_links",
    "templates",
]
