"""The library: all pictures that a person sees, with search and filters. A gallery's page uses the same listing."""

from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase, JsonResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import push_url, replace_url, trigger_client_event

from gallery.forms.search import SavedSearchForm, SearchForm
from gallery.models import Gallery, GalleryEntry, Picture, SavedSearch
from gallery.models.numbers import whole
from gallery.queries.guests import guest_choices
from gallery.queries.months import months_of
from gallery.queries.search import COUNT_LIMIT, PictureSearch, SearchPage, SearchQuery, Sort
from gallery.web.access import gallery_to_see
from gallery.web.http import PersonRequest, number_in
from gallery.web.pictures import begin_with

PAGE = 30
# A person who comes back gets up to this many at once, so that the page reaches the place where they were.
COMING_BACK = 600
# The columns that a tile needs. The others are large.
SHOWN = [
    *(field.name for field in Picture._meta.concrete_fields if field.name not in ("search_text", "revised_prompt")),
    "generation__prompt",
    "generation__kind",
]
SIZES = range(1, 6)
USUAL_SIZE = 3
# How many tags are offered while a person types one.
TAGS = 200


class Listing:
    """What one request asks for: filters, a page of pictures, and the words about them."""

    def __init__(self, request: PersonRequest, gallery: Gallery | None = None, asked: QueryDict | None = None) -> None:
        self.request, self.gallery = request, gallery
        self.asked = request.GET if asked is None else asked
        self.person = request.user
        galleries = [] if gallery else list(Gallery.objects.visible_to(self.person).order_by("name").only("name"))
        self.form = SearchForm(self.asked, person=self.person, galleries=galleries, inside=gallery)
        self.address = reverse("gallery_detail", args=[gallery.pk]) if gallery else reverse("picture_list")
        self.after = self.asked.get("after", "")
        # The next page, which is added to the pictures that are on the page already.
        self.is_more = bool(request.htmx and "top" in self.asked)
        self.is_whole = not request.htmx or request.htmx.history_restore_request
        self.shown = self._number("shown", PAGE, COMING_BACK)
        visible = [one.pk for one in galleries]
        self.search = PictureSearch(self.person, self.form.search_query, visible=visible, gallery=gallery)

    def _number(self, name: str, least: int, most: int) -> int:
        number = number_in(self.asked.get(name), most=99_999)
        return least if number is None else min(max(number, least), most)

    def context(self) -> dict[str, Any]:
        """The context of the templates that show pictures."""
        page = self.search.page(PAGE if self.is_more else self.shown, self.after)
        pictures = self._pictures(page.ids)
        if not self.is_more:
            begin_with(pictures)
        context: dict[str, Any] = {
            "find": self.form,
            "gallery": self.gallery,
            "address": self.address,
            "pictures": pictures,
            "navigation_query": self.navigation_query,
            "more": self._more(page),
            "size": self._size(),
        }
        if self.is_more:
            return context
        chips = [
            {"name": name, "label": label, "value": value, "url": self._url(without=name)}
            for name, label, value in self.form.in_words
        ]
        return context | {
            "chips": chips,
            "query": self.form.query(),
            "counted": "" if self.after else in_words(len(pictures), is_all=not page.after),
            "count_url": "" if self.after or not page.after else self._url_about("picture_count"),
            "months_url": self._url_about("picture_months") if self._is_by_date else "",
            "after": self.after,
            "beginning": self.beginning,
            "searches": self._searches() if self.gallery is None else [],
            "filter_count": sum(1 for chip in chips if chip["name"] != "q"),
        }

    @property
    def beginning(self) -> str:
        """The address of the list from its first picture on."""
        return self._url()

    @property
    def navigation_query(self) -> str:
        """The query in the addresses of its pictures, so that they lead on along this list (views/navigation.py)."""
        query = self.form.query()
        return f"in={f'gallery:{self.gallery.pk}' if self.gallery else 'library'}{'&' if query else ''}{query}"

    def answer(self, response: HttpResponse) -> HttpResponse:
        """Add the address that the browser should show."""
        if not self.request.htmx or self.request.htmx.history_restore_request:
            return response
        if self.is_more:
            return replace_url(response, self._place_url())
        url = self._url(after=self.after)
        before = self.request.htmx.current_url_abs_path or ""
        if url == before:
            return response
        # A person who types on continues the same search. Back leads to the page before it.
        typing = _without_words(before) == _without_words(url) and "q=" in before
        return replace_url(response, url) if typing else push_url(response, url)

    # -- parts

    def _pictures(self, ids: list[int]) -> list[Picture]:
        rows = Picture.objects.marked_by(self.person).select_related("generation").only(*SHOWN).in_bulk(ids)
        pictures = [rows[pk] for pk in ids if pk in rows]
        entries = GalleryEntry.objects.filter(gallery=self.gallery, picture__in=ids) if self.gallery else ()
        by_picture = {entry.picture_id: entry for entry in entries}
        choices = guest_choices(self.gallery, ids) if self.gallery else {}
        self._begin_months(pictures)
        for picture in pictures:
            picture.entry = by_picture.get(picture.pk)
            picture.guest_choices = choices[picture.pk].kinds if picture.pk in choices else []
        return pictures

    @property
    def _is_by_date(self) -> bool:
        return self.form.chosen_sort in (Sort.NEWEST, Sort.OLDEST)

    def _begin_months(self, pictures: list[Picture]) -> None:
        """Note the month of each picture before which the month's name stands."""
        before = None
        last = number_in(self.after) if self.is_more and self._is_by_date else None
        if last is not None:
            before = Picture.objects.filter(pk=last).values_list("created_at", flat=True).first()
        month = before and _month(before)
        for picture in pictures:
            own = _month(picture.created_at) if self._is_by_date else None
            picture.begins_month = own if own != month else None
            month = own

    def months(self) -> list[dict[str, Any]]:
        """The months of the list in its order, each with the address at which it begins."""
        is_oldest = self.form.chosen_sort == Sort.OLDEST
        months = months_of(self.search) if self._is_by_date else []
        if is_oldest:
            months.reverse()
        return [
            {
                "key": f"{month.day:%Y-%m}",
                "label": date_format(month.day, "YEAR_MONTH_FORMAT"),
                "year": month.day.year,
                "count": month.count,
                # A page begins after its place; the first month is where the list begins.
                "url": self._url(after=(month.first - 1 if is_oldest else month.last + 1) if place else ""),
            }
            for place, month in enumerate(months)
        ]

    def _searches(self) -> list[SavedSearch]:
        return list(self.person.searches.all())

    def _size(self) -> int:
        size = number_in(self.request.COOKIES.get("tiles"), most=9)
        return size if size is not None and size in SIZES else USUAL_SIZE

    def _url(self, without: str = "", **more: Any) -> str:
        query = self.form.query(without, **more)
        return f"{self.address}?{query}" if query else self.address

    def _url_about(self, view: str) -> str:
        """Of a view that tells something about the whole list."""
        inside = [("inside", self.gallery.pk)] if self.gallery else []
        return f"{reverse(view)}?{urlencode(inside)}&{self.form.query()}".replace("?&", "?").rstrip("?&")

    def count(self) -> str:
        count = self.search.count()
        return in_words(min(count, COUNT_LIMIT), is_all=count <= COUNT_LIMIT)

    def _more(self, page: SearchPage) -> dict[str, str] | None:
        if not page.after:
            return None
        begin, shown = self._begin()
        fragment = self._url(after=page.after, top=begin or "-", shown=shown)
        return {"url": self._url(after=page.after), "fragment": fragment}

    def _begin(self) -> tuple[str, int]:
        """The place where the pictures in the browser begin after this answer, and how many there are."""
        if not self.is_more:
            return self.after, self.shown
        begin, shown = str(self.asked["top"]).removeprefix("-"), self.shown + PAGE
        # Beyond what a page can show at once, a person can only come back to the last part.
        return (begin, shown) if shown <= COMING_BACK else (self.after, PAGE)

    def _place_url(self) -> str:
        begin, shown = self._begin()
        return self._url(after=begin, shown=shown if shown > PAGE else "")


