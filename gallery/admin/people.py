"""People and their rights."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.options import InlineModelAdmin
from django.contrib.auth.admin import GroupAdmin as DjangosGroupAdmin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from gallery import services
from gallery.admin.limits import GroupLimitInline
from gallery.admin.money import BudgetInline
from gallery.enqueue import enqueue_search_refresh
from gallery.models import LedgerEntry, Person
from gallery.queries.people import is_below
from gallery.services.errors import InvalidInput


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
    actions = ["switch_off"]
    readonly_fields = ["opaque_id", "date_joined", "last_login", "erased_at"]
    fieldsets = [
        (None, {"fields": ["name", "email", "email_verified", "password"]}),
        (_("Rights"), {"fields": ["is_active", "is_staff", "is_superuser", "groups", "user_permissions"]}),
        (_("Facts"), {"fields": ["opaque_id", "date_joined", "last_login", "erased_at"]}),
    ]
    add_fieldsets = [
        (None, {"classes": ["wide"], "fields": ["name", "email", "usable_password", "password1", "password2"]})
    ]

    @admin.action(description=_("Switch off, and cancel what they have queued"), permissions=["change"])
    def switch_off(self, request: HttpRequest, people: QuerySet[Person]) -> None:
        assert isinstance(request.user, Person)
        off = 0
        for person in people.filter(is_active=True):
            if not is_below(person, request.user):
                self.message_user(
                    request, gettext("%(person)s has rights that you lack.") % {"person": person}, messages.ERROR
                )
                continue
            try:
                services.leavers.switch_off(person, request.user)
                off += 1
            except InvalidInput as problem:
                self.message_user(request, f"{person}: {problem.message}", messages.ERROR)
        self.message_user(
            request,
            ngettext("%(count)d switched off.", "%(count)d switched off.", off) % {"count": off},
            messages.SUCCESS,
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Person | None = None) -> list[str]:
        """Rights are a superuser's to give. Who may only change people could give themselves any."""
        fixed = list(self.readonly_fields)
        if not request.user.is_superuser:
            fixed += ["is_superuser", "is_staff", "groups", "user_permissions"]
        return fixed

    def has_change_permission(self, request: HttpRequest, obj: Person | None = None) -> bool:
        """An administrator cannot change a person who has rights that the administrator lacks."""
        if not super().has_change_permission(request, obj):
            return False
        return obj is None or is_below(obj, request.user)

    def save_model(self, request: HttpRequest, obj: Person, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if change and "name" in form.changed_data:
            enqueue_search_refresh(obj.pk)
        if change and not obj.is_active:
            services.leavers.cancel_queued(obj)

    def get_inlines(self, request: HttpRequest, obj: Person | None) -> list[type[InlineModelAdmin[Any, Any]]]:
        return [BudgetInline] if obj else []

    def has_delete_permission(self, request: HttpRequest, obj: Person | None = None) -> bool:
        """No: people are deactivated instead, so that pictures keep their author."""
        return False


admin.site.unregister(Group)


@admin.register(Group)
class GroupAdmin(DjangosGroupAdmin):
    """Groups of people: their rights, their common budget and the limits of each person."""

    def get_readonly_fields(self, request: HttpRequest, obj: Group | None = None) -> list[str]:
        """A group's rights are those of each person in it."""
        return [] if request.user.is_superuser else ["permissions"]

    def has_delete_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        """A group that has spent stays, because its budget and the usage by group are counted by it."""
        if not super().has_delete_permission(request, obj):
            return False
        return obj is not None and not LedgerEntry.objects.filter(groups=obj).exists()

    def get_inlines(self, request: HttpRequest, obj: Group | None) -> list[type[InlineModelAdmin[Any, Any]]]:
        return [BudgetInline, GroupLimitInline] if obj else []
