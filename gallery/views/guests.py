"""What someone without an account sees through a share link: one gallery, its pictures, and what guests say of them.

Nothing here tells of the studio but the gallery's name, its pictures and, if the link says so, their prompts: no
people, dates, models or costs. Guests read only comments that came through the same link.
"""

from math import ceil
from typing import Any

from django.core.files.storage import default_storage
from django.db.models import Q, QuerySet
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.utils.text import slugify
from django.utils.translation import ngettext
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from gallery import services
from gallery.forms.share_links import CommentForm, GuestNameForm, LinkPasswordForm
from gallery.images.concurrency import Busy
from gallery.images.metadata import strip_in_turn
from gallery.models import Comment, GalleryEntry, GuestVote, Picture
from gallery.services.share_links import TooMany
from gallery.web.guests import GuestPicture, GuestSession, by_link, thumbnails_for
from gallery.web.http import StudioRequest, client_address, number_in
from gallery.web.media import serve_content
from gallery.web.pictures import begin_with

PAGE = 60
# The latest comments that a picture shows.
COMMENTS_SHOWN = 200


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
        form.add_error("password", "This is not the password. Check it, and try again.")
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


def _entries(session: GuestSession) -> "QuerySet[GalleryEntry]":
    """The gallery's entries, in its order by hand."""
    kept = GalleryEntry.objects.filter(gallery=session.link.gallery_id, picture__in=Picture.objects.kept())
    return kept.select_related("picture__generation").order_by("-position", "-pk")


def _before(entry: GalleryEntry) -> Q:
    return Q(position__gt=entry.position) | Q(position=entry.position, pk__gt=entry.pk)


def _after(entry: GalleryEntry) -> Q:
    return Q(position__lt=entry.position) | Q(position=entry.position, pk__lt=entry.pk)


@require_safe
@by_link(locked=ask_password)
def guest_gallery(request: StudioRequest, session: GuestSession) -> HttpResponseBase:
    entries = _entries(session)
    total = entries.count()
    last = max(1, ceil(total / PAGE))
    page = min(number_in(request.GET.get("page", "")) or 1, last)
    begin = (page - 1) * PAGE
    rows = list(entries[begin : begin + PAGE])
    liked = _liked(session, rows)
    shown = [
        GuestPicture(session, row, begin + place, is_liked=row.picture_id in liked) for place, row in enumerate(rows, 1)
    ]
    more = f"{session.path}?page={page + 1}" if page < last else ""
    begin_with(shown)
    context = {"session": session, "link": session.link, "pictures": shown, "total": total, "page": page, "more": more}
    response = render(request, "guests/guest_gallery.html", context)
    session.count_visit(request, response)
    return response


@require_safe
@by_link(locked=ask_password)
def guest_picture(request: StudioRequest, session: GuestSession, entry: int) -> HttpResponseBase:
    response = _picture_page(request, session, _entry(session, entry))
    session.count_visit(request, response)
    return response


def _picture_page(
    request: StudioRequest,
    session: GuestSession,
    entry: GalleryEntry,
    more: dict[str, Any] | None = None,
    status: int = 200,
) -> HttpResponse:
    entries = _entries(session)
    number = entries.filter(_before(entry)).count() + 1
    context = {
        "session": session,
        "link": session.link,
        "picture": GuestPicture(session, entry, number),
        "number": number,
        "total": entries.count(),
        "previous": entries.filter(_before(entry)).order_by("position", "pk").values_list("pk", flat=True).first(),
        "next": entries.filter(_after(entry)).values_list("pk", flat=True).first(),
        "back": f"{session.path}?page={page}" if (page := ceil(number / PAGE)) > 1 else session.path,
        **_talk_context(session, entry),
        **(more or {}),
    }
    return render(request, "guests/guest_picture.html", context, status=status)


def _liked(session: GuestSession, entries: "list[GalleryEntry]") -> set[int]:
    """The pictures among these that this guest likes."""
    if not (session.link.allow_votes and session.name):
        return set()
    pictures = [entry.picture_id for entry in entries]
    votes = GuestVote.objects.filter(link=session.link, guest_key=session.key, picture__in=pictures)
    return set(votes.values_list("picture", flat=True))


def _entry(session: GuestSession, pk: int) -> GalleryEntry:
    return get_object_or_404(_entries(session), pk=pk)


# -- files


