"""Assets: pictures that people bring, which stay in the library."""

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from gallery.forms.assets import AssetForm, KindForm
from gallery.images.edit import MAX_UPLOAD_BYTES
from gallery.models import Picture
from gallery.views.references import bring
from gallery.web.access import picture_to_change
from gallery.web.http import PersonRequest
from gallery.web.responses import wants_json
from gallery.web.uploads import takes_upload


@takes_upload
@require_http_methods(["GET", "HEAD", "POST"])
def asset_upload(request: PersonRequest) -> HttpResponseBase:
    """Bring pictures, many at once. A script sends each in a request of its own, and wants no page back."""
    if request.method != "POST":
        return _page(request, AssetForm())
    form = AssetForm(request.POST, pictures=request.FILES.getlist("pictures"))
    if form.is_valid():
        brought, problem = bring(request.user, form.pictures, form.cleaned_data["kind"])
        if problem:
            form.add_error(None, problem)
        if not problem and not wants_json(request):
            said = ngettext("One picture is in your library.", "%(count)d pictures are in your library.", len(brought))
            messages.success(request, said % {"count": len(brought)})
            return redirect(f"{reverse('picture_list')}?kind={form.cleaned_data['kind']}")
        if not problem:
            return render(request, "assets/_asset.html", {"picture": brought[0]})
    if wants_json(request):
        errors = " ".join(str(error) for some in form.errors.values() for error in some)
        return HttpResponse(errors, content_type="text/plain", status=422)
    return _page(request, form, status=422)


def _page(request: PersonRequest, form: AssetForm, status: int = 200) -> HttpResponse:
    return render(request, "assets/asset_upload.html", {"form": form, "largest": MAX_UPLOAD_BYTES}, status=status)


@require_POST
def asset_kind(request: PersonRequest, pk: int) -> HttpResponseBase:
    """Say what a picture is that this person has brought."""
    picture = picture_to_change(request.user, pk)
    if not picture.is_upload:
        raise Http404
    form = KindForm(request.POST)
    if form.is_valid():
        Picture.objects.filter(pk=pk).update(kind=form.cleaned_data["kind"])
        messages.success(request, _("Kind: %(kind)s.") % {"kind": Picture.Kind(form.cleaned_data["kind"]).label})
    return redirect("picture_detail", pk)
