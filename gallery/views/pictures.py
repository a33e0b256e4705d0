"""One picture: its page, its files and its galleries."""

import uuid
from typing import Any, cast

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import trigger_client_event

from gallery import services
from gallery.forms.galleries import PictureSaveForm, galleries_to_add_to
from gallery.models import Gallery, GalleryEntry, Person, Picture
from gallery.models.ledger import in_dollars
from gallery.models.numbers import rounded
from gallery.queries.roles import Action, may, roles_for
from gallery.views.comments import talks_about
from gallery.views.edits import from_picture, lineage
from gallery.views.navigation import navigation_of
from gallery.views.tags import tags_of
from gallery.web.access import gallery_to, picture_to_change, picture_to_see
from gallery.web.cards import Card
from gallery.web.http import PersonRequest, number_in
from gallery.web.media import serve
from gallery.web.responses import wants_json


@require_safe
def picture_detail(request: PersonRequest, pk: int) -> HttpResponse:
    person = request.user
    picture = picture_to_see(request.user, pk)
    generation = picture.generation
    navigation = navigation_of(request, picture)
    visible = Gallery.objects.visible_to(person)
    entries = list(picture.entries.filter(gallery__in=visible).select_related("gallery", "decided_by").order_by("pk"))
    came_from = number_in(request.GET.get("gallery"))
    # Decisions stand at the top for the gallery one comes from, or the only one.
    near = [entry for entry in entries if entry.gallery_id == came_from or len(entries) == 1]
    talks = talks_about(person, picture, [entry.gallery for entry in entries])
    context = {
        "picture": picture,
        "generation": generation,
        "near": near,
        "far": [entry for entry in entries if entry not in near],
        "decidable": _open_to(Action.DECIDE, person, picture),
        "arrangeable": _open_to(Action.ARRANGE, person, picture),
        "navigation": navigation,
        "previous": navigation.previous,
        "next": navigation.next,
        "details": details_of(picture),
        "is_mine": picture.author_id == person.pk,
        "kinds": services.assets.KINDS,
        "again_token": uuid.uuid4(),
        "again_price": Card(generation, person).again_price,
        "mark": picture.marks.filter(person=person).first(),
        "talks": talks,
        "comment_count": sum(len(talk.comments) for talk in talks),
        **tags_of(person, picture),
        **lineage(request, picture),
        **from_picture(picture, person),
    }
    return render(request, "pictures/picture_detail.html", context)


def _open_to(action: Action, person: Person, picture: Picture) -> set[int]:
    """The ids of the picture's galleries in which this person may do this."""
    open_to = Gallery.objects.open_to(person, roles_for(action))
    return set(open_to.filter(entries__picture=picture).values_list("pk", flat=True))


@require_POST
def entry_decide(request: PersonRequest, pk: int, picture_pk: int) -> HttpResponseBase:
    """Draft, shortlist or approved, in one gallery. The entry keeps who decided."""
    entry = _entry(Action.DECIDE, request, pk, picture_pk)
    if request.POST.get("status") in GalleryEntry.Status.values:
        services.galleries.decide(entry, request.POST["status"], request.user)
    return _place(request, entry)


@require_POST
def entry_arrange(request: PersonRequest, pk: int, picture_pk: int) -> HttpResponseBase:
    """Make the picture the gallery's cover, or give it another place in the order by hand.

    `what` is `cover`, `front`, `end`, or `before` or `after` the picture `of`.
    """
    entry = _entry(Action.ARRANGE, request, pk, picture_pk)
    what = request.POST.get("what")
    if what == "cover":
        services.galleries.use_as_cover(entry, request.user)
        return _place(request, entry)
    if what in ("before", "after"):
        of = number_in(request.POST.get("of"))
        other = entry.gallery.entries.filter(picture=of).first() if of is not None else None
        if other is None:
            return _gone(request, entry)
        services.galleries.move_beside(entry, other, after=what == "after")
        said = _("Moved in “%(gallery)s”.") % {"gallery": entry.gallery}
    elif what in ("front", "end"):
        (services.galleries.move_to_front if what == "front" else services.galleries.move_to_end)(entry)
        text = (
            _("Now the first in “%(gallery)s”, where that is sorted by hand.")
            if what == "front"
            else _("Now the last in “%(gallery)s”, where that is sorted by hand.")
        )
        said = text % {"gallery": entry.gallery}
    else:
        return _place(request, entry)
    if wants_json(request):
        return JsonResponse({"said": said})
    if request.htmx:
        return trigger_client_event(_place(request, entry), "toast", {"message": said, "kind": "success"})
    messages.success(request, said)
    return _place(request, entry)


