"""What administrators and operators do to the studio as a whole: pause and resume it, see what waits, check media."""

import socket
from dataclasses import dataclass
from decimal import Decimal

from django.db import transaction
from django.db.models import Count, QuerySet, Sum
from django.utils.translation import gettext_noop

from gallery.enqueue import enqueue_media_check
from gallery.models import Generation, MediaCheck, State, UpstreamAccount
from gallery.models.media_check import REMEMBERED
from gallery.services import audit


@dataclass(frozen=True, slots=True)
class Waiting:
    """Requests that a resume sends, and their price in US dollars as far as it is known."""

    count: int
    cost: Decimal


def pause(who: str, reason: str = "") -> None:
    """Send nothing more until `resume`. What is on its way is finished."""
    reason = reason.strip()
    text = gettext_noop("%(who)s paused it: %(reason)s") if reason else gettext_noop("%(who)s paused it.")
    UpstreamAccount.pause_until_resumed(text % {"who": who, "reason": reason})
    audit.record_command(UpstreamAccount.load(), f"Paused. {reason}".strip())


def resume() -> None:
    UpstreamAccount.resume()
    audit.record_command(UpstreamAccount.load(), "Resumed.")


def queued_before_pause() -> QuerySet[Generation]:
    """What was queued when the pause began; after a restore, what was queued when the backup was made."""
    paused_at = UpstreamAccount.load().paused_at
    queued = Generation.objects.filter(state=State.QUEUED)
    return queued.filter(created_at__lte=paused_at) if paused_at else queued.none()


def waiting() -> Waiting:
    told = queued_before_pause().aggregate(count=Count("pk"), cost=Sum("estimated_cost"))
    return Waiting(told["count"], told["cost"] or Decimal(0))


def cancel_queued() -> int:
    """Cancel what was queued when the pause began; return how many. Nothing of it was sent."""
    pks = list(queued_before_pause().values_list("pk", flat=True))
    return sum(Generation(pk=pk).withdraw() for pk in pks)


def check_media(*, with_hash: bool) -> bool:
    """Have the media checked in the background; False if a check is running already. Only the latest are remembered."""
    with transaction.atomic():
        # One after the other, if two ask at once.
        UpstreamAccount.objects.select_for_update().filter(pk=UpstreamAccount.load().pk).first()
        if MediaCheck.objects.filter(finished_at=None).exists():
            return False
        check = MediaCheck.objects.create(with_hash=with_hash)
        latest = list(MediaCheck.objects.values_list("pk", flat=True)[:REMEMBERED])
        MediaCheck.objects.exclude(pk__in=latest).delete()
        enqueue_media_check(check.pk)
    return True


def on_their_way() -> int:
    """Requests that were sent and have no answer yet. To cut them off would leave their outcome unknown."""
    return Generation.objects.filter(state=State.SUBMITTING).count()


def on_their_way_from_here() -> int:
    """The same, if a process on this machine sends them."""
    here = UpstreamAccount.objects.filter(pk=1, holder__startswith=f"{socket.gethostname()}:")
    return on_their_way() if here.exists() else 0
