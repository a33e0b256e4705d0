"""The trash, and the ways into and out of it."""

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase, JsonResponse, QueryDict
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from gallery import services
from gallery.models import Picture
from gallery.models.picture import KEEP_TRASH
from gallery.services.errors import InvalidInput
from gallery.web.access import picture_in_trash, picture_to_change
from gallery.web.http import PersonRequest, number_in
from gallery.web.media import serve
from gallery.web.responses import asks_first, came_from, chosen_pictures, refused, safe_url, wants_json

# How many pictures the page of the trash shows; the others show when these are gone.
SHOWN = 120


@require_POST
def picture_trash(request: PersonRequest, pk: int) -> HttpResponseBase:
    """Put a picture into the trash, and go on to the next one if the form names it."""
    picture_to_change(request.user, pk)
    trashed = services.trash.trash(request.user, [pk])
    next_pk = number_in(request.POST.get("next"))
    if next_pk is not None and Picture.objects.visible_to(request.user).filter(pk=next_pk).exists():
        query = QueryDict(request.POST.get("navigation", "")[:2000]).urlencode(safe=":")
        address = reverse("picture_detail", args=[next_pk])
        return trashed_answer(request, trashed, f"{address}?{query}" if query else address)
    back = safe_url(request, request.POST.get("then", "")) or reverse("picture_list")
    return trashed_answer(request, trashed, back if "next" in request.POST else came_from(request))


@require_POST
def picture_restore(request: PersonRequest, pk: int) -> HttpResponseBase:
    picture_in_trash(request.user, pk)
    services.trash.restore(request.user, [pk])
    if wants_json(request):
        return JsonResponse({"pictures": [pk], "said": _("Taken out of the trash.")})
    messages.success(request, _("Taken out of the trash."))
    return redirect("picture_detail", pk)


@require_safe
def trash(request: PersonRequest) -> HttpResponse:
    person = request.user
    trashed = Picture.objects.in_trash_of(person)
    pictures = list(trashed.select_related("generation").order_by("-trashed_at", "-pk")[:SHOWN])
    for picture in pictures:
        assert picture.trashed_at is not None
        picture.deleted_on = picture.trashed_at + KEEP_TRASH  # type: ignore[attr-defined]
    context = {"pictures": pictures, "total": trashed.count(), "days": KEEP_TRASH.days}
    return render(request, "trash/trash.html", context)


@require_safe
def trash_thumbnail(request: PersonRequest, pk: int, digest: str) -> HttpResponseBase:
    """The thumbnail of a picture in the trash. Such a picture shows no other file, and this one only to its author."""
    picture = picture_in_trash(request.user, pk)
    widths = picture.thumbnails.get("webp", ())
    if not widths:
        return serve(request, picture.original_name, picture.content_type, f"{picture.digest}-trash")
    width = min(widths, key=lambda one: abs(one - 480))
    return serve(request, picture.thumbnail_name(width, "webp"), "image/webp", f"{picture.digest}-{width}-trash")


@require_POST
def trash_restore(request: PersonRequest) -> HttpResponseBase:
    try:
        chosen = chosen_pictures(request)
    except InvalidInput as problem:
        return refused(request, problem)
    back = services.trash.restore(request.user, chosen)
    words = ngettext(
        "%(count)d picture taken out of the trash.", "%(count)d pictures taken out of the trash.", len(back)
    )
    said = words % {"count": len(back)}
    if wants_json(request):
        return JsonResponse({"pictures": back, "said": said})
    messages.success(request, said)
    return redirect(came_from(request))


@require_POST
def trash_delete(request: PersonRequest) -> HttpResponseBase:
    try:
        chosen = chosen_pictures(request)
    except InvalidInput as problem:
        return refused(request, problem)
    asked = _("Delete these pictures for good?")
    if page := asks_first(request, asked, _("This cannot be undone."), _("Delete for good"), reverse("trash")):
        return page
    deleted = services.trash.delete_for_good(request.user, chosen)
    words = ngettext("%(count)d picture deleted for good.", "%(count)d pictures deleted for good.", deleted)
    messages.success(request, words % {"count": deleted})
    return redirect("trash")


def trashed_answer(request: PersonRequest, trashed: list[int], then: str, left: int = 0) -> HttpResponseBase:
    words = ngettext("%(count)d picture moved to trash.", "%(count)d pictures moved to trash.", len(trashed))
    said = words % {"count": len(trashed)} if trashed else _("Nothing was moved to trash.")
    if left:
        words = ngettext(" %(count)d is not yours, and stays.", " %(count)d are not yours, and stay.", left)
        said += words % {"count": left}
    if wants_json(request):
        return JsonResponse({"pictures": trashed, "said": said, "undo": reverse("trash_restore")})
    context = {"said": said, "trashed": trashed if len(trashed) <= 20 else []}
    messages.info(request, render_to_string("trash/_undo.html", context, request=request))
    return redirect(then)
