"""What someone without an account sees through a share link: one gallery, its pictures, and what guests say of them.

Nothing here tells of the studio but the gallery's name, its pictures and, if the link says so, their prompts: no
people, dates, models or costs. Guests read only comments that came through the same link.
"""

from math import ceil
from typing import Any
from urllib.parse import urlencode

from django.core.files.storage import default_storage
from django.http import Http404, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from gallery import services
from gallery.downloads import guest_zip
from gallery.forms.share_links import CommentForm, GuestDecisionForm, GuestNameForm, LinkPasswordForm
from gallery.images.concurrency import Busy, ConcurrencyLimit
from gallery.images.metadata import strip_in_turn
from gallery.models import Comment, GalleryEntry, GuestVote
from gallery.queries.guests import after, before, count_votes_of_guest, entries_for_guests, votes_of_guest
from gallery.services.share_links import TooMany
from gallery.views.downloads import ArchiveStream
from gallery.web.guests import GuestPicture, GuestSession, by_link, thumbnails_for
from gallery.web.http import StudioRequest, client_address, number_in
from gallery.web.media import serve_content
from gallery.web.pictures import begin_with

PAGE = 60
# The latest comments that a picture shows.
COMMENTS_SHOWN = 200
# Pictures in one archive.
PER_ARCHIVE = 200
# Archives that a web process sends to guests at once, of those that it sends at all.
GUEST_STREAMS = ConcurrencyLimit(at_once=2)


# -- the password


def ask_password(request: StudioRequest, session: GuestSession, entry: int | None) -> HttpResponse:
    """Instead of a page that the password opens. `entry` is the picture that the guest wanted to see."""
    return _password_page(request, session, LinkPasswordForm(), entry)


def _password_page(
    request: StudioRequest, session: GuestSession, form: LinkPasswordForm, entry: int | None, status: int = 200
) -> HttpResponse:
    context = {"session": session, "form": form, "entry": entry}
    return render(request, "guests/guest_password.html", context, status=status)


@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
@by_link(locked=None)
def guest_password(request: StudioRequest, session: GuestSession) -> HttpResponseBase:
    if request.method != "POST" or session.is_let_in:
        return redirect(session.path)
    entry = number_in(request.POST.get("entry", ""))
    form = LinkPasswordForm(request.POST)
    if not form.is_valid():
        return _password_page(request, session, form, entry, status=422)
    try:
        is_right = services.share_links.try_password(
            session.link, form.cleaned_data["password"], client_address(request)
        )
    except TooMany as problem:
        return _too_many(request, session, problem)
    if not is_right:
        form.add_error("password", _("This is not the password. Check it, and try again."))
        return _password_page(request, session, form, entry, status=422)
    response = redirect(f"{session.path}{entry}/" if entry else session.path)
    session.proof = session.link.proof
    session.remember(response)
    return response


def _too_many(request: StudioRequest, session: GuestSession, problem: TooMany) -> HttpResponse:
    seconds = max(1, ceil((problem.until - timezone.now()).total_seconds()))
    context = {"minutes": ceil(seconds / 60), "back": session.path}
    response = render(request, "429.html", context, status=429)
    response["Retry-After"] = str(seconds)
    return response


# -- pages


@require_safe
@by_link(locked=ask_password)
def guest_gallery(request: StudioRequest, session: GuestSession) -> HttpResponseBase:
    entries = session.entries
    total = entries.count()
    last = max(1, ceil(total / PAGE))
    page = min(number_in(request.GET.get("page", "")) or 1, last)
    begin = (page - 1) * PAGE
    rows = list(entries[begin : begin + PAGE])
    chosen = _chosen(session, rows)
    shown = [GuestPicture(session, row, begin + place, chosen.get(row.picture_id)) for place, row in enumerate(rows, 1)]
    begin_with(shown)
    context = {
        "session": session,
        "link": session.link,
        "pictures": shown,
        "cover": _cover(session, rows) if page == 1 and not session.mine else None,
        "total": total,
        "page": page,
        "more": _wall(session, page + 1) if page < last else "",
        "parts": _parts(session, total) if session.link.allow_downloads else [],
        **bar_context(session),
    }
    response = render(request, "guests/guest_gallery.html", context)
    session.count_visit(request, response)
    return response


