"""Finds a page of pictures among very many, at about the same cost for any number of pictures and any conditions.

A database that gets all conditions at once has to guess which of them few pictures meet. A wrong guess costs a look at
every picture. So `PictureSearch` chooses the plan itself; its docstring has the strategies, and
docs/adr/0006-keyset-search.md the evidence.

A page begins after a place in the list (keyset), not after a number of pictures. So a late page costs as much as the
first, and new pictures neither repeat nor hide another one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import cached_property
from math import isfinite
from typing import Any, Literal

from django.db import models
from django.db.models import Exists, F, FilteredRelation, Max, Min, OuterRef, Q, Subquery
from django.db.models.lookups import IsNull
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from gallery.db import search_index
from gallery.models import Gallery, GalleryEntry, GuestVote, Mark, Person, Picture, Tag

# A condition that at most this many pictures meet is asked for them first. To look at them takes a few milliseconds.
FEW_IDS = 3_000
# The first scan looks at this many pictures for each one that the page needs.
SCAN_PER_RESULT = 40
# The same without conditions: only pictures in the trash are left out.
SCAN_PER_RESULT_UNFILTERED = 4
# A scan that found too little goes this far before it looks at everything.
SCAN_LIMIT = 30_000
# Pictures are counted up to here.
COUNT_LIMIT = 100_000

Row = tuple[Any, ...]


class Sort(models.TextChoices):
    NEWEST = "newest", _("Newest")
    OLDEST = "oldest", _("Oldest")
    RATED = "rated", _("Best rated")
    HAND = "hand", _("By hand")


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchQuery:
    """What a person looks for. An empty field sets no condition."""

    words: tuple[str, ...] = ()
    model: int | None = None
    author: int | None = None
    # A second gallery, beside the one that is searched.
    gallery: int | None = None
    # A name, in upper or lower case.
    tag: str = ""
    # The first and the last day, both included.
    since: date | None = None
    until: date | None = None
    favourite: bool = False
    rating: int | None = None
    shape: str = ""
    kind: str = ""
    # The decision in the gallery that is searched.
    status: str = ""
    # What guests chose in the gallery that is searched, and the name of one of them.
    choice: str = ""
    guest: str = ""
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
    """Ids of pictures that a person sees, in the order asked for, read from an index and not from the pictures."""

    ids: "models.QuerySet[Any, Any]"
    # Further conditions that a picture of this range has to meet.
    conditions: list[Any] = field(default_factory=list)


class IdIn(models.Func):
    """Whether the id is one of these. They are few, so the database gathers them first, before all other conditions."""

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
    """The pictures that a person sees, or those of one gallery, that meet the conditions of a query.

    `visible`: ids of the galleries that this person may look at. `gallery`: one of them, to search it alone.

    `_rows` tries these strategies in this order. Each query looks at a bounded number of rows, but for the last:

        strategy              when                                        looks at
        --------------------  ------------------------------------------  -------------------------------------------
        few by a condition    a condition with an index of its own is     these pictures (`_few_by_condition`)
                              met by at most FEW_IDS pictures
        first scan            always next: conditions are common then,    SCAN_PER_RESULT ids of each scan range for
                              so a page is soon full                      each result (`_scan`)
        scan from the dates   the first scan found too little, and days   the same, from the first picture of those
                              are asked for                               days on (`_skip_to_dates`)
        few by words          still too little, and at most FEW_IDS       these pictures (`_few_by_words`)
                              pictures have the words
        smallest source       still too little, and a condition is met    these pictures (`_smallest_source`)
                              by less than SCAN_LIMIT pictures
        full scan             nothing else is left                        SCAN_LIMIT ids, then all
    """

    def __init__(
        self, person: Person, query: SearchQuery, *, visible: Sequence[int] = (), gallery: Gallery | None = None
    ) -> None:
        self.person, self.query, self.gallery = person, query, gallery
        self.visible = list(visible)
        if query.sort == Sort.HAND and gallery is None:
            raise ValueError("By hand pictures are sorted in a gallery only.")

    def page(self, limit: int, after: str = "") -> SearchPage:
        """The next `limit` pictures after this place. A place that makes no sense is the beginning."""
        rows = self._page(self._place(after), limit + 1)
        last = rows[limit - 1][: self._keys] if len(rows) > limit else ()
        return SearchPage([row[-1] for row in rows[:limit]], "~".join(str(value) for value in last))

    def adjacent(self, picture: Picture, limit: int) -> tuple[list[int], list[int]]:
        """Up to `limit` pictures before this one and after it, in the order of the list.

        A picture that the filters leave out stands where it would stand without them. One that is not in the gallery
        has nothing before or after it.
        """
        place = self._place_of(picture)
        if place is None:
            return [], []
        before = [row[-1] for row in self._page(place, limit, back=True)]
        return before[::-1], [row[-1] for row in self._page(place, limit)]

    def count(self) -> int:
        """How many there are; one more than COUNT_LIMIT if there are more."""
        words = [search_index.Matches(self.query.words)] if self.query.words else []
        few: Any = self._entries.values("picture") if self.gallery else self._few_by_condition
        some = [] if few is None else [IdIn(few)]
        found = Picture.objects.kept().filter(*some, *words, *self._conditions, self._is_seen)
        return found[: COUNT_LIMIT + 1].count()

    def tags(self, most: int) -> list[str]:
        """The names of the tags of the latest FEW_IDS pictures in each scan range."""
        tagged = Tag.pictures.through._default_manager
        ranges = self._ranges(_NEWEST, None)
        tags = {
            tag
            for scan in ranges
            for tag in tagged.filter(picture__in=scan.ids[:FEW_IDS]).values_list("tag").distinct()
        }
        names = Tag.objects.filter(pk__in=[pk for (pk,) in tags]).order_by("name").values_list("name", flat=True)
        return list(names[:most])

    # -- places

    def _place_of(self, picture: Picture) -> Row | None:
        if self.query.sort == Sort.HAND:
            return self._entries.filter(picture=picture).values_list("position", "pk").first()
        if self.query.sort == Sort.RATED:
            rating = self._marks.filter(picture=picture).values_list("rating", flat=True).first()
            return (rating or 0, picture.pk)
        return (picture.pk,)

    @property
    def _keys(self) -> int:
        return 2 if self.query.sort in (Sort.RATED, Sort.HAND) else 1

    def _place(self, after: str) -> Row | None:
        """The sort values after which a page begins, read from an address."""
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
        # The first condition follows from the second. It is there so that an index can begin at it.
        return Q(**{f"{names[0]}__{less}e": place[0]}) & (Q(**{f"{names[0]}__{less}": place[0]}) | last)

    # -- finding rows

    def _page(self, place: Row | None, want: int, *, back: bool = False) -> list[Row]:
        """The next `want` rows after this place; `back`: those before it, the nearest first."""
        order = _ORDERS[self.query.sort].reversed if back else _ORDERS[self.query.sort]
        if self.query.sort != Sort.RATED:
            return self._rows(order, place, want)
        # Pictures without a rating come last, the newest first.
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
            elif missing and not self.query.rating:
                rest = self._rows(_Order("pk", order.ascending), begin, missing, rated=False)
                rows += [(0, *row) for row in rest]
        return rows

    def _rows(self, order: _Order, place: Row | None, want: int, *, rated: bool | None = None) -> list[Row]:
        """Up to `want` rows. If there are fewer, these are all."""
        words = [search_index.contains(word) for word in self.query.words]
        conditions = [*words, *self._conditions]
        if rated is False:
            conditions.append(~Exists(self._marks.filter(rating__isnull=False, picture=OuterRef("pk"))))
        few: Any = self._few_by_condition
        if few is None:
            ranges = self._ranges(order, place)
            depth = min(want * (SCAN_PER_RESULT if conditions else SCAN_PER_RESULT_UNFILTERED), SCAN_LIMIT)
            rows = self._scan(order, ranges, conditions, want, [depth])
            if rows is None and self._dates:
                place = self._skip_to_dates(order, place)
                ranges = self._ranges(order, place)
                rows = self._scan(order, ranges, conditions, want, [depth])
            if rows is not None:
                return rows
            few = self._few_by_words
            if few is not None:
                conditions = conditions[len(words) :]
            else:
                few = self._smallest_source
            if few is None:
                return self._scan(order, ranges, conditions, want, [SCAN_LIMIT, None]) or []
        after = self._after(place, *self._names(order), ascending=order.ascending)
        if order.by == "rating":
            after &= Q(mine__rating__isnull=False)
        return self._fetch(order, few, [*conditions, self._is_seen, after], want)

    def _scan(
        self, order: _Order, ranges: list[ScanRange], conditions: list[Any], want: int, depths: Sequence[int | None]
    ) -> list[Row] | None:
        """Scan each range to the first depth that finds enough. None if a range goes on after the last depth."""
        found: set[Row] = set()
        for scan in ranges:
            for depth in depths:
                rows = self._fetch(order, scan.ids[:depth], [*conditions, *scan.conditions], want)
                if len(rows) == want or depth is None:
                    break
                if scan.ids[: depth + 1].count() <= depth:
                    break
            else:
                return None
            found.update(rows)
        return sorted(found, reverse=not order.ascending)[:want]

    def _fetch(
        self, order: _Order, ids: "models.QuerySet[Any, Any] | Sequence[int]", conditions: list[Any], want: int
    ) -> list[Row]:
        """Up to `want` pictures with these ids that meet the conditions, in order."""
        pictures = Picture.objects.kept()
        if order.by == "hand":
            pictures = pictures.annotate(place=FilteredRelation("entries", condition=Q(entries__gallery=self.gallery)))
        elif order.by == "rating":
            pictures = pictures.annotate(mine=FilteredRelation("marks", condition=Q(marks__person=self.person)))
        names = self._names(order)
        by = names if order.ascending else [f"-{name}" for name in names]
        values = names if names[-1] == "pk" else [*names, "pk"]
        return list(pictures.filter(IdIn(ids), *conditions).order_by(*by).values_list(*values)[:want])

    @staticmethod
    def _names(order: _Order) -> list[str]:
        """The columns that pictures are sorted by."""
        if order.by == "hand":
            return ["place__position", "place__pk"]
        return ["mine__rating", "pk"] if order.by == "rating" else ["pk"]

    # -- scan ranges

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
        ranges = []
        if self.query.author in (None, self.person.pk):
            own = Picture.objects.filter(self._after(place, "pk", ascending=ascending), author=self.person)
            ranges.append(ScanRange(own.order_by(f"{sign}pk").values("pk")))
        if self.query.author != self.person.pk:
            shown = self._shown.filter(self._after(place, "picture", ascending=ascending))
            ranges.append(ScanRange(shown.order_by(f"{sign}picture").values("picture")))
        return ranges

    @property
    def _entries(self) -> "models.QuerySet[GalleryEntry]":
        return GalleryEntry.objects.filter(gallery=self.gallery)

    @property
    def _marks(self) -> "models.QuerySet[Mark]":
        return Mark.objects.filter(person=self.person)

    @cached_property
    def _shown(self) -> "models.QuerySet[GalleryEntry]":
        """The entries of the galleries that the person may look at."""
        galleries = [self.query.gallery] if self.query.gallery else self.visible
        return GalleryEntry.objects.filter(gallery__in=galleries)

    @cached_property
    def _is_seen(self) -> Any:
        """The condition that a picture is in the gallery that is searched, or that the person sees it."""
        of_picture = GalleryEntry.objects.filter(picture=OuterRef("pk"))
        if self.gallery:
            return Exists(of_picture.filter(gallery=self.gallery))
        # With EXISTS, PostgreSQL may gather all entries that the person sees, even to look at a few pictures.
        shown = Subquery(of_picture.filter(gallery__in=self.visible).values("pk")[:1])
        return Q(author=self.person) | IsNull(shown, False)

    # -- conditions

    @cached_property
    def _conditions(self) -> list[Any]:
        """All conditions but the words, each on one picture."""
        query = self.query
        conditions: list[Any] = []
        plain = {"model": query.model, "author": query.author, "shape": query.shape, "kind": query.kind}
        conditions += [Q(**{name: value}) for name, value in plain.items() if value]
        conditions += [condition for condition in (self._dates,) if condition]
        conditions += [Exists(rows.filter(picture=OuterRef("pk"))) for rows in self._relations]
        return conditions

    @cached_property
    def _relations(self) -> "list[models.QuerySet[Any]]":
        """Rows of other tables that have to exist for a picture; each names it as `picture`."""
        query, relations = self.query, []
        if query.tag:
            tags = Tag.objects.filter(name__iexact=query.tag)
            relations.append(Tag.pictures.through._default_manager.filter(tag__in=list(tags)))
        if query.favourite:
            relations.append(self._marks.filter(favourite=True))
        if query.rating:
            relations.append(self._marks.filter(rating__gte=query.rating))
        if query.status and self.gallery:
            relations.append(self._entries.filter(status=query.status))
        if (query.choice or query.guest) and self.gallery:
            named = {"kind": query.choice, "guest": query.guest}
            chosen = {name: value for name, value in named.items() if value}
            relations.append(GuestVote.objects.filter(link__gallery=self.gallery, **chosen))
        if query.gallery:
            relations.append(GalleryEntry.objects.filter(gallery=query.gallery))
        return relations

    @cached_property
    def _dates(self) -> Q:
        between = Q()
        if self.query.since:
            between &= Q(created_at__gte=_midnight(self.query.since))
        if self.query.until:
            between &= Q(created_at__lt=_midnight(self.query.until + timedelta(days=1)))
        return between

    def _skip_to_dates(self, order: _Order, place: Row | None) -> Row | None:
        """The place where the days asked for begin, so that no scan goes through what came after them, or before."""
        if not self._dates or order.by != "pk":
            return place
        edge = Min("pk") if order.ascending else Max("pk")
        pk = Picture.objects.filter(self._dates).aggregate(edge=edge)["edge"]
        if pk is None:
            return place
        # A page begins after its place, so the place is one id earlier.
        if not order.ascending:
            return (min(pk + 1, place[0]) if place else pk + 1,)
        return (max(pk - 1, place[0]) if place else pk - 1,)

    @cached_property
    def _sources(self) -> "list[models.QuerySet[Any, Any]]":
        """For each condition with an index of its own, the ids of the pictures that meet it."""
        sources: list[models.QuerySet[Any, Any]] = [rows.order_by().values("picture") for rows in self._relations]
        query, pictures = self.query, Picture.objects.order_by().values("pk")
        # Of pictures made here there is no index: they are most of them.
        kind = "" if query.kind == Picture.Kind.MADE else query.kind
        plain = {"author": query.author, "model": query.model, "shape": query.shape, "kind": kind}
        sources += [pictures.filter(**{name: value}) for name, value in plain.items() if value]
        return [*sources, *([pictures.filter(self._dates)] if self._dates else [])]

    @cached_property
    def _few_by_condition(self) -> list[int] | None:
        """The pictures of the first condition that few pictures meet; None if there is no such condition."""
        for source in self._sources:
            if source[: FEW_IDS + 1].count() <= FEW_IDS:
                return [pk for row in source for pk in row.values()]
        return None

    @cached_property
    def _smallest_source(self) -> "models.QuerySet[Any, Any] | None":
        """The condition that the fewest pictures meet, if these are less than SCAN_LIMIT."""
        counts = [source[:SCAN_LIMIT].count() for source in self._sources]
        return self._sources[counts.index(min(counts))] if counts and min(counts) < SCAN_LIMIT else None

    @cached_property
    def _few_by_words(self) -> list[int] | None:
        return search_index.few(self.query.words, FEW_IDS) if self.query.words else None


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))
