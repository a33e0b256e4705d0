"""All pictures of a gallery as an archive for guests: each without its metadata, prepared while it is sent.

Their sizes are not known beforehand, so the archive has no length and cannot go on where it broke off; downloads of
people with an account can (build.py).
"""

import io
import time
import zipfile
from collections.abc import Generator, Iterable, Sequence

from django.core.files.storage import default_storage
from django.utils import timezone
from django.utils.translation import gettext as _

from gallery.images.concurrency import Busy
from gallery.images.metadata import strip_in_turn
from gallery.images.parse import NotAPicture

# How often a picture is tried while others are prepared; each try waits for seconds.
TRIES = 6


class _Pipe(io.RawIOBase):
    """What was written since it was last asked. It cannot be sought in, so zipfile writes sizes behind the data."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: "bytes | memoryview") -> int:  # type: ignore[override] # zipfile writes nothing else
        self._pieces.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)


def stream(pictures: "Iterable[tuple[int, str]]", stem: str) -> Generator[bytes, None, None]:
    """The archive, picture by picture. `pictures` has the number of each and the name of its original in storage.

    A text inside names the pictures whose files could not be read. Raises Busy if no turn comes for a long time.
    """
    pipe, missing = _Pipe(), []
    now = timezone.localtime().timetuple()[:6]
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_STORED) as archive:
        for number, original in pictures:
            try:
                data, extension = _stripped(original)
            except (FileNotFoundError, NotAPicture):
                missing.append(number)
                continue
            archive.writestr(_member(f"{stem}-{number:03d}.{extension}", now), data)
            yield pipe.take()
        if missing:
            numbers = ", ".join(map(str, missing))
            said = _("These pictures could not be read: %(numbers)s. Ask the person who sent you the link.")
            archive.writestr(_member("missing.txt", now), said % {"numbers": numbers})
    yield pipe.take()


def _member(name: str, now: "Sequence[int]") -> zipfile.ZipInfo:
    year, month, day, hour, minute, second = now
    return zipfile.ZipInfo(name, (year, month, day, hour, minute, second))


def _stripped(original: str) -> tuple[bytes, str]:
    for left in reversed(range(TRIES)):
        try:
            with default_storage.open(original) as file:
                data, kind = strip_in_turn(file)
        except Busy:
            if not left:
                raise
            time.sleep(1)
        else:
            return data, kind.extension
    raise Busy