def _month(moment: datetime) -> date:
    return timezone.localtime(moment).date().replace(day=1)


def _without_words(url: str) -> QueryDict:
    query = QueryDict(url.partition("?")[2], mutable=True)
    for name in ("q", "after", "shown"):
        query.pop(name, None)
    return query


def in_words(count: int, *, is_all: bool) -> str:
    """The number of pictures, as far as it was counted."""
    if not is_all:
        return _("More than %(count)s pictures") % {"count": whole(count)}
    return ngettext("One picture", "%(count)s pictures", count) % {"count": whole(count)}


def page_of(listing: Listing, save_form: SavedSearchForm | None = None, status: int = 200) -> HttpResponse:
    request, context = listing.request, listing.context()
    if listing.is_more:
        return listing.answer(render(request, "galleries/_gallery_page.html", context))
    context["save_form"] = save_form or SavedSearchForm(initial={"query": context["query"]})
    template = "pictures/picture_list.html" if listing.is_whole else "pictures/_search.html"
    return listing.answer(render(request, template, context, status=status))


@require_safe
def picture_list(request: PersonRequest) -> HttpResponse:
    return page_of(Listing(request))


@require_safe
def picture_count(request: PersonRequest) -> HttpResponse:
    """How many pictures a search finds. It is a request of its own because counting takes longer than a page."""
    inside = number_in(request.GET.get("inside"))
    gallery = gallery_to_see(request.user, inside) if inside is not None else None
    return render(request, "pictures/_count.html", {"counted": Listing(request, gallery).count()})


