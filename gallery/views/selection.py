"""Commands on the selected pictures."""

from typing import Any, cast
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST
from django_htmx.http import trigger_client_event

from gallery import services
from gallery.forms.galleries import PictureSaveForm
from gallery.models import Gallery
from gallery.queries.roles import pictures_for
from gallery.services.errors import InvalidInput
from gallery.views.trash import trashed_answer
from gallery.web.http import PersonRequest, number_in
from gallery.web.responses import ask, came_from, chosen_pictures, done, refused

MOST_COMPARED = 4


@require_POST
def selection_trash(request: PersonRequest) -> HttpResponseBase:
    try:
        chosen = chosen_pictures(request)
    except InvalidInput as problem:
        return refused(request, problem)
    visible = _visible(request, chosen)
    trashed = services.trash.trash(request.user, visible)
    return trashed_answer(request, trashed, came_from(request), left=len(visible) - len(trashed))


@require_POST
def selection_favourite(request: PersonRequest) -> HttpResponseBase:
    try:
        chosen = chosen_pictures(request)
    except InvalidInput as problem:
        return refused(request, problem)
    visible = _visible(request, chosen)
    services.marks.favourite(request.user, visible)
    said = ngettext(
        "%(count)d picture marked as favourite.", "%(count)d pictures marked as favourites.", len(visible)
    ) % {"count": len(visible)}
    if not request.htmx:
        messages.success(request, said)
        return redirect(came_from(request))
    pictures = [{"pk": pk} for pk in visible]
    response = render(request, "pictures/_favourites.html", {"pictures": pictures, "is_favourite": True})
    return trigger_client_event(response, "toast", {"message": said, "kind": "success"})


@require_POST
def selection_compare(request: PersonRequest) -> HttpResponseBase:
    """Go on to the page that shows them side by side."""
    try:
        chosen = chosen_pictures(request)
        if not 2 <= len(chosen) <= MOST_COMPARED:
            raise InvalidInput(_("Select two to %(most)d pictures to compare them.") % {"most": MOST_COMPARED})
    except InvalidInput as problem:
        return refused(request, problem)
    pairs = [("p", str(pk)) for pk in chosen]
    inside = number_in(request.POST.get("inside"))
    if inside is not None:
        pairs.append(("inside", str(inside)))
    return redirect(f"{reverse('picture_compare')}?{urlencode(pairs)}")


@require_POST
def selection_tag(request: PersonRequest) -> HttpResponseBase:
    """Ask for the tags, then add them."""
    try:
        chosen = chosen_pictures(request)
    except InvalidInput as problem:
        return refused(request, problem)
    context: dict[str, Any] = {"chosen": chosen, "typed": request.POST.get("tags", "")[:4000]}
    if "tags" in request.POST:
        may_tag = list(services.tags.taggable(request.user).filter(pk__in=chosen).values_list("pk", flat=True))
        try:
            names = services.tags.tag_names(context["typed"])
            if not may_tag:
                raise InvalidInput(_("None of these is yours to tag."), "tags")
            services.tags.tag(may_tag, names)
        except InvalidInput as problem:
            return ask(request, "selection_tag", context | {"problem": problem.message}, status=422)
        others = len(chosen) - len(may_tag)
        words = ngettext("%(count)d picture tagged.", "%(count)d pictures tagged.", len(may_tag))
        said = words % {"count": len(may_tag)}
        if others:
            words = ngettext(" %(count)d is not yours to tag.", " %(count)d are not yours to tag.", others)
            said += words % {"count": others}
        return done(request, said)
    return ask(request, "selection_tag", context)


@require_POST
def selection_save(request: PersonRequest) -> HttpResponseBase:
    """Ask for a gallery, then put the person's own pictures among the chosen ones into it."""
    person = request.user
    try:
        chosen = chosen_pictures(request)
    except InvalidInput as problem:
        return refused(request, problem)
    asked = "gallery" in request.POST or "new_gallery" in request.POST
    form = PictureSaveForm(request.POST if asked else None, person=person)
    if asked and form.is_valid():
        gallery = cast("Gallery | None", form.cleaned_data["gallery"])
        gallery = gallery or services.galleries.make_gallery(person, form.cleaned_data["new_gallery"])
        own, added = services.galleries.save_pictures(person, chosen, gallery)
        said = ngettext(
            "%(count)d picture added to “%(gallery)s”.", "%(count)d pictures added to “%(gallery)s”.", added
        ) % {"count": added, "gallery": gallery.name}
        if earlier := own - added:
            words = ngettext(" %(count)d was in it already.", " %(count)d were in it already.", earlier)
            said += words % {"count": earlier}
        if others := len(chosen) - own:
            words = ngettext(" %(count)d is not yours to add.", " %(count)d are not yours to add.", others)
            said += words % {"count": others}
        return done(request, said)
    galleries = cast("Any", form.fields["gallery"]).queryset
    return ask(
        request, "selection_save", {"chosen": chosen, "form": form, "galleries": galleries}, 422 if form.errors else 200
    )


def _visible(request: PersonRequest, chosen: list[int]) -> list[int]:
    return list(pictures_for(request.user).filter(pk__in=chosen).values_list("pk", flat=True))
