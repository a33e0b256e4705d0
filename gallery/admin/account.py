"""The account at the upstream."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from gallery.models import UpstreamAccount


@admin.register(UpstreamAccount)
class UpstreamAccountAdmin(admin.ModelAdmin[UpstreamAccount]):
    """What the studio knows about its account. The key is a setting and never shown."""

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
