"""Whether storage has just the files that the rows name. Memory is bounded: rows a few at a time, files by folder.

`work` does it in slices, for the page in the administration; the command does it in one go.
"""

import hashlib
import logging
import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import PurePosixPath
from typing import TypeVar

from django.core.files.storage import default_storage
from django.db.models import Model, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_noop

from gallery.engine.inbox import INBOX
from gallery.images.edit import UPLOADS
from gallery.models import Generation, MediaCheck, Picture
from gallery.models.kept_file import KEPT
from lemonstudio.storage import StorageError

logger = logging.getLogger(__name__)

PICTURES = "pictures"
# A younger file may belong to a row that is about to be written.
ORPHANED_AFTER = timedelta(days=1)
# How old an orphan is at least when it is deleted.
DELETED_AFTER = timedelta(days=7)
AT_ONCE = 500
# So many of the newest pictures are looked at by themselves.
NEWEST = 50
# How long a slice of a check takes.
SLICE_SECONDS = 20.0
SENT_ALONG = ("source_file", "mask_file", "reference_files")
Row = TypeVar("Row", bound=Model)
_THUMBNAIL = re.compile(r"-\d+$")
_GENERATION = re.compile(r"\d{1,18}(?=-)")


@dataclass(frozen=True, slots=True)
class Finding:
    """`what` is wrong with the file `name`."""

    what: str
    name: str
    picture_id: int | None = None
    is_thumbnail: bool = False
    is_orphan: bool = False

    def __str__(self) -> str:
        of = f" (picture {self.picture_id})" if self.picture_id else ""
        return f"{self.what}: {self.name}{of}"


# The number of a row, or a folder, and what is wrong with its files. A check can go on after any of them.
Steps = Iterator[tuple[str, list[Finding]]]


def steps(stage: str, after: str = "", *, with_hash: bool = False) -> Steps:
    """One stage of a check, after the row or folder `after`."""
    match stage:
        case MediaCheck.Stage.PICTURES:
            return _check_pictures(int(after or 0), with_hash=with_hash)
        case MediaCheck.Stage.KEPT_FILES:
            return _check_kept_files(int(after or 0))
        case MediaCheck.Stage.SENT_ALONG:
            return _check_sent_along(int(after or 0))
        case _:
            return _find_orphans(after)


def work(pk: int, seconds: float = SLICE_SECONDS) -> bool:
    """One slice of a check; tell whether another one is to follow. Of two at once, one counts."""
    check = MediaCheck.objects.filter(pk=pk, finished_at=None).first()
    if check is None:
        return False
    until = time.monotonic() + seconds
    begun = (check.stage, check.place)
    try:
        for stage in list(MediaCheck.Stage)[list(MediaCheck.Stage).index(MediaCheck.Stage(check.stage)) :]:
            for place, findings in steps(stage, check.place, with_hash=check.with_hash):
                check.note(stage, place, map(str, findings), orphans=sum(one.is_orphan for one in findings))
                if time.monotonic() > until:
                    return check.keep(begun)
            check.stage, check.place = stage, ""
        check.finished_at = timezone.now()
    except StorageError as problem:
        check.finished_at, check.error = (
            timezone.now(),
            gettext_noop("Storage cannot be reached: %(problem)s") % {"problem": problem.strerror},
        )
    check.keep(begun)
    return False


def _in_pages(rows: QuerySet[Row], last: int = 0) -> Iterator[Row]:
    """All rows, with no query open meanwhile: on SQLite that would keep the log growing, and fail writes."""
    while page := list(rows.filter(pk__gt=last).order_by("pk")[:AT_ONCE]):
        yield from page
        last = page[-1].pk


def look_at_newest() -> None:
    """Whether the newest originals are there. If not, the media may not belong to this database: say so, once a day."""
    newest = Picture.objects.order_by("-pk").only("original")[:NEWEST]
    missing = [one for one in newest if not default_storage.exists(one.original_name)]
    told = MediaCheck.objects.filter(broken__gt=0, started_at__gt=timezone.now() - timedelta(days=1))
    if not missing or told.exists():
        return
    said = gettext_noop("Only the newest %(number)s pictures were looked at. A whole check tells more.") % {
        "number": NEWEST
    }
    MediaCheck.objects.create(
        finished_at=timezone.now(),
        broken=len(missing),
        findings=[str(Finding("Missing original", one.original_name, one.pk)) for one in missing],
        error=said,
    )
    logger.error(
        "Of the newest %s originals, %s are missing. Do the media belong to this database? Run check_media.",
        NEWEST,
        len(missing),
    )


# -- files that rows name


def _check_pictures(after: int, *, with_hash: bool) -> Steps:
    """Originals and thumbnails that are missing, or that are not what the row says."""
    columns = ("pk", "original", "sha256", "byte_size", "thumbnails")
    for picture in _in_pages(Picture.objects.only(*columns), after):
        findings = []
        if what := _wrong_with_original(picture, with_hash=with_hash):
            findings.append(Finding(what, picture.original_name, picture.pk))
        for name in _thumbnails_of(picture):
            if not default_storage.exists(name):
                findings.append(Finding(gettext_noop("Missing thumbnail"), name, picture.pk, is_thumbnail=True))
        yield str(picture.pk), findings


