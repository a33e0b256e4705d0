"""Ingests what was delivered: fetch it safely, verify it, keep the original bytes, make thumbnails.

Everything here may run twice, or be killed in the middle, at any line: a picture counts only once its row is there, a
row is there only after its file was written whole, and a result has one row at most.

What is no picture that the studio can show is kept, too, as a file for its author: it was paid for. Only what a host
says instead of sending a file, such as a page, is not; and a damaged file is fetched again before it is kept.
"""

import contextlib
import errno
import hashlib
import logging
import tempfile
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import IO

from django.conf import settings
from django.core.files import File
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import timezone
from django.utils.translation import gettext_noop

from gallery.engine import inbox, raw_answers, storage_watch
from gallery.engine.fetch import fetch
from gallery.engine.fetch_address import FetchError
from gallery.images.concurrency import Busy
from gallery.images.kinds import ENOUGH, Kind, kind_of
from gallery.images.parse import NotAPicture
from gallery.images.thumbnails import thumbnails
from gallery.images.verify import examine
from gallery.models import Activity, Gallery, GalleryEntry, Generation, Picture, State
from gallery.models.kept_file import KEPT
from gallery.models.metric import COUNTERS, SLOW
from gallery.models.states import FETCH_ATTEMPTS, NOT_A_PICTURE, PICTURE_UNAVAILABLE
from gallery.services.activity import record
from gallery.upstream.inline import resolve
from lemonstudio.storage import StorageError, save_whole

logger = logging.getLogger(__name__)

MAX_BYTES = 40 * 2**20
# What is larger waits on the disk: many are fetched at once.
IN_MEMORY = 2**20
FETCH_DEADLINE = 60.0
# Longer than ingesting one picture takes at its deadline: so long waits what was killed in the middle.
PICTURE_SECONDS = 90
# How long a host may send next to nothing; on the last try it has more time.
STALL_SECONDS = 5
LAST_STALL_SECONDS = 30
# After the first, second, … failed try.
WAITS = (3, 10, 30, 90)
# While storage is away or full.
SHORTEST_WAIT, LONGEST_WAIT = timedelta(seconds=5), timedelta(minutes=1)
# So long a machine may be off that holds a picture for storage. After that, the picture counts as lost until it comes.
HELD_FOR = timedelta(days=7)


def ingest_results(generation_id: int) -> None:
    """Ingest all results of a delivered generation; complete it, or say when to try again.

    Its message may come twice: while one process does this, another one leaves it alone.
    """
    generation = Generation(pk=generation_id, ingest_until=_unreleased.pop(generation_id, None))
    try:
        if generation.claim_ingest(PICTURE_SECONDS):
            _ingest(generation)
            generation.release_ingest()
    except DatabaseError:
        if generation.ingest_until is not None:
            _unreleased[generation_id] = generation.ingest_until
        raise


# Claims of this process that it could not release, the database being away. It goes on with them.
_unreleased: dict[int, datetime] = {}


def _ingest(generation: Generation) -> None:
    """In a claim that `generation` holds; nothing else of it is known yet."""
    generation_id = generation.pk
    mine = Generation.objects.filter(pk=generation_id, state=State.SAVING)
    # In this order: what is deleted for good in between is in both, and not in neither.
    here = set(Picture.objects.filter(generation=generation_id).values_list("index", flat=True))
    generation.refresh_from_db(from_queryset=Generation.objects.select_related("model"))
    here.update(generation.deleted_results)
    problems: list[Exception] = []
    for index, result in enumerate(generation.results):
        if index in here or result.get("lost") or (result.get("kept") and not result.get("fresh")):
            continue
        if index and not generation.claim_ingest(PICTURE_SECONDS):
            return
        try:
            if ingest_result(generation, index, result) is not None:
                here.add(index)
        except (FetchError, NotAPicture) as problem:
            problems.append(problem)
            if isinstance(problem, FetchError) and problem.hopeless and not generation.task_id:
                # What was kept as a file instead is all that there is of it.
                if result.get("kept"):
                    generation.note_result(index, fresh="")
                else:
                    generation.give_up_result(index, str(problem))
        except Busy:
            # The machine decodes other pictures: this one comes back, and no try is counted.
            mine.update(due_at=timezone.now() + timedelta(seconds=15))
            return
        except OSError as problem:
            # Storage is full or away. Nothing is lost, and it is no attempt: it goes on when storage is well again.
            logger.error("Could not store a picture of generation %s: %s", generation_id, problem.strerror or problem)
            mine.update(due_at=timezone.now() + _wait_for_storage(generation))
            if isinstance(problem, StorageError) and not isinstance(problem, StillHeld):
                storage_watch.report(problem)
            return
        except DatabaseError:
            raise
        except Exception as problem:
            # A bug, or a setting that is wrong. It counts as an attempt, or it would be tried for ever.
            logger.exception("Could not ingest a picture of generation %s", generation_id)
            problems.append(problem)
    if problems and generation.attempts + 1 < FETCH_ATTEMPTS and _may_help(generation, problems):
        _try_again_later(generation)
        return
    # The file of a result without an address is gone, and nothing else is known of it.
    for index, result in enumerate(generation.results):
        if index not in here and not (result.get("url") or result.get("kept") or generation.task_id):
            generation.give_up_result(index, result.get("lost") or gettext_noop("the file that it was kept in is gone"))
    if here or any(not one.is_message for one in generation.kept_files):
        if not generation.complete(generation.cost_of_results):
            return
        if generation.delivered_at is not None:
            COUNTERS.observe("ingest_seconds", (timezone.now() - generation.delivered_at).total_seconds(), SLOW)
        if not problems:
            raw_answers.forget(generation_id)
    else:
        _fail(generation, problems)


