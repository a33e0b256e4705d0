"""Brings a delivered picture home: fetch it safely, verify it, keep the original bytes, make thumbnails.

Everything here may run twice, or be killed in the middle, at any line: a picture counts only once its row is there, a
row is there only after its file was written whole, and a result has one row at most.
"""

import contextlib
import hashlib
import logging
import tempfile
import uuid
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import IO

from django.conf import settings
from django.core.files import File
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import DatabaseError, IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from gallery.engine import raw_answers
from gallery.engine.fetch import FetchError, fetch
from gallery.images.parse import NotAPicture
from gallery.images.verify import examine, thumbnails
from gallery.models import Activity, Gallery, GalleryEntry, Generation, Picture, State
from gallery.models.states import FETCH_ATTEMPTS, PICTURE_UNAVAILABLE
from gallery.services.activity import record

logger = logging.getLogger(__name__)

MAX_BYTES = 40 * 2**20
FETCH_DEADLINE = 60.0
# Longer than bringing one picture home at its deadline takes: so long waits what was killed in the middle.
PICTURE_SECONDS = 90
# After the first, second, … failed try.
WAITS = (3, 10, 30, 90)


def ingest_results(generation_id: int) -> None:
    """Bring home all pictures of a delivered generation; complete it, or say when to try again."""
    mine = Generation.objects.filter(pk=generation_id, state=State.SAVING)
    if not _claim(mine):
        return
    # In this order: what is deleted for good in between is in both, and not in neither.
    here = set(Picture.objects.filter(generation=generation_id).values_list("index", flat=True))
    generation = Generation.objects.select_related("model").get(pk=generation_id)
    here.update(generation.deleted_results)
    problems: list[Exception] = []
    for index, result in enumerate(generation.results):
        if index in here:
            continue
        if index:
            _claim(mine)
        try:
            ingest_result(generation, index, result)
            here.add(index)
        except (FetchError, NotAPicture) as problem:
            problems.append(problem)
        except OSError as problem:
            # Most likely a full disk: nothing is lost, it goes on when there is room.
            logger.error("Could not store a picture of generation %s: %s", generation_id, problem.strerror or problem)
            mine.update(due_at=timezone.now() + timedelta(seconds=15))
            return
        except DatabaseError:
            raise
        except Exception as problem:
            # A bug, or a setting that is wrong. It counts as an attempt, or it would be tried for ever.
            logger.exception("Could not bring home a picture of generation %s", generation_id)
            problems.append(problem)
    if problems and generation.attempts + 1 < FETCH_ATTEMPTS and _may_help(generation, problems):
        _try_again_later(generation)
    elif here:
        if generation.complete(generation.cost_of_results) and not problems:
            raw_answers.forget(generation_id)
    else:
        generation.fail(
            PICTURE_UNAVAILABLE,
            f"The picture was made, but could not be fetched: {problems[0] if problems else 'the answer names none'}",
            "It is paid for. “Fetch again” tries once more without paying again.",
            from_=[State.SAVING],
        )


def _claim(mine: QuerySet[Generation]) -> int:
    """Have nobody else sent for it while the next picture is brought home."""
    return mine.update(due_at=timezone.now() + timedelta(seconds=PICTURE_SECONDS))


def _may_help(generation: Generation, problems: list[Exception]) -> bool:
    """Whether another try has a chance: a refused address stays refused, unless a task can give another one."""
    return bool(generation.task_id) or not all(isinstance(one, FetchError) and one.permanent for one in problems)


def _try_again_later(generation: Generation) -> None:
    wait = WAITS[min(generation.attempts, len(WAITS) - 1)]
    due_at = timezone.now() + timedelta(seconds=wait)
    changes = {"due_at": due_at, "attempts": generation.attempts + 1}
    if generation.task_id:
        # The upstream gives a fresh address when it is asked again.
        generation.ask_again(**changes)
    else:
        Generation.objects.filter(pk=generation.pk, state=State.SAVING).update(**changes)


