"""What guests say of pictures, under the name that they give: likes, decisions and comments."""

from math import ceil
from typing import Any

from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST
from django_htmx.http import trigger_client_event

from gallery import services
from gallery.forms.share_links import CommentForm, GuestDecisionForm, GuestNameForm
from gallery.models import GalleryEntry
from gallery.services.share_links import TooMany
from gallery.views.guests import bar_context, entry_of, picture_page, talk_context, wall_address
from gallery.web.guests import GuestSession, by_link
from gallery.web.http import StudioRequest


@require_POST
@by_link()
def guest_name(request: StudioRequest, session: GuestSession, entry: int) -> HttpResponseBase:
    """Guests do what they do under a name. They may change it; what they said before keeps the old one.

    A guest who pressed a heart first is asked for the name then; with it, the like comes along.
    """
    place = entry_of(session, entry)
    if not session.link.takes_words:
        raise Http404
    form = GuestNameForm(request.POST)
    if not form.is_valid():
        if _is_from_wall(request):
            return _ask_name(request, session, place, form)
        return _answer(request, session, place, {"name_form": form, "asks_name": True}, status=422)
    session.name = form.cleaned_data["name"]
    response = _like(request, session, place) if "like" in request.POST else _answer(request, session, place)
    session.remember(response)
    return response


@require_POST
@by_link()
def guest_vote(request: StudioRequest, session: GuestSession, entry: int) -> HttpResponseBase:
    place = entry_of(session, entry)
    if not session.link.allow_votes:
        raise Http404
    if not session.name:
        return _nameless(request, session, place)
    return _like(request, session, place)


def _like(request: StudioRequest, session: GuestSession, place: GalleryEntry) -> HttpResponseBase:
    if not session.link.allow_votes:
        raise Http404
    try:
        services.share_links.guest_like(session.link, place.picture, session.guest, request.POST.get("like") == "1")
    except TooMany as problem:
        return _refuse(request, session, place, problem)
    return _answer(request, session, place)


@require_POST
@by_link()
def guest_decide(request: StudioRequest, session: GuestSession, entry: int) -> HttpResponseBase:
    place = entry_of(session, entry)
    if not session.link.allow_decisions:
        raise Http404
    if not session.name:
        return _nameless(request, session, place)
    form = GuestDecisionForm(request.POST)
    if not form.is_valid():
        return _answer(request, session, place, {"decision_form": form}, status=422)
    decision, note = form.cleaned_data["decision"], form.cleaned_data["note"]
    try:
        services.share_links.guest_decide(session.link, place.picture, session.guest, decision, note)
    except TooMany as problem:
        return _refuse(request, session, place, problem)
    return _answer(request, session, place)


@require_POST
@by_link()
def guest_comment(request: StudioRequest, session: GuestSession, entry: int) -> HttpResponseBase:
    place = entry_of(session, entry)
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
            form.add_error("text", too_many_words(problem))
    if form.errors:
        return _answer(request, session, place, {"comment_form": form}, status=422)
    return _answer(request, session, place)


# -- answers


def _is_from_wall(request: StudioRequest) -> bool:
    """Whether it was pressed on the wall of pictures, and not beside one of them."""
    return "wall" in request.POST


def _answer(
    request: StudioRequest,
    session: GuestSession,
    entry: GalleryEntry,
    more: dict[str, Any] | None = None,
    status: int = 200,
) -> HttpResponseBase:
    """With the part that htmx swaps, below a picture or on the wall; without htmx, with the page it was pressed on."""
    if request.htmx:
        context = {**talk_context(session, entry), **(more or {})}
        if status == 200:
            context |= {**bar_context(session), "is_answer": True}
        template = "guests/_guest_acts_answer.html" if _is_from_wall(request) else "guests/_guest_talk_answer.html"
        return render(request, template, context, status=status)
    if more:
        return picture_page(request, session, entry, more, status)
    if _is_from_wall(request):
        return redirect(wall_address(session, entry))
    return redirect(f"{session.path}{entry.pk}/{session.query}#talk")


def _nameless(request: StudioRequest, session: GuestSession, entry: GalleryEntry) -> HttpResponseBase:
    form = GuestNameForm({"name": ""})
    if _is_from_wall(request):
        return _ask_name(request, session, entry, GuestNameForm())
    return _answer(request, session, entry, {"name_form": form}, status=422)


def _ask_name(
    request: StudioRequest, session: GuestSession, entry: GalleryEntry, form: GuestNameForm
) -> HttpResponseBase:
    """Before the first heart on the wall: in a dialog, or on a page."""
    context = {**talk_context(session, entry), "name_form": form, "back": wall_address(session, entry)}
    template = "guests/_guest_name.html" if request.htmx else "guests/guest_name.html"
    return render(request, template, context, status=422)


def _refuse(request: StudioRequest, session: GuestSession, entry: GalleryEntry, problem: TooMany) -> HttpResponseBase:
    said = too_many_words(problem)
    if request.htmx and _is_from_wall(request):
        return trigger_client_event(HttpResponse(status=429), "toast", {"message": said, "kind": "error"})
    return _answer(request, session, entry, {"problem": said}, status=422)


def too_many_words(problem: TooMany) -> str:
    minutes = max(1, ceil((problem.until - timezone.now()).total_seconds() / 60))
    return ngettext(
        "Very much came through this link, or from where you are, within an hour. Try again in %(minutes)d minute.",
        "Very much came through this link, or from where you are, within an hour. Try again in %(minutes)d minutes.",
        minutes,
    ) % {"minutes": minutes}
