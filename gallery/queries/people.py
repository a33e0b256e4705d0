"""People as administrators look at them: who may change whom, and what is theirs."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import AnonymousUser, Group
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Sum

from gallery.models import (
    Gallery,
    Generation,
    Invitation,
    LedgerEntry,
    Membership,
    Person,
    Picture,
    PromptTemplate,
    Role,
    ShareLink,
    State,
)
from gallery.models.ledger import exact, this_month
from gallery.models.states import UNDER_WAY

# How many rows of each kind the page of a person shows.
LISTED = 50


def is_below(person: Person, by: "Person | AnonymousUser") -> bool:
    """Whether `by` has every right that this person has."""
    if by.is_superuser or person.pk == by.pk:
        return True
    return not person.is_superuser and person.get_all_permissions() <= by.get_all_permissions()


def may_change(by: Person, person: Person) -> bool:
    """As in Django's administration: the permission, and every right of the person."""
    return by.is_staff and by.has_perm("gallery.change_person") and is_below(person, by)


def may_export(by: Person, about: Person) -> bool:
    """A person's own data; that of others, marks and prompts included, only with all rights."""
    return by.pk == about.pk or (by.is_staff and by.is_superuser)


def is_last_administrator(person: Person) -> bool:
    """Whether no other active person may do everything."""
    others = Person.objects.filter(is_superuser=True, is_staff=True, is_active=True).exclude(pk=person.pk)
    return person.is_superuser and person.is_active and not others.exists()


def found_people(words: str = "", *, show: str = "active") -> QuerySet[Person]:
    """Those whose name or e-mail has all these words. `show`: active, off or all."""
    people = Person.objects.order_by("name", "pk").select_related("budget").prefetch_related("groups")
    if show in ("active", "off"):
        people = people.filter(is_active=show == "active")
    for word in words.split()[:8]:
        people = people.filter(Q(name__icontains=word) | Q(email__icontains=word))
    return people


def spent_this_month(people: list[Person]) -> dict[int, Decimal]:
    """By the person's id, in US dollars; people who have spent nothing are missing. One query."""
    entries = LedgerEntry.objects.filter(month=this_month(), person__in=people).order_by()
    return {pk: exact(total) for pk, total in entries.values_list("person").annotate(total=Sum("amount"))}


# -- what is theirs


def with_other_manager(galleries: QuerySet[Gallery]) -> "QuerySet[Any]":
    """With `has_other_manager`: whether an active person beside the owner may manage it, directly or by a group."""
    managers = Membership.objects.filter(gallery=OuterRef("pk"), role=Role.MANAGER)
    alone = managers.filter(person__is_active=True).exclude(person=OuterRef("owner"))
    members = Person.objects.filter(groups=OuterRef("group"), is_active=True).exclude(pk=OuterRef("gallery__owner"))
    together = managers.filter(Exists(members))
    return galleries.annotate(has_other_manager=Exists(alone) | Exists(together))


def open_links(person: Person) -> QuerySet[ShareLink]:
    return ShareLink.objects.alive().filter(created_by=person)


def open_invitations(person: Person) -> QuerySet[Invitation]:
    return Invitation.objects.alive().filter(created_by=person)


@dataclass(frozen=True, slots=True)
class Belongings:
    """What is a person's: the first rows of each kind, and how many there are of all."""

    galleries: list[Gallery]
    gallery_count: int
    # Galleries that no other active person could manage.
    alone: int
    links: list[ShareLink]
    link_count: int
    invitations: int
    requests: list[Generation]
    # Not sent yet, so that they can be cancelled for nothing.
    queued: int
    # Sent, or being fetched: they are paid for.
    under_way: int
    templates: list[PromptTemplate]
    template_count: int
    pictures: int
    trashed: int
    byte_size: int
    memberships: int
    groups: list[Group]

    @property
    def is_to_do(self) -> bool:
        """Whether something would go on, or be without an owner, once this person is gone."""
        return bool(self.gallery_count or self.link_count or self.invitations or self.queued or self.template_count)


def belongings(person: Person) -> Belongings:
    """A fixed number of queries."""
    galleries = with_other_manager(Gallery.objects.owned_by(person))
    links, templates = open_links(person), PromptTemplate.objects.owned_by(person)
    states = Generation.objects.filter(author=person, state__in=UNDER_WAY).order_by()
    by_state = dict(states.values_list("state").annotate(number=Count("pk")))
    queued = by_state.pop(State.QUEUED, 0)
    kept = Picture.objects.filter(author=person).aggregate(
        number=Count("pk"), size=Sum("byte_size"), trashed=Count("trashed_at")
    )
    requests = Generation.objects.filter(author=person, state__in=UNDER_WAY).select_related("model")
    return Belongings(
        galleries=list(galleries.order_by("has_other_manager", "name", "pk")[:LISTED]),
        gallery_count=galleries.count(),
        alone=galleries.filter(has_other_manager=False).count(),
        links=list(links.select_related("gallery")[:LISTED]),
        link_count=links.count(),
        invitations=open_invitations(person).count(),
        requests=list(requests.defer("prompt", "results").order_by("pk")[:LISTED]),
        queued=queued,
        under_way=sum(by_state.values()),
        templates=list(templates.order_by("-shared", "name")[:LISTED]),
        template_count=templates.count(),
        pictures=kept["number"],
        trashed=kept["trashed"],
        byte_size=kept["size"] or 0,
        memberships=Membership.objects.filter(person=person).count(),
        groups=list(person.groups.order_by("name")),
    )