def _cover(session: GuestSession, rows: "list[GalleryEntry]") -> GuestPicture | None:
    """The gallery's cover; its first picture if none was picked, or if the cover is not there any more."""
    gallery = session.link.gallery
    picked = session.entries.filter(picture=gallery.cover_id).first() if gallery and gallery.cover_id else None
    entry = picked or (rows[0] if rows else None)
    if entry is None:
        return None
    cover = GuestPicture(session, entry, _number(session, entry))
    begin_with([cover])
    return cover


def _wall(session: GuestSession, page: int) -> str:
    query = {name: value for name, value in (("mine", session.mine), ("page", page if page > 1 else "")) if value}
    return f"{session.path}?{urlencode(query)}" if query else session.path


def bar_context(session: GuestSession) -> dict[str, Any]:
    """For `_guest_bar.html`: how many pictures this guest liked and decided on."""
    counts = count_votes_of_guest(session.link, session.key) if session.name else {}
    choices = [(kind, counts.get(kind, 0)) for kind in session.kinds if counts.get(kind)]
    return {"choices": choices, "has_choices": bool(choices) or bool(session.mine)}


@require_safe
@by_link(locked=ask_password)
def guest_picture(request: StudioRequest, session: GuestSession, entry: int) -> HttpResponseBase:
    response = picture_page(request, session, entry_of(session, entry))
    session.count_visit(request, response)
    return response


def picture_page(
    request: StudioRequest,
    session: GuestSession,
    entry: GalleryEntry,
    more: dict[str, Any] | None = None,
    status: int = 200,
) -> HttpResponse:
    entries = session.entries
    number = _number(session, entry)
    context = {
        "number": number,
        "total": max(entries.count(), number),
        "previous": entries.filter(before(entry)).order_by("position", "pk").values_list("pk", flat=True).first(),
        "next": entries.filter(after(entry)).values_list("pk", flat=True).first(),
        "back": wall_address(session, entry, number),
        **talk_context(session, entry, number),
        **(more or {}),
    }
    return render(request, "guests/guest_picture.html", context, status=status)


def _number(session: GuestSession, entry: GalleryEntry) -> int:
    """The place of a picture among those that the guest looks through, from 1."""
    return session.entries.filter(before(entry)).count() + 1


def wall_address(session: GuestSession, entry: GalleryEntry, number: int | None = None) -> str:
    """Where this picture hangs among the others."""
    if number is None:
        number = _number(session, entry)
    return f"{_wall(session, ceil(number / PAGE))}#picture-{entry.pk}"


def talk_context(session: GuestSession, entry: GalleryEntry, number: int | None = None) -> dict[str, Any]:
    """For `_guest_talk.html`: what came through this link, as far as the link allows it."""
    link = session.link
    if number is None:
        number = _number(session, entry)
    context: dict[str, Any] = {
        "session": session,
        "link": link,
        "picture": GuestPicture(session, entry, number, _chosen(session, [entry]).get(entry.picture_id)),
        "name_form": GuestNameForm(),
        "comment_form": CommentForm(),
        "decision_form": GuestDecisionForm(),
    }
    if link.allow_votes:
        context["likes"] = GuestVote.objects.likes().filter(link=link, picture=entry.picture_id).count()
    if link.allow_comments:
        latest = Comment.objects.filter(link=link, picture=entry.picture_id, gallery=link.gallery_id).order_by("-pk")
        context["comments"] = list(reversed(latest[:COMMENTS_SHOWN]))
    return context


