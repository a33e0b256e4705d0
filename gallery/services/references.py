"""Reference pictures: which ones may go along with a request, and the files that are sent for them."""

from collections.abc import Iterable, Sequence

from django.core.files.storage import default_storage
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from gallery.images import edit as edit_images
from gallery.images.concurrency import Busy
from gallery.images.edit import Limits
from gallery.images.parse import NotAPicture
from gallery.models import Generation, ImageModel, Person, Picture
from gallery.models.sentences import in_readers_language
from gallery.services import uploads
from gallery.services.errors import InvalidInput

# Formats that go out as they are. Others, and what is too large for the model, become a PNG.
SENT_AS_THEY_ARE = ("PNG", "JPEG", "WEBP")
NOT_THERE = gettext_lazy(
    "A reference picture is not there any more, or is not open to you. It was taken out: check the others."
)


def chosen(person: Person, pks: Iterable[int]) -> list[Picture]:
    """Those of these pictures that this person may see, each once, in this order."""
    wanted = list(dict.fromkeys(pks))
    if not wanted:
        return []
    seen = Picture.objects.visible_to(person).filter(pk__in=wanted).select_related("generation").defer("search_text")
    by_pk = {picture.pk: picture for picture in seen}
    return [by_pk[pk] for pk in wanted if pk in by_pk]


def of(generation: Generation, person: Person) -> list[Picture]:
    """The reference pictures of an earlier request, for another one. Raises InvalidInput if one is not there for this
    person.
    """
    pks = list(generation.references.values_list("picture", flat=True))
    pictures = chosen(person, [pk for pk in pks if pk])
    if len(pictures) < len(pks):
        raise InvalidInput(
            _("A reference picture of this is not there any more, or is not open to you. Nothing was sent.")
        )
    return pictures


def problem_with(model: ImageModel, count: int) -> str:
    """Why this model cannot be asked with so many reference pictures, as a sentence; "" if it can."""
    most = model.most_references
    if not count:
        return (
            ""
            if model.can_generate
            else (_("%(model)s needs a reference picture. Add one, or choose another model.") % {"model": model})
        )
    if not most:
        return _("%(model)s takes no reference pictures. Remove them, or choose another model.") % {"model": model}
    if count > most:
        words = ngettext(
            "%(model)s takes %(most)d reference picture at most; there are %(count)d.",
            "%(model)s takes %(most)d reference pictures at most; there are %(count)d.",
            most,
        )
        return words % {"model": model, "most": most, "count": count}
    return ""


def files_for(person: Person, model: ImageModel, pictures: Sequence[Picture]) -> list[str]:
    """The names in storage of what is sent for these pictures: the originals where the model takes them as they are.

    Raises InvalidInput.
    """
    if problem := problem_with(model, len(pictures)):
        raise InvalidInput(problem, "reference")
    return [
        picture.original_name if _goes_as_it_is(picture, model) else _prepared(person, picture, model)
        for picture in pictures
    ]


def forget(names: Iterable[str]) -> None:
    """Delete what was prepared for a request that was not made. Originals stay."""
    for name in names:
        if name.startswith(f"{edit_images.UPLOADS}/"):
            default_storage.delete(name)


def _goes_as_it_is(picture: Picture, model: ImageModel) -> bool:
    return (
        picture.format in SENT_AS_THEY_ARE
        and picture.is_as_delivered
        and picture.byte_size < model.edit_max_bytes
        and max(picture.width, picture.height) <= model.edit_max_side
        and (picture.width == picture.height or not model.edit_square)
    )


def _prepared(person: Person, picture: Picture, model: ImageModel) -> str:
    limits = Limits(model.edit_square, model.edit_max_bytes, model.edit_max_side)
    try:
        with default_storage.open(picture.original_name) as file:
            prepared = edit_images.prepare(file, limits)
    except Busy:
        raise InvalidInput(uploads.BUSY) from None
    except NotAPicture as problem:
        raise InvalidInput(
            _("A reference picture cannot be sent: %(problem)s.") % {"problem": in_readers_language(str(problem))},
            "reference",
        ) from None
    except FileNotFoundError:
        raise InvalidInput(
            _("The file of a reference picture is missing from the studio. Ask an administrator."), "reference"
        ) from None
    return uploads.store(person, prepared.image, prepared.size)
