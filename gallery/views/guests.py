"""What somebody without an account sees through a link: one gallery, its pictures, and what guests say of them.

Nothing here tells of the studio but the gallery's name, its pictures and, where the link says so, their prompts: no
people, dates, models or costs; and of what is said only that which came through the same link.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import wraps
from math import ceil
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core import signing
from django.core.files.storage import default_storage
from django.db.models import Q, QuerySet
from django.http import Http404, HttpResponse, HttpResponseBase, HttpResponseNotModified
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.http import content_disposition_header
from django.utils.text import slugify
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from gallery import services
from gallery.forms.share_links import CommentForm, GuestNameForm, LinkPasswordForm
from gallery.images.concurrency import Busy
from gallery.images.metadata import strip_in_turn
from gallery.images.parse import NotAPicture
from gallery.models import Comment, GalleryEntry, GuestVote, Picture, ShareLink
from gallery.services.share_links import Guest, TooMany
from gallery.web.access import link_of
from gallery.web.http import StudioRequest, client_address, number_in

PAGE = 60
# Of comments, the latest.
SHOWN = 200
# Signed, below the link's own path: who this is, and that the password was given.
COOKIE = "guest"
REMEMBERED = 30 * 24 * 3600
# Ends with the browser.
VISIT_COOKIE = "visit"
# Kept by the browser, and asked for each time: when the link is over, so are its pictures.
ASKED_EACH_TIME = "private, no-cache"


class Visit:
    """One request through a link: by whom, as far as their cookie tells."""

    def __init__(self, request: StudioRequest, link: ShareLink, token: str) -> None:
        self.link, self.path = link, reverse("guest_gallery", args=[token])
        self.is_https = settings.SESSION_COOKIE_SECURE
        self._salt = f"gallery.guest.{link.pk}"
        told: dict[str, str] = {}
        with suppress(signing.BadSignature):
            told = signing.loads(request.COOKIES.get(COOKIE, ""), salt=self._salt, max_age=REMEMBERED)
        self.name, self.proof = told.get("name", ""), told.get("proof", "")
        self.key = told.get("key") or uuid4().hex

    @property
    def is_let_in(self) -> bool:
        return not self.link.has_password or constant_time_compare(self.proof, self.link.proof)

    @property
    def guest(self) -> Guest:
        return Guest(self.name, self.key)

    def remember(self, response: HttpResponseBase) -> None:
        told = {"name": self.name, "proof": self.proof, "key": self.key}
        self._set(response, COOKIE, signing.dumps(told, salt=self._salt), REMEMBERED)

    def count(self, request: StudioRequest, response: HttpResponseBase) -> None:
        """Once for as long as a browser is open; those who have an account are no outsiders."""
        if request.method != "GET" or VISIT_COOKIE in request.COOKIES or request.user.is_authenticated:
            return
        services.share_links.count_visit(self.link)
        self._set(response, VISIT_COOKIE, "1", None)

    def _set(self, response: HttpResponseBase, name: str, value: str, seconds: int | None) -> None:
        response.set_cookie(
            name, value, max_age=seconds, path=self.path, secure=self.is_https, httponly=True, samesite="Lax"
        )


@dataclass
class Shown:
    """A picture as guests see it; what templates take for a Picture. `number` is its place in the gallery, from 1."""

    visit: Visit
    entry: GalleryEntry
    number: int
    is_liked: bool = False

    def __post_init__(self) -> None:
        picture = self.entry.picture
        self.id = self.entry.pk
        # The entry's number, which means nothing anywhere else in the studio.
        self.url = f"{self.visit.path}{self.entry.pk}/"
        self.width, self.height = picture.width, picture.height
        self.ratio_class, self.placeholder = picture.ratio_class, picture.placeholder
        self.prompt = picture.generation.prompt if self.visit.link.show_prompts else ""
        self.alt = picture.alt if self.prompt else f"Picture {self.number}"

    def _file(self, width: int, format: str) -> str:
        return f"{self.url}{width}.{format}"

    def _srcset(self, format: str) -> str:
        widths = self.entry.picture.thumbnails.get(format, ())
        return ", ".join(f"{self._file(width, format)} {width}w" for width in widths)

    @property
    def srcset_webp(self) -> str:
        return self._srcset("webp")

    @property
    def srcset_avif(self) -> str:
        return self._srcset("avif")

    @property
    def src(self) -> str:
        """The largest there is; empty until it is made. The original is not for looking at."""
        widths = self.entry.picture.thumbnails.get("webp", ())
        return self._file(max(widths), "webp") if widths else ""


View = Callable[..., HttpResponseBase]


def by_link(locked: str = "hide") -> Callable[[View], View]:
    """For a view that takes a Visit instead of a token; without an account, and as long as the link is alive.

    `locked`: what those get who have not given its password: a form to give it ("ask"), 404 ("hide"), or the view
    itself ("open").
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
            visit = Visit(request, link, token)
            if locked == "open" or visit.is_let_in:
                return view(request, visit, *args, **kwargs)
            if locked == "hide":
                raise Http404
            return ask_password(request, visit, LinkPasswordForm(), kwargs.get("entry"))

        return opened

    return decorate