def _check_kept_files(after: int) -> Steps:
    """Files that were delivered and are no pictures."""
    for generation in _in_pages(Generation.objects.exclude(results=[]).only("results"), after):
        names = [kept.name for kept in generation.kept_files]
        missing = [
            Finding(gettext_noop("Missing kept file"), name) for name in names if not default_storage.exists(name)
        ]
        yield str(generation.pk), missing


def _check_sent_along(after: int) -> Steps:
    """Pictures that an unfinished request names."""
    waiting = Generation.objects.under_way().exclude(source_file="")
    for generation in _in_pages(waiting.only(*SENT_ALONG), after):
        what, names = (
            gettext_noop("Missing file of generation %(number)s") % {"number": generation.pk},
            _sent_along(generation),
        )
        yield str(generation.pk), [Finding(what, name) for name in names if not default_storage.exists(name)]


def _wrong_with_original(picture: Picture, *, with_hash: bool) -> str:
    try:
        size = default_storage.size(picture.original_name)
        if size != picture.byte_size:
            return gettext_noop("Of %(size)s bytes instead of %(stored)s") % {"size": size, "stored": picture.byte_size}
        if with_hash and _sha256(picture.original_name) != picture.sha256:
            return gettext_noop("Other content than what was stored")
    except FileNotFoundError:
        return gettext_noop("Missing original")
    except OSError as problem:
        return gettext_noop("Not readable (%(problem)s)") % {"problem": problem}
    return ""


def _sha256(name: str) -> str:
    sha256 = hashlib.sha256()
    with default_storage.open(name) as file:
        while chunk := file.read(2**20):
            sha256.update(chunk)
    return sha256.hexdigest()


def _thumbnails_of(picture: Picture) -> list[str]:
    return [picture.thumbnail_name(width, format) for format, widths in picture.thumbnails.items() for width in widths]


def _sent_along(generation: Generation) -> list[str]:
    return [name for name in (*generation.files_to_send, generation.mask_file) if name]


# -- files that no row names


def _find_orphans(after: str) -> Steps:
    for folder in sorted((PICTURES, UPLOADS, INBOX, KEPT)):
        for here, names in folders_below(folder, tuple(after.split("/")) if after else ()):
            findings = []
            names = sorted(names)
            for begin in range(0, len(names), AT_ONCE):
                some = names[begin : begin + AT_ONCE]
                named = _named(folder, here, some)
                paths = (f"{here}/{name}" for name in some)
                unnamed = (path for path in paths if path not in named and is_older(path, ORPHANED_AFTER))
                findings += [Finding(gettext_noop("Named by no row"), path, is_orphan=True) for path in unnamed]
            yield here, findings


def is_older(name: str, age: timedelta) -> bool:
    """Whether the file is there and was stored so long ago."""
    try:
        return default_storage.get_modified_time(name) < timezone.now() - age
    except FileNotFoundError:
        return False  # deleted since the look at its folder


def folders_below(folder: str, after: tuple[str, ...] = ()) -> Iterator[tuple[str, list[str]]]:
    """Each folder with the names of its files, in order, after the folder of these parts."""
    here = tuple(folder.split("/"))
    if here < after[: len(here)]:
        return  # done, with all below it
    try:
        folders, names = default_storage.listdir(folder)
    except FileNotFoundError:
        return
    if here > after:
        yield folder, names
    for name in sorted(folders):
        yield from folders_below(f"{folder}/{name}", after)


def _named(top: str, folder: str, names: Iterable[str]) -> set[str]:
    """The files of this folder that rows name; `names` are those to look for."""
    match top:
        case "pictures":
            return named_by_pictures(folder, names)
        case "uploads":
            author = folder.rpartition("/")[2]
            if not author.isdecimal():
                return set()
            rows = Generation.objects.filter(author=int(author)).exclude(source_file="")
            return {name for row in _in_pages(rows.only(*SENT_ALONG)) for name in _sent_along(row)}
        case _:
            pks = {int(found[0]) for name in names if (found := _GENERATION.match(name))}
            results = Generation.objects.filter(pk__in=pks).values_list("results", flat=True)
            return {result.get(key, "") for row in results for result in row for key in ("file", "kept")}


def named_by_pictures(folder: str, names: Iterable[str]) -> set[str]:
    """Originals and thumbnails. Their names begin with the number of their generation."""
    pks = {int(found[0]) for name in names if (found := _GENERATION.match(name))}
    rows = Picture.objects.filter(generation__in=pks).only("original", "thumbnails")
    named: set[str] = set()
    for picture in rows:
        named |= {picture.original_name, *_thumbnails_of(picture)}
        if not picture.thumbnails:
            # They are being made: the row names them afterwards.
            stem = str(PurePosixPath(picture.original_name).with_suffix(""))
            named |= {
                f"{folder}/{name}"
                for name in names
                if _THUMBNAIL.sub("", f"{folder}/{PurePosixPath(name).stem}") == stem
            }
    return named
