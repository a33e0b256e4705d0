"""A person's own marks on pictures: favourites and ratings."""

from collections.abc import Iterable

from django.utils.translation import gettext as _

from gallery.models import Mark, Person, Picture
from gallery.services.errors import InvalidInput

RATINGS = range(1, 6)


def favourite(person: Person, pictures: Iterable[int], wanted: bool = True) -> None:
    """Mark pictures as a person's favourites, or unmark them. The caller has checked that the person may see them."""
    _mark(person, pictures, favourite=wanted)


def rate(person: Person, picture: Picture, rating: int | None) -> None:
    """Rate a picture from 1 to 5; None takes the rating away. Raises InvalidInput."""
    if rating is not None and rating not in RATINGS:
        raise InvalidInput(_("A rating goes from 1 to 5."), "rating")
    _mark(person, [picture.pk], rating=rating)


def _mark(person: Person, pictures: Iterable[int], **values: object) -> None:
    rows = [Mark(person=person, picture_id=pk, **values) for pk in pictures]
    Mark.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["person", "picture"], update_fields=list(values)
    )
