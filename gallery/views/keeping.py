"""Keeping order: favourites and ratings, tags, the trash; of one picture, or of those that are selected."""

from collections.abc import Iterable, Sequence
from typing import Any, cast
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase, JsonResponse, QueryDict
from django.shortcuts import redirect, render
from django.template.defaultfilters import pluralize
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import trigger_client_event

from gallery import services
from gallery.forms.base import PictureSaveForm
from gallery.models import Gallery, Person, Picture
from gallery.models.picture import KEEP_TRASH
from gallery.services.keeping import MOST_AT_ONCE, RATINGS
from gallery.web.access import (
    picture_in_trash,
    picture_to_change,
    picture_to_see,
    picture_to_tag,
    pictures_to_see,
    signed_in,
)
from gallery.web.http import StudioRequest
from gallery.web.media import serve

MOST_COMPARED = 4
# Of the trash, on its page; the others are there when these are gone.
SHOWN = 120


# -- marks


@require_POST
def picture_favourite(request: StudioRequest, pk: int) -> HttpResponseBase:
    picture = picture_to_see(request, pk)
    wanted = request.POST.get("favourite") == "1"
    services.favourite(signed_in(request), [pk], wanted)
    if not request.htmx:
        return _back(request, pk)
    context = {"picture": picture, "is_favourite": wanted, "in_words": "in_words" in request.POST}
    return render(request, "gallery/_favourite.html", context)


@require_POST
def picture_rate(request: StudioRequest, pk: int) -> HttpResponseBase:
    """1 to 5; anything else takes the rating away."""
    picture = picture_to_see(request, pk)
    text = request.POST.get("rating", "")
    rating = int(text) if text.isdecimal() and len(text) == 1 else 0
    services.rate(signed_in(request), picture, rating if rating in RATINGS else None)
    return HttpResponse(status=204) if request.htmx else _back(request, pk)


# -- tags


def tags_of(person: Person, picture: Picture) -> dict[str, Any]:
    """For `_tags.html`."""
    return {
        "tags": picture.tags.all(),
        "can_tag": picture.author_id == person.pk or services.taggable(person).filter(pk=picture.pk).exists(),
    }


@require_POST
def picture_tag(request: StudioRequest, pk: int) -> HttpResponseBase:
    picture = picture_to_tag(request, pk)
    typed = request.POST.get("tags", "")[:4000]
    try:
        services.tag([pk], services.tag_names(typed))
    except services.Unfit as problem:
        if not request.htmx:
            messages.error(request, problem.message)
            return redirect("picture_detail", pk)
        return _tags(request, picture, {"problem": problem.message, "typed": typed}, status=422)
    return _tags(request, picture) if request.htmx else redirect("picture_detail", pk)


@require_POST
def picture_untag(request: StudioRequest, pk: int, tag_pk: int) -> HttpResponseBase:
    picture = picture_to_tag(request, pk)
    services.untag(picture, tag_pk)
    return _tags(request, picture) if request.htmx else redirect("picture_detail", pk)


def _tags(
    request: StudioRequest, picture: Picture, more: dict[str, str] | None = None, status: int = 200
) -> HttpResponse:
    context = {"picture": picture, **tags_of(signed_in(request), picture), **(more or {})}
    return render(request, "gallery/_tags.html", context, status=status)


# -- the trash


@require_POST
def picture_trash(request: StudioRequest, pk: int) -> HttpResponseBase:
    """Into the trash, and on to the next picture where the form names it."""
    picture_to_change(request, pk)
    trashed = services.trash(signed_in(request), [pk])
    following = request.POST.get("next", "")
    visible = Picture.objects.visible_to(signed_in(request))
    if following.isdecimal() and len(following) < 19 and visible.filter(pk=int(following)).exists():
        trail = QueryDict(request.POST.get("trail", "")[:2000]).urlencode(safe=":")
        address = reverse("picture_detail", args=[int(following)])
        return _trashed(request, trashed, f"{address}?{trail}" if trail else address)
    back = _safe(request, request.POST.get("then", "")) or reverse("picture_list")
    return _trashed(request, trashed, back if "next" in request.POST else _from(request))


@require_POST
def picture_restore(request: StudioRequest, pk: int) -> HttpResponseBase:
    picture_in_trash(request, pk)
    services.restore(signed_in(request), [pk])
    if _wants_json(request):
        return JsonResponse({"pictures": [pk], "said": "Taken out of the trash."})
    messages.success(request, "Taken out of the trash.")
    return redirect("picture_detail", pk)


