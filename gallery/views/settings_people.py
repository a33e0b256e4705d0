"""The studio's settings: people, and the page of one person, who may be about to leave."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import Group
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from gallery import services
from gallery.enqueue import enqueue_password_reset
from gallery.forms.settings import EraseForm, HandOverForm
from gallery.models import AuditEntry, Person
from gallery.models.ledger import NOTHING, exact
from gallery.queries.people import belongings, found_people, is_below, may_change, may_export, spent_this_month
from gallery.services.errors import InvalidInput
from gallery.views.downloads import export_of
from gallery.web.http import PersonRequest, ids_in
from gallery.web.responses import asks_first, refused
from gallery.web.settings_pages import Undo, insist, may, page, page_number, saved

ON_A_PAGE = 50
# How many people a field with an e-mail offers.
OFFERED = 200
SHOWN = ("active", "off", "all")


def _person(request: PersonRequest, pk: int) -> Person:
    insist(request.user, "gallery.view_person")
    return get_object_or_404(Person.objects.select_related("budget").prefetch_related("groups"), pk=pk)


def _person_to_change(request: PersonRequest, pk: int, *rights: str) -> Person:
    """A person whom this administrator may change, with these rights for what is done to their things."""
    person = _person(request, pk)
    if not may_change(request.user, person) or not may(request.user, *rights):
        raise Http404
    return person


# -- the list


@require_safe
def settings_people(request: PersonRequest) -> HttpResponse:
    insist(request.user, "gallery.view_person")
    words, show = request.GET.get("q", "")[:200], request.GET.get("show", "active")
    show = show if show in SHOWN else "active"
    people = Paginator(found_people(words, show=show), ON_A_PAGE).get_page(page_number(request))
    rows = list(people)
    spent = spent_this_month(rows)
    by = request.user
    context = {
        "people": people,
        "rows": [_row(by, person, spent.get(person.pk, NOTHING)) for person in rows],
        "query": urlencode({"q": words, "show": show}) + "&",
        "words": words,
        "show": show,
        "may_invite": may(by, "gallery.add_invitation"),
        "may_change": may(by, "gallery.change_person"),
        "groups": list(Group.objects.order_by("name")[:OFFERED]) if by.is_superuser else [],
    }
    return page(request, "settings_people", "settings_people", context)


def _row(by: Person, person: Person, spent: Decimal) -> dict[str, Any]:
    """For `_person_row.html`."""
    may_change = may(by, "gallery.change_person") and (by.is_superuser or is_below(person, by))
    return {
        "person": person,
        "target": f"person-{person.pk}",
        "spent": exact(spent),
        "budget": getattr(person, "budget", None),
        "may_switch": may_change and person.pk != by.pk and person.erased_at is None,
        "may_give_rights": by.is_superuser and person.pk != by.pk and person.is_active,
        "may_budget": may_change and _may_budget(by) and person.erased_at is None,
    }


def _may_budget(by: Person) -> bool:
    return may(by, "gallery.add_budget", "gallery.change_budget", "gallery.delete_budget")


def _fresh(request: PersonRequest, person: Person, said: str, undo: Undo | None) -> HttpResponseBase:
    person = _person(request, person.pk)
    row = _row(request.user, person, spent_this_month([person]).get(person.pk, NOTHING))
    return saved(request, said, back="settings_people", undo=undo, row="_person_row", row_of=row, target=row["target"])


@require_POST
def settings_person_set(request: PersonRequest, pk: int) -> HttpResponseBase:
    """A switch of a person: whether the account is on, and whether they are an administrator."""
    person, field = _person_to_change(request, pk), request.POST.get("field", "")
    on = request.POST.get("value") == "1"
    undo = Undo(reverse("settings_person_set", args=[pk]), {"field": field, "value": "" if on else "1"})
    try:
        if field == "active":
            said = _switch(person, request.user, on)
        elif field == "administrator" and request.user.is_superuser:
            services.people.set_administrator(person, request.user, on)
            words = _("%(name)s is an administrator now.") if on else _("%(name)s is not an administrator any more.")
            said = words % {"name": person.name}
        else:
            raise Http404
    except InvalidInput as problem:
        return refused(request, problem)
    return _fresh(request, person, said, undo)


def _switch(person: Person, by: Person, on: bool) -> str:
    if on:
        services.leavers.switch_on(person)
        return _("%(name)s may sign in again.") % {"name": person.name}
    cancelled = services.leavers.switch_off(person, by)
    said = _("%(name)s is switched off.") % {"name": person.name}
    if not cancelled:
        return said
    more = ngettext(
        "%(n)d request that waited was cancelled.", "%(n)d requests that waited were cancelled.", cancelled
    ) % {"n": cancelled}
    return f"{said} {more}"


@require_POST
def settings_person_budget(request: PersonRequest, pk: int) -> HttpResponseBase:
    person = _person_to_change(request, pk)
    if not _may_budget(request.user):
        raise Http404
    budget = getattr(person, "budget", None)
    before = budget.amount if budget else None
    try:
        amount = services.settings.amount_in(request.POST.get("value", ""))
        services.settings.set_budget(person, amount)
    except InvalidInput as problem:
        return refused(request, problem)
    words = _("The budget of %(name)s is saved.") if amount is not None else _("%(name)s has no budget now.")
    said = words % {"name": person.name} if amount != before else ""
    undo = Undo(reverse("settings_person_budget", args=[pk]), {"value": "" if before is None else before})
    return _fresh(request, person, said, undo)


@require_POST
def settings_people_many(request: PersonRequest) -> HttpResponseBase:
    """Several people at once: switch them off, or put them into a group."""
    insist(request.user, "gallery.change_person")
    by, chosen = request.user, ids_in(request.POST.getlist("person"))[:ON_A_PAGE]
    people = [one for one in found_people(show="all").filter(pk__in=chosen) if may_change(by, one)]
    try:
        if not people:
            raise InvalidInput(_("Select a person first."))
        said = _off(people, by) if request.POST.get("do") == "off" else _into_group(request, people)
    except InvalidInput as problem:
        return refused(request, problem)
    messages.success(request, said)
    return redirect("settings_people")


def _off(people: list[Person], by: Person) -> str:
    off = [services.leavers.switch_off(person, by) for person in people if person.is_active]
    return ngettext("%(n)d person is switched off.", "%(n)d people are switched off.", len(off)) % {"n": len(off)}


def _into_group(request: PersonRequest, people: list[Person]) -> str:
    if not request.user.is_superuser:
        raise Http404
    number = ids_in([request.POST.get("group", "")])
    group = Group.objects.filter(pk__in=number).first()
    if group is None:
        raise InvalidInput(_("Choose a group."))
    for person in people:
        person.groups.add(group)
    words = ngettext("%(n)d person is in %(group)s now.", "%(n)d people are in %(group)s now.", len(people))
    return words % {"n": len(people), "group": group.name}


# -- one person


@require_safe
def settings_person(request: PersonRequest, pk: int) -> HttpResponse:
    return _person_page(request, _person(request, pk), HandOverForm())


def _person_page(request: PersonRequest, person: Person, form: HandOverForm, status: int = 200) -> HttpResponse:
    by = request.user
    change = may_change(by, person)
    rights = {
        "requests": "gallery.change_generation",
        "links": "gallery.change_sharelink",
        "invitations": "gallery.change_invitation",
        "galleries": "gallery.change_gallery",
        "templates": "gallery.change_prompttemplate",
    }
    can = {name: change and may(by, right) for name, right in rights.items()}
    context = {
        **_row(by, person, spent_this_month([person]).get(person.pk, NOTHING)),
        "theirs": belongings(person),
        "form": form,
        "can": can,
        "can_all": all(can.values()) and person.pk != by.pk,
        "may_export": may_export(by, person),
        "may_erase": by.is_superuser and person.pk != by.pk and person.erased_at is None,
        "may_group": by.is_superuser and person.erased_at is None,
        "all_groups": list(Group.objects.order_by("name")[:OFFERED]) if by.is_superuser else [],
        "may_reset": change and settings.LEMONSTUDIO_SENDS_MAIL and person.is_active and person.has_usable_password(),
        "recipients": _recipients(person),
    }
    return page(request, "settings_people", "settings_person", context, status)


def _recipients(person: Person) -> list[Person]:
    return list(Person.objects.filter(is_active=True).exclude(pk=person.pk).order_by("name")[:OFFERED])


@require_POST
def settings_person_groups(request: PersonRequest, pk: int) -> HttpResponseBase:
    """Only for those who may give any rights: a group's rights are those of each person in it."""
    person = _person_to_change(request, pk)
    if not request.user.is_superuser:
        raise Http404
    services.people.set_groups(person, Group.objects.filter(pk__in=ids_in(request.POST.getlist("group"))))
    messages.success(request, _("The groups of %(name)s are saved.") % {"name": person.name})
    return redirect("settings_person", pk)


