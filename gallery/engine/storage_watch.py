"""Whether storage is well, found out beside the loop, which never waits for storage."""

import errno
import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from django.core.files.storage import default_storage
from django.utils.translation import gettext_noop

from gallery.engine import inbox, sent_mark
from gallery.engine.pool import DaemonPool
from gallery.engine.timing import Timing
from gallery.models import UpstreamAccount
from lemonstudio.storage import StorageError, StorageFull, of_the_system, probe

logger = logging.getLogger(__name__)

# Code, message and hint of a pause.
WORDS = {
    StorageFull.code: (
        gettext_noop("There is no room left where pictures are kept."),
        gettext_noop(
            "Nothing is sent until there is. What was delivered meanwhile is kept. An administrator can make "
            "room on the "
            "disk or raise the bucket’s limit."
        ),
    ),
    StorageError.code: (
        gettext_noop("The place where pictures are kept cannot be reached."),
        gettext_noop("Nothing is sent until it is back. What was delivered meanwhile is kept."),
    ),
}
# As large as a picture: where that finds no room, a few bytes may.
PROBE_BYTES = 8 * 2**20
# Bytes that must be free for each answer before its request is sent. A few answers are larger, and most are smaller.
ANSWER_BYTES = 8 * 2**20
# How often the room is looked at.
ROOM_SECONDS = 1.0
# How often the number of what was sent is stored while it grows.
MARK_SECONDS = 60.0
# How long the loop waits for a listing at most. A disk answers sooner; a bucket's answer waits for a later turn.
A_MOMENT = 0.1


def report(problem: StorageError, seconds: float = 5.0) -> None:
    """Pause the account because of this, for whichever process noticed it. The running engine ends it."""
    message, hint = WORDS[problem.code]
    UpstreamAccount.pause_for_storage(problem.code, message, hint, seconds=seconds)


@dataclass(frozen=True, slots=True)
class Listing:
    """What was in the inbox after all of `about` had been seen."""

    inbox: inbox.Inbox
    about: frozenset[int] = field(default_factory=frozenset)


