"""What every page needs."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from gallery.models import Notice
from gallery.models.activity import MOST_COUNTED

THEMES = ("auto", "light", "dark")


def studio(request: HttpRequest) -> dict[str, Any]:
    theme = request.COOKIES.get("theme", "auto")
    return {
        "theme": theme if theme in THEMES else "auto",
        "is_sandbox": settings.SANDBOX,
        # Lazy: pages with the rail ask for it once, and fragments do not.
        "unread": SimpleLazyObject(lambda: _unread(request)),
    }


def _unread(request: HttpRequest) -> str:
    """The number of notices that the bell shows; empty if there are none."""
    count = 0 if request.user.is_anonymous else Notice.objects.count_unread(request.user)
    return f"{MOST_COUNTED}+" if count > MOST_COUNTED else str(count or "")