def _chosen(session: GuestSession, entries: "list[GalleryEntry]") -> dict[int, dict[str, str]]:
    """What this guest chose among these: for each picture, the kinds with their notes."""
    if not (session.link.takes_choices and session.name):
        return {}
    votes = votes_of_guest(session.link, session.key).filter(picture__in=[entry.picture_id for entry in entries])
    chosen: dict[int, dict[str, str]] = {}
    for picture, kind, note in votes.values_list("picture", "kind", "note"):
        chosen.setdefault(picture, {})[kind] = note
    return chosen


def entry_of(session: GuestSession, pk: int) -> GalleryEntry:
    """One of the entries of the gallery, also if it is not among those that the guest looks through."""
    return get_object_or_404(entries_for_guests(session.link.gallery_id), pk=pk)


# -- files


@require_safe
@by_link()
def guest_thumbnail(
    request: StudioRequest, session: GuestSession, entry: int, width: int, format: str
) -> HttpResponseBase:
    picture = entry_of(session, entry).picture
    if width not in thumbnails_for(session, picture).get(format, ()):
        raise Http404

    def read() -> HttpResponse:
        with default_storage.open(picture.thumbnail_name(width, format)) as file:
            return HttpResponse(file.read(), content_type=f"image/{format}")

    return serve_content(request, f"{picture.digest}-{width}-{format}", read)


@require_safe
@by_link()
def guest_download(request: StudioRequest, session: GuestSession, entry: int) -> HttpResponseBase:
    """The original without its metadata, which may tell the prompt or more."""
    if not session.link.allow_downloads:
        raise Http404
    place = entry_of(session, entry)
    picture = place.picture

    def read() -> HttpResponse:
        with default_storage.open(picture.original_name) as file:
            data, kind = strip_in_turn(file)
        response = HttpResponse(data, content_type=kind.content_type)
        number = entries_for_guests(session.link.gallery_id).filter(before(place)).count() + 1
        name = f"{_stem(session)}-{number}.{kind.extension}"
        response["Content-Disposition"] = content_disposition_header(True, name) or "attachment"
        return response

    try:
        return serve_content(request, f"{picture.digest}-alone", read)
    except Busy:
        return _busy(request, f"{session.path}{place.pk}/")


def _stem(session: GuestSession) -> str:
    """What the names of downloaded files begin with."""
    assert session.link.gallery is not None
    return slugify(session.link.gallery.name)[:60] or "picture"


def _parts(session: GuestSession, total: int) -> list[tuple[int, int, int]]:
    """The archives of what the guest looks through: the number of each, and its first and last picture."""
    return [
        (part, begin + 1, min(begin + PER_ARCHIVE, total)) for part, begin in enumerate(range(0, total, PER_ARCHIVE), 1)
    ]


@require_safe
@by_link()
def guest_download_all(request: StudioRequest, session: GuestSession) -> HttpResponseBase:
    """The pictures that the guest looks through, as an archive; of many, one part."""
    part = number_in(request.GET.get("part", "1")) or 1
    begin = (part - 1) * PER_ARCHIVE
    rows = session.entries[begin : begin + PER_ARCHIVE].values_list("picture__original", flat=True)
    originals = list(enumerate(rows, begin + 1)) if session.link.allow_downloads else []
    if not originals:
        raise Http404
    try:
        archive = ArchiveStream(GUEST_STREAMS)
    except Busy:
        return _busy(request, _wall(session, 1))
    pieces = archive.of(guest_zip.stream(originals, _stem(session)))
    response = StreamingHttpResponse(pieces, content_type="application/zip")
    name = f"{_stem(session)}{f'-{part}' if part > 1 else ''}.zip"
    response["Content-Disposition"] = content_disposition_header(True, name) or "attachment"
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _busy(request: StudioRequest, back: str) -> HttpResponse:
    context = {"is_busy": True, "back": back}
    response = render(request, "429.html", context, status=429)
    response["Retry-After"] = "10"
    return response
