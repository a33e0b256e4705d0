"""Share links for tests, and guests who use them."""

from datetime import timedelta
from typing import Any

from django.test import Client
from django.utils import timezone

from gallery import services
from gallery.models import Gallery, Picture, ShareLink

PROMPT = "A secret formula for lemonade"
WRONG, RIGHT = "not this one", "open sesame"


def link_form(**more: Any) -> dict[str, Any]:
    """What the form for a new link sends."""
    return {"label": "The client", "until": f"{timezone.localdate() + timedelta(days=7)}", **more}


def share(gallery: Gallery, password: str = "", **settings: Any) -> tuple[ShareLink, str]:
    """The link, and its path."""
    chosen = {"label": "The client", "expires_at": timezone.now() + timedelta(days=30), **settings}
    link, token = services.share_links.make_link(gallery, gallery.owner, chosen, password)
    return link, f"/s/{token}/"


def below(path: str, picture: Picture) -> str:
    return f"{path}{picture.entries.get().pk}/"


def all_addresses(path: str, picture: Picture) -> list[str]:
    page = below(path, picture)
    return [path, page, f"{page}320.webp", f"{page}download/"]


def named(path: str, picture: Picture, name: str = "Rosa") -> Client:
    """A guest who has said their name."""
    guest = Client()
    assert guest.post(f"{below(path, picture)}name/", {"name": name}).status_code == 302
    return guest


def unlock(client: Client, path: str, password: str, **more: Any) -> Any:
    return client.post(f"{path}password/", {"password": password, **more})
