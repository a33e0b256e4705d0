"""The members of a gallery, and their roles."""

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from gallery import services
from gallery.forms.galleries import MemberForm
from gallery.models import Gallery, Membership, Role
from gallery.queries.roles import Action, may, may_invite
from gallery.web.access import gallery_to, gallery_to_see
from gallery.web.http import PersonRequest


@require_http_methods(["GET", "HEAD", "POST"])
def gallery_members(request: PersonRequest, pk: int) -> HttpResponseBase:
    """All who see a gallery may read who its members are. Only people who may share it add members."""
    person = request.user
    if request.method == "POST":
        gallery = gallery_to(Action.SHARE, request.user, pk)
        form = MemberForm(request.POST, gallery=gallery)
        if form.is_valid():
            services.galleries.add_member(gallery, form.cleaned_data["who"], form.cleaned_data["role"], by=person)
            messages.success(request, _("%(name)s is a member now.") % {"name": form.cleaned_data["who"]})
            return redirect("gallery_members", pk)
        return _page(request, gallery, form, status=422)
    gallery = gallery_to_see(request.user, pk)
    return _page(request, gallery, MemberForm(gallery=gallery) if may(person, Action.SHARE, gallery) else None)


def _page(request: PersonRequest, gallery: Gallery, form: MemberForm | None, status: int = 200) -> HttpResponse:
    person = request.user
    context = {
        "gallery": gallery,
        "members": gallery.memberships.select_related("person", "group").order_by("pk"),
        "form": form,
        "roles": Role.choices,
        "can_share": may(person, Action.SHARE, gallery),
        "link_count": gallery.links.alive().count(),
        "can_invite": may_invite(person, gallery),
    }
    return render(request, "galleries/gallery_members.html", context, status=status)


@require_POST
def member_change(request: PersonRequest, pk: int, member_pk: int) -> HttpResponseBase:
    gallery = gallery_to(Action.SHARE, request.user, pk)
    member = get_object_or_404(Membership.objects.filter(gallery=gallery), pk=member_pk)
    if request.POST.get("role") in Role.values:
        services.galleries.change_role(member, request.POST["role"], by=request.user)
        role = Role(request.POST["role"]).label
        messages.success(request, _("%(name)s: %(role)s.") % {"name": member.name, "role": role})
    return redirect("gallery_members", pk)


@require_POST
def member_remove(request: PersonRequest, pk: int, member_pk: int) -> HttpResponseBase:
    """End a member's access at once. Members may always leave."""
    person = request.user
    gallery = gallery_to_see(request.user, pk)
    member = get_object_or_404(Membership.objects.filter(gallery=gallery), pk=member_pk)
    leaves = member.person_id == person.pk
    if not leaves and not may(person, Action.SHARE, gallery):
        raise Http404
    services.galleries.remove_member(member, by=person)
    if leaves:
        messages.success(request, _("You have left “%(gallery)s”.") % {"gallery": gallery})
        return redirect("gallery_list")
    messages.success(request, _("%(name)s is not a member any more.") % {"name": member.name})
    if left := gallery.links.alive().filter(created_by=member.person_id).count():
        warning = ngettext(
            "%(count)d link that they made still works: look at the links below.",
            "%(count)d links that they made still work: look at the links below.",
            left,
        )
        messages.warning(request, warning % {"count": left})
    return redirect("gallery_members", pk)
