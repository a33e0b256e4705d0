"""How long things are kept. The studio's own settings have the same, with words."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from gallery.models import Retention


@admin.register(Retention)
class RetentionAdmin(admin.ModelAdmin[Retention]):
    list_display = ["__str__", "prompts", "failed_requests", "uploads", "activity"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """There is one row."""
        return super().has_add_permission(request) and not Retention.objects.exists()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
