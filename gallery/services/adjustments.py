"""New versions of a picture that cost nothing: turned, cropped, fitted, with a logo."""

import hashlib
import logging
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import DatabaseError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from gallery.enqueue import enqueue_thumbnails
from gallery.images.adjust import Adjusted, Adjustment, Logo, Ratio, adjusted
from gallery.images.concurrency import Busy
from gallery.images.parse import NotAPicture
from gallery.models import Gallery, Generation, Person, Picture, State
from gallery.queries.limits import limits_of
from gallery.services import galleries, uploads
from gallery.services.errors import InvalidInput
from lemonstudio.storage import save_whole

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Stored:
    """A file that is stored, and what its row says of it."""

    name: str
    sha256: str
    byte_size: int
    about: dict[str, Any]


def adjust(
    person: Person,
    picture: Picture,
    adjustment: Adjustment,
    ratios: Sequence[Ratio],
    logo: Logo | None = None,
    gallery: Gallery | None = None,
) -> list[Picture]:
    """Make one picture for each ratio, and keep them as this person's. A version that is there already is that one.

    Raises InvalidInput; then nothing is kept.
    """
    if problem := limits_of(person).storage_problem:
        raise InvalidInput(problem)
    stored: list[_Stored] = []
    try:
        with default_storage.open(picture.original_name) as file:
            stored.extend(_store(made) for made in adjusted(file, adjustment, ratios, logo))
        return _keep(person, picture, stored, gallery)
    except Busy:
        said = str(uploads.BUSY)
    except NotAPicture as problem:
        logger.warning("Picture %d cannot be adjusted: %s", picture.pk, problem)
        said = _("This picture, or the logo, cannot be read. Ask an administrator to check the files.")
    except DatabaseError:
        _forget(stored)
        raise
    except OSError:  # what lemonstudio.storage makes of all that a storage raises
        logger.exception("Could not read picture %d, or store what was made of it", picture.pk)
        said = _("The studio could not reach its files just now. Try again in a moment.")
    _forget(stored)
    raise InvalidInput(said) from None


def _forget(stored: Sequence[_Stored]) -> None:
    for one in stored:
        default_storage.delete(one.name)


def _store(made: Adjusted) -> _Stored:
    data = made.file.data
    digest = hashlib.sha256(data).hexdigest()
    name = f"pictures/{timezone.now():%Y/%m}/{digest[:2]}/{uuid.uuid4().hex}.{made.file.extension}"
    about = {
        "format": made.format,
        "width": made.file.width,
        "height": made.file.height,
        "placeholder": list(made.placeholder),
    }
    return _Stored(save_whole(default_storage, name, ContentFile(data), len(data)), digest, len(data), about)


@transaction.atomic
def _keep(person: Person, picture: Picture, stored: Sequence[_Stored], gallery: Gallery | None) -> list[Picture]:
    """Rows for the files. The row behind them stands in no feed: nothing was asked of a service."""
    own = Picture.objects.kept().filter(author=person, generation__parent=picture)
    kept = {one.sha256: one for one in own.filter(sha256__in=[one.sha256 for one in stored])}
    new = {one.sha256: one for one in stored if one.sha256 not in kept}
    if new:
        source = picture.generation
        generation = Generation.objects.create(
            author=person,
            model=source.model,
            prompt=source.prompt,
            options=source.options,
            count=len(new),
            parent=picture,
            kind=Generation.Kind.ADJUSTED,
            state=State.COMPLETED,
            dismissed=True,
            finished_at=timezone.now(),
        )
        for index, (digest, one) in enumerate(new.items()):
            kept[digest] = Picture.objects.create(
                generation=generation,
                index=index,
                author=person,
                kind=picture.kind,
                original=one.name,
                sha256=digest,
                byte_size=one.byte_size,
                **one.about,
            )
            enqueue_thumbnails(kept[digest].pk)
    used = {one.original_name for one in kept.values()}
    for one in stored:
        if one.name not in used:
            transaction.on_commit(partial(default_storage.delete, one.name))
    pictures = list({one.sha256: kept[one.sha256] for one in stored}.values())
    if gallery is not None:
        for version in pictures:
            galleries.save_picture(version, gallery)
    return pictures
