"""The administration's list of pages, by what people look for, and not by which package a table comes from.

It is outside of `gallery.admin`, which registers its pages here while it is imported.
"""

from typing import TYPE_CHECKING, Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

SECTIONS = {
    _("People"): ("Person", "Group", "GroupRight", "GroupLimit", "Invitation"),
    _("Signing in"): ("SocialApp", "SocialAccount", "Authenticator"),
    _("Models and the service"): ("ImageModel", "UpstreamAccount"),
    _("Money"): ("Budget", "LedgerEntry"),
    _("Pictures"): (
        "Generation",
        "Picture",
        "Gallery",
        "ShareLink",
        "GuestAct",
        "Comment",
        "PromptTemplate",
        "Download",
    ),
    _("Background"): ("AuditEntry", "Alert", "MediaCheck", "Retention", "OrmQ", "Failure", "Success", "Schedule"),
}


class StudioAdminSite(AdminSite):
    site_header = "Lemon Studio"
    site_title = _("Lemon Studio administration")
    index_title = _("Administration")

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        apps = super().get_app_list(request, app_label)
        if app_label is not None:
            return apps
        pages = {page["object_name"]: page for app in apps for page in app["models"]}
        sections = [(name, [pages.pop(page) for page in listed if page in pages]) for name, listed in SECTIONS.items()]
        # A page that no section names is not lost.
        sections.append((_("Other"), list(pages.values())))
        return [_section(name, listed) for name, listed in sections if listed]


def _section(name: "_StrOrPromise", pages: list[Any]) -> dict[str, Any]:
    """As Django's templates want a section."""
    label = str(name).lower().replace(" ", "-")
    return {"name": name, "app_label": label, "app_url": "", "has_module_perms": True, "models": pages}
