"""What is said about a picture, gallery by gallery."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST
from django_htmx.http import trigger_client_event

from gallery import services
from gallery.access import comment_to_delete, gallery_to, signed_in
from gallery.http import StudioRequest
from gallery.link_forms import CommentForm
from gallery.models import Comment, Gallery, GuestVote, Person, Picture
from gallery.roles import Action, roles_for

# The latest, of one picture.
SHOWN = 200


@dataclass
class Talk:
    """About a picture, in one gallery: what was said there, and which guests like it."""

    gallery: Gallery
    form: CommentForm
    comments: list[Comment] = field(default_factory=list)
    likes: list[GuestVote] = field(default_factory=list)
    may_remove: bool = False


def talks_about(person: Person, picture: Picture, galleries: Iterable[Gallery]) -> list[Talk]:
    """For `_comments.html`. `galleries`: those of the picture that this person sees; who sees one may comment there."""
    talks = {
        gallery.pk: Talk(gallery, CommentForm(auto_id=f"comment_{gallery.pk}_%s", use_required_attribute=True))
        for gallery in galleries
    }
    if not talks:
        return []
    comments = Comment.objects.filter(picture=picture, gallery__in=talks).select_related("author").order_by("-pk")
    for comment in reversed(comments[:SHOWN]):
        talks[comment.gallery_id].comments.append(comment)
    for vote in GuestVote.objects.filter(picture=picture, link__gallery__in=talks).select_related("link"):
        talks[vote.link.gallery_id or 0].likes.append(vote)
    removers = Gallery.objects.filter(pk__in=talks).open_to(person, roles_for(Action.REMOVE))
    for pk in removers.values_list("pk", flat=True):
        talks[pk].may_remove = True
    return list(talks.values())


@require_POST
def comment_create(request: StudioRequest, pk: int, picture_pk: int) -> HttpResponseBase:
    person = signed_in(request)
    gallery = gallery_to(Action.COMMENT, request, pk)
    entries = gallery.entries.filter(picture__in=Picture.objects.kept()).select_related("picture")
    picture = get_object_or_404(entries, picture=picture_pk).picture
    form = CommentForm(request.POST, auto_id=f"comment_{pk}_%s")
    if form.is_valid():
        services.comment(gallery, picture, form.cleaned_data["text"], author=person)
    elif not request.htmx:
        messages.error(request, " ".join(map(str, form.errors["text"])))
    if not request.htmx:
        return redirect(_place(picture.pk, pk))
    (talk,) = talks_about(person, picture, [gallery])
    if form.errors:
        talk.form = form
    context = {"talk": talk, "picture": picture}
    return render(request, "gallery/_talk.html", context, status=422 if form.errors else 200)


@require_POST
def comment_delete(request: StudioRequest, pk: int) -> HttpResponseBase:
    comment = comment_to_delete(request, pk)
    services.delete_comment(comment)
    if request.htmx:
        return trigger_client_event(HttpResponse(), "toast", {"message": "Deleted: the comment.", "kind": "success"})
    messages.success(request, "Deleted: the comment.")
    return redirect(_place(comment.picture_id, comment.gallery_id))


def _place(picture_pk: int, gallery_pk: int) -> str:
    return f"{reverse('picture_detail', args=[picture_pk])}#comments-{gallery_pk}"
