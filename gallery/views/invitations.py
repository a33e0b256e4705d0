"""Invitations, and the page that they open."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from gallery import services
from gallery.forms.invitations import ArrivalForm, InvitationForm, InviteManyForm
from gallery.models import Gallery, Invitation, Person
from gallery.queries.roles import may_invite
from gallery.web.access import invitation_by_token, invitation_to_change, invitations_to_see
from gallery.web.http import PersonRequest, client_address, number_in
from gallery.web.providers import providers_on_offer

# How many invitations that are over the page shows.
OVER = 20


@require_safe
def invitation_list(request: PersonRequest) -> HttpResponse:
    person = request.user
    visible = invitations_to_see(request.user)
    wanted = number_in(request.GET.get("gallery"))
    initial = {} if wanted is None else {"gallery": wanted}
    form = InvitationForm(person=person, sends_mail=settings.LEMONSTUDIO_SENDS_MAIL, initial=initial)
    return _list(request, visible, form)


def _list(
    request: PersonRequest, visible: QuerySet[Invitation], form: InvitationForm, status: int = 200, **more: Any
) -> HttpResponse:
    rows = visible.select_related("created_by", "gallery").prefetch_related("groups", "used_by__person")
    alive = Invitation.objects.alive().values("pk")
    context = {
        "form": form,
        "invitations": rows.filter(pk__in=alive),
        "over": rows.exclude(pk__in=alive)[:OVER],
        **more,
    }
    return render(request, "invitations/invitation_list.html", context, status=status)


@require_POST
@sensitive_variables("token", "link")
def invitation_create(request: PersonRequest) -> HttpResponseBase:
    """Make an invitation. The answer shows its link once; it is not stored, so no other page could show it."""
    person = request.user
    visible = invitations_to_see(request.user)
    sends_mail = settings.LEMONSTUDIO_SENDS_MAIL
    form = InvitationForm(request.POST, person=person, sends_mail=sends_mail)
    if not form.is_valid():
        return _list(request, visible, form, status=422)
    cleaned = form.cleaned_data
    invitation, token = services.invitations.invite(
        person,
        email=cleaned["email"],
        groups=cleaned.get("groups", ()),
        gallery=cleaned["gallery"],
        role=cleaned["role"],
        max_uses=cleaned["max_uses"],
        days=cleaned["days"],
        origin=request.build_absolute_uri("/"),
    )
    if not token:
        messages.success(request, _("The invitation goes to %(email)s by e-mail.") % {"email": invitation.email})
        return redirect("invitation_list")
    link = _link(request, token)
    form = InvitationForm(person=person, sends_mail=sends_mail)
    response = _list(request, visible, form, made=invitation, link=link)
    add_never_cache_headers(response)
    return response


@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_variables("told")
def invitation_many(request: PersonRequest) -> HttpResponseBase:
    """Invite a pasted list of addresses; the answer says what became of each. Links are shown here and never again."""
    invitations_to_see(request.user)
    form = InviteManyForm(request.POST if request.method == "POST" else None, person=request.user)
    told: list[services.invitations.Invited] = []
    if request.method == "POST" and form.is_valid():
        cleaned = form.cleaned_data
        told = services.invitations.invite_all(
            request.user,
            cleaned["addresses"],
            groups=cleaned.get("groups", ()),
            days=cleaned["days"],
            origin=request.build_absolute_uri("/"),
        )
        form = InviteManyForm(person=request.user)
    context = {
        "form": form,
        "rows": [(one, _link(request, one.token)) for one in told],
        "invited": sum(one.outcome == one.Outcome.INVITED for one in told),
        "sends_mail": settings.LEMONSTUDIO_SENDS_MAIL,
        "most": services.invitations.MOST_AT_ONCE,
    }
    response = render(request, "invitations/invitation_many.html", context, status=422 if form.errors else 200)
    add_never_cache_headers(response)
    return response


def _link(request: PersonRequest, token: str) -> str:
    return request.build_absolute_uri(reverse("invitation_accept", args=[token])) if token else ""


@require_POST
def invitation_revoke(request: PersonRequest, pk: int) -> HttpResponseBase:
    invitation_to_change(request.user, pk).revoke()
    messages.success(request, _("The invitation is withdrawn. People who used it keep their accounts."))
    return redirect("invitation_list")


@sensitive_post_parameters("password")
@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def invitation_accept(request: HttpRequest, token: str) -> HttpResponseBase:
    """Make an account by an invitation. People who have one become members of the invitation's gallery."""
    invitation = invitation_by_token(token)
    try:
        person = request.user
        response = _accept(request, person, invitation) if isinstance(person, Person) else _join(request, invitation)
    except services.invitations.InvitationOver as over:
        response = _over(request, invitation, over.end)
    add_never_cache_headers(response)
    return response


def _join(request: HttpRequest, invitation: Invitation) -> HttpResponseBase:
    offer = services.invitations.offer_of(invitation)
    posted = request.POST if request.method == "POST" else None
    form = ArrivalForm(posted, invitation=invitation, address=client_address(request))
    if request.method == "POST" and form.is_valid():
        cleaned = form.cleaned_data
        try:
            person = services.invitations.join(
                invitation, name=cleaned["name"], email=cleaned["email"], password=cleaned["password"]
            )
        except services.invitations.EmailTaken:
            form.add_error("email", _("An account with this e-mail was just made. If that was you, sign in."))
        else:
            form.forget_tries()
            login(request, person)
            return _arrived(offer.gallery)
    context = {"form": form, "invitation": invitation, "offer": offer, "is_new": True, "next": request.path}
    context["providers"] = providers_on_offer(request)
    status = 429 if form.has_error("email", "too_many") else 422 if form.errors else 200
    return render(request, "invitations/invitation_accept.html", context, status=status)


def _accept(request: HttpRequest, person: Person, invitation: Invitation) -> HttpResponseBase:
    try:
        offer = services.invitations.offer_to(invitation, person)
    except services.invitations.InvitationOver:
        # A person who used the invitation before, and still sees the gallery, goes there again.
        led_to = Gallery.objects.visible_to(person).filter(invitations=invitation).first()
        if led_to and invitation.used_by.filter(person=person).exists():
            return _arrived(led_to)
        raise
    if services.invitations.has_all_of(offer, person):
        return _arrived(offer.gallery)
    is_for_me = invitation.is_for(person.email)
    if request.method == "POST":
        if not is_for_me or offer.gallery is None:
            raise Http404
        gallery = services.invitations.accept(invitation, person)
        if gallery:
            messages.success(request, _("You are a member of “%(gallery)s” now.") % {"gallery": gallery})
        return _arrived(gallery)
    context = {"invitation": invitation, "offer": offer, "is_for_me": is_for_me}
    return render(request, "invitations/invitation_accept.html", context)


def _arrived(gallery: Gallery | None) -> HttpResponseBase:
    return redirect("gallery_detail", gallery.pk) if gallery else redirect("create")


def _over(request: HttpRequest, invitation: Invitation, end: Invitation.End) -> HttpResponse:
    """The page of an invitation that is over: what happened, and whom to ask."""
    context = {"invitation": invitation, "end": end, "may_ask": may_invite(invitation.created_by)}
    return render(request, "invitations/invitation_over.html", context, status=410)
