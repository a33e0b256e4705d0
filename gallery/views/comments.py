"""The comments on a picture, gallery by gallery."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.contrib import messages
from django.db.models import Count, F, Window
from django.db.models.functions import RowNumber
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST
from django_htmx.http import trigger_client_event

from gallery import services
from gallery.forms.share_links import CommentForm
from gallery.models import Comment, Gallery, GuestVote, Person, Picture
from gallery.queries.roles import Action, roles_for
from gallery.web.access import comment_to_delete, gallery_to
from gallery.web.http import PersonRequest

# The latest comments on one picture in one gallery that the page shows.
SHOWN = 200
# How many names of guests who like it are shown. A guest with a new cookie counts again, so there may be many.
NAMED = 30


@dataclass
class Talk:
    """The comments on a picture in one gallery, the guests who like it, and what guests decided."""

    gallery: Gallery
    form: CommentForm
    comments: list[Comment] = field(default_factory=list)
    likes: int = 0
    likers: list[str] = field(default_factory=list)
    decisions: list[GuestVote] = field(default_factory=list)
    may_remove: bool = False

    @property
    def more_likers(self) -> int:
        return self.likes - len(self.likers)


def talks_about(person: Person, picture: Picture, galleries: Iterable[Gallery]) -> list[Talk]:
    """For `_comments.html`. `galleries`: the picture's galleries that this person sees, and so may comment in."""
    talks = {
        gallery.pk: Talk(gallery, CommentForm(auto_id=f"comment_{gallery.pk}_%s", use_required_attribute=True))
        for gallery in galleries
    }
    if not talks:
        return []
    # Limited for each gallery, so that many comments in one do not hide those in another.
    latest = Window(RowNumber(), partition_by=F("gallery"), order_by="-pk")
    comments = Comment.objects.filter(picture=picture, gallery__in=talks).annotate(nth=latest)
    for comment in comments.filter(nth__lte=SHOWN).select_related("author").order_by("pk"):
        talks[comment.gallery_id].comments.append(comment)
    place = F("link__gallery")
    votes = GuestVote.objects.filter(picture=picture, link__gallery__in=talks).annotate(
        place=place,
        nth=Window(RowNumber(), partition_by=[place, F("kind")], order_by="-pk"),
        among=Window(Count("pk"), partition_by=[place, F("kind")]),
    )
    latest_votes = votes.filter(nth__lte=NAMED).order_by("pk")
    for pk, among, kind, name, note in latest_votes.values_list("place", "among", "kind", "guest", "note"):
        if kind == GuestVote.Kind.LIKE:
            talks[pk].likes = among
            talks[pk].likers.append(name)
        else:
            talks[pk].decisions.append(GuestVote(kind=kind, guest=name, note=note))
    removers = Gallery.objects.filter(pk__in=talks).open_to(person, roles_for(Action.REMOVE))
    for pk in removers.values_list("pk", flat=True):
        talks[pk].may_remove = True
    return list(talks.values())


@require_POST
def comment_create(request: PersonRequest, pk: int, picture_pk: int) -> HttpResponseBase:
    person = request.user
    gallery = gallery_to(Action.COMMENT, request.user, pk)
    picture = _picture_in(gallery, picture_pk)
    form = CommentForm(request.POST, auto_id=f"comment_{pk}_%s")
    if form.is_valid():
        services.comments.comment(gallery, picture, form.cleaned_data["text"], author=person)
    elif not request.htmx:
        messages.error(request, " ".join(map(str, form.errors["text"])))
    if not request.htmx:
        return redirect(_place(picture.pk, pk))
    (talk,) = talks_about(person, picture, [gallery])
    if form.errors:
        talk.form = form
    context = {"talk": talk, "picture": picture}
    return render(request, "comments/_talk.html", context, status=422 if form.errors else 200)


@require_POST
def comment_delete(request: PersonRequest, pk: int) -> HttpResponseBase:
    comment = comment_to_delete(request.user, pk)
    services.comments.delete_comment(comment)
    return _gone(request, _("Deleted: the comment."), comment.picture_id, comment.gallery_id)


@require_POST
def likes_remove(request: PersonRequest, pk: int, picture_pk: int) -> HttpResponseBase:
    gallery = gallery_to(Action.REMOVE, request.user, pk)
    services.share_links.remove_guest_votes(gallery, _picture_in(gallery, picture_pk))
    return _gone(request, _("Removed: what guests liked and decided."), picture_pk, pk)


def _picture_in(gallery: Gallery, pk: int) -> Picture:
    entries = gallery.entries.filter(picture__in=Picture.objects.kept()).select_related("picture")
    return get_object_or_404(entries, picture=pk).picture


def _gone(request: PersonRequest, message: str, picture_pk: int, gallery_pk: int) -> HttpResponseBase:
    """For htmx, which removes the comment from the page, only the message."""
    if request.htmx:
        return trigger_client_event(HttpResponse(), "toast", {"message": message, "kind": "success"})
    messages.success(request, message)
    return redirect(_place(picture_pk, gallery_pk))


def _place(picture_pk: int, gallery_pk: int) -> str:
    return f"{reverse('picture_detail', args=[picture_pk])}#comments-{gallery_pk}"
