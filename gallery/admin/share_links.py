"""Share links and comments."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from gallery.admin.jobs import ReadOnlyAdmin
from gallery.models import Comment, GuestAct, Person, ShareLink
from gallery.services.share_links import revoke_link

# All but the two hashes and the encrypted token, which say nothing to a reader.
LINK_FIELDS = (
    "label",
    "gallery",
    "created_by",
    "created_at",
    "works",
    "expires_at",
    "revoked_at",
    "protected",
    "show_prompts",
    "allow_downloads",
    "allow_votes",
    "allow_comments",
    "allow_decisions",
    "visits",
    "last_visit_at",
)
COMMENT_FIELDS = ("text", "author", "guest", "link", "gallery", "picture", "created_at")


@admin.register(ShareLink)
class ShareLinkAdmin(admin.ModelAdmin[ShareLink]):
    """Administrators may view and revoke links. People who may share a gallery make them."""

    list_display = ["label", "gallery", "created_by", "works", "expires_at", "visits", "last_visit_at"]
    list_filter = ["created_by", "expires_at"]
    list_select_related = ["gallery", "created_by"]
    search_fields = ["label", "gallery__name"]
    actions = ["revoke"]
    fields = readonly_fields = LINK_FIELDS

    @admin.display(description=_("works"), boolean=True)
    def works(self, link: ShareLink) -> bool:
        return link.is_alive

    @admin.display(description=_("has a password"), boolean=True)
    def protected(self, link: ShareLink) -> bool:
        return link.has_password

    @admin.action(description=_("Revoke: it shows nothing any more"), permissions=["change"])
    def revoke(self, request: HttpRequest, links: QuerySet[ShareLink]) -> None:
        assert isinstance(request.user, Person)
        chosen = list(links.select_related("gallery"))
        revoked = sum(revoke_link(link, request.user) for link in chosen)
        self.message_user(request, f"{revoked} of {len(chosen)} revoked.", messages.SUCCESS)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """No: only a link that still exists can tell its guests that it has ended."""
        return False


@admin.register(Comment)
class CommentAdmin(admin.ModelAdmin[Comment]):
    list_display = ["short", "who", "is_guest", "gallery", "picture", "created_at"]
    list_filter = ["created_at"]
    list_select_related = ["author", "gallery", "picture"]
    search_fields = ["text", "guest", "author__name", "gallery__name"]
    fields = readonly_fields = COMMENT_FIELDS

    @admin.display(description=_("comment"))
    def short(self, comment: Comment) -> str:
        return comment.text if len(comment.text) <= 60 else f"{comment.text[:59]}…"

    @admin.display(description=_("guest"), boolean=True)
    def is_guest(self, comment: Comment) -> bool:
        return comment.author_id is None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """No: an administrator must not change another person's words."""
        return False


@admin.register(GuestAct)
class GuestActAdmin(ReadOnlyAdmin):
    """What counts towards the limits of an hour. The place is a keyed hash of the address."""

    list_display = ["link", "kind", "place", "created_at"]
    list_filter = ["kind", "created_at"]
    list_select_related = ["link"]
    fields = ["link", "kind", "place", "created_at"]
