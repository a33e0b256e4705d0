"""Galleries: make, show, rename and delete them, and remove pictures from them."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import trigger_client_event

from gallery import services
from gallery.downloads.filenames import safe_name
from gallery.forms.galleries import GalleryForm
from gallery.models import Gallery, Generation, Picture, ShareLink
from gallery.queries.cards import for_cards
from gallery.queries.guests import count_choices, entries_for_guests, votes_in
from gallery.queries.roles import Action, may
from gallery.queries.search import Sort
from gallery.views.cards import under_way
from gallery.views.library import PAGE as PAGE
from gallery.views.library import Listing
from gallery.web.access import gallery_to, gallery_to_see
from gallery.web.cards import cards_of
from gallery.web.csv_files import csv_file
from gallery.web.http import PersonRequest
from gallery.web.responses import asks_first

# How many cards of generations under way stand on top of a gallery.
RUNNING = 24
COVER = 4
FACES = 4


def _list(request: PersonRequest, form: GalleryForm, status: int = 200) -> HttpResponse:
    person = request.user
    galleries = list(Gallery.objects.visible_to(person).with_counts())
    covers = Gallery.covers([gallery.pk for gallery in galleries], COVER)
    linked = set(ShareLink.objects.alive().filter(gallery__in=galleries).values_list("gallery", flat=True))
    faces = Gallery.faces([gallery.pk for gallery in galleries], FACES)
    rows = [
        {
            "gallery": gallery,
            "cover": covers.get(gallery.pk, []),
            "is_mine": gallery.owner_id == person.pk,
            "has_link": gallery.pk in linked,
            "faces": faces.get(gallery.pk),
        }
        for gallery in galleries
    ]
    return render(request, "galleries/gallery_list.html", {"galleries": rows, "form": form}, status=status)


@require_safe
def gallery_list(request: PersonRequest) -> HttpResponse:
    return _list(request, GalleryForm())


@require_POST
def gallery_create(request: PersonRequest) -> HttpResponseBase:
    form = GalleryForm(request.POST, instance=Gallery(owner=request.user))
    if not form.is_valid():
        return _list(request, form, status=422)
    return redirect("gallery_detail", form.save().pk)


def _detail(request: PersonRequest, gallery: Gallery, form: GalleryForm, status: int = 200) -> HttpResponse:
    person = request.user
    listing = Listing(request, gallery)
    context: dict[str, Any] = {
        **listing.context(),
        "can_manage": may(person, Action.SHARE, gallery),
        "can_remove": may(person, Action.REMOVE, gallery),
        "can_add": may(person, Action.ADD, gallery),
        "can_arrange": listing.form.chosen_sort == Sort.HAND and may(person, Action.ARRANGE, gallery),
    }
    if listing.is_more:
        return listing.answer(render(request, "galleries/_gallery_page.html", context))
    generations = Generation.objects.visible_to(person).filter(gallery=gallery).under_way()
    running = cards_of(for_cards(generations.order_by("-pk")[:RUNNING], person), person)
    context |= {
        "chosen_by_guests": count_choices(gallery),
        "can_delete": may(person, Action.DELETE, gallery),
        "member_count": gallery.memberships.count(),
        "has_link": gallery.links.alive().exists(),
        "running": running,
        "waiting": bool(running),
        **under_way(person),
        "form": form,
    }
    template = "galleries/gallery_detail.html" if listing.is_whole else "pictures/_search.html"
    return listing.answer(render(request, template, context, status=status))


@require_safe
def gallery_detail(request: PersonRequest, pk: int) -> HttpResponse:
    gallery = gallery_to_see(request.user, pk)
    return _detail(request, gallery, GalleryForm(instance=gallery))


@require_safe
def gallery_choices(request: PersonRequest, pk: int) -> HttpResponseBase:
    """What guests liked and decided, as a table: one row for each choice."""
    gallery = gallery_to_see(request.user, pk)
    # The number that a guest saw, and that stands in the names of the files they downloaded.
    order = entries_for_guests(gallery.pk).values_list("picture", flat=True)
    numbers = {picture: number for number, picture in enumerate(order, 1)}
    head = [_("Number"), _("File"), _("Prompt"), _("Guest"), _("Choice"), _("Note"), _("Date")]
    rows = (
        [
            str(numbers.get(vote.picture_id, "")),
            vote.picture.download_name,
            vote.picture.generation.prompt,
            vote.guest,
            vote.get_kind_display(),
            vote.note,
            timezone.localtime(vote.created_at).strftime("%Y-%m-%d %H:%M"),
        ]
        for vote in sorted(votes_in(gallery), key=lambda vote: (numbers.get(vote.picture_id, 0), vote.pk))
    )
    name = safe_name(_("%(gallery)s, guests") % {"gallery": gallery.name}, ".csv", fallback="guests")
    return csv_file(head, rows, name)


@require_POST
def gallery_rename(request: PersonRequest, pk: int) -> HttpResponseBase:
    gallery = gallery_to(Action.RENAME, request.user, pk)
    form = GalleryForm(request.POST, instance=gallery)
    if not form.is_valid():
        return _detail(request, Gallery.objects.get(pk=pk), form, status=422)
    services.galleries.rename_gallery(gallery, form.cleaned_data["name"], request.user)
    messages.success(request, _("Renamed."))
    return redirect("gallery_detail", pk)


@require_POST
def gallery_share(request: PersonRequest, pk: int) -> HttpResponseBase:
    gallery = gallery_to(Action.SHARE, request.user, pk)
    services.galleries.show_to_team(gallery, "shared" in request.POST, request.user)
    said = (
        _("The whole team can see this gallery now.")
        if gallery.shared_with_team
        else _("Only you and its members see this gallery now.")
    )
    messages.success(request, said)
    return redirect("gallery_detail", pk)


@require_POST
def gallery_delete(request: PersonRequest, pk: int) -> HttpResponseBase:
    """Delete the gallery. Its pictures stay."""
    gallery = gallery_to(Action.DELETE, request.user, pk)
    name = gallery.name
    asked = _("Delete “%(gallery)s”?") % {"gallery": name}
    more = _("Its order, comments and share links go. Its pictures are kept. This cannot be undone.")
    if page := asks_first(request, asked, more, _("Delete gallery"), reverse("gallery_detail", args=[pk])):
        return page
    gallery.delete()
    messages.success(request, _("The gallery “%(gallery)s” is deleted. Its pictures are kept.") % {"gallery": name})
    return redirect("gallery_list")


@require_POST
def picture_remove(request: PersonRequest, pk: int, picture_pk: int) -> HttpResponseBase:
    """Remove a picture from the gallery: an own one, or any picture for people with that right."""
    person = request.user
    gallery = gallery_to(Action.ADD, request.user, pk)
    picture = get_object_or_404(Picture.objects.kept().filter(entries__gallery=gallery), pk=picture_pk)
    if picture.author_id != person.pk and not may(person, Action.REMOVE, gallery):
        raise Http404
    services.galleries.remove_picture(picture, gallery, by=person)
    said = _("Taken out of this gallery. The picture itself is still there.")
    if request.htmx:
        return trigger_client_event(HttpResponse(), "toast", {"message": said, "kind": "success"})
    messages.success(request, said)
    return redirect("gallery_detail", pk)
