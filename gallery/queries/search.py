"""Finds a page of pictures among very many, at about the same cost however many there are and whatever is asked.

A database that is given all conditions at once has to guess which of them few pictures meet, and a wrong guess costs a
look at every picture there is. So it is not left to guess:

1. A condition that has an index of its own is asked for its pictures; if they are few, only they are looked at.
2. Otherwise what is wanted is common, and stands soon among what the person sees: from where the page begins, the next
   few thousand of those are looked at, in their order, until a page is full.
3. If too little of that is it, the index of the words is asked; then the condition that the fewest meet; and last, the
   look goes further and further.

Pages go on from a place (keyset), not from a number: a page far back costs as much as the first, and nothing is listed
twice or left out when pictures arrive meanwhile.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import cached_property
from math import isfinite
from typing import Any, Literal

from django.db import connection, models
from django.db.models import Exists, F, FilteredRelation, Max, Min, OuterRef, Q, Subquery
from django.db.models.lookups import IsNull
from django.utils import timezone

from gallery.db import search_index
from gallery.models import Gallery, GalleryEntry, Mark, Person, Picture, Tag

# So many pictures are looked at one by one without a second thought, in a few milliseconds.
FEW = 3_000
# For each picture that is wanted, so many are looked at first.
EACH = 40
# The same where nothing is asked of them: only what is in the trash is left out.
EACH_KEPT = 4
# Where that found too little, so many are looked at before everything is.
MORE = 30_000
# Up to here pictures are counted, if they are counted at all.
COUNTED = 1_000

Row = tuple[Any, ...]


class Sort(models.TextChoices):
    NEWEST = "newest", "Newest"
    OLDEST = "oldest", "Oldest"
    RATED = "rated", "Best rated"
    HAND = "hand", "By hand"


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchQuery:
    """What somebody looks for. What is empty may be anything."""

    words: tuple[str, ...] = ()
    model: int | None = None
    author: int | None = None
    # In this one also, beside the gallery that is looked into.
    gallery: int | None = None
    # A name in any case.
    tag: str = ""
    # The first and the last day, both included.
    since: date | None = None
    until: date | None = None
    favourite: bool = False
    rating: int | None = None
    shape: str = ""
    # What was decided on it in the gallery that is looked into.
    status: str = ""
    sort: Sort = Sort.NEWEST


@dataclass(frozen=True, slots=True)
class _Order:
    by: Literal["pk", "rating", "hand"]
    ascending: bool = False

    @property
    def reversed(self) -> "_Order":
        return _Order(self.by, not self.ascending)


_ORDERS = {
    Sort.NEWEST: _Order("pk"),
    Sort.OLDEST: _Order("pk", ascending=True),
    Sort.RATED: _Order("rating"),
    Sort.HAND: _Order("hand"),
}
_NEWEST = _ORDERS[Sort.NEWEST]


@dataclass(frozen=True, slots=True)
class SearchPage:
    ids: list[int]
    # The place after which the next page begins; empty if this was the last one.
    after: str


@dataclass(slots=True)
class ScanRange:
    """The ids of some of the pictures that a person sees, in the order asked for, without looking at the pictures."""

    ids: "models.QuerySet[Any, Any]"
    # What else makes a picture of this lane one that is wanted.
    conditions: list[Any] = field(default_factory=list)


class IdIn(models.Func):
    """Whether the id is one of these, which are few: they are gathered first, whatever else there is to look at."""

    output_field = models.BooleanField()

    def __init__(self, ids: "models.QuerySet[Any, Any] | Sequence[int]") -> None:
        self.ids = None if isinstance(ids, models.QuerySet) else list(ids)
        super().__init__(F("pk"), *([Subquery(ids)] if isinstance(ids, models.QuerySet) else []))

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, tuple[Any, ...]]:
        return self._compile(compiler, "{0} IN {1}", "{0} IN (SELECT value FROM json_each(%s))", str(self.ids))

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, tuple[Any, ...]]:
        return self._compile(compiler, "{0} = ANY(ARRAY{1})", "{0} = ANY(%s)", self.ids)

    def _compile(self, compiler: Any, query: str, values: str, ids: Any) -> tuple[str, tuple[Any, ...]]:
        """With a query, or with a single parameter, however many ids there are."""
        sql, params = zip(*(compiler.compile(one) for one in self.source_expressions), strict=True)
        template = query if len(sql) > 1 else values
        return template.format(*sql), (*(value for some in params for value in some), *(() if len(sql) > 1 else (ids,)))


class PictureSearch:
    """What of the pictures that a person sees, or of those in one gallery, is what is wanted.

    `visible`: the ids of the galleries that this person may look at. `gallery`: one of them, to look into it alone.
    """

    def __init__(
        self, person: Person, wanted: SearchQuery, *, visible: Sequence[int] = (), gallery: Gallery | None = None
    ) -> None:
        self.person, self.wanted, self.gallery = person, wanted, gallery
        self.visible = list(visible)
        if wanted.sort == Sort.HAND and gallery is None:
            raise ValueError("By hand pictures are sorted in a gallery only.")

    def page(self, limit: int, after: str = "") -> SearchPage:
        """The next `limit` pictures after this place; nonsense is the beginning."""
        rows = self._page(self._place(after), limit + 1)
        last = rows[limit - 1][: self._keys] if len(rows) > limit else ()
        return SearchPage([row[-1] for row in rows[:limit]], "~".join(str(value) for value in last))

    def beside(self, picture: Picture, limit: int) -> tuple[list[int], list[int]]:
        """Up to `limit` pictures before this one and after it, in the order of the list.

        One that the filters leave out, now or ever, stands where it would stand; one that is not in the gallery has
        nothing beside it.
        """
        place = self._place_of(picture)
        if place is None:
            return [], []
        before = [row[-1] for row in self._page(place, limit, back=True)]
        return before[::-1], [row[-1] for row in self._page(place, limit)]

    def count(self) -> int:
        """How many there are; one more than COUNTED if there are more."""
        found = self.page(COUNTED)
        return len(found.ids) + bool(found.after)

    def tags(self, most: int) -> list[str]:
        """The names of tags that the latest few thousand pictures have which the person sees."""
        tagged = Tag.pictures.through._default_manager
        lanes = self._ranges(_NEWEST, None)
        tags = {
            tag for lane in lanes for tag in tagged.filter(picture__in=lane.ids[:FEW]).values_list("tag").distinct()
        }
        names = Tag.objects.filter(pk__in=[pk for (pk,) in tags]).order_by("name").values_list("name", flat=True)
        return list(names[:most])

    # -- places

    def _place_of(self, picture: Picture) -> Row | None:
        if self.wanted.sort == Sort.HAND:
            return self._entries.filter(picture=picture).values_list("position", "pk").first()
        if self.wanted.sort == Sort.RATED:
            rating = self._marks.filter(picture=picture).values_list("rating", flat=True).first()
            return (rating or 0, picture.pk)
        return (picture.pk,)

    @property
    def _keys(self) -> int:
        return 2 if self.wanted.sort in (Sort.RATED, Sort.HAND) else 1

    def _place(self, after: str) -> Row | None:
        """The values that a page begins after, read from an address."""
        texts = after.split("~")
        if len(texts) != self._keys or not texts[-1].isdecimal() or len(texts[-1]) > 18:
            return None
        if self._keys == 1:
            return (int(texts[0]),)
        try:
            first = float(texts[0])
        except ValueError:
            return None
        return (first, int(texts[1])) if isfinite(first) else None

    @staticmethod
    def _after(place: Row | None, *names: str, ascending: bool = False) -> Q:
        if place is None:
            return Q()
        less = "gt" if ascending else "lt"
        last = Q(**{f"{names[-1]}__{less}": place[-1]})
        if len(names) == 1:
            return last
        # The first condition says nothing new; it is what an index can begin at.
        return Q(**{f"{names[0]}__{less}e": place[0]}) & (Q(**{f"{names[0]}__{less}": place[0]}) | last)

    # -- looking

    def _page(self, place: Row | None, want: int, *, back: bool = False) -> list[Row]:
        """The next `want` rows after this place; `back`: those before it, the nearest first."""
        order = _ORDERS[self.wanted.sort].reversed if back else _ORDERS[self.wanted.sort]
        if self.wanted.sort != Sort.RATED:
            return self._rows(order, place, want)
        # What has no rating comes last, the newest first.
        here = place is None or place[0] != 0
        if back:
            parts = [(True, place)] if here else [(False, place[1:] if place else None), (True, None)]
        else:
            parts = [(True, place), (False, None)] if here else [(False, place[1:] if place else None)]
        rows: list[Row] = []
        for is_rated, begin in parts:
            missing = want - len(rows)
            if missing and is_rated:
                rows += self._rows(order, begin, missing)
            elif missing and not self.wanted.rating:
                rest = self._rows(_Order("pk", order.ascending), begin, missing, rated=False)
                rows += [(0, *row) for row in rest]
        return rows

    def _rows(self, order: _Order, place: Row | None, want: int, *, rated: bool | None = None) -> list[Row]:
        """Up to `want` rows; fewer are all that there are."""
        words = [search_index.contains(word) for word in self.wanted.words]
        conditions = [*words, *self._conditions]
        if rated is False:
            conditions.append(~Exists(self._marks.filter(rating__isnull=False, picture=OuterRef("pk"))))
        few: Any = self._few
        if few is None:
            lanes = self._ranges(order, place)
            depth = min(want * (EACH if conditions else EACH_KEPT), MORE)
            rows = self._walk(order, lanes, conditions, want, [depth])
            if rows is None and self._dates:
                place = self._skip_to_dates(order, place)
                lanes = self._ranges(order, place)
                rows = self._walk(order, lanes, conditions, want, [depth])
            if rows is not None:
                return rows
            few = self._few_by_words
            if few is not None:
                conditions = conditions[len(words) :]
            else:
                few = self._fewest
            if few is None:
                return self._walk(order, lanes, conditions, want, [MORE, None]) or []
        after = self._after(place, *self._names(order), ascending=order.ascending)
        if order.by == "rating":
            after &= Q(mine__rating__isnull=False)
        return self._look(order, few, [*conditions, self._is_seen, after], want)

    def _walk(
        self, order: _Order, lanes: list[ScanRange], conditions: list[Any], want: int, depths: Sequence[int | None]
    ) -> list[Row] | None:
        """Look along the lanes; None if one goes on, and too little was found as far as it was looked along."""
        found: set[Row] = set()
        for lane in lanes:
            for depth in depths:
                rows = self._look(order, lane.ids[:depth], [*conditions, *lane.conditions], want)
                if len(rows) == want or depth is None:
                    break
                if lane.ids[: depth + 1].count() <= depth:
                    break
            else:
                return None
            found.update(rows)
        return sorted(found, reverse=not order.ascending)[:want]

    def _look(
        self, order: _Order, among: "models.QuerySet[Any, Any] | Sequence[int]", conditions: list[Any], want: int
    ) -> list[Row]:
        """Up to `want` of these ids' pictures, in order, that meet the conditions."""
        pictures = Picture.objects.kept()
        if order.by == "hand":
            pictures = pictures.annotate(place=FilteredRelation("entries", condition=Q(entries__gallery=self.gallery)))
        elif order.by == "rating":
            pictures = pictures.annotate(mine=FilteredRelation("marks", condition=Q(marks__person=self.person)))
        names = self._names(order)
        by = names if order.ascending else [f"-{name}" for name in names]
        values = names if names[-1] == "pk" else [*names, "pk"]
        return list(pictures.filter(IdIn(among), *conditions).order_by(*by).values_list(*values)[:want])

    @staticmethod
    def _names(order: _Order) -> list[str]:
        """What pictures are sorted by."""
        if order.by == "hand":
            return ["place__position", "place__pk"]
        return ["mine__rating", "pk"] if order.by == "rating" else ["pk"]

    # -- what is looked along

    def _ranges(self, order: _Order, place: Row | None) -> list[ScanRange]:
        ascending, sign = order.ascending, "" if order.ascending else "-"
        if order.by == "rating":
            rated = self._marks.filter(
                self._after(place, "rating", "picture", ascending=ascending), rating__isnull=False
            )
            return [ScanRange(rated.order_by(f"{sign}rating", f"{sign}picture").values("picture"), [self._is_seen])]
        if order.by == "hand":
            entries = self._entries.filter(self._after(place, "position", "pk", ascending=ascending))
            return [ScanRange(entries.order_by(f"{sign}position", f"{sign}pk").values("picture"))]
        if self.gallery:
            entries = self._entries.filter(self._after(place, "picture", ascending=ascending))
            return [ScanRange(entries.order_by(f"{sign}picture").values("picture"))]
        lanes = []
        if self.wanted.author in (None, self.person.pk):
            own = Picture.objects.filter(self._after(place, "pk", ascending=ascending), author=self.person)
            lanes.append(ScanRange(own.order_by(f"{sign}pk").values("pk")))
        if self.wanted.author != self.person.pk:
            shown = self._shown.filter(self._after(place, "picture", ascending=ascending))
            lanes.append(ScanRange(shown.order_by(f"{sign}picture").values("picture")))
        return lanes

    @property
    def _entries(self) -> "models.QuerySet[GalleryEntry]":
        return GalleryEntry.objects.filter(gallery=self.gallery)

    @property
    def _marks(self) -> "models.QuerySet[Mark]":
        return Mark.objects.filter(person=self.person)

    @cached_property
    def _shown(self) -> "models.QuerySet[GalleryEntry]":
        """The entries of the galleries that the person may look at."""
        galleries = [self.wanted.gallery] if self.wanted.gallery else self.visible
        entries = GalleryEntry.objects.filter(gallery__in=galleries)
        if connection.vendor == "sqlite" and len(galleries) > 1 and entries.order_by()[:MORE].count() == MORE:
            # Left alone, it would gather and sort all of them for each page. A sum has no index, so it goes along the
            # pictures instead, most of which are in one of these galleries.
            entries = GalleryEntry.objects.alias(hall=F("gallery") + 0).filter(hall__in=galleries)
        return entries

    @cached_property
    def _is_seen(self) -> Any:
        """That a picture is one of those that are looked among."""
        of_picture = GalleryEntry.objects.filter(picture=OuterRef("pk"))
        if self.gallery:
            return Exists(of_picture.filter(gallery=self.gallery))
        # By EXISTS, PostgreSQL would gather all that the person is shown, however few there are to look at.
        shown = Subquery(of_picture.filter(gallery__in=self.visible).values("pk")[:1])
        return Q(author=self.person) | IsNull(shown, False)

    # -- what is wanted

    @cached_property
    def _conditions(self) -> list[Any]:
        """Of each picture, by itself, beside its words."""
        wanted = self.wanted
        conditions: list[Any] = []
        plain = {"model": wanted.model, "author": wanted.author, "shape": wanted.shape}
        conditions += [Q(**{name: value}) for name, value in plain.items() if value]
        conditions += [condition for condition in (self._dates,) if condition]
        conditions += [Exists(rows.filter(picture=OuterRef("pk"))) for rows in self._relations]
        return conditions

    @cached_property
    def _relations(self) -> "list[models.QuerySet[Any]]":
        """What else there has to be about a picture: rows that name it as their `picture`."""
        wanted, relations = self.wanted, []
        if wanted.tag:
            tags = Tag.objects.filter(name__iexact=wanted.tag)
            relations.append(Tag.pictures.through._default_manager.filter(tag__in=list(tags)))
        if wanted.favourite:
            relations.append(self._marks.filter(favourite=True))
        if wanted.rating:
            relations.append(self._marks.filter(rating__gte=wanted.rating))
        if wanted.status and self.gallery:
            relations.append(self._entries.filter(status=wanted.status))
        if wanted.gallery:
            relations.append(GalleryEntry.objects.filter(gallery=wanted.gallery))
        return relations

    @cached_property
    def _dates(self) -> Q:
        between = Q()
        if self.wanted.since:
            between &= Q(created_at__gte=_midnight(self.wanted.since))
        if self.wanted.until:
            between &= Q(created_at__lt=_midnight(self.wanted.until + timedelta(days=1)))
        return between

    def _skip_to_dates(self, order: _Order, place: Row | None) -> Row | None:
        """Begin where the days asked for do, instead of looking through all that came after them, or before."""
        if not self._dates or order.by != "pk":
            return place
        edge = Min("pk") if order.ascending else Max("pk")
        pk = Picture.objects.filter(self._dates).aggregate(edge=edge)["edge"]
        if pk is None:
            return place
        # The place is the one before.
        if not order.ascending:
            return (min(pk + 1, place[0]) if place else pk + 1,)
        return (max(pk - 1, place[0]) if place else pk - 1,)

    @cached_property
    def _sources(self) -> "list[models.QuerySet[Any, Any]]":
        """For each condition that has an index of its own, the ids of the pictures that meet it."""
        sources: list[models.QuerySet[Any, Any]] = [rows.order_by().values("picture") for rows in self._relations]
        wanted, pictures = self.wanted, Picture.objects.order_by().values("pk")
        plain = {"author": wanted.author, "model": wanted.model, "shape": wanted.shape}
        sources += [pictures.filter(**{name: value}) for name, value in plain.items() if value]
        return [*sources, *([pictures.filter(self._dates)] if self._dates else [])]

    @cached_property
    def _few(self) -> list[int] | None:
        """The pictures that meet one of the conditions, if there is one that few meet."""
        for source in self._sources:
            if source[: FEW + 1].count() <= FEW:
                return [pk for row in source for pk in row.values()]
        return None

    @cached_property
    def _fewest(self) -> "models.QuerySet[Any, Any] | None":
        """Those that meet the condition that the fewest meet, unless those are very many."""
        counts = [source[:MORE].count() for source in self._sources]
        return self._sources[counts.index(min(counts))] if counts and min(counts) < MORE else None

    @cached_property
    def _few_by_words(self) -> list[int] | None:
        return search_index.few(self.wanted.words, FEW) if self.wanted.words else None


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))
