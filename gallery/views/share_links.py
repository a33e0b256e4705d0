"""The share links of a gallery, for people who may share it."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
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


@sensitive_post_parameters("password")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def gallery_links(request: PersonRequest, pk: int) -> HttpResponse:
    """The links of a gallery. The address of a new link is only in the answer to the form that made it."""
    gallery = gallery_to(Action.SHARE, request.user, pk)
    if request.method != "POST":
        return _page(request, gallery, LinkForm())
    form = LinkForm(request.POST)
    if not form.is_valid():
        return _page(request, gallery, form, status=422)
    link, token = services.share_links.make_link(gallery, request.user, form.settings, form.new_password or "")
    address = request.build_absolute_uri(reverse("guest_gallery", args=[token]))
    return _page(request, gallery, LinkForm(), {"made": link, "address": address})


def _page(
    request: PersonRequest, gallery: Gallery, form: LinkForm, more: dict[str, Any] | None = None, status: int = 200
) -> HttpResponse:
    links = list(gallery.links.select_related("created_by"))
    context = {
        "gallery": gallery,
        "form": form,
        "links": [link for link in links if link.is_alive],
        "over": [link for link in links if not link.is_alive][:OVER],
        **(more or {}),
    }
    template = "share_links/_links.html" if request.htmx else "share_links/gallery_links.html"
    return render(request, template, context, status=status)


@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def link_edit(request: PersonRequest, pk: int, link_pk: int) -> HttpResponseBase:
    link = link_to_change(request.user, pk, link_pk)
    if not link.is_alive:
        messages.error(request, "This link is over, and stays so. Make a new one.")
        return redirect("gallery_links", pk)
    form = LinkForm(request.POST if request.method == "POST" else None, instance=link)
    if request.method == "POST" and form.is_valid():
        services.share_links.change_link(link, form.settings, form.new_password)
        messages.success(request, f"Changed: the link for “{link}”.")
        return redirect("gallery_links", pk)
    context = {"gallery": link.gallery, "link": link, "form": form}
    return render(request, "share_links/link_edit.html", context, status=422 if form.errors else 200)


@require_POST
def link_revoke(request: PersonRequest, pk: int, link_pk: int) -> HttpResponseBase:
    """Revoke a link. From now on it opens nothing."""
    link = link_to_change(request.user, pk, link_pk)
    if services.share_links.revoke_link(link, request.user):
        messages.success(request, f"Revoked: the link for “{link}”. It opens no more.")
    return redirect("gallery_links", pk)


@require_POST
def link_revoke_all(request: PersonRequest, pk: int) -> HttpResponseBase:
    gallery = gallery_to(Action.SHARE, request.user, pk)
    more = "Guests cannot open the gallery any more. This cannot be undone."
    back = reverse("gallery_links", args=[pk])
    if page := asks_first(request, "Revoke all links?", more, "Revoke all", back):
        return page
    revoked = services.share_links.revoke_links(gallery, request.user)
    if revoked:
        messages.success(request, "All links are revoked.")
    return redirect("gallery_links", pk)
