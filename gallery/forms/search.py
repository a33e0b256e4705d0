"""The search as an address has it, and the name of a saved search."""

from collections.abc import Iterable
from datetime import date
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Exists, OuterRef, Q
from django.http import QueryDict
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from gallery.db import search_index
from gallery.forms.names import clean_name
from gallery.models import Gallery, GalleryEntry, GuestVote, ImageModel, Person, Picture, SavedSearch
from gallery.queries.guests import guest_names
from gallery.queries.search import SearchQuery, Sort

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

# The order of the filters in addresses and among the chips.
FILTERS = (
    "q",
    "model",
    "author",
    "gallery",
    "tag",
    "since",
    "until",
    "status",
    "choice",
    "guest",
    "rating",
    "shape",
    "kind",
    "favourite",
)
RATINGS = [
    (1, gettext_lazy("1 star or more")),
    (2, gettext_lazy("2 or more")),
    (3, gettext_lazy("3 or more")),
    (4, gettext_lazy("4 or more")),
    (5, gettext_lazy("5 stars")),
]

Choices = list[tuple[Any, str]]


class _Pick(forms.TypedChoiceField):
    def __init__(self, label: "_StrOrPromise", gone: "_StrOrPromise", coerce: Any = int) -> None:
        super().__init__(
            label=label, required=False, coerce=coerce, empty_value=None, error_messages={"invalid_choice": gone}
        )

    def offer(self, choices: "Iterable[tuple[Any, _StrOrPromise]]") -> None:
        self.options: list[tuple[Any, Any]] = [("", gettext_lazy("Any")), *choices]
        self.choices = self.options

    def label_of(self, value: Any) -> str:
        return str(dict(self.options).get(value, value))


# The studio has no pictures beyond these, and some databases and time zones have no such days.
FIRST_DAY, LAST_DAY = date(1970, 1, 1), date(2999, 12, 31)


class _Day(forms.DateField):
    def __init__(self, label: "_StrOrPromise") -> None:
        super().__init__(
            label=label,
            required=False,
            # Browsers send a date like this, and show it in another way.
            input_formats=["%Y-%m-%d"],
            error_messages={"invalid": gettext_lazy("Write a date as year-month-day, such as 2026-05-31.")},
        )

    def clean(self, value: Any) -> date | None:
        day: date | None = super().clean(value)
        if day is not None and not FIRST_DAY <= day <= LAST_DAY:
            raise ValidationError(
                _("Pick a day between %(first)d and %(last)d.") % {"first": FIRST_DAY.year, "last": LAST_DAY.year}
            )
        return day


