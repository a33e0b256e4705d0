"""Background jobs, to look at: nothing here can be added, changed or run.

django-q2's own pages take the name of any function in Python, and run it. That would make each stolen session of an
administrator a shell on the server.
"""

from typing import Any

import django_q.admin  # noqa: F401 registers its own pages, which are replaced here
from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django_q.models import Failure, OrmQ, Schedule, Success, Task

for registered in (Schedule, Success, Failure, OrmQ):
    admin.site.unregister(registered)


class ReadOnlyAdmin(admin.ModelAdmin[Any]):
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Schedule)
class ScheduleAdmin(ReadOnlyAdmin):
    list_display = ["name", "func", "minutes", "next_run"]
    fields = ["name", "func", "schedule_type", "minutes", "next_run"]


@admin.register(OrmQ)
class QueueAdmin(ReadOnlyAdmin):
    list_display = ["id", "key", "func", "lock"]
    fields = ["key", "func", "lock"]


@admin.register(Success)
class SuccessAdmin(ReadOnlyAdmin):
    """What a task returned is not shown: the studio's tasks return nothing."""

    list_display = ["name", "func", "started", "stopped"]
    search_fields = ["name", "func"]
    fields = ["name", "func", "started", "stopped"]

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).filter(success=True)


@admin.register(Failure)
class FailureAdmin(ReadOnlyAdmin):
    list_display = ["name", "func", "started", "stopped", "reason"]
    search_fields = ["name", "func"]
    fields = ["name", "func", "started", "stopped", "reason"]

    @admin.display(description=_("reason"))
    def reason(self, task: Task) -> str:
        """The exception, without the traceback: that is in the log."""
        return str(task.result or "").partition(" : Traceback")[0][:200]