# -- the password


def ask_password(
    request: StudioRequest, visit: Visit, form: LinkPasswordForm, entry: int | None, status: int = 200
) -> HttpResponse:
    context = {"visit": visit, "form": form, "entry": entry}
    return render(request, "guests/guest_password.html", context, status=status)


@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
@by_link(locked="open")
def guest_password(request: StudioRequest, visit: Visit) -> HttpResponseBase:
    if request.method != "POST" or visit.is_let_in:
        return redirect(visit.path)
    entry = number_in(request.POST.get("entry", ""))
    form = LinkPasswordForm(request.POST)
    if not form.is_valid():
        return ask_password(request, visit, form, entry, status=422)
    try:
        is_right = services.share_links.try_password(visit.link, form.cleaned_data["password"], client_address(request))
    except TooMany as problem:
        return _too_many(request, visit, problem)
    if not is_right:
        form.add_error("password", "This is not the password. Check it, and try again.")
        return ask_password(request, visit, form, entry, status=422)
    response = redirect(f"{visit.path}{entry}/" if entry else visit.path)
    visit.proof = visit.link.proof
    visit.remember(response)
    return response


def _too_many(request: StudioRequest, visit: Visit, problem: TooMany) -> HttpResponse:
    seconds = max(1, ceil((problem.until - timezone.now()).total_seconds()))
    context = {"minutes": ceil(seconds / 60), "back": visit.path}
    response = render(request, "429.html", context, status=429)
    response["Retry-After"] = str(seconds)
    return response


# -- pages


def _entries(visit: Visit) -> "QuerySet[GalleryEntry]":
    """What the gallery has, in its order by hand."""
    kept = GalleryEntry.objects.filter(gallery=visit.link.gallery_id, picture__in=Picture.objects.kept())
    return kept.select_related("picture__generation").order_by("-position", "-pk")


def _before(entry: GalleryEntry) -> Q:
    return Q(position__gt=entry.position) | Q(position=entry.position, pk__gt=entry.pk)


def _after(entry: GalleryEntry) -> Q:
    return Q(position__lt=entry.position) | Q(position=entry.position, pk__lt=entry.pk)


@require_safe
@by_link(locked="ask")
def guest_gallery(request: StudioRequest, visit: Visit) -> HttpResponseBase:
    entries = _entries(visit)
    total = entries.count()
    last = max(1, ceil(total / PAGE))
    page = min(number_in(request.GET.get("page", "")) or 1, last)
    begin = (page - 1) * PAGE
    rows = list(entries[begin : begin + PAGE])
    liked = _liked(visit, rows)
    shown = [Shown(visit, row, begin + place, row.picture_id in liked) for place, row in enumerate(rows, 1)]
    more = f"{visit.path}?page={page + 1}" if page < last else ""
    context = {"visit": visit, "link": visit.link, "pictures": shown, "total": total, "page": page, "more": more}
    response = render(request, "guests/guest_gallery.html", context)
    visit.count(request, response)
    return response