def ingest_result(generation: Generation, index: int, result: dict[str, str]) -> Picture:
    """Fetch and verify one result and keep it. Raises FetchError, NotAPicture, or OSError when it can't be stored.

    It may have come inside an answer, and have an address from another answer: then what is here comes first.
    """
    if result.get("file"):
        try:
            picture = _read_and_keep(generation, index, result, partial(_copy_from_inbox, result["file"]))
        except (FetchError, NotAPicture):
            if not result.get("url"):
                raise
        else:
            default_storage.delete(result["file"])
            return picture
    if not result.get("url"):
        raise FetchError("the answer names no address for it")
    return _read_and_keep(
        generation,
        index,
        result,
        lambda file: fetch(
            result["url"],
            file,
            trusted_origins=settings.LEMONSTUDIO_TRUSTED_ORIGINS,
            max_bytes=MAX_BYTES,
            deadline=FETCH_DEADLINE,
        ),
    )


def _read_and_keep(
    generation: Generation, index: int, result: dict[str, str], read: Callable[[IO[bytes]], object]
) -> Picture:
    with tempfile.SpooledTemporaryFile(max_size=8 * 2**20) as file:
        read(file)
        file.seek(0)
        return _keep(generation, index, result, file)


def _copy_from_inbox(name: str, file: IO[bytes]) -> None:
    try:
        with default_storage.open(name, "rb") as stored:
            for chunk in stored.chunks():
                file.write(chunk)
    except FileNotFoundError:
        raise FetchError("the file that it was kept in is gone") from None


def _keep(generation: Generation, index: int, result: dict[str, str], file: IO[bytes]) -> Picture:
    examined = examine(file)
    file.seek(0)
    sha256, size = hashlib.sha256(), 0
    while chunk := file.read(2**20):
        sha256.update(chunk)
        size += len(chunk)
    file.seek(0)
    # A name of its own for every try: two that run at once never write into the same file.
    stem = f"{generation.created_at:%Y/%m}/{generation.pk}-{index}-{uuid.uuid4().hex[:12]}"
    name = f"pictures/{stem}.{examined.info.extension}"
    try:
        name = default_storage.save(name, File(file))
    except OSError:
        # What was written of it would only make a full disk fuller.
        with contextlib.suppress(OSError):
            default_storage.delete(name)
        raise
    if default_storage.size(name) != size:
        default_storage.delete(name)
        raise OSError(f"only a part of {name} was stored")
    try:
        with transaction.atomic():
            picture = Picture.objects.create(
                generation=generation,
                index=index,
                author_id=generation.author_id,
                original=name,
                sha256=sha256.hexdigest(),
                format=examined.info.format,
                byte_size=size,
                width=examined.info.width,
                height=examined.info.height,
                placeholder=list(examined.placeholder),
                revised_prompt=result.get("revised_prompt", ""),
            )
            # Held until the row is there: somebody may be deleting the gallery just now.
            gallery_id = generation.gallery_id
            if gallery_id and Gallery.objects.select_for_update().filter(pk=gallery_id).exists():
                GalleryEntry.objects.create(gallery_id=gallery_id, picture=picture, added_by_id=generation.author_id)
                record(gallery_id, generation.author_id, Activity.Verb.ADDED, picture=picture)
    except IntegrityError:
        default_storage.delete(name)
        return Picture.objects.get(generation=generation, index=index)
    return picture


def make_thumbnails(picture_id: int) -> None:
    """Make and keep the thumbnails of a picture; a row that names them comes after the files."""
    picture = Picture.objects.filter(pk=picture_id, thumbnails={}).first()
    if picture is None:
        return
    made: dict[str, list[int]] = {}
    with picture.original.open("rb") as original:
        for thumbnail in thumbnails(original):
            name = picture.thumbnail_name(thumbnail.width, thumbnail.format)
            default_storage.delete(name)
            default_storage.save(name, ContentFile(thumbnail.data))
            made.setdefault(thumbnail.format, []).append(thumbnail.width)
    if not Picture.objects.filter(pk=picture_id).update(thumbnails=made):
        # It was deleted for good meanwhile, by somebody who knew of no thumbnails.
        picture.thumbnails = made
        picture.delete_files()
