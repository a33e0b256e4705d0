"""The models that people may pick from."""

from django.contrib import admin

from gallery.models import ImageModel


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