@require_safe
@by_link(locked="ask")
def guest_picture(request: StudioRequest, visit: Visit, entry: int) -> HttpResponseBase:
    response = _picture_page(request, visit, _entry(visit, entry))
    visit.count(request, response)
    return response


def _picture_page(
    request: StudioRequest, visit: Visit, entry: GalleryEntry, more: dict[str, Any] | None = None, status: int = 200
) -> HttpResponse:
    entries = _entries(visit)
    number = entries.filter(_before(entry)).count() + 1
    context = {
        "visit": visit,
        "link": visit.link,
        "picture": Shown(visit, entry, number),
        "number": number,
        "total": entries.count(),
        "previous": entries.filter(_before(entry)).order_by("position", "pk").values_list("pk", flat=True).first(),
        "next": entries.filter(_after(entry)).values_list("pk", flat=True).first(),
        "back": f"{visit.path}?page={page}" if (page := ceil(number / PAGE)) > 1 else visit.path,
        **_talk(visit, entry),
        **(more or {}),
    }
    return render(request, "guests/guest_picture.html", context, status=status)


def _liked(visit: Visit, entries: "list[GalleryEntry]") -> set[int]:
    """The pictures among these that this guest likes."""
    if not (visit.link.allow_votes and visit.name):
        return set()
    pictures = [entry.picture_id for entry in entries]
    votes = GuestVote.objects.filter(link=visit.link, guest_key=visit.key, picture__in=pictures)
    return set(votes.values_list("picture", flat=True))


def _entry(visit: Visit, pk: int) -> GalleryEntry:
    return get_object_or_404(_entries(visit), pk=pk)


# -- files


@require_safe
@by_link()
def guest_thumbnail(request: StudioRequest, visit: Visit, entry: int, width: int, format: str) -> HttpResponseBase:
    picture = _entry(visit, entry).picture
    if not picture.has_thumbnail(width, format):
        raise Http404

    def read() -> HttpResponse:
        with default_storage.open(picture.thumbnail_name(width, format)) as file:
            return HttpResponse(file.read(), content_type=f"image/{format}")

    return _from_here(request, f'"{picture.digest}-{width}-{format}"', read)


@require_safe
@by_link()
def guest_download(request: StudioRequest, visit: Visit, entry: int) -> HttpResponseBase:
    """The whole picture and nothing else: what its file has besides may tell the prompt, or more."""
    if not visit.link.allow_downloads:
        raise Http404
    place = _entry(visit, entry)
    picture = place.picture

    def read() -> HttpResponse:
        with default_storage.open(picture.original_name) as file:
            response = HttpResponse(strip_in_turn(file), content_type=picture.content_type)
        number = _entries(visit).filter(_before(place)).count() + 1
        assert visit.link.gallery is not None
        stem = slugify(visit.link.gallery.name)[:60] or "picture"
        name = f"{stem}-{number}.{picture.extension}"
        response["Content-Disposition"] = content_disposition_header(True, name) or "attachment"
        return response

    try:
        return _from_here(request, f'"{picture.digest}-alone"', read)
    except Busy:
        return _busy(request, visit, place)


def _from_here(request: StudioRequest, etag: str, read: Callable[[], HttpResponse]) -> HttpResponse:
    """Out of this process, wherever files are kept and whatever else hands them out (`media.py`).

    A signed address has the file's name in storage, with its month and its generation; nginx tells when it was written.
    """
    if request.headers.get("If-None-Match") == etag:
        response: HttpResponse = HttpResponseNotModified()
    else:
        try:
            response = read()
        except (FileNotFoundError, NotAPicture):
            raise Http404 from None
        response["X-Content-Type-Options"] = "nosniff"
    response["ETag"] = etag
    response["Cache-Control"] = ASKED_EACH_TIME
    return response


