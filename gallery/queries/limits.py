"""What a person may not use, and how much of their limits is left. docs/limits.md has the rules in words."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from django.db.models import Q, Sum
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from gallery.models import Generation, GroupLimit, GroupRight, ImageModel, Option, OptionKind, Person, Picture
from gallery.models.numbers import MB, storage, whole
from gallery.models.states import UNDER_WAY


def rights_against(person: Person) -> list[GroupRight]:
    """What is for other groups only. One query, and one for the groups if there is any; none for superusers."""
    if person.is_superuser:
        return []
    others = GroupRight.objects.exclude(groups__in=person.groups.all())
    return list(others.select_related("model").prefetch_related("groups"))


def reserved_models(rights: Iterable[GroupRight]) -> set[int]:
    return {right.model_id for right in rights if right.is_whole_model and right.model_id is not None}


def open_option(option: Option, model: ImageModel, rights: Sequence[GroupRight]) -> Option | None:
    """The option with the choices that are left; None if none is."""

    def is_open(value: str) -> bool:
        return not any(right.reserves(model.pk, {option.name: value}) for right in rights if not right.is_whole_model)

    picks = tuple(value for value in option.picks if is_open(value))
    default = option.default if not option.default or is_open(option.default) else next(iter(picks), "")
    if option.kind is OptionKind.SIZE:
        sides = [option.maximum, *(_longest(right, model, option) for right in rights)]
        maximum = min((side for side in sides if side is not None), default=None)
        return replace(option, choices=picks, default=default, maximum=maximum)
    if option.kind is OptionKind.BOOLEAN:
        return option if picks == option.picks else None
    if not option.picks:
        return option if not any(right.option == option.name and not right.choices for right in rights) else None
    return replace(option, choices=picks, default=default) if picks else None


def _longest(right: GroupRight, model: ImageModel, option: Option) -> Decimal | None:
    """The longest side, in pixels, that this leaves to those whom it is not for; None if it is not about sizes."""
    about = right.model_id in (None, model.pk) and right.option in ("", option.name)
    return Decimal(right.longer_than) if about and right.longer_than is not None else None


def reserved_in_words(rights: Iterable[GroupRight], model: ImageModel | None, models: Iterable[int]) -> list[str]:
    """What is for other groups only, as far as it matters here: these models, and what belongs to the chosen one."""
    wanted = set(models)
    said = []
    for right in rights:
        if right.is_whole_model:
            about = right.model.label if right.model and right.model_id in wanted else ""
        else:
            about = _choice_in_words(right, model) if model and right.model_id in (None, model.pk) else ""
        if about:
            said.append(f"{about} ({', '.join(group.name for group in right.groups.all())})")
    return said


def _choice_in_words(right: GroupRight, model: ImageModel) -> str:
    option = next((option for option in model.option_list if option.name == right.option), None)
    if right.longer_than is not None:
        has_sizes = any(right.reserves(model.pk, {one.name: pick}) for one in model.option_list for pick in one.picks)
        return (
            (_("sizes over %(pixels)s pixels") % {"pixels": right.longer_than})
            if has_sizes or (option and option.is_typed)
            else ""
        )
    if option is None:
        return ""
    values = [option.in_words(value) for value in right.choices if value in option.picks]
    return f"{option.title} {', '.join(values)}" if values else "" if right.choices else option.title


# -- how much


@dataclass(frozen=True, slots=True)
class Limits:
    """A person's limits, None where there is none, and how much of each is used. Storage is in bytes."""

    per_day: int | None = None
    today: int = 0
    most_under_way: int | None = None
    under_way: int = 0
    most_storage: int | None = None
    storage: int = 0

    @property
    def left_today(self) -> int:
        return max(0, (self.per_day or 0) - self.today)

    @property
    def in_words(self) -> list[str]:
        """One sentence for each limit."""
        said = []
        if self.per_day is not None:
            said.append(
                _("%(left)s of %(per_day)s requests left today")
                % {"left": whole(self.left_today), "per_day": whole(self.per_day)}
            )
        if self.most_under_way is not None:
            said.append(
                _("%(count)s of %(most)s requests under way")
                % {"count": whole(self.under_way), "most": whole(self.most_under_way)}
            )
        if self.most_storage is not None:
            said.append(
                _("%(used)s of %(most)s of storage used")
                % {"used": storage(self.storage), "most": storage(self.most_storage)}
            )
        return said

    def problem_with(self, requests: int) -> str:
        """Why this many more requests are too many, and what helps; "" if they are not."""
        if self.per_day is not None and requests > self.left_today:
            return ngettext(
                "This is one request, and %(left)s of your %(per_day)s for today are left. Ask for fewer, go on "
                "tomorrow, or ask an administrator for more.",
                "This is %(count)s requests, and %(left)s of your %(per_day)s for today are left. Ask for fewer, go on "
                "tomorrow, or ask an administrator for more.",
                requests,
            ) % {"count": whole(requests), "left": whole(self.left_today), "per_day": whole(self.per_day)}
        if self.most_under_way is not None and requests > self.most_under_way - self.under_way:
            return _(
                "You may have %(most)s requests under way at once, and there are %(count)s. Ask "
                "for fewer, or wait until some are done."
            ) % {"most": whole(self.most_under_way), "count": whole(self.under_way)}
        return self.storage_problem

    @property
    def storage_problem(self) -> str:
        """Why nothing more may be kept, and what helps; "" if it may."""
        if self.most_storage is None or self.storage < self.most_storage:
            return ""
        return _(
            "Your pictures take %(used)s, and %(most)s is yours to use. Delete pictures and empty "
            "the trash, or ask an administrator for more."
        ) % {"used": storage(self.storage), "most": storage(self.most_storage)}


def limits_of(person: Person, *, lock: bool = False) -> Limits:
    """The most generous of the person's groups; of everyone else's, if none of the groups has limits.

    One query, and one more for each limit that there is. With `lock`, the person's other submits wait for this one.
    """
    if person.is_superuser:
        return Limits()
    rows = list(GroupLimit.objects.filter(Q(group__in=person.groups.all()) | Q(group=None)))
    rows = [row for row in rows if row.group_id is not None] or rows
    per_day = _most(row.requests_per_day for row in rows)
    most_under_way = _most(row.under_way for row in rows)
    storage_mb = _most(row.storage_mb for row in rows)
    if lock and (per_day, most_under_way, storage_mb) != (None, None, None):
        list(Person.objects.select_for_update().filter(pk=person.pk).values_list("pk"))
    asked = Generation.objects.filter(author=person).asked_for()
    return Limits(
        per_day,
        0 if per_day is None else asked.filter(created_at__gte=_midnight()).count(),
        most_under_way,
        0 if most_under_way is None else asked.filter(state__in=UNDER_WAY).count(),
        None if storage_mb is None else storage_mb * MB,
        0 if storage_mb is None else Picture.objects.filter(author=person).aggregate(all=Sum("byte_size"))["all"] or 0,
    )


def _most(limits: Iterable[int | None]) -> int | None:
    """The highest of them; None (no limit) if one is None, or if there is none."""
    found = list(limits)
    return None if not found or None in found else max(limit for limit in found if limit is not None)


def _midnight() -> datetime:
    """When today began, in the studio's time zone."""
    return timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
