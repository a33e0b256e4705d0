"""Pictures side by side: how they look, and how their requests differ."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from gallery.models import Gallery, GalleryEntry, Picture
from gallery.queries.roles import Action, may, pictures_for
from gallery.views.pictures import details_of
from gallery.views.selection import MOST_COMPARED
from gallery.web.http import PersonRequest, ids_in, number_in

_WORD = re.compile(r"\w+|\W+")


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table: a setting, with its value for each picture."""

    label: str
    values: Sequence[str]

    @property
    def differs(self) -> bool:
        return len(set(self.values)) > 1


@require_safe
def picture_compare(request: PersonRequest) -> HttpResponse:
    """`?p=1&p=2`: two to four pictures, in this order. With `inside=GALLERY`, also the decisions there."""
    pictures = _asked_for(request)
    context: dict[str, Any] = {"pictures": pictures, "is_enough": 2 <= len(pictures) <= MOST_COMPARED}
    if context["is_enough"]:
        prompts = [picture.generation.prompt for picture in pictures]
        context |= {
            "prompts": marked(prompts),
            "prompts_differ": len(set(prompts)) > 1,
            "rows": _rows(pictures),
            **_decisions(request, pictures),
        }
    return render(request, "pictures/picture_compare.html", context)


def _asked_for(request: PersonRequest) -> list[Picture]:
    """All of these pictures. Raises Http404 if the person may not see one of them."""
    texts = request.GET.getlist("p")
    if any(number_in(text) is None for text in texts):
        raise Http404
    pks = ids_in(texts)[: MOST_COMPARED + 1]
    visible = pictures_for(request.user).marked_by(request.user).select_related("generation__model", "author")
    found = visible.prefetch_related("generation__pictures").in_bulk(pks)
    if len(found) < len(pks):
        raise Http404
    return [found[pk] for pk in pks]


def _rows(pictures: Sequence[Picture]) -> list[Row]:
    """The settings in the order in which the pictures have them. A missing one is a dash."""
    facts = [{**dict(details_of(picture)), _("By"): picture.author.name} for picture in pictures]
    labels = dict.fromkeys(label for one in facts for label in one)
    return [Row(label, [one.get(label, "–") for one in facts]) for label in labels]


def marked(prompts: Sequence[str]) -> list[list[tuple[str, bool]]]:
    """Each prompt in pieces: the text, and whether it is a word that another prompt lacks."""
    words = [{piece.casefold() for piece in _WORD.findall(prompt)} for prompt in prompts]
    common = set.intersection(*words)
    return [
        [(piece, piece.casefold() not in common and not piece.isspace()) for piece in _WORD.findall(prompt)]
        for prompt in prompts
    ]


def _decisions(request: PersonRequest, pictures: Sequence[Picture]) -> dict[str, Any]:
    """For `_place.html`: the entries in the gallery that they were selected in, if this person may see it."""
    person = request.user
    number = number_in(request.GET.get("inside"))
    gallery = Gallery.objects.visible_to(person).filter(pk=number).first() if number is not None else None
    if gallery is None:
        return {}
    entries = GalleryEntry.objects.filter(gallery=gallery, picture__in=pictures).select_related("gallery", "decided_by")
    by_picture = {entry.picture_id: entry for entry in entries}
    for picture in pictures:
        picture.entry = by_picture.get(picture.pk)
    return {
        "gallery": gallery,
        "decidable": {gallery.pk} if may(person, Action.DECIDE, gallery) else set(),
        "arrangeable": set(),
    }
