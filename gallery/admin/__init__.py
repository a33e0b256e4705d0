"""The administration, with one module for each noun."""

from django.contrib import admin

from gallery.admin import (
    account,
    alerts,
    audit,
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
    "alerts",
    "audit",
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

admin.site.site_header = "Lemon Studio"
admin.site.site_title = "Lemon Studio administration"
admin.site.index_title = "Administration"
