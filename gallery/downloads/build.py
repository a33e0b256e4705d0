"""Makes downloads ready, a few seconds at a time, and hands them out.

Making one ready means to read each original once, for its size and checksum, or to convert it and keep the result; then
everything is known that the archive consists of (gallery/zipping.py), and it is put together while it is downloaded.
Two copies of a large gallery never lie on the disk, and what is ready does not wait for anybody.

A task works for SLICE_SECONDS and sends for the next one, so that pictures that arrive wait for no download. What it
has done is noted after each second: who is killed costs that second. No more than AT_ONCE tasks work on downloads.
"""

import errno
import json
import logging
import tempfile
import time
import zlib
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from io import BytesIO
from itertools import chain, islice
from pathlib import PurePosixPath
from typing import IO, Any

from django.core.files import File
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import DatabaseError
from django.utils import timezone
from django.utils.translation import gettext_noop

from gallery.downloads import personal
from gallery.downloads.filenames import MOST_BYTES, Names
from gallery.downloads.files import delete_files
from gallery.downloads.zipstream import Archive, Member
from gallery.enqueue import enqueue_download
from gallery.images.concurrency import Busy
from gallery.images.convert import ENDINGS, Caption, Shape, convert
from gallery.images.edit import UPLOADS
from gallery.images.parse import NotAPicture
from gallery.models import Download, DownloadItem, Gallery, GalleryEntry, Person, Picture
from gallery.queries.downloads import contents
from gallery.queries.roles import pictures_for
from lemonstudio.processes.cluster import stopping

logger = logging.getLogger(__name__)

SLICE_SECONDS = 6.0
NOTE_SECONDS = 1.0
AT_ONCE = 2
# So much is put together in the request itself.
FEW_PICTURES, FEW_BYTES = 50, 200 * 2**20
MANIFEST = "manifest.json"
_ROWS = 500
_BYTES = 2**20

MISSING = gettext_noop("its file is missing from storage")
CHANGED = gettext_noop("its file is not what was stored")
NO_ROOM = gettext_noop(
    "There is no room left where the studio keeps its files. Ask an administrator to make some, then try again. "
    "Originals need no room: choose them if you can do without another format or size."
)
NOTHING_THERE = gettext_noop(
    "None of these pictures’ files could be read. Ask an administrator to look at the studio’s storage."
)
TROUBLE = gettext_noop("Something went wrong here. Try again; if that does not help, tell an administrator.")


# -- what is in it


def caption(picture: Picture) -> Caption:
    generation = picture.generation
    if picture.is_upload:
        return Caption(generation.prompt, "", is_generated=False)
    return Caption(generation.prompt, generation.model.label, tuple(generation.model.in_words(generation.options)))


def _ending(picture: Picture, shape: Shape) -> str:
    return f".{picture.extension if shape.is_original else ENDINGS[shape.format]}"


def _named(number: int, total: int, picture: Picture, shape: Shape, names: Names) -> str:
    """Numbered, so that the order stays, and with the prompt’s first words."""
    width = max(3, len(str(total)))
    words = " ".join(picture.generation.prompt.split()[:8])[:60]
    return names.take(f"{number:0{width}d} {words}", _ending(picture, shape))


def _rows(pks: Sequence[int]) -> Iterator[Picture]:
    """These pictures in this order, with what a manifest tells of them; a few queries for each few hundred."""
    for begin in range(0, len(pks), _ROWS):
        some = pks[begin : begin + _ROWS]
        rows = Picture.objects.select_related("generation__model", "author").prefetch_related("tags").in_bulk(some)
        yield from (rows[pk] for pk in some if pk in rows)


@dataclass(frozen=True, slots=True)
class Packed:
    """What became of a picture in the archive."""

    name: str
    size: int
    sha256: str


def _cost(picture: Picture) -> str | None:
    """Its share, in US dollars."""
    generation = picture.generation
    if generation.cost is None:
        return None
    share = generation.cost / max(1, len(generation.results) or generation.count)
    return str(share.quantize(Decimal("0.0001")))


