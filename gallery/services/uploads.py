"""Pictures that people bring: checking them, and storing them and what is prepared of them below uploads/PERSON/."""

import logging
import uuid
from typing import IO

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from gallery.images import edit as edit_images
from gallery.images.concurrency import Busy
from gallery.images.edit import UPLOADS
from gallery.images.kinds import HEIC, PICTURES
from gallery.images.parse import NotAPicture
from gallery.models import Person
from gallery.models.sentences import in_readers_language
from gallery.services.errors import InvalidInput

logger = logging.getLogger(__name__)

BUSY = gettext_lazy("The studio is busy with other pictures just now. Try again in a moment.")


def checked(file: IO[bytes]) -> edit_images.Upload:
    """An upload, decoded whole, without its metadata. Raises InvalidInput, which says what to do."""
    try:
        return edit_images.keep(file)
    except Busy:
        raise InvalidInput(BUSY, "picture") from None
    except NotAPicture as problem:
        raise InvalidInput(
            _("This file cannot be used: %(problem)s. %(advice)s")
            % {"problem": in_readers_language(str(problem)), "advice": _way_out(problem)},
            "picture",
        ) from None


def _way_out(problem: NotAPicture) -> str:
    """What a person can do about an upload that cannot be used."""
    if problem.kind == HEIC:
        return _(
            "Choose a JPEG instead: open the photo and export it as JPEG. On an iPhone, Settings, Camera, Formats, "
            "“Most Compatible” makes it take JPEGs."
        )
    if problem.kind not in PICTURES:
        return _("Choose a PNG, JPEG, WebP, AVIF or GIF picture.")
    if problem.is_damage:
        return _("Save or download it once more, or choose another one.")
    return _("Make it smaller, and choose it again.")


def store(person: Person, data: bytes, size: tuple[int, int], extension: str = "png") -> str:
    """Return the name: of nothing else ever, and with the size in it. Raises InvalidInput."""
    name = f"{UPLOADS}/{person.pk}/{uuid.uuid4().hex}-{size[0]}x{size[1]}.{extension}"
    try:
        return default_storage.save(name, ContentFile(data))
    except Exception:  # storages raise what they like
        logger.exception("Could not store an upload, or what was prepared of a picture")
        raise InvalidInput(_("The studio could not store the picture just now. Try again in a moment.")) from None
