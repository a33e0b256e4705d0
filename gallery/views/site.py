"""What programs ask every site for."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.templatetags.static import static
from django.views.decorators.http import require_safe


@login_not_required
@require_safe
def robots(request: HttpRequest) -> HttpResponse:
    """Nothing here is for search engines, share links least of all."""
    return HttpResponse("User-agent: *\nDisallow: /\n", content_type="text/plain")


@login_not_required
@require_safe
def favicon_ico(request: HttpRequest) -> HttpResponse:
    """For pages that name no icon of their own, such as the administration's."""
    return HttpResponseRedirect(static("icons/favicon.svg"))
