"""Galleries: their names and their owners. What is in them is on their own pages."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from gallery.models import Gallery


@admin.register(Gallery)
class GalleryAdmin(admin.ModelAdmin[Gallery]):
    list_display = ["name", "owner", "shared_with_team", "pictures_in_it", "created_at"]
    list_filter = ["shared_with_team", "owner"]
    search_fields = ["name"]
    readonly_fields = ["open_gallery", "created_at"]
    autocomplete_fields = ["owner"]

    def get_fields(self, request: HttpRequest, obj: Gallery | None = None) -> Any:
        """A new gallery has no page yet."""
        return ["name", "owner", "shared_with_team", *(["open_gallery", "created_at"] if obj else [])]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Gallery]:
        return Gallery.objects.with_counts()

    @admin.display(description=_("pictures"))
    def pictures_in_it(self, gallery: Gallery) -> int:
        return int(getattr(gallery, "picture_count", 0))

    @admin.display(description=_("pictures"))
    def open_gallery(self, gallery: Gallery) -> str:
        """A link, and no list: a gallery may have many thousands."""
        total = self.pictures_in_it(gallery)
        return format_html(
            '<a href="{}">{}</a>', reverse("gallery_detail", args=[gallery.pk]), _("%(count)d in it") % {"count": total}
        )