def _fail(generation: Generation, problems: list[Exception]) -> None:
    """Say what came instead of a picture, or why nothing came; and what can be done, if anything can."""
    if generation.kept_files:
        words = gettext_noop("It sent %(what)s, which you can download.") % {"what": generation.kept_files[0].what}
        generation.fail(NOT_A_PICTURE, words, from_=[State.SAVING])
        return
    lost = next(
        (result["lost"] for result in generation.results if result.get("lost")), gettext_noop("the answer names none")
    )
    problem = problems[0] if problems else lost
    if not generation.is_missing_pictures:
        hint = gettext_noop("Fetching it again cannot help. “Retry” asks for a new picture, which is charged again.")
    elif isinstance(problem, FetchError) and problem.refused:
        hint = gettext_noop(
            "An administrator can allow this host in the studio's settings (LEMONSTUDIO_TRUSTED_ORIGINS). After that, "
            "“Fetch again” brings the picture without paying again."
        )
    else:
        hint = gettext_noop("It is paid for. “Fetch again” tries once more without paying again.")
    message = gettext_noop("The picture was made, but could not be fetched: %(problem)s") % {"problem": problem}
    generation.fail(PICTURE_UNAVAILABLE, message, hint, from_=[State.SAVING])


def _may_help(generation: Generation, problems: list[Exception]) -> bool:
    """Whether another try has a chance: a refused address stays refused, unless a task can give another one."""
    return bool(generation.task_id) or not all(isinstance(one, FetchError) and one.permanent for one in problems)


class StillHeld(StorageError):
    """The machine that received it still holds it for storage."""


def _wait_for_storage(generation: Generation) -> timedelta:
    """The longer it has been waiting, the longer until the next try."""
    waited = timezone.now() - (generation.delivered_at or timezone.now())
    return max(SHORTEST_WAIT, min(waited / 4, LONGEST_WAIT))


def _try_again_later(generation: Generation) -> None:
    wait = WAITS[min(generation.attempts, len(WAITS) - 1)]
    due_at = timezone.now() + timedelta(seconds=wait)
    changes = {"due_at": due_at, "attempts": generation.attempts + 1, "ingest_until": None}
    if generation.task_id:
        # The upstream gives a fresh address when it is asked again.
        generation.ask_again(**changes)
    else:
        Generation.objects.filter(pk=generation.pk, state=State.SAVING).update(**changes)


def ingest_result(generation: Generation, index: int, result: dict[str, str]) -> Picture | None:
    """Fetch and verify one result and keep it; None if it is kept as a file, being no picture.

    It may have come inside an answer, and have an address from another answer: then what is here comes first. If that
    is no picture, it is kept as a file, and the address may still bring a picture.
    Raises FetchError, NotAPicture where another copy may be better, or OSError when it can't be stored.
    """
    is_last_try = generation.attempts + 1 >= FETCH_ATTEMPTS
    from_inbox = _Delivered(generation, index, result, partial(_copy_from_inbox, generation, result))
    if result.get("file"):
        try:
            # Another answer may bring a better copy, if there is anyone to ask.
            must_keep = not result.get("url") and (is_last_try or not generation.task_id)
            picture = from_inbox.keep(must_keep=must_keep)
        except (FetchError, NotAPicture):
            if not result.get("url"):
                raise
        else:
            inbox.delete([result["file"]])
            if picture is not None or not result.get("url"):
                return picture
    if not result.get("url"):
        raise FetchError(gettext_noop("the answer names no address for it"), hopeless=True)
    try:
        picture = _Delivered(generation, index, result, partial(_fetch, result["url"], is_last_try)).keep(
            must_keep=is_last_try, is_fetched=True
        )
        if picture is None and result.get("file"):
            inbox.delete([result["file"]])
        return picture
    except (FetchError, NotAPicture):
        if result.get("file") and is_last_try and default_storage.exists(result["file"]):
            picture = from_inbox.keep(must_keep=True)
            inbox.delete([result["file"]])
            return picture
        raise


def _fetch(url: str, is_last_try: bool, file: IO[bytes]) -> None:
    if not connection.in_atomic_block:
        connection.close()  # many fetch at once, and a server gives few connections
    fetch(
        resolve(settings.LEMONDATA_BASE_URL, url),
        file,
        trusted_origins=settings.LEMONSTUDIO_TRUSTED_ORIGINS,
        max_bytes=MAX_BYTES,
        deadline=FETCH_DEADLINE,
        stall_seconds=LAST_STALL_SECONDS if is_last_try else STALL_SECONDS,
    )


