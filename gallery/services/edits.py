"""Edits and variations: keeping uploads, preparing what goes along with the request, and asking.

A picture is prepared here, within bounds, and not by the engine: the person is told at once what is wrong with it,
the row names exactly the bytes that are sent, also for another try, and nothing takes long between the claim and the
POST, where a engine that dies leaves an unknown outcome.
"""

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import log
from typing import IO

from django.core.files.storage import default_storage
from django.utils.translation import gettext as _

from gallery.images import edit as edit_images
from gallery.images.concurrency import Busy
from gallery.images.edit import UPLOADS, Fit, Limits
from gallery.images.parse import NotAPicture
from gallery.models import Batch, Gallery, Generation, ImageModel, Operation, OverBudget, Person, Picture
from gallery.models.sentences import in_readers_language
from gallery.services import lending, uploads
from gallery.services.errors import InvalidInput
from gallery.services.generations import AlreadySubmitted, GenerationSpec, submit_all

_UPLOAD = re.compile(r"[0-9a-f]{32}-(\d{1,5})x(\d{1,5})\.(png|jpg)")
_SHAPE = re.compile(r"^(\d{1,5})[x:](\d{1,5})$")


@dataclass(frozen=True, slots=True)
class Source:
    """What an edit begins with: a picture of the studio's (`parent`), or an upload. `name` is its storage name."""

    name: str
    width: int
    height: int
    parent: Picture | None = None

    @property
    def is_square(self) -> bool:
        return self.width == self.height


def of_picture(picture: Picture) -> Source:
    return Source(picture.original_name, picture.width, picture.height, picture)


def keep_upload(person: Person, file: IO[bytes]) -> str:
    """Keep a picture that was uploaded, for a day at least; return the name to ask for it by. Raises InvalidInput."""
    upload = uploads.checked(file)
    size = upload.width, upload.height
    return uploads.store(person, upload.data, size, upload.extension).rpartition("/")[2]


def uploaded(person: Person, upload: str) -> Source | None:
    """What this person has uploaded under this name; None if nothing, or not any more."""
    name, size = f"{UPLOADS}/{person.pk}/{upload}", _UPLOAD.fullmatch(upload)
    if size is None or not default_storage.exists(name):
        return None
    return Source(name, int(size[1]), int(size[2]))


def edit(
    person: Person,
    source: Source,
    specs: Sequence[GenerationSpec],
    *,
    fit: Fit = Fit.CENTRE,
    mask: IO[bytes] | None = None,
    gallery: Gallery | None = None,
    token: uuid.UUID | None = None,
    batch: Batch | None = None,
) -> list[Generation]:
    """Queue edits of one picture by one model. Raises InvalidInput, AlreadySubmitted, OverBudget."""
    model = specs[0].model
    route = model.route(Operation.EDIT)
    if route is not None and not lending.most_pictures(route):
        raise InvalidInput(
            _("%(model)s takes pictures only as addresses, and this studio lends none. Pick another model.")
            % {"model": model},
            "model",
        )
    takes_mask = route is None or route.mask
    if mask is not None and not takes_mask:
        raise InvalidInput(
            _("%(model)s takes no mask. Describe in words what is to change.") % {"model": model}, "mask"
        )
    prepared = _prepare(source, model, fit, mask)
    if model.edit_needs_mask and not prepared.is_marked:
        raise InvalidInput(
            _("%(model)s paints only what is marked. Mark the part of the picture that is to change.")
            % {"model": model},
            "mask",
        )
    source_file = uploads.store(person, prepared.image, prepared.size)
    # Of a picture that was filled up, what was missing is transparent: that has to do.
    mask_file = uploads.store(person, prepared.mask, prepared.size) if prepared.mask and takes_mask else ""
    specs = [
        replace(spec, kind=Generation.Kind.EDIT, parent=source.parent, source_file=source_file, mask_file=mask_file)
        for spec in specs
    ]
    return _submit(person, specs, gallery=gallery, token=token, batch=batch)


def vary(
    person: Person,
    source: Source,
    model: ImageModel,
    *,
    count: int = 1,
    fit: Fit = Fit.CENTRE,
    token: uuid.UUID | None = None,
) -> Generation:
    """Queue variations of a picture. Raises InvalidInput, AlreadySubmitted, OverBudget."""
    prepared = _prepare(source, model, Fit.CENTRE if fit is Fit.PAD else fit)
    size = {name: value for name, value in fitting_options(model, source).items() if name == "size"}
    prompt = source.parent.generation.prompt if source.parent else "Variation of an uploaded picture"
    spec = GenerationSpec(
        model,
        prompt,
        size,
        count,
        kind=Generation.Kind.VARIATION,
        parent=source.parent,
        source_file=uploads.store(person, prepared.image, prepared.size),
    )
    return _submit(person, [spec], token=token)[0]


def fitting_options(model: ImageModel, source: Source) -> dict[str, str]:
    """The model's defaults, but of its sizes or aspect ratios the one that is most like the picture."""
    options = model.fitting({}, Operation.EDIT)
    wanted = log(1 if model.edit_square else source.width / source.height)
    for option in model.options_for(Operation.EDIT):
        shapes = {choice: _shape(choice) for choice in option.choices}
        # Where the default is no shape (“auto”), the service follows the picture by itself.
        if shapes.get(option.default):
            best = sorted(
                (abs(log(shape) - wanted), choice != option.default, choice)
                for choice, shape in shapes.items()
                if shape
            )
            options[option.name] = best[0][2]
    return options


def _shape(choice: str) -> float:
    """Width by height of a size or aspect ratio; 0 if it is neither."""
    match = _SHAPE.match(choice)
    return int(match[1]) / int(match[2]) if match and int(match[2]) else 0.0


def _prepare(source: Source, model: ImageModel, fit: Fit, mask: IO[bytes] | None = None) -> edit_images.Prepared:
    limits = Limits(model.edit_square, model.edit_max_bytes, model.edit_max_side)
    try:
        with default_storage.open(source.name) as file:
            return edit_images.prepare(file, limits, fit, mask)
    except Busy:
        raise InvalidInput(uploads.BUSY) from None
    except edit_images.WrongMask as problem:
        raise InvalidInput(in_readers_language(str(problem)), "mask") from None
    except NotAPicture as problem:
        raise InvalidInput(
            _("This picture cannot be sent: %(problem)s.") % {"problem": in_readers_language(str(problem))}
        ) from None
    except FileNotFoundError:
        raise InvalidInput(_("The file of this picture is missing from the studio. Ask an administrator.")) from None


def _submit(
    person: Person,
    specs: Sequence[GenerationSpec],
    *,
    gallery: Gallery | None = None,
    token: uuid.UUID | None = None,
    batch: Batch | None = None,
) -> list[Generation]:
    try:
        return submit_all(person, specs, gallery=gallery, token=token, batch=batch)
    except (AlreadySubmitted, OverBudget):
        # Nothing will ever refer to these. What else is left over, housekeeping finds.
        for name in {name for spec in specs for name in (spec.source_file, spec.mask_file) if name}:
            default_storage.delete(name)
        raise