def _entry(picture: Picture, packed: Packed, person: Person, status: str) -> dict[str, Any]:
    generation = picture.generation
    entry: dict[str, Any] = {
        "file": packed.name,
        "bytes": packed.size,
        "sha256": packed.sha256,
        "picture": picture.pk,
        "original_sha256": picture.sha256,
        "prompt": generation.prompt,
        "revised_prompt": picture.revised_prompt,
        "kind": generation.kind,
        "model": generation.model.slug,
        "options": generation.options,
        "author": picture.author.name,
        "made_at": picture.created_at.isoformat(),
        "tags": [tag.name for tag in picture.tags.all()],
    }
    if status:
        entry["status"] = status
    # What others spend is their own business.
    if picture.author_id == person.pk:
        entry["cost_usd"] = _cost(picture)
    return entry


def _statuses(gallery: Gallery | None) -> Mapping[int, str]:
    if gallery is None:
        return {}
    return dict(GalleryEntry.objects.filter(gallery=gallery).values_list("picture", "status"))


def _manifest(name: str, shape: Shape, entries: Iterable[dict[str, Any]], left_out: Sequence[Any]) -> Iterator[bytes]:
    """JSON, an entry a line."""
    head = {
        "made_by": "Lemon Studio",
        "version": 1,
        "made_at": timezone.now().isoformat(),
        "of": name,
        "format": shape.format.value,
        "longest_side": shape.side,
        "prompt_and_settings_in_files": shape.settings,
        "left_out": left_out,
    }
    yield json.dumps(head, ensure_ascii=False, indent=1).removesuffix("\n}").encode() + b',\n "pictures": ['
    for number, entry in enumerate(entries):
        yield (",\n  " if number else "\n  ").encode() + json.dumps(entry, ensure_ascii=False).encode()
    yield b"\n ]\n}\n"


# -- handing out


@dataclass(frozen=True, slots=True)
class Ready:
    """An archive, and where its members come from: names in storage, or bytes."""

    archive: Archive
    sources: Sequence[str | bytes]

    def open(self, number: int) -> IO[bytes]:
        source = self.sources[number]
        return BytesIO(source) if isinstance(source, bytes) else default_storage.open(source)

    def stream(self, begin: int = 0, end: int | None = None) -> Generator[bytes, None, None]:
        return self.archive.stream(self.open, begin, end)


def _moment(moment: datetime) -> datetime:
    return timezone.localtime(moment)


def ready(download: Download) -> Ready:
    """A download that is ready. Its table of contents is in memory: a few hundred bytes for each picture."""
    rows = download.items.in_archive().values_list("name", "byte_size", "crc32", "modified_at", "file")
    members, sources = [], []
    for name, size, crc, modified, file in rows.iterator(chunk_size=_ROWS):
        members.append(Member(name, size, crc or 0, _moment(modified)))
        sources.append(file)
    return Ready(Archive(members), sources)


def is_small(pictures: int, byte_size: int, shape: Shape) -> bool:
    return shape.is_original and pictures <= FEW_PICTURES and byte_size <= FEW_BYTES


def at_once(person: Person, name: str, gallery: Gallery | None, pks: Sequence[int]) -> Ready:
    """The originals of few pictures. Raises FileNotFoundError where none of them is there."""
    shape, names, statuses = Shape(), Names(), _statuses(gallery)
    names.take(MANIFEST)
    members: list[Member] = []
    sources: list[str | bytes] = []
    entries: list[dict[str, Any]] = []
    left_out: list[dict[str, Any]] = []
    for number, picture in enumerate(_rows(pks), 1):
        try:
            size, crc = _measure(picture.original_name)
        except FileNotFoundError:
            left_out.append({"picture": picture.pk, "because": MISSING})
            continue
        if size != picture.byte_size:
            left_out.append({"picture": picture.pk, "because": CHANGED})
            continue
        packed = Packed(_named(number, len(pks), picture, shape, names), size, picture.sha256)
        members.append(Member(packed.name, size, crc, _moment(picture.created_at)))
        sources.append(picture.original_name)
        entries.append(_entry(picture, packed, person, statuses.get(picture.pk, "")))
    if not members:
        raise FileNotFoundError
    manifest = b"".join(_manifest(name, shape, entries, left_out))
    first = Member(MANIFEST, len(manifest), zlib.crc32(manifest), _moment(timezone.now()))
    return Ready(Archive([first, *members]), [manifest, *sources])


