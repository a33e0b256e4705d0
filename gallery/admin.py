"""The administration: people, groups, models, generations, pictures, galleries and the account."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from gallery import services
from gallery.models import Gallery, GalleryEntry, Generation, ImageModel, Person, Picture, UpstreamAccount

admin.site.site_header = "Lemon Studio"
admin.site.site_title = "Lemon Studio administration"
admin.site.index_title = "Administration"


class PersonCreationForm(AdminUserCreationForm[Person]):
    class Meta:
        model = Person
        fields = ["email", "name"]


class PersonChangeForm(UserChangeForm[Person]):
    class Meta:
        model = Person
        fields = "__all__"


@admin.register(Person)
class PersonAdmin(UserAdmin[Person]):
    form = PersonChangeForm
    add_form = PersonCreationForm
    list_display = ["name", "email", "is_active", "is_staff", "last_login"]
    list_filter = ["is_active", "is_staff", "groups"]
    search_fields = ["name", "email"]
    ordering = ["name", "email"]
    readonly_fields = ["opaque_id", "date_joined", "last_login"]
    fieldsets = [
        (None, {"fields": ["name", "email", "password"]}),
        ("Rights", {"fields": ["is_active", "is_staff", "is_superuser", "groups", "user_permissions"]}),
        ("Facts", {"fields": ["opaque_id", "date_joined", "last_login"]}),
    ]
    add_fieldsets = [
        (None, {"classes": ["wide"], "fields": ["name", "email", "usable_password", "password1", "password2"]})
    ]

    def has_delete_permission(self, request: HttpRequest, obj: Person | None = None) -> bool:
        """People are switched off, not deleted: pictures keep their author."""
        return False


@admin.register(ImageModel)
class ImageModelAdmin(admin.ModelAdmin[ImageModel]):
    list_display = ["label", "slug", "enabled", "position", "price", "max_count", "usual_time"]
    list_editable = ["enabled", "position", "price"]
    list_filter = ["enabled"]
    search_fields = ["label", "slug"]
    readonly_fields = ["usual_time"]

    @admin.display(description="usual time")
    def usual_time(self, model: ImageModel) -> str:
        if model.typical_seconds is None:
            return "not known yet"
        return f"{model.typical_seconds:.0f} s, slow from {model.slow_seconds or 0:.0f} s"


def preview(picture: Picture | None, css: str = "") -> SafeString | str:
    if picture is None:
        return "–"
    return format_html('<img src="{}" alt="" width="{}" loading="lazy">', picture.src, css or "80")


class PictureInline(admin.TabularInline[Picture, Generation]):
    model = Picture
    extra = 0
    can_delete = False
    fields = ["shown", "format", "width", "height", "byte_size"]
    readonly_fields = ["shown", "format", "width", "height", "byte_size"]

    @admin.display(description="picture")
    def shown(self, picture: Picture) -> SafeString:
        return format_html(
            '<a href="{}">{}</a>', reverse("admin:gallery_picture_change", args=[picture.pk]), preview(picture)
        )

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Generation)
class GenerationAdmin(admin.ModelAdmin[Generation]):
    list_display = ["id", "state", "author", "model", "short_prompt", "count", "cost", "created_at", "error_code"]
    list_filter = ["state", "model", "author", "created_at"]
    list_select_related = ["author", "model"]
    search_fields = ["prompt", "task_id", "error_code"]
    date_hierarchy = "created_at"
    show_full_result_count = False
    actions = ["retry", "cancel"]
    inlines = [PictureInline]

    @admin.display(description="prompt")
    def short_prompt(self, generation: Generation) -> str:
        return generation.prompt if len(generation.prompt) <= 60 else f"{generation.prompt[:59]}…"

    @admin.action(description="Retry: ask for the same again (costs again)", permissions=["change"])
    def retry(self, request: HttpRequest, generations: QuerySet[Generation]) -> None:
        chosen = list(generations.select_related("model", "author", "gallery"))
        # What was paid for and only could not be fetched costs nothing to fetch again.
        worth_it = [one for one in chosen if one.model.enabled and not one.can_fetch]
        again = sum(1 for generation in worth_it if services.retry(generation) is not None)
        self.message_user(request, f"{again} of {len(chosen)} asked for again.", messages.SUCCESS)
        if len(worth_it) < len(chosen):
            left = len(chosen) - len(worth_it)
            note = f"{left} left alone: their model is not on offer, or “Fetch again” brings the picture for nothing."
            self.message_user(request, note, messages.WARNING)

    @admin.action(description="Cancel: stop waiting", permissions=["change"])
    def cancel(self, request: HttpRequest, generations: QuerySet[Generation]) -> None:
        chosen = list(generations)
        cancelled = sum(1 for generation in chosen if generation.stop_waiting())
        self.message_user(request, f"{cancelled} of {len(chosen)} cancelled.", messages.SUCCESS)

    def get_readonly_fields(self, request: HttpRequest, obj: Generation | None = None) -> list[str]:
        """A generation is a record; what may be done to it are the two actions."""
        return [field.name for field in Generation._meta.fields]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Generation | None = None) -> bool:
        return False


@admin.register(Picture)
class PictureAdmin(admin.ModelAdmin[Picture]):
    list_display = ["shown", "id", "author", "made_by", "format", "width", "height", "byte_size", "created_at"]
    list_display_links = ["shown", "id"]
    list_filter = ["format", "author", "generation__model", "created_at"]
    list_select_related = ["author", "generation__model"]
    search_fields = ["generation__prompt", "sha256"]
    show_full_result_count = False

    @admin.display(description="picture")
    def shown(self, picture: Picture) -> SafeString | str:
        return preview(picture)

    @admin.display(description="model")
    def made_by(self, picture: Picture) -> str:
        return picture.generation.model.label

    @admin.display(description="picture")
    def shown_large(self, picture: Picture) -> SafeString | str:
        return preview(picture, "480")

    def get_readonly_fields(self, request: HttpRequest, obj: Picture | None = None) -> list[str]:
        return ["shown_large", *(field.name for field in Picture._meta.fields)]

    fields = ["shown_large", *(field.name for field in Picture._meta.fields if field.name != "original")]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Picture | None = None) -> bool:
        return False


class EntryInline(admin.TabularInline[GalleryEntry, Gallery]):
    model = GalleryEntry
    extra = 0
    raw_id_fields = ["picture"]
    fields = ["picture", "added_at"]
    readonly_fields = ["picture", "added_at"]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Only its author puts a picture into a gallery."""
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


@admin.register(UpstreamAccount)
class UpstreamAccountAdmin(admin.ModelAdmin[UpstreamAccount]):
    """What the studio knows of its account; the key is a setting and never shown."""

    list_display = ["__str__", "pause_code", "paused_at", "resume_at", "balance_usd", "holder"]
    actions = ["resume"]

    @admin.action(description="Go on now", permissions=["change"])
    def resume(self, request: HttpRequest, accounts: QuerySet[UpstreamAccount]) -> None:
        UpstreamAccount.resume()
        self.message_user(request, "The queue goes on.", messages.SUCCESS)

    def get_readonly_fields(self, request: HttpRequest, obj: UpstreamAccount | None = None) -> list[str]:
        return [field.name for field in UpstreamAccount._meta.fields]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: UpstreamAccount | None = None) -> bool:
        return False