def _gone(request: PersonRequest, entry: GalleryEntry) -> HttpResponseBase:
    """The picture that this one was moved beside is not in the gallery any more."""
    said = _("The picture beside it is not in this gallery any more. Reload the page, and move it again.")
    if wants_json(request):
        return JsonResponse({"said": said}, status=409)
    messages.error(request, said)
    return redirect("gallery_detail", entry.gallery_id)


def _entry(action: Action, request: PersonRequest, pk: int, picture_pk: int) -> GalleryEntry:
    gallery = gallery_to(action, request.user, pk)
    kept = gallery.entries.filter(picture__in=Picture.objects.kept())
    return get_object_or_404(kept.select_related("gallery", "decided_by", "picture"), picture=picture_pk)


def _place(request: PersonRequest, entry: GalleryEntry) -> HttpResponse:
    """Answer with the picture's place in the gallery as it is now."""
    if not request.htmx:
        return redirect("picture_detail", entry.picture_id)
    person = request.user
    mine = {action: {entry.gallery_id} if may(person, action, entry.gallery) else set() for action in Action}
    context = {"entry": entry, "decidable": mine[Action.DECIDE], "arrangeable": mine[Action.ARRANGE]}
    return render(request, "pictures/_place.html", context)


def details_of(picture: Picture) -> list[tuple[str, str]]:
    generation = picture.generation
    details: list[tuple[str, str]] = []
    if not picture.is_upload:
        details = [(_("Model"), generation.model.label), *generation.model.in_words(generation.options)]
    size = _("%(size)s MB") % {"size": rounded(picture.byte_size / 2**20, 1)}
    details.append((_("File"), f"{picture.width} × {picture.height} {picture.format}, {size}"))
    if generation.submitted_at and generation.delivered_at:
        seconds = (generation.delivered_at - generation.submitted_at).total_seconds()
        details.append(
            (_("Took"), (_("%(seconds)s s") % {"seconds": f"{seconds:.0f}"}) if seconds >= 1 else _("under a second"))
        )
    if generation.cost is not None and generation.count:
        pictures = max(1, len(generation.pictures.all()))
        details.append((_("Cost"), in_dollars(generation.cost / pictures)))
    return details


@require_safe
def picture_original(request: PersonRequest, pk: int, digest: str) -> HttpResponseBase:
    picture = picture_to_see(request.user, pk)
    _require(digest == picture.digest)
    return serve(request, picture.original_name, picture.content_type, digest)


@require_safe
def picture_thumbnail(request: PersonRequest, pk: int, digest: str, width: int, format: str) -> HttpResponseBase:
    picture = picture_to_see(request.user, pk)
    _require(digest == picture.digest and picture.has_thumbnail(width, format))
    return serve(request, picture.thumbnail_name(width, format), f"image/{format}", f"{digest}-{width}-{format}")


@require_safe
def picture_download(request: PersonRequest, pk: int) -> HttpResponseBase:
    """The original, under a name that is easy to find again."""
    picture = picture_to_see(request.user, pk)
    return serve(request, picture.original_name, picture.content_type, picture.digest, filename=picture.download_name)


def _require(condition: bool) -> None:
    if not condition:
        raise Http404


@require_http_methods(["GET", "POST"])
def picture_save(request: PersonRequest, pk: int) -> HttpResponseBase:
    """Put a person's own picture into one of their galleries, or into a new one."""
    person = request.user
    picture = picture_to_change(request.user, pk)
    htmx = bool(request.htmx)
    form = PictureSaveForm(request.POST if request.method == "POST" else None, person=person)
    if request.method == "POST" and form.is_valid():
        gallery = cast("Gallery | None", form.cleaned_data["gallery"])
        gallery = gallery or services.galleries.make_gallery(person, form.cleaned_data["new_gallery"])
        services.galleries.save_picture(picture, gallery)
        said = _("Saved to “%(name)s”.") % {"name": gallery.name}
        if htmx:
            return trigger_client_event(HttpResponse(), "toast", {"message": said, "kind": "success"})
        messages.success(request, said)
        return redirect("picture_detail", pk)
    context: dict[str, Any] = {
        "picture": picture,
        "galleries": galleries_to_add_to(person),
        "inside": set(picture.galleries.values_list("pk", flat=True)),
        "form": form,
    }
    template = "pictures/_picture_save.html" if htmx else "pictures/picture_save.html"
    return render(request, template, context, status=422 if form.errors else 200)
