"""Favourites and ratings of one picture."""

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_POST

from gallery import services
from gallery.services.marks import RATINGS
from gallery.web.access import picture_to_see
from gallery.web.http import PersonRequest, number_in
from gallery.web.responses import back_to_picture


@require_POST
def picture_favourite(request: PersonRequest, pk: int) -> HttpResponseBase:
    picture = picture_to_see(request.user, pk)
    wanted = request.POST.get("favourite") == "1"
    services.marks.favourite(request.user, [pk], wanted)
    if not request.htmx:
        return back_to_picture(request, pk)
    context = {"picture": picture, "is_favourite": wanted, "in_words": "in_words" in request.POST}
    return render(request, "pictures/_favourite.html", context)


@require_POST
def picture_rate(request: PersonRequest, pk: int) -> HttpResponseBase:
    """1 to 5; any other value removes the rating."""
    picture = picture_to_see(request.user, pk)
    rating = number_in(request.POST.get("rating"), most=max(RATINGS))
    services.marks.rate(request.user, picture, rating or None)
    return HttpResponse(status=204) if request.htmx else back_to_picture(request, pk)