def _measure(name: str) -> tuple[int, int]:
    """Size and checksum of a stored file. Raises FileNotFoundError."""
    size = crc = 0
    with default_storage.open(name) as file:
        while chunk := file.read(_BYTES):
            size += len(chunk)
            crc = zlib.crc32(chunk, crc)
    return size, crc


# -- making ready


def work(download_id: int) -> None:
    """Go on with a download for a moment. Then enqueue the one that has waited longest."""
    download = Download.objects.under_way().filter(pk=download_id).select_related("person", "gallery", "about").first()
    if download is not None and Download.objects.worked_on().count() < AT_ONCE and (claim := download.take()):
        _Work(download, claim).run()
    elif Download.objects.worked_on().exists():
        return  # the task that works on it enqueues the next
    following = Download.objects.idle().order_by("moved_at", "pk").first()
    if following is not None:
        enqueue_download(following.pk)


class _Lost(Exception):
    """Another task works on it, or it was thrown away."""


class _Work:
    def __init__(self, download: Download, claim: str) -> None:
        self.package, self.claim, self.shape = download, claim, download.shape
        self.stop_at = time.monotonic() + SLICE_SECONDS
        self.done: list[DownloadItem] = []
        self.noted_at = time.monotonic()

    def run(self) -> None:
        download = self.package
        try:
            if self._list() and self._go_on():
                self._finish()
            else:
                download.let_go(self.claim)
        except _Lost:
            # What it has written meanwhile is in nobody's list.
            if not Download.objects.filter(pk=download.pk).exists():
                delete_files(download.folder)
        except Busy:
            # Other pictures are being decoded: the next task goes on here.
            download.let_go(self.claim)
        except DatabaseError:
            raise
        except OSError as problem:
            logger.error("A download could not be made ready: %s", problem.strerror or problem)
            self._fail(NO_ROOM if problem.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) else TROUBLE)
        except Exception:
            # A bug, or storage that is away.
            logger.exception("A download could not be made ready")
            self._fail(TROUBLE)

    def _fail(self, problem: str) -> None:
        if self.package.fail(self.claim, problem):
            delete_files(self.package.folder)

    def _is_time(self) -> bool:
        return stopping() or time.monotonic() >= self.stop_at

    # -- the list

    def _list(self) -> bool:
        """Have a row for each picture; tell whether all are there."""
        download = self.package
        have = download.items.count()
        if have and have >= download.total:
            return True
        about = download.about
        if about is None:
            pks, files = contents(pictures_for(download.person), download.gallery, download.chosen), []
        else:
            pks, files = personal.pictures_of(about), personal.files_of(about)
        # A task that was killed began with what was there then; its names are not known here.
        download.items.all().delete()
        download.total = len(pks) + len(files)
        if not download.note_total(self.claim, download.total):
            raise _Lost
        items = chain(self._of_pictures(pks), self._of_files(files, len(pks)))
        while some := list(islice(items, _ROWS)):
            self._add(some)
        return True

    def _of_pictures(self, pks: Sequence[int]) -> Iterator[DownloadItem]:
        names = Names()
        names.take(MANIFEST)
        folder = "pictures/" if self.package.about_id else ""
        for number, picture in enumerate(_rows(pks), 1):
            name = folder + _named(number, len(pks), picture, self.shape, names)
            made = picture.created_at
            yield DownloadItem(download=self.package, place=number, picture=picture, name=name, modified_at=made)

    def _of_files(self, files: Sequence[str], before: int) -> Iterator[DownloadItem]:
        """Of an export: what is no picture of the library keeps its name in storage, which is of nothing else."""
        for number, file in enumerate(files, before + 1):
            folder = "uploads" if file.startswith(f"{UPLOADS}/") else "files"
            name = f"{folder}/{PurePosixPath(file).name}"[:MOST_BYTES]
            yield DownloadItem(download=self.package, place=number, name=name, file=file)

    def _add(self, items: list[DownloadItem]) -> None:
        DownloadItem.objects.bulk_create(items)
        if not self.package.note_progress(self.claim):
            raise _Lost

    # -- the pictures

    def _go_on(self) -> bool:
        """Tell whether everything is done."""
        while some := list(self._to_do()):
            for item in some:
                self._pack(item)
                self.done.append(item)
                if time.monotonic() - self.noted_at >= NOTE_SECONDS or self._is_time():
                    self._note()
                if self._is_time():
                    return False
            self._note()
        return True

    def _to_do(self) -> Iterable[DownloadItem]:
        rows = self.package.items.to_do().select_related("picture__generation__model")
        # In batches: prompts may be long.
        return rows[:100]

    def _note(self) -> None:
        DownloadItem.save_outcomes(self.done)
        if not self.package.note_progress(self.claim, len(self.done)):
            raise _Lost
        self.done, self.noted_at = [], time.monotonic()

    def _pack(self, item: DownloadItem) -> None:
        picture = item.picture
        if picture is None and not item.file:
            item.problem = gettext_noop("it was deleted meanwhile")
            return
        try:
            if picture is None:
                item.byte_size, item.crc32 = _measure(item.file)
            elif self.shape.is_original:
                self._measure(item, picture)
            else:
                self._convert(item, picture)
        except FileNotFoundError:
            item.problem = MISSING
        except NotAPicture as problem:
            item.problem = str(problem)[:200]

    def _measure(self, item: DownloadItem, picture: Picture) -> None:
        item.file, item.sha256 = picture.original_name, picture.sha256
        item.byte_size, item.crc32 = _measure(item.file)
        if item.byte_size != picture.byte_size:
            item.problem = CHANGED

    def _convert(self, item: DownloadItem, picture: Picture) -> None:
        with default_storage.open(picture.original_name) as file:
            data = convert(file, self.shape, caption(picture))
        # Of this claim alone: two that work at once, one of them without knowing, never write into the same file.
        item.file = self._store(f"{item.place}-{self.claim[:8]}{PurePosixPath(item.name).suffix}", ContentFile(data))
        item.byte_size, item.crc32, item.sha256 = len(data), zlib.crc32(data), sha256(data).hexdigest()

    def _store(self, name: str, file: File[bytes]) -> str:
        path = f"{self.package.folder}/{name}"
        default_storage.delete(path)
        return default_storage.save(path, file)

    # -- the end

    def _finish(self) -> None:
        download = self.package
        if download.about is None and not download.items.in_archive().filter(place__gt=0).exists():
            self._fail(NOTHING_THERE)
            return
        manifest = _manifest(download.name, self.shape, self._entries(), self._left_out())
        self._write(0, MANIFEST, manifest)
        if download.about is not None:
            for place, (name, pieces) in enumerate(personal.documents(download.about), download.total + 1):
                self._write(place, name, pieces)
        if not download.finish(self.claim, ready(download).archive.size):
            raise _Lost

    def _write(self, place: int, name: str, pieces: Iterable[bytes]) -> None:
        """Make a file of text, store it, and put it into the list."""
        self.package.items.filter(place=place).delete()
        item = DownloadItem(download=self.package, place=place, name=name, crc32=0)
        with tempfile.TemporaryFile() as file:
            for piece in pieces:
                file.write(piece)
                item.byte_size, item.crc32 = item.byte_size + len(piece), zlib.crc32(piece, item.crc32 or 0)
                self._give_sign()
            file.seek(0)
            stem, _, ending = name.rpartition(".")
            item.file = self._store(f"{stem}-{self.claim[:8]}.{ending}", File(file))
        item.save()

    def _give_sign(self) -> None:
        """Now and then, so that no other task begins: a long list takes longer than SILENCE."""
        if time.monotonic() - self.noted_at >= NOTE_SECONDS:
            self.noted_at = time.monotonic()
            if not self.package.note_progress(self.claim):
                raise _Lost

    def _entries(self) -> Iterator[dict[str, Any]]:
        download, statuses = self.package, _statuses(self.package.gallery)
        items = download.items.in_archive().filter(place__gt=0, picture__isnull=False)
        packed = {
            pk: Packed(name, size, digest)
            for pk, name, size, digest in items.values_list("picture", "name", "byte_size", "sha256")
        }
        person = download.about or download.person
        for picture in _rows([pk for pk in packed if pk is not None]):
            yield _entry(picture, packed[picture.pk], person, statuses.get(picture.pk, ""))

    def _left_out(self) -> list[dict[str, Any]]:
        left_out = self.package.left_out.values_list("picture", "problem")
        return [{"picture": picture, "because": problem} for picture, problem in left_out]
