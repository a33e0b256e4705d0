"""The studio's account at the upstream: who talks to it now, and whether it may be talked to."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple, Self

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

# Pauses that end when storage is well again, and not by what the upstream says.
STORAGE_CODES = ("storage_unavailable", "storage_full")
# What the row says of a pause while there is none.
NOT_PAUSED: dict[str, Any] = {
    "pause_code": "",
    "pause_message": "",
    "pause_hint": "",
    "paused_at": None,
    "resume_at": None,
}
# Pauses that no answer of the upstream ends, only a person.
BY_HAND = "paused_by_hand"
RESTORED = "restored"
UNTIL_RESUMED = (BY_HAND, RESTORED)
# A resume after that begins to count anew, above all numbers of the time that the database does not know.
NEW_COUNT = 10**9
GOES_ON_WHEN_RESUMED = gettext_noop("It goes on when an administrator resumes it.")


class Lease(NamedTuple):
    """Its holder, its end, and the seconds left by the database's clock; negative if it is over."""

    holder: str
    until: datetime
    seconds_left: float


class UpstreamAccount(models.Model):
    """One row. Its lease lets exactly one engine work at a time; the fence tells a new holder from the last one.

    The lease is taken and compared by the database's clock, because the clocks of several machines may differ.
    """

    holder = models.CharField(max_length=200, blank=True, editable=False)
    lease_until = models.DateTimeField(null=True, blank=True, editable=False)
    fence = models.PositiveBigIntegerField(default=0, editable=False)

    sent_mark = models.PositiveBigIntegerField(
        default=0,
        db_default=0,
        editable=False,
        help_text=gettext_lazy("Counts the commits that requests go out. An older database is told by it."),
    )

    pause_code = models.CharField(max_length=100, blank=True)
    pause_message = models.TextField(blank=True)
    pause_hint = models.TextField(blank=True)
    paused_at = models.DateTimeField(null=True, blank=True)
    resume_at = models.DateTimeField(null=True, blank=True)
    told_at = models.DateTimeField(
        gettext_lazy("administrators notified at"),
        null=True,
        blank=True,
        editable=False,
        help_text=gettext_lazy("About a pause, by e-mail."),
    )
    holds = models.JSONField(
        default=list,
        blank=True,
        editable=False,
        help_text=gettext_lazy("Requests that wait while others go on: those of a model, or those above a price."),
    )
    balance_usd = models.DecimalField(
        gettext_lazy("balance (US dollars)"), max_digits=14, decimal_places=4, null=True, blank=True
    )

    class Meta:
        verbose_name = gettext_lazy("upstream account")
        verbose_name_plural = gettext_lazy("upstream accounts")

    def __str__(self) -> str:
        return _("The upstream account")

    @classmethod
    def load(cls) -> Self:
        return cls.objects.get_or_create(pk=1)[0]

    # -- the lease

    @classmethod
    def look_at_lease(cls) -> "Lease | None":
        """The latest lease, even if it has run out; None if there is none."""
        cls.load()
        row = cls.objects.filter(pk=1).values_list("holder", "lease_until", Now()).get()
        return None if row[1] is None else Lease(row[0], row[1], (row[1] - row[2]).total_seconds())

    @classmethod
    def take_lease(cls, holder: str, seconds: float, *, over: "Lease | None" = None) -> int | None:
        """Become the holder if there is none; return the new fence, or None while another engine holds the lease.

        The lease `over` is ignored if it still stands as it was seen.
        """
        cls.load()
        free = Q(lease_until=None) | Q(lease_until__lt=Now()) if over is None else Q(lease_until=over.until)
        until = Now() + timedelta(seconds=seconds)
        if not cls.objects.filter(free, pk=1).update(holder=holder, lease_until=until, fence=F("fence") + 1):
            return None
        return cls.objects.values_list("fence", flat=True).filter(pk=1, holder=holder).first()

    @classmethod
    def renew_lease(cls, holder: str, fence: int, seconds: float) -> bool:
        mine = cls.objects.filter(pk=1, holder=holder, fence=fence)
        return bool(mine.update(lease_until=Now() + timedelta(seconds=seconds)))

    @classmethod
    def release_lease(cls, holder: str, fence: int) -> None:
        cls.objects.filter(pk=1, holder=holder, fence=fence).update(holder="", lease_until=None)

    @classmethod
    def is_held(cls) -> bool:
        """Whether an engine is alive: the studio's heartbeat."""
        return cls.objects.filter(pk=1, lease_until__gt=Now()).exists()

    # -- what was sent

    @classmethod
    def count_sent(cls) -> int:
        """One more, in the transaction that notes which requests go out; return the number."""
        cls.objects.filter(pk=1).update(sent_mark=F("sent_mark") + 1)
        mark: int = cls.objects.values_list("sent_mark", flat=True).get(pk=1)
        return mark

    @classmethod
    def catch_up(cls, mark: int) -> bool:
        """Tell whether the number was smaller than this. It is so no more."""
        return bool(cls.objects.filter(pk=1, sent_mark__lt=mark).update(sent_mark=mark))

    # -- the pause

    @property
    def is_paused(self) -> bool:
        return bool(self.pause_code)

    @property
    def is_until_resumed(self) -> bool:
        """Whether only a person ends the pause."""
        return self.pause_code in UNTIL_RESUMED

    @classmethod
    def waits_for_resume(cls) -> bool:
        """The same, asked of the database: nothing new is sent then, and what is out is finished."""
        return cls.objects.filter(pk=1, pause_code__in=UNTIL_RESUMED).exists()

    @property
    def is_paused_for_storage(self) -> bool:
        return self.pause_code in STORAGE_CODES

    @property
    def seconds_paused(self) -> int:
        """Until the next try."""
        if self.resume_at is None:
            return 0
        return max(0, round((self.resume_at - timezone.now()).total_seconds()))

    @property
    def seconds_to_hold(self) -> float:
        """The same for an engine that did not begin the pause; at most the whole length of the pause.

        A time that was written before a clock was put back may lie hours ahead.
        """
        if self.resume_at is None or self.paused_at is None:
            return 0.0
        return min(float(self.seconds_paused), (self.resume_at - self.paused_at).total_seconds())

    @classmethod
    def pause(cls, code: str, message: str, hint: str, *, seconds: float, balance_usd: Decimal | None = None) -> None:
        """Hold all requests; the row keeps when it began, so that a longer pause is one pause.

        A pause that waits for a person stays as it is.
        """
        now = timezone.now()
        cls.objects.filter(pk=1).exclude(pause_code__in=UNTIL_RESUMED).update(
            pause_code=code[:100],
            pause_message=message,
            pause_hint=hint,
            paused_at=models.functions.Coalesce(F("paused_at"), now),
            resume_at=now + timedelta(seconds=seconds),
        )
        if balance_usd is not None:
            cls.note_balance(balance_usd)

    @classmethod
    def pause_until_resumed(cls, message: str) -> None:
        """Send nothing more until a person says so. What is on its way is finished."""
        cls.load()
        by_hand = {"pause_code": BY_HAND, "pause_message": message, "pause_hint": GOES_ON_WHEN_RESUMED}
        # After a restore, the pause still says which rows were queued at the time of the backup.
        restored = cls.objects.filter(pk=1, pause_code=RESTORED)
        if not restored.update(pause_message=message):
            cls.objects.filter(pk=1).update(**by_hand, paused_at=timezone.now(), resume_at=None)

    @classmethod
    def pause_as_restored(cls, message: str) -> None:
        """The same for a database that is older than what was sent. It says which rows were queued then."""
        restored = {"pause_code": RESTORED, "pause_message": message, "pause_hint": GOES_ON_WHEN_RESUMED}
        cls.objects.filter(pk=1).update(**restored, paused_at=timezone.now(), resume_at=None)

    @classmethod
    def pause_for_storage(cls, code: str, message: str, hint: str, *, seconds: float) -> bool:
        """Pause because files cannot be stored, unless it is paused for another reason; tell whether it is now."""
        now = timezone.now()
        row = cls.objects.filter(pk=1, pause_code__in=("", *STORAGE_CODES))
        return bool(
            row.update(
                pause_code=code,
                pause_message=message,
                pause_hint=hint,
                paused_at=models.functions.Coalesce(F("paused_at"), now),
                resume_at=now + timedelta(seconds=seconds),
            )
        )

    @classmethod
    def end_storage_pause(cls) -> None:
        cls.objects.filter(pk=1, pause_code__in=STORAGE_CODES).update(**NOT_PAUSED)

    @classmethod
    def is_worth_telling(cls, silence: timedelta) -> bool:
        """Whether a pause has lasted this long without a message to administrators. If so, note that one goes out."""
        now = timezone.now()
        news = Q(told_at=None) | Q(told_at__lt=now - silence)
        told_already = ("", BY_HAND)
        return bool(cls.objects.filter(news, pk=1).exclude(pause_code__in=told_already).update(told_at=now))

    @classmethod
    def end_pause(cls) -> None:
        """The upstream answers again."""
        cls.objects.filter(pk=1).exclude(pause_code__in=("", *UNTIL_RESUMED)).update(**NOT_PAUSED)

    @classmethod
    def resume(cls) -> None:
        """Let everything go on, as an administrator says: the account, and what is held while others go on."""
        cls.objects.filter(pk=1, pause_code=RESTORED).update(sent_mark=F("sent_mark") + NEW_COUNT)
        cls.objects.filter(pk=1).update(**NOT_PAUSED, holds=[])

    @classmethod
    def note_balance(cls, balance_usd: Decimal) -> None:
        cls.objects.filter(pk=1).update(balance_usd=balance_usd)
