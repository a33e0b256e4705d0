"""Assets: pictures that people bring and that stay in the library, such as photos and logos."""

import hashlib
import logging
import uuid
from io import BytesIO
from pathlib import PurePosixPath
from typing import IO

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from gallery.enqueue import enqueue_thumbnails
from gallery.images.concurrency import Busy
from gallery.images.verify import examine
from gallery.models import Generation, ImageModel, Person, Picture, State
from gallery.queries.limits import limits_of
from gallery.services import uploads
from gallery.services.errors import InvalidInput
from lemonstudio.storage import save_whole

logger = logging.getLogger(__name__)

KINDS = [(kind.value, kind.label) for kind in Picture.Kind if kind != Picture.Kind.MADE]
LONGEST_NAME = 200


def add(person: Person, file: IO[bytes], name: str = "", kind: str = Picture.Kind.PHOTO) -> Picture:
    """Check a file, take its metadata off, and keep it as a picture of this person's, whom alone it is shown to.

    The same picture again is the one that is there. Raises InvalidInput.
    """
    if problem := limits_of(person).storage_problem:
        raise InvalidInput(problem, "picture")
    upload = uploads.checked(file)
    sha256 = hashlib.sha256(upload.data).hexdigest()
    own = Picture.objects.kept().filter(author=person, sha256=sha256).exclude(kind=Picture.Kind.MADE)
    if (same := own.first()) is not None:
        return same
    try:
        examined = examine(BytesIO(upload.data))
    except Busy:
        raise InvalidInput(uploads.BUSY, "picture") from None
    now = timezone.now()
    # It never stands in the feed: nothing was asked for.
    generation = Generation.objects.create(
        author=person,
        model=ImageModel.objects.for_uploads(),
        prompt=_title(name) or "An uploaded picture",
        kind=Generation.Kind.UPLOAD,
        state=State.COMPLETED,
        dismissed=True,
        finished_at=now,
    )
    stem = f"{now:%Y/%m}/{sha256[:2]}/{generation.pk}-0-{uuid.uuid4().hex[:12]}"
    try:
        stored = save_whole(
            default_storage, f"pictures/{stem}.{upload.extension}", ContentFile(upload.data), len(upload.data)
        )
    except Exception:  # storages raise what they like
        logger.exception("Could not store an upload")
        generation.delete()
        raise InvalidInput(_("The studio could not store the picture just now. Try again in a moment.")) from None
    with transaction.atomic():
        picture = Picture.objects.create(
            generation=generation,
            index=0,
            author=person,
            kind=kind,
            original=stored,
            sha256=sha256,
            format=examined.info.format,
            is_as_delivered=examined.info.is_as_delivered,
            byte_size=len(upload.data),
            width=upload.width,
            height=upload.height,
            placeholder=list(examined.placeholder),
        )
        enqueue_thumbnails(picture.pk)
    return picture


def _title(name: str) -> str:
    """What a file is called, as a title: without its ending, and with spaces for what stands for them."""
    return " ".join(PurePosixPath(name).stem.replace("_", " ").split())[:LONGEST_NAME]
