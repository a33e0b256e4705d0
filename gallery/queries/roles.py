"""What whom may do in a gallery: the one place that says so. docs/sharing.md has the same table in words."""

from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING

from django.contrib.auth.models import Group
from django.db.models import Q, QuerySet

from gallery.models import Gallery, Membership, Person, Role

if TYPE_CHECKING:
    from collections.abc import Iterable


class Standing(IntEnum):
    """Of a person in a gallery; who stands higher may do all that those below may."""

    NOBODY = 0
    VIEWER = 1
    CONTRIBUTOR = 2
    MANAGER = 3
    OWNER = 4


class Action(StrEnum):
    VIEW = "view"
    COMMENT = "comment"
    ADD = "add"
    DECIDE = "decide"
    ARRANGE = "arrange"
    REMOVE = "remove"
    RENAME = "rename"
    SHARE = "share"
    DELETE = "delete"


NEEDED = {
    Action.VIEW: Standing.VIEWER,
    Action.COMMENT: Standing.VIEWER,
    # One's own pictures, in and out again.
    Action.ADD: Standing.CONTRIBUTOR,
    # Draft, shortlist, approved.
    Action.DECIDE: Standing.CONTRIBUTOR,
    # Cover, and order by hand.
    Action.ARRANGE: Standing.MANAGER,
    # Anybody's pictures and comments, and what guests like.
    Action.REMOVE: Standing.MANAGER,
    Action.RENAME: Standing.MANAGER,
    # Members, links to show it to outsiders, the whole team.
    Action.SHARE: Standing.MANAGER,
    Action.DELETE: Standing.OWNER,
}
_BY_ROLE = {
    Role.VIEWER: Standing.VIEWER,
    Role.CONTRIBUTOR: Standing.CONTRIBUTOR,
    Role.MANAGER: Standing.MANAGER,
}


def standing_of(role: str) -> Standing:
    return _BY_ROLE[Role(role)]


def standing(person: Person, gallery: Gallery) -> Standing:
    """The highest that this person has there: as its owner, as a member, by a group, as one of the team."""
    if gallery.owner_id == person.pk:
        return Standing.OWNER
    roles: Iterable[str] = Membership.objects.filter(
        Q(person=person) | Q(group__in=person.groups.all()), gallery=gallery
    ).values_list("role", flat=True)
    highest = max((_BY_ROLE[Role(role)] for role in roles), default=Standing.NOBODY)
    return max(highest, Standing.VIEWER) if gallery.shared_with_team else highest


def may(person: Person, action: Action, gallery: Gallery) -> bool:
    return standing(person, gallery) >= NEEDED[action]


def roles_for(action: Action) -> list[Role]:
    """The members' roles that are enough for this action."""
    return [role for role, value in _BY_ROLE.items() if value >= NEEDED[action]]


def people_who_may(action: Action, gallery: Gallery) -> "QuerySet[Person]":
    """The owner, and those who are members, by themselves or by a group, with a role that is enough."""
    members = Membership.objects.filter(gallery=gallery, role__in=roles_for(action))
    by_themselves, by_group = Q(pk__in=members.values("person")), Q(groups__in=members.values("group"))
    return Person.objects.filter(Q(pk=gallery.owner_id) | by_themselves | by_group, is_active=True).distinct()


# -- invitations: an account may spend the team's money, so making one is a permission and not a matter of galleries


def may_invite(person: Person, gallery: Gallery | None = None) -> bool:
    """Administrators, and whom they gave the permission; into a gallery, if they may also add members there."""
    if not person.has_perm("gallery.add_invitation"):
        return False
    return gallery is None or may(person, Action.SHARE, gallery)


def may_see_all_invitations(person: Person) -> bool:
    return may_invite(person) and person.has_perm("gallery.change_invitation")


def groups_to_give(person: Person) -> "list[Group]":
    """Those that this person may put others into: with the right to change people, and none beyond their own rights."""
    if not (person.is_staff and person.has_perm("gallery.change_person")):
        return []
    groups = Group.objects.order_by("name").prefetch_related("permissions__content_type")
    if person.is_superuser:
        return list(groups)
    own = person.get_all_permissions()
    return [
        group
        for group in groups
        if {f"{one.content_type.app_label}.{one.codename}" for one in group.permissions.all()} <= own
    ]
