"""Generations as a set: reads, and changes of many rows at once."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

from django.db import models
from django.db.models import Count, Exists, F, Max, OuterRef, Q, Subquery, Window
from django.db.models.functions import Coalesce, RowNumber
from django.utils import timezone

from gallery.models.gallery import Gallery, GalleryEntry
from gallery.models.states import POLLED, UNDER_WAY, State

if TYPE_CHECKING:
    from gallery.models.generation import Generation
    from gallery.models.person import Person


def count_of(rows: "models.QuerySet[Any]", by: str) -> Coalesce:
    """The number of these rows as a column. An OuterRef ties them to the outer row, and `by` is the same for all."""
    return Coalesce(Subquery(rows.order_by().values(by).annotate(total=Count("pk")).values("total")), 0)


# No row is put off for longer than this. A row that is due later was written before a clock was put back.
LONGEST_WAIT = timedelta(minutes=15)


# A condition that leaves nothing out.
NONE = Q()


def _is_due(now: datetime) -> Q:
    return Q(due_at__lte=now) | Q(due_at__gt=now + LONGEST_WAIT)


class GenerationQuerySet(models.QuerySet["Generation"]):
    # -- reading

    def visible_to(self, person: "Person") -> Self:
        """A person's own, and those in a gallery that this person may see, or under way for one."""
        galleries = Gallery.objects.visible_to(person)
        shown = GalleryEntry.objects.filter(
            picture__generation=OuterRef("pk"), picture__trashed_at=None, gallery__in=galleries
        )
        # Once it has pictures, it is visible only while one of them is in such a gallery.
        being_made = Q(gallery__in=galleries) & ~Q(state=State.COMPLETED)
        return self.filter(Q(author=person) | being_made | Exists(shown))

    def asked_for(self) -> Self:
        """All but the rows behind pictures that people brought, or adjusted here: of those nothing was asked."""
        return self.exclude(kind__in=["upload", "adjusted"])

    def under_way(self) -> Self:
        return self.filter(state__in=UNDER_WAY)

    def not_seen_by_author(self, person: "Person") -> Self:
        return self.filter(author=person, is_new=True)

    def in_feed(self) -> Self:
        return self.filter(dismissed=False)

    def ready_to_send(self, without: Q) -> Self:
        """Queued and due, except for those that `without` describes; an empty one describes none.

        Nothing is sent, and so paid, for a person who is switched off.
        """
        due = self.filter(state=State.QUEUED, author__is_active=True).filter(Q(due_at=None) | _is_due(timezone.now()))
        return due.exclude(without) if without else due

    def next_fairly(self, limit: int, sending_each: int = 1024, without: Q = NONE) -> list["Generation"]:
        """The queued ones to send next: each person's oldest first, and people with the least under way come first.

        Of one person, at most `sending_each` are being sent at once.
        """
        sent = self.model.objects.filter(
            author=OuterRef("author"), state__in=(State.SUBMITTING, State.PENDING, State.PROCESSING)
        )
        sending = self.model.objects.filter(author=OuterRef("author"), state=State.SUBMITTING)
        turn = Window(RowNumber(), partition_by=F("author"), order_by=F("id").asc())
        return list(
            self.ready_to_send(without)
            .annotate(place=turn, turn=turn + count_of(sent, by="author"), sending=count_of(sending, by="author"))
            .filter(place__lte=sending_each - F("sending"))
            .select_related("model", "author")
            .order_by("turn", "id")[:limit]
        )

    def next_to_probe(self, without: Q) -> "Generation | None":
        """The queued one that tells best whether the account is served again, after it was turned away.

        The model that was refused longest ago, or never, goes first; then such a request, the cheapest, such a person.
        """

        def latest(of: str) -> Window:
            return Window(Max("refused_at"), partition_by=F(of))

        longest_ago = [F(name).asc(nulls_first=True) for name in ("of_model", "refused_at")]
        cheapest, person = F("estimated_cost").asc(nulls_last=True), F("of_person").asc(nulls_first=True)
        return (
            self.ready_to_send(without)
            .annotate(of_model=latest("model"), of_person=latest("author"))
            .select_related("model", "author")
            .order_by(*longest_ago, cheapest, person, "id")
            .first()
        )

    def to_poll(self, now: datetime) -> Self:
        """What the upstream should be asked about, including tasks of generations that were cancelled or failed."""
        return (
            self.filter(_is_due(now), state__in=POLLED)
            .exclude(task_id="")
            .select_related("model")
            .defer("prompt", "results")
        )

    def waiting_for_ingest(self, now: datetime) -> Self:
        """Delivered, but no task has begun to fetch the pictures in time."""
        return self.filter(_is_due(now), state=State.SAVING)

    def free_to_ingest(self, now: datetime) -> Self:
        """Delivered, and no process fetches the pictures."""
        is_over = Q(ingest_until__lte=now) | Q(ingest_until__gt=now + LONGEST_WAIT)
        return self.filter(Q(ingest_until=None) | is_over, state=State.SAVING)

    def task_durations(self, model_id: int, latest: int) -> list[tuple[float, float]]:
        """For the model's latest tasks: seconds from acceptance to the last “not done”, and to the result."""
        done = self.filter(model=model_id, state=State.COMPLETED).order_by("-finished_at")
        times = done.values_list("accepted_at", "unfinished_at", "delivered_at")[:latest]
        return [
            ((unfinished - accepted).total_seconds() if unfinished else 0.0, (delivered - accepted).total_seconds())
            for accepted, unfinished, delivered in times
            if accepted and delivered
        ]

    # -- changing

    def stop_looking_after(self, accepted_before: datetime) -> int:
        """Expect nothing more from rows that have ended and were accepted before this moment, or never."""
        over = Q(accepted_at__lt=accepted_before) | Q(accepted_at=None) | Q(task_id="")
        ended = self.filter(due_at__lte=timezone.now(), state__in=(State.CANCELLED, State.FAILED))
        return ended.filter(over).update(due_at=None)

    def move(self, to: State, *, from_: Iterable[State], **changes: Any) -> int:
        """Move the rows in one of the states `from_` to state `to`, with `changes`. Return the number of rows."""
        return self.filter(state__in=tuple(from_)).update(state=to, version=F("version") + 1, **changes)
