"""Tells whether the database is older than what the studio has sent: it was put back by hand, or has lost its end.

Each commit that requests go out counts one more in the account's row. The number also stands in the data folder, before
they go out, and once a minute in storage. If either is larger than the database's, requests were sent that the database
does not know of, and what it has in its queue may be among them.
"""

import logging
import os
from pathlib import Path

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext_noop as _

from gallery.models import Generation, State, UpstreamAccount
from lemonstudio.storage import entries

logger = logging.getLogger(__name__)

FILE = "sent_mark"
# The folder in storage. Each number is a file of its own, so that none is ever half written.
FOLDER = "sent"
DIGITS = 20
OLDER = _("The database is older than the latest requests: it was put back by hand, or has lost what was written last.")


def read_here() -> int:
    """The number in this machine's data folder; 0 if there is none."""
    try:
        return int(_path().read_bytes())
    except FileNotFoundError:
        return 0
    except ValueError:
        logger.error("%s holds no number; it is written anew", _path())
        return 0


def write_here(mark: int) -> None:
    """In place and at once, so that a kill leaves no half of it."""
    try:
        descriptor = os.open(_path(), os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.pwrite(descriptor, f"{mark:0{DIGITS}}\n".encode(), 0)
        finally:
            os.close(descriptor)
    except OSError as problem:
        logger.warning("Could not write %s: %s", _path(), problem.strerror)


def read_stored() -> int:
    """The number in storage. Raises OSError."""
    return max((int(name) for name in entries(default_storage, FOLDER) if name.isdecimal()), default=0)


def store(mark: int) -> None:
    """Raises OSError."""
    name = f"{mark:0{DIGITS}}"
    earlier = [one for one in entries(default_storage, FOLDER) if one.isdecimal() and one < name]
    default_storage.save(f"{FOLDER}/{name}", ContentFile(b"\n"))
    for one in earlier:
        default_storage.delete(f"{FOLDER}/{one}")


def compare(mark: int) -> bool:
    """With the database's. If that is older, and has something to send, pause until an administrator resumes.

    Return whether it pauses.
    """
    would_be_sent = Generation.objects.filter(Q(state=State.QUEUED) | Q(state=State.SUBMITTING, submitted_at=None))
    with transaction.atomic():
        if not UpstreamAccount.catch_up(mark):
            return False
        waits = would_be_sent.exists()
        if waits:
            UpstreamAccount.pause_as_restored(OLDER)
    logger.error("%s %s", OLDER, "The studio is paused." if waits else "Nothing is queued, so it goes on.")
    return waits


def _path() -> Path:
    return Path(settings.DATA_DIR) / FILE
