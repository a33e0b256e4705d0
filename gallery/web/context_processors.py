"""What every page needs to know."""

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
        # Asked for by the pages that have the rail, once, and not by fragments.
        "unread": SimpleLazyObject(lambda: _unread(request)),
    }


def _unread(request: HttpRequest) -> str:
    """How many notices, as the bell shows it; nothing where there are none."""
    count = 0 if request.user.is_anonymous else Notice.objects.count_unread(request.user)
    return f"{MOST_COUNTED}+" if count > MOST_COUNTED else str(count or "")
