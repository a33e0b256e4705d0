"""What people may do in a gallery. Only this file decides it; docs/sharing.md has the same table in words."""

from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING

from django.contrib.auth.models import Group
from django.db.models import Q, QuerySet

from gallery.models import Gallery, Membership, Person, Picture, Role
from gallery.models.picture import PictureQuerySet

if TYPE_CHECKING:
    from collections.abc import Iterable


class EffectiveRole(IntEnum):
    """The effective role of a person in a gallery. A higher role may do all that a lower one may."""

    NONE = 0
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
    Action.VIEW: EffectiveRole.VIEWER,
    Action.COMMENT: EffectiveRole.VIEWER,
    # Put own pictures in, and take them out again.
    Action.ADD: EffectiveRole.CONTRIBUTOR,
    # Draft, shortlist, approved.
    Action.DECIDE: EffectiveRole.CONTRIBUTOR,
    # Choose the cover, and order by hand.
    Action.ARRANGE: EffectiveRole.MANAGER,
    # Remove pictures and comments of all people, and likes of guests.
    Action.REMOVE: EffectiveRole.MANAGER,
    Action.RENAME: EffectiveRole.MANAGER,
    # Members, share links, and sharing with the team.
    Action.SHARE: EffectiveRole.MANAGER,
    Action.DELETE: EffectiveRole.OWNER,
}
_BY_ROLE = {
    Role.VIEWER: EffectiveRole.VIEWER,
    Role.CONTRIBUTOR: EffectiveRole.CONTRIBUTOR,
    Role.MANAGER: EffectiveRole.MANAGER,
}


def effective(role: str) -> EffectiveRole:
    return _BY_ROLE[Role(role)]


def effective_role(person: Person, gallery: Gallery) -> EffectiveRole:
    """This person's highest role there: as the owner, as a member, through a group, or through the team."""
    if gallery.owner_id == person.pk:
        return EffectiveRole.OWNER
    roles: Iterable[str] = Membership.objects.filter(
        Q(person=person) | Q(group__in=person.groups.all()), gallery=gallery
    ).values_list("role", flat=True)
    highest = max((_BY_ROLE[Role(role)] for role in roles), default=EffectiveRole.NONE)
    return max(highest, EffectiveRole.VIEWER) if gallery.shared_with_team else highest


def may(person: Person, action: Action, gallery: Gallery) -> bool:
    return effective_role(person, gallery) >= NEEDED[action]


def roles_for(action: Action) -> list[Role]:
    """The roles of members that are enough for this action."""
    return [role for role, value in _BY_ROLE.items() if value >= NEEDED[action]]


def people_who_may(action: Action, gallery: Gallery) -> "QuerySet[Person]":
    """The owner, and the members with a role that is enough, directly or through a group."""
    members = Membership.objects.filter(gallery=gallery, role__in=roles_for(action))
    by_themselves, by_group = Q(pk__in=members.values("person")), Q(groups__in=members.values("group"))
    return Person.objects.filter(Q(pk=gallery.owner_id) | by_themselves | by_group, is_active=True).distinct()


# -- invitations: an account may spend the team's money, so making one is a permission and not a matter of galleries


def may_invite(person: Person, gallery: Gallery | None = None) -> bool:
    """Administrators and people with the permission; into a gallery, only if they may also add members there."""
    if not person.has_perm("gallery.add_invitation"):
        return False
    return gallery is None or may(person, Action.SHARE, gallery)


def may_see_all_invitations(person: Person) -> bool:
    return may_invite(person) and person.has_perm("gallery.change_invitation")


def groups_to_give(person: Person) -> "list[Group]":
    """The groups that this person may put others into: they need the right to change people, and the group's rights."""
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


# -- pictures


def may_view_all(person: Person) -> bool:
    """Administrators with this permission see all pictures."""
    return person.is_staff and person.has_perm("gallery.view_picture")


def pictures_for(person: Person) -> PictureQuerySet:
    """The pictures that are visible to this person, or all to an administrator who may view pictures."""
    return Picture.objects.kept() if may_view_all(person) else Picture.objects.visible_to(person)
