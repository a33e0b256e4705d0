"""People without an account, who come through a share link: their cookie, the door to their views, their pictures."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import wraps
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core import signing
from django.http import Http404, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _

from gallery import services
from gallery.models import GalleryEntry, GuestVote, Picture, ShareLink
from gallery.queries.guests import entries_for_guests, votes_of_guest
from gallery.services.share_links import Guest
from gallery.web.access import link_of
from gallery.web.http import StudioRequest, client_address
from gallery.web.pictures import LARGEST_THUMBNAIL, PictureFiles

if TYPE_CHECKING:
    from django.db.models import QuerySet

# Signed, and sent only below the link's own path: who this is, and that they gave the password.
COOKIE = "guest"
# Seconds.
COOKIE_AGE = 30 * 24 * 3600
# Ends with the browser.
VISIT_COOKIE = "visit"

View = Callable[..., HttpResponseBase]


class GuestSession:
    """What a guest's cookie proves: the name they gave, and the password they know."""

    def __init__(self, request: StudioRequest, link: ShareLink, token: str) -> None:
        self.link, self.path = link, reverse("guest_gallery", args=[token])
        self.address = client_address(request)
        self._salt = f"gallery.guest.{link.pk}"
        data: dict[str, str] = {}
        with suppress(signing.BadSignature):
            data = signing.loads(request.COOKIES.get(COOKIE, ""), salt=self._salt, max_age=COOKIE_AGE)
        self.name, self.proof = data.get("name", ""), data.get("proof", "")
        self.key = data.get("key") or uuid4().hex
        # Which of their own choices the guest looks through; empty for all pictures.
        asked = request.GET.get("mine", "") or request.POST.get("mine", "")
        self.mine = asked if asked in self.kinds else ""

    @property
    def is_let_in(self) -> bool:
        return not self.link.has_password or constant_time_compare(self.proof, self.link.proof)

    @property
    def kinds(self) -> list[str]:
        """What guests may choose, as the link says."""
        decisions = [GuestVote.Kind.APPROVED.value, GuestVote.Kind.CHANGES.value] if self.link.allow_decisions else []
        return [*([GuestVote.Kind.LIKE.value] if self.link.allow_votes else []), *decisions]

    @property
    def query(self) -> str:
        """What an address needs so that it stays among what the guest looks through."""
        return f"?mine={self.mine}" if self.mine else ""

    @property
    def entries(self) -> "QuerySet[GalleryEntry]":
        """The gallery's entries that the guest looks through."""
        entries = entries_for_guests(self.link.gallery_id)
        if not self.mine:
            return entries
        chosen = votes_of_guest(self.link, self.key).filter(kind=self.mine)
        return entries.filter(picture__in=chosen.values("picture"))

    @property
    def guest(self) -> Guest:
        return Guest(self.name, self.key, self.address)

    def remember(self, response: HttpResponseBase) -> None:
        data = {"name": self.name, "proof": self.proof, "key": self.key}
        self._set_cookie(response, COOKIE, signing.dumps(data, salt=self._salt), COOKIE_AGE)

    def count_visit(self, request: StudioRequest, response: HttpResponseBase) -> None:
        """Once for as long as a browser is open. People with an account do not count."""
        if request.method != "GET" or VISIT_COOKIE in request.COOKIES or request.user.is_authenticated:
            return
        services.share_links.count_visit(self.link)
        self._set_cookie(response, VISIT_COOKIE, "1", None)

    def _set_cookie(self, response: HttpResponseBase, name: str, value: str, seconds: int | None) -> None:
        response.set_cookie(
            name,
            value,
            max_age=seconds,
            path=self.path,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )


def thumbnails_for(session: GuestSession, picture: Picture) -> dict[str, list[int]]:
    """The widths that a guest may see, by format. The full-size still of an animation needs the right to download."""
    if session.link.allow_downloads:
        return dict(picture.thumbnails)
    shown = {
        kind: [width for width in widths if width <= LARGEST_THUMBNAIL] for kind, widths in picture.thumbnails.items()
    }
    return {kind: widths for kind, widths in shown.items() if widths}


class GuestPicture:
    """A picture as guests see it. `number` is its place among those shown, from 1; `chosen` what this guest chose."""

    def __init__(
        self, session: GuestSession, entry: GalleryEntry, number: int, chosen: Mapping[str, str] | None = None
    ) -> None:
        picture = entry.picture
        # The entry's number, which means nothing anywhere else in the studio.
        self.id, self.number = entry.pk, number
        self.url = f"{session.path}{entry.pk}/"
        self.page_url = f"{self.url}{session.query}"
        self.files = PictureFiles(self.url, thumbnails_for(session, picture))
        self.width, self.height = picture.width, picture.height
        self.placeholder = picture.placeholder
        # What an upload has instead is the name of a person's file.
        has_prompt = session.link.show_prompts and not picture.is_upload
        self.prompt = picture.generation.prompt if has_prompt else ""
        self.alt = picture.alt if self.prompt else _("Picture %(number)d") % {"number": number}
        chosen = chosen or {}
        self.is_liked = GuestVote.Kind.LIKE in chosen
        self.decision = next((kind for kind in chosen if kind != GuestVote.Kind.LIKE), "")
        self.note = chosen.get(self.decision, "")

    @property
    def decision_in_words(self) -> str:
        return str(GuestVote.Kind(self.decision).label) if self.decision else ""


def not_found(request: StudioRequest, session: GuestSession, entry: int | None) -> HttpResponseBase:
    raise Http404


def by_link(
    *, locked: Callable[[StudioRequest, GuestSession, int | None], HttpResponseBase] | None = not_found
) -> Callable[[View], View]:
    """For a view that takes a GuestSession instead of a token. It needs no account, but a link that is alive.

    `locked` answers guests who have not given the link's password. With None the view itself answers them.
    """

    def decorate(view: View) -> View:
        @login_not_required
        @wraps(view)
        def opened(request: StudioRequest, token: str, *args: Any, **kwargs: Any) -> HttpResponseBase:
            try:
                response = answer(request, token, *args, **kwargs)
            except Http404:
                response = render(request, "404.html", status=404)
            response["Referrer-Policy"] = "no-referrer"
            response["X-Robots-Tag"] = "noindex, nofollow"
            if not response.has_header("Cache-Control"):
                response["Cache-Control"] = "private, no-store"
            return response

        def answer(request: StudioRequest, token: str, *args: Any, **kwargs: Any) -> HttpResponseBase:
            link = link_of(token)
            if not link.is_alive:
                return render(request, "410.html", status=410)
            session = GuestSession(request, link, token)
            if locked is None or session.is_let_in:
                return view(request, session, *args, **kwargs)
            return locked(request, session, kwargs.get("entry"))

        return opened

    return decorate