class SearchForm(forms.Form):
    """The filters, for all that a person sees or for one gallery. An invalid one shows an error and does not filter."""

    q = forms.CharField(
        label=gettext_lazy("Search"),
        required=False,
        max_length=200,
        error_messages={"max_length": gettext_lazy("A search may have 200 characters; shorten it.")},
    )
    model = _Pick(gettext_lazy("Model"), gettext_lazy("The studio does not know this model."))
    author = _Pick(gettext_lazy("Author"), gettext_lazy("There are no pictures by this name here."))
    gallery = _Pick(gettext_lazy("Gallery"), gettext_lazy("This gallery is not open to you, or is gone."))
    tag = forms.CharField(label=gettext_lazy("Tag"), required=False, max_length=60)
    since = _Day(gettext_lazy("From"))
    until = _Day(gettext_lazy("To"))
    status = _Pick(gettext_lazy("Decision"), gettext_lazy("Pick one of those shown."), str)
    choice = _Pick(gettext_lazy("Guests"), gettext_lazy("Pick one of those shown."), str)
    guest = _Pick(gettext_lazy("Guest"), gettext_lazy("No guest of this name chose anything here."), str)
    rating = _Pick(gettext_lazy("My rating"), gettext_lazy("Pick one of those shown."))
    shape = _Pick(gettext_lazy("Shape"), gettext_lazy("Pick one of those shown."), str)
    kind = _Pick(gettext_lazy("Kind"), gettext_lazy("Pick one of those shown."), str)
    favourite = forms.BooleanField(label=gettext_lazy("Only my favourites"), required=False)
    sort = _Pick(gettext_lazy("Sort"), gettext_lazy("Pick one of those shown."), Sort)

    def __init__(self, data: QueryDict, *, person: Person, galleries: list[Gallery], inside: Gallery | None) -> None:
        super().__init__(data, auto_id="find_%s")
        self.inside = inside
        self._pick("model").offer(self._models())
        self._pick("author").offer(self._authors(person))
        self._pick("rating").offer(RATINGS)
        self._pick("shape").offer(Picture.Shape.choices)
        self._pick("kind").offer(Picture.Kind.choices)
        sorts = [Sort.NEWEST, Sort.OLDEST, Sort.RATED]
        self.usual_sort = Sort.HAND if inside else Sort.NEWEST
        if inside:
            sorts.insert(0, Sort.HAND)
            del self.fields["gallery"]
            self._pick("status").offer(GalleryEntry.Status.choices)
            guests = guest_names(inside)
            if guests:
                self._pick("choice").offer((kind.value, str(kind.label)) for kind in GuestVote.Kind)
                self._pick("guest").offer((name, name) for name in guests)
            else:
                del self.fields["choice"], self.fields["guest"]
        else:
            del self.fields["status"], self.fields["choice"], self.fields["guest"]
            self._pick("gallery").offer((gallery.pk, gallery.name) for gallery in galleries)
        self._pick("sort").offer((sort.value, sort.label) for sort in sorts)
        self.full_clean()

    def _pick(self, name: str) -> _Pick:
        field = self.fields[name]
        assert isinstance(field, _Pick)
        return field

    @staticmethod
    def _models() -> Choices:
        used = Exists(Picture.objects.filter(model=OuterRef("pk")))
        return list(ImageModel.objects.of_upstream().filter(Q(enabled=True) | used).values_list("pk", "label"))

    @staticmethod
    def _authors(person: Person) -> Choices:
        made = Exists(Picture.objects.filter(author=OuterRef("pk")))
        people = Person.objects.filter(made).exclude(pk=person.pk).values_list("pk", "name")
        return [(person.pk, f"{person.name} (me)"), *people]

    def clean_q(self) -> str:
        text: str = self.cleaned_data["q"]
        if text and not search_index.asked_words(text):
            raise ValidationError(_("This has no words in it. Search for letters or digits."))
        return text

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        since, until = cleaned.get("since"), cleaned.get("until")
        if since and until and since > until:
            self.add_error("until", ValidationError(_("This is before “From”, so nothing can be between.")))
        return cleaned

    @property
    def chosen_sort(self) -> Sort:
        return self.cleaned_data.get("sort") or self.usual_sort

    @property
    def search_query(self) -> SearchQuery:
        cleaned = self.cleaned_data
        return SearchQuery(
            words=tuple(search_index.asked_words(cleaned.get("q", ""))),
            model=cleaned.get("model"),
            author=cleaned.get("author"),
            gallery=cleaned.get("gallery"),
            tag=cleaned.get("tag", ""),
            since=cleaned.get("since"),
            until=cleaned.get("until"),
            favourite=cleaned.get("favourite", False),
            rating=cleaned.get("rating"),
            shape=cleaned.get("shape") or "",
            kind=cleaned.get("kind") or "",
            status=cleaned.get("status") or "",
            choice=cleaned.get("choice") or "",
            guest=cleaned.get("guest") or "",
            sort=self.chosen_sort,
        )

    @property
    def has_filter_errors(self) -> bool:
        """Whether one of the panel's filters is wrong."""
        return any(name not in ("q", "sort") for name in self.errors)

    @property
    def filters(self) -> list[dict[str, Any]]:
        """The panel's filters, without the words and the order, as plain values: Django's own widgets render slowly."""
        return [self._filter(name) for name in self.fields if name not in ("q", "sort")]

    def _filter(self, name: str) -> dict[str, Any]:
        field, value = self.fields[name], self[name].value()
        about = {"name": name, "id": self[name].id_for_label, "label": field.label, "value": value}
        if not isinstance(field, _Pick):
            return about | {"kind": "date" if isinstance(field, _Day) else "check" if name == "favourite" else "text"}
        options = [(choice, label, str(choice) == str(value or "")) for choice, label in field.options]
        return about | {"kind": "select", "options": options}

    @property
    def sorts(self) -> list[tuple[str, str, bool]]:
        field = self._pick("sort")
        return [(choice, label, choice == self.chosen_sort) for choice, label in field.options if choice]

    # -- as an address, and in words

    def query(self, without: str = "", **more: Any) -> str:
        """The query of the address, in its one normal form, without one filter or with further parameters."""
        values = {name: self.cleaned_data.get(name) for name in FILTERS if name != without}
        pairs = [(name, self._in_address(value)) for name, value in values.items() if value]
        if self.chosen_sort != self.usual_sort:
            pairs.append(("sort", self.chosen_sort.value))
        return urlencode([*pairs, *((name, value) for name, value in more.items() if value)])

    @staticmethod
    def _in_address(value: Any) -> str:
        return "on" if value is True else str(value)

    @property
    def in_words(self) -> list[tuple[str, str, str]]:
        """For each filter that is on: its name in addresses, its label, and its value as people read it."""
        values = [(name, self.cleaned_data.get(name)) for name in FILTERS]
        return [(name, str(self.fields[name].label), self._in_words(name, value)) for name, value in values if value]

    def _in_words(self, name: str, value: Any) -> str:
        if name in ("since", "until"):
            return date_format(value, "DATE_FORMAT")
        if name == "favourite":
            return ""
        if name == "q":
            return f"“{value}”"
        field = self.fields[name]
        return field.label_of(value) if isinstance(field, _Pick) else str(value)


class SavedSearchForm(forms.ModelForm[SavedSearch]):
    """A search to save. The view parses `query` and writes it anew before it is stored."""

    query = forms.CharField(required=False, max_length=2000, widget=forms.HiddenInput)

    class Meta:
        model = SavedSearch
        fields = ["name", "query"]
        labels = {"name": gettext_lazy("Name of the search")}
        error_messages = {
            "name": {
                "required": gettext_lazy("Give the search a name."),
                "max_length": gettext_lazy("A name may have 80 characters; shorten it."),
            }
        }

    def clean_name(self) -> str:
        return clean_name(self.cleaned_data["name"])

    def _get_validation_exclusions(self) -> set[str]:
        # `person` is not in the form, but the name must be unique together with it.
        exclusions: set[str] = super()._get_validation_exclusions()  # type: ignore[misc] # not in the stubs
        return exclusions - {"person"}
