"""Alerts, to look at: what was told, and what could not be."""

from django.contrib import admin

from gallery.admin.jobs import ReadOnlyAdmin
from gallery.models.alert import Alert


@admin.register(Alert)
class AlertAdmin(ReadOnlyAdmin):
    list_display = ["created_at", "kind", "subject", "is_mailed", "is_posted", "due_at", "problem"]
    list_filter = ["kind", "is_mailed", "is_posted"]
    fields = ["created_at", "kind", "subject", "text", "is_mailed", "is_posted", "attempts", "due_at", "problem"]
