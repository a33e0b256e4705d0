"""The account at the upstream."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from gallery import services
from gallery.models import UpstreamAccount

# How many of the requests that a resume would send are listed.
LISTED = 50
LONGEST_REASON = 500


@admin.register(UpstreamAccount)
class UpstreamAccountAdmin(admin.ModelAdmin[UpstreamAccount]):
    """What the studio knows about its account. The key is a setting and never shown."""

    list_display = ["__str__", "pause_code", "paused_at", "resume_at", "balance_usd", "holder"]
    actions = ["resume"]

    @admin.action(description=gettext_lazy("Go on now"), permissions=["change"])
    def resume(self, request: HttpRequest, accounts: QuerySet[UpstreamAccount]) -> None:
        self._resume(request)

    # -- the buttons

    def get_urls(self) -> list[URLPattern]:
        def own(name: str, view: Any) -> URLPattern:
            wrapped = self.admin_site.admin_view(require_POST(view))
            pattern: URLPattern = path(f"{name}/", wrapped, name=f"gallery_upstreamaccount_{name.replace('-', '_')}")
            return pattern

        buttons = [
            own("pause", self.pause_view),
            own("resume", self.resume_view),
            own("cancel-queued", self.cancel_queued_view),
        ]
        return [*buttons, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {**self._pause_context(request), **(extra_context or {})})

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        context = {**self._pause_context(request), **(extra_context or {})}
        return super().changeform_view(request, object_id, form_url, context)

    def pause_view(self, request: HttpRequest) -> HttpResponse:
        self._may_change(request)
        reason = request.POST.get("reason", "")[:LONGEST_REASON]
        services.operations.pause(getattr(request.user, "name", "") or "An administrator", reason)
        self._log(request, "Paused. " + reason)
        self.message_user(request, _("Nothing more is sent. What is on its way is finished."), messages.SUCCESS)
        return _back()

    def resume_view(self, request: HttpRequest) -> HttpResponse:
        self._may_change(request)
        self._resume(request)
        return _back()

    def cancel_queued_view(self, request: HttpRequest) -> HttpResponse:
        """Cancel what was queued when the pause began. The pause goes on."""
        self._may_change(request)
        cancelled = services.operations.cancel_queued()
        self._log(request, f"Cancelled what was queued: {cancelled}.")
        self.message_user(request, _("Cancelled: %(count)d.") % {"count": cancelled}, messages.SUCCESS)
        return _back()

    def _resume(self, request: HttpRequest) -> None:
        services.operations.resume()
        self._log(request, "Resumed.")
        self.message_user(request, _("The queue goes on."), messages.SUCCESS)

    def _may_change(self, request: HttpRequest) -> None:
        if not self.has_change_permission(request):
            raise PermissionDenied

    def _log(self, request: HttpRequest, said: str) -> None:
        self.log_change(request, UpstreamAccount.load(), said.strip())

    def _pause_context(self, request: HttpRequest) -> dict[str, Any]:
        queued = services.operations.queued_before_pause
        return {
            "account": UpstreamAccount.load(),
            "may_pause": self.has_change_permission(request),
            "on_their_way": SimpleLazyObject(lambda: str(services.operations.on_their_way())),
            "waiting": services.operations.waiting(),
            "waiting_rows": queued().select_related("model", "author").order_by("pk")[:LISTED],
        }

    # -- nothing is edited

    def get_readonly_fields(self, request: HttpRequest, obj: UpstreamAccount | None = None) -> list[str]:
        return [field.name for field in UpstreamAccount._meta.fields]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: UpstreamAccount | None = None) -> bool:
        return False


def _back() -> HttpResponseRedirect:
    return HttpResponseRedirect(reverse("admin:gallery_upstreamaccount_changelist"))
