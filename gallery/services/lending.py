"""Lends pictures to the upstream by addresses, for models that fetch what goes along with a request.

Only where LEMONSTUDIO_PUBLIC_URL says that the studio can be reached from the internet. An address is signed, names one
file, and is good for an hour.
"""

from django.conf import settings
from django.core import signing
from django.urls import reverse

from gallery.models.routes import Route

SECONDS = 3600
_SALT = "gallery.lending"


def is_possible() -> bool:
    return bool(settings.LEMONSTUDIO_PUBLIC_URL)


def most_pictures(route: Route) -> int:
    """How many pictures this studio can send along by the route, as files or as addresses."""
    return route.most_pictures(lends=is_possible())


def address_of(name: str) -> str:
    """Where the upstream can fetch this file of the storage for the next hour."""
    path = reverse("lent_picture", args=[signing.dumps(name, salt=_SALT)])
    return f"{settings.LEMONSTUDIO_PUBLIC_URL}{path}"


def name_in(token: str) -> str | None:
    """The file that an address of `address_of` names; None if it is over, or none of ours."""
    if not is_possible():
        return None
    try:
        name = signing.loads(token, salt=_SALT, max_age=SECONDS)
    except signing.BadSignature:
        return None
    return name if isinstance(name, str) else None