def _busy(request: StudioRequest, visit: Visit, entry: GalleryEntry) -> HttpResponse:
    context = {"is_busy": True, "back": f"{visit.path}{entry.pk}/"}
    response = render(request, "429.html", context, status=429)
    response["Retry-After"] = "10"
    return response


# -- what guests say


def _talk(visit: Visit, entry: GalleryEntry) -> dict[str, Any]:
    """For `_guest_talk.html`: of this link only, as far as it allows it."""
    link, picture = visit.link, entry.picture_id
    context: dict[str, Any] = {"name_form": GuestNameForm(), "comment_form": CommentForm()}
    if link.allow_votes:
        votes = GuestVote.objects.filter(link=link, picture=picture)
        context |= {"likes": votes.count(), "is_liked": votes.filter(guest_key=visit.key).exists()}
    if link.allow_comments:
        latest = Comment.objects.filter(link=link, picture=picture, gallery=link.gallery_id).order_by("-pk")
        context["comments"] = list(reversed(latest[:SHOWN]))
    return context


def _said(
    request: StudioRequest, visit: Visit, entry: GalleryEntry, more: dict[str, Any] | None = None, status: int = 200
) -> HttpResponseBase:
    """The answer to a form below a picture: the part that htmx swaps, or the picture's page."""
    if request.htmx:
        context = {
            "visit": visit,
            "link": visit.link,
            "picture": Shown(visit, entry, 0),
            **_talk(visit, entry),
            **(more or {}),
        }
        return render(request, "guests/_guest_talk.html", context, status=status)
    if more:
        return _picture_page(request, visit, entry, more, status)
    return redirect(f"{visit.path}{entry.pk}/#talk")


@require_POST
@by_link()
def guest_name(request: StudioRequest, visit: Visit, entry: int) -> HttpResponseBase:
    """Whoever says something says it under a name, which may be changed for what comes later."""
    place = _entry(visit, entry)
    if not visit.link.takes_words:
        raise Http404
    form = GuestNameForm(request.POST)
    if not form.is_valid():
        return _said(request, visit, place, {"name_form": form, "asks_name": True}, status=422)
    visit.name = form.cleaned_data["name"]
    response = _said(request, visit, place)
    visit.remember(response)
    return response


@require_POST
@by_link()
def guest_vote(request: StudioRequest, visit: Visit, entry: int) -> HttpResponseBase:
    place = _entry(visit, entry)
    if not visit.link.allow_votes:
        raise Http404
    if not visit.name:
        return _nameless(request, visit, place)
    try:
        services.share_links.guest_vote(visit.link, place.picture, visit.guest, request.POST.get("like") == "1")
    except TooMany as problem:
        return _said(request, visit, place, {"problem": _in_words(problem)}, status=422)
    return _said(request, visit, place)


@require_POST
@by_link()
def guest_comment(request: StudioRequest, visit: Visit, entry: int) -> HttpResponseBase:
    place = _entry(visit, entry)
    if not visit.link.allow_comments or visit.link.gallery is None:
        raise Http404
    if not visit.name:
        return _nameless(request, visit, place)
    form = CommentForm(request.POST)
    if form.is_valid():
        said = form.cleaned_data["text"]
        try:
            services.comments.comment(visit.link.gallery, place.picture, said, link=visit.link, guest=visit.name)
        except TooMany as problem:
            form.add_error("text", _in_words(problem))
    if form.errors:
        return _said(request, visit, place, {"comment_form": form}, status=422)
    return _said(request, visit, place)


def _nameless(request: StudioRequest, visit: Visit, entry: GalleryEntry) -> HttpResponseBase:
    return _said(request, visit, entry, {"name_form": GuestNameForm({"name": ""})}, status=422)


def _in_words(problem: TooMany) -> str:
    minutes = max(1, ceil((problem.until - timezone.now()).total_seconds() / 60))
    return f"Very much came through this link within an hour. Try again in {minutes} minute{'s'[: minutes != 1]}."
