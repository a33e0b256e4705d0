"""The administration's list of pages, by what people look for, and not by which package a table comes from.

It is outside of `gallery.admin`, which registers its pages here while it is imported.
"""

from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest

SECTIONS = {
    "People": ("Person", "Group", "GroupRight", "GroupLimit", "Invitation"),
    "Signing in": ("SocialApp", "SocialAccount", "Authenticator"),
    "Models and the service": ("ImageModel", "UpstreamAccount"),
    "Money": ("Budget", "LedgerEntry"),
    "Pictures": ("Generation", "Picture", "Gallery", "ShareLink", "GuestAct", "Comment", "PromptTemplate", "Download"),
    "Background": ("AuditEntry", "Alert", "MediaCheck", "Retention", "OrmQ", "Failure", "Success", "Schedule"),
}


class StudioAdminSite(AdminSite):
    site_header = "Lemon Studio"
    site_title = "Lemon Studio administration"
    index_title = "Administration"

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        apps = super().get_app_list(request, app_label)
        if app_label is not None:
            return apps
        pages = {page["object_name"]: page for app in apps for page in app["models"]}
        sections = [(name, [pages.pop(page) for page in listed if page in pages]) for name, listed in SECTIONS.items()]
        # A page that no section names is not lost.
        sections.append(("Other", list(pages.values())))
        return [_section(name, listed) for name, listed in sections if listed]


def _section(name: str, pages: list[Any]) -> dict[str, Any]:
    """As Django's templates want a section."""
    label = name.lower().replace(" ", "-")
    return {"name": name, "app_label": label, "app_url": "", "has_module_perms": True, "models": pages}
