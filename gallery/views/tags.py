"""Tags of one picture."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from gallery import services
from gallery.models import Person, Picture
from gallery.services.errors import InvalidInput
from gallery.web.access import picture_to_tag
from gallery.web.http import PersonRequest


def tags_of(person: Person, picture: Picture) -> dict[str, Any]:
    """For `_tags.html`."""
    return {
        "tags": picture.tags.all(),
        "can_tag": picture.author_id == person.pk or services.tags.taggable(person).filter(pk=picture.pk).exists(),
    }


@require_POST
def picture_tag(request: PersonRequest, pk: int) -> HttpResponseBase:
    picture = picture_to_tag(request.user, pk)
    typed = request.POST.get("tags", "")[:4000]
    try:
        services.tags.tag([pk], services.tags.tag_names(typed))
    except InvalidInput as problem:
        if not request.htmx:
            messages.error(request, problem.message)
            return redirect("picture_detail", pk)
        return _tags(request, picture, {"problem": problem.message, "typed": typed}, status=422)
    return _tags(request, picture) if request.htmx else redirect("picture_detail", pk)


@require_POST
def picture_untag(request: PersonRequest, pk: int, tag_pk: int) -> HttpResponseBase:
    picture = picture_to_tag(request.user, pk)
    services.tags.untag(picture, tag_pk)
    return _tags(request, picture) if request.htmx else redirect("picture_detail", pk)


def _tags(
    request: PersonRequest, picture: Picture, more: dict[str, str] | None = None, status: int = 200
) -> HttpResponse:
    context = {"picture": picture, **tags_of(request.user, picture), **(more or {})}
    return render(request, "pictures/_tags.html", context, status=status)
