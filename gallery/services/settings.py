"""Changes of the studio's settings. Each is one save, so that the audit list has the values before and after."""

from decimal import Decimal, InvalidOperation

from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from gallery.models import AuditEntry, Budget, Gallery, GroupLimit, ImageModel, LedgerEntry, Person, Retention
from gallery.services import audit, galleries
from gallery.services.errors import InvalidInput

LIMITS = ("requests_per_day", "under_way", "storage_mb")
RETAINED = ("prompts", "failed_requests", "uploads", "activity")
# As large as a limit's column takes on every database.
LARGEST = 2**31 - 1


def amount_in(text: str) -> Decimal | None:
    """US dollars as a person types them; None for an empty text. Raises InvalidInput."""
    text = text.strip().removeprefix("$").replace(",", "").strip()
    if not text:
        return None
    try:
        amount = Decimal(text)
        # Raises for NaN and what has too many digits, too.
        Budget._meta.get_field("amount").run_validators(amount)
    except (InvalidOperation, ValidationError):
        raise InvalidInput(_("A budget is an amount in US dollars, such as 25 or 12.50.")) from None
    return amount


def number_in(text: str, least: int = 1, most: int = LARGEST) -> int | None:
    """A whole number; None for an empty text. Raises InvalidInput."""
    text = text.strip()
    if not text:
        return None
    if not text.isdecimal() or len(text) > len(str(most)) or not least <= int(text) <= most:
        raise InvalidInput(
            _("This is a whole number from %(least)d to %(most)d, or nothing.") % {"least": least, "most": most}
        )
    return int(text)


def set_budget(whose: Person | Group, amount: Decimal | None) -> None:
    """What a person or a group may spend in a month; None takes the budget away."""
    key = {"person": whose} if isinstance(whose, Person) else {"group": whose}
    with transaction.atomic():
        budget = Budget.objects.select_for_update().filter(**key).first()
        if amount is None:
            if budget is not None:
                budget.delete()
            return
        budget = budget or Budget(**key)
        budget.amount = amount
        budget.save()


def set_limit(group: Group, name: str, value: int | None) -> None:
    """One of LIMITS, for each person of a group; None: no limit. A row without limits goes."""
    with transaction.atomic():
        limit = GroupLimit.objects.select_for_update().filter(group=group).first() or GroupLimit(group=group)
        setattr(limit, name, value)
        if any(getattr(limit, one) is not None for one in LIMITS):
            limit.save()
        elif limit.pk:
            limit.delete()


def show_to_team(gallery: Gallery, shown: bool, by: Person) -> None:
    """As a manager of the gallery could; the audit list has it, too."""
    before = gallery.shared_with_team
    galleries.show_to_team(gallery, shown, by)
    if before != shown:
        audit.record(AuditEntry.Action.CHANGED, gallery, changes={"shared_with_team": [before, shown]})


def set_retention(name: str, days: int | None) -> None:
    retention = Retention.load()
    setattr(retention, name, days)
    retention.save(update_fields=[name])


def delete_group(group: Group) -> None:
    """Raises InvalidInput if the group has spent: its budget and the usage by group need it."""
    if LedgerEntry.objects.filter(groups=group).exists():
        raise InvalidInput(_("This group has spent money, so it stays for the usage by group. Take its people out."))
    group.delete()


def switch_model(model: ImageModel, enabled: bool) -> None:
    model.enabled = enabled
    model.save(update_fields=["enabled"])


def move_model(model: ImageModel, *, up: bool) -> bool:
    """One place up or down among the models that are switched on; tell whether it moved."""
    with transaction.atomic():
        models = list(ImageModel.objects.of_upstream().select_for_update().filter(enabled=True).order_by(*_ORDER))
        place = next((number for number, one in enumerate(models) if one.pk == model.pk), None)
        other = None if place is None else place - 1 if up else place + 1
        if place is None or other is None or not 0 <= other < len(models):
            return False
        positions = [one.position for one in models]
        if len(set(positions)) < len(positions):
            # Several at the same position stand in the order of their labels: number them as they stand.
            positions = [10 * number for number in range(1, len(models) + 1)]
        models[place], models[other] = models[other], models[place]
        for one, position in zip(models, positions, strict=True):
            if one.position != position:
                one.position = position
                one.save(update_fields=["position"])
    return True


_ORDER = ("position", "label", "pk")
