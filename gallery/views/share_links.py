"""The share links of a gallery, for people who may share it."""

from itertools import count
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from gallery import services
from gallery.forms.share_links import LinkForm
from gallery.models import Gallery
from gallery.queries.roles import Action
from gallery.web.access import gallery_to, link_to_change
from gallery.web.http import PersonRequest
from gallery.web.responses import asks_first

# How many links that are over the page shows.
OVER = 20
FACES = 5


@sensitive_post_parameters("password")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def gallery_links(request: PersonRequest, pk: int) -> HttpResponse:
    """Share a gallery: its links, and a form for a new one. Over the gallery it is a dialog.

    The address of a link that is not kept is only in the answer to the form that made it.
    """
    gallery = gallery_to(Action.SHARE, request.user, pk)
    if request.method != "POST":
        return _page(request, gallery, LinkForm(label=_free_label(gallery)))
    form = LinkForm(request.POST, label=_free_label(gallery))
    if not form.is_valid():
        return _page(request, gallery, form, status=422)
    link, token = services.share_links.make_link(
        gallery, request.user, form.settings, form.new_password or "", keep=form.cleaned_data["keep"]
    )
    made = {"made": link, "address": _address(request, token)}
    return _page(request, gallery, LinkForm(label=_free_label(gallery)), made)


def _address(request: PersonRequest, token: str) -> str:
    return request.build_absolute_uri(reverse("guest_gallery", args=[token]))


def _free_label(gallery: Gallery) -> str:
    """What a new link is called: “Guests”, and then “Guests 2”."""
    taken = set(gallery.links.values_list("label", flat=True))
    if _("Guests") not in taken:
        return _("Guests")
    names = (_("Guests %(number)d") % {"number": number} for number in count(2))
    return next(name for name in names if name not in taken)


def _page(
    request: PersonRequest, gallery: Gallery, form: LinkForm, more: dict[str, Any] | None = None, status: int = 200
) -> HttpResponse:
    links = list(gallery.links.select_related("created_by"))
    alive = [link for link in links if link.is_alive]
    tokens = [(link, services.share_links.token_of(link)) for link in alive]
    context = {
        "gallery": gallery,
        "form": form,
        "links": [(link, _address(request, token) if token else "") for link, token in tokens],
        "over": [link for link in links if not link.is_alive][:OVER],
        "member_count": gallery.memberships.count(),
        "faces": Gallery.faces([gallery.pk], FACES).get(gallery.pk),
        "is_dialog": bool(request.htmx),
        **(more or {}),
    }
    template = "share_links/_share.html" if request.htmx else "share_links/gallery_links.html"
    return render(request, template, context, status=status)


@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def link_edit(request: PersonRequest, pk: int, link_pk: int) -> HttpResponseBase:
    link = link_to_change(request.user, pk, link_pk)
    if not link.is_alive:
        messages.error(request, _("This link has ended for good. Make a new one."))
        return redirect("gallery_links", pk)
    form = LinkForm(request.POST if request.method == "POST" else None, instance=link)
    if request.method == "POST" and form.is_valid():
        forget = link.is_kept and not form.cleaned_data["keep"]
        services.share_links.change_link(link, form.settings, form.new_password, forget=forget)
        messages.success(request, _("Changed: the link for “%(name)s”.") % {"name": link})
        return redirect("gallery_links", pk)
    context = {"gallery": link.gallery, "link": link, "form": form}
    return render(request, "share_links/link_edit.html", context, status=422 if form.errors else 200)


@require_POST
def link_revoke(request: PersonRequest, pk: int, link_pk: int) -> HttpResponseBase:
    """Revoke a link. From now on it opens nothing."""
    link = link_to_change(request.user, pk, link_pk)
    if services.share_links.revoke_link(link, request.user):
        messages.success(request, _("Revoked: the link for “%(name)s”. It opens nothing any more.") % {"name": link})
    return redirect("gallery_links", pk)


@require_POST
def link_revoke_all(request: PersonRequest, pk: int) -> HttpResponseBase:
    gallery = gallery_to(Action.SHARE, request.user, pk)
    more = _("Guests cannot open the gallery any more. This cannot be undone.")
    back = reverse("gallery_links", args=[pk])
    if page := asks_first(request, _("Revoke all links?"), more, _("Revoke all"), back):
        return page
    revoked = services.share_links.revoke_links(gallery, request.user)
    if revoked:
        messages.success(request, _("All links are revoked."))
    return redirect("gallery_links", pk)
