"""The administration, with one module for each noun."""

from django.contrib import admin

from gallery.admin import (
    account,
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

admin.site.site_header = "Lemon Studio"
admin.site.site_title = "Lemon Studio administration"
admin.site.index_title = "Administration"