@dataclass(frozen=True, slots=True)
class _Delivered:
    """One result, and how its bytes are read."""

    generation: Generation
    index: int
    result: dict[str, str]
    read: Callable[[IO[bytes]], object]

    def keep(self, *, must_keep: bool, is_fetched: bool = False) -> Picture | None:
        """Keep it as a picture, or as a file; `must_keep` if no other copy of what is damaged will come."""
        with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as file:
            self.read(file)
            file.seek(0)
            try:
                return _keep(self.generation, self.index, self.result, file)
            except NotAPicture as problem:
                file.seek(0)
                kind = kind_of(file.read(ENOUGH))
                if is_fetched and kind.is_message:
                    raise FetchError(
                        gettext_noop("its host sent %(what)s, not a picture") % {"what": kind.with_article}, gone=True
                    ) from problem
                if problem.is_damage and not must_keep:
                    raise
                may_come = "" if is_fetched else self.result.get("url", "")
                _keep_file(self.generation, self.index, file, kind, str(problem), fresh="yes" if may_come else "")
                return None


def _copy_from_inbox(generation: Generation, result: dict[str, str], file: IO[bytes]) -> None:
    try:
        with default_storage.open(result.get("file", ""), "rb") as stored:
            for chunk in stored.chunks():
                file.write(chunk)
    except FileNotFoundError:
        since = generation.delivered_at
        if result.get("held") and since is not None and timezone.now() - since < HELD_FOR:
            raise StillHeld(
                errno.ENOENT, gettext_noop("the machine that received it still holds it for storage")
            ) from None
        raise FetchError(gettext_noop("the file that it was kept in is gone")) from None


# A worker fetches many at once, and decodes one after the other.
_VERIFYING = threading.Lock()


@contextlib.contextmanager
def _verifying(generation: Generation) -> Iterator[None]:
    while True:
        generation.claim_ingest(PICTURE_SECONDS)
        if _VERIFYING.acquire(timeout=PICTURE_SECONDS / 3):
            break
    try:
        yield
    finally:
        _VERIFYING.release()


def _keep(generation: Generation, index: int, result: dict[str, str], file: IO[bytes]) -> Picture:
    with _verifying(generation):
        examined = examine(file)
    sha256, size = _measured(file)
    # A name of its own for every try: two that run at once never write into the same file. One of 256 folders a month,
    # by the digest, because backups and file shares are slow with very many files in one.
    stem = f"{generation.created_at:%Y/%m}/{sha256[:2]}/{generation.pk}-{index}-{uuid.uuid4().hex[:12]}"
    name = save_whole(default_storage, f"pictures/{stem}.{examined.info.extension}", File(file), size)
    try:
        with transaction.atomic():
            generation.note_picture(index)
            picture = Picture.objects.create(
                generation=generation,
                index=index,
                author_id=generation.author_id,
                original=name,
                sha256=sha256,
                format=examined.info.format,
                is_as_delivered=examined.info.is_as_delivered,
                byte_size=size,
                width=examined.info.width,
                height=examined.info.height,
                placeholder=list(examined.placeholder),
                revised_prompt=result.get("revised_prompt", ""),
            )
            transaction.on_commit(lambda: COUNTERS.add("pictures_kept"), robust=True)
            # Held until the row is there: the gallery may be in the middle of being deleted.
            gallery_id = generation.gallery_id
            if gallery_id and Gallery.objects.select_for_update().filter(pk=gallery_id).exists():
                GalleryEntry.objects.create(gallery_id=gallery_id, picture=picture, added_by_id=generation.author_id)
                record(gallery_id, generation.author_id, Activity.Verb.ADDED, picture=picture)
    except IntegrityError:
        default_storage.delete(name)
        return Picture.objects.get(generation=generation, index=index)
    return picture


def _keep_file(generation: Generation, index: int, file: IO[bytes], kind: Kind, why: str, fresh: str) -> None:
    """Keep what is no picture as it is, and note it in the row; the file comes first.

    `fresh`: another copy is still to be fetched. One file is kept for a result.
    """
    _, size = _measured(file)
    name = f"{KEPT}/{generation.pk}-{index}-{uuid.uuid4().hex[:12]}.{kind.extension}"
    name = save_whole(default_storage, name, File(file), size)
    # Of a kind that is never shown, its name says it all.
    why = "" if why.endswith(kind.with_article) or not kind.name else why
    # The copy that it came from is done with.
    done = {"file": "", "held": "", "fresh": fresh}
    if not generation.note_result(index, kept=name, what=kind.with_article, why=why, **done):
        default_storage.delete(name)
        generation.note_result(index, **done)


def _measured(file: IO[bytes]) -> tuple[str, int]:
    """SHA-256 and size of the whole file, which stands at its beginning afterwards."""
    file.seek(0)
    sha256, size = hashlib.sha256(), 0
    while chunk := file.read(2**20):
        sha256.update(chunk)
        size += len(chunk)
    file.seek(0)
    return sha256.hexdigest(), size


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
        # It was deleted for good meanwhile, before it had thumbnails to delete.
        picture.thumbnails = made
        picture.delete_files()
