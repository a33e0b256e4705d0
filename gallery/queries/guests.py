"""What guests see of a gallery, and what they chose there."""

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.db.models import Count, Q, QuerySet
from django.utils.translation import ngettext

from gallery.models import Gallery, GalleryEntry, GuestVote, Picture, ShareLink

if TYPE_CHECKING:
    from collections.abc import Iterable

# Names of guests that a tile tells, and that the filter of a gallery offers.
NAMED = 12
LISTED = 100


def entries_for_guests(gallery: int | None) -> "QuerySet[GalleryEntry]":
    """The gallery's entries, in its order by hand."""
    kept = GalleryEntry.objects.filter(gallery=gallery, picture__in=Picture.objects.kept())
    return kept.select_related("picture__generation").order_by("-position", "-pk")


def before(entry: GalleryEntry) -> Q:
    """Which entries come before this one in the order by hand."""
    return Q(position__gt=entry.position) | Q(position=entry.position, pk__gt=entry.pk)


def after(entry: GalleryEntry) -> Q:
    return Q(position__lt=entry.position) | Q(position=entry.position, pk__lt=entry.pk)


def votes_of_guest(link: ShareLink, guest_key: str) -> "QuerySet[GuestVote]":
    """What this guest chose, as far as the link still takes it."""
    votes = GuestVote.objects.filter(link=link, guest_key=guest_key)
    if not link.allow_votes:
        votes = votes.decisions()
    return votes if link.allow_decisions else votes.likes()


def count_votes_of_guest(link: ShareLink, guest_key: str) -> "Counter[str]":
    """How many pictures that are still in the gallery this guest chose, by kind."""
    there = entries_for_guests(link.gallery_id).order_by().values("picture")
    votes = votes_of_guest(link, guest_key).filter(picture__in=there).order_by()
    return Counter(dict(votes.values_list("kind").annotate(Count("pk"))))


# -- for the team


@dataclass
class GuestChoices:
    """What the guests of a gallery chose for one picture."""

    names: dict[str, list[str]] = field(default_factory=dict)

    def add(self, kind: str, guest: str) -> None:
        self.names.setdefault(kind, []).append(guest)

    @property
    def kinds(self) -> list[tuple[str, str, int, str]]:
        """For each kind that was chosen: its name in code, its label, how often, and by whom."""
        return [
            (kind.value, str(kind.label), len(names), _first(names))
            for kind in GuestVote.Kind
            if (names := self.names.get(kind.value))
        ]


def _first(names: list[str]) -> str:
    """The first different names; a guest with a new cookie counts again, under the same name."""
    different = list(dict.fromkeys(names))
    shown = ", ".join(different[:NAMED])
    more = len(different) - NAMED
    if more <= 0:
        return shown
    return ngettext("%(names)s and %(more)d more", "%(names)s and %(more)d more", more) % {"names": shown, "more": more}


def guest_choices(gallery: Gallery, pictures: "Iterable[int]") -> dict[int, GuestChoices]:
    """For each of these pictures that guests of this gallery chose. One query."""
    votes = GuestVote.objects.filter(link__gallery=gallery, picture__in=list(pictures)).order_by("pk")
    choices: dict[int, GuestChoices] = {}
    for picture, kind, guest in votes.values_list("picture", "kind", "guest"):
        choices.setdefault(picture, GuestChoices()).add(kind, guest)
    return choices


def count_choices(gallery: Gallery) -> list[tuple[str, str, int]]:
    """For each kind of choice that guests made here: its name in code, its label, and of how many pictures."""
    counts = dict(votes_in(gallery).order_by().values_list("kind").annotate(Count("picture", distinct=True)))
    return [(kind.value, str(kind.label), counts[kind]) for kind in GuestVote.Kind if counts.get(kind)]


def guest_names(gallery: Gallery) -> list[str]:
    """The names of the guests who chose something in this gallery."""
    names = GuestVote.objects.filter(link__gallery=gallery).order_by("guest").values_list("guest", flat=True)
    return list(names.distinct()[:LISTED])


def votes_in(gallery: Gallery) -> "QuerySet[GuestVote]":
    """All that guests chose for pictures that are still in this gallery, picture by picture."""
    there = entries_for_guests(gallery.pk).order_by().values("picture")
    votes = GuestVote.objects.filter(link__gallery=gallery, picture__in=there)
    return votes.select_related("picture__generation").order_by("picture", "pk")