@require_safe
def picture_months(request: PersonRequest) -> HttpResponseBase:
    """The months of a list, for the bar at its side that leads to each of them."""
    inside = number_in(request.GET.get("inside"))
    gallery = gallery_to_see(request.user, inside) if inside is not None else None
    return JsonResponse({"months": Listing(request, gallery).months()})


@require_safe
def picture_tags(request: PersonRequest) -> HttpResponse:
    """The tags of pictures that this person sees, as suggestions."""
    person = request.user
    visible = Gallery.objects.visible_to(person).values_list("pk", flat=True)
    tags = PictureSearch(person, SearchQuery(), visible=list(visible)).tags(TAGS)
    return render(request, "pictures/_tag_options.html", {"tags": tags})


@require_POST
def search_save(request: PersonRequest) -> HttpResponseBase:
    """Save a search under a name. Its query is parsed and written anew, so that only known filters are kept."""
    person = request.user
    listing = Listing(request, asked=QueryDict(request.POST.get("query", "")[:2000]))
    data = {"name": request.POST.get("name"), "query": listing.form.query()}
    form = SavedSearchForm(data, instance=SavedSearch(person=person))
    if not form.is_valid():
        if request.htmx:
            return render(request, "pictures/_search_errors.html", {"save_form": form}, status=422)
        return page_of(listing, form, status=422)
    search = form.save()
    said = _("Saved as “%(name)s”.") % {"name": search.name}
    if request.htmx:
        return trigger_client_event(_searches(request), "toast", {"message": said, "kind": "success"})
    messages.success(request, said)
    return redirect(f"{reverse('picture_list')}?{search.query}")


@require_POST
def search_delete(request: PersonRequest, pk: int) -> HttpResponseBase:
    search = get_object_or_404(SavedSearch.objects.filter(person=request.user), pk=pk)
    search.delete()
    said = _("The saved search “%(name)s” is gone.") % {"name": search.name}
    if request.htmx:
        return trigger_client_event(_searches(request), "toast", {"message": said, "kind": "success"})
    messages.success(request, said)
    return redirect("picture_list")


def _searches(request: PersonRequest) -> HttpResponse:
    return render(request, "pictures/_searches.html", {"searches": request.user.searches.all()})
