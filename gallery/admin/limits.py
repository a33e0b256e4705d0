"""What only some groups may use, and how much a group's people may ask for."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from gallery.models import GroupLimit, GroupRight


class GroupLimitInline(admin.StackedInline[GroupLimit, Any]):
    """The limits on the page of their group."""

    model = GroupLimit
    extra = 0
    max_num = 1
    verbose_name_plural = _("limits of each person")


@admin.register(GroupLimit)
class GroupLimitAdmin(admin.ModelAdmin[GroupLimit]):
    list_display = ["whose", "requests_per_day", "under_way", "storage_mb"]
    list_select_related = ["group"]
    autocomplete_fields = ["group"]

    @admin.display(description=_("whose"), ordering="group__name")
    def whose(self, limit: GroupLimit) -> str:
        return limit.group.name if limit.group else gettext("Everyone else")


@admin.register(GroupRight)
class GroupRightAdmin(admin.ModelAdmin[GroupRight]):
    list_display = ["__str__", "only_for"]
    list_filter = ["groups", "model"]
    filter_horizontal = ["groups"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[GroupRight]:
        return super().get_queryset(request).select_related("model").prefetch_related("groups")

    @admin.display(description=_("only for"))
    def only_for(self, right: GroupRight) -> str:
        return ", ".join(group.name for group in right.groups.all())
