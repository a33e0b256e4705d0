"""Pictures, as administrators look at them."""

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from gallery.models import Picture
from gallery.web.pictures import files_of


def preview(picture: Picture | None, css: str = "") -> SafeString | str:
    if picture is None:
        return "–"
    return format_html('<img src="{}" alt="" width="{}" loading="lazy">', files_of(picture).src, css or "80")


@admin.register(Picture)
class PictureAdmin(admin.ModelAdmin[Picture]):
    list_display = ["shown", "id", "author", "made_by", "format", "width", "height", "byte_size", "created_at"]
    list_display_links = ["shown", "id"]
    list_filter = ["kind", "format", "author", "generation__model", "created_at"]
    list_select_related = ["author", "generation__model"]
    search_fields = ["generation__prompt", "sha256"]
    show_full_result_count = False

    @admin.display(description=_("picture"))
    def shown(self, picture: Picture) -> SafeString | str:
        return preview(picture)

    @admin.display(description=_("model"))
    def made_by(self, picture: Picture) -> str:
        return picture.generation.model.label

    @admin.display(description=_("picture"))
    def shown_large(self, picture: Picture) -> SafeString | str:
        return preview(picture, "480")

    def get_readonly_fields(self, request: HttpRequest, obj: Picture | None = None) -> list[str]:
        return ["shown_large", *(field.name for field in Picture._meta.fields)]

    fields = ["shown_large", *(field.name for field in Picture._meta.fields if field.name != "original")]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Picture | None = None) -> bool:
        return False
