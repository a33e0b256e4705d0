"""Fields that offer rows, made for forms that are built at each click: a query is made only if it is needed."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django import forms
from django.db.models import Model, QuerySet
from django.forms.models import ModelChoiceIterator
from django.forms.utils import ErrorList
from django.utils.safestring import SafeString, mark_safe

from gallery.models import ImageModel


class _LateChoices(ModelChoiceIterator):  # type: ignore[type-arg]  # not generic when it runs
    """Django's, but it takes the rows when they are looked at."""

    def __init__(self, field: "LateChoiceField") -> None:
        self.field: LateChoiceField = field

    @property
    def queryset(self) -> "QuerySet[Any]":  # type: ignore[override]
        return self.field.rows()


class LateChoiceField(forms.ModelChoiceField):  # type: ignore[type-arg]  # the same
    """A choice among `rows()`, which is asked only for a value that was chosen, and for the list on a page."""

    iterator = _LateChoices

    def __init__(self, model: type[Model], **kwargs: Any) -> None:
        self.rows: Callable[[], QuerySet[Any]] = model._default_manager.none
        super().__init__(queryset=model._default_manager.none(), **kwargs)

    def to_python(self, value: Any) -> Any:
        if value not in self.empty_values:
            self.queryset = self.rows()
        return super().to_python(value)


class OfferField(forms.ChoiceField):
    """A choice among models that the form has loaded already. The cleaned value is the model, or None."""

    models: Mapping[str, ImageModel] = {}

    def offer(self, models: Iterable[ImageModel]) -> None:
        self.models = {str(model.pk): model for model in models}
        self.choices = [(model.pk, model.label) for model in self.models.values()]

    def clean(self, value: Any) -> Any:
        return self.models.get(super().clean(value))


class OffersField(OfferField, forms.MultipleChoiceField):
    """The same for several: the cleaned value is a list, in the order of the offer."""

    def clean(self, value: Any) -> list[ImageModel]:
        chosen = set(forms.MultipleChoiceField.clean(self, value))
        return [model for pk, model in self.models.items() if pk in chosen]


class QuickErrors(ErrorList):
    """Django renders a template for a list of no errors, too. A page has dozens of those."""

    def render(self, *args: Any, **kwargs: Any) -> SafeString:
        return super().render(*args, **kwargs) if self else mark_safe("")

    __str__ = render
    __html__ = render
