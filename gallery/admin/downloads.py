"""People's downloads: administrators may view them, and delete them along with a gallery."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from gallery.models import Download


@admin.register(Download)
class DownloadAdmin(admin.ModelAdmin[Download]):
    list_display = ["id", "name", "person", "state", "done", "total", "byte_size", "created_at", "expires_at"]
    list_filter = ["state", "format", "person"]
    list_select_related = ["person"]
    search_fields = ["name", "problem"]
    show_full_result_count = False

    def get_readonly_fields(self, request: HttpRequest, obj: Download | None = None) -> list[str]:
        return [field.name for field in Download._meta.fields]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
