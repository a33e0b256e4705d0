"""Pictures that came inside an answer, until they are ingested: the folder in storage, and the one on this machine.

There is no other copy of them. So while storage is away they are held on this machine's own disk, and moved into
storage as soon as that is possible, by whichever of the machine's engines comes first.
"""

import contextlib
import errno
import fcntl
import hashlib
import logging
import os
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.core.files import File
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from gallery.models import Generation
from lemonstudio.storage import Entry, entries, is_remote, save_whole

logger = logging.getLogger(__name__)

# The folder in storage.
INBOX = "inbox"
# The one in the data folder. Of another name: the media may lie in the same place.
HELD = "held"
# Ends the name of a file that is being written.
PART = ".part"


def mark_of(generation: Generation) -> str:
    """Tells a generation from another one of the same number, which an older database may give again."""
    said = f"{generation.token.hex} {generation.created_at.astimezone(UTC).isoformat()}"
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def new_name(pk: int, mark: str, index: int, size: int) -> str:
    """A name in storage. It ends with the full size in bytes: a partly written file is not taken for a result."""
    return f"{INBOX}/{pk}-{index}-{mark}-{uuid.uuid4().hex[:12]}-{size}"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A file in the inbox, by its name. Without `mark` it is of a version that wrote none."""

    name: str
    pk: int
    index: int
    mark: str
    is_whole: bool
    modified_at: datetime

    @property
    def path(self) -> str:
        return f"{INBOX}/{self.name}"

    def belongs_to(self, generation: Generation) -> bool:
        """Whether it came in an answer about this very generation, and not another one of the same number."""
        if self.mark:
            return self.mark == mark_of(generation)
        # No answer is older than its request.
        return generation.submitted_at is not None and self.modified_at >= generation.submitted_at


Inbox = Mapping[int, list[Waiting]]


def listing() -> Inbox:
    """The files that wait in storage, by generation. Raises OSError."""
    inbox: dict[int, list[Waiting]] = {}
    for name, entry in sorted(entries(default_storage, INBOX).items()):
        if (waiting := _read(name, entry)) is not None:
            inbox.setdefault(waiting.pk, []).append(waiting)
    return inbox


def _read(name: str, entry: Entry) -> Waiting | None:
    pk, *more = name.split("-")
    if not (pk.isdecimal() and more and more[0].isdecimal()):
        return None
    is_whole = more[-1].isdecimal() and len(more) > 1 and int(more[-1]) == entry.size
    mark = more[1] if len(more) == 4 else ""
    return Waiting(name, int(pk), int(more[0]), mark, is_whole, entry.modified_at)


def delete(paths: Iterable[str]) -> None:
    """Delete files in storage. What cannot be deleted now is found again by a later sweep."""
    for path in paths:
        try:
            default_storage.delete(path)
        except OSError as problem:
            logger.warning("Could not delete %s: %s", path, problem)


# -- keeping


def keep(path: str, data: bytes, *, is_well: bool, note: Callable[[OSError], None]) -> bool:
    """Store this, or hold it on this machine's disk; tell whether it is held. Raises OSError if neither has room.

    A bucket may be away for longer than a stop waits, so for a bucket it comes to this machine's disk first, or if that
    has no room, straight there. `is_well` tells whether to try storage at all, `note` hears of what storage raises.
    """
    if not is_remote(default_storage):
        try:
            save_whole(default_storage, path, ContentFile(data), len(data))
            return False
        except OSError as problem:
            note(problem)
    try:
        return _keep_held(path, data, is_well=is_well, note=note)
    except OSError:
        if not is_remote(default_storage):
            raise
        _store(path, ContentFile(data), len(data))
        return False


def _keep_held(path: str, data: bytes, *, is_well: bool, note: Callable[[OSError], None]) -> bool:
    with _held(path, data) as (held, file):
        if is_remote(default_storage) and is_well:
            try:
                _move(path, held, file)
                return False
            except OSError as problem:
                note(problem)
    return True


def free_bytes() -> int:
    """The room for what comes inside answers, on the disks that it comes to first. A bucket does not tell. OSError."""
    folders = [Path(settings.DATA_DIR)]
    if not is_remote(default_storage):
        folders.append(Path(default_storage.path("")))
    return min(_free_bytes(folder) for folder in folders)


def _free_bytes(folder: Path) -> int:
    while True:
        try:
            return shutil.disk_usage(folder).free
        except FileNotFoundError:
            folder = folder.parent  # it is made when the first file comes


def _folder() -> Path:
    return Path(settings.DATA_DIR) / HELD


@contextlib.contextmanager
def _held(path: str, data: bytes) -> Iterator[tuple[Path, IO[bytes]]]:
    """Write it to this machine's disk, safely against loss of power, and keep others from moving it in the block."""
    folder = _folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    held = folder / path.rpartition("/")[2]
    part = held.with_name(held.name + PART)
    try:
        with part.open("xb+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            part.rename(held)
            _sync(folder)
            yield held, file
    except OSError:
        part.unlink(missing_ok=True)
        raise


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _move(path: str, held: Path, file: IO[bytes]) -> None:
    """Into storage, under exactly this name: the row may name it already. Raises OSError."""
    size = os.fstat(file.fileno()).st_size
    try:
        there = default_storage.size(path)
    except FileNotFoundError:
        there = None
    if there != size:
        if there is not None:
            default_storage.delete(path)
        file.seek(0)
        _store(path, File(file), size)
    held.unlink()


def _store(path: str, content: Any, size: int) -> None:
    name = save_whole(default_storage, path, content, size)
    if name != path:
        default_storage.delete(name)
        raise FileExistsError(errno.EEXIST, f"{path} was written by another one meanwhile")


# -- what is held


def is_holding() -> bool:
    """Whether anything is held on this machine."""
    try:
        with os.scandir(_folder()) as found:
            return any(not one.name.endswith(PART) for one in found)
    except FileNotFoundError:
        return False


def move_held() -> set[int]:
    """Move into storage what is held on this machine; return of which generations. Raises OSError.

    What another process is moving just now is left to it.
    """
    moved: set[int] = set()
    try:
        names = sorted(os.listdir(_folder()))
    except FileNotFoundError:
        return moved
    for name in names:
        pk = name.partition("-")[0]
        if name.endswith(PART) or not pk.isdecimal():
            continue
        held = _folder() / name
        with contextlib.suppress(FileNotFoundError), held.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            if os.fstat(file.fileno()).st_nlink:
                _move(f"{INBOX}/{name}", held, file)
                moved.add(int(pk))
    return moved
