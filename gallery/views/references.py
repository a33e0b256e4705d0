"""Reference pictures in the composer: bring them, and pick them from what one sees."""

from collections.abc import Iterable

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from gallery import services
from gallery.forms.assets import problem_with
from gallery.models import Person, Picture
from gallery.models.routes import MOST_REFERENCES
from gallery.services.errors import InvalidInput
from gallery.views.library import Listing
from gallery.web.http import PersonRequest, ids_in
from gallery.web.uploads import takes_upload


def bring(
    person: Person, files: Iterable["UploadedFile[bytes]"], kind: str = Picture.Kind.PHOTO
) -> tuple[list[Picture], str]:
    """Keep these files as pictures, up to the first that cannot be used; return them, and what is wrong with it."""
    brought: list[Picture] = []
    for file in files:
        name = file.name or ""
        if problem := problem_with(file):
            return brought, _("“%(name)s” cannot be used. %(problem)s") % {"name": name, "problem": problem}
        try:
            brought.append(services.assets.add(person, file, name, kind))
        except InvalidInput as invalid:
            return brought, _("“%(name)s”: %(message)s") % {"name": name, "message": invalid.message}
    return brought, ""


def with_uploads(request: PersonRequest) -> tuple[QueryDict, str]:
    """The form with the pictures that came along as files, kept and added to the references; and what is wrong."""
    files = request.FILES.getlist("reference_files")
    if not files:
        return request.POST, ""
    brought, problem = bring(request.user, files)
    data = request.POST.copy()
    for picture in brought:
        data.appendlist("reference", str(picture.pk))
    return data, problem


@takes_upload
@require_POST
def reference_add(request: PersonRequest) -> HttpResponse:
    """Keep one picture, and answer with its place in the composer; 422 and a sentence if it cannot be used."""
    brought, problem = bring(request.user, request.FILES.getlist("picture")[:1])
    if not brought:
        return HttpResponse(problem or _("No picture came. Choose it again."), content_type="text/plain", status=422)
    return _items(request, brought)


@require_safe
def reference_items(request: PersonRequest) -> HttpResponse:
    """The places in the composer of those of `?picture=1&picture=2` that this person may see."""
    pks = ids_in(request.GET.getlist("picture"))[:MOST_REFERENCES]
    return _items(request, services.references.chosen(request.user, pks))


def _items(request: PersonRequest, pictures: list[Picture]) -> HttpResponse:
    return render(request, "references/_references_items.html", {"pictures": pictures})


@require_safe
def reference_pick(request: PersonRequest) -> HttpResponse:
    """Pictures to choose from: all that this person sees, by words, gallery and kind."""
    listing = Listing(request)
    listing.address = reverse("reference_pick")
    template = "references/_reference_pick.html" if request.htmx else "references/reference_pick.html"
    return render(request, template, listing.context())
