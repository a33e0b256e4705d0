"""The team's templates."""

from django.contrib import admin

from gallery.models import PromptTemplate


@admin.register(PromptTemplate)
class PromptTemplateAdmin(admin.ModelAdmin[PromptTemplate]):
    list_display = ["name", "author", "model", "shared", "used", "created_at"]
    list_filter = ["shared", "author", "model"]
    list_select_related = ["author", "model"]
    search_fields = ["name", "text"]
    raw_id_fields = ["example"]
    readonly_fields = ["used", "created_at"]
