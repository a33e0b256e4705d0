"""Galleries and what is in them."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from gallery.models import Gallery, GalleryEntry


class EntryInline(admin.TabularInline[GalleryEntry, Gallery]):
    model = GalleryEntry
    extra = 0
    raw_id_fields = ["picture"]
    fields = ["picture", "added_at"]
    readonly_fields = ["picture", "added_at"]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """No: only a picture's author may put it into a gallery."""
        return False


@admin.register(Gallery)
class GalleryAdmin(admin.ModelAdmin[Gallery]):
    list_display = ["name", "owner", "shared_with_team", "pictures_in_it", "created_at"]
    list_filter = ["shared_with_team", "owner"]
    search_fields = ["name"]
    inlines = [EntryInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Gallery]:
        return Gallery.objects.with_counts()

    @admin.display(description="pictures")
    def pictures_in_it(self, gallery: Gallery) -> int:
        return int(getattr(gallery, "picture_count", 0))