@require_safe
def trash(request: StudioRequest) -> HttpResponse:
    person = signed_in(request)
    trashed = Picture.objects.in_trash_of(person)
    pictures = list(trashed.select_related("generation").order_by("-trashed_at", "-pk")[:SHOWN])
    for picture in pictures:
        assert picture.trashed_at is not None
        picture.deleted_on = picture.trashed_at + KEEP_TRASH  # type: ignore[attr-defined]
    context = {"pictures": pictures, "total": trashed.count(), "days": KEEP_TRASH.days}
    return render(request, "gallery/trash.html", context)


@require_safe
def trash_thumbnail(request: StudioRequest, pk: int, digest: str) -> HttpResponseBase:
    """What is in the trash has no other address that is answered, and this one answers its author only."""
    picture = picture_in_trash(request, pk)
    widths = picture.thumbnails.get("webp", ())
    if not widths:
        return serve(request, picture.original_name, picture.content_type, f"{picture.digest}-trash")
    width = min(widths, key=lambda one: abs(one - 480))
    return serve(request, picture.thumbnail_name(width, "webp"), "image/webp", f"{picture.digest}-{width}-trash")


@require_POST
def trash_restore(request: StudioRequest) -> HttpResponseBase:
    try:
        chosen = _chosen(request)
    except services.Unfit as problem:
        return _refused(request, problem)
    back = services.restore(signed_in(request), chosen)
    said = f"{_count(back)} taken out of the trash."
    if _wants_json(request):
        return JsonResponse({"pictures": back, "said": said})
    messages.success(request, said)
    return redirect(_from(request))


@require_POST
def trash_delete(request: StudioRequest) -> HttpResponseBase:
    try:
        chosen = _chosen(request)
    except services.Unfit as problem:
        return _refused(request, problem)
    deleted = services.delete_for_good(signed_in(request), chosen)
    messages.success(request, f"{_count(range(deleted))} deleted for good.")
    return redirect("trash")


def _trashed(request: StudioRequest, trashed: list[int], then: str, left: int = 0) -> HttpResponseBase:
    said = f"{_count(trashed)} put into the trash." if trashed else "Nothing was put into the trash."
    if left:
        said += f" {left} {'is' if left == 1 else 'are'} not yours, and {'stays' if left == 1 else 'stay'}."
    if _wants_json(request):
        return JsonResponse({"pictures": trashed, "said": said, "undo": reverse("trash_restore")})
    context = {"said": said, "trashed": trashed if len(trashed) <= 20 else []}
    messages.info(request, render_to_string("gallery/_undo.html", context, request=request))
    return redirect(then)


# -- what is selected


@require_POST
def selection_trash(request: StudioRequest) -> HttpResponseBase:
    try:
        chosen = _chosen(request)
    except services.Unfit as problem:
        return _refused(request, problem)
    visible = _visible(request, chosen)
    trashed = services.trash(signed_in(request), visible)
    return _trashed(request, trashed, _from(request), left=len(visible) - len(trashed))


@require_POST
def selection_favourite(request: StudioRequest) -> HttpResponseBase:
    try:
        chosen = _chosen(request)
    except services.Unfit as problem:
        return _refused(request, problem)
    visible = _visible(request, chosen)
    services.favourite(signed_in(request), visible)
    said = f"{_count(visible)} marked as favourite{pluralize(len(visible))}."
    if not request.htmx:
        messages.success(request, said)
        return redirect(_from(request))
    pictures = [{"pk": pk} for pk in visible]
    response = render(request, "gallery/_favourites.html", {"pictures": pictures, "is_favourite": True})
    return trigger_client_event(response, "toast", {"message": said, "kind": "success"})


@require_POST
def selection_compare(request: StudioRequest) -> HttpResponseBase:
    """On to the page that has them side by side, which has an address of its own."""
    try:
        chosen = _chosen(request)
        if not 2 <= len(chosen) <= MOST_COMPARED:
            raise services.Unfit(f"Select two to {MOST_COMPARED} pictures to compare them.")
    except services.Unfit as problem:
        return _refused(request, problem)
    pairs = [("p", str(pk)) for pk in chosen]
    inside = request.POST.get("inside", "")
    if inside.isdecimal() and len(inside) < 19:
        pairs.append(("inside", inside))
    return redirect(f"{reverse('picture_compare')}?{urlencode(pairs)}")


