"""Versions of a picture that cost nothing: cropped, turned, fitted to shapes, with a logo."""

from contextlib import ExitStack

from django.contrib import messages
from django.core.files.storage import default_storage
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from gallery import services
from gallery.forms.adjustments import AdjustForm
from gallery.images.adjust import Logo, Place
from gallery.models import Picture
from gallery.services.errors import InvalidInput
from gallery.web.access import picture_to_see
from gallery.web.http import PersonRequest


@require_http_methods(["GET", "HEAD", "POST"])
def picture_adjust(request: PersonRequest, pk: int) -> HttpResponseBase:
    """The result belongs to the person who adjusts, and not to the author of the picture."""
    picture = picture_to_see(request.user, pk)
    if request.method != "POST":
        return _page(request, picture, AdjustForm(person=request.user, picture=picture))
    form = AdjustForm(request.POST, person=request.user, picture=picture)
    if not form.is_valid():
        return _page(request, picture, form, status=422)
    try:
        made = _adjust(request, picture, form)
    except InvalidInput as problem:
        form.add_error(None, problem.message)
        return _page(request, picture, form, status=422)
    said = ngettext("This is the new version.", "%(count)d versions are in your library. This is the first.", len(made))
    messages.success(request, said % {"count": len(made)})
    return redirect("picture_detail", made[0].pk)


def _adjust(request: PersonRequest, picture: Picture, form: AdjustForm) -> list[Picture]:
    cleaned = form.cleaned_data
    with ExitStack() as stack:
        logo = None
        if (chosen := cleaned["logo"]) is not None:
            try:
                file = stack.enter_context(default_storage.open(chosen.original_name))
            except OSError:
                raise InvalidInput(_("The studio could not reach its files just now. Try again in a moment.")) from None
            logo = Logo(
                file,
                Place(cleaned["place"] or Place.BOTTOM_RIGHT),
                cleaned["logo_size"] / 100,
                cleaned["opacity"] / 100,
            )
        return services.adjustments.adjust(
            request.user, picture, form.adjustment, form.ratios, logo, cleaned["gallery"]
        )


def _page(request: PersonRequest, picture: Picture, form: AdjustForm, status: int = 200) -> HttpResponse:
    return render(request, "adjustments/picture_adjust.html", {"form": form, "picture": picture}, status=status)
