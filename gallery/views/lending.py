"""Pictures that are lent to the upstream for an hour, by addresses that cannot be guessed."""

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpResponseBase
from django.views.decorators.http import require_safe

from gallery.services import lending
from gallery.web.http import StudioRequest
from gallery.web.media import serve_lent


@login_not_required
@require_safe
def lent_picture(request: StudioRequest, token: str) -> HttpResponseBase:
    """For the upstream, which has no session. 404 once the hour is over."""
    name = lending.name_in(token)
    if name is None:
        raise Http404
    return serve_lent(name)
