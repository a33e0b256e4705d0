"""Checks of the media: the button, and what the latest ones found."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from gallery import services
from gallery.admin.jobs import ReadOnlyAdmin
from gallery.models import MediaCheck
from gallery.models.sentences import in_readers_language


@admin.register(MediaCheck)
class MediaCheckAdmin(ReadOnlyAdmin):
    """Who may add checks may start one. Nothing is repaired or deleted here: the command does that."""

    list_display = ["__str__", "finished_at", "with_hash", "stage", "broken", "orphans"]
    fields = [
        "started_at",
        "finished_at",
        "error",
        "with_hash",
        "stage",
        "place",
        "broken",
        "orphans",
        "found",
    ]

    @admin.display(description=gettext_lazy("found (the first few)"))
    def found(self, check: MediaCheck) -> SafeString:
        return format_html_join("", "{}<br>", ((_in_words(one),) for one in check.findings)) or SafeString("–")

    def get_urls(self) -> list[URLPattern]:
        start = self.admin_site.admin_view(require_POST(self.start_view))
        return [path("start/", start, name="gallery_mediacheck_start"), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        context = {"may_start": self._may_start(request), **(extra_context or {})}
        return super().changelist_view(request, context)

    def start_view(self, request: HttpRequest) -> HttpResponse:
        if not self._may_start(request):
            raise PermissionDenied
        if services.operations.check_media(with_hash="with_hash" in request.POST):
            self.message_user(request, _("The check has begun. Load this page again to see its result."))
        else:
            self.message_user(request, _("A check is running already."), messages.WARNING)
        return HttpResponseRedirect(reverse("admin:gallery_mediacheck_changelist"))

    @staticmethod
    def _may_start(request: HttpRequest) -> bool:
        return request.user.has_perm("gallery.add_mediacheck")


def _in_words(finding: str) -> str:
    """`finding` is what is wrong, a colon, and the file."""
    what, colon, file = finding.partition(": ")
    return f"{in_readers_language(what)}{colon}{file}"