@require_POST
def settings_person_reset(request: PersonRequest, pk: int) -> HttpResponseBase:
    person = _person_to_change(request, pk)
    if not settings.LEMONSTUDIO_SENDS_MAIL:
        raise Http404
    services.audit.record(AuditEntry.Action.DID, person, note="Sent a link for a new password.")
    enqueue_password_reset(person.email, request.build_absolute_uri("/"))
    messages.success(request, _("A link for a new password goes to %(email)s.") % {"email": person.email})
    return redirect("settings_person", pk)


# What the buttons of a leaver's page do: the right that each needs, and how.
def _cancel(person: Person, by: Person, to: Person | None) -> services.leavers.Left:
    return services.leavers.Left(cancelled=services.leavers.cancel_queued(person))


def _end_links(person: Person, by: Person, to: Person | None) -> services.leavers.Left:
    return services.leavers.Left(links=services.leavers.end_links(person, by))


def _withdraw(person: Person, by: Person, to: Person | None) -> services.leavers.Left:
    return services.leavers.Left(invitations=services.leavers.withdraw_invitations(person))


def _templates(person: Person, by: Person, to: Person | None) -> services.leavers.Left:
    return services.leavers.Left(templates=services.leavers.hand_over_templates(person, _needed(to)))


def _needed(to: Person | None) -> Person:
    if to is None:
        raise InvalidInput(_("Enter the e-mail of the person who gets it."), "to")
    return to


