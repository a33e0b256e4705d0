"""The list that a picture was opened from: it stands in the picture's address, so that a reload or a link keeps it.

`?in=library` and `?in=gallery:12` with the list's own filters and order, `?in=mine` and `?in=team` for the feed,
`?in=batch:5`. If the address makes no sense, or names a list that this person may not see, the list is the pictures of
the picture's author that this person sees.
"""

import re
from dataclasses import dataclass, field

from django.http import QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _

from gallery.models import Gallery, Generation, Picture
from gallery.queries import navigation
from gallery.queries.batches import batches_visible_to
from gallery.queries.navigation import EACH_SIDE, Adjacent
from gallery.views.library import SHOWN, Listing
from gallery.web.http import PersonRequest

_LIST = re.compile(r"(library|mine|team)|(gallery|batch):(\d{1,18})")


@dataclass(frozen=True, slots=True)
class Navigation:
    """The list that a picture was opened from, and its neighbours there."""

    # The query in the addresses of its pictures.
    query: str
    # The address of the list, and its name.
    back: str
    name: str
    adjacent: Adjacent = field(default_factory=Adjacent)

    @property
    def previous(self) -> Picture | None:
        return self.adjacent.before[-1] if self.adjacent.before else None

    @property
    def next(self) -> Picture | None:
        return self.adjacent.after[0] if self.adjacent.after else None

    @property
    def next_or_previous(self) -> Picture | None:
        """The picture to show once this one is in the trash."""
        return self.next or self.previous


def navigation_of(request: PersonRequest, picture: Picture) -> Navigation:
    """For the page of a picture."""
    return _asked_for(request, picture) or _of_author(request, picture)


def _asked_for(request: PersonRequest, picture: Picture) -> Navigation | None:
    """The list that the address names; None if this person may not see it, or if the picture is not in it."""
    match = _LIST.fullmatch(request.GET.get("in", ""))
    if match is None:
        return None
    simple, kind, number = match.groups()
    if simple == "library":
        return _in_search(request, picture, None)
    if simple:
        return _in_feed(request, picture, simple)
    if kind == "gallery":
        gallery = Gallery.objects.visible_to(request.user).filter(pk=int(number)).first()
        return _in_search(request, picture, gallery) if gallery else None
    return _in_batch(request, picture, int(number))


def _in_search(request: PersonRequest, picture: Picture, gallery: Gallery | None) -> Navigation | None:
    """Of the library, or of one gallery, with the filters and the order in the address."""
    asked = QueryDict(mutable=True)
    asked.update(request.GET)
    asked.pop("in")
    listing = Listing(request, gallery, asked)
    if gallery and not gallery.entries.filter(picture=picture).exists():
        return None
    before, after = listing.search.adjacent(picture, EACH_SIDE)
    rows = Picture.objects.select_related("generation").only(*SHOWN).in_bulk([*before, *after])
    adjacent = Adjacent([rows[pk] for pk in before if pk in rows], [rows[pk] for pk in after if pk in rows])
    return Navigation(listing.navigation_query, listing.beginning, gallery.name if gallery else _("Pictures"), adjacent)


def _in_feed(request: PersonRequest, picture: Picture, feed: str) -> Navigation | None:
    person = request.user
    if feed == "mine":
        if picture.author_id != person.pk:
            return None
        own = Picture.objects.kept().filter(author=person)
        adjacent = navigation.in_feed(Generation.objects.filter(author=person), own, picture)
        return Navigation("in=mine", reverse("create"), _("My pictures"), adjacent)
    visible = Picture.objects.visible_to(person)
    adjacent = navigation.in_feed(Generation.objects.visible_to(person), visible, picture)
    return Navigation("in=team", f"{reverse('create')}?feed=team", _("The team’s pictures"), adjacent)


def _in_batch(request: PersonRequest, picture: Picture, number: int) -> Navigation | None:
    person = request.user
    batch = batches_visible_to(person).filter(pk=number).first()
    if batch is None or picture.generation.batch_id != batch.pk:
        return None
    rows = Generation.objects.visible_to(person).filter(batch=batch)
    adjacent = navigation.in_batch(rows, Picture.objects.visible_to(person), picture)
    return Navigation(
        f"in=batch:{batch.pk}", reverse("batch_detail", args=[batch.pk]), batch.get_kind_display(), adjacent
    )


def _of_author(request: PersonRequest, picture: Picture) -> Navigation:
    visible = Picture.objects.visible_to(request.user)
    name = (
        _("My pictures")
        if picture.author_id == request.user.pk
        else (_("Pictures by %(name)s") % {"name": picture.author.name})
    )
    return Navigation("", reverse("create"), name, navigation.by_author(visible, picture))
