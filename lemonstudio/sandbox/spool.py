"""Where uploads wait for their edits to be drawn.

Everything else that a task or a picture is made from travels in its signed token; an upload does not fit there. It is
kept in a folder instead, named by its hash, until nobody has asked for it for an hour, and the folder holds 512 MB at
most: beyond that the upload that was not asked for the longest goes. A task or an address whose upload is gone says so.

A folder and no memory, because tokens outlive the process where the secret is given: a sandbox that is started again
goes on with the tasks of its forerunner, and so must find their uploads. The folder's name is worked out from the
secret, which makes it the same again, and nobody else's: no other account of the machine can guess it beforehand. It
is made with the first upload, in the studio's data folder where LEMONSTUDIO_DATA names one, else where temporary
files lie.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import re
import shutil
import stat
import tempfile
import threading
import time
from pathlib import Path

LIFE = 3600.0
MOST_BYTES = 512 * 2**20
_KEY = re.compile(r"[0-9a-f]{32}")


class Spool:
    """A bounded folder of files that are named by what is in them. Safe to share between threads and processes."""

    def __init__(self, folder: Path, most_bytes: int = MOST_BYTES) -> None:
        self._folder = folder
        self._most_bytes = most_bytes
        self._lock = threading.Lock()

    @classmethod
    def of(cls, secret: bytes) -> Spool:
        name = hmac.new(secret, b"spool", hashlib.sha256).hexdigest()[:24]
        place = os.environ.get("LEMONSTUDIO_DATA") or tempfile.gettempdir()
        return cls(Path(place).expanduser() / f"lemonstudio-sandbox-{name}")

    def put(self, content: bytes) -> str:
        """Keep this; the key to get it back with. Raises OSError."""
        key = hashlib.sha256(content).hexdigest()[:32]
        self._make_folder()
        with self._lock:
            if not self.touch(key):
                handle, name = tempfile.mkstemp(dir=self._folder, prefix="new-")
                try:
                    with os.fdopen(handle, "wb") as file:
                        file.write(content)
                    os.replace(name, self._folder / key)
                except OSError:
                    with contextlib.suppress(OSError):
                        os.unlink(name)
                    raise
            self._sweep(key)
        return key

    def touch(self, key: str) -> bool:
        """Whether it is still there; if so, its hour begins anew."""
        path = self._folder / key
        try:
            if time.time() - path.stat().st_mtime > LIFE:
                return False
            os.utime(path)
        except FileNotFoundError:
            return False
        return True

    def get(self, key: str) -> bytes | None:
        """What was kept under this key; None if it is gone."""
        if not _KEY.fullmatch(key) or not self.touch(key):
            return None
        with contextlib.suppress(FileNotFoundError):
            return (self._folder / key).read_bytes()
        return None

    def remove(self) -> None:
        """Everything, and the folder."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _make_folder(self) -> None:
        with contextlib.suppress(FileExistsError):
            self._folder.mkdir(mode=0o700, parents=True)
        found = self._folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077:
            raise PermissionError(f"{self._folder} is not a folder of one's own.")

    def _sweep(self, keep: str) -> None:
        """Let go of what is too old, and of the oldest until the rest fits; also of what a crash left half written."""
        files = []
        with os.scandir(self._folder) as entries:
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):  # another process sweeps, too
                    found = entry.stat(follow_symlinks=False)
                    files.append((found.st_mtime, found.st_size, entry.name))
        held, now = sum(size for _, size, _ in files), time.time()
        for touched, size, name in sorted(files):
            if name != keep and (held > self._most_bytes or now - touched > LIFE):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(self._folder / name)
                held -= size
