"""The one place where rights and limits of groups are enforced."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from gallery.models import Person
from gallery.models.limits import OverLimit
from gallery.queries.limits import limits_of, rights_against

if TYPE_CHECKING:
    from gallery.services.generations import GenerationSpec


def insist(person: Person, specs: "Sequence[GenerationSpec]") -> None:
    """Refuse requests that this person's groups may not make. Call it in the transaction that makes them.

    Raises OverLimit, which says why.
    """
    for right in rights_against(person):
        for spec in specs:
            if right.reserves(spec.model.pk, spec.options):
                groups = ", ".join(group.name for group in right.groups.all())
                raise OverLimit(
                    _("“%(right)s” is for other groups only: %(groups)s. Choose another, or ask an administrator.")
                    % {"right": right, "groups": groups}
                )
    if problem := limits_of(person, lock=True).problem_with(len(specs)):
        raise OverLimit(problem)