LEAVING = gettext_noop("The account is switched off. What was cancelled and ended cannot be brought back.")
Deed = Callable[[Person, Person, Person | None], services.leavers.Left]
DEEDS: dict[str, tuple[tuple[str, ...], Deed]] = {
    "requests": (("gallery.change_generation",), _cancel),
    "links": (("gallery.change_sharelink",), _end_links),
    "invitations": (("gallery.change_invitation",), _withdraw),
    "templates": (("gallery.change_prompttemplate",), _templates),
    "all": (
        (
            "gallery.change_generation",
            "gallery.change_sharelink",
            "gallery.change_invitation",
            "gallery.change_prompttemplate",
            "gallery.change_gallery",
        ),
        services.leavers.leave,
    ),
}


@require_POST
def settings_person_leave(request: PersonRequest, pk: int) -> HttpResponseBase:
    """Cancel, end or hand over what is a person's: one kind of thing, or all at once."""
    by, do = request.user, request.POST.get("do", "")
    form = HandOverForm(request.POST)
    if do == "galleries":
        person = _person_to_change(request, pk, "gallery.change_gallery")
    elif do in DEEDS:
        person = _person_to_change(request, pk, *DEEDS[do][0])
    else:
        raise Http404
    if not form.is_valid():
        return _person_page(request, person, form, status=422)
    asked = _("Does %(name)s leave?") % {"name": person.name}
    back = reverse("settings_person", args=[pk])
    if do == "all" and (question := asks_first(request, asked, _(LEAVING), _("Do all of this"), back)):
        return question
    to = form.cleaned_data["to"]
    try:
        if do == "galleries":
            only = ids_in(request.POST.getlist("gallery")) or None
            handed = services.leavers.hand_over_galleries(person, _needed(to), by, only)
            left = services.leavers.Left(galleries=handed)
        else:
            left = DEEDS[do][1](person, by, to)
    except InvalidInput as problem:
        form.add_error(problem.field or None, problem.message)
        return _person_page(request, _person(request, pk), form, status=422)
    done = services.leavers.in_words(left) or [_("There was nothing left to do.")]
    if do == "all":
        done.insert(0, _("%(name)s is switched off.") % {"name": person.name})
    messages.success(request, " ".join(done))
    return redirect("settings_person", pk)


@require_POST
def settings_person_export(request: PersonRequest, pk: int) -> HttpResponseBase:
    """Have all data of a person made ready as a download of this administrator's."""
    person = _person(request, pk)
    if not may_export(request.user, person):
        raise Http404
    services.audit.record(AuditEntry.Action.DID, person, note="Had their data exported.")
    return export_of(request, person)


@require_http_methods(["GET", "HEAD", "POST"])
def settings_person_erase(request: PersonRequest, pk: int) -> HttpResponseBase:
    """Ask what is deleted, then erase a person for good. Only for those with all rights."""
    person = _person_to_change(request, pk)
    if not request.user.is_superuser or person.erased_at is not None or person.pk == request.user.pk:
        raise Http404
    form = EraseForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            services.erasure.erase(person, request.user, form.choices, form.cleaned_data["to"])
        except InvalidInput as problem:
            form.add_error(problem.field or None, problem.message)
            person = _person(request, pk)
        else:
            messages.success(request, _("The account is erased. It is called %(name)s now.") % {"name": person.name})
            return redirect("settings_person", pk)
    context = {"person": person, "form": form, "theirs": belongings(person), "recipients": _recipients(person)}
    return page(request, "settings_people", "settings_person_erase", context, 422 if form.errors else 200)
