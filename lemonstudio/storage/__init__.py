"""Where files are kept, with one family of errors for all backends.

`disk` and `bucket` have the backends that the settings name. What those raise becomes a StorageError here, which is an
OSError; a file that is not there stays a FileNotFoundError. An open file on a disk raises OSErrors of its own.
"""

import errno
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any, NamedTuple

from django.core.files.base import ContentFile
from django.core.files.storage import Storage

FULL = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG))


class StorageError(OSError):
    """Storage could not do it now; the same may succeed later."""

    # What a pause is called that it leads to.
    code = "storage_unavailable"


class StorageFull(StorageError):
    """There is no room left, or a quota is used up."""

    code = "storage_full"


class StorageAway(StorageError):
    """Storage cannot be reached, or is in trouble."""


class StorageRefused(StorageAway):
    """It answers, and says no: the name, the keys or the rights are wrong."""


class Entry(NamedTuple):
    """A file in a listing: its size in bytes and when it was written."""

    size: int
    modified_at: datetime


def of_the_system(problem: OSError) -> StorageError:
    """What an error of the operating system means for storage."""
    kind = StorageFull if problem.errno in FULL else StorageAway
    return kind(problem.errno or errno.EIO, problem.strerror or str(problem))


@contextmanager
def system_errors() -> Iterator[None]:
    """Turn the operating system's errors of the block into StorageErrors."""
    try:
        yield
    except (FileNotFoundError, StorageError):
        raise
    except OSError as problem:
        raise of_the_system(problem) from problem


def entries(storage: Storage, folder: str) -> dict[str, Entry]:
    """The files of a folder, with one question to a bucket per thousand files; {} if there is no such folder."""
    listed: dict[str, Entry] = storage.entries(folder)  # type: ignore[attr-defined] # both of our backends have it
    return listed


def is_remote(storage: Storage) -> bool:
    """Whether storage is another machine, so that it may be away while this one is well."""
    return bool(getattr(storage, "is_remote", False))


def save_whole(storage: Storage, name: str, content: Any, size: int) -> str:
    """Save all of it; return the name that it got. Raises OSError, and then leaves no part of it behind."""
    try:
        name = storage.save(name, content)
        if storage.size(name) == size:
            return name
    except OSError:
        # What was written of it would only make a full disk fuller.
        with suppress(OSError):
            storage.delete(name)
        raise
    storage.delete(name)
    raise StorageFull(errno.ENOSPC, f"Only a part of {name} was stored")


def probe(storage: Storage, size: int = 16) -> None:
    """Write `size` bytes, read them back and delete them. Raises OSError if that does not succeed."""
    data = secrets.token_bytes(16) + bytes(max(0, size - 16))
    name = save_whole(storage, f"health/{secrets.token_hex(16)}", ContentFile(data), len(data))
    try:
        with storage.open(name) as stored:
            if stored.read() != data:
                raise StorageAway(errno.EIO, "What was stored reads differently")
    finally:
        storage.delete(name)
