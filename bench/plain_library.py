"""A plain list of pictures: one query with all conditions, a COUNT of all rows, and LIMIT and OFFSET for the page.

The URLs are the studio's and /plain/, which shows the same as /pictures/ with the same template.
"""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from django.urls import path
from django.views.decorators.http import require_safe

from gallery.models import Person, Picture
from gallery.queries.search import SearchPage, SearchQuery
from gallery.views.library import Listing, page_of
from gallery.web.http import PersonRequest
from lemonstudio.urls import urlpatterns as studio


class PlainSearch:
    def __init__(self, person: Person, query: SearchQuery, page: int) -> None:
        self.person, self.query, self.number = person, query, page

    def page(self, limit: int, after: str = "") -> SearchPage:
        rows = self.rows()
        pages = -(-rows.count() // limit)
        begin = (self.number - 1) * limit
        ids = list(rows.values_list("pk", flat=True)[begin : begin + limit])
        return SearchPage(ids, str(ids[-1]) if self.number < pages else "")

    def rows(self) -> QuerySet[Picture]:
        filters = {"model": self.query.model, "shape": self.query.shape}
        filters = {name: value for name, value in filters.items() if value}
        rows = Picture.objects.visible_to(self.person).filter(**filters)
        for word in self.query.words:
            rows = rows.filter(search_text__contains=f" {word}")
        return rows.order_by("-pk")


@require_safe
def plain_list(request: PersonRequest) -> HttpResponse:
    listing = Listing(request)
    search: Any = PlainSearch(listing.person, listing.form.search_query, int(request.GET.get("page", "1")))
    listing.search = search
    return page_of(listing)


def last_page(person: int, limit: int) -> tuple[int, int | str]:
    """The number of the last page, and the id of the picture before that page, or "" if there is none."""
    ids = PlainSearch(Person.objects.get(pk=person), SearchQuery(), 1).rows().values_list("pk", flat=True)
    pages = -(-len(ids) // limit)
    return pages, ids[(pages - 1) * limit - 1] if pages > 1 else ""


urlpatterns = [path("plain/", plain_list, name="plain_list"), *studio]
