"""The list that a picture was opened from: it stands in the picture's address, so that a reload or a link keeps it.

`?in=library` and `?in=gallery:12` with the list's own filters and order, `?in=mine` and `?in=team` for the feed,
`?in=batch:5`. Who may not see a list, or asks for nonsense, gets the pictures of its author that they may see.
"""

import re
from dataclasses import dataclass, field

from django.http import QueryDict
from django.urls import reverse

from gallery.models import Gallery, Generation, Picture
from gallery.queries import navigation
from gallery.queries.batches import batches_visible_to
from gallery.queries.navigation import BESIDE, Adjacent
from gallery.views.library import SHOWN, Listing
from gallery.web.http import PersonRequest

_LIST = re.compile(r"(library|mine|team)|(gallery|batch):(\d{1,18})")


@dataclass(frozen=True, slots=True)
class Navigation:
    """Where one came from, and where one may go on to."""

    # What the addresses of its pictures end with.
    query: str
    # The list itself, and what it is called.
    back: str
    name: str
    beside: Adjacent = field(default_factory=Adjacent)

    @property
    def previous(self) -> Picture | None:
        return self.beside.before[-1] if self.beside.before else None

    @property
    def next(self) -> Picture | None:
        return self.beside.after[0] if self.beside.after else None

    @property
    def following(self) -> Picture | None:
        """What is shown once this one is gone."""
        return self.next or self.previous


def navigation_of(request: PersonRequest, picture: Picture) -> Navigation:
    """Of the picture's page."""
    return _asked_for(request, picture) or _of_author(request, picture)


def _asked_for(request: PersonRequest, picture: Picture) -> Navigation | None:
    """The list that the address names; None if this person may not see it, or the picture never stood there."""
    match = _LIST.fullmatch(request.GET.get("in", ""))
    if match is None:
        return None
    simple, kind, number = match.groups()
    if simple == "library":
        return _found(request, picture, None)
    if simple:
        return _in_feed(request, picture, simple)
    if kind == "gallery":
        gallery = Gallery.objects.visible_to(request.user).filter(pk=int(number)).first()
        return _found(request, picture, gallery) if gallery else None
    return _in_batch(request, picture, int(number))


def _found(request: PersonRequest, picture: Picture, gallery: Gallery | None) -> Navigation | None:
    """Pictures that are searched, all of them or a gallery's."""
    asked = QueryDict(mutable=True)
    asked.update(request.GET)
    asked.pop("in")
    listing = Listing(request, gallery, asked)
    if gallery and not gallery.entries.filter(picture=picture).exists():
        return None
    before, after = listing.finder.beside(picture, BESIDE)
    rows = Picture.objects.select_related("generation").only(*SHOWN).in_bulk([*before, *after])
    beside = Adjacent([rows[pk] for pk in before if pk in rows], [rows[pk] for pk in after if pk in rows])
    return Navigation(listing.trail, listing.beginning, gallery.name if gallery else "Pictures", beside)


def _in_feed(request: PersonRequest, picture: Picture, feed: str) -> Navigation | None:
    person = request.user
    if feed == "mine":
        if picture.author_id != person.pk:
            return None
        own = Picture.objects.kept().filter(author=person)
        beside = navigation.in_feed(Generation.objects.filter(author=person), own, picture)
        return Navigation("in=mine", reverse("create"), "My pictures", beside)
    visible = Picture.objects.visible_to(person)
    beside = navigation.in_feed(Generation.objects.visible_to(person), visible, picture)
    return Navigation("in=team", f"{reverse('create')}?feed=team", "The team’s pictures", beside)


def _in_batch(request: PersonRequest, picture: Picture, number: int) -> Navigation | None:
    person = request.user
    batch = batches_visible_to(person).filter(pk=number).first()
    if batch is None or picture.generation.batch_id != batch.pk:
        return None
    rows = Generation.objects.visible_to(person).filter(batch=batch)
    beside = navigation.in_batch(rows, Picture.objects.visible_to(person), picture)
    return Navigation(
        f"in=batch:{batch.pk}", reverse("batch_detail", args=[batch.pk]), batch.get_kind_display(), beside
    )


def _of_author(request: PersonRequest, picture: Picture) -> Navigation:
    visible = Picture.objects.visible_to(request.user)
    name = "My pictures" if picture.author_id == request.user.pk else f"Pictures by {picture.author.name}"
    return Navigation("", reverse("create"), name, navigation.by_author(visible, picture))