@require_POST
def selection_tag(request: StudioRequest) -> HttpResponseBase:
    """Ask which tags; then add them."""
    try:
        chosen = _chosen(request)
    except services.Unfit as problem:
        return _refused(request, problem)
    context: dict[str, Any] = {"chosen": chosen, "typed": request.POST.get("tags", "")[:4000]}
    if "tags" in request.POST:
        may_tag = list(services.taggable(signed_in(request)).filter(pk__in=chosen).values_list("pk", flat=True))
        try:
            names = services.tag_names(context["typed"])
            if not may_tag:
                raise services.Unfit("None of these is yours to tag.", "tags")
            services.tag(may_tag, names)
        except services.Unfit as problem:
            return _ask(request, "selection_tag", context | {"problem": problem.message}, status=422)
        others = len(chosen) - len(may_tag)
        said = f"{_count(may_tag)} tagged."
        if others:
            said += f" {others} {'is' if others == 1 else 'are'} not yours to tag."
        return _done(request, said)
    return _ask(request, "selection_tag", context)


@require_POST
def selection_save(request: StudioRequest) -> HttpResponseBase:
    """Ask into which gallery; then put one's own of them into it."""
    person = signed_in(request)
    try:
        chosen = _chosen(request)
    except services.Unfit as problem:
        return _refused(request, problem)
    asked = "gallery" in request.POST or "new_gallery" in request.POST
    form = PictureSaveForm(request.POST if asked else None, person=person)
    if asked and form.is_valid():
        gallery = cast("Gallery | None", form.cleaned_data["gallery"])
        gallery = gallery or services.make_gallery(person, form.cleaned_data["new_gallery"])
        own, added = services.save_pictures(person, chosen, gallery)
        said = f"{_count(range(added))} added to “{gallery.name}”."
        if own > added:
            said += f" {own - added} {'was' if own - added == 1 else 'were'} in it already."
        if len(chosen) > own:
            said += f" {len(chosen) - own} {'is' if len(chosen) - own == 1 else 'are'} not yours to add."
        return _done(request, said)
    galleries = cast("Any", form.fields["gallery"]).queryset
    return _ask(
        request, "selection_save", {"chosen": chosen, "form": form, "galleries": galleries}, 422 if form.errors else 200
    )


def _ask(request: StudioRequest, name: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
    """In the dialog, or on a page of its own that then leads back."""
    context["then"] = request.POST.get("then") or _from(request)
    template = f"gallery/_{name}.html" if request.htmx else f"gallery/{name}.html"
    return render(request, template, context, status=status)


def _done(request: StudioRequest, said: str) -> HttpResponseBase:
    if request.htmx:
        return trigger_client_event(HttpResponse(), "toast", {"message": said, "kind": "success"})
    messages.success(request, said)
    return redirect(_safe(request, request.POST.get("then", "")) or _from(request))


# -- helpers


def _chosen(request: StudioRequest) -> list[int]:
    """The pictures that the form names: the one whose button was pressed, or all that are ticked. Raises Unfit."""
    texts: Sequence[str] = request.POST.getlist("only") or request.POST.getlist("picture")
    chosen = list(dict.fromkeys(int(text) for text in texts if text.isdecimal() and len(text) < 19))
    if not chosen:
        raise services.Unfit("Select a picture first.")
    if len(chosen) > MOST_AT_ONCE:
        raise services.Unfit(f"Select {MOST_AT_ONCE} pictures at the most.")
    return chosen


def _refused(request: StudioRequest, problem: services.Unfit) -> HttpResponseBase:
    if _wants_json(request):
        return JsonResponse({"said": problem.message}, status=422)
    if request.htmx:
        response = HttpResponse(status=422)
        return trigger_client_event(response, "toast", {"message": problem.message, "kind": "error"})
    messages.error(request, problem.message)
    return redirect(_from(request))


def _visible(request: StudioRequest, chosen: list[int]) -> list[int]:
    return list(pictures_to_see(request).filter(pk__in=chosen).values_list("pk", flat=True))


def _wants_json(request: StudioRequest) -> bool:
    """What selection.js asks for."""
    return request.headers.get("Accept") == "application/json"


def _count(pictures: Iterable[int]) -> str:
    number = len(list(pictures))
    return f"{number} picture{pluralize(number)}"


def _safe(request: StudioRequest, url: str) -> str:
    return url if url_has_allowed_host_and_scheme(url, {request.get_host()}, request.is_secure()) else ""


def _from(request: StudioRequest) -> str:
    """The page that one came from."""
    return _safe(request, request.headers.get("Referer", "")) or reverse("picture_list")


def _back(request: StudioRequest, pk: int) -> HttpResponseBase:
    return redirect(_safe(request, request.headers.get("Referer", "")) or reverse("picture_detail", args=[pk]))