class StorageWatch:
    """The loop asks; a thread does what needs storage, one thing at a time. `note` may be called by any thread."""

    def __init__(self, timing: Timing, tell_administrators: Callable[[], None] = lambda: None) -> None:
        self._timing = timing
        self._tell_administrators = tell_administrators
        self._pool = DaemonPool(2, "storage")
        self._lock = threading.Lock()
        self._problem: StorageError | None = None
        self._since = 0.0
        self._is_told = False
        self._is_over = False
        self._busy = False
        self._ready = threading.Event()
        self._tend_at = 0.0
        self._wanted: frozenset[int] | None = None
        self._listing: Listing | None = None
        self._free_bytes = 0
        self._room_at = 0.0
        self._knows_room = threading.Event()
        self._is_looking = False
        self._moved: set[int] = set()
        # What was sent, by the database and by storage; and whether the loop has seen the latter.
        self._mark = self._stored_mark = 0
        self._wants_mark = self._knows_mark = False
        self._mark_at = 0.0

    @property
    def is_well(self) -> bool:
        return self._problem is None

    def room_for(self, on_their_way: int) -> int:
        """How many more requests may be sent: for the answers of so many others, room is needed already."""
        may_send = self.is_well and self._knows_mark
        return max(0, self._free_bytes // ANSWER_BYTES - on_their_way) if may_send else 0

    def note(self, problem: OSError) -> None:
        """Storage raised this."""
        noted = problem if isinstance(problem, StorageError) else of_the_system(problem)
        with self._lock:
            if self._problem is None:
                logger.error("Storage is in trouble, nothing is sent: %s", noted.strerror)
                self._since, self._is_told = time.monotonic(), False
                self._tend_at = time.monotonic() + self._timing.storage_probe
            self._problem, self._is_over = noted, False

    # -- for the loop, which has the database

    def look(self) -> None:
        """Write into the account's row what was found out, and read there what other processes have met."""
        account = UpstreamAccount.load()
        with self._lock:
            problem, is_over, self._is_over = self._problem, self._is_over, False
        if problem is None:
            if is_over:
                UpstreamAccount.end_storage_pause()
            elif account.is_paused_for_storage:
                self.note(StorageFull() if account.pause_code == StorageFull.code else StorageError())
            return
        report(problem, max(0.0, self._tend_at - time.monotonic()))
        if not self._is_told and time.monotonic() - self._since >= self._timing.storage_tell:
            self._is_told = True
            self._tell_administrators()

    def want_listing(self, about: Iterable[int]) -> None:
        self._wanted = frozenset(about)

    def take_listing(self) -> Listing | None:
        """The one that was asked for, once it is there."""
        listing, self._listing = self._listing, None
        return listing

    def want_mark(self) -> None:
        """Of what was sent, as storage has it. Until the loop has taken it, there is room for nothing."""
        self._wants_mark, self._knows_mark = True, False

    def take_mark(self) -> int | None:
        """The one that was asked for, once it is there."""
        if self._wants_mark or self._knows_mark:
            return None
        self._knows_mark = True
        return self._stored_mark

    def note_mark(self, mark: int) -> None:
        """So much was sent. It is stored soon."""
        self._mark = mark

    def take_moved(self) -> set[int]:
        """The generations whose pictures have come into storage since the last call."""
        with self._lock:
            moved, self._moved = self._moved, set()
        return moved

    def delete(self, paths: Iterable[str]) -> None:
        """Soon, and not here."""
        if some := list(paths):
            self._pool.submit(lambda: inbox.delete(some))

    def tend(self) -> None:
        """Begin what is due: see the room, find out whether storage is well again, move what is held, list."""
        now = time.monotonic()
        if now >= self._room_at and not self._is_looking:
            self._room_at = now + ROOM_SECONDS
            self._is_looking = True
            self._pool.submit(self._look_at_room)
            # Nothing is sent before the first look has found room.
            self._knows_room.wait(A_MOMENT)
        is_due = now >= self._tend_at
        if is_due:
            self._tend_at = now + self._timing.storage_probe
        if self._mark > self._stored_mark and now >= self._mark_at and self.is_well:
            self._mark_at = now + MARK_SECONDS
            self._pool.submit(self._store_mark)
        has_work = is_due and (not self.is_well or inbox.is_holding())
        can_list = self.is_well or isinstance(self._problem, StorageFull)
        wants_to_know = self._wanted is not None or self._wants_mark
        if self._busy or not (has_work or (wants_to_know and can_list)):
            return
        wanted, self._wanted = self._wanted, None
        self._busy = True
        self._ready.clear()
        self._pool.submit(lambda: self._tend(wanted))
        self._ready.wait(A_MOMENT)

    # -- in the pool's thread

    def _look_at_room(self) -> None:
        try:
            self._require_room()
        except OSError as problem:
            self.note(problem)
        finally:
            self._is_looking = False
            self._knows_room.set()

    def _require_room(self) -> None:
        self._free_bytes = inbox.free_bytes()
        if self._free_bytes < ANSWER_BYTES:
            raise StorageFull(errno.ENOSPC, f"Only {self._free_bytes} bytes are free for what the next answer brings")

    def _tend(self, wanted: frozenset[int] | None) -> None:
        try:
            try:
                if not self.is_well:
                    self._probe()
                moved = inbox.move_held()
                with self._lock:
                    self._moved |= moved
            except StorageFull as problem:
                self.note(problem)  # what is there can be listed all the same
            if self._wants_mark:
                self._stored_mark = sent_mark.read_stored()
                self._wants_mark = False
            if wanted is not None:
                self._listing = Listing(inbox.listing(), wanted)
        except OSError as problem:
            self.note(problem)
        finally:
            self._busy = False
            self._ready.set()

    def _store_mark(self) -> None:
        mark = self._mark
        try:
            sent_mark.store(mark)
            self._stored_mark = mark
        except OSError as problem:
            self.note(problem)

    def _probe(self) -> None:
        size = PROBE_BYTES if isinstance(self._problem, StorageFull) else 16
        self._require_room()
        probe(default_storage, size)
        with self._lock:
            logger.warning("Storage is well again after %.0f s", time.monotonic() - self._since)
            self._problem, self._is_over = None, True
