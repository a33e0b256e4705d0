"""What whom may do in a gallery: the one place that says so. docs/sharing.md has the same table in words."""

from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING

from django.db.models import Q

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
    # Anybody's pictures and comments.
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