@require_safe
@by_link()
def guest_thumbnail(
    request: StudioRequest, session: GuestSession, entry: int, width: int, format: str
) -> HttpResponseBase:
    picture = _entry(session, entry).picture
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
    place = _entry(session, entry)
    picture = place.picture

    def read() -> HttpResponse:
        with default_storage.open(picture.original_name) as file:
            data, kind = strip_in_turn(file)
        response = HttpResponse(data, content_type=kind.content_type)
        number = _entries(session).filter(_before(place)).count() + 1
        assert session.link.gallery is not None
        stem = slugify(session.link.gallery.name)[:60] or "picture"
        name = f"{stem}-{number}.{kind.extension}"
        response["Content-Disposition"] = content_disposition_header(True, name) or "attachment"
        return response

    try:
        return serve_content(request, f"{picture.digest}-alone", read)
    except Busy:
        return _busy(request, session, place)


def _busy(request: StudioRequest, session: GuestSession, entry: GalleryEntry) -> HttpResponse:
    context = {"is_busy": True, "back": f"{session.path}{entry.pk}/"}
    response = render(request, "429.html", context, status=429)
    response["Retry-After"] = "10"
    return response


# -- what guests say


def _talk_context(session: GuestSession, entry: GalleryEntry) -> dict[str, Any]:
    """For `_guest_talk.html`: what came through this link, as far as the link allows it."""
    link, picture = session.link, entry.picture_id
    context: dict[str, Any] = {"name_form": GuestNameForm(), "comment_form": CommentForm()}
    if link.allow_votes:
        votes = GuestVote.objects.filter(link=link, picture=picture)
        context |= {"likes": votes.count(), "is_liked": votes.filter(guest_key=session.key).exists()}
    if link.allow_comments:
        latest = Comment.objects.filter(link=link, picture=picture, gallery=link.gallery_id).order_by("-pk")
        context["comments"] = list(reversed(latest[:COMMENTS_SHOWN]))
    return context


def _talk_answer(
    request: StudioRequest,
    session: GuestSession,
    entry: GalleryEntry,
    more: dict[str, Any] | None = None,
    status: int = 200,
) -> HttpResponseBase:
    """Answer a form below a picture with the part that htmx swaps, or with the picture's page."""
    if request.htmx:
        context = {
            "session": session,
            "link": session.link,
            "picture": GuestPicture(session, entry, 0),
            **_talk_context(session, entry),
            **(more or {}),
        }
        return render(request, "guests/_guest_talk.html", context, status=status)
    if more:
        return _picture_page(request, session, entry, more, status)
    return redirect(f"{session.path}{entry.pk}/#talk")


@require_POST
@by_link()
def guest_name(request: StudioRequest, session: GuestSession, entry: int) -> HttpResponseBase:
    """Guests comment and like under a name. They may change it; what they said before keeps the old one."""
    place = _entry(session, entry)
    if not session.link.takes_words:
        raise Http404
    form = GuestNameForm(request.POST)
    if not form.is_valid():
        return _talk_answer(request, session, place, {"name_form": form, "asks_name": True}, status=422)
    session.name = form.cleaned_data["name"]
    response = _talk_answer(request, session, place)
    session.remember(response)
    return response


@require_POST
@by_link()
def guest_vote(request: StudioRequest, session: GuestSession, entry: int) -> HttpResponseBase:
    place = _entry(session, entry)
    if not session.link.allow_votes:
        raise Http404
    if not session.name:
        return _nameless(request, session, place)
    try:
        services.share_links.guest_vote(session.link, place.picture, session.guest, request.POST.get("like") == "1")
    except TooMany as problem:
        return _talk_answer(request, session, place, {"problem": _too_many_words(problem)}, status=422)
    return _talk_answer(request, session, place)


@require_POST
@by_link()
def guest_comment(request: StudioRequest, session: GuestSession, entry: int) -> HttpResponseBase:
    place = _entry(session, entry)
    if not session.link.allow_comments or session.link.gallery is None:
        raise Http404
    if not session.name:
        return _nameless(request, session, place)
    form = CommentForm(request.POST)
    if form.is_valid():
        said = form.cleaned_data["text"]
        try:
            services.comments.comment(
                session.link.gallery,
                place.picture,
                said,
                link=session.link,
                guest=session.name,
                address=session.address,
            )
        except TooMany as problem:
            form.add_error("text", _too_many_words(problem))
    if form.errors:
        return _talk_answer(request, session, place, {"comment_form": form}, status=422)
    return _talk_answer(request, session, place)


def _nameless(request: StudioRequest, session: GuestSession, entry: GalleryEntry) -> HttpResponseBase:
    return _talk_answer(request, session, entry, {"name_form": GuestNameForm({"name": ""})}, status=422)


def _too_many_words(problem: TooMany) -> str:
    minutes = max(1, ceil((problem.until - timezone.now()).total_seconds() / 60))
    return ngettext(
        "Very much came through this link, or from where you are, within an hour. Try again in %(minutes)d minute.",
        "Very much came through this link, or from where you are, within an hour. Try again in %(minutes)d minutes.",
        minutes,
    ) % {"minutes": minutes}
